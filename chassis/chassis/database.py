"""Transactions: one per request or batch, short, committed before anybody is told.

Three kinds of connections, so that none starves another: requests, consumers (planned by index alone), and the few that hold a lock for as
long as a process lives.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    CursorResult,
    Executable,
    Text,
    and_,
    any_,
    bindparam,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from chassis.connections import open_engine
from chassis.prepared import Prepared
from chassis.writing import Closing, Pending, Row, Rows
from contracts.envelope import Envelope
from contracts.refusals import Conflict, Stale, Unavailable
from rules.access import All, Always, AnyOf, Before, Eq, In, Never, Tree

if TYPE_CHECKING:
    from chassis.context import Context

C = TypeVar("C", bound="Context")

Params = Mapping[str, object] | Sequence[Mapping[str, object]]
"""Parameters of one execution, or of many of the same statement."""

Columns = Mapping[str, ColumnElement[Any]] | ReadOnlyColumnCollection[str, Column[Any]]
"""The SQL columns that an access rule may name: a mapping, or a table's ``.c``."""

TRANSACTION_LIMIT = 10.0
"""Seconds a transaction may live; watermarks stand 15 s back because of it."""

LOCK_WAIT = 2.0
"""Seconds a request waits for a lock that another transaction holds."""

CONSUMERS = 4
"""Connections for what is heard from the log, timers and jobs."""

TRANSIENT_STATES = ("08", "40001", "40P01", "53", "55P03", "57P0", "25P03", "25P04")
"""SQLSTATEs (or their first digits) after which the same work may succeed: connection, serialization, deadlock, resources, shutdown."""

TRANSACTION_TIMEOUT = "25P04"
"""SQLSTATE of a transaction that the server ended for its age."""


class StaleVersion(Stale):
    """The row has another version than the one that was read."""

    RULE = "stale.version"


class TransactionTooLong(Unavailable):
    """The work took longer than a transaction may live; nothing was kept."""

    RULE = "unavailable.transaction-too-long"
    ZH = "处理时间过长,已放弃,请稍后再试"
    EN = "It took too long and was given up; try again shortly"


class Held(Conflict):
    """The database came back from a backup and does not know all that was done here; nothing more is done before a person has settled it."""

    RULE = "restore.held"
    ZH = "数据恢复后该事项有待人工核对,暂不能办理"
    EN = "After a restore this waits for a person to settle it; nothing can be done now"


class DatabaseBusy(Unavailable):
    """No connection became free in time."""

    RULE = "unavailable.database"
    ZH = "系统繁忙,请稍后再试"
    EN = "The system is busy; try again shortly"


