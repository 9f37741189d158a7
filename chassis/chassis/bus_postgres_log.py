"""Tables, counters and rows of the PostgreSQL log; what `chassis.bus_postgres` is made of.

One `Log` per database and process, shared by all that open it: one small pool, one look at the counters for all readers, and appends that
arrive while another is being written ride together in the next transaction.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
import orjson

from chassis.bus import BusUnavailable, Place, Received, UnknownTopic
from chassis.logs import get_logger
from chassis.topics import Topic
from contracts.envelope import Record

POLL = 0.025
"""Seconds between two looks at the counters, for what other processes wrote; one query for all readers of this process."""

MAINTAIN_EVERY = 30.0
"""Seconds between two passes of compaction and retention."""

_LOCK_KEY = 0x746F6E6762616E
"""Advisory lock under which the schema is made and the log maintained; the letters of ``tongban``."""

_SCHEMA = """
create table if not exists topics (
    topic text primary key, compacted boolean not null, retention double precision, tombstones double precision not null
);
create table if not exists partitions (
    topic text not null references topics, partition integer not null, next_offset bigint not null default 0,
    primary key (topic, partition)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
create table if not exists log (
    topic text not null, partition integer not null, "offset" bigint not null,
    key text not null, headers text not null, value bytea, at timestamptz not null default clock_timestamp(),
    primary key (topic, partition, "offset")
);
create table if not exists groups (
    group_name text not null, topic text not null, partition integer not null,
    next_offset bigint not null default 0, owner text, lease bigint not null default 0,
    primary key (group_name, topic, partition)
) with (fillfactor = 50);
create table if not exists members (
    group_name text not null, member text not null, topics text[] not null, seen timestamptz not null,
    primary key (group_name, member)
) with (fillfactor = 50);
"""

_IDENTITY = """select system_identifier || '/' || (select oid from pg_database where datname = current_database()) || '/'
    || left(pg_walfile_name(pg_current_wal_lsn()), 8) from pg_control_system()"""
"""The server's data, the database in it, and the timeline: a recovery to an earlier instant begins another, and so does a new server."""

_COUNTERS = "select topic, partition, next_offset from partitions"
_READ = """select "offset", key, headers, value from log
    where topic = $1 and partition = $2 and "offset" >= $3 and "offset" < $4 order by "offset" limit $5"""
_MOVE = "update partitions set next_offset = next_offset + $3 where topic = $1 and partition = $2 returning next_offset - $3"
_INSERT = """insert into log (topic, partition, "offset", key, headers, value) values ($1, $2, $3, $4, $5, $6)"""
_COMPACT = """delete from log using (
        select partition, key, max("offset") as newest from log where topic = $1 group by partition, key having count(*) > 1
    ) as keys where log.topic = $1 and log.partition = keys.partition and log.key = keys.key and log."offset" < keys.newest"""
_FORGET = "delete from log where topic = $1 and value is null and at <= clock_timestamp() - make_interval(secs => $2)"
_EXPIRE = "delete from log where topic = $1 and partition = $2 and at <= clock_timestamp() - make_interval(secs => $3)"
_OLDEST = """select at <= clock_timestamp() - make_interval(secs => $3) from log
    where topic = $1 and partition = $2 order by "offset" limit 1"""

_logger = get_logger()


@dataclass(slots=True)
class _Append:
    place: Place
    records: Sequence[Record]
    written: asyncio.Future[None]


_OPEN: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, "Log"]] = WeakKeyDictionary()


