"""Groups of the PostgreSQL log: who reads which partition, and how far.

A member shows that it lives by a timestamp; its share of the partitions follows from who lives. It gives up what is no longer its share at
the end of a batch and takes what is free. Every taking raises the partition's lease number, and an offset is committed only with that
number: a member that was taken for dead commits nothing.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from chassis.bus import BusUnavailable, LeaseLost, Offsets, Place, Received
from chassis.bus_postgres_log import Log
from chassis.logs import get_logger

LEASE = 6.0
"""Seconds after which a silent member's partitions go to others."""

_BEATS = 6
"""Signs of life within a lease."""

_IMPATIENCE = 0.1
"""Seconds until a member looks again for a partition of its share that another still holds."""

_SEEN = """insert into members (group_name, member, topics, seen) values ($1, $2, $3, clock_timestamp())
    on conflict (group_name, member) do update set seen = excluded.seen"""
_LIVING = "select member, topics from members where group_name = $1 and seen > clock_timestamp() - make_interval(secs => $2)"
_BURY = "delete from members where group_name = $1 and seen < clock_timestamp() - make_interval(secs => $2)"
_JOIN = """insert into groups (group_name, topic, partition) select $1, topic, partition from partitions where topic = any($2)
    on conflict do nothing"""
_STATE = "select topic, partition, next_offset, owner, lease from groups where group_name = $1 and topic = any($2)"
_TAKE = """update groups set owner = $4, lease = lease + 1 where group_name = $1 and topic = $2 and partition = $3 and lease = $5
    returning lease, next_offset"""
_FREE = "update groups set owner = null where group_name = $1 and topic = $2 and partition = $3 and owner = $4 and lease = $5"
_COMMIT = """update groups set next_offset = done.next_offset
    from unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[]) as done (topic, partition, next_offset, lease)
    where groups.group_name = $1 and groups.owner = $2 and groups.topic = done.topic and groups.partition = done.partition
      and groups.lease = done.lease
    returning groups.topic, groups.partition"""

_COMMITTED = "select topic, partition, next_offset from groups where group_name = $1"

_logger = get_logger()


