"""Row and event in one transaction; then one relay that hands the rows to the log in order.

A row that is acknowledged moves to the table ``sent``. Until then it is there, so a crash loses nothing and can only send something twice.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import uuid_utils
from sqlalchemy import ARRAY, BigInteger, bindparam, delete, func, insert, literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import tracing
from chassis.bus import BusTrouble, Place, partition_of, weigh
from chassis.context import Context
from chassis.crash import crash_point
from chassis.database import Tx
from chassis.hearing import WATERMARK
from chassis.logs import get_logger
from chassis.prepared import Prepared
from chassis.tables import OUTBOX, SENT
from chassis.writing import Rows
from contracts.codec import encode_object
from contracts.documents import Document, address
from contracts.envelope import Envelope, Record, to_record
from contracts.event import Event, Watermark

STANDS_BACK = timedelta(seconds=15)
"""How far a watermark stands behind the relay's reading: longer than any transaction may live."""

AT_ONCE = 500
"""Rows read at a time."""

RELAYING = "relay"
"""The lock that one process of a service holds while it relays."""

_POLL = 0.1
_LONGEST_REST = 2.0
"""Seconds between two tries while the log or the database is away."""

_log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An event that is to go out with this transaction."""

    event: Event
    sequence: int
    """The aggregate's own event count, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    topic: str
    key: str
    type: str
    place: str
    subject: str
    sequence: int
    at: datetime
    data: bytes | None


async def put(tx: Tx[Any], outgoing: Sequence[Outgoing]) -> None:
    """Write events to the outbox, in this order.

    The caller holds `chassis.database.lock` on every key, or has inserted the key's first row in this transaction: otherwise two
    transactions on one key could commit in the other order than their positions.
    """
    _write(
        tx,
        [
            _Draft(
                topic=each.event.TOPIC,
                key=each.event.key,
                type=each.event.TYPE,
                place=each.event.place,
                subject=each.event.subject,
                sequence=each.sequence,
                at=each.event.at,
                data=orjson.dumps(encode_object(each.event)),
            )
            for each in outgoing
        ],
    )


async def put_document(tx: Tx[Any], document: Document, *, sequence: int = 0) -> None:
    """Publish a document under its key on its compacted topic; the caller holds the key's lock, as for `put`."""
    topic, key, kind = address(document)
    data = orjson.dumps(encode_object(document))
    _write(tx, [_Draft(topic=topic, key=key, type=kind, place="", subject=key, sequence=sequence, at=tx.at, data=data)])


async def put_documents(tx: Tx[Any], documents: Sequence[Document]) -> None:
    """Publish many documents, in this order and in one statement; as `put_document`."""
    drafts: list[_Draft] = []
    for document in documents:
        topic, key, kind = address(document)
        data = orjson.dumps(encode_object(document))
        drafts.append(_Draft(topic=topic, key=key, type=kind, place="", subject=key, sequence=0, at=tx.at, data=data))
    _write(tx, drafts)


async def put_tombstone(tx: Tx[Any], *, topic: str, key: str, type: str) -> None:  # noqa: A002 - the attribute's name in CloudEvents
    """Take back what stands under a key of a compacted topic; the caller holds the key's lock, as for `put`."""
    _write(tx, [_Draft(topic=topic, key=key, type=type, place="", subject=key, sequence=0, at=tx.at, data=None)])


_HEADERS = (("headers", bytes(2048)),)
"""As much as the attributes of an envelope take at most; the relay's record has them, a draft not yet."""
_ROWS = Rows(
    OUTBOX,
    columns=("topic", "key", "id", "type", "source", "subject", "sequence", "at", "data", "traceparent"),
    returning=("key", "position"),
)
"""Positions are drawn when the transaction writes, in the order given."""


def _write(tx: Tx[Any], drafts: Sequence[_Draft]) -> None:
    if not drafts:
        return
    service, trace = tx.context.name, tracing.traceparent()
    awaited: set[str] = tx.at_hand.setdefault(_ROWS, set())
    shown = tx.context.awaited
    for draft in drafts:
        # Refused here the transaction fails; found by the relay it would hold up everything behind it.
        weigh(Record(key=draft.key, value=draft.data, headers=_HEADERS))
        if shown is None or draft.topic in shown:
            awaited.add(draft.key)
        row = {
            "topic": draft.topic,
            "key": draft.key,
            "id": str(uuid_utils.uuid7()),
            "type": draft.type,
            "source": f"/{service}/{draft.place}",
            "subject": draft.subject,
            "sequence": draft.sequence,
            "at": draft.at,
            "data": draft.data,
            "traceparent": tx.traceparents.get(draft.key, trace),
        }
        tx.write(_ROWS, row)

    def tell(key: str, position: int) -> None:
        if key in awaited:
            tx.positions[key] = max(position, tx.positions.get(key, 0))

    tx.when_written(_ROWS, tell)
    tx.after_commit(tx.context.outbox_written.set)


def shown_keys(tx: Tx[Any]) -> list[str]:
    """Keys whose positions the transaction's answer tells."""
    return sorted(tx.at_hand.get(_ROWS, ()))


class _Waiting(NamedTuple):
    """A row of the outbox, column by column."""

    position: int
    topic: str
    key: str
    id: str
    type: str
    source: str
    subject: str
    sequence: int
    at: datetime
    traceparent: str | None
    data: bytes | None


