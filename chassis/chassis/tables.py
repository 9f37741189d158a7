"""Tables that the chassis keeps in every service's database.

`define` adds them to a service's own metadata, from which its migrations are written; the chassis' modules use the objects below.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

_METADATA = MetaData()
_INSTANT = DateTime(timezone=True)

OUTBOX = Table(
    "outbox",
    _METADATA,
    Column("position", BigInteger, Identity(), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("at", _INSTANT, nullable=False),
    Column("traceparent", Text),
    Column("data", LargeBinary),
    # Rows live for milliseconds: without these the relay's read wades through dead ones.
    postgresql_with={"autovacuum_vacuum_scale_factor": "0.0", "autovacuum_vacuum_threshold": "1000"},
)
"""Events and documents written but not yet acknowledged by the log; ``data`` is null for a tombstone."""

SENT = Table(
    "sent",
    _METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("at", _INSTANT, nullable=False),
    Column("traceparent", Text),
    Column("data", LargeBinary),
    Column("sent_at", _INSTANT, nullable=False, server_default=func.now()),
)
"""Rows of the outbox that the log acknowledged, kept for some days so that a log that lost its topics can be filled again.

By position alone: a second index would cost every event, and what is old is found at its low end.
"""

INBOX = Table(
    "inbox",
    _METADATA,
    Column("consumer", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("at", _INSTANT, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("consumer", "event_id", name="pk_inbox"),
    Index("ix_inbox_at", "at"),
)
"""Events whose effect stands; a repeat finds its row and is dropped."""

PARKED = Table(
    "parked",
    _METADATA,
    Column("parked_id", BigInteger, Identity(), primary_key=True),
    Column("consumer", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary),
    Column("reason", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("at", _INSTANT, nullable=False),
    Column("state", Text, nullable=False, server_default="parked"),
    Column("settled_at", _INSTANT),
    Column("settled_by", Text),
    # A key has waiting events for every batch to ask about, and settled ones for ever.
    Index("ix_parked_waiting", "consumer", "topic", "key", "parked_id", postgresql_where=text("state = 'parked'")),
)
"""Events that could not take effect, with the later ones of their key, in order."""

SEEN = Table(
    "seen",
    _METADATA,
    Column("service", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("service", "key", name="pk_seen"),
    postgresql_with={"fillfactor": "80"},
)
"""The highest outbox position heard per sending service and key."""

IDEMPOTENCY = Table(
    "idempotency",
    _METADATA,
    Column("caller", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", Integer),
    Column("headers", JSONB),
    Column("body", LargeBinary),
    Column("at", _INSTANT, nullable=False),
    PrimaryKeyConstraint("caller", "route", "key", name="pk_idempotency"),
    Index("ix_idempotency_at", "at"),
    postgresql_with={"fillfactor": "80"},
)
"""Answers of writes, kept so that a repeat gets the same bytes."""

TIMERS = Table(
    "timers",
    _METADATA,
    Column("timer_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("due", _INSTANT, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("next_try", _INSTANT),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Index("ix_timers_due", "due"),
)
"""What is to be done at an instant."""

FOLLOWED = Table(
    "followed",
    _METADATA,
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("brief", Text),
    PrimaryKeyConstraint("topic", "key", name="pk_followed"),
)
"""The newest document under each key of the compacted topics that the service follows, and what of it goes back into memory."""

FOLLOW_OFFSETS = Table(
    "follow_offsets",
    _METADATA,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("log", Text, nullable=False, server_default=""),
    Column("briefed", BigInteger),
    PrimaryKeyConstraint("topic", "partition", name="pk_follow_offsets"),
)
"""The next offset to read of each followed partition, and which log it counts in (`chassis.bus.Following.log`); empty where nobody said.

Where ``briefed`` is another offset, somebody kept documents and left their briefs as they were (`chassis.followed`).
"""

WATERMARKS = Table(
    "watermarks",
    _METADATA,
    Column("service", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("partitions", Integer, nullable=False),
    Column("until", _INSTANT, nullable=False),
    PrimaryKeyConstraint("service", "topic", "partition", name="pk_watermarks"),
)
"""Up to which instant everything a service sent to a partition was heard."""

SECRET_KEYS = Table(
    "secret_keys",
    _METADATA,
    Column("owner", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("wrapping_id", Text, nullable=False),
    Column("at", _INSTANT, nullable=False),
)
"""One key per owner of sealed data, wrapped by a key outside the database; deleting the row destroys the data."""


def define(metadata: MetaData) -> None:
    """Add the chassis' tables to a service's metadata."""
    for table in _METADATA.sorted_tables:
        table.to_metadata(metadata)
