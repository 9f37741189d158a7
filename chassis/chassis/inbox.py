"""Hearing the log: every event takes effect once, in the order of its key, however often and wherever it is read.

A batch is one transaction. When it fails, or lives longer than a transaction may, each of its events gets one of its own, so that a bad
one harms nobody but the later ones of its key: it is parked and they wait behind it.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Generic

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, delete, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import parking, seen, watermarks
from chassis.bus import BusTrouble, LeaseLost, Received, Subscription
from chassis.context import Context, Prepare, Subscriptions
from chassis.crash import crash_point
from chassis.database import C, Tx, is_transient, lock, outlived
from chassis.hearing import Heard, Hearing, Meaning
from chassis.logs import get_logger
from chassis.parking import OnParked
from chassis.prepared import Prepared
from chassis.tables import INBOX, PARKED, SEEN
from chassis.tracing import traced
from chassis.writing import Conflict, Rows
from contracts.envelope import Envelope
from contracts.refusals import Refusal

AT_ONCE = 250
"""Events in one transaction (record 0032)."""

TRIES = 3
"""How often an event may fail, for a reason of its own, before it is parked."""

KEPT_FOR = timedelta(days=400)
"""How long an event's row is kept: longer than any topic keeps the event."""

_COMMIT_EVERY = 1.0
_REST = 0.1
_LONGEST_REST = 5.0

_log = get_logger()


