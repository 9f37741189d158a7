"""Whatever is read, refused, taken over, cut off and made anew in whatever order: what the tables say of a topic, they hold."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, text

from chassis.bus import Bus, Following, Offsets, Place, Received, partition_of
from chassis.bus_postgres import PostgresBus
from chassis.bus_unruly import UnrulyBus
from chassis.database import Database
from chassis.follow import Follower
from chassis.followed import LogLost, let_go
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED
from contracts.values import JsonObject
from tests.chassis.bus.line import PATIENCE, Line, ReadingBehind, make_line, topic_of
from tests.chassis.bus.test_follow import document
from tests.support.engines import Databases

LOGS = 3
"""As often as the log can be lost in one run, and once more."""
PARTITIONS = {"left": 2, "right": 1}
KEYS = "acd"
FEW = 2
"""Records let through at once."""
A_MOMENT, LONGEST = 0.03, 0.3
"""Seconds; a process that failed rests for 0.2 and more."""
_RUNS = count(1)

keys, topics, processes = st.sampled_from(KEYS), st.sampled_from(sorted(PARTITIONS)), st.sampled_from([0, 1])


@dataclass(kw_only=True)
class Logs:
    """One log after the other, of which each was made anew when the one before was lost."""

    buses: Sequence[Bus]
    now: int = 0


class Sluice(UnrulyBus):
    """The log of the day, of which a process gets a few records whenever it is let."""

    def __init__(self, logs: Logs) -> None:
        super().__init__(logs.buses[0], way="twice")
        self.logs = logs
        self.turns = asyncio.Semaphore(0)
        self.asked = 0
        self.waiting = 0
        self.is_open = False

    async def follow(self, topic: str, offsets: Offsets | None = None, *, log: str = "") -> Following:
        now = self.logs.now
        return Trickle(await self.logs.buses[now].follow(topic, offsets, log=log), sluice=self, topic=topic, now=now)

    async def let(self) -> None:
        """Let a reading go on, until one asks for more; where none waits, a process is storing, waits for another or rests after a failure."""
        if not self.waiting:
            await asyncio.sleep(A_MOMENT)
            return
        asked = self.asked
        self.turns.release()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST):
                while self.asked == asked:  # noqa: ASYNC110 - a counter is all there is to see
                    await asyncio.sleep(0.002)


class Trickle(ReadingBehind):
    """A reading that finds out, when it asks for more, that the log was made anew, as one of Kafka does."""

    def __init__(self, reading: Following, *, sluice: Sluice, topic: str, now: int) -> None:
        super().__init__(reading)
        self._sluice, self._topic, self._now = sluice, topic, now
        self._ends = dict(reading.ends)

    @property
    def ends(self) -> Offsets:
        """As they were when the reading began, though it is of another log by now."""
        return self._ends

    async def batch(self, *, limit: int = 500, wait: float = 0.5) -> list[Received]:
        if not self._sluice.is_open:
            self._sluice.asked += 1
            self._sluice.waiting += 1
            try:
                await self._sluice.turns.acquire()
            finally:
                self._sluice.waiting -= 1
        if self._now != self._sluice.logs.now:
            self._now = self._sluice.logs.now
            self.reading = await self._sluice.logs.buses[self._now].follow(self._topic)
            return []
        return await super().batch(limit=min(FEW, limit), wait=min(wait, 0.02))


@dataclass(kw_only=True)
class Memory:
    """What a process keeps of the documents, and the log and database it follows with."""

    bus: Bus
    database: Database
    documents: dict[tuple[str, str], int] = field(default_factory=dict)

    def apply(self, topic: str, key: str, data: JsonObject | None) -> None:
        if data is None:
            self.documents.pop((topic, key), None)
        else:
            self.documents[topic, key] = int(str(data["n"]))

    def brief(self, topic: str, key: str) -> str | None:
        number = self.documents.get((topic, key))
        return None if number is None else str(number)

    def recall(self, topic: str, key: str, brief: str) -> bool:
        self.documents[topic, key] = int(brief)
        return True

    def follower(self, topics: Sequence[str]) -> Follower:
        return Follower(self, topics, self.apply, briefly=dict.fromkeys(topics, self))


@dataclass(kw_only=True)
class Process:
    """One process of the service."""

    database: Database
    follower: Follower
    sluice: Sluice
    work: asyncio.Task[None]
    memory: Memory


@dataclass(kw_only=True)
class World:
    """What outlives a run."""

    runner: asyncio.Runner
    line: Line
    buses: Sequence[Bus]


class Reading(RuleBasedStateMachine):
    """Two topics, two processes of one service on its real tables."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        run = next(_RUNS)
        self.names = {name: f"{name}-{run}.documents.v1" for name in PARTITIONS}
        self.logs = Logs(buses=self.world.buses)
        self.identities: dict[str, int] = {}
        self.written: dict[tuple[int, Place], list[tuple[str, int | None]]] = defaultdict(list)
        self.numbers = count(1)
        self.do(self._begin())

    def do(self, work: Any) -> Any:
        return self.world.runner.run(work)

    async def _begin(self) -> None:
        made = [topic_of(self.names[name], partitions=number, cleanup_policy="compact") for name, number in PARTITIONS.items()]
        for number, bus in enumerate(self.logs.buses):
            await bus.create(made)
            reading = await bus.follow(made[0].name)
            self.identities[reading.log] = number
            await reading.close()
        for key in KEYS:
            for name in PARTITIONS:
                await self._write(name, key, next(self.numbers))
        self.processes = [self._start() for _ in range(2)]

    def _start(self) -> Process:
        sluice = Sluice(self.logs)
        database = Database(self.world.line.settings.database_url, name="line")
        memory = Memory(bus=sluice, database=database)
        follower = memory.follower(sorted(self.names.values()))
        return Process(database=database, follower=follower, sluice=sluice, work=asyncio.create_task(follower.run()), memory=memory)

    async def _stop(self, process: Process) -> None:
        process.work.cancel()
        await asyncio.gather(process.work, return_exceptions=True)
        await process.database.close()

    async def _write(self, name: str, key: str, number: int | None) -> None:
        place = (self.names[name], partition_of(key, PARTITIONS[name]))
        await self.logs.buses[self.logs.now].append(*place, [document(key, number)])
        self.written[self.logs.now, place].append((key, number))

    @rule(name=topics, key=keys, gone=st.booleans())
    def the_catalogue_publishes(self, *, name: str, key: str, gone: bool) -> None:
        self.do(self._write(name, key, None if gone else next(self.numbers)))

    @rule(number=processes, times=st.integers(1, 12))
    def a_process_reads_on(self, number: int, times: int) -> None:
        async def read() -> None:
            for _ in range(times):
                await self.processes[number].sluice.let()

        self.do(read())

    @initialize(key=keys, number=processes)
    def it_begins_with_a_reading_that_comes_to_no_end(self, key: str, number: int) -> None:
        """Chance alone seldom leads there."""
        self.the_database_refuses(key)
        self.a_process_reads_on(number, times=8)

    @rule(key=keys)
    def the_database_refuses(self, key: str) -> None:
        self.do(self._execute("insert into refused values (:key) on conflict do nothing", key=key))

    @rule()
    def the_database_takes_all_again(self) -> None:
        self.do(self._execute("delete from refused"))

    @rule(number=processes)
    def a_process_is_killed_and_started(self, number: int) -> None:
        async def again() -> None:
            await self._stop(self.processes[number])
            self.processes[number] = self._start()

        self.do(again())

    @rule()
    def the_database_cuts_who_writes(self) -> None:
        self.do(self.world.line.cut("tongban line holders"))

    @rule()
    def an_operator_lets_go_what_is_kept(self) -> None:
        """While nobody runs; refused where the log does not tell all of it."""

        async def refollow() -> None:
            for process in self.processes:
                await self._stop(process)
            with contextlib.suppress(LogLost):
                await let_go(self.world.line.database, self.logs.buses[self.logs.now], sorted(self.names.values()))
            self.processes = [self._start() for _ in range(2)]

        self.do(refollow())

    @rule(key=keys)
    def the_log_is_made_anew(self, key: str) -> None:
        if self.logs.now + 1 < LOGS:
            self.logs.now += 1
            for name in PARTITIONS:
                self.do(self._write(name, key, next(self.numbers)))

    async def _execute(self, statement: str, **given: str) -> None:
        async with self.world.line.database.begin(self.world.line) as tx:
            await tx.execute(text(statement), given)

    async def _tables(self) -> tuple[list[Any], dict[tuple[str, str], Any]]:
        """Offsets, and documents by topic and key."""
        async with self.world.line.database.read(self.world.line) as tx:
            await tx.execute(text("set transaction isolation level repeatable read"))
            names = list(self.names.values())
            rows = (await tx.execute(select(FOLLOW_OFFSETS).where(FOLLOW_OFFSETS.c.topic.in_(names)))).all()
            kept = await tx.execute(select(FOLLOWED).where(FOLLOWED.c.topic.in_(names)))
            return list(rows), {(row.topic, row.key): row for row in kept}

    @invariant()
    def what_the_tables_say_they_hold(self) -> None:
        rows, kept = self.do(self._tables())
        numbers = {place: row.data["n"] for place, row in kept.items()}
        for row in rows:
            assert row.offset == 0 or row.log
            prefix = dict(self.written[self.identities.get(row.log, 0), (row.topic, row.partition)][: row.offset])
            assert {key: numbers.get((row.topic, key)) for key in prefix} == prefix
        for name, topic in self.names.items():
            said = [row for row in rows if row.topic == topic]
            assert len(said) in {0, PARTITIONS[name]}
            if said and all(row.briefed == row.offset for row in said):
                briefs = {place: row.brief for place, row in kept.items() if row.topic == topic and row.brief is not None}
                assert briefs == {place: str(numbers[place]) for place in briefs}

    def teardown(self) -> None:
        """In the end everything is read, in memory and in the tables."""
        try:
            self.do(self._end())
        finally:
            self.do(asyncio.wait_for(self._leave(), PATIENCE))

    async def _end(self) -> None:
        await self._execute("delete from refused")
        for process in self.processes:
            await self._stop(process)
        # Begun anew: nobody rests after what failed before.
        self.processes = [self._start()]
        process = self.processes[0]
        process.sluice.is_open = True
        now = self.logs.now
        ends = {place: len(said) for (log, place), said in self.written.items() if log == now and said}
        newest = {(place[0], key): n for (log, place), said in self.written.items() if log == now for key, n in said}
        async with asyncio.timeout(PATIENCE):
            await process.follower.until_caught_up()
            while True:
                rows, kept = await self._tables()
                if {(row.topic, row.partition): row.offset for row in rows if row.offset} == ends:
                    break
                await asyncio.sleep(0.02)
        again = Memory(bus=process.sluice, database=process.database)
        restarted = again.follower(process.follower.topics)
        await restarted.remember(process.database)
        numbers = {place: row.data["n"] for place, row in kept.items()}
        assert process.follower.informed.is_set()
        assert {place: numbers.get(place) for place in newest} == newest
        assert process.memory.documents == numbers
        assert (again.documents, restarted.informed.is_set()) == (numbers, True)

    async def _leave(self) -> None:
        for process in self.processes:
            await self._stop(process)
        await self._execute("delete from refused")


