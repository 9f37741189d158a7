"""What a transaction writes at its end: rows of however many tables in one statement.

A move touches half a dozen tables and a batch of events a hundred times as many rows. Written one by one their round trips are what limits
the system; collected, they cost one, whatever the number. A table says once how its rows are written::

    WIDGETS = Rows(TABLE, conflict=Conflict.VERSION)

    tx.write(WIDGETS, {"id": "w-1", "version": 1, "body": {…}})

Whatever reads from the database in the same transaction has everything written first (`chassis.database.Tx.execute`).
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import Enum
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias
from typing import cast as cast_to

import orjson
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    func,
    literal_column,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import TypeEngine

from chassis.prepared import Prepared

Row: TypeAlias = Mapping[str, object]

_SEPARATOR = "\x1f"
"""Between the texts of an array column, which travels as one text: PostgreSQL flattens arrays of arrays."""

_ORDER = "order of the rows"
"""No column has this name."""

UNIQUE_VIOLATION = "23505"
"""SQLSTATE of a row whose key is taken."""


class Conflict(Enum):
    """What a row does that is there already."""

    REFUSE = "refuse"
    """The transaction fails with a unique violation."""
    IGNORE = "ignore"
    """It stays as it is."""
    REPLACE = "replace"
    """It is brought to the new form."""
    VERSION = "version"
    """It is brought to the new form, if its version is the one before; else the transaction is stale."""
    MERGE = "merge"
    """It is changed as the table says."""
    ABSENT = "absent"
    """As `VERSION`, and the transaction is stale too when the row is not there."""

    @property
    def counts(self) -> bool:
        """Whether fewer rows written than given make the transaction stale."""
        return self in {Conflict.VERSION, Conflict.ABSENT}


Columns: TypeAlias = ReadOnlyColumnCollection[str, Any]
Merge: TypeAlias = Callable[[Columns, Columns], tuple[Mapping[str, ColumnElement[Any]], ColumnElement[bool] | None]]


class Rows:
    """How the rows of one table are written and removed together."""

    def __init__(
        self,
        table: Table,
        *,
        conflict: Conflict = Conflict.REFUSE,
        columns: Sequence[str] = (),
        returning: Sequence[str] = (),
        name: str = "",
        merge: Merge | None = None,
    ) -> None:
        """Prepare the table's part of the statement.

        Args:
            table: With a primary key; for `Conflict.VERSION` with a column ``version``.
            conflict: What becomes of a row that is there.
            columns: Those that are written; all unless told. On `Conflict.REPLACE` the others go back to their defaults.
            name: Tells apart two ways of writing one table; the table's own unless told.
            merge: For `Conflict.MERGE`: from the row that is there and the new one what is set, and where.
            returning: A text and a number that the statement gives back of each row, in the order written.
        """
        self.table = table
        self.name = name or table.name
        self.conflict = conflict
        self.key = tuple(each.name for each in table.primary_key)
        self.columns = tuple(columns) or tuple(each.name for each in table.columns)
        self.returning = tuple(returning)
        self._merge = merge
        self._wires = tuple((name, self._bound(name), _wire(self.table.c[name].type)) for name in self.columns)
        self._identity = itemgetter(*self.key)
        self._new = self._insert()
        self._gone = self._delete() if len(self.key) == 1 else None

    def identity(self, row: Row) -> Hashable:
        """The row's primary key; of a table whose rows are only added each row is its own."""
        return object() if self.conflict is Conflict.REFUSE else cast_to("Hashable", self._identity(row))

    def part(self, *, gone: bool) -> CTE:
        """What stands for this table in the statement."""
        if not gone:
            return self._new
        if self._gone is None:
            raise TypeError(f"rows of {self.name} are not removed by one column")
        return self._gone

    def parameters(self, rows: Sequence[Row], *, gone: bool) -> dict[str, object]:
        """One array per column; of rows that go only the key."""
        if gone:
            return {self._bound("gone"): [row[self.key[0]] for row in rows]}
        return {
            bound: [row[name] if wire is None or row[name] is None else wire(row[name]) for row in rows]
            for name, bound, wire in self._wires
        }

    def _insert(self) -> CTE:
        columns = [self.table.c[name] for name in self.columns]
        arrays = [bindparam(self._bound(each.name), type_=ARRAY(_wire_type(each.type))) for each in columns]
        new = (
            func.unnest(*arrays)
            .table_valued(*(column(each.name, _wire_type(each.type)) for each in columns), with_ordinality=_ORDER, name=f"new_{self.name}")
            .render_derived()
        )
        if self.conflict is Conflict.ABSENT:
            mine = and_(*(self.table.c[name] == new.c[name] for name in self.key), self.table.c.version == new.c.version - 1)
            changed = {each.name: _unwire(new.c[each.name], each.type) for each in columns if each.name not in self.key}
            return update(self.table).where(mine).values(changed).returning(*self.table.primary_key).cte(f"put_{self.name}")
        given = select(*(_unwire(new.c[each.name], each.type) for each in columns)).order_by(new.c[_ORDER])
        statement = insert(self.table).from_select(list(self.columns), given)
        if self.conflict is Conflict.IGNORE:
            statement = statement.on_conflict_do_nothing()
        elif self._merge is not None:
            merged, where = self._merge(self.table.c, statement.excluded)
            statement = statement.on_conflict_do_update(index_elements=list(self.key), set_=dict(merged), where=where)
        elif self.conflict in {Conflict.REPLACE, Conflict.VERSION}:
            excluded = statement.excluded
            changed = {name: excluded[name] for name in self.columns if name not in self.key}
            if self.conflict is Conflict.REPLACE:
                changed |= {each.name: _default(each.server_default) for each in self.table.c if each.name not in self.columns}
            before = self.table.c.version == excluded.version - 1 if self.conflict is Conflict.VERSION else None
            statement = statement.on_conflict_do_update(index_elements=list(self.key), set_=changed, where=before)
        return statement.returning(*(self.table.c[name] for name in self.returning or self.key)).cte(f"put_{self.name}")

    def _delete(self) -> CTE:
        key = self.table.c[self.key[0]]
        return (
            delete(self.table)
            .where(key == func.any(bindparam(self._bound("gone"), type_=ARRAY(key.type))))
            .returning(key)
            .cte(f"take_{self.name}")
        )

    def _bound(self, name: str) -> str:
        return f"{self.name}_{name}"


