"""Requests pass to the service of their path, unchanged, as they come; what goes wrong behind is told plainly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from time import monotonic

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tests.gateway.conftest import MakeWorld
from tests.gateway.world import World, client_of, say, script_of, until


async def test_a_request_reaches_its_service_as_it_was_sent(here: World, clerk: httpx.AsyncClient) -> None:
    answer = await clerk.post(
        "/v1/materials?media_type=a%2Fb&x=1+2", content=b"\x00\xff" * 500, headers={"idempotency-key": "k", "content-type": "image/png"}
    )

    [asked] = here["intake"].asked
    assert (answer.status_code, answer.json()) == (200, {"service": "intake", "size": 1000})
    assert answer.headers["x-mine"] == "kept"
    assert (asked.method, asked.target, asked.body) == ("POST", "/v1/materials?media_type=a%2Fb&x=1+2", b"\x00\xff" * 500)
    assert (asked.header("idempotency-key"), asked.header("content-type")) == ("k", "image/png")


async def test_what_speaks_for_this_hop_or_for_us_stays_outside(here: World, clerk: httpx.AsyncClient) -> None:
    lies = {
        "forwarded": "for=1.2.3.4",
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-proto": "https",
        "x-real-ip": "1.2.3.4",
        "x-internal-caller": "operator",
        "cookie": "a=b",
        "connection": "keep-alive, x-drop",
        "x-drop": "this hop only",
        "te": "trailers",
        "host": "evil.test",
        "x-kept": "yes",
    }

    answer = await clerk.get("/v1/cases", headers=lies)

    [asked] = here["intake"].asked
    names = {name for name, _ in asked.headers}
    assert not names & {"forwarded", "x-forwarded-for", "x-real-ip", "x-internal-caller", "cookie", "x-drop", "te", "connection"}
    assert (asked.header("host"), asked.header("x-forwarded-proto")) == ("tongban.test:8080", "http")
    assert asked.header("x-kept") == "yes"
    assert (asked.header("traceparent") or "").split("-")[1] == answer.headers["traceparent"].split("-")[1]


async def test_a_services_own_hop_and_cookies_stay_inside(here: World, clerk: httpx.AsyncClient) -> None:
    said = [(b"set-cookie", b"a=b"), (b"connection", b"x-drop"), (b"x-drop", b"1"), (b"server", b"secret/1"), (b"etag", b'"7"')]
    here["intake"].scripts["/v1/cases"] = script_of([b"{}"], headers=said)

    answer = await clerk.get("/v1/cases")

    assert answer.headers["etag"] == '"7"'
    assert not {"set-cookie", "x-drop"} & set(answer.headers)
    assert "secret" not in answer.headers.get("server", "")


async def test_an_answer_goes_out_piece_by_piece(here: World, clerk: httpx.AsyncClient) -> None:
    go_on = asyncio.Event()

    async def play(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"second"})

    here["intake"].scripts["/v1/cases"] = play

    async with clerk.stream("GET", "/v1/cases") as answer:
        pieces = answer.aiter_raw()
        first = await anext(pieces)
        go_on.set()
        rest = b"".join([piece async for piece in pieces])

    assert (first, rest) == (b"first", b"second")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_goes_in_piece_by_piece(here: World, clerk: httpx.AsyncClient, announced: bool) -> None:  # noqa: FBT001
    arrived = asyncio.Event()
    sizes: list[int] = []
    piece = b"x" * 100_000

    async def play(_scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            sizes.append(len(message["body"]))
            more = message["more_body"]
            arrived.set()
        await script_of([b"{}"])(_scope, receive, send)

    async def body() -> AsyncIterator[bytes]:
        yield piece
        await arrived.wait()
        yield piece

    here["intake"].scripts["/v1/materials"] = play

    answer = await clerk.post("/v1/materials", content=body(), headers={"content-length": "200000"} if announced else {})

    assert (answer.status_code, sum(sizes)) == (200, 200_000)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/regions/../cases",
        "/v1/regions/%2e%2e/cases",
        "/v1/regions/%2E%2E%2Fparked",
        "/v1/regions/..%2fcases",
        "/v1/regions//x",
        "//v1/regions",
        "/v1//cases",
        "/v1/regions/./x",
        "/v1/regions/a%5cb",
        "/v1/regions/a%00b",
        "/v1/regions/%ff",
        "/v1/regions/%0d%0aX:1",
        "/v1/parked",
        "/v1/internal",
        "/v1/cases/x/y/z",
        "/v1",
        "/v1/",
        "/v1/regions/" + "a" * 3000,
    ],
)
async def test_no_crooked_path_reaches_a_service(here: World, path: str) -> None:
    status, body = await say(here.url, f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())

    assert (status, b'"route.unknown"' in body) == (404, True)
    assert all(not played.asked for played in here.services.values())


async def test_a_name_in_chinese_passes_as_it_was_encoded(here: World, client: httpx.AsyncClient) -> None:
    await client.get("/v1/regions/%E6%B5%8F%E9%98%B3?q=%E6%B5%8F")

    assert here["catalog"].asked[0].target == "/v1/regions/%E6%B5%8F%E9%98%B3?q=%E6%B5%8F"


async def test_a_service_that_is_late_is_504(make_world: MakeWorld) -> None:
    async def play(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with make_world(answer_timeout=0.3) as late, client_of(late.url) as client:
        late["catalog"].scripts["/v1/regions"] = play
        answer = await client.get("/v1/regions", headers={"accept-language": "en"})

    assert (answer.status_code, answer.json()["rule"]) == (504, "upstream.late")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Gateway timeout"


async def test_a_stream_of_events_outlives_the_bound_of_an_answer(make_world: MakeWorld) -> None:
    bound = 0.5
    streams: list[list[float]] = []

    async def play(_scope: Scope, _receive: Receive, send: Send) -> None:
        said = [monotonic()]
        streams.append(said)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        while said[-1] - said[0] < 2 * bound:
            await send({"type": "http.response.body", "body": b"id: 1\n\n", "more_body": True})
            await asyncio.sleep(bound / 10)
            said.append(monotonic())
        await send({"type": "http.response.body", "body": b"id: last\n\n"})

    async def ask(client: httpx.AsyncClient) -> str:
        """What came of one stream; asked again where the machine stood still, for nothing may rest as long as the bound."""
        text = "broken"
        with suppress(httpx.RemoteProtocolError):
            answer = await client.get("/v1/regions")
            text = "late" if answer.status_code == 504 else answer.text
        said = [*streams[-1], monotonic()] if streams and text != "late" else [0.0, bound]
        return await ask(client) if max(then - before for before, then in pairwise(said)) >= bound / 2 else text

    async with make_world(answer_timeout=bound) as late, client_of(late.url) as client:
        late["catalog"].scripts["/v1/regions"] = play
        text = await ask(client)

    assert text.endswith("id: last\n\n")


async def test_a_service_that_is_away_is_503_with_a_time_to_come_back(make_world: MakeWorld) -> None:
    async with make_world(catalog_url="http://127.0.0.1:1") as dead, client_of(dead.url) as client:
        answer = await client.get("/v1/regions")

    assert (answer.status_code, answer.json()["rule"], answer.headers["retry-after"]) == (503, "upstream.away", "1")


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, said: bytes, met: list[bytes]) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    # A second later the gateway asks whoever broke off whether he is ready.
    if b" /readyz " not in head:
        met.append(head)
    writer.write(said)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(("key", "times"), [({"idempotency-key": "k"}, 2), ({}, 1)])
async def test_a_service_that_breaks_off_is_502_and_only_what_may_be_repeated_is_sent_again(
    make_world: MakeWorld, key: dict[str, str], times: int
) -> None:
    met: list[bytes] = []
    server = await asyncio.start_server(lambda r, w: breaks_off(r, w, said=b"", met=met), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async with server, make_world(intake_url=f"http://127.0.0.1:{port}") as broken, client_of(broken.url) as client:
        answer = await client.post("/v1/progress", json={}, headers=key)

    assert (answer.status_code, answer.json()["rule"]) == (502, "upstream.broken")
    assert len(met) == times


async def test_an_answer_that_breaks_off_is_seen_to_be_broken(make_world: MakeWorld) -> None:
    said = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"
    server = await asyncio.start_server(lambda r, w: breaks_off(r, w, said=said, met=[]), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async with server, make_world(catalog_url=f"http://127.0.0.1:{port}") as broken, client_of(broken.url) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/v1/regions")


async def test_a_body_beyond_the_bound_is_413_announced_or_not(make_world: MakeWorld) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 10_000

    async with make_world(max_body=100_000) as small:
        headers = {"authorization": f"Bearer {await small.token('tonggu-clerk')}", "idempotency-key": "k"}
        async with client_of(small.url, headers=headers) as client:
            announced = await client.post("/v1/materials", content=b"x" * 100_001)
            unannounced = await client.post("/v1/materials", content=body())

    assert [(each.status_code, each.json()["rule"]) for each in (announced, unannounced)] == [(413, "request.too-large")] * 2


async def test_head_asks_for_the_head_alone(here: World, client: httpx.AsyncClient) -> None:
    answer = await client.head("/v1/regions")

    assert (here["catalog"].asked[0].method, answer.status_code, answer.content) == ("HEAD", 200, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_options_needs_no_sign_in(here: World, client: httpx.AsyncClient) -> None:
    answer = await client.request("OPTIONS", "/v1/cases")

    assert (answer.status_code, here["intake"].asked[0].method) == (200, "OPTIONS")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
async def test_other_methods_are_405(here: World, method: str) -> None:
    status, _ = await say(here.url, f"{method} /v1/regions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())

    assert status == 405
    assert here["catalog"].asked == []


@pytest.mark.parametrize(("status", "content"), [(204, b""), (304, b"")])
async def test_an_answer_without_a_body_ends(here: World, client: httpx.AsyncClient, status: int, content: bytes) -> None:
    here["catalog"].scripts["/v1/regions"] = script_of([], status=status)

    answer = await client.get("/v1/regions")

    assert (answer.status_code, answer.content) == (status, content)


async def test_when_the_caller_hangs_up_the_service_is_let_go(here: World, client: httpx.AsyncClient) -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def play(_scope: Scope, receive: Receive, _send: Send) -> None:
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        let_go.set()

    here["catalog"].scripts["/v1/regions"] = play
    asking = asyncio.create_task(client.get("/v1/regions"))
    await begun.wait()

    asking.cancel()

    await until(let_go.is_set)
    [ended] = await asyncio.gather(asking, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)


async def test_requests_side_by_side_do_not_wait_for_each_other(here: World, client: httpx.AsyncClient) -> None:
    inside: list[int] = []
    all_in = asyncio.Event()

    async def play(scope: Scope, receive: Receive, send: Send) -> None:
        inside.append(1)
        if len(inside) == 30:
            all_in.set()
        await all_in.wait()
        await script_of([b"{}"])(scope, receive, send)

    here["catalog"].scripts["/v1/regions"] = play

    answers = await asyncio.gather(*(client.get("/v1/regions") for _ in range(30)))

    assert [answer.status_code for answer in answers] == [200] * 30
