"""One intake-svc on a database of its own, with a small catalogue and the halls of the seed."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import text

from chassis.identity import SigningKey
from chassis.migrate import upgrade
from chassis.now import Now
from intake_svc.app import MIGRATIONS, create_app
from intake_svc.context import Intake, Settings
from intake_svc.schema import METADATA
from intake_svc.seed import load
from rules.catalogue import Catalogue
from tests.intake.builders import ISSUER, PUBLISHED, Service, publish
from tests.support.engines import Databases


async def migrate(url: str) -> None:
    await upgrade(url, MIGRATIONS)


@pytest.fixture(scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory, databases: Databases, project: Path) -> AsyncIterator[Service]:
    """One intake for the whole family: to make a database takes longer than most tests."""
    folder, gateway = tmp_path_factory.mktemp("intake"), SigningKey.make("gateway")
    (folder / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public]}))
    settings = Settings(
        database_url=await databases.make("intake", prepare=migrate),
        log_url="postgresql+asyncpg://unused",
        topics_file=project / "deploy/topics.yaml",
        development=True,
        internal_jwks_file=folder / "jwks.json",
        wrapping_key=base64.urlsafe_b64encode(bytes(32)).decode(),
        staff_issuer=ISSUER,
        lock_wait=9,
    )
    application = create_app(settings)
    context: Intake = application.state.context
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://intake") as client:
        yield Service(context=context, client=client, gateway=gateway)
    await context.database.close()


@pytest.fixture
async def service(running: Service) -> Service:
    """Intake as if it had just begun: empty tables, the small catalogue, the halls of the seed, real time."""
    context = running.context
    context.catalogue, context.now = Catalogue(), Now(development=True)
    context.numbers.clear()
    context.wrong_tries.clear()
    context.lost.clear()
    publish(context, *PUBLISHED)
    async with context.database.begin(context) as tx:
        await tx.execute(text(f"truncate {', '.join(METADATA.tables)} cascade"))
    await load(context)
    return running