class Log:
    """The log's database as one process sees it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._users = 0
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Lock()
        self._bell = asyncio.Event()
        self._waiting: list[_Append] = []
        self._writer: asyncio.Task[None] | None = None
        self._compacted_at: dict[str, int] = {}
        self.ends: dict[Place, int] = {}
        """Per partition the next offset to be written, as far as this process knows; everything below it can be read."""

    @classmethod
    def of(cls, url: str) -> "Log":
        """The log at this address, the same one for everybody in this event loop."""
        logs = _OPEN.setdefault(asyncio.get_running_loop(), {})
        return logs.setdefault(url, cls(url))

    async def open(self) -> None:
        """Connect, for one more user.

        Raises:
            BusUnavailable: The database cannot be reached.
        """
        async with self._ready:
            if self._pool is None:
                with reaching():
                    self._pool = await asyncpg.create_pool(
                        self._url.replace("postgresql+asyncpg://", "postgresql://", 1),
                        min_size=1,
                        max_size=8,
                        timeout=5,
                        # Later than the server's own bound: for a connection whose other end is gone without a word.
                        command_timeout=40,
                        server_settings={
                            "application_name": "tongban log",
                            "statement_timeout": "30000",
                            # A stopped process must not keep a counter locked that others append under.
                            "idle_in_transaction_session_timeout": "5000",
                        },
                    )
                try:
                    await self._make_schema()
                    await self.look()
                except BusUnavailable:
                    self._pool.terminate()
                    self._pool = None
                    raise
                self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._maintain())]
            self._users += 1

    async def close(self) -> None:
        """Disconnect when the last user is gone."""
        async with self._ready:
            self._users -= 1
            if self._users or self._pool is None:
                return
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._writer is not None:
                await asyncio.gather(self._writer, return_exceptions=True)
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection of the pool; an asyncpg connection or its proxy.

        Raises:
            BusUnavailable: The database cannot be reached, or broke off.
        """
        if self._pool is None:
            raise BusUnavailable(retry_after=1)
        with reaching():
            async with self._pool.acquire(timeout=5) as connection:
                yield connection

    async def create(self, topics: Sequence[Topic]) -> None:
        """Make topics that are not there."""
        async with self.connection() as connection, connection.transaction():
            for topic in topics:
                await connection.execute(
                    "insert into topics values ($1, $2, $3, $4) on conflict do nothing",
                    topic.name,
                    topic.compacted,
                    None if topic.retention is None else topic.retention.total_seconds(),
                    topic.tombstones.total_seconds(),
                )
                # A topic that exists keeps its partitions: a key would move to another one and lose its order.
                await connection.execute(
                    """insert into partitions (topic, partition) select $1, generate_series(0, $2 - 1)
                       where not exists (select from partitions where topic = $1) on conflict do nothing""",
                    topic.name,
                    topic.partitions,
                )
        await self.look()

    async def look(self) -> None:
        """Read the counters now."""
        async with self.connection() as connection:
            counters = await connection.fetch(_COUNTERS)
        self._learn({(topic, partition): end for topic, partition, end in counters})

    async def identity(self) -> str:
        """Which log this is: one that was made anew, or brought back to what it was, is another."""
        async with self.connection() as connection:
            return str(await connection.fetchval(_IDENTITY))

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has.

        Raises:
            UnknownTopic: There is none of this name.
        """
        for again in (True, False):
            count = sum(1 for name, _ in self.ends if name == topic)
            if count:
                return count
            if again:
                await self.look()
        raise UnknownTopic(topic)

    async def append(self, place: Place, records: Sequence[Record]) -> None:
        """Write records at the end of a partition; returns when they are committed."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Append(place=place, records=records, written=written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await written

    async def read(self, place: Place, *, start: int, limit: int) -> tuple[list[Received], int]:
        """At most ``limit`` records from an offset on, and the next offset to read; it may pass records that were compacted away."""
        end = self.ends[place]
        if start >= end:
            return [], start
        async with self.connection() as connection:
            rows = await connection.fetch(_READ, *place, start, end, limit)
        records = [Received(*place, row[0], row[1], row[3], _headers(row[2])) for row in rows]
        return records, end if len(rows) < limit else records[-1].offset + 1

    @property
    def bell(self) -> asyncio.Event:
        """Set at the next growth of the log. Take it, look whether there is something to read, then wait for it."""
        return self._bell

    async def maintain(self) -> None:
        """Drop what compaction and retention allow, unless another process is at it."""
        async with self.connection() as connection:
            if not await connection.fetchval("select pg_try_advisory_lock($1, 2)", _LOCK_KEY & 0x7FFFFFFF):
                return
            try:
                for topic in await connection.fetch("select topic, compacted, retention, tombstones from topics"):
                    if topic["compacted"]:
                        # One snapshot for both: a tombstone must not go before what it buries.
                        async with connection.transaction(isolation="repeatable_read"):
                            await self._compact(connection, topic["topic"])
                            await connection.execute(_FORGET, topic["topic"], topic["tombstones"])
                    elif topic["retention"] is not None:
                        for name, partition in sorted(place for place in self.ends if place[0] == topic["topic"]):
                            if await connection.fetchval(_OLDEST, name, partition, topic["retention"]):
                                await connection.execute(_EXPIRE, name, partition, topic["retention"])
            finally:
                await connection.execute("select pg_advisory_unlock($1, 2)", _LOCK_KEY & 0x7FFFFFFF)

    async def _compact(self, connection: Any, topic: str) -> None:
        written = sum(end for (name, _), end in self.ends.items() if name == topic)
        if self._compacted_at.get(topic) != written:
            await connection.execute(_COMPACT, topic)
            self._compacted_at[topic] = written

    async def _make_schema(self) -> None:
        async with self.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1, 1)", _LOCK_KEY & 0x7FFFFFFF)
            if await connection.fetchval("select to_regclass('members') is null"):
                await connection.execute(_SCHEMA)

    async def _write_waiting(self) -> None:
        while self._waiting:
            appends, self._waiting = [each for each in self._waiting if not each.written.done()], []
            try:
                ends = await self._write(appends)
            except Exception as error:  # noqa: BLE001 - whoever waits gets it
                for each in appends:
                    if not each.written.done():
                        each.written.set_exception(error)
                continue
            self._learn(ends)
            for each in appends:
                if not each.written.done():
                    each.written.set_result(None)

    async def _write(self, appends: Sequence[_Append]) -> dict[Place, int]:
        records: dict[Place, list[Record]] = {}
        for each in appends:
            records.setdefault(each.place, []).extend(each.records)
        ends: dict[Place, int] = {}
        async with self.connection() as connection, connection.transaction():
            rows: list[tuple[object, ...]] = []
            # Sorted: two processes that take the counters in different orders would wait for each other.
            for place in sorted(records):
                first = await connection.fetchval(_MOVE, *place, len(records[place]))
                if first is None:
                    raise UnknownTopic(f"{place[0]}/{place[1]}")
                ends[place] = first + len(records[place])
                rows += [(*place, first + n, each.key, _text(each), each.value) for n, each in enumerate(records[place])]
            await connection.executemany(_INSERT, rows)
        return ends

    def _learn(self, ends: dict[Place, int]) -> None:
        grown = {place: end for place, end in ends.items() if end > self.ends.get(place, -1)}
        if grown:
            self.ends.update(grown)
            self._bell.set()
            self._bell = asyncio.Event()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            try:
                await self.look()
            except BusUnavailable:
                await asyncio.sleep(0.5)
            except Exception:
                # Ended, nothing that others write would ever be heard here again.
                _logger.exception("log.not_watched")
                await asyncio.sleep(0.5)

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(MAINTAIN_EVERY)
            try:
                await self.maintain()
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                _logger.warning("log.maintenance_failed", error=type(error.__cause__ or error).__name__)


@contextlib.contextmanager
def reaching() -> Any:
    """Turn what a database does when it cannot be reached into `BusUnavailable`."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        raise BusUnavailable(retry_after=1) from error


def _text(record: Record) -> str:
    # Latin-1 gives every byte a character of its own, so any header comes back as it was.
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in record.headers]).decode()


def _headers(text: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(text))