class Closing(Protocol):
    """A last part of the statement, written after the others because it sees what they return."""

    @property
    def name(self) -> str:
        """Tells it apart from every table."""

    def part(self, others: Mapping[str, CTE]) -> tuple[CTE, ColumnElement[str | None]]:
        """What stands for it in the statement, and the text that it tells; the others by their names."""


class Pending:
    """What one transaction has yet to write."""

    __slots__ = ("_gone", "_rows", "changes")

    def __init__(self) -> None:
        self.changes = 0
        """Goes up with every row written or removed and every statement run: as long as it stands, nothing was done in between."""
        self._rows: dict[Rows, dict[Hashable, Callable[[], Row]]] = {}
        self._gone: dict[Rows, dict[Hashable, Row]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows or self._gone)

    def write(self, rows: Rows, identity: Hashable, make: Callable[[], Row]) -> None:
        """A row, made when it is written; of one identity the last one counts, where rows give way the first; it comes after a removal."""
        self.changes += 1
        if rows in self._gone:
            self._gone[rows].pop(identity, None)
        known = self._rows.setdefault(rows, {})
        if rows.conflict is not Conflict.IGNORE or identity not in known:
            known[identity] = make

    def remove(self, rows: Rows, row: Row) -> None:
        """A row that shall not be there, whether it is or not; named by its key."""
        self.changes += 1
        identity = rows.identity(row)
        if rows in self._rows:
            self._rows[rows].pop(identity, None)
        self._gone.setdefault(rows, {})[identity] = row

    def take(self, closing: Closing | None = None, given: Mapping[str, object] | None = None) -> "Batch":
        """All of it, with the parameters of a last part if there is one; and nothing is pending any more."""
        parts = [(rows, False, [make() for make in found.values()]) for rows, found in self._rows.items() if found]
        parts += [(rows, True, list(found.values())) for rows, found in self._gone.items() if found]
        self._rows, self._gone = {}, {}
        return Batch(sorted(parts, key=lambda part: (part[0].name, part[1])), closing=closing, given=given or {})


