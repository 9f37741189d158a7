"""The doors of a service: what every writing and every reading route does the same way.

::

    @router.post("/widgets", status_code=201)
    async def make(write: Annotated[Writer[Listing], WRITER], body: WidgetIn) -> Response:
        async def act(tx: Tx[Listing]) -> Answer:
            return Answer(status=201, body=await handlers.make(tx, caller=write.caller, name=body.name))

        return await write(act)

A write is one transaction, committed before the answer exists for anybody. A refusal rolls it back whole.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar, cast

import orjson
from fastapi import Depends, Request
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from starlette.responses import Response

from chassis import idempotency, seen
from chassis.anchors import Anchored
from chassis.context import Context
from chassis.database import StaleVersion, Tx, is_transient
from chassis.idempotency import Claim, Kept
from chassis.identity import anyone
from chassis.identity import caller as signed_in
from chassis.problems import Behind, PreconditionRequired
from chassis.traces import ReadTrace, put_reads, write_traces
from contracts.caller import Caller
from contracts.refusals import Forbidden, Refusal, Stale
from contracts.values import JsonObject

C = TypeVar("C", bound=Context)

JSON = "application/json"
BEHIND = "Tongban-Behind"

TRIES = 3
"""How often an act is run when others got in its way."""

_ETAG = re.compile(r'\A"([0-9]{1,18})"\Z')


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a write answers: ids, states, instants, links, signatures; nothing of a person, for it is stored."""

    status: int
    body: BaseModel | JsonObject
    headers: Mapping[str, str] = field(default_factory=dict)


class Writer(Generic[C]):
    """The door of a route that changes something."""

    def __init__(self, request: Request, *, caller: Caller, context: C) -> None:
        self._request = request
        self.caller = caller
        self.context = context

    async def __call__(
        self, act: Callable[[Tx[C]], Awaitable[Answer]], *, fingerprint: bytes | None = None, at: Anchored | None = None
    ) -> Response:
        """Run the act once for its ``Idempotency-Key``, however often it is sent, and answer after the commit.

        The act may be run again when a deadlock, a lost connection or a stale row (`StaleVersion`) undid it, so it reads what it needs
        inside and changes nothing outside its transaction.

        Args:
            act: Does the work and gives the answer that is stored with it.
            fingerprint: Stands for the body where that was streamed, e.g. the digest of an upload.
            at: What the act is about, to be found and locked on the way; the act finds it at hand.

        Raises:
            IdempotencyKeyMissing: No key was sent.
            IdempotencyKeyReused: The key was used for another request.
            IdempotencyInFlight: The first request with this key is still at work after two seconds.
            Behind: The service has not heard of what the caller did elsewhere just before.
        """
        return await self.run(act, await self.claim(fingerprint), at=at)

    async def claim(self, fingerprint: bytes | None = None) -> Claim:
        """Name this use of the key, as soon as this service has heard of what the caller did elsewhere.

        Raises:
            IdempotencyKeyMissing: As for a call.
            Behind: As for a call.
        """
        claimed = await self._claim(fingerprint)
        if not await seen.caught_up(self.context, self._request.headers.get(seen.HEADER, "")):
            raise Behind(retry_after=1)
        return claimed

    async def run(self, act: Callable[[Tx[C]], Awaitable[Answer]], claimed: Claim, *, at: Anchored | None = None) -> Response:
        """Do what a call does for a use of the key that is named already."""
        tries = 1
        while True:
            try:
                return await self._once(act, claimed, at=at)
            except StaleVersion:
                if tries >= TRIES:
                    raise
            except DBAPIError as error:
                if tries >= TRIES or not is_transient(error):
                    raise
            tries += 1

    def require_key(self) -> None:
        """Refuse a request without a usable ``Idempotency-Key``, for a route that works before it writes.

        Raises:
            IdempotencyKeyMissing: It has none.
        """
        idempotency.read_key(self._request.headers.get(idempotency.HEADER))

    async def _claim(self, fingerprint: bytes | None) -> Claim:
        request, vault = self._request, self.context.vault
        key = idempotency.read_key(request.headers.get(idempotency.HEADER))
        body = fingerprint if fingerprint is not None else await request.body()
        target = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        return Claim(
            caller=vault.lookup(self.caller.ref),
            route=f"{request.method} {route_of(request)}",
            key=key,
            fingerprint=vault.fingerprint(request.method.encode(), target.encode(), body),
        )

    async def _once(self, act: Callable[[Tx[C]], Awaitable[Answer]], claimed: Claim, *, at: Anchored | None) -> Response:
        async with self.context.database.begin(self.context) as tx:
            first = await idempotency.claim(tx, claimed, at=at)
            if first is not None:
                return send_again(first)
            # Where its events stand is not known before they are written, together with the answer.
            answer = seal_answer(self.context, await act(tx), positions={})
            kept = await idempotency.keep(tx, claimed, answer)
        return send(kept)


def seal_answer(context: Context, answer: Answer, *, positions: Mapping[str, int]) -> Kept:
    """The answer as it is kept and sent, with where its events stand."""
    headers = {name.lower(): value for name, value in answer.headers.items()} | {"content-type": JSON}
    written = seen.write(context.name, positions)
    if written:
        headers[seen.HEADER.lower()] = written
    return Kept(status=answer.status, headers=headers, body=write_json(answer.body))


def send(kept: Kept) -> Response:
    """The first answer to a key."""
    return Response(kept.body, status_code=kept.status, headers=kept.headers)


def send_again(kept: Kept) -> Response:
    """The same bytes for a repeat, marked as such."""
    return Response(kept.body, status_code=kept.status, headers={**kept.headers, idempotency.REPLAYED: "true"})


