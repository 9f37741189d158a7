"""A route that goes past the frame answers as it would in it, whatever is sent."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header, Path, Query, Request
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select
from starlette.responses import Response

from chassis.application import create_application
from chassis.database import Tx
from chassis.doors import READER, VERSION, WRITER, Answer, Reader, Writer
from chassis.express import express
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.tables import IDEMPOTENCY, OUTBOX
from contracts.refusals import Forbidden, NotFound
from tests.support.toy import RunningToy, Toy, WidgetIn

WidgetId = Annotated[str, Path(pattern="^[a-z0-9-]{1,9}$")]


def as_it_is(endpoint: Any) -> Any:
    return endpoint


def routes(choose: Callable[[Any], Any]) -> APIRouter:
    router = APIRouter()

    @router.post("/quick", status_code=201, max_body_size=200)
    @choose
    async def make(write: Annotated[Writer[Toy], WRITER], body: WidgetIn) -> Response:
        async def act(tx: Tx[Toy]) -> Answer:
            tx.context.acts += 1
            if body.name == "refused":
                raise Forbidden(facts={"aggregate": "widget", "action": "make", "about": body.id})
            return Answer(status=201, body={"id": body.id})

        return await write(act)

    @router.post("/quick/{widget_id}/name")
    @choose
    async def change(
        widget_id: WidgetId, write: Annotated[Writer[Toy], WRITER], version: Annotated[int, VERSION], body: WidgetIn | None = None
    ) -> Response:
        async def act(_tx: Tx[Toy]) -> Answer:
            return Answer(status=200, body={"id": widget_id, "version": version, "name": body.name if body else ""})

        return await write(act)

    @router.post("/quick-bytes")
    @choose
    async def weigh(request: Request, write: Annotated[Writer[Toy], WRITER], unit: str = "B") -> Response:
        size = 0
        async for piece in request.stream():
            size += len(piece)

        async def act(_tx: Tx[Toy]) -> Answer:
            return Answer(status=200, body={"size": size, "unit": unit})

        return await write(act, fingerprint=b"%d" % size)

    @router.get("/quick/{widget_id}")
    @choose
    async def show(
        read: Annotated[Reader[Toy], READER],
        widget_id: WidgetId,
        size: Annotated[list[int], Query(max_length=2)] = [],  # noqa: B006 - FastAPI copies it
        limit: Annotated[int, Query(ge=1, le=5)] = 1,
    ) -> Response:
        if widget_id == "none":
            read.trace(aggregate="widget", action="view", about=widget_id, purpose="test")
            raise NotFound
        return read.answer({"id": widget_id, "size": str(size), "limit": limit}, etag=3)

    return router


def application(toy: RunningToy, router: APIRouter) -> FastAPI:
    # Each counts for itself: two applications of one process would register the same figures.
    toy.context.metrics = Metrics("toy")
    return create_application(toy.context, title="T", version="1", routers=[router], checks=Health({}))


@pytest.fixture
async def both(toy: RunningToy) -> AsyncIterator[tuple[AsyncClient, AsyncClient]]:
    """The same routes in the frame and past it."""
    clients = [
        AsyncClient(transport=ASGITransport(application(toy, routes(choose))), base_url="http://toy") for choose in (as_it_is, express)
    ]
    yield clients[0], clients[1]
    for client in clients:
        await client.aclose()


WIDGET = b'{"id": "w-1", "name": "\xe6\x89\xb3\xe6\x89\x8b"}'
JSON = {"content-type": "application/json"}
SENT: dict[str, tuple[str, str, bytes, dict[str, str]]] = {
    "a write": ("POST", "/quick", WIDGET, JSON),
    "another JSON type": ("POST", "/quick", WIDGET, {"content-type": "application/problem+json; charset=utf-8"}),
    "no type": ("POST", "/quick", WIDGET, {}),
    "a form": ("POST", "/quick", WIDGET, {"content-type": "application/x-www-form-urlencoded"}),
    "no body": ("POST", "/quick", b"", JSON),
    "broken JSON": ("POST", "/quick", b'{"id": ', JSON),
    "no text": ("POST", "/quick", b'{"id": "\xff"}', JSON),
    "too deep": ("POST", "/quick", b"[" * 150, JSON),
    "another shape": ("POST", "/quick", b'{"id": 1, "sizes": {"a": "x"}, "more": 1}', JSON),
    "too large": ("POST", "/quick", b'{"id": "' + b"x" * 300 + b'"}', JSON),
    "no key": ("POST", "/quick", WIDGET, JSON | {"idempotency-key": ""}),
    "nobody": ("POST", "/quick", WIDGET, JSON | {"authorization": "Bearer x"}),
    "refused": ("POST", "/quick", b'{"id": "w-1", "name": "refused"}', JSON),
    "bytes": ("POST", "/quick-bytes?unit=kB", b"%PDF", {"content-type": "application/pdf"}),
    "no bytes": ("POST", "/quick-bytes", b"", {}),
    "bytes of nobody": ("POST", "/quick-bytes", b"%PDF", {"authorization": "Bearer x"}),
    "an edit": ("POST", "/quick/w-1/name", WIDGET, JSON | {"if-match": '"7"'}),
    "an edit without a body": ("POST", "/quick/w-1/name", b"", {"if-match": '"7"'}),
    "an edit of no version": ("POST", "/quick/w-1/name", WIDGET, JSON),
    "a wrong path and a wrong body": ("POST", "/quick/W_1/name", b"{}", JSON | {"if-match": '"7"'}),
    "a read": ("GET", "/quick/w-1", b"", {}),
    "a read of some": ("GET", "/quick/w-1?size=1&size=2&limit=5&more=1", b"", {}),
    "a read of too many and none": ("GET", "/quick/w-1?size=1&size=2&size=3&limit=0", b"", {}),
    "a read of a word": ("GET", "/quick/W_1?limit=all", b"", {}),
    "a read of what is known": ("GET", "/quick/w-1", b"", {"if-none-match": '"3"'}),
    "a read of nothing": ("GET", "/quick/none", b"", {}),
    "another method": ("PUT", "/quick", WIDGET, JSON),
    "a longer path": ("GET", "/quick/w-1/more", b"", {}),
}


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """All but the ids that are each request's own."""
    body = answer.json() if answer.headers.get("content-type", "").endswith("json") else answer.content
    shown = {name: value for name, value in body.items() if name != "traceId"} if isinstance(body, dict) else body
    return (
        answer.status_code,
        shown,
        {name: value for name, value in answer.headers.items() if name not in {"traceparent", "content-length"}},
    )