class Batch:
    """Rows to be written by one statement."""

    def __init__(
        self,
        parts: Sequence[tuple[Rows, bool, list[Row]]],
        *,
        closing: Closing | None = None,
        given: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self._parts = parts
        self._closing = closing
        self._given = given
        self.expected = {rows.name: len(found) for rows, gone, found in parts if rows.conflict.counts and not gone}
        """Rows that must have been written, by table."""

    def __bool__(self) -> bool:
        return bool(self._parts) or self._closing is not None

    @property
    def statement(self) -> Prepared:
        """Writes everything; gives rows (table, text, number): one for each row of a table that returns something, one count for others."""
        shape = (tuple((rows, gone) for rows, gone, _ in self._parts), self._closing)
        if shape not in _STATEMENTS:
            _STATEMENTS[shape] = _compose(shape)
        return _STATEMENTS[shape]

    @property
    def parameters(self) -> dict[str, object]:
        """Of the statement."""
        given: dict[str, object] = dict(self._given)
        for rows, gone, found in self._parts:
            given |= rows.parameters(found, gone=gone)
        return given


_Shape: TypeAlias = tuple[tuple[tuple[Rows, bool], ...], Closing | None]
_STATEMENTS: dict[_Shape, Prepared] = {}
"""By what they write: a service has a few dozen."""


def _compose(shape: _Shape) -> Prepared:
    tables, closing = shape
    told: list[Any] = []
    parts: list[Any] = [rows.part(gone=gone) for rows, gone in tables]
    for (rows, gone), part in zip(tables, parts, strict=True):
        name = literal_column(f"'{rows.name}'", Text).label("name")
        if rows.returning and not gone:
            text, number = rows.returning
            told.append(select(name, part.c[text].label("text"), part.c[number].label("number")))
        elif rows.conflict.counts and not gone:
            told.append(select(name, cast(null(), Text).label("text"), func.count().label("number")).select_from(part))
    if closing is not None:
        others = {rows.name: part for (rows, gone), part in zip(tables, parts, strict=True) if not gone}
        last, saying = closing.part(others)
        parts.append(last)
        name = literal_column(f"'{closing.name}'", Text).label("name")
        told.append(select(name, saying.label("text"), func.count().label("number")).select_from(last))
    if not told:
        told.append(
            select(literal_column("''", Text).label("name"), cast(null(), Text).label("text"), cast(null(), BigInteger).label("number"))
        )
    whole: Any = told[0] if len(told) == 1 else union_all(*told)
    return Prepared(whole.add_cte(*parts))


def _wire(kind: TypeEngine[Any]) -> Callable[[Any], object] | None:
    """What makes of a value what travels; None where it travels as it is."""
    if isinstance(kind, JSONB):
        return lambda value: orjson.dumps(value).decode()
    if isinstance(kind, ARRAY):
        return _SEPARATOR.join
    return None


def _wire_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return Text() if isinstance(kind, JSONB | ARRAY) else kind


def _unwire(value: ColumnElement[Any], kind: TypeEngine[Any]) -> ColumnElement[Any]:
    if isinstance(kind, JSONB):
        return cast(value, JSONB)
    if isinstance(kind, ARRAY):
        # An empty text is an empty array.
        return func.string_to_array(value, literal_column(f"E'\\x{ord(_SEPARATOR):02x}'"))
    return value


def _default(found: Any) -> ColumnElement[Any]:
    return null() if found is None else literal_column(f"'{found.arg}'") if isinstance(found.arg, str) else found.arg


def table_taken(error: DBAPIError) -> str | None:
    """The table in which a row's key was taken already; None for any other error."""
    table: str | None = getattr(getattr(error.orig, "__cause__", None), "table_name", None)
    return table if getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION else None
