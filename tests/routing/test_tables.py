"""The migrations make the very tables that the code knows."""

import re

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.ext.asyncio import create_async_engine

import routing_svc.app  # noqa: F401 - every room defines its tables
from chassis.migrate import VERSION_TABLE, upgrade
from routing_svc.app import MIGRATIONS
from routing_svc.handling.domain import WAITS
from routing_svc.schema import METADATA
from routing_svc.supervision.store import TRACES
from tests.routing.builders import MONDAY
from tests.routing.conftest import migrate
from tests.support.engines import DatabaseUrl


async def test_migrations_and_code_agree(database_url: DatabaseUrl) -> None:
    engine = create_async_engine(await database_url("routing", prepare=migrate))
    options = {"include_name": lambda name, kind, _: not (kind == "table" and name == VERSION_TABLE), "compare_server_default": True}

    async with engine.connect() as connection:
        differences = await connection.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync, opts=options), METADATA))
    await engine.dispose()

    assert differences == []


async def test_the_key_of_traces_is_changed_under_the_rows_that_are_there_also_where_it_was_begun_before(database_url: DatabaseUrl) -> None:
    url = await database_url("routing_before")
    await upgrade(url, MIGRATIONS, revision="0004")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        row = dict.fromkeys(("trace_id", "caller", "aggregate", "action", "about", "region", "rule_id", "purpose"), "x")
        await connection.execute(insert(TRACES), row | {"at": MONDAY})
        await connection.execute(text("create unique index pk_traces_new on traces (trace_id)"))

    await upgrade(url, MIGRATIONS)

    async with engine.connect() as connection:
        key = await connection.run_sync(lambda sync: inspect(sync).get_pk_constraint("traces"))
        indexes = await connection.run_sync(lambda sync: {index["name"] for index in inspect(sync).get_indexes("traces")})
        kept = (await connection.execute(select(TRACES.c.at))).scalars().all()
    await engine.dispose()
    assert (key["name"], key["constrained_columns"]) == ("pk_traces", ["trace_id", "aggregate", "action", "about", "caller", "at"])
    assert indexes == {"ix_traces_about"}
    assert kept == [MONDAY]


async def test_the_index_of_open_handlings_holds_every_state_that_waits(database_url: DatabaseUrl) -> None:
    engine = create_async_engine(await database_url("routing_open", prepare=migrate))

    async with engine.connect() as connection:
        made = str(await connection.scalar(text("select pg_get_indexdef('ix_handlings_open'::regclass)")))
    await engine.dispose()

    assert set(re.findall(r"'(\w+)'", made)) == set(WAITS)
