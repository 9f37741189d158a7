"""One catalog-svc on a database of its own that holds the whole seed."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest

from catalog_svc.app import MIGRATIONS, create_app
from catalog_svc.context import Catalog, Settings
from catalog_svc.route.handlers import open_signer
from catalog_svc.seed import load
from chassis.identity import SigningKey
from chassis.migrate import upgrade
from tests.catalog.builders import Service
from tests.support.engines import Databases, DatabaseUrl

WRAPPING_KEY = base64.urlsafe_b64encode(bytes(32)).decode()


def settings_for(url: str, *, jwks: Path) -> Settings:
    return Settings(
        database_url=url,
        log_url="postgresql+asyncpg://unused",
        topics_file=Path("unused"),
        development=True,
        internal_jwks_file=jwks,
        wrapping_key=WRAPPING_KEY,
    )


async def migrate(url: str) -> None:
    await upgrade(url, MIGRATIONS)


async def migrate_and_load(url: str) -> None:
    await migrate(url)
    context: Catalog = create_app(settings_for(url, jwks=Path("unused"))).state.context
    await load(context, lambda _line: None)
    await context.database.close()


async def running(url: str, *, folder: Path) -> AsyncIterator[Service]:
    gateway = SigningKey.make("gateway")
    (folder / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public]}))
    application = create_app(settings_for(url, jwks=folder / "jwks.json"))
    context: Catalog = application.state.context
    await open_signer(context)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://catalog") as client:
        yield Service(context=context, client=client, gateway=gateway)
    await context.database.close()


@pytest.fixture
async def service(tmp_path: Path, database_url: DatabaseUrl) -> AsyncIterator[Service]:
    """For tests that leave something behind; its index is empty until it hears."""
    url = await database_url("catalog", prepare=migrate_and_load)
    async for started in running(url, folder=tmp_path):
        await started.skip()
        yield started


@pytest.fixture(scope="session")
async def seeded(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Service]:
    """For tests that only ask or are refused; its index holds the seed."""
    url = await databases.make("catalog_seeded", prepare=migrate_and_load)
    async for started in running(url, folder=tmp_path_factory.mktemp("catalog")):
        await started.hear_all()
        yield started
