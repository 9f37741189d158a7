"""The services behind, each at one or several addresses: whose turn it is, and what silence means to the caller."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from chassis import tracing
from chassis.problems import RequestUnreadable, UpstreamAway, UpstreamBroken, UpstreamLate
from contracts.refusals import Refusal
from contracts.values import Json

IDLE = 3.0
"""Seconds an unused connection is kept; less than the services keep theirs, or a request would meet a door just closed."""

MOST_CONNECTIONS = 512
"""To one address."""

READ_SIZE = 256 * 1024
"""Bytes of an answer that are held while the caller is slow."""

LOOK_AGAIN = 1.0
"""Seconds between two looks whether a doubted address is ready, and the patience of each."""

_OK = 200
_SENT_AS_IS = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})


@dataclass(frozen=True, slots=True)
class Said:
    """A small answer of a service, whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Json:
        """The JSON document; None when it is none."""
        try:
            body: Json = orjson.loads(self.content)
        except ValueError:
            return None
        return body


class Address:
    """One process of a service."""

    __slots__ = ("doubted", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        """Without a path."""
        self.doubted = False
        """True from its last failure, or its word that it is leaving, until it says that it is ready: it comes last."""


class Addresses:
    """The processes of one service."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.all = [Address(url.rstrip("/")) for url in urls]
        self._turn = 0

    def in_order(self) -> Sequence[Address]:
        """Whom to ask first, and whom next when nobody is there: in turn, the doubted ones last."""
        if len(self.all) == 1:
            return self.all
        self._turn += 1
        first = [each for each in self.all if not each.doubted]
        turned = self._turn % len(first) if first else 0
        return first[turned:] + first[:turned] + [each for each in self.all if each.doubted]


class Upstreams:
    """All services by name."""

    def __init__(self, services: Mapping[str, Sequence[str]], *, public_url: str, connect: float, answer: float) -> None:
        """Nothing is opened yet.

        Args:
            services: Name and addresses, without a path.
            public_url: How people reach the gateway; services build absolute addresses with it.
            connect: Seconds to reach a service.
            answer: Seconds between two pieces of an answer.
        """
        self._services = {name: Addresses(urls) for name, urls in services.items()}
        self._session: aiohttp.ClientSession | None = None
        public = urlsplit(public_url)
        self._public = [("host", public.netloc), ("x-forwarded-proto", public.scheme)]
        self._connect, self._answer = connect, answer
        self._looking: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Make the pool, in the running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=MOST_CONNECTIONS, keepalive_timeout=IDLE),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect, sock_read=self._answer),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_SENT_AS_IS,
            read_bufsize=READ_SIZE,
            trust_env=False,
        )

    async def close(self) -> None:
        """Give every connection back."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def exchange(
        self,
        service: str,
        method: str,
        target: str,
        *,
        headers: list[tuple[str, str]],
        token: str | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
    ) -> "Exchange":
        """Send a request; ``async with`` gives the answer as soon as its head is there.

        An address where nobody is there has been sent nothing, so the next one is asked at once, whatever the method.

        Args:
            service: Who is asked.
            method: HTTP's.
            target: Path and query, encoded.
            headers: As sent on; the trace, the public address and the internal token are added.
            token: Internal token; None for nobody.
            body: Whole, or in pieces as they come.

        Raises:
            UpstreamAway: Nobody is there; nothing was sent.
            UpstreamLate: No answer in time.
            UpstreamBroken: It broke off.
            RequestUnreadable: What came in cannot be sent on.
        """
        sent = [*headers, *self._public, *tracing.outgoing_headers().items()]
        if token is not None:
            sent.append(("authorization", f"Bearer {token}"))
        return Exchange(self, self._services[service].in_order(), method=method, target=target, headers=sent, body=body)

    async def ask(
        self,
        service: str,
        target: str,
        *,
        token: str | None = None,
        headers: list[tuple[str, str]] | None = None,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Said:
        """A small question of the gateway's own; raises as `exchange`."""
        async with self.exchange(service, method, target, headers=headers or [], token=token, body=body) as answer:
            return Said(answer.status, answer.headers, await answer.read())

    async def ask_each(self, service: str, target: str) -> list[Said]:
        """The same question to every address of a service; raises as `exchange` when one of them does not answer."""
        return [await self._ask_at(address, target) for address in self._services[service].all]

    async def _ask_at(self, address: Address, target: str) -> Said:
        async with Exchange(self, [address], method="GET", target=target, headers=[], body=None) as answer:
            return Said(answer.status, answer.headers, await answer.read())

    async def send(
        self, address: Address, *, method: str, target: str, headers: list[tuple[str, str]], body: bytes | AsyncIterator[bytes] | None
    ) -> aiohttp.ClientResponse:
        """One request to one address; the head of its answer. Raises what aiohttp raises."""
        if self._session is None:
            raise UpstreamAway
        url = URL(address.url + target, encoded=True)
        answer = await self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
        if answer.headers.get("connection", "").lower() == "close":
            # It is about to leave: whoever comes now goes elsewhere, and meets no connection that is closed under its request.
            self.doubt(address)
        return answer

    def doubt(self, address: Address) -> None:
        """Ask this address last until it says that it is ready."""
        address.doubted = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="doubted addresses")

    async def _look(self) -> None:
        while doubted := [each for service in self._services.values() for each in service.all if each.doubted]:
            await asyncio.sleep(LOOK_AGAIN)
            for address, ready in zip(doubted, await asyncio.gather(*map(self._is_ready, doubted)), strict=True):
                address.doubted = not ready

    async def _is_ready(self, address: Address) -> bool:
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                said = await self._ask_at(address, "/readyz")
        except (Refusal, TimeoutError):
            return False
        return said.status == _OK and said.headers.get("connection", "").lower() != "close"


class Exchange:
    """One request on its way; entered it is the answer, and what goes wrong until it is left is said in the gateway's words."""

    __slots__ = ("_addresses", "_answer", "_asked", "_body", "_headers", "_method", "_target", "_upstreams")

    def __init__(
        self,
        upstreams: Upstreams,
        addresses: Sequence[Address],
        *,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] | None,
    ) -> None:
        self._upstreams = upstreams
        self._addresses = addresses
        self._method, self._target = method, target
        self._headers, self._body = headers, body
        self._asked = addresses[0]
        self._answer: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        """The head of the answer."""
        away: Exception | None = None
        for address in self._addresses:
            self._asked = address
            try:
                self._answer = await self._upstreams.send(
                    address, method=self._method, target=self._target, headers=self._headers, body=self._body
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                self._upstreams.doubt(address)
                away = error
            except Exception as error:
                self._translate(error)
                raise
            else:
                return self._answer
        raise UpstreamAway from away

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the connection back; one with half an answer in it is closed."""
        if self._answer is not None:
            self._answer.release()
            await self._answer.wait_for_close()
        if error is not None:
            self._translate(error)

    def _translate(self, error: BaseException) -> None:
        if isinstance(error, TimeoutError):
            self._upstreams.doubt(self._asked)
            raise UpstreamLate from error
        if isinstance(error, aiohttp.InvalidURL | ValueError):
            raise RequestUnreadable from error
        if isinstance(error, aiohttp.ClientError | OSError):
            self._upstreams.doubt(self._asked)
            raise UpstreamBroken from error
