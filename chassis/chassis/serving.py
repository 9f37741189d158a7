"""How an application is served: one set of bounds for every process of the installation, and one way to leave."""

import asyncio
import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEEP_ALIVE = 75
"""Seconds an idle connection stays open: longer than any client of ours keeps one, so that none is closed under a request on its way."""

LEAVING = 4.0
"""Seconds from the wish to stop to the shut door: longer than a client of ours keeps an unused connection (the gateway 3)."""

DRAIN = 10
"""Seconds an open request may still take once the door is shut."""

FAILED = 3
"""Exit status of a process that could not start, uvicorn's own; and of one that should not have."""

_LOOK = 0.02
_READY = frozenset({"/readyz", "/healthz"})


class OneWrite(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, but the head and the body of an answer leave together.

    Written apart they are two calls of the system, counted by strace, and often two packets.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(_Gathering(transport, loop=self.loop))


class _Gathering(asyncio.Transport):
    """Holds what is written until the running callback is done."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(bytes(data))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            self._transport.write(b"".join(self._held))
            self._held.clear()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)


class Door:
    """The application as it is served: on its way out it is not ready, and each answer is the last of its connection."""

    def __init__(self, application: ASGIApp) -> None:
        self.application = application
        self.leaving = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if not self.leaving or scope["type"] != "http":
            await self.application(scope, receive, send)
        elif scope["path"] in _READY:
            await JSONResponse({"status": "leaving"}, status_code=503, headers={"connection": "close"})(scope, receive, send)
        else:
            await self.application(scope, receive, _parting(send))


def _parting(send: Send) -> Send:
    async def part(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return part


class Server(uvicorn.Server):
    """A server that turns nobody away when it stops: callers let go of their connections first, then the door is shut."""

    def __init__(self, application: ASGIApp, *, host: str, port: int, leaving: float = LEAVING) -> None:
        self._door = Door(application)
        self._leaving = leaving
        super().__init__(server_config(self._door, host=host, port=port))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C as the wish to stop; the process then ends with status 0, not by the signal."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to stop."""
        return await super().on_tick(counter) or has_ended(self._door.application)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave, then shut the door, finish what is open and stop what runs beside the routes."""
        self._door.leaving = True
        # Whatever a service still takes that must not serve is one thing more to put right.
        until = monotonic() + (0 if has_ended(self._door.application) else self._leaving)
        while self.server_state.connections and monotonic() < until and not self.force_exit:  # noqa: ASYNC110 - uvicorn keeps a set
            await asyncio.sleep(_LOOK)
        await super().shutdown(sockets)


def has_ended(application: object) -> bool:
    """Whether an application found that it must not serve, and why stands in its ``state.ended``."""
    return getattr(getattr(application, "state", None), "ended", None) is not None


def server_config(application: ASGIApp, *, host: str, port: int) -> uvicorn.Config:
    """The bounds under which an application is served; logs are ours, addresses are never taken from headers."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        http=OneWrite,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=DRAIN,
    )


def serve(application: ASGIApp, *, host: str, port: int, leaving: float = LEAVING) -> None:
    """Serve in this process until it is told to stop.

    Args:
        application: What is served.
        host: Address to listen at.
        port: Port to listen at.
        leaving: Seconds that callers have to let go of their connections.

    Raises:
        SystemExit: It could not start, or should not have.
    """
    # What was imported stays: a full collection that walks through it holds every request for tens of milliseconds.
    gc.collect()
    gc.freeze()
    Server(application, host=host, port=port, leaving=leaving).run()
    if has_ended(application):
        raise SystemExit(FAILED)
