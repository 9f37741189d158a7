"""The whole system for journeys: five processes on real Kafka and real PostgreSQL, driven over HTTP alone.

It runs while a folder of tests uses it and stops behind the last of them: five idle processes take a quarter of a core. The next folder starts
it again with what it knows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tongban_local.kafka import KafkaServer
from tongban_local.layout import Layout, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import System
from tongban_local.visitor import Visitor

PATIENT = {"seen_wait": "15", "lock_wait": "9", "connect_timeout": "30", "part_timeout": "30", "clock_timeout": "60"}
"""What its parts wait for each other: a machine may stand still for some seconds, which is no test's subject here."""

SignIn = Callable[[str], Awaitable[Visitor]]
"""``await sign_in("tonggu-clerk")``; ``"public"`` is nobody."""


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, kafka: KafkaServer) -> Layout:
    """Databases, topics and settings of the system; the same for a whole run."""
    data: Path = tmp_path_factory.mktemp("system")
    return lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix="journeys")


@pytest.fixture(scope="package")
def system(layout: Layout) -> Iterator[System]:
    """Five running services with the seed. A test that kills one starts it again."""
    running = System(layout)
    try:
        running.start(extra=PATIENT)
        yield running
    finally:
        running.stop()


@pytest.fixture
async def sign_in(system: System) -> AsyncIterator[SignIn]:
    """Signs people in at the development issuer, as a browser would."""
    visitors: list[Visitor] = []

    async def sign(name: str) -> Visitor:
        url = system.layout.url
        visitors.append(Visitor.nobody(url=url) if name == "public" else await Visitor.sign_in(name, url=url))
        return visitors[-1]

    yield sign
    await asyncio.gather(*(visitor.close() for visitor in visitors))