@pytest.mark.parametrize("name", SENT)
async def test_it_answers_as_in_the_frame(toy: RunningToy, both: tuple[AsyncClient, AsyncClient], name: str) -> None:
    method, path, body, headers = SENT[name]
    answers = []
    for number, client in enumerate(both):
        sent = toy.headers(key=f"k-{number}") | headers
        answers.append(await client.request(method, path, content=body, headers={key: value for key, value in sent.items() if value}))

    assert told(answers[1]) == told(answers[0])


async def test_a_refusal_and_a_read_leave_their_traces(toy: RunningToy, both: tuple[AsyncClient, AsyncClient]) -> None:
    await both[1].post("/quick", content=b'{"id": "w-1", "name": "refused"}', headers=toy.headers(key="k") | JSON)
    await both[1].get("/quick/none", headers=toy.headers())

    assert [row.type for row in await toy.rows(OUTBOX)] == ["tongban.access.refused.v1", "tongban.personal-data.read.v1"]


async def test_a_repeat_gets_the_same_answer_and_no_effect(toy: RunningToy, both: tuple[AsyncClient, AsyncClient]) -> None:
    in_the_frame, past_it = [await client.post("/quick", content=WIDGET, headers=toy.headers(key="k") | JSON) for client in both]

    assert past_it.content == in_the_frame.content
    assert past_it.headers["idempotent-replayed"] == "true"
    assert toy.context.acts == 1
    async with toy.context.database.read(toy.context) as tx:
        assert (await tx.execute(select(IDEMPOTENCY.c.route))).scalar_one() == "POST /quick"


async def test_it_is_counted_under_its_template(toy: RunningToy, both: tuple[AsyncClient, AsyncClient]) -> None:
    await both[1].get("/quick/w-1", headers=toy.headers())

    assert 'route="/quick/{widget_id}"' in toy.context.metrics.exposition().decode()


def test_what_only_the_frame_can_give_is_refused_at_the_start(toy: RunningToy) -> None:
    router = APIRouter()

    @router.get("/listed")
    @express
    async def listed(read: Annotated[Reader[Toy], READER], color: Annotated[str, Header()]) -> Response:
        return read.answer({"color": color})

    with pytest.raises(TypeError, match="/listed takes what only the frame can give"):
        application(toy, router).build_middleware_stack()


def framed_then_quick(first: str, second: str) -> APIRouter:
    router = APIRouter()

    @router.get(first)
    async def framed(read: Annotated[Reader[Toy], READER]) -> Response:
        return read.answer({})

    @router.get(second)
    @express
    async def quick(read: Annotated[Reader[Toy], READER]) -> Response:
        return read.answer({})

    return router


@pytest.mark.parametrize(("first", "second"), [("/things/{name}", "/things/new"), ("/things/new", "/things/{name}")])
def test_a_path_that_the_frame_would_give_to_a_route_before_it_is_refused_at_the_start(toy: RunningToy, first: str, second: str) -> None:
    with pytest.raises(TypeError, match="comes first and takes some of its paths"):
        application(toy, framed_then_quick(first, second)).build_middleware_stack()


@pytest.mark.parametrize(
    ("first", "second"),
    [("/things/{name}:open", "/things/{name}:close"), ("/things/{name}/parts", "/things/{name}"), ("/things/{name}:open", "/things/new")],
)
def test_a_route_before_it_with_other_paths_is_no_trouble(toy: RunningToy, first: str, second: str) -> None:
    application(toy, framed_then_quick(first, second)).build_middleware_stack()