class Tx(Generic[C]):
    """One open transaction."""

    __slots__ = (
        "_after",
        "_written",
        "at",
        "at_hand",
        "connection",
        "context",
        "envelope",
        "locked",
        "pending",
        "positions",
        "traceparents",
    )

    def __init__(self, *, connection: AsyncConnection, context: C, at: datetime) -> None:
        self.connection = connection
        self.context = context
        self.at = at
        """The instant at which the transaction began, UTC: the time of everything done in it."""
        self.positions: dict[str, int] = {}
        """Outbox position of the last event written under each key."""
        self.traceparents: dict[str, str] = {}
        """Trace of the request that writes under a key, where the transaction carries several; of any other key the running one's."""
        self.envelope: Envelope | None = None
        """The event being handled, in a consumer."""
        self.pending = Pending()
        """What is written at the end, or before the next statement."""
        self.at_hand: dict[Any, Any] = {}
        """What was read for the whole of the transaction, each under the object that reads it and alone looks it up."""
        self.locked: set[str] = set()
        """Keys whose locks it holds."""
        self._written: dict[str, Callable[[str, int], None]] = {}
        self._after: list[Callable[[], None]] = []

    async def execute(self, statement: Executable, params: Params | None = None) -> CursorResult[Any]:
        """Run a Core statement, after whatever is pending; a list of parameters runs it for each in one batch."""
        self.pending.changes += 1
        if self.pending:
            await self.flush()
        result: CursorResult[Any] = await self.connection.execute(statement, params)
        return result

    async def fetch(self, statement: Prepared, parameters: Mapping[str, object]) -> list[Any]:
        """Run a statement of the hot path, after whatever is pending; rows as tuples."""
        self.pending.changes += 1
        if self.pending:
            await self.flush()
        return await statement.fetch(self.connection, parameters)

    def write(self, rows: Rows, row: Row) -> None:
        """Write a row, together with all others, before the next statement or at the end."""
        self.pending.write(rows, rows.identity(row), lambda: row)

    def remove(self, rows: Rows, row: Row) -> None:
        """Remove the row of this key, if it is there, together with all that is written."""
        self.pending.remove(rows, row)

    def when_written(self, rows: Rows, act: Callable[[str, int], None]) -> None:
        """Be told what the database gave back of each row of a table that returns something."""
        self._written[rows.name] = act

    async def flush(self, *, closing: Closing | None = None, **given: object) -> str | None:
        """Write what is pending, in one statement.

        Args:
            closing: A last part that sees what the others return.
            given: Its parameters.

        Returns:
            What the closing part told.

        Raises:
            StaleVersion: A row was changed since it was read.
        """
        batch = self.pending.take(closing, given)
        if not batch:
            return None
        last: str | None = None
        for name, told, number in await batch.statement.fetch(self.connection, batch.parameters):
            if name in batch.expected and number != batch.expected[name]:
                raise StaleVersion
            if name in self._written and told is not None:
                self._written[name](told, number)
            if closing is not None and name == closing.name:
                last = told
        return last

    def holds(self, key: str) -> None:
        """Know that a statement of this transaction took the lock of a key.

        Raises:
            Held: The key waits for a person.
        """
        if key in self.context.held:
            raise Held
        self.locked.add(key)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something small in this process once the transaction is committed; never anything that must happen."""
        self._after.append(act)

    def committed(self) -> None:
        """Run what waits for the commit; called by `Database` alone."""
        for act in self._after:
            act()


class Database:
    """The connections of one service to its database."""

    def __init__(self, url: str, *, name: str, pool_size: int = 10, limit: float = TRANSACTION_LIMIT, lock_wait: float = LOCK_WAIT) -> None:
        """Prepare the pools; nothing connects yet.

        Args:
            url: ``postgresql+asyncpg://…``.
            name: Shown as ``application_name`` on the server.
            pool_size: Connections for requests.
            limit: Seconds a transaction may live, 10 at most.
            lock_wait: Seconds that a request waits for a lock.
        """
        self.limit = min(limit, TRANSACTION_LIMIT)
        self.lock_wait = lock_wait
        self._requests = open_engine(url, name=name, pool_size=pool_size, limit=self.limit, lock_wait=lock_wait)
        self._consumers = open_engine(url, name=f"{name} consumers", pool_size=CONSUMERS, limit=self.limit, by_index=True)
        self._holders = open_engine(url, name=f"{name} holders", pool_size=None, limit=self.limit)

    @asynccontextmanager
    async def begin(self, context: C) -> AsyncIterator[Tx[C]]:
        """A writing transaction for a request: committed on a normal exit, rolled back on any exception.

        Raises:
            TransactionTooLong: It lived longer than the limit; nothing was kept, unless that happened in the commit itself.
            DatabaseBusy: No connection was free, or the database cannot be reached.
        """
        async with self._transaction(self._requests, context=context) as tx:
            yield tx

    @asynccontextmanager
    async def consume(self, context: C) -> AsyncIterator[Tx[C]]:
        """The same for what is heard from the log, for timers and jobs; plans never scan a table or join by hash."""
        async with self._transaction(self._consumers, context=context) as tx:
            yield tx

    @asynccontextmanager
    async def read(self, context: C) -> AsyncIterator[Tx[C]]:
        """A transaction that cannot write."""
        async with self._transaction(self._requests, context=context, readonly=True) as tx:
            yield tx

    @asynccontextmanager
    async def hold(self, lock_name: str) -> AsyncIterator[AsyncConnection | None]:
        """A connection of its own that holds a named lock until the block ends; None when another process holds it.

        The lock dies with the connection, so whoever works under it does so on this very connection. Between the caller's own
        ``connection.begin()`` blocks no transaction is open.
        """
        async with self._holders.connect() as connection:
            taken = await connection.scalar(select(func.pg_try_advisory_lock(func.hashtextextended(lock_name, 1))))
            await connection.commit()
            if not taken:
                yield None
                return
            try:
                yield connection
            finally:
                await connection.invalidate()

    async def ping(self) -> None:
        """Ask the server for an answer.

        Raises:
            Exception: It gave none.
        """
        async with asyncio.timeout(1), self._requests.connect() as connection:
            await connection.execute(text("select 1"))

    def connections(self) -> dict[str, tuple[int, int]]:
        """Per pool how many connections are in use and how many there may be."""
        pools = {"requests": self._requests.pool, "consumers": self._consumers.pool}
        return {name: (pool.checkedout(), pool.size()) for name, pool in pools.items() if isinstance(pool, QueuePool)}

    async def blames_work(self, error: BaseException) -> bool:
        """True when a transaction outlived its limit though the database answers: the work is at fault, not an outage."""
        if not outlived(error):
            return False
        try:
            await self.ping()
        except Exception:  # noqa: BLE001 - no answer of whatever kind
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        for engine in (self._requests, self._consumers, self._holders):
            await engine.dispose()

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine, *, context: C, readonly: bool = False) -> AsyncIterator[Tx[C]]:
        try:
            connection = await engine.connect()
        except (PoolExhausted, DBAPIError, OSError) as error:
            raise DatabaseBusy(retry_after=1) from error
        limit = asyncio.timeout(self.limit)
        try:
            if readonly:
                await connection.execution_options(postgresql_readonly=True)
            tx = Tx(connection=connection, context=context, at=context.now.now())
            async with limit, connection.begin():
                yield tx
                await tx.flush()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TransactionTooLong(retry_after=1) from error
        finally:
            await connection.close()
        tx.committed()


async def lock(tx: Tx[Any], *keys: str, held_too: bool = False) -> None:
    """Take the keys under which this transaction's events go out, before it reads and before a position is drawn; held to the commit.

    Always in sorted order, so that two transactions with the same keys never wait for each other in a ring.

    Args:
        tx: Open transaction.
        keys: What the order is kept for.
        held_too: For the one who settles what is held.

    Raises:
        Held: One of them waits for a person.
    """
    if not held_too and not tx.context.held.isdisjoint(keys):
        raise Held
    wanted = sorted(set(keys) - tx.locked)
    if wanted:
        await tx.fetch(_LOCK, {"keys": wanted})
        tx.locked.update(wanted)


def hash_of(key: ColumnElement[str] | ColumnElement[str | None]) -> ColumnElement[int]:
    """The number that stands for a key among PostgreSQL's advisory locks; null for none."""
    return func.hashtextextended(key, 0)