class Consumer(Generic[C]):
    """The events that one service hears; of several processes each hears its share."""

    def __init__(
        self, context: C, subscriptions: Subscriptions, *, prepare: Prepare | None = None, on_parked: OnParked | None = None
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            context: The running service; its name is the group.
            subscriptions: What is done with which event.
            prepare: Run under the keys' locks before the events of a transaction are handled, so that a hundred read as much as one.
            on_parked: Told, in the same transaction, of every event that is put aside.
        """
        self._context = context
        self._prepare = prepare
        self._hearing = Hearing(subscriptions)
        self._topics = sorted({kind.TOPIC for kind in subscriptions})
        self._on_parked = on_parked
        self._counted = context.metrics.counter("inbox_events", "Records heard, by what became of them", labels=("outcome",))
        self.trouble: str | None = None
        """What keeps events from being handled just now, for the health page; None when nothing does."""

    async def run(self) -> None:
        """Hear and handle until the service stops, between two batches, or until cancelled, then leave the group.

        What goes wrong is tried again.
        """
        if not self._topics:
            return
        rest = _REST
        while not self._context.stopping.is_set():
            try:
                subscription = await self._context.bus.subscribe(self._context.name, self._topics)
                try:
                    rest = _REST
                    await self._hear(subscription)
                finally:
                    await subscription.close()
            except Exception as error:  # noqa: BLE001 - whatever it is, the service must hear again
                self._fails(error)
            await asyncio.sleep(rest)
            rest = min(rest * 2, _LONGEST_REST)

    async def _hear(self, subscription: Subscription) -> None:
        loop = asyncio.get_running_loop()
        commit_at = loop.time() + _COMMIT_EVERY
        try:
            while not self._context.stopping.is_set():
                try:
                    batch = await subscription.batch(limit=AT_ONCE)
                    if batch:
                        await self.take(batch)
                        crash_point("after-effect-before-offset")
                        if len(batch) < AT_ONCE:  # else more are waiting
                            await asyncio.sleep(self._context.settings.consumer_pause)
                    if loop.time() >= commit_at:
                        commit_at = loop.time() + _COMMIT_EVERY
                        await subscription.commit()
                    self.trouble = None
                except LeaseLost:
                    # Whoever has the partition now finds our inbox rows; nothing happens twice.
                    _log.info("inbox.lease_lost")
        except BaseException:
            await subscription.rewind()
            raise
        finally:
            # What was rewound is not done and not committed.
            with contextlib.suppress(BusTrouble):
                await subscription.commit()

    async def take(self, batch: Sequence[Received]) -> None:
        """Let a batch take effect; returns when every event of it is handled, passed over or parked."""
        rest = _REST
        heard = [self._hearing.read(record) for record in batch]
        while True:
            try:
                await self._take(heard)
            except Exception as error:  # noqa: BLE001 - retried in place: going on would break the order
                self._fails(error)
                await asyncio.sleep(rest)
                rest = min(rest * 2, _LONGEST_REST)
            else:
                return

    async def _take(self, heard: Sequence[Heard]) -> None:
        try:
            # Sorted by key, the order within a key kept: the locks of two batches are taken in the same order.
            await self._take_together(sorted(heard, key=lambda each: each.key))
        except Exception as error:
            # What is too much for one transaction stays so: run again whole, it would hold up everything behind it for ever.
            if is_transient(error) and not outlived(error):
                raise
            for each in heard:
                await self._take_alone(each)

    async def _take_alone(self, heard: Heard) -> None:
        failed = heard
        for failures in range(1, TRIES + 1):
            try:
                await self._take_together([heard])
            except Exception as error:
                if is_transient(error) and not await self._context.database.blames_work(error):
                    raise
                _log.warning("inbox.failed", event_type=heard.type, attempt=failures, exc_info=error)
                failed = replace(heard, meaning=Meaning.PARK, reason=heard.reason or "failed", error=_name(error))
                await asyncio.sleep(_REST * failures)
            else:
                return
        try:
            await self._take_together([failed])
        except Exception as error:
            if self._on_parked is None or is_transient(error):
                raise
            _log.error("inbox.on_parked_failed", exc_info=error)
            await self._take_together([failed], quietly=True)

    async def _take_together(self, heard: Sequence[Heard], *, quietly: bool = False) -> None:
        outcomes = ["skipped"] * sum(each.meaning is Meaning.SKIP for each in heard)
        told = [each for each in heard if self._is_awaited(each)]
        acting = [each for each in heard if each.meaning in {Meaning.HANDLE, Meaning.PARK}]
        marks = [(each.record, each.envelope) for each in heard if each.envelope is not None and each.meaning is Meaning.WATERMARK]
        if told or acting or marks:
            outcomes += await self._effect(acting, told=told, marks=marks, quietly=quietly)
        for outcome in outcomes:
            self._counted.labels(outcome).inc()

    async def _effect(
        self, acting: Sequence[Heard], *, told: Sequence[Heard], marks: Sequence[tuple[Received, Envelope]], quietly: bool
    ) -> list[str]:
        outcomes: list[str] = []
        async with self._context.database.consume(self._context) as tx:
            if acting:
                # What is held is put aside here, not refused.
                await lock(tx, *(each.key for each in acting), held_too=True)
                fresh, held = await _enter(tx, acting)
                if self._prepare is not None:
                    await self._prepare(tx, [each.event for each in acting if each.event is not None and each.event_id in fresh])
                for each in acting:
                    if each.event_id not in fresh:
                        outcomes.append("repeated")
                        continue
                    fresh.remove(each.event_id)
                    outcomes.append(await self._act(tx, each, held=held, quietly=quietly))
            tx.envelope = None
            keep_positions(tx, told)
            watermarks.keep(tx, marks)
        return outcomes

    def _is_awaited(self, heard: Heard) -> bool:
        """Whether somebody may wait until this service has heard it; of what it sent itself it is never behind."""
        return heard.envelope is not None and heard.envelope.service in self._context.hears - {self._context.name}

    async def _act(self, tx: Tx[C], heard: Heard, *, held: set[tuple[str, str]], quietly: bool) -> str:
        place = (heard.record.topic, heard.key)
        if place in held and heard.meaning is Meaning.HANDLE:
            heard = replace(heard, meaning=Meaning.PARK, reason="behind")
        if heard.meaning is Meaning.PARK or heard.event is None:
            held.add(place)
            parked = await parking.park(tx, heard)
            if self._on_parked is not None and not quietly:
                await self._on_parked(tx, parked)
            return "parked"
        tx.envelope = heard.envelope
        with traced(heard.envelope.traceparent if heard.envelope else None, service=self._context.name):
            await self._hearing.handlers[type(heard.event)](tx, heard.event)
        return "handled"

    def _fails(self, error: Exception) -> None:
        self.trouble = _name(error)
        _log.warning("inbox.waits", error=self.trouble)


async def forget_old(context: Context) -> int:
    """Remove the memory of events that no log keeps any more, so that none can come again; how many there were."""
    async with context.database.consume(context) as tx:
        gone = await tx.execute(_FORGET)
        return gone.rowcount


def keep_positions(tx: Tx[Any], heard: Iterable[Heard]) -> None:
    """Keep the highest position heard per sending service and key, of events that were passed over too."""
    highest: dict[tuple[str, str], int] = {}
    for each in heard:
        if each.envelope is not None and each.envelope.position > 0:
            place = (each.envelope.service, each.envelope.key)
            highest[place] = max(each.envelope.position, highest.get(place, 0))
    # Sorted, so that two transactions never wait for each other's rows in a ring.
    for (service, key), position in sorted(highest.items()):
        tx.write(_POSITIONS, {"service": service, "key": key, "position": position})
    tx.after_commit(lambda: seen.remember(tx.context, highest))


async def store_positions(connection: AsyncConnection, highest: Mapping[tuple[str, str], int]) -> None:
    """Store positions heard; a lower one than is known changes nothing."""
    if highest:
        rows = sorted((*place, position) for place, position in highest.items())
        services, keys, positions = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(_HEARD, {"services": services, "keys": keys, "positions": positions})


async def _enter(tx: Tx[Any], heard: Sequence[Heard]) -> tuple[set[str], set[tuple[str, str]]]:
    """Ids of the events that were not heard before, and topics and keys of which one is parked; the locks are held."""
    asked = {
        "consumer": tx.context.name,
        "event_ids": sorted({each.event_id for each in heard}),
        "topics": sorted({each.record.topic for each in heard}),
        "keys": sorted({each.key for each in heard}),
    }
    rows = await tx.fetch(_ENTER, asked)
    return {name for topic, name in rows if topic is None}, {(topic, key) for topic, key in rows if topic is not None}


def _name(error: BaseException) -> str:
    return error.RULE if isinstance(error, Refusal) else type(error).__name__


_FORGET = delete(INBOX).where(INBOX.c.at < func.now() - KEPT_FOR)
_ids = func.unnest(bindparam("event_ids", type_=ARRAY(Text))).column_valued("event_id")
_entered = (
    insert(INBOX)
    .from_select(["consumer", "event_id"], select(bindparam("consumer", type_=Text), _ids))
    .on_conflict_do_nothing()
    .returning(INBOX.c.event_id)
    .cte("entered")
)
_ENTER = Prepared(
    select(literal(None, Text).label("topic"), _entered.c.event_id.label("name")).union_all(
        select(PARKED.c.topic, PARKED.c.key).where(
            PARKED.c.consumer == bindparam("consumer", type_=Text),
            PARKED.c.state == literal_column("'parked'"),
            PARKED.c.topic == func.any(bindparam("topics", type_=ARRAY(Text))),
            PARKED.c.key == func.any(bindparam("keys", type_=ARRAY(Text))),
        )
    )
)
"""Enters what is new, and asks in the same statement which keys have parked events; a key's lock is held by whoever parks one of it."""
_POSITIONS = Rows(SEEN, conflict=Conflict.MERGE, merge=lambda old, new: ({"position": new["position"]}, old["position"] < new["position"]))
_heard = (
    func.unnest(
        bindparam("services", type_=ARRAY(Text)), bindparam("keys", type_=ARRAY(Text)), bindparam("positions", type_=ARRAY(BigInteger))
    )
    .table_valued("service", "key", "position", name="heard")
    .render_derived()
)
_higher = insert(SEEN).from_select(["service", "key", "position"], select(_heard.c.service, _heard.c.key, _heard.c.position))
_HEARD = _higher.on_conflict_do_update(
    index_elements=[SEEN.c.service, SEEN.c.key],
    set_={"position": _higher.excluded.position},
    where=SEEN.c.position < _higher.excluded.position,
)
