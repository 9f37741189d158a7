"""What a transaction has at hand: the rows that hang on a few keys, read for all of them at once, written back together at its end.

A handler reads and saves one thing at a time, as if it were alone; a batch of a hundred events still reads once::

    WIDGETS = Shelf(TABLE, key="order_id", identity=lambda widget: widget.widget_id, row=_row, read=_read)

    async def prepare(tx, events):
        await fetch(tx, (WIDGETS, …), [event.order_id for event in events])

    for widget in await WIDGETS.of(tx, order_id): …
    widget.paint("red")
    WIDGETS.put(tx, order_id, widget)

The key's lock is held from before the reading to the commit, so what is at hand is what is in the database.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import orjson
from sqlalchemy import ARRAY, ColumnElement, Select, Table, Text, any_, bindparam, func, literal_column, select, union_all
from sqlalchemy import cast as as_type

from chassis.database import Tx
from chassis.prepared import Prepared
from chassis.tables import SECRET_KEYS
from chassis.writing import Conflict, Rows
from contracts.values import Json

T = TypeVar("T")


@dataclass(slots=True)
class _Stock(Generic[T]):
    """What one transaction has of one shelf."""

    unread: dict[str, list[str]] = field(default_factory=dict)
    """Bodies of keys that were fetched and not asked for yet."""
    things: dict[str, dict[Hashable, T]] = field(default_factory=dict)
    """By key, all that there is."""
    added: dict[str, dict[Hashable, T]] = field(default_factory=dict)
    """Put under keys that were never fetched."""
    versions: dict[Hashable, int] = field(default_factory=dict)
    """Of what was read."""


class Shelf(Generic[T]):
    """A table whose rows hang on a key, each row a thing kept whole in its column ``body``."""

    def __init__(
        self,
        table: Table,
        *,
        key: str,
        identity: Callable[[T], Hashable],
        row: Callable[[T], Mapping[str, object]],
        read: Callable[[Json], T],
        columns: Sequence[str] = (),
        only: ColumnElement[bool] | None = None,
        body: ColumnElement[str] | None = None,
    ) -> None:
        """Describe the table; nothing is read yet.

        Args:
            table: Has the columns ``key`` and ``body``; with a column ``version`` its things are changed, without one they are only added.
            key: The column that the rows hang on.
            identity: What tells the things of a key apart.
            row: A thing as its row.
            read: A thing from what is fetched of it.
            columns: The only ones written; such a shelf changes things that are there and adds none.
            only: What of a key's rows is fetched; all unless told.
            body: What is fetched of a row, as JSON text; its whole body unless told.

        Raises:
            ValueError: No index begins with the key, so that every reading would go through the whole table, which only grows.
        """
        indexed = (table.primary_key.columns, *(index.columns for index in table.indexes))
        if all(columns.keys()[:1] != [key] for columns in indexed):
            raise ValueError(f"no index of {table.name} begins with {key}")
        self.table = table
        self._versioned = "version" in table.c
        conflict = Conflict.ABSENT if columns else Conflict.VERSION if self._versioned else Conflict.REFUSE
        self._rows = Rows(table, conflict=conflict, columns=columns)
        self._only = only
        self._body = as_type(table.c.body, Text) if body is None else body
        self._identity = identity
        self._row = row
        self._read = read
        self._key = table.c[key]

    async def of(self, tx: Tx[Any], key: str) -> tuple[T, ...]:
        """The things of a key, in no particular order; the same objects however often it is asked."""
        stock = self._stock(tx)
        if key not in stock.things:
            if key not in stock.unread:
                await fetch(tx, (self,), [key])
            read = [self._read(orjson.loads(body)) for body in stock.unread.pop(key)]
            stock.versions |= {self._identity(thing): thing.version for thing in cast("list[Any]", read) if self._versioned}
            stock.things[key] = {self._identity(thing): thing for thing in read} | stock.added.pop(key, {})
        return tuple(stock.things[key].values())

    def put(self, tx: Tx[Any], key: str, thing: T) -> None:
        """Keep a thing that is new or changed; its version goes up by one, however often it is put in a transaction."""
        stock, identity = self._stock(tx), self._identity(thing)
        if self._versioned:
            cast("Any", thing).version = stock.versions.get(identity, 0) + 1
        (stock.things if key in stock.things else stock.added).setdefault(key, {})[identity] = thing

        def make() -> Mapping[str, object]:
            if self._versioned:
                stock.versions[identity] = cast("Any", thing).version
            return self._row(thing)

        tx.pending.write(self._rows, identity, make)

    def taken(self, tx: Tx[Any], key: str, bodies: Iterable[str]) -> None:
        """What was fetched of a key; called by `fetch` alone."""
        self._stock(tx).unread[key] = list(bodies)

    def has(self, tx: Tx[Any], key: str) -> bool:
        """Whether a key was fetched in this transaction."""
        stock = self._stock(tx)
        return key in stock.unread or key in stock.things

    def query(self, number: int) -> Select[Any]:
        """Number, key and body of what hangs on the keys."""
        which: Any = literal_column(str(number)).label("shelf")
        of_keys = self._key == any_(bindparam("keys", type_=ARRAY(Text)))
        found = select(which, self._key.label("key"), self._body.label("body")).where(of_keys)
        return found if self._only is None else found.where(self._only)

    def _stock(self, tx: Tx[Any]) -> _Stock[T]:
        found: _Stock[T] | None = tx.at_hand.get(self)
        if found is None:
            found = tx.at_hand[self] = _Stock()
        return found


async def fetch(tx: Tx[Any], shelves: Sequence[Shelf[Any]], keys: Iterable[str], *, secrets: Sequence[str] = ()) -> None:
    """Take from several shelves what hangs on keys, in one query; what is at hand already is not asked for again.

    Args:
        tx: The transaction; it holds the locks of the keys.
        shelves: Which.
        keys: What the rows hang on.
        secrets: Owners of secret keys that will be needed too, made under the same locks (`chassis.vault.Vault.take`).
    """
    wanted = tuple(sorted({key for key in keys if not all(shelf.has(tx, key) for shelf in shelves)}))
    if not wanted:
        return
    bodies: dict[tuple[int, str], list[str]] = {}
    asked = {"keys": list(wanted)} | ({"owners": list(secrets)} if secrets else {})
    for number, key, body in await tx.fetch(_query(tuple(shelves), secret=bool(secrets)), asked):
        bodies.setdefault((number, key), []).append(body)
    for owner in secrets:
        [wrapped] = bodies.get((_SECRET, owner), [None])
        tx.context.vault.take(tx, owner, None if wrapped is None else bytes.fromhex(wrapped))
    for number, shelf in enumerate(shelves):
        for key in wanted:
            if not shelf.has(tx, key):
                shelf.taken(tx, key, bodies.get((number, key), ()))


_SECRET = -1
"""Stands for the table of secret keys among the numbers of shelves."""
_SECRETS: Any = select(
    literal_column(str(_SECRET)).label("shelf"), SECRET_KEYS.c.owner.label("key"), func.encode(SECRET_KEYS.c.wrapped, "hex").label("body")
).where(SECRET_KEYS.c.owner == any_(bindparam("owners", type_=ARRAY(Text))))
_QUERIES: dict[tuple[tuple[Shelf[Any], ...], bool], Prepared] = {}


def _query(shelves: tuple[Shelf[Any], ...], *, secret: bool) -> Prepared:
    if (shelves, secret) not in _QUERIES:
        parts = [shelf.query(number) for number, shelf in enumerate(shelves)] + ([_SECRETS] if secret else [])
        _QUERIES[shelves, secret] = Prepared(parts[0] if len(parts) == 1 else union_all(*parts))
    return _QUERIES[shelves, secret]
