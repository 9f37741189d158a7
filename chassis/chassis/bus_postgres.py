"""The log in a PostgreSQL database of its own, ``tongban_log``, for the one-command run.

Offsets come from a counter row per partition that the append itself moves, so they have no gaps and stand in commit order, and a reader
needs no more than the counter to know what it may read: no transaction elsewhere on the server can hide a row from it.

How far groups are stands beside the records, in the same database: neither is ever lost or brought back without the other. Only who follows
keeps offsets elsewhere, and keeps the log's identity beside them. A process that runs while the database is replaced must be started again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence

from chassis.bus import BusUnavailable, Offsets, Place, Received, partition_of, unnoticed, weigh
from chassis.bus_postgres_group import LEASE, GroupMember, committed
from chassis.bus_postgres_log import Log, reaching
from chassis.logs import get_logger
from chassis.topics import Topic
from contracts.envelope import Record

_logger = get_logger()


class PostgresBus:
    """The PostgreSQL log as a `chassis.bus.Bus`."""

    def __init__(self, url: str, *, lease: float = LEASE, remade: Callable[[], None] = unnoticed) -> None:
        """Prepare; nothing connects yet.

        Args:
            url: ``postgresql+asyncpg://…`` of the log's database.
            lease: Seconds after which a silent member's partitions go to others.
            remade: Called whenever a reader finds another log under it and goes back to its beginning.
        """
        self._url = url
        self._lease = lease
        self._remade = remade
        self._opened: Log | None = None

    async def start(self) -> None:
        """Connect, and make the tables in an empty database."""
        log = Log.of(self._url)
        await log.open()
        self._opened = log

    async def stop(self) -> None:
        """Disconnect."""
        if self._opened is not None:
            log, self._opened = self._opened, None
            await log.close()

    async def ping(self) -> None:
        """Ask the database for an answer."""
        with reaching():
            async with asyncio.timeout(1), self._log.connection() as connection:
                await connection.fetchval("select 1")

    async def create(self, topics: Sequence[Topic]) -> None:
        """Make the topics that are not there yet."""
        await self._log.create(topics)

    async def maintain(self) -> None:
        """Compact and expire now; otherwise done in the background every half minute."""
        await self._log.maintain()

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return await self._log.partitions(topic)

    async def partition(self, topic: str, key: str) -> int:
        """The partition of a key."""
        return partition_of(key, await self._log.partitions(topic))

    async def ends(self, topics: Collection[str]) -> Offsets:
        """Where topics end."""
        for topic in topics:
            await self._log.partitions(topic)
        await self._log.look()
        return {place: end for place, end in self._log.ends.items() if place[0] in topics}

    async def committed(self, group: str) -> Offsets:
        """How far a group is."""
        return await committed(self._log, group)

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Write records; those that wait at the same time share a transaction."""
        for record in records:
            weigh(record)
        if records:
            await self._log.append((topic, partition), records)

    async def subscribe(self, group: str, topics: Sequence[str]) -> GroupMember:
        """Join a group."""
        for topic in topics:
            await self._log.partitions(topic)
        member = GroupMember(self._log, group=group, topics=topics, lease=self._lease)
        await member.join()
        return member

    async def follow(self, topic: str, offsets: Offsets | None = None, *, log: str = "") -> "PostgresFollowing":
        """Read a whole topic."""
        await self._log.partitions(topic)
        await self._log.look()
        identity = await self._log.identity()
        if log not in {"", identity}:
            _logger.warning("bus.log_remade", topic=topic)
            self._remade()
            offsets = None
        return PostgresFollowing(self._log, topic=topic, offsets=offsets or {}, identity=identity)

    @property
    def _log(self) -> Log:
        if self._opened is None:
            raise BusUnavailable(retry_after=1)
        return self._opened


class PostgresFollowing:
    """A reading of a whole topic of the PostgreSQL log."""

    def __init__(self, log: Log, *, topic: str, offsets: Offsets, identity: str) -> None:
        self._log = log
        self._identity = identity
        self._ends = {place: end for place, end in log.ends.items() if place[0] == topic}
        self._offsets: dict[Place, int] = {place: offsets.get(place, 0) for place in sorted(self._ends)}

    @property
    def ends(self) -> Offsets:
        """Where the topic ended when the reading began."""
        return self._ends

    @property
    def offsets(self) -> Offsets:
        """The next offsets."""
        return self._offsets

    @property
    def log(self) -> str:
        """Which database it was when the reading began."""
        return self._identity

    async def batch(self, *, limit: int = 500, wait: float = 0.5) -> list[Received]:
        """The next records."""
        found: list[Received] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while True:
                    bell = self._log.bell
                    if any(self._log.ends[place] > start for place, start in self._offsets.items()):
                        break
                    await bell.wait()
        for place, start in self._offsets.items():
            if len(found) < limit:
                records, self._offsets[place] = await self._log.read(place, start=start, limit=limit - len(found))
                found += records
        return found

    async def close(self) -> None:
        """Stop reading."""
