"""The one metadata of the catalogue's tables, and how a row that carries its version is written."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, MetaData, Table, and_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from chassis.database import StaleVersion, Tx
from chassis.tables import define
from rules.workdays import local_day

METADATA = MetaData()
define(METADATA)


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
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    written = await tx.execute(
        statement.on_conflict_do_update(index_elements=key, set_=others, where=table.c.version == statement.excluded.version - 1).returning(
            *table.primary_key
        ),
        list(rows),
    )
    if len(written.all()) != len(rows):
        raise StaleVersion


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


def ends_within(tx: Tx[Any], body: ColumnElement[Any], *, days: int) -> ColumnElement[bool]:
    """The condition that a document with ``valid_from`` and ``valid_to`` is in force today and no longer so many days later."""
    today = local_day(tx.at)
    begins, ends = body["valid_from"].astext, body["valid_to"].astext
    return and_(begins <= today.isoformat(), ends > today.isoformat(), ends <= (today + timedelta(days=days)).isoformat())