@pytest.fixture(scope="module")
async def log_urls(databases: Databases) -> list[str]:
    """Databases of the logs."""
    return [await databases.make("anew") for _ in range(LOGS)]


@pytest.fixture
def world(empty_database: str, log_urls: Sequence[str]) -> Iterator[World]:
    """The service's database, which refuses documents under certain keys, and the logs."""
    with asyncio.Runner() as runner:
        buses = [PostgresBus(url) for url in log_urls]
        line = make_line(database_url=empty_database, bus=buses[0], topic="none")

        async def execute(*statements: str) -> None:
            async with line.database.begin(line) as tx:
                for statement in statements:
                    await tx.execute(text(statement))

        for bus in buses:
            runner.run(bus.start())
        refuse = """create function refuse_some() returns trigger language plpgsql as $$ begin
            if exists (select from refused where key = new.key) then raise exception 'refused'; end if; return new; end $$"""
        watch = "create trigger refused_some before insert on followed for each row execute function refuse_some()"
        runner.run(execute("create table refused (key text primary key)", refuse, watch))
        try:
            yield World(runner=runner, line=line, buses=buses)
        finally:
            runner.run(execute("drop trigger refused_some on followed", "drop function refuse_some()", "drop table refused"))
            runner.run(line.database.close())
            for bus in buses:
                runner.run(bus.stop())


def test_what_the_tables_say_they_hold_whatever_happens(world: World) -> None:
    Reading.world = world
    run_state_machine_as_test(
        Reading,
        settings=settings(
            max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False
        ),
    )
