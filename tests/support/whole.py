"""The whole system for journeys: five processes on real Kafka and real PostgreSQL, driven over HTTP alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tongban_local.kafka import KafkaServer
from tongban_local.layout import lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import System
from tongban_local.visitor import Visitor

SignIn = Callable[[str], Awaitable[Visitor]]
"""``await sign_in("tonggu-clerk")``; ``"public"`` is nobody."""


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, kafka: KafkaServer) -> Iterator[System]:
    """Five running services with the seed; started once per run. A test that kills one starts it again."""
    data: Path = tmp_path_factory.mktemp("system")
    running = System(lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix="journeys"))
    try:
        running.start()
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
