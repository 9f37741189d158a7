"""Following compacted topics: the whole of them in memory, and in a service with a database in its tables, so that a restart reads the tail.

One process at a time writes the tables, under a lease, documents and offsets in one transaction; every process builds what it keeps in
memory from the tables and reads on from their offsets. Of a topic that is read for the first time the tables get the documents, and how far
they were read only with the last of them: whatever says an offset holds everything up to it. Beside the offsets stands in which log they
count: one that was lost and made anew is read from its beginning, however far it has come since.
"""

import asyncio
import ctypes
import gc
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import followed
from chassis.bus import Bus, Place
from chassis.database import Database
from chassis.followed import WHOLLY, Briefly, Kept, Reached, change_of
from chassis.logs import get_logger
from chassis.storing import Storing
from contracts.envelope import Envelope
from contracts.values import JsonObject

Apply = Callable[[str, str, JsonObject | None], None]
"""Takes topic, key and document into memory; ``None`` takes the key out. The same again must do no harm."""

AT_ONCE = 200
"""Records taken in one go; in between, requests are answered and the tables are written."""

_REST = 0.2
_LONGEST_REST = 5.0
_LEASE_EVERY = 2.0
"""Seconds between two tries to become the process that writes the tables."""

_MANY = 50_000
"""Documents taken into memory that a collection of garbage is spared."""

_RECENT = 10_000
"""Positions remembered in memory, of the keys heard last."""

_log = get_logger()


class Follows(Protocol):
    """Who follows: a service's `chassis.context.Context`, or something smaller where there is no database."""

    @property
    def bus(self) -> Bus:
        """The log."""

    @property
    def database(self) -> Database | None:
        """Keeps what is followed; without one every start reads from the beginning."""


