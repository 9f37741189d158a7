"""Passing requests through: whose path it is, who asks, and then bytes in both directions as they come.

Plain ASGI. Nothing is gathered but the body of a small request, which lets a request that met a connection just closed be sent again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl

import aiohttp
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.problems import MethodNotAllowed, Unauthenticated, UpstreamBroken, UpstreamLate
from gateway.callers import Callers, Known
from gateway.routes import ROOT, Found, find
from gateway.upstreams import Upstreams

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

SMALL = 64 * 1024
"""Bytes of a request body up to which it is sent whole."""

UPLOAD = 300.0
"""Seconds in which a large body must have come in."""

WATCHED_FROM = 0.05
"""Seconds after which it is watched whether the caller hangs up: most answers are out by then, and need no task of their own."""

STREAM = "text/event-stream"

_BODILESS = {204, 304}

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_IN = _HOP_BY_HOP | {b"host", b"authorization", b"cookie", b"forwarded", b"x-real-ip", b"traceparent", b"tracestate", b"expect"}
_NOT_IN_BEGINNING = (b"x-forwarded-", b"x-internal-")
_NOT_OUT = _HOP_BY_HOP | {b"server", b"date", b"traceparent", b"set-cookie"}

View = Callable[[Request, Found, Known | None], Awaitable[Response | None]]
"""Answers a request by more than one service; None when one service answers it alone."""


class ClientGone(Exception):
    """Whoever asked has hung up."""


class Proxy:
    """Stands before the gateway's own routes and takes what is the services'."""

    def __init__(
        self, app: ASGIApp, *, upstreams: Upstreams, callers: Callers, views: Mapping[str, View], own: Collection[str], patience: float
    ) -> None:
        """Wrap.

        Args:
            app: The gateway's own routes.
            upstreams: The services.
            callers: Knows who asks.
            views: What is put together here, by the name in the table.
            own: Paths below `ROOT` that the gateway answers itself.
            patience: Seconds from the end of a request to the end of its answer; streams of events have no such bound.
        """
        self._app = app
        self._upstreams = upstreams
        self._callers = callers
        self._views = views
        self._own = frozenset(own)
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request."""
        if scope["type"] != "http" or not scope["path"].startswith(ROOT) or scope["path"] in self._own:
            await self._app(scope, receive, send)
            return
        found = find(scope["raw_path"])
        scope["route"] = found.row
        if scope["method"] not in METHODS:
            raise MethodNotAllowed
        known = await self._callers.know(_authorization(scope))
        if known is None and scope["method"] not in found.row.public and scope["method"] != "OPTIONS":
            raise Unauthenticated
        if found.row.view and scope["method"] in found.row.views:
            request = Request(scope, receive)
            answer = await self._views[found.row.view](request, found, known)
            if answer is not None:
                await answer(scope, receive, send)
                return
        await self._pass(scope, receive, send, found=found, known=known)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, *, found: Found, known: Known | None) -> None:
        query = scope["query_string"].decode("latin-1")
        token = None
        if known is not None:
            token = await self._callers.token_for(known, service=found.row.service, case=found.case or case_named(query))
        try:
            upload = await _Upload.begin(scope, receive)
        except ClientGone:
            return
        begun = _Begun(send)
        target = f"{found.target}?{query}" if query else found.target
        headers = passed_on(scope["headers"])
        async with hung_up(upload), asyncio.timeout(self._patience if upload.whole else UPLOAD) as bound:
            upload.then = lambda: bound.reschedule(asyncio.get_running_loop().time() + self._patience)
            again = upload.whole and (scope["method"] in {"GET", "HEAD"} or any(name == "idempotency-key" for name, _ in headers))
            while True:
                try:
                    async with self._upstreams.exchange(
                        found.row.service, scope["method"], target, headers=headers, token=token, body=upload.body
                    ) as answer:
                        if answer.content_type == STREAM:
                            bound.reschedule(None)
                        await _relay(answer, begun, upload=upload, head_only=scope["method"] == "HEAD")
                except UpstreamBroken:
                    if upload.failure is not None:
                        raise upload.failure from None
                    if begun.status or not again:
                        raise
                    again = False
                else:
                    return


