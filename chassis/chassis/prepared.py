"""Statements of the hot path: written in Core, compiled once, then run straight on the driver's connection.

::

    _BY_NO = Prepared(select(CASES.c.body).where(CASES.c.case_no == bindparam("case_no", type_=Text)))

    for (body,) in await tx.fetch(_BY_NO, {"case_no": number}): …

What SQLAlchemy does for each execution (cache key, context, cursor, result, switches of greenlets) costs more than the driver's own work. Its
pool, its transaction and its errors stay: a statement run here is in the transaction that SQLAlchemy commits, and what goes wrong is told
through it. This leans on its dialect for asyncpg, which is pinned; `tests/chassis/test_prepared.py` says so when a new one differs.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from sqlalchemy import ARRAY, CompoundSelect, Connection, Dialect, Select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlalchemy.types import TypeEngine

Written = Select[Any] | CompoundSelect[Any] | ReturningInsert[Any] | ReturningUpdate[Any] | ReturningDelete[Any]
"""What gives rows."""

Process = Callable[[Any], Any]


class Prepared:
    """A statement that is run often, always with the same parameters' names."""

    __slots__ = ("_arguments", "_fixed", "_results", "_sql", "written")

    def __init__(self, written: Written) -> None:
        """Take the statement; it is compiled at its first use.

        Args:
            written: Its parameters are single values, arrays too; never lists to be spelled out (``in_``).
        """
        self.written = written
        self._sql = ""
        self._arguments: tuple[tuple[str, Process | None], ...] = ()
        self._fixed: Mapping[str, object] = {}
        self._results: tuple[Process | None, ...] | None = None

    async def fetch(self, connection: AsyncConnection, parameters: Mapping[str, object]) -> list[Any]:
        """Run it in the connection's transaction, which begins with its first statement; rows as tuples.

        Raises:
            DBAPIError: As SQLAlchemy raises it.
            KeyError: A parameter is missing.
        """
        if not self._sql:
            self._compile(connection.dialect)
        given: Mapping[str, object] = {**self._fixed, **parameters} if self._fixed else parameters
        arguments = [given[name] if process is None else process(given[name]) for name, process in self._arguments]
        inside = _inside(connection)
        try:
            if inside._transaction is None:  # noqa: SLF001 - the dialect begins with the first statement, and this may be it
                await inside._start_transaction()  # noqa: SLF001
            rows: list[Any] = await inside.driver_connection.fetch(self._sql, *arguments)
        except BaseException as error:
            await connection.run_sync(_tell, error, sql=self._sql)
            raise
        if self._results is None:
            return rows
        return [tuple(v if make is None else make(v) for v, make in zip(row, self._results, strict=True)) for row in rows]

    def _compile(self, dialect: Dialect) -> None:
        compiled = cast("Any", self.written.compile(dialect=dialect))
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise TypeError("a prepared statement has no lists to be spelled out")
        names: list[str] = compiled.positiontup or []
        self._fixed = {name: bound.value for name, bound in compiled.binds.items() if not bound.required}
        self._arguments = tuple((name, _process_bound(compiled.binds[name].type, dialect)) for name in names)
        made = tuple(_process_result(column.type, dialect) for column in self.written.exported_columns)
        self._results = made if any(made) else None
        self._sql = str(compiled)


def _inside(connection: AsyncConnection) -> Any:
    """The dialect's own connection around the driver's; a broken one is told as such."""
    return cast("Connection", connection.sync_connection).connection.dbapi_connection


def _tell(connection: Connection, error: BaseException, *, sql: str) -> None:
    """Raise what SQLAlchemy would have raised, and give the connection up where SQLAlchemy would."""
    try:
        _translate(connection, error)
    except BaseException as told:  # noqa: BLE001 - a cancellation too ends the connection, for its answer is still on the way
        connection._handle_dbapi_exception(told, sql, None, None, None)  # noqa: SLF001


def _translate(connection: Connection, error: BaseException) -> None:
    """Raise the driver's error as the dialect's; any other as it is."""
    if isinstance(error, Exception):
        cast("Any", connection.connection.dbapi_connection)._handle_exception(error)  # noqa: SLF001
    raise error


def _process_bound(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    # An array of what needs no work is taken by the driver as it is.
    if isinstance(kind, ARRAY) and _process_bound(kind.item_type, dialect) is None:
        return None
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _process_result(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    if isinstance(kind, ARRAY) and _process_result(kind.item_type, dialect) is None:
        return None
    return kind.dialect_impl(dialect).result_processor(dialect, None)
