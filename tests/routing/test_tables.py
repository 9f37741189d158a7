"""The migrations make the very tables that the code knows."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

import routing_svc.app  # noqa: F401 - every room defines its tables
from chassis.migrate import VERSION_TABLE
from routing_svc.schema import METADATA
from tests.routing.conftest import migrate
from tests.support.engines import DatabaseUrl


async def test_migrations_and_code_agree(database_url: DatabaseUrl) -> None:
    engine = create_async_engine(await database_url("routing", prepare=migrate))
    options = {"include_name": lambda name, kind, _: not (kind == "table" and name == VERSION_TABLE), "compare_server_default": True}

    async with engine.connect() as connection:
        differences = await connection.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync, opts=options), METADATA))
    await engine.dispose()

    assert differences == []