class _Begun:
    """Remembers that an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


class _Upload:
    """The body of a request on its way to a service."""

    def __init__(self, receive: Receive, *, first: bytes, more: bool) -> None:
        self._receive = receive
        self._first = first
        self._sent = asyncio.Event()
        self.whole = not more
        """True when all of it is here."""
        self.answered = False
        """True when the last of the answer is sent or about to be: hanging up is no longer giving up."""
        self.failure: BaseException | None = None
        """Why it could not be sent: too large, or the sender is gone."""
        self.then: Callable[[], None] = lambda: None
        """Called when a body that came in pieces has gone out."""
        self.body: bytes | AsyncIterator[bytes] | None = self._pieces() if more else first or None
        if not more:
            self._sent.set()

    @classmethod
    async def begin(cls, scope: Scope, receive: Receive) -> "_Upload":
        """Take what is small whole, and of what is not the first piece."""
        if not any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"]):
            return cls(receive, first=b"", more=False)
        first, more = await _next(receive)
        while more and len(first) < SMALL:
            piece, more = await _next(receive)
            first += piece
        return cls(receive, first=first, more=more)

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            yield self._first
            more = True
            while more:
                piece, more = await _next(self._receive)
                if piece:
                    yield piece
        except Exception as error:
            self.failure = error
            raise
        finally:
            self._sent.set()
            self.then()

    async def until_hung_up(self) -> None:
        """Wait until the sender is gone, once all of the body is."""
        await self._sent.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


@asynccontextmanager
async def hung_up(upload: _Upload) -> AsyncIterator[None]:
    """Give the work inside up as soon as whoever asked has hung up.

    Raises:
        UpstreamLate: The bound of the work inside was reached.
    """
    working = asyncio.current_task()
    loop = asyncio.get_running_loop()
    gone = False
    watching: asyncio.Task[None] | None = None

    async def watch() -> None:
        nonlocal gone
        await upload.until_hung_up()
        if working is not None and not upload.answered:
            gone = True
            working.cancel()

    def begin() -> None:
        nonlocal watching
        watching = loop.create_task(watch())

    beginning = loop.call_later(WATCHED_FROM, begin)
    try:
        yield
    except asyncio.CancelledError:
        if not gone or working is None or working.uncancel() > 0:
            raise
    except ClientGone:
        pass
    except TimeoutError as error:
        raise UpstreamLate from error
    finally:
        beginning.cancel()
        if watching is not None:
            watching.cancel()
        if gone:
            # A cancellation asked for but not yet delivered would hit whoever awaits next.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)


async def _relay(answer: aiohttp.ClientResponse, begun: _Begun, *, upload: _Upload, head_only: bool) -> None:
    headers = _without_hop([(name.lower(), value) for name, value in answer.raw_headers], _NOT_OUT)
    await begun.send({"type": "http.response.start", "status": answer.status, "headers": headers})
    left = 0 if head_only or answer.status in _BODILESS else answer.content_length
    if left != 0:
        async for piece in answer.content.iter_any():
            left = None if left is None else left - len(piece)
            upload.answered = left == 0
            await begun.send({"type": "http.response.body", "body": piece, "more_body": left != 0})
    if not upload.answered:
        upload.answered = True
        await begun.send({"type": "http.response.body", "body": b"", "more_body": False})


def passed_on(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Headers of a request as a service gets them: nothing about this hop, nothing that speaks for us.

    Args:
        headers: Names in lower case.
    """
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in _without_hop(headers, _NOT_IN)
        if not name.startswith(_NOT_IN_BEGINNING)
    ]


def case_named(query: str) -> str | None:
    """The case that a query names, by ``case``: how an applicant says whose notice or credential is read."""
    return next((value for name, value in parse_qsl(query) if name == "case"), None) if "case=" in query else None


def _without_hop(headers: list[tuple[bytes, bytes]], left_out: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """What is not left out, nor named by ``Connection`` as of this hop alone."""
    kept = [each for each in headers if each[0] not in left_out]
    listed = [value for name, value in headers if name == b"connection"]
    if not listed:
        return kept
    named = {name.strip().lower() for value in listed for name in value.split(b",")}
    return [each for each in kept if each[0] not in named]


def _authorization(scope: Scope) -> str | None:
    shown = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(shown) > 1:
        raise Unauthenticated
    return shown[0].decode("latin-1") if shown else None
