"""Brings a service's database to the newest form; one process at a time, by an advisory lock.

A service's ``migrations/env.py`` is two lines::

    from chassis.migrate import run_migrations
    run_migrations()
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, func, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis.crash import crash_point

VERSION_TABLE = "alembic_version"
_LOCK_NAME = "migration"
_LOOK = 0.2
"""Seconds between two tries to be the one that migrates."""

_ONE_AT_A_TIME = asyncio.Lock()
"""Alembic keeps the migration under way in a module of its own, so two services of one process would mix theirs."""


async def upgrade(url: str, script_location: str | Path, *, metadata: MetaData | None = None, revision: str = "head") -> None:
    """Apply every migration that is missing; none where a newer version has been: whatever it added, this one works with.

    Args:
        url: ``postgresql+asyncpg://…`` of a role that may change tables.
        script_location: The folder with ``env.py`` and ``versions``.
        metadata: The tables as the code knows them; needed to compare or to write a new migration only.
        revision: How far to go.
    """
    engine = create_async_engine(url, hide_parameters=True)
    try:
        async with _ONE_AT_A_TIME, engine.connect() as connection:
            # Held by the connection, not a transaction: a migration may commit in between. Asked for again and again: whoever waited
            # for it inside a statement would be waited for by the index that the holder builds.
            while not await connection.scalar(select(func.pg_try_advisory_lock(func.hashtextextended(_LOCK_NAME, 1)))):
                await connection.commit()
                await asyncio.sleep(_LOOK)
            await connection.commit()
            stands = await _stands_at(connection)
            await connection.commit()
            if stands is None or stands in _revisions(script_location):
                await connection.run_sync(_upgrade, str(script_location), metadata, revision)
                await connection.commit()
            await connection.execute(select(func.pg_advisory_unlock(func.hashtextextended(_LOCK_NAME, 1))))
            await connection.commit()
    finally:
        await engine.dispose()


async def is_current(url: str, script_location: str | Path) -> bool:
    """True when no migration is missing; a form that these scripts do not know is a newer version's, which old ones work with."""
    known = _revisions(script_location)
    engine = create_async_engine(url, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            stands = await _stands_at(connection)
            return stands == next(iter(known), None) or (stands is not None and stands not in known)
    finally:
        await engine.dispose()


def run_migrations() -> None:
    """What ``env.py`` does: run on the connection that `upgrade` opened.

    Raises:
        RuntimeError: Somebody else than `upgrade` began it, without the lock that lets one process migrate at a time.
    """
    attributes = context.config.attributes
    if "connection" not in attributes:
        raise RuntimeError("call chassis.migrate.upgrade")
    _run_on(attributes["connection"], attributes.get("metadata"))


def build_index(name: str, table: str, columns: Sequence[str], *, where: str | None = None, using: str | None = None) -> None:
    """For a migration: add an index while others write to the table, which an index built inside a transaction would make wait.

    What came before it in the migration is committed. Half an index, left by a process that died here, is built anew.

    Args:
        name: Of the index; no finished one has it.
        table: What it is of.
        columns: In their order; one in parentheses is an expression.
        where: SQL; only rows for which it is true.
        using: The kind of index where it is no tree, e.g. ``gin``.
    """
    of = [text(one) if one.startswith("(") else one for one in columns]
    with op.get_context().autocommit_block():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            name, table, of, postgresql_where=where and text(where), postgresql_using=using or "btree", postgresql_concurrently=True
        )


def widen_key(name: str, table: str, columns: Sequence[str], *, by: Sequence[str]) -> None:
    """For a migration: add columns to a table's primary key while others write to it; only the swap of the finished index locks it.

    It lets more rows in than before, which an older version survives that writes by ``on conflict do nothing`` alone.

    Args:
        name: Of the key, before and afterwards.
        table: Whose key it is.
        columns: Those it has.
        by: Those it gets besides; none of them may be null.
    """
    index = f"{name}_new"
    with op.get_context().autocommit_block():
        op.drop_index(index, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(index, table, [*columns, *by], unique=True, postgresql_concurrently=True)
    op.execute(f"alter table {table} drop constraint {name}, add constraint {name} primary key using index {index}")


async def _stands_at(connection: AsyncConnection) -> str | None:
    """The last migration that was applied; None before the first."""
    if await connection.scalar(select(func.to_regclass(VERSION_TABLE))) is None:
        return None
    stands: str | None = await connection.scalar(text(f"select version_num from {VERSION_TABLE}"))  # noqa: S608 - our own constant
    return stands


def _revisions(script_location: str | Path) -> list[str]:
    """Every migration of these scripts, the newest first."""
    return [each.revision for each in ScriptDirectory.from_config(_config(str(script_location))).walk_revisions()]


def _upgrade(connection: Connection, script_location: str, metadata: MetaData | None, revision: str) -> None:
    config = _config(script_location)
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    command.upgrade(config, revision)


def _config(script_location: str) -> Config:
    config = Config()
    config.set_main_option("script_location", script_location.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run_on(connection: Connection, metadata: MetaData | None) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        transaction_per_migration=True,
        on_version_apply=_applied,
    )
    with context.begin_transaction():
        crash_point("in-migration")
        context.run_migrations()


def _applied(*_: object, **__: object) -> None:
    """Called when a migration has done its work and nothing of it is committed."""
    crash_point("in-migration")
