"""The migrations make just the tables that the code knows."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from catalog_svc.schema import METADATA
from catalog_svc.search.store import SEARCH_MISSES
from catalog_svc.word.store import WORD_ENTRIES
from tests.catalog.conftest import migrate
from tests.support.engines import DatabaseUrl


async def test_the_migrations_make_the_tables_of_the_code(database_url: DatabaseUrl) -> None:
    url = await database_url("catalog_tables")
    await migrate(url)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()

    assert [one for one in found if "alembic_version" not in str(one)] == []
    assert {
        "regions",
        "organs",
        "base_items",
        "agreements",
        "delegations",
        "calendars",
        "parts",
        "items",
        "item_versions",
        "proposals",
    } <= set(METADATA.tables)
    assert {SEARCH_MISSES.name, WORD_ENTRIES.name} <= set(METADATA.tables)
