"""The one metadata of the catalogue's tables, how a row that carries its version is written, and what is read once in a transaction."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, MetaData, Table, and_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from chassis.database import StaleVersion, Tx
from chassis.tables import define
from rules.workdays import local_day

METADATA = MetaData()
define(METADATA)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


async def write_rows(tx: Tx[Any], table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows of version 1 and overwrite rows of version n - 1 by version n, all in one batch.

    Args:
        tx: The caller's transaction.
        table: Has a primary key and a column ``version``.
        rows: Every column of each row; no key twice.

    Raises:
        StaleVersion: A row has another version by now; nothing of the transaction may be kept.
    """
    if not rows:
        return
    written = await tx.execute(_overwriting(table), list(rows))
    if len(written.all()) != len(rows):
        raise StaleVersion


@cache
def _overwriting(table: Table) -> ReturningInsert[Any]:
    """Made once for each table: making it costs as much as running it."""
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    one_before = table.c.version == statement.excluded.version - 1
    return statement.on_conflict_do_update(index_elements=key, set_=others, where=one_before).returning(*table.primary_key)


async def write_next(tx: Tx[Any], table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as the next version of those that stand there; the caller holds the lock on each.

    Args:
        tx: The caller's transaction.
        table: As for `write_rows`.
        rows: Every column of each row but ``version``; no key twice.

    Raises:
        StaleVersion: Another transaction wrote one of them all the same.
    """
    key = list(table.primary_key)
    asked = [tuple(row[column.name] for column in key) for row in rows]
    one_of = key[0].in_([place[0] for place in asked]) if len(key) == 1 else tuple_(*key).in_(asked)
    known = await tx.execute(select(table.c.version, *key).where(one_of))
    versions: dict[tuple[object, ...], int] = {tuple(row[1:]): row.version for row in known}
    await write_rows(tx, table, [{**row, "version": versions.get(place, 0) + 1} for row, place in zip(rows, asked, strict=True)])


class AtHand(Generic[K, V]):
    """What a transaction reads once, however often it asks.

    What others write meanwhile is not seen: what a lock guards is asked for only by those who hold it.
    """

    def __init__(self, read: Callable[[Tx[Any], Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Say how what stands under some keys is read; keys without anything may be left out."""
        self._read = read

    async def of(self, tx: Tx[Any], keys: Collection[K]) -> dict[K, V]:
        """What stands under these keys, those without anything left out."""
        known: dict[K, V | None] = tx.at_hand.setdefault(self, {})
        if wanted := set(keys) - known.keys():
            found = await self._read(tx, wanted)
            known |= {key: found.get(key) for key in wanted}
        return {key: one for key in keys if (one := known[key]) is not None}

    def forget(self, tx: Tx[Any], keys: Collection[K] | None = None) -> None:
        """Read these again, or all: the transaction wrote them."""
        if keys is None:
            tx.at_hand.pop(self, None)
        else:
            known = tx.at_hand.get(self, {})
            tx.at_hand[self] = {key: one for key, one in known.items() if key not in keys}


def ends_within(tx: Tx[Any], body: ColumnElement[Any], *, days: int) -> ColumnElement[bool]:
    """The condition that a document with ``valid_from`` and ``valid_to`` is in force today and no longer so many days later."""
    today = local_day(tx.at)
    begins, ends = body["valid_from"].astext, body["valid_to"].astext
    return and_(begins <= today.isoformat(), ends > today.isoformat(), ends <= (today + timedelta(days=days)).isoformat())
