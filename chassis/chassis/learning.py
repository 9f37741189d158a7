"""A database that came back from a backup learns from the log what its service did afterwards, before the service acts again.

The log is read in its order. What others sent is handled as ever, and the inbox drops what the backup knows; what the service itself sent and
the backup does not know is taught by lessons, one per kind of event, which bring the tables to where they stood. What lessons and handlers write
to the outbox meanwhile and the log has already is never sent again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias

from sqlalchemy import ARRAY, Text, bindparam, delete, func, select, text, union_all
from sqlalchemy.dialects.postgresql import insert

from chassis import inbox, parking, standing
from chassis.bus import PATIENCE, Bus, Offsets, Received, UnknownTopic, to_the_end
from chassis.database import C, Tx, lock
from chassis.follow import Follower
from chassis.hearing import WATERMARK, Heard, Meaning
from chassis.inbox import Consumer
from chassis.logs import get_logger
from chassis.outbox import RELAYING
from chassis.tables import OUTBOX, SENT
from contracts.codec import Malformed, decode
from contracts.envelope import Envelope, from_record
from contracts.event import Event
from contracts.refusals import Conflict, Unavailable
from contracts.values import Json, JsonObject

AHEAD = 1_000
"""Positions left free after the highest that the log shows: more than were ever drawn and not yet sent."""

_REACHES = (200, 5_000, 100_000)
"""Records at the end of a partition among which an own one is looked for, step by step; a relay speaks every few seconds."""

_log = get_logger()


class BehindTheLog(Conflict):
    """The log holds events of this service that its database does not know: it was restored from a backup and has not learned yet."""

    RULE = "restore.behind"
    ZH = "数据库落后于事件日志,请先运行 tongban restore learn"
    EN = "The database is behind the event log; run `tongban restore learn` first"


class StillRunning(Conflict):
    """A process of the service is running; nothing can be learned beside it."""

    RULE = "restore.running"
    ZH = "该服务仍在运行,请先停止"
    EN = "The service is still running; stop it first"


class NotCaughtUp(Unavailable):
    """What handlers and lessons look up cannot be read to its end; ``facts``: ``topics``, ``error``. Nothing was learned."""

    RULE = "restore.not-caught-up"
    ZH = "所跟读的主题读不到末尾,尚未补学"
    EN = "The topics that the service follows cannot be read to their end; nothing was learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What could not be repaired, and what a person must do about it."""

    key: str
    """What it is about, as a person names it: a number rather than an id."""
    rule: str
    zh: str
    en: str
    facts: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A kind of difference."""

    rule: str
    zh: str
    en: str

    def about(self, key: str, **facts: Json) -> Difference:
        """One of this kind."""
        return Difference(key=key, rule=self.rule, zh=self.zh, en=self.en, facts=dict(facts))


Lesson: TypeAlias = Callable[..., Awaitable[Sequence[Difference]]]
"""``async def learn_…(tx: Tx[C], event: E) -> Sequence[Difference]``, under the lock of the event's key; `Tx.envelope` is the event's."""

Lessons: TypeAlias = Mapping[type[Event], Lesson]
"""Own events that change what a backup knows; of any other kind it is enough to know that they were sent."""


@dataclass(slots=True, kw_only=True)
class Learned:
    """What came of it."""

    own: int = 0
    """Events of the service that the backup did not know."""
    heard: int = 0
    """Records that were gone through as when they are heard."""
    differences: list[Difference] = field(default_factory=list)


HELD = Finding(
    rule="restore.held",
    zh="备份之后本服务还做过此事,数据库已不知其详:该事项暂停办理,须人工核对后用 tongban parked discard 解除",
    en="The service did this after the backup and knows it no more: nothing goes on here until a person settles it and discards the parked event",
)


@dataclass(frozen=True, slots=True)
class _Own:
    record: Received
    envelope: Envelope

    @property
    def heard(self) -> Heard:
        """As something to put aside."""
        envelope = self.envelope
        return Heard(
            record=self.record,
            meaning=Meaning.PARK,
            key=envelope.key,
            event_id=envelope.id,
            type=envelope.type,
            envelope=envelope,
            error=HELD.rule,
        )


class Learning(Generic[C]):
    """What one service can learn."""

    def __init__(
        self,
        context: C,
        *,
        sends: Collection[str],
        consumer: Consumer[C] | None,
        lessons: Lessons,
        holds: Collection[str] = (),
        follower: Follower | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            context: The service, not running.
            sends: Topics that carry its events.
            consumer: What it hears with.
            lessons: What it is taught of its own events.
            holds: Those of the topics whose unknown events have their keys held for a person.
            follower: What handlers and lessons look up in memory is followed by it.
            patience: Seconds for which the log may say nothing.
        """
        self._holds = sorted(holds)
        self._follower = follower
        self._patience = patience
        self._own_heard = frozenset(kind.TYPE for kind in context.subscriptions)
        self.context = context
        self._sends = sorted(sends)
        self._hears = frozenset(kind.TOPIC for kind in context.subscriptions)
        self._consumer = consumer
        self._lessons = {kind.TYPE: (kind, lesson) for kind, lesson in lessons.items()}

    async def refuse_if_behind(self) -> None:
        """See that the log holds nothing of this service that its database has not given out.

        Raises:
            BehindTheLog: It does.
            BusUnavailable: The log cannot be asked.
        """
        context = self.context
        shown = await highest_position(context.bus, self._sends, service=context.name)
        async with context.database.read(context) as tx:
            known, is_begun = await standing.known_position(tx), await standing.is_begun(tx)
        if shown > known or is_begun:
            raise BehindTheLog(facts={"service": context.name, "log": shown, "database": known})

    async def learn(self, *, progress: Callable[[str], None]) -> Learned:
        """Read the log from its beginning to its present end; may be run again, and goes on where it was stopped.

        Raises:
            StillRunning: A process of the service is running.
            NotCaughtUp: What it follows cannot be read.
            LogRemade: A topic was made anew meanwhile; run it again.
            BusUnavailable: The log cannot be asked, or says nothing any more.
        """
        learned = Learned()
        database = self.context.database
        async with AsyncExitStack() as stack:
            if await stack.enter_async_context(database.hold(RELAYING)) is None:
                raise StillRunning(facts={"service": self.context.name})
            if self._follower is not None:
                await stack.enter_async_context(self._knowing(self._follower, progress=progress))
            shown = await highest_position(self.context.bus, self._sends, service=self.context.name)
            async with database.consume(self.context) as tx:
                begun = await standing.begin(tx, above=shown + AHEAD)
            highest = shown
            if self._holds:
                # First of all: what others said of these keys then waits behind it.
                async for records in self._whole_log(self._holds):
                    await self._hold(records, floor=begun.floor, learned=learned)
            async for records in self._whole_log({*self._sends, *self._hears}):
                highest = max(highest, await self._take(records, floor=begun.floor, learned=learned))
                progress(f"{records[0].topic if records else '…'}: {learned.own} + {learned.heard}")
            async with database.consume(self.context) as tx:
                await _forget_said(tx, since=begun.drawn)
                if self._holds:
                    await tx.execute(_PASS_NUMBERS, {"count": AHEAD + max(highest - begun.known, 0)})
                await standing.end(tx, known=highest, above=highest + AHEAD)
        _log.info("restore.learned", count=learned.own)
        return learned

    @asynccontextmanager
    async def _knowing(self, follower: Follower, *, progress: Callable[[str], None]) -> AsyncIterator[None]:
        """Follow as a running service does, from when all that stands on the topics is in memory.

        The tables came back with the backup: what they hold is as old, and what came afterwards would be found to disagree with it.
        """
        await follower.remember(self.context.database)
        running = asyncio.create_task(follower.run())
        try:
            stood: Offsets | None = None
            while not follower.caught_up:
                if follower.offsets == stood:
                    raise NotCaughtUp(facts={"topics": list(follower.topics), "error": follower.trouble or ""})
                stood = dict(follower.offsets)
                progress(f"{' '.join(follower.topics)}: {sum(stood.values())}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience):
                        await follower.until_caught_up()
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})

    async def _whole_log(self, topics: Collection[str]) -> AsyncIterator[list[Received]]:
        for topic in sorted(topics):
            try:
                following = await self.context.bus.follow(topic)
            except UnknownTopic:
                continue
            try:
                async for records in to_the_end(following, patience=self._patience):
                    yield records
            finally:
                await following.close()

    async def _hold(self, records: Sequence[Received], *, floor: int, learned: Learned) -> None:
        read = [(record, _read(record)) for record in records]
        mine = [_Own(record, envelope) for record, envelope in read if envelope is not None and self._is_own(envelope)]
        unknown = await self._unknown([own for own in mine if own.envelope.position > floor])
        for own in mine:
            if own.envelope.id in unknown:
                async with self.context.database.consume(self.context) as tx:
                    await lock(tx, own.envelope.key, held_too=True)
                    await parking.hold(tx, own.heard)
                learned.differences.append(HELD.about(own.envelope.key, type=own.envelope.type, at=own.envelope.time.isoformat()))

    async def _take(self, records: Sequence[Received], *, floor: int, learned: Learned) -> int:
        """Take records in their order: what is heard together, an unknown one of our own between them by its lesson."""
        read = [(record, _read(record)) for record in records]
        mine = [_Own(record, envelope) for record, envelope in read if envelope is not None and self._is_own(envelope)]
        unknown = await self._unknown([own for own in mine if own.envelope.position > floor])
        heard: list[Received] = []
        for record, envelope in read:
            is_own = envelope is not None and self._is_own(envelope)
            if envelope is not None and envelope.id in unknown:
                await self._hear(heard, learned=learned)
                heard = []
                found = await self._learn(_Own(record, envelope))
                learned.differences += [each for each in found if each not in learned.differences]
                learned.own += 1
            if not is_own or (envelope is not None and envelope.type in self._own_heard):
                heard.append(record)
        await self._hear(heard, learned=learned)
        return max((own.envelope.position for own in mine), default=0)

    def _is_own(self, envelope: Envelope) -> bool:
        return envelope.service == self.context.name and envelope.type != WATERMARK

    async def _unknown(self, mine: Sequence[_Own]) -> frozenset[str]:
        ids = [own.envelope.id for own in mine]
        if not ids:
            return frozenset()
        async with self.context.database.consume(self.context) as tx:
            known = set((await tx.execute(_KNOWN, {"ids": ids})).scalars())
        return frozenset(ids) - known

    async def _hear(self, heard: Sequence[Received], *, learned: Learned) -> None:
        if self._consumer is not None:
            hears = [record for record in heard if record.topic in self._hears]
            for start in range(0, len(hears), inbox.AT_ONCE):
                await self._consumer.take(hears[start : start + inbox.AT_ONCE])
            learned.heard += len(hears)

    async def _learn(self, own: _Own) -> Sequence[Difference]:
        envelope = own.envelope
        async with self.context.database.consume(self.context) as tx:
            await lock(tx, envelope.key, held_too=True)
            tx.envelope = envelope
            await tx.execute(_KEEP, _row(own))
            if envelope.type not in self._lessons:
                return ()
            kind, lesson = self._lessons[envelope.type]
            return await lesson(tx, decode(kind, envelope.data))


