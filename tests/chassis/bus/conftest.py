"""Both logs, and the line on each of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from chassis.bus import Bus
from chassis.topics import Topic
from tests.chassis.bus.line import Line, empty_tables, make_bus, make_line, make_tables, topic_of
from tests.support.engines import Databases

_NUMBERS = count(1)


@dataclass(frozen=True, kw_only=True)
class Log:
    """One of the two logs."""

    kind: str
    address: str

    async def bus(self) -> Bus:
        """A connection of its own; the test stops it."""
        bus = make_bus(self.kind, self.address)
        await bus.start()
        return bus


@pytest.fixture(scope="session", params=["postgres", "kafka"])
async def log(request: pytest.FixtureRequest, databases: Databases) -> Log:
    """The log under test."""
    if request.param == "kafka":
        # Only asked for where it is needed: a broker takes seconds to start.
        server = await asyncio.to_thread(request.getfixturevalue, "kafka")
        return Log(kind="kafka", address=server.bootstrap)
    return Log(kind="postgres", address=await databases.make("tongban_log"))


@pytest.fixture
async def bus(log: Log) -> AsyncIterator[Bus]:
    """A connection to the log under test."""
    bus = await log.bus()
    yield bus
    await bus.stop()


MakeTopic = Callable[..., Awaitable[Topic]]


@pytest.fixture
def make_topic(bus: Bus) -> MakeTopic:
    """Makes topics that no other test uses."""

    async def make(**wanted: Any) -> Topic:
        topic = topic_of(f"test-{next(_NUMBERS)}.events.v1", **wanted)
        await bus.create([topic])
        return topic

    return make


@pytest.fixture
async def topic(make_topic: MakeTopic) -> str:
    """A topic of six partitions."""
    return (await make_topic()).name


MakeLine = Callable[..., Awaitable[Line]]


@pytest.fixture(scope="session")
async def line_database(databases: Databases) -> str:
    """One database for every test here: to make one takes longer than most tests."""
    return await databases.make("line", prepare=make_tables)


@pytest.fixture
async def empty_database(line_database: str) -> str:
    """The database without what the test before left."""
    await empty_tables(line_database)
    return line_database


@pytest.fixture
async def make_line_on(bus: Bus, empty_database: str) -> AsyncIterator[MakeLine]:
    """Makes services on the log under test, all on the same database, as processes of one service have it."""
    async with AsyncExitStack() as closing:

        async def make(topic: str, **settings: Any) -> Line:
            line = make_line(database_url=empty_database, bus=bus, topic=topic, **settings)
            closing.push_async_callback(line.database.close)
            return line

        yield make


@pytest.fixture
async def line(make_line_on: MakeLine, topic: str) -> Line:
    """One service on the log under test."""
    return await make_line_on(topic)


@pytest.fixture
def log_or_database_url(log: Log, line: Line) -> str:
    """A database in which an open transaction must harm nobody: the log's own where it is one."""
    return log.address if log.kind == "postgres" else line.settings.database_url
