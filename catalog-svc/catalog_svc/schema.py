"""The one metadata of the catalogue's tables, and the one way a row that carries its version is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.dialects.postgresql import insert

from chassis.database import StaleVersion, Tx
from chassis.tables import define

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