class Relay:
    """Hands the outbox of a service to the log; of several processes one at a time does."""

    def __init__(self, context: Context, *, sends: Collection[str] = ()) -> None:
        """Prepare; nothing is read yet.

        Args:
            context: The running service.
            sends: Topics that carry the service's events: each of their partitions is told up to when everything was sent.
        """
        self._context = context
        self._sends = tuple(sorted(sends))
        self._told_at = float("-inf")
        self._told_offset = timedelta()
        self._highest = 0
        self._sent = context.metrics.counter("outbox_sent", "Outbox rows that the log acknowledged", labels=("topic",))
        self.trouble: str | None = None
        """What keeps rows from going out just now, for the health page; None when nothing does."""
        self.caught_up = False
        """True once the rows that stood there at the start were sent, by this process or by the one that relays."""

    async def run(self) -> None:
        """Relay until the service stops, between two batches, or until cancelled; what goes wrong is tried again."""
        rest = _POLL
        while not self._context.stopping.is_set():
            try:
                async with self._context.database.hold(RELAYING) as connection:
                    if connection is None:
                        self.caught_up = True
                    else:
                        crash_point("relay-handover")
                        await connection.execution_options(isolation_level="AUTOCOMMIT")
                        await connection.execute(_UNHURRIED)
                        self._highest = await connection.scalar(_HIGHEST) or 0
                        rest = _POLL
                        await self._relay(connection)
            except (DBAPIError, OSError, TimeoutError) as error:
                self._fails(error)
            await asyncio.sleep(rest)
            rest = min(rest * 2, _LONGEST_REST)

    async def _relay(self, connection: AsyncConnection) -> None:
        rest = _POLL
        while not self._context.stopping.is_set():
            began = self._context.now.now()
            offset = self._context.now.offset
            rows = [_Waiting(*row) for row in await _OLDEST.fetch(connection, {})]
            try:
                if rows:
                    crash_point("after-commit-before-send")
                    await self._send(connection, rows)
                if len(rows) < AT_ONCE:
                    # Nothing that was committed when the reading began is left.
                    self.caught_up = True
                    await self._tell(began, offset=offset)
            except (BusTrouble, OSError) as error:
                self._fails(error)
                await asyncio.sleep(rest)
                rest = min(rest * 2, _LONGEST_REST)
                continue
            self.trouble, rest = None, _POLL
            if len(rows) < AT_ONCE:
                await self._wait()

    async def _send(self, connection: AsyncConnection, rows: Sequence[_Waiting]) -> None:
        batches: dict[Place, list[_Waiting]] = {}
        for row in rows:
            partitions = await self._context.bus.partitions(row.topic)
            batches.setdefault((row.topic, partition_of(row.key, partitions)), []).append(row)
        ended = await asyncio.gather(*(self._append(place, batch) for place, batch in batches.items()), return_exceptions=True)
        crash_point("after-send-before-mark")
        done = [row.position for batch, error in zip(batches.values(), ended, strict=True) if error is None for row in batch]
        if done:
            await _DONE.fetch(connection, {"positions": done})
            self._highest = max(self._highest, *done)
        for error in ended:
            if error is not None:
                raise error

    async def _append(self, place: Place, rows: Sequence[_Waiting]) -> None:
        topic, partition = place
        await self._context.bus.append(topic, partition, [_record(row) for row in rows])
        self._sent.labels(topic).inc(len(rows))

    async def _tell(self, began: datetime, *, offset: timedelta) -> None:
        since = time.monotonic() - self._told_at
        if since < self._context.settings.watermark_every and offset == self._told_offset:
            return
        until = began - STANDS_BACK
        appends = []
        for topic in self._sends:
            partitions = await self._context.bus.partitions(topic)
            record = _watermark(service=self._context.name, until=until, partitions=partitions, position=self._highest)
            appends += [self._context.bus.append(topic, partition, [record]) for partition in range(partitions)]
        await asyncio.gather(*appends)
        self._told_at, self._told_offset = time.monotonic(), offset

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLL):
                await self._context.outbox_written.wait()
        if self._context.outbox_written.is_set():
            await asyncio.sleep(self._context.settings.relay_pause)
            self._context.outbox_written.clear()

    def _fails(self, error: Exception) -> None:
        self.trouble = type(error).__name__
        _log.warning("relay.waits", error=self.trouble)


_OLDEST = Prepared(select(*(OUTBOX.c[name] for name in _Waiting._fields)).order_by(OUTBOX.c.position).limit(AT_ONCE))
_HIGHEST = select(func.max(SENT.c.position))
_UNHURRIED = text("set synchronous_commit = off")
"""What a crashed server forgets to have marked is sent again in its order, as after a crash between sending and marking (record 0032)."""
_done = delete(OUTBOX).where(OUTBOX.c.position == func.any(bindparam("positions", type_=ARRAY(BigInteger)))).returning(OUTBOX).cte("done")
_DONE = Prepared(insert(SENT).from_select([column.name for column in OUTBOX.c], select(*_done.c)).returning(literal(1)))
"""One statement, so that no row is ever in both tables or in neither."""


def _record(row: _Waiting) -> Record:
    envelope = Envelope(
        id=row.id,
        type=row.type,
        source=row.source,
        subject=row.subject,
        time=row.at,
        key=row.key,
        sequence=row.sequence,
        position=row.position,
        traceparent=row.traceparent,
        data={},
    )
    return replace(to_record(envelope), value=row.data)


def _watermark(*, service: str, until: datetime, partitions: int, position: int) -> Record:
    """``position`` is the highest that was sent: whoever looks at the end of a topic sees how far the service is."""
    return to_record(
        Envelope(
            id=str(uuid_utils.uuid7()),
            type=WATERMARK,
            source=f"/{service}/",
            subject=service,
            time=datetime.now(UTC),
            key=service,
            sequence=0,
            position=position,
            data=encode_object(Watermark(until=until, partitions=partitions)),
        )
    )
