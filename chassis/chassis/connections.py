"""How this service connects: pools whose connections have bounds of their own on the server, for a process that cannot keep them itself."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, NullPool
from sqlalchemy.util import await_only
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty

IDLE_LIMIT = 5.0
"""Seconds after which the server ends a transaction whose process does not go on (stopped, or cut off)."""

SERVER_SLACK = 0.5
"""Seconds by which the server's own bounds are later than ours: it ends what a process could not."""

STATEMENTS = 500
"""Statements that a connection keeps prepared."""

PATIENCE = 5.0
"""Seconds that somebody waits for a connection."""


class _InTurn(AsyncAdaptedQueue[ConnectionPoolEntry]):
    """Free connections, each handed to whoever waits longest.

    Left in asyncio's queue, a connection is taken by a newcomer before the one it was meant for wakes up, who then waits behind all others: of
    120 that came again and again for ten connections, some were refused after five seconds though a turn took little more than one.
    """

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:  # noqa: FBT001, FBT002 - as SQLAlchemy calls it
        super().__init__(maxsize, use_lifo)
        self._waiting: deque[asyncio.Future[ConnectionPoolEntry]] = deque()

    def put_nowait(self, item: ConnectionPoolEntry) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(item)
                return
        super().put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> ConnectionPoolEntry:  # noqa: FBT001, FBT002
        try:
            return self.get_nowait()
        except Empty:
            if not block:
                raise
        try:
            return await_only(self._wait(timeout))
        except TimeoutError as error:
            raise Empty from error

    async def _wait(self, timeout: float | None) -> ConnectionPoolEntry:  # noqa: ASYNC109 - as SQLAlchemy calls it
        waiter: asyncio.Future[ConnectionPoolEntry] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                # Handed over in the very moment of giving up.
                self.put_nowait(waiter.result())
            waiter.cancel()
            raise


class _Pool(AsyncAdaptedQueuePool):
    _queue_class = _InTurn


def open_engine(url: str, *, name: str, pool_size: int | None, limit: float, lock_wait: float = 0, by_index: bool = False) -> AsyncEngine:
    """A pool of connections; nothing connects yet.

    Args:
        url: ``postgresql+asyncpg://…``.
        name: Shown as ``application_name`` on the server.
        pool_size: Most connections; None for one per use, which then ends.
        limit: Seconds a transaction may live.
        lock_wait: Seconds that a statement waits for a lock; 0 for as long as it may run.
        by_index: Plan no scan of a whole table and no join by hash.
    """
    milliseconds = str(int((limit + SERVER_SLACK) * 1000))
    server = {
        "application_name": f"tongban {name}",
        "timezone": "UTC",
        "statement_timeout": milliseconds,
        "lock_timeout": str(int(lock_wait * 1000)),
        "idle_in_transaction_session_timeout": str(int(IDLE_LIMIT * 1000)),
        "jit": "off",
    }
    if by_index:
        # The planner guesses 100 rows for an unnest and then scans the whole table.
        server |= {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
    connect = {
        "server_settings": server,
        "timeout": 10,
        "prepared_statement_cache_size": STATEMENTS,
        # The driver's own, of those that `chassis.prepared` runs: whatever their length, for as long as the connection lives.
        "statement_cache_size": STATEMENTS,
        "max_cacheable_statement_size": 0,
        "max_cached_statement_lifetime": 0,
    }
    pool: dict[str, Any] = {"poolclass": NullPool}
    if pool_size is not None:
        pool = {"poolclass": _Pool, "pool_size": pool_size, "max_overflow": 0, "pool_timeout": PATIENCE}
    engine = create_async_engine(
        url,
        connect_args=connect,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # an error's text would carry what was to be stored
        **pool,
    )
    event.listen(engine.sync_engine, "connect", _bound_by_server(milliseconds))
    return engine


def _bound_by_server(milliseconds: str) -> Callable[[Any, Any], None]:
    def bound(connection: Any, _record: Any) -> None:
        async def tell(raw: Any) -> None:
            if raw.get_server_version().major >= 17:  # noqa: PLR2004 - transaction_timeout came with PostgreSQL 17
                await raw.execute(f"set transaction_timeout = {milliseconds}")

        connection.run_async(tell)

    return bound


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()
