"""HTTP/1.1 to one server, as cheap as Python allows: the clients share the processors with what they measure.

An answer costs about a third of what a general client library would take for it. Bodies are bytes on both sides.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

PATIENCE = 40.0
"""Seconds until a call that is not answered counts as broken."""

JSON = {"Content-Type": "application/json"}
_keys = map("{}-{}".format, itertools.repeat(uuid.uuid4().hex), itertools.count(1))


class Broken(ConnectionError):
    """The server ended the connection, or did not answer in time."""


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int = 0
    body: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    """Names in lower case."""


def fresh_key() -> dict[str, str]:
    """A key of its own for one write."""
    return {"Idempotency-Key": next(_keys)}


class Wires:
    """Connections to one server, each used by one call at a time; as many as there are calls at once, kept for the next ones."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._idle: list[_Wire] = []
        self._all: set[_Wire] = set()

    async def call(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send and wait for the whole answer.

        Raises:
            Broken: There was none.
        """
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}", *map(": ".join, headers.items())]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        wire = self._idle.pop() if self._idle else await self._open()
        try:
            answer = await wire.exchange("\r\n".join((*lines, "", "")).encode() + body)
        except BaseException:
            # Nobody reads the answer any more, and no other call may: the connection would stay open for nothing.
            wire.hang_up()
            raise
        if wire.open:
            self._idle.append(wire)
        return answer

    def close(self) -> None:
        """Hang up."""
        for wire in self._all:
            wire.hang_up()
        self._all.clear()
        self._idle.clear()

    async def _open(self) -> _Wire:
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_connection(lambda: _Wire(self._left), self._host, self._port)
        except OSError as error:
            raise Broken(str(error)) from error
        self._all.add(wire)
        return wire

    def _left(self, wire: _Wire) -> None:
        self._all.discard(wire)
        if wire in self._idle:
            self._idle.remove(wire)


class _Wire(asyncio.Protocol):
    """One connection; the methods of the second half are called by the parser."""

    def __init__(self, left: Callable[[_Wire], None]) -> None:
        self.open = False
        self._left = left
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._answer = Answer()
        self._parts: list[bytes] = []

    async def exchange(self, request: bytes) -> Answer:
        """Send one request; its answer."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._waiting, self._answer, self._parts = loop.create_future(), Answer(), []
        late = loop.call_later(PATIENCE, self.hang_up)
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            late.cancel()

    def hang_up(self) -> None:
        """End the connection; a call under way breaks."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods and not the base class.
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._left(self)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Broken(str(exc or "hung up")))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.lower()] = value

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        self._answer.body = b"".join(self._parts)
        self.open = self._parser.should_keep_alive()
        self._parser = httptools.HttpResponseParser(self)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._answer)
