"""The services behind: one pool of connections each, and what their silence means to the caller."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from chassis import tracing
from chassis.problems import RequestUnreadable, UpstreamAway, UpstreamBroken, UpstreamLate
from contracts.values import Json

IDLE = 3.0
"""Seconds an unused connection is kept; less than the services keep theirs, or a request would meet a door just closed."""

MOST_CONNECTIONS = 512
"""To one service."""

READ_SIZE = 256 * 1024
"""Bytes of an answer that are held while the caller is slow."""

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


class Upstreams:
    """All services by name."""

    def __init__(self, services: Mapping[str, str], *, public_url: str, connect: float, answer: float) -> None:
        """Nothing is opened yet.

        Args:
            services: Name and address, without a path.
            public_url: How people reach the gateway; services build absolute addresses with it.
            connect: Seconds to reach a service.
            answer: Seconds between two pieces of an answer.
        """
        self._services = {name: url.rstrip("/") for name, url in services.items()}
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        public = urlsplit(public_url)
        self._public = {"host": public.netloc, "x-forwarded-proto": public.scheme}
        self._connect, self._answer = connect, answer

    def open(self) -> None:
        """Make the pools, in the running loop."""
        for name in self._services:
            self._sessions[name] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=IDLE),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect, sock_read=self._answer),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_SENT_AS_IS,
                read_bufsize=READ_SIZE,
                trust_env=False,
            )

    async def close(self) -> None:
        """Give every connection back."""
        for session in self._sessions.values():
            await session.close()

    @asynccontextmanager
    async def exchange(
        self,
        service: str,
        method: str,
        target: str,
        *,
        headers: list[tuple[str, str]],
        token: str | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; gives the answer as soon as its head is there.

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
        sent = [*headers, *self._public.items(), *tracing.outgoing_headers().items()]
        if token is not None:
            sent.append(("authorization", f"Bearer {token}"))
        url = URL(self._services[service] + target, encoded=True)
        try:
            async with self._sessions[service].request(method, url, headers=sent, data=body, allow_redirects=False) as answer:
                yield answer
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UpstreamAway from error
        except TimeoutError as error:
            raise UpstreamLate from error
        except (aiohttp.InvalidURL, ValueError) as error:
            raise RequestUnreadable from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamBroken from error

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