async def highest_position(bus: Bus, topics: Sequence[str], *, service: str) -> int:
    """The highest outbox position of a service that the ends of these topics show; 0 when they show none."""
    shown = 0
    for topic in topics:
        try:
            places = (await bus.ends([topic])).items()
        except UnknownTopic:
            continue
        looked: Offsets = {place: end for place, end in places if end > 0}
        for reach in _REACHES:
            if not looked:
                break
            found = await _tail(bus, topic, {place: max(end - reach, 0) for place, end in looked.items()}, service=service)
            shown = max((shown, *found.values()))
            looked = {place: end for place, end in looked.items() if place not in found and end > reach}
    return shown


async def _tail(bus: Bus, topic: str, offsets: Offsets, *, service: str) -> dict[tuple[str, int], int]:
    """Per partition of these that holds a record of the service from here on, the highest position."""
    found: dict[tuple[str, int], int] = {}
    ends = await bus.ends([topic])
    following = await bus.follow(topic, {place: offsets.get(place, end) for place, end in ends.items()})
    try:
        async for records in to_the_end(following):
            for record in records:
                envelope = _read(record)
                if envelope is not None and envelope.service == service and envelope.position > 0:
                    found[record.place] = max(envelope.position, found.get(record.place, 0))
    finally:
        await following.close()
    return found


