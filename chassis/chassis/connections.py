"""How this service connects: pools whose connections have bounds of their own on the server, for a process that cannot keep them itself."""

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

IDLE_LIMIT = 5.0
"""Seconds after which the server ends a transaction whose process does not go on (stopped, or cut off)."""

SERVER_SLACK = 0.5
"""Seconds by which the server's own bounds are later than ours: it ends what a process could not."""

STATEMENTS = 500
"""Statements that a connection keeps prepared."""


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
    pool: dict[str, Any] = {"poolclass": NullPool} if pool_size is None else {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 5}
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