class Follower:
    """What one process knows of the topics it follows."""

    def __init__(self, context: Follows, topics: Sequence[str], apply: Apply, *, briefly: Mapping[str, Briefly] | None = None) -> None:
        """Prepare; nothing is read yet.

        Args:
            context: Who follows.
            topics: Compacted topics; each is taken in its order, between them there is none.
            apply: Takes every document into memory.
            briefly: By topic what the memory keeps of a document, so that a restart need not read the whole of it.
        """
        self._bus = context.bus
        self.topics: Sequence[str] = tuple(topics)
        """What is followed."""
        self._apply = apply
        self._briefly = dict.fromkeys(topics, WHOLLY) | dict(briefly or {})
        self._taken = 0
        self._database = context.database
        self._offsets: dict[Place, int] = {}
        self._logs: dict[str, str] = {}
        self._ends: dict[str, Mapping[Place, int]] = {}
        self._recent: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._moved = asyncio.Event()
        self._storing = asyncio.Lock()
        self.remembered = asyncio.Event()
        """Set once what the tables hold is in memory; before that this process knows nothing and would refuse what is right."""
        self.informed = asyncio.Event()
        """Set once the memory is that of some instant: what the tables held, or where they held less all that stood on the topics."""
        self.writing = False
        """True while this process is the one that writes the tables."""
        self.trouble: str | None = None
        """What keeps it from reading just now, for the health page; None when nothing does."""

    @property
    def caught_up(self) -> bool:
        """True once everything that stood on the topics when this process began to read them is in memory."""
        return len(self._ends) == len(self.topics) and all(
            self._offsets.get(place, 0) >= end for ends in self._ends.values() for place, end in ends.items()
        )

    @property
    def begins_from_nothing(self) -> bool:
        """True while it reads what the tables did not hold: what is not in memory may well be on the topics."""
        return self.remembered.is_set() and not self.informed.is_set()

    @property
    def offsets(self) -> Mapping[Place, int]:
        """Per partition the next offset to be taken into memory."""
        return self._offsets

    async def until_caught_up(self) -> None:
        """Wait until `caught_up`."""
        while not self.caught_up:
            await self._moved.wait()

    async def wait(self, *, service: str, key: str, position: int, patience: float = 1.0) -> bool:
        """Wait until the document that a service wrote at this outbox position is in memory; False when ``patience`` seconds were not enough.

        Knows the keys heard last since its start, ten thousand of them; of others it says False.
        """
        try:
            async with asyncio.timeout(patience):
                while self._recent.get((service, key), -1) < position:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Follow until cancelled; what goes wrong is tried again."""
        rest = _REST
        while True:
            try:
                if self._database is None:
                    self.remembered.set()
                    await self._read_all(None)
                else:
                    if not self.remembered.is_set():
                        await self.remember(self._database)
                    await self._follow(self._database)
            except Exception as error:  # noqa: BLE001 - whatever it is, the process must go on following
                self.trouble = _name(error)
                _log.warning("follow.waits", topic=" ".join(self.topics), error=self.trouble)
            await asyncio.sleep(rest)
            rest = min(rest * 2, _LONGEST_REST)

    async def remember(self, database: Database) -> None:
        """Take the tables into memory. Pages may be newer than the offsets: those records come again, in order, before it is caught up."""
        async with followed.at_length(database) as connection:
            stored = await followed.reached(connection, self.topics)
            # Nothing of it is garbage, and to look through it again and again takes as long as to build it.
            gc.disable()
            try:
                for topic in self.topics:
                    briefly = self._briefly[topic] is not WHOLLY and stored[topic].is_briefed
                    async with followed.pages(connection, topic, briefly=briefly) as pages:
                        async for rows in pages:
                            missing = self._recall(topic, rows)
                            for key, data in await pages.wholes(missing) if missing else ():
                                self._take(topic, key, orjson.loads(data))
            finally:
                gc.enable()
        for topic, reached in stored.items():
            self._offsets.update(reached.offsets)
            self._logs[topic] = reached.log
        self._settle()
        if all(reached.offsets for reached in stored.values()):
            self.informed.set()
        self.remembered.set()

    def _recall(self, topic: str, rows: Sequence[Kept]) -> list[str]:
        """Take what was kept; the keys of which the whole document is needed."""
        recall, missing = self._briefly[topic].recall, list[str]()
        for key, brief, data in rows:
            if data is not None:
                self._take(topic, key, orjson.loads(data))
                continue
            try:
                known = brief is not None and recall(topic, key, brief)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the whole document is there
                _log.error("follow.not_recalled", topic=topic, key=key, exc_info=error)
                known = False
            if known:
                self._taken += 1
            else:
                missing.append(key)
        return missing

    def _settle(self) -> None:
        """What was taken into memory stays: a full collection that walks through it would hold every request for half a second."""
        if self._taken > _MANY:
            gc.freeze()
            _give_back()
            self._taken = 0

    async def _follow(self, database: Database) -> None:
        async with AsyncExitStack() as stack:
            connection = await self._lease(database, stack)
            if connection is None:
                connection = await self._follow_until_leased(database, stack)
            self.writing = True
            try:
                await self._read_all(connection)
            finally:
                self.writing = False

    async def _follow_until_leased(self, database: Database, stack: AsyncExitStack) -> AsyncConnection:
        reading = asyncio.create_task(self._read_all(None))
        try:
            while True:
                await asyncio.wait([reading], timeout=_LEASE_EVERY)
                if reading.done():
                    await reading
                connection = await self._lease(database, stack)
                if connection is not None:
                    return connection
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _lease(self, database: Database, stack: AsyncExitStack) -> AsyncConnection | None:
        async with AsyncExitStack() as attempt:
            connection = await attempt.enter_async_context(database.hold(followed.lease(self.topics)))
            if connection is not None:
                await stack.enter_async_context(attempt.pop_all())
            return connection

    async def _read_all(self, connection: AsyncConnection | None) -> None:
        # A task group that is cancelled while one of it fails raises the failure alone, and whoever stops the process would wait for ever.
        readings = [asyncio.create_task(self._read(topic, connection)) for topic in self.topics]
        try:
            ended, _ = await asyncio.wait(readings, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for reading in readings:
                reading.cancel()
            await asyncio.gather(*readings, return_exceptions=True)
        for reading in ended:
            reading.result()

    async def _read(self, topic: str, connection: AsyncConnection | None) -> None:
        """Take a topic into memory, and into the tables over the connection of the one who writes them."""
        while True:
            await self._read_log(topic, connection)
            _log.warning("follow.begins_anew", topic=topic)
            await asyncio.sleep(_REST)

    async def _read_log(self, topic: str, connection: AsyncConnection | None) -> None:
        """Read on for as long as it is the log that was read, and has lost nothing of that; then forget how far it was."""
        here = there = self._here(topic)
        if connection is not None:
            there = await self._there(topic, connection)
        following = await self._bus.follow(topic, there.offsets, log=there.log)
        log = following.log
        storing = Storing(connection, topic, log=log, briefly=self._briefly[topic], at_once=self._storing)
        try:
            if not (here.goes_on_in(following) and there.goes_on_in(following)):
                if not here.goes_on_in(following):
                    self._forget(topic)
                if not there.goes_on_in(following):
                    await self._forget_there(topic, connection)
                return
            self._logs[topic] = log
            self._ends.setdefault(topic, dict(following.ends))
            self._reached(following.offsets)
            is_whole = bool(there.offsets)
            while True:
                given = dict(following.offsets)
                records = await following.batch(limit=AT_ONCE)
                if not records:
                    await storing.done()
                if following.log != log or any(record.offset < given.get(record.place, 0) for record in records):
                    await storing.done()
                    self._forget(topic)
                    await self._forget_there(topic, connection)
                    return
                changes = [change for change in map(change_of, records) if change is not None]
                # A writer begins where the tables stand; memory may be further and must not go back.
                new = [change for change in changes if change.record.offset >= self._offsets.get(change.record.place, 0)]
                for change in new:
                    self._take(topic, change.key, change.data)
                    self._hear(change.envelope)
                # At once, so that nobody sees a memory that is further than it says.
                self._reached(following.offsets)
                is_end = not is_whole and all(following.offsets[place] >= end for place, end in following.ends.items())
                if records or is_end:
                    briefed = {change.key for change in (new if is_whole else changes)}
                    is_whole = is_whole or is_end
                    offsets = dict(following.offsets) if is_end else {record.place: record.offset + 1 for record in records if is_whole}
                    await storing.put(changes, briefed=briefed, offsets=offsets)
                self.trouble = None
        finally:
            await storing.cut_off()
            await following.close()

    def _here(self, topic: str) -> Reached:
        """How far the memory is."""
        return Reached({place: offset for place, offset in self._offsets.items() if place[0] == topic}, self._logs.get(topic, ""))

    async def _there(self, topic: str, connection: AsyncConnection) -> Reached:
        """How far the tables are, with briefs that hold."""
        async with self._storing:
            async with connection.begin():
                stored = (await followed.reached(connection, [topic]))[topic]
            if not stored.is_briefed:
                await followed.forget_briefs(connection, topic)
        return stored

    def _forget(self, topic: str) -> None:
        """Forget how far the memory is, not what is in it: that may be all there is."""
        self._offsets = {place: offset for place, offset in self._offsets.items() if place[0] != topic}
        self._logs.pop(topic, None)
        # Who had read the lost log and answers goes on to do so; who had not waits for the end of the other one.
        if topic in self._ends and self.informed.is_set():
            self._ends[topic] = {}
        else:
            self._ends.pop(topic, None)

    async def _forget_there(self, topic: str, connection: AsyncConnection | None) -> None:
        """The same in the tables."""
        if connection is not None:
            async with self._storing:
                await followed.forget_offsets(connection, topic)

    def _take(self, topic: str, key: str, data: JsonObject | None) -> None:
        self._taken += 1
        try:
            self._apply(topic, key, data)
        except Exception as error:  # noqa: BLE001 - one bad document must not keep the others out
            _log.error("follow.not_applied", topic=topic, key=key, exc_info=error)

    def _hear(self, envelope: Envelope) -> None:
        place = (envelope.service, envelope.key)
        self._recent[place] = max(envelope.position, self._recent.get(place, 0))
        self._recent.move_to_end(place)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def _reached(self, offsets: Mapping[Place, int]) -> None:
        for place, offset in offsets.items():
            self._offsets[place] = max(offset, self._offsets.get(place, 0))
        self._settle()
        if self.caught_up:
            self.informed.set()
        self._moved.set()
        self._moved = asyncio.Event()


def _give_back() -> None:
    """What reading so many documents took for a while goes back to the system, where its C library can: 20 MiB of a nation's."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def _name(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
