"""A PostgreSQL server that says it ends and has not closed its connections yet: between the two any query of the driver goes wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
_LAST_WORDS = b"E" + (len(_FIELDS) + 4).to_bytes(4) + _FIELDS
_HEARD = 0.1
"""Seconds in which a client hears it before it asks again; one that does not finds the connection closed, as with any server that ends."""


class DyingServer:
    """Passes everything between clients and a real server, until it lets the clients believe that the server ends them."""

    def __init__(self, url: str) -> None:
        """Stand before a server; ``url`` as SQLAlchemy has it."""
        self._url = url
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._behind = (parts.hostname, parts.port)
        self._clients: set[asyncio.StreamWriter] = set()
        self._ended: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self._url.replace(f":{self._behind[1]}/", f":{self._port}/")

    async def end_all(self) -> int:
        """Tell every client that it is ended, and stay connected until it says something; how many were told."""
        told = self._clients - self._ended
        for client in told:
            client.write(_LAST_WORDS)
        self._ended |= told
        await asyncio.sleep(_HEARD)
        return len(told)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["DyingServer"]:
        """Accept clients until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        async with server:
            yield self
            for client in list(self._clients):
                client.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(*self._behind)
        self._clients.add(writer)
        answering = asyncio.create_task(self._pass(behind_reader, writer))
        try:
            with contextlib.suppress(OSError):
                while (data := await reader.read(65536)) and writer not in self._ended:
                    behind_writer.write(data)
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
            self._clients.discard(writer)
            behind_writer.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (data := await reader.read(65536)) and writer not in self._ended:
            writer.write(data)
        # Whoever had asked before it was told waits for an answer, and says nothing more.
        writer.close()
