"""A service at several addresses: each gets its turn, and one that is away or leaving costs nobody a request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from pydantic import ValidationError

from tests.gateway.conftest import MakeWorld
from tests.gateway.test_passing import breaks_off
from tests.gateway.world import Played, World, client_of, script_of, served, told

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
async def pair(make_world: MakeWorld) -> AsyncIterator[tuple[httpx.AsyncClient, Played, Played]]:
    """A client before a gateway that knows intake at two addresses and one where nobody is."""
    first, second = Played("intake"), Played("intake")
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(served(each)) for each in (first, second)]
        world: World = await stack.enter_async_context(make_world(intake_url=",".join([*urls, NOBODY])))
        headers = {"authorization": f"Bearer {await world.token('tonggu-clerk')}"}
        yield await stack.enter_async_context(client_of(world.url, headers=headers)), first, second


async def test_each_address_gets_its_turn_and_nobody_meets_the_one_that_is_away(
    pair: tuple[httpx.AsyncClient, Played, Played],
) -> None:
    client, first, second = pair

    statuses = {(await client.get("/v1/cases")).status_code for _ in range(12)}

    assert statuses == {200}
    assert min(len(first.asked), len(second.asked)) >= 5


async def test_a_request_that_was_not_sent_goes_to_the_next_address_whatever_it_is(
    make_world: MakeWorld, pair: tuple[httpx.AsyncClient, Played, Played]
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 20_000

    _, first, _ = pair
    async with served(first) as url, make_world(intake_url=f"{NOBODY}, http://127.0.0.1:2, {url}") as there:
        headers = {"authorization": f"Bearer {await there.token('tonggu-clerk')}"}
        async with client_of(there.url, headers=headers) as client:
            whole = await client.post("/v1/progress", json={})
            streamed = await client.post("/v1/materials", content=pieces())

    assert [(each.status_code, each.json()["service"]) for each in (whole, streamed)] == [(200, "intake")] * 2
    assert [len(asked.body) for asked in first.asked] == [2, 200_000]


@pytest.mark.parametrize(("key", "statuses"), [({"idempotency-key": "k"}, [200, 200]), ({}, [200, 502])])
async def test_a_request_that_broke_off_is_repeated_at_the_other_address_only_under_a_key(
    make_world: MakeWorld, key: dict[str, str], statuses: list[int]
) -> None:
    met: list[bytes] = []
    server = await asyncio.start_server(lambda r, w: breaks_off(r, w, said=b"", met=met), "127.0.0.1", 0)
    broken = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    well = Played("intake")

    async with (
        server,
        served(well) as url,
        make_world(intake_url=f"{broken},{url}") as there,
        client_of(there.url) as client,
    ):
        answers = [await client.post("/v1/progress", json={}, headers=key) for _ in range(2)]

    assert sorted(each.status_code for each in answers) == statuses
    assert (len(met), len(well.asked)) == (1, statuses.count(200))


async def test_an_address_that_is_leaving_is_asked_again_once_it_is_ready(
    pair: tuple[httpx.AsyncClient, Played, Played],
) -> None:
    client, first, _ = pair
    first.scripts["/v1/cases"] = script_of([b"{}"], headers=[(b"connection", b"close")])
    first.answers["/readyz"] = (503, {})
    while not first.asked:
        await client.get("/v1/cases")
    before = 1

    for _ in range(6):
        await client.get("/v1/cases")
    while_leaving = len([asked for asked in first.asked if asked.target == "/v1/cases"])
    first.scripts.clear()
    first.answers["/readyz"] = (200, {})

    assert while_leaving == before
    while len([asked for asked in first.asked if asked.target == "/v1/cases"]) == before:
        await client.get("/v1/cases")
        await asyncio.sleep(0.01)


async def test_when_all_are_away_it_is_503(make_world: MakeWorld) -> None:
    async with make_world(intake_url=f"{NOBODY},http://127.0.0.1:2") as dead, client_of(dead.url) as client:
        answers = [await client.post("/v1/progress", json={}) for _ in range(2)]

    assert [(each.status_code, each.json()["rule"]) for each in answers] == [(503, "upstream.away")] * 2


@pytest.mark.parametrize("urls", ["", " , "])
def test_a_service_without_an_address_is_refused(tmp_path_factory: pytest.TempPathFactory, urls: str) -> None:
    services = dict.fromkeys(("catalog", "routing", "credential"), NOBODY) | {"intake": urls}

    with pytest.raises(ValidationError, match="every service needs an address"):
        told(tmp_path_factory.mktemp("settings"), log_url="postgresql+asyncpg://x@127.0.0.1:1/x", services=services)