def where(tree: Tree, columns: Columns, *, bind: Callable[..., ColumnElement[Any]] = literal) -> ColumnElement[bool]:
    """Compile an access rule to SQL: the same rows for which `rules.access.allows` is true.

    Args:
        tree: What `rules.access.tree` gave for the caller.
        columns: The SQL column of each column the rule names.
        bind: Makes a parameter of each value in turn, given its type too; `chassis.anchors` counts on the order, which is the rule's own.

    Raises:
        KeyError: The rule names a column that is not given.
    """
    match tree:
        case Always():
            return true()
        case Never():
            return false()
        case Eq(column, value):
            return columns[column] == bind(value, columns[column].type)
        case In(column, values):
            # One array parameter: the statement stays the same for three regions and for three thousand.
            return columns[column] == any_(bind(sorted(values), ARRAY(Text)))
        case Before(column, instant):
            return columns[column] < bind(instant, columns[column].type)
        case All(trees):
            return and_(*(where(part, columns, bind=bind) for part in trees))
        case AnyOf(trees):
            return or_(*(where(part, columns, bind=bind) for part in trees))


def is_transient(error: BaseException) -> bool:
    """True when the same work may succeed in a moment: the connection broke, a deadlock or a serialization failure was resolved."""
    if isinstance(error, Unavailable | ConnectionError):
        return True
    if isinstance(error, DBAPIError):
        state = sqlstate(error)
        return error.connection_invalidated or (state is not None and state.startswith(TRANSIENT_STATES))
    return False


def outlived(error: BaseException) -> bool:
    """True when the work took longer than a transaction may live; `is_transient` too, but the same work may never succeed."""
    return isinstance(error, TransactionTooLong) or (isinstance(error, DBAPIError) and sqlstate(error) == TRANSACTION_TIMEOUT)


def sqlstate(error: DBAPIError) -> str | None:
    """The server's five-character code, None when the server did not answer."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return state if isinstance(state, str) else None


_key = func.unnest(bindparam("keys", type_=ARRAY(Text))).column_valued("key")
_LOCK = Prepared(select(func.pg_advisory_xact_lock(hash_of(_key))))
