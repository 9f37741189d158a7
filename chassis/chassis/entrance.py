"""The outermost layer of a service: every request gets its trace, is counted and logged once, and ends in an answer.

Plain ASGI. What nobody caught becomes a problem without its text; the text of an exception may hold what was sent.
"""

from collections.abc import Callable
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import problems, tracing
from chassis.logs import get_logger
from chassis.metrics import Metrics
from chassis.problems import StillReading, TooLarge
from contracts.refusals import Refusal

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TOO_LARGE = 413
_HUNG_UP = 499
"""Nobody is there to be told; it stands in logs and figures alone."""
_TRACEPARENT = tracing.HEADER.encode()
_QUIET = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})

_log = get_logger()


class Entrance:
    """Wraps the routes of one service."""

    def __init__(
        self, app: ASGIApp, *, service: str, metrics: Metrics, max_body: int, is_reading: Callable[[], bool] = lambda: False
    ) -> None:
        """Wrap.

        Args:
            app: What handles the requests.
            service: Named in logs and figures.
            metrics: Where requests are counted.
            max_body: Bytes; a route may take less, none takes more.
            is_reading: Says that what the routes answer from is not there yet, since the service began from nothing.
        """
        self._app = app
        self._service = service
        self._metrics = metrics
        self._max_body = max_body
        self._is_reading = is_reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP is passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with tracing.traced(_header(scope, _TRACEPARENT), service=self._service):
            await self._handle(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        answering = _Answering(scope, send)
        try:
            if _announced(scope) > self._max_body:
                raise TooLarge  # noqa: TRY301 - answered like everything else that is refused
            if scope["path"] not in _QUIET and self._is_reading():
                # It would say that there is no such thing, of things that there are.
                raise StillReading(retry_after=1)  # noqa: TRY301 - as above
            await self._app(scope, self._bounded(receive), answering.send)
        except ClientDisconnect:
            answering.status = answering.status or _HUNG_UP
        except Exception as error:  # noqa: BLE001 - this is where anything unforeseen becomes an answer
            if not isinstance(error, Refusal):
                _log.error("request.failed", exc_info=error, route=_template(scope))
            if answering.status == 0:
                await problems.answer(Request(scope), error)(scope, receive, answering.send)
        finally:
            seconds = perf_counter() - began
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = _template(scope)
            self._metrics.request(method=method, route=route, status=answering.status, seconds=seconds)
            if route not in _QUIET:
                _log.info("request", method=method, route=route, status=answering.status, ms=round(seconds * 1000, 1))

    def _bounded(self, receive: Receive) -> Receive:
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > self._max_body:
                    # FastAPI turns any other exception in here into its own 400.
                    raise HTTPException(413)
            return message

        return bounded


class _Answering:
    """Watches an answer go out."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._replaced = False
        self.status = 0
        """0 until the answer has begun."""

    async def send(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"traceparent", (tracing.traceparent() or "").encode())]
            if self.status == _TOO_LARGE and (b"content-type", b"text/plain; charset=utf-8") in headers:
                # A route's own bound answers in plain text, past every handler.
                self._replaced = True
                await problems.answer(Request(self._scope), TooLarge())(self._scope, _nothing, self._send)
                return
            message["headers"] = headers
        await self._send(message)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _announced(scope: Scope) -> int:
    length = _header(scope, b"content-length") or ""
    return int(length) if length.isdecimal() else 0


def _header(scope: Scope, name: bytes) -> str | None:
    """The first of a name; two of all headers are looked at here, and a mapping of them would be made for each."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def _template(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "unknown"))
