"""One routing-svc on a database of its own, with a small catalogue, at a Monday that stands."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import text

from chassis.identity import SigningKey
from chassis.migrate import upgrade
from routing_svc.app import MIGRATIONS, Settings, create_app
from routing_svc.context import Routing
from routing_svc.partner.handlers import prepare
from routing_svc.schema import METADATA
from tests.routing.builders import MONDAY, PUBLISHED, Service, StandingNow, publish
from tests.support.engines import Databases


async def migrate(url: str) -> None:
    await upgrade(url, MIGRATIONS)


@pytest.fixture(scope="session")
async def database(databases: Databases) -> str:
    """One database for the family; each test finds it empty."""
    return await databases.make("routing", prepare=migrate)


@pytest.fixture
async def service(tmp_path: Path, database: str, project: Path) -> AsyncIterator[Service]:
    gateway = SigningKey.make("gateway")
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public]}))
    settings = Settings(
        database_url=database,
        log_url="postgresql+asyncpg://unused",
        topics_file=project / "deploy/topics.yaml",
        development=True,
        internal_jwks_file=tmp_path / "jwks.json",
        wrapping_key=base64.urlsafe_b64encode(bytes(32)).decode(),
    )
    application = create_app(settings)
    context: Routing = application.state.context
    context.now = StandingNow(MONDAY)
    publish(context, *PUBLISHED)
    async with context.database.begin(context) as tx:
        await tx.execute(text(f"truncate {', '.join(table.name for table in METADATA.sorted_tables)}"))
    await prepare(context)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://routing") as client:
        yield Service(context=context, client=client, gateway=gateway)
    await context.database.close()
