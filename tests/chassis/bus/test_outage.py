"""The log dies and comes back, on both logs: what was told meanwhile is heard once and in order, without anybody's help."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chassis.bus.line import empty_tables, hearing, make_bus, make_line, relaying, topic_of, until, until_effects
from tongban_local.kafka import KafkaServer
from tongban_local.postgres import PostgresServer

TOPIC = topic_of("outage.events.v1")


@dataclass(kw_only=True)
class Mortal:
    """A log of this test's own, so that nobody else misses it."""

    kind: str
    address: str
    kill: Callable[[], None]
    restart: Callable[[], None]


def kafka_in(folder: Path) -> tuple[Mortal, Callable[[], None]]:
    server = KafkaServer.start(data=folder)
    return Mortal(kind="kafka", address=server.bootstrap, kill=server.kill, restart=server.restart), server.remove


def postgres_in(folder: Path) -> tuple[Mortal, Callable[[], None]]:
    server = PostgresServer.start(data=folder)
    server.create_database("tongban_log")

    def restart() -> None:
        PostgresServer.start(data=folder, port=server.port)

    def remove() -> None:
        PostgresServer.start(data=folder).remove()

    return Mortal(kind="postgres", address=server.url("tongban_log"), kill=server.kill, restart=restart), remove


@pytest.fixture(params=[postgres_in, kafka_in], ids=["postgres", "kafka"])
async def mortal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Mortal]:
    """The log under test."""
    server, remove = await asyncio.to_thread(request.param, tmp_path)
    yield server
    await asyncio.to_thread(remove)


async def test_a_log_that_was_killed_and_comes_back_has_lost_and_doubled_nothing(mortal: Mortal, line_database: str) -> None:
    await empty_tables(line_database)
    bus = make_bus(mortal.kind, mortal.address)
    await bus.start()
    await bus.create([TOPIC])
    line = make_line(database_url=line_database, bus=bus, topic=TOPIC.name)
    number = 0

    async def tell() -> None:
        nonlocal number
        number += 1
        for key in ("a", "b"):
            await line.tell(key, number)

    async with relaying(line) as relay, hearing(line):
        for _ in range(5):
            await tell()
        await until_effects(line, 6)
        await asyncio.to_thread(mortal.kill)
        for _ in range(20):
            await tell()

        async def waits() -> bool:
            return await line.unsent() > 0

        await until(waits, what="rows that wait for the log")
        await asyncio.to_thread(mortal.restart)
        for _ in range(5):
            await tell()
        await until_effects(line, 2 * number)

        async def well() -> bool:
            return relay.trouble is None and await line.unsent() == 0

        await until(well, what="an empty outbox")
    heard = await line.numbers("a"), await line.numbers("b")
    await line.database.close()
    await bus.stop()

    assert heard == (list(range(1, number + 1)),) * 2