def _read(record: Received) -> Envelope | None:
    try:
        envelope = from_record(key=record.key, value=b"{}" if record.value is None else record.value, headers=record.headers)
    except Malformed:
        return None
    return envelope if envelope.source.startswith("/") else None


async def _forget_said(tx: Tx[Any], *, since: int) -> None:
    """Take out of the outbox what was written while it learned and the log has already under another id.

    What the log has stands in ``sent``, whichever run learned it. Documents carry no sequence: two of a key are never the same.
    """
    for setting in ("enable_hashjoin", "enable_seqscan"):
        await tx.execute(select(func.set_config(setting, "on", True)))
    await tx.execute(_SAID, {"since": since})


def _row(own: _Own) -> dict[str, object]:
    envelope, record = own.envelope, own.record
    return {
        "position": envelope.position,
        "topic": record.topic,
        "key": envelope.key,
        "id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "sequence": envelope.sequence,
        "at": envelope.time,
        "traceparent": envelope.traceparent,
        "data": record.value,
    }


_KEEP = insert(SENT).on_conflict_do_nothing()
_wanted = func.any(bindparam("ids", type_=ARRAY(Text)))
_KNOWN = union_all(select(SENT.c.id).where(SENT.c.id == _wanted), select(OUTBOX.c.id).where(OUTBOX.c.id == _wanted))
_SAID = delete(OUTBOX).where(
    OUTBOX.c.position > bindparam("since"),
    OUTBOX.c.sequence > 0,
    OUTBOX.c.type == SENT.c.type,
    OUTBOX.c.subject == SENT.c.subject,
    OUTBOX.c.sequence == SENT.c.sequence,
)
_PASS_NUMBERS = text(
    "select setval(format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value) + increment_by * :count)"
    " from pg_sequences where schemaname = current_schema() and sequencename not like 'outbox%'"
)
"""Whatever is numbered was numbered on after the backup, at most a few for every event."""
