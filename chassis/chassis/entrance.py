"""The outermost layer of a service: every request gets its trace, is counted and logged once, and ends in an answer.

Plain ASGI. What nobody caught becomes a problem without its text; the text of an exception may hold what was sent.
"""

from time import perf_counter

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import problems, tracing
from chassis.logs import get_logger
from chassis.metrics import Metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})

_log = get_logger()


class Entrance:
    """Wraps the routes of one service."""

    def __init__(self, app: ASGIApp, *, service: str, metrics: Metrics) -> None:
        self._app = app
        self._service = service
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP is passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with tracing.traced(Headers(scope=scope).get(tracing.HEADER), service=self._service):
            await self._handle(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"traceparent", (tracing.traceparent() or "").encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - this is where anything unforeseen becomes an answer
            _log.error("request.failed", exc_info=error, route=_template(scope))
            if status == 0:
                await problems.answer(Request(scope), error)(scope, receive, watched)
        finally:
            seconds = perf_counter() - began
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = _template(scope)
            self._metrics.request(method=method, route=route, status=status, seconds=seconds)
            if route not in _QUIET:
                _log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _template(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "unknown"))
