"""What goes over the wire to PostgreSQL, as its driver sees it: whoever sends it, and however."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from chassis.database import Database

_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK")
_TYPES = "typeinfo"
"""In the driver's own questions about types, once per connection; it sets ``jit`` around them."""


@contextmanager
def statements(database: Database, *, pool: str = "requests") -> Iterator[list[str]]:
    """Every statement that goes to the server meanwhile, but those that begin and end transactions.

    Args:
        database: Whose connections.
        pool: ``requests`` or ``consumers``.
    """
    sent: list[str] = []
    listened: dict[Any, None] = {}

    def note(logged: Any) -> None:
        if not logged.query.startswith(_TRANSACTION) and _TYPES not in logged.query and "set_config('jit'" not in logged.query:
            sent.append(logged.query)

    def listen(connection: Any, *_rest: object) -> None:
        if connection.driver_connection not in listened:
            listened[connection.driver_connection] = None
            connection.driver_connection.add_query_logger(note)

    engine = _engine(database, pool)
    event.listen(engine, "checkout", listen)
    try:
        yield sent
    finally:
        event.remove(engine, "checkout", listen)
        for connection in listened:
            connection.remove_query_logger(note)


@contextmanager
def executions(database: Database, *, pool: str = "requests") -> Iterator[list[str]]:
    """Every statement that SQLAlchemy runs meanwhile, one for a whole batch; what it prepares the driver's own log does not tell.

    Args:
        database: Whose connections.
        pool: ``requests`` or ``consumers``.
    """
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        run.append(statement)

    engine = _engine(database, pool)
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield run
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _engine(database: Database, pool: str) -> Any:
    return getattr(database, f"_{pool}").sync_engine