class GroupMember:
    """One member of a group of the PostgreSQL log."""

    def __init__(self, log: Log, *, group: str, topics: Sequence[str], lease: float) -> None:
        self._log = log
        self._group = group
        self._topics = sorted(topics)
        self._lease = lease
        self._member = uuid.uuid4().hex
        self._owned: dict[Place, int] = {}  # lease numbers
        self._next: dict[Place, int] = {}
        self._given: dict[Place, int] = {}  # first offsets of the last batch
        self._done: dict[Place, int] = {}  # not yet committed
        self._turn = 0
        self._balance_at = 0.0
        self._beating: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Become a member."""
        async with self._log.connection() as connection:
            await connection.execute(_JOIN, self._group, self._topics)
            await connection.execute(_SEEN, self._group, self._member, self._topics)
        self._beating = asyncio.create_task(self._beat())

    async def batch(self, *, limit: int = 100, wait: float = 0.5) -> list[Received]:
        """The next records of the partitions this member owns."""
        self._acknowledge()
        deadline = _now() + wait
        while True:
            if _now() >= self._balance_at:
                await self._balance()
            bell = self._log.bell
            try:
                found = await self._read(limit)
            except BaseException:
                # What was read before the failure was given to nobody.
                await self.rewind()
                raise
            patience = min(deadline, self._balance_at) - _now()
            if found or _now() >= deadline:
                return found
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(patience, 0)):
                    await bell.wait()

    async def commit(self) -> None:
        """Commit every batch given out."""
        self._acknowledge()
        async with self._log.connection() as connection:
            await self._commit(connection, list(self._done))

    async def rewind(self) -> None:
        """Read the last batch again."""
        self._next.update(self._given)
        self._given.clear()

    async def close(self) -> None:
        """Commit what is done and leave; a batch that nobody said is done is left to others."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        with contextlib.suppress(BusUnavailable):
            async with self._log.connection() as connection:
                with contextlib.suppress(LeaseLost):
                    await self._commit(connection, list(self._done))
                for place in list(self._owned):
                    await self._free(connection, place)
                await connection.execute("delete from members where group_name = $1 and member = $2", self._group, self._member)

    def _acknowledge(self) -> None:
        self._done.update({place: self._next[place] for place in self._given})
        self._given.clear()

    async def _read(self, limit: int) -> list[Received]:
        found: list[Received] = []
        places = sorted(self._owned)
        self._turn += 1
        for n in range(len(places)):
            place = places[(self._turn + n) % len(places)]
            if len(found) < limit:
                start = self._next[place]
                records, self._next[place] = await self._log.read(place, start=start, limit=limit - len(found))
                if records:
                    self._given[place] = start
                    found += records
        return found

    async def _balance(self) -> None:
        async with self._log.connection() as connection:
            living: Mapping[str, Sequence[str]] = dict(await connection.fetch(_LIVING, self._group, self._lease))
            state = {(row[0], row[1]): row for row in await connection.fetch(_STATE, self._group, self._topics)}
            share = _share(sorted(state), members={**living, self._member: self._topics}, member=self._member)
            lost = [place for place, lease in self._owned.items() if (state[place][3], state[place][4]) != (self._member, lease)]
            undone = [place for place in lost if place in self._done]
            self._lose(lost)
            for place in sorted(self._owned.keys() - share):
                await self._commit(connection, [place] if place in self._done else [])
                await self._free(connection, place)
            for place in sorted(share - self._owned.keys()):
                owner, lease = state[place][3], state[place][4]
                if owner is None or owner not in living:
                    taken = await connection.fetchrow(_TAKE, self._group, *place, self._member, lease)
                    if taken is not None:
                        self._owned[place], self._next[place] = taken
        settled = share == self._owned.keys()
        self._balance_at = _now() + (self._lease / _BEATS if settled else _IMPATIENCE)
        if undone:
            raise LeaseLost(f"{self._group}: {undone}")

    async def _commit(self, connection: Any, places: Sequence[Place]) -> None:
        if not places:
            return
        rows = [(*place, self._done[place], self._owned.get(place, -1)) for place in places]
        kept = await connection.fetch(_COMMIT, self._group, self._member, *(list(column) for column in zip(*rows, strict=True)))
        lost = set(places) - {(topic, partition) for topic, partition in kept}
        for place in places:
            self._done.pop(place, None)
        self._lose(lost)
        if lost:
            raise LeaseLost(f"{self._group}: {sorted(lost)}")

    async def _free(self, connection: Any, place: Place) -> None:
        await connection.execute(_FREE, self._group, *place, self._member, self._owned[place])
        self._lose([place])

    def _lose(self, places: Sequence[Place] | set[Place]) -> None:
        for place in places:
            for kept in (self._owned, self._next, self._given, self._done):
                kept.pop(place, None)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease / _BEATS)
            try:
                async with self._log.connection() as connection:
                    await connection.execute(_SEEN, self._group, self._member, self._topics)
                    await connection.execute(_BURY, self._group, self._lease * 10)
            except Exception as error:  # noqa: BLE001 - ended, the others would take this living member for dead
                _logger.warning("log.no_heartbeat", group=self._group, error=type(error.__cause__ or error).__name__)


def _share(places: Sequence[Place], *, members: Mapping[str, Sequence[str]], member: str) -> set[Place]:
    mine: set[Place] = set()
    for n, place in enumerate(places):
        able = sorted(name for name, topics in members.items() if place[0] in topics)
        if able[n % len(able)] == member:
            mine.add(place)
    return mine


def _now() -> float:
    return asyncio.get_running_loop().time()


async def committed(log: Log, group: str) -> Offsets:
    """Per partition the offset from which a group goes on."""
    async with log.connection() as connection:
        return {(topic, partition): offset for topic, partition, offset in await connection.fetch(_COMMITTED, group)}
