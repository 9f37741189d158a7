"""One service's database as the checker reads it: one snapshot, plain SQL, rows as they come."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

Row = asyncpg.Record
"""A row, by the names of its columns."""

AT_ONCE = 2_000
"""Rows fetched at a time."""

_SETTINGS = {"application_name": "tongban check", "jit": "off", "work_mem": "64MB"}


class Snapshot:
    """A database at one instant."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def rows(self, statement: str, *given: object) -> list[Row]:
        """All rows of a statement that gives few."""
        return list(await self._connection.fetch(statement, *given))

    async def value(self, statement: str, *given: object) -> Any:
        """The one value of a statement."""
        return await self._connection.fetchval(statement, *given)

    async def stream(self, statement: str, *given: object) -> AsyncIterator[Row]:
        """Rows of a statement that gives many."""
        async for row in self._connection.cursor(statement, *given, prefetch=AT_ONCE):
            yield row

    async def missing(self, statement: str, names: Iterable[str]) -> list[str]:
        """The names that a statement does not find; ``statement`` asks of ``$1`` (``text[]``) which are there."""
        wanted = list(names)
        found = {row[0] for row in await self._connection.fetch(statement, wanted)}
        return [name for name in wanted if name not in found]


@asynccontextmanager
async def look_into(url: str) -> AsyncIterator[Snapshot]:
    """Open a snapshot of the database at an address of SQLAlchemy's or libpq's form; nothing can be written through it.

    Raises:
        OSError: It cannot be reached.
        asyncpg.PostgresError: It refused.
    """
    address = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    connection = await asyncpg.connect(address, timeout=10, server_settings=_SETTINGS)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield Snapshot(connection)
    finally:
        await connection.close()


def in_batches(names: Iterable[str], *, size: int = AT_ONCE) -> Iterable[Sequence[str]]:
    """The names, some at a time."""
    batch: list[str] = []
    for name in names:
        batch.append(name)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
