"""The server has said that it ends and is still connected: the driver loses its way, and nobody takes that for a fault of the work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import literal, select, text
from sqlalchemy.exc import DBAPIError

from chassis.bus import BusUnavailable
from chassis.bus_postgres import PostgresBus
from chassis.database import Database, is_transient
from chassis.prepared import Prepared
from chassis.problems import refused_by
from contracts.envelope import Record
from tests.chassis.bus.line import topic_of, until
from tests.chassis.dying import DyingServer
from tests.support.engines import DatabaseUrl
from tests.support.toy import RunningToy

TOPIC = topic_of("dying.events.v1")
ONE = Prepared(select(literal(1)))

Ask = Callable[[Database, RunningToy], Awaitable[None]]


@pytest.fixture
async def dying(database_url: DatabaseUrl) -> AsyncIterator[DyingServer]:
    """An empty database behind a server that can end."""
    async with DyingServer(await database_url("dying")).running() as server:
        yield server


@pytest.fixture
async def database(dying: DyingServer) -> AsyncIterator[Database]:
    """A service's connections to it."""
    database = Database(dying.url, name="dying")
    yield database
    await database.close()


async def ask_prepared(database: Database, toy: RunningToy) -> None:
    async with database.read(toy.context) as tx:
        await tx.fetch(ONE, {})


async def ask_core(database: Database, toy: RunningToy) -> None:
    async with database.begin(toy.context) as tx:
        await tx.execute(text("select 1"))


@pytest.mark.parametrize("ask", [ask_prepared, ask_core])
async def test_a_query_of_a_service_is_to_be_tried_again_and_its_connection_is_given_up(
    dying: DyingServer, database: Database, toy: RunningToy, ask: Ask
) -> None:
    await ask(database, toy)
    assert await dying.end_all() == 1

    with pytest.raises(DBAPIError) as told:
        await ask(database, toy)

    assert is_transient(told.value)
    assert refused_by(told.value).RULE == "unavailable.database"
    await ask(database, toy)


async def test_a_commit_that_meets_it_is_to_be_tried_again(dying: DyingServer, database: Database, toy: RunningToy) -> None:
    async def work() -> None:
        async with database.begin(toy.context) as tx:
            await tx.execute(text("select 1"))
            await dying.end_all()

    with pytest.raises(DBAPIError) as told:
        await work()

    assert is_transient(told.value)
    await ask_core(database, toy)


async def test_the_log_goes_on_and_still_hears_what_others_write(dying: DyingServer) -> None:
    ours = PostgresBus(dying.url, lease=3.0)
    theirs = PostgresBus(dying.url.replace("127.0.0.1", "localhost"), lease=3.0)
    await ours.start()
    await theirs.start()
    await ours.create([TOPIC])
    following = await ours.follow(TOPIC.name)
    member = await ours.subscribe("dying", [TOPIC.name])
    heard: list[bytes | None] = []

    async def hears(wanted: bytes) -> bool:
        try:
            heard.extend(each.value for each in await following.batch())
            await member.batch(wait=0.1)
        except BusUnavailable:
            return False
        return wanted in heard

    async def append(value: bytes) -> bool:
        try:
            await theirs.append(TOPIC.name, 0, [Record(key="k", value=value, headers=())])
        except BusUnavailable:
            return False
        return True

    for number in range(5):
        value = str(number).encode()
        await until(partial(append, value), what="an append")
        await until(partial(hears, value), what=f"record {number}")
        await dying.end_all()
    await member.close()
    await following.close()
    await ours.stop()
    await theirs.stop()
