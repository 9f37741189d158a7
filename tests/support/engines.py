"""Real engines for tests: one PostgreSQL and one Kafka for a whole run, started when the first test asks, removed at its end.

Nothing is skipped when an engine cannot be had: the test fails with what to install.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tongban_local.kafka import KafkaServer
from tongban_local.postgres import PostgresServer

Prepare = Callable[[str], Awaitable[None]]
"""Fills an empty database given by its address (migrations, seed) and leaves no connection open."""


class Databases:
    """Makes databases for tests; what takes long is prepared once per run and copied."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._templates: dict[Prepare, str] = {}
        self._made = 0

    async def make(self, name: str, *, prepare: Prepare | None = None) -> str:
        """A fresh database that nobody else uses; its address for SQLAlchemy.

        Args:
            name: Shows in ``pg_database``, such as ``intake``: lower-case letters, digits, underscores.
            prepare: Fills it; called once per run, later databases are copies. Empty when None.
        """
        template = None if prepare is None else await self._template(name, prepare=prepare)
        self._made += 1
        fresh = f"{name}_{self._made}"
        await asyncio.to_thread(self._server.create_database, fresh, template=template)
        return self._server.url(fresh)

    async def drop(self, url: str) -> None:
        """Remove a database that ``make`` gave, with whoever is still connected."""
        await asyncio.to_thread(self._server.drop_database, url.rpartition("/")[2])

    async def _template(self, name: str, *, prepare: Prepare) -> str:
        if prepare not in self._templates:
            template = f"template_{name}_{len(self._templates)}"
            await asyncio.to_thread(self._server.create_database, template)
            await prepare(self._server.url(template))
            self._templates[prepare] = template
        return self._templates[prepare]


DatabaseUrl = Callable[..., Awaitable[str]]
"""``await database_url("intake", prepare=migrate)``: as ``Databases.make``, removed when the test ends."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The PostgreSQL of this run: that of the wheel, or ``TONGBAN_TEST_POSTGRES=system`` for the machine's. A crash of the machine loses it."""
    folder = tmp_path_factory.mktemp("postgres")
    server = PostgresServer.start(data=folder, binaries=os.environ.get("TONGBAN_TEST_POSTGRES", "wheel"), durable=False)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> Databases:
    """Makes databases that live as long as the run; for fixtures of modules and sessions."""
    return Databases(postgres)


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[DatabaseUrl]:
    """Makes databases that are removed when the test ends."""
    made: list[str] = []

    async def make(name: str = "test", *, prepare: Prepare | None = None) -> str:
        made.append(await databases.make(name, prepare=prepare))
        return made[-1]

    yield make
    for url in made:
        await databases.drop(url)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """The Kafka of this run, one broker, no topics: tests make their own under names of their own, from ``deploy/topics.yaml`` or not.

    A test that kills or pauses brokers starts a Kafka of its own.
    """
    server = KafkaServer.start(data=tmp_path_factory.mktemp("kafka"))
    yield server
    server.remove()


@pytest.fixture(scope="session")
def project() -> Path:
    """The root folder of the project."""
    return Path(__file__).resolve().parents[2]