class Reader(Generic[C]):
    """The door of a route that only reads; a POST that only reads has this one too."""

    def __init__(self, request: Request, *, caller: Caller, tx: Tx[C], behind: bool) -> None:
        self._request = request
        self.caller = caller
        self.tx = tx
        self.behind = behind
        """True when this service has not yet heard of what the caller did elsewhere; the answer says so."""
        self.traces: list[ReadTrace] = []
        self.refused: list[Forbidden] = []

    @property
    def context(self) -> C:
        """The running service."""
        return self.tx.context

    def trace(self, *, aggregate: str, action: str, about: str, purpose: str) -> None:
        """Note that personal data is opened; written after this transaction and before the answer, also when the route then refuses."""
        self.traces.append(ReadTrace(aggregate=aggregate, action=action, about=about, purpose=purpose))

    def trace_refusal(self, refused: Forbidden) -> None:
        """Note that one of several things is not shown, as if the whole were refused; written with the other traces."""
        self.refused.append(refused)

    def answer(
        self, body: BaseModel | JsonObject, *, etag: int | None = None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The answer; 304 without a body when the caller has this version already.

        Args:
            body: What is shown.
            etag: The version of the one thing shown; strong, so that it can be sent back as ``If-Match``.
            status: The HTTP status.
            headers: Further headers.
        """
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        sent.setdefault("cache-control", "private, no-cache")
        if self.behind:
            sent[BEHIND.lower()] = "true"
            return Response(_mark_behind(body), status_code=status, headers=sent, media_type=JSON)
        if etag is not None:
            tag = write_etag(etag)
            sent["etag"] = tag
            if tag in _listed(self._request.headers.get("if-none-match", "")):
                return Response(status_code=304, headers=sent)
        return Response(write_json(body), status_code=status, headers=sent, media_type=JSON)


async def writer(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Writer[Any]:
    """The writing door for whoever is signed in; `WRITER` in a route."""
    return Writer(request, caller=caller, context=context_of(request))


async def public_writer(request: Request, caller: Annotated[Caller, Depends(anyone)]) -> Writer[Any]:
    """The writing door for anyone; `PUBLIC_WRITER` in a route."""
    return Writer(request, caller=caller, context=context_of(request))


async def reader(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> AsyncIterator[Reader[Any]]:
    """The reading door for whoever is signed in; `READER` in a route."""
    async with _read(request, caller=caller) as door:
        yield door


async def public_reader(request: Request, caller: Annotated[Caller, Depends(anyone)]) -> AsyncIterator[Reader[Any]]:
    """The reading door for anyone; `PUBLIC_READER` in a route."""
    async with _read(request, caller=caller) as door:
        yield door


# The scope makes FastAPI close the door before it answers, so that the connection is free and the traces stand.
WRITER = Depends(writer)
PUBLIC_WRITER = Depends(public_writer)
READER = Depends(reader, scope="function")
PUBLIC_READER = Depends(public_reader, scope="function")


def context_of(request: Request) -> Any:
    """The running service behind a request; the doors give it typed."""
    return request.app.state.context


def route_of(request: Request) -> str:
    """The template of the route that took the request; never the path itself."""
    return str(getattr(request.scope.get("route"), "path", "unknown"))


def expect_version(request: Request) -> int:
    """The version that the caller read and now edits, from ``If-Match``.

    Raises:
        PreconditionRequired: No ``If-Match``.
        Stale: It is not the strong tag of a version.
    """
    header = request.headers.get("if-match")
    if header is None:
        raise PreconditionRequired
    found = _ETAG.match(header.strip())
    if found is None:
        raise Stale
    return int(found[1])


async def named_version(request: Request) -> int:
    """The version that must be named; `VERSION` in a route whose edits always do."""
    return expect_version(request)


async def version_if_any(request: Request) -> int | None:
    """The version that was named, or None; `VERSION_IF_ANY` in a route that lets the caller choose."""
    return expect_version(request) if "if-match" in request.headers else None


VERSION = Depends(named_version)
VERSION_IF_ANY = Depends(version_if_any)


def write_etag(number: int) -> str:
    """The strong tag of a version."""
    return f'"{number}"'


def write_json(body: BaseModel | JsonObject) -> bytes:
    """A body as bytes."""
    return body.model_dump_json(by_alias=True).encode() if isinstance(body, BaseModel) else orjson.dumps(body)


@asynccontextmanager
async def _read(request: Request, *, caller: Caller) -> AsyncIterator[Reader[Any]]:
    context: Context = context_of(request)
    behind = not await seen.caught_up(context, request.headers.get(seen.HEADER, ""))
    traces: list[ReadTrace] = []
    beside: list[Forbidden] = []
    refused: Refusal | None = None
    try:
        async with context.database.read(context) as tx:
            door = Reader(request, caller=caller, tx=tx, behind=behind)
            traces, beside = door.traces, door.refused
            yield door
    except Refusal as error:
        refused = error
    if traces or beside:
        await write_traces(context, caller, traces, refused=beside, route=f"{request.method} {route_of(request)}")
    if refused is not None:
        raise refused


def _mark_behind(body: BaseModel | JsonObject) -> bytes:
    shown = body.model_dump(mode="json", by_alias=True) if isinstance(body, BaseModel) else body
    return orjson.dumps({**cast("JsonObject", shown), "behind": True})


def _listed(header: str) -> set[str]:
    return {part.strip().removeprefix("W/") for part in header.split(",")}


__all__ = [
    "PUBLIC_READER",
    "PUBLIC_WRITER",
    "READER",
    "VERSION",
    "VERSION_IF_ANY",
    "WRITER",
    "Answer",
    "ReadTrace",
    "Reader",
    "Writer",
    "context_of",
    "expect_version",
    "named_version",
    "put_reads",
    "route_of",
    "version_if_any",
    "write_etag",
    "write_json",
]
