"""One gateway before four played services, on the PostgreSQL log."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from chassis.bus_postgres import PostgresBus
from chassis.topics import load
from tests.gateway.world import TOPICS, World, client_of, world
from tests.support.engines import Databases

MakeWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture(scope="session")
async def gateway_log(databases: Databases) -> AsyncIterator[tuple[str, PostgresBus]]:
    """A log with its topics, and its address."""
    url = await databases.make("gateway_log")
    bus = PostgresBus(url)
    await bus.start()
    await bus.create(load(TOPICS))
    yield url, bus
    await bus.stop()


@pytest.fixture(scope="session")
def make_world(gateway_log: tuple[str, PostgresBus], tmp_path_factory: pytest.TempPathFactory) -> MakeWorld:
    """Makes worlds with settings of their own."""
    url, bus = gateway_log
    folder = tmp_path_factory.mktemp("gateway")

    def make(**settings: Any) -> AbstractAsyncContextManager[World]:
        return world(folder, log_url=url, bus=bus, **settings)

    return make


@pytest.fixture(scope="session")
async def shared_world(make_world: MakeWorld) -> AsyncIterator[World]:
    """The world of most tests."""
    async with make_world() as made:
        yield made


@pytest.fixture
def here(shared_world: World) -> World:
    """The shared world with nothing asked and nothing scripted yet."""
    for played in shared_world.services.values():
        played.asked.clear()
        played.scripts.clear()
        played.answers.clear()
    return shared_world


@pytest.fixture
async def client(here: World) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular."""
    async with client_of(here.url) as made:
        yield made


@pytest.fixture
async def clerk(here: World) -> AsyncIterator[httpx.AsyncClient]:
    """A receiving clerk who is signed in."""
    headers = {"authorization": f"Bearer {await here.token('tonggu-clerk')}"}
    async with client_of(here.url, headers=headers) as made:
        yield made
