"""A gateway at a real port, and what stands behind it here: real servers that play the four services."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uuid_utils
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.bus_postgres import PostgresBus
from chassis.identity import SigningKey, Verifier
from contracts.caller import Caller
from contracts.codec import encode_object
from contracts.documents import ACCESS_RULES, Document, address
from contracts.envelope import Envelope, to_record
from gateway.app import create_app
from gateway.routes import SERVICES
from gateway.settings import Settings
from tongban_local.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ROOT / "deploy/local/people.yaml"
TOPICS = ROOT / "deploy/topics.yaml"

PATIENCE = 60.0
"""Seconds that a client waits, and a gateway for whoever is behind it, where a test is not about that: a machine may stand still for some."""

Script = Callable[[Scope, Receive, Send], Awaitable[None]]


class Quiet(uvicorn.Server):
    """A server beside others in one process."""

    @asynccontextmanager
    async def running(self, listening: socket.socket) -> AsyncIterator[None]:
        """Serve until left."""
        serving = asyncio.create_task(self._serve([listening]))
        while not self.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(0.005)
        try:
            yield
        finally:
            self.should_exit = True
            await serving


@asynccontextmanager
async def served(app: ASGIApp, *, port: int = 0) -> AsyncIterator[str]:
    """Serve an application on loopback; gives its address."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    async with Quiet(config).running(listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@dataclass
class Asked:
    """One request as a service got it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The one value of a header."""
        found = [value for known, value in self.headers if known == name]
        assert len(found) <= 1
        return found[0] if found else None


@dataclass
class Played:
    """A service as tests play it: it notes what it is asked and answers by its script."""

    name: str
    asked: list[Asked] = field(default_factory=list)
    scripts: dict[str, Script] = field(default_factory=dict)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Status and document by path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Play."""
        if scope["type"] != "http":
            return
        target = scope["raw_path"].decode()
        script = self.scripts.get(target)
        if script is not None:
            self.asked.append(self._asked(scope, b""))
            await script(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.asked.append(self._asked(scope, body))
        status, document = self.answers.get(target, (200, {"service": self.name, "size": len(body)}))
        content = json.dumps(document).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), (b"x-mine", b"kept")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _asked(self, scope: Scope, body: bytes) -> Asked:
        query = scope["query_string"].decode()
        headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
        return Asked(scope["method"], scope["raw_path"].decode() + (f"?{query}" if query else ""), headers, body)


@dataclass
class World:
    """A gateway and what is behind it."""

    url: str
    services: dict[str, Played]
    bus: PostgresBus
    verifiers: dict[str, Verifier]
    folder: Path
    """Where the gateway's keys are."""
    people: dict[str, Visitor] = field(default_factory=dict)
    positions: int = 0

    def __getitem__(self, name: str) -> Played:
        return self.services[name]

    async def visitor(self, name: str) -> Visitor:
        """Somebody signed in."""
        if name not in self.people:
            self.people[name] = await Visitor.sign_in(name, url=self.url)
        return self.people[name]

    async def token(self, name: str) -> str:
        """Somebody's access token."""
        visitor = await self.visitor(name)
        assert visitor.token is not None
        return visitor.token

    def caller(self, asked: Asked, *, service: str) -> Caller:
        """Whom a service is told, checked as it would."""
        scheme, _, token = (asked.header("authorization") or "").partition(" ")
        assert scheme == "Bearer"
        return self.verifiers[service].verify(token)

    async def publish(self, *documents: Document) -> None:
        """Put documents on their topic, as routing-svc would."""
        for document in documents:
            topic, key, kind = address(document)
            assert topic == ACCESS_RULES
            self.positions += 1
            envelope = Envelope(
                id=str(uuid_utils.uuid7()),
                type=kind,
                source="/routing/100000",
                subject=key,
                time=datetime.now(UTC),
                key=key,
                sequence=1,
                position=self.positions,
                data=encode_object(document),
            )
            await self.bus.append(topic, 0, [to_record(envelope)])


def told(folder: Path, *, log_url: str, services: dict[str, str], **other: Any) -> Settings:
    """Settings of a gateway in development; the key files are made in the folder."""
    key_file = folder / "gateway.json"
    if not key_file.exists():
        key = SigningKey.make("gateway")
        key_file.write_text(json.dumps(key.private))
        (folder / "jwks.json").write_text(json.dumps({"keys": [key.public]}))
    given: dict[str, Any] = {
        **{f"{name}_url": url for name, url in services.items()},
        "public_url": "http://tongban.test:8080",
        "log_url": log_url,
        "topics_file": TOPICS,
        "internal_key_file": key_file,
        "development": True,
        "people_file": PEOPLE,
        "dev_key_file": folder / "dev.json",
        "log_level": "error",
        **dict.fromkeys(("connect_timeout", "answer_timeout", "part_timeout", "clock_timeout"), PATIENCE),
        **other,
    }
    return Settings(**given)


@asynccontextmanager
async def world(folder: Path, *, log_url: str, bus: PostgresBus, **settings: Any) -> AsyncIterator[World]:
    """A gateway before four played services."""
    played = {name: Played(name) for name in SERVICES}
    own = {name: settings.pop(f"{name}_url") for name in SERVICES if f"{name}_url" in settings}
    async with AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(served(each)) for name, each in played.items()}
        url = await stack.enter_async_context(served(create_app(told(folder, log_url=log_url, services=urls | own, **settings))))
        found = World(url, played, bus, {name: Verifier(folder / "jwks.json", audience=name) for name in SERVICES}, folder)
        await until_ready(url)
        try:
            yield found
        finally:
            for visitor in found.people.values():
                await visitor.close()


def client_of(url: str, **options: Any) -> httpx.AsyncClient:
    """Somebody at a gateway, who is patient."""
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE, **options)


async def until_ready(url: str) -> None:
    """Wait until a gateway says that it is ready."""
    async with client_of(url) as client:
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - another program's state
            await asyncio.sleep(0.02)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the test's own bound ends a vain wait."""
    while not holds():  # noqa: ASYNC110 - another program's state
        await asyncio.sleep(0.01)


async def say(url: str, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; status and the whole answer after its head."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


def script_of(pieces: Sequence[bytes], *, status: int = 200, headers: Sequence[tuple[bytes, bytes]] = ()) -> Script:
    """Answers with these pieces."""

    async def play(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return play
