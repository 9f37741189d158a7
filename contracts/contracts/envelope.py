"""The envelope of an event on the log: CloudEvents 1.0 in Kafka binary mode.

Attributes travel as ``ce_*`` headers, the value is the data alone. `to_record` and `from_record` are each other's inverse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.codec import Malformed
from contracts.values import JsonObject

CONTENT_TYPE = "application/json; charset=utf-8"

LONGEST_ATTRIBUTE = 255
"""Characters of an id, type, source, subject or key: what every table that keeps one can index."""

LARGEST_COUNT = 2**63 - 1
"""Of a sequence or position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One event as it travels, its data still JSON."""

    id: str
    """UUIDv7; the inbox drops repeats by it."""
    type: str
    """``tongban.<noun>.<past>.v<n>``."""
    source: str
    """``/<service>/<region of receipt>``."""
    subject: str
    """Id of the aggregate."""
    time: datetime
    """Instant of the act, UTC."""
    key: str
    """What the order is kept for; the record key on the log."""
    sequence: int
    """The aggregate's own event count, from 1; finds gaps, never drops."""
    position: int
    """Outbox position at its service: rises with every event of one key; `Tongban-Seen` compares it."""
    traceparent: str | None = None
    data: JsonObject

    @property
    def service(self) -> str:
        """The service that sent it, the first segment of the source."""
        return self.source.split("/", 2)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a log stores: key, value and headers; a ``None`` value is a tombstone on a compacted topic."""

    key: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_record(envelope: Envelope) -> Record:
    """Write an envelope as a record."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": envelope.id,
        "ce_type": envelope.type,
        "ce_source": envelope.source,
        "ce_subject": envelope.subject,
        "ce_time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_partitionkey": envelope.key,
        "ce_sequence": str(envelope.sequence),
        "ce_position": str(envelope.position),
        "content-type": CONTENT_TYPE,
    }
    if envelope.traceparent is not None:
        attributes["ce_traceparent"] = envelope.traceparent
        attributes["traceparent"] = envelope.traceparent
    value = _COMPACT.encode(envelope.data).encode()
    return Record(key=envelope.key, value=value, headers=tuple((name, text.encode()) for name, text in attributes.items()))


def from_record(*, key: str | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Envelope:
    """Read a record.

    Raises:
        Malformed: A required attribute is missing or out of its bounds, or the value is no JSON object.
    """
    try:
        data = json.loads(value or b"")
    except (ValueError, RecursionError) as error:
        raise Malformed(_told(error)) from error
    if not isinstance(data, dict):
        raise Malformed("value: expected object")
    return read_attributes(key=key, headers=headers, data=data)


def read_attributes(*, key: str | None, headers: Sequence[tuple[str, bytes]], data: JsonObject) -> Envelope:
    """Read all of a record but its value, of which somebody else has read ``data``.

    Raises:
        Malformed: A required attribute is missing or out of its bounds.
    """
    try:
        attributes: Mapping[str, str] = {name: text.decode() for name, text in headers}
        envelope = Envelope(
            id=attributes["ce_id"],
            type=attributes["ce_type"],
            source=attributes["ce_source"],
            subject=attributes["ce_subject"],
            time=datetime.fromisoformat(attributes["ce_time"]).astimezone(UTC),
            key=attributes.get("ce_partitionkey") or key or "",
            sequence=int(attributes.get("ce_sequence", "0")),
            position=int(attributes.get("ce_position", "0")),
            traceparent=attributes.get("ce_traceparent"),
            data=data,
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise Malformed(_told(error)) from error
    if max(map(len, (envelope.id, envelope.type, envelope.source, envelope.subject, envelope.key))) > LONGEST_ATTRIBUTE:
        raise Malformed("record is no CloudEvent of ours: an attribute is too long")
    if not (0 <= envelope.sequence <= LARGEST_COUNT and 0 <= envelope.position <= LARGEST_COUNT):
        raise Malformed("record is no CloudEvent of ours: a count is out of bounds")
    return envelope


def _told(error: BaseException) -> str:
    return f"record is no CloudEvent: {type(error).__name__}"
