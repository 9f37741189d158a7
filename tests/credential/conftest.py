"""One credential-svc on a database of its own, and an intake that answers for two applicants."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.identity import SigningKey, Verifier
from chassis.migrate import upgrade
from chassis.problems import Unauthenticated
from credential_svc.app import MIGRATIONS, create_app
from credential_svc.context import Credential, Settings
from tests.credential.builders import HOLDER, ORGANS, Service
from tests.support.engines import DatabaseUrl
from tongban_local.ports import free_port


class IntakeRoute:
    """Intake's one route, as credential-svc calls it: a real server that checks the token."""

    def __init__(self, jwks: Path) -> None:
        self.away = False
        self.asked: list[str] = []
        self.holder = HOLDER
        self.url = ""
        self._verifier = Verifier(jwks, audience="intake")

    async def person(self, request: Request) -> Response:
        self.asked.append(request.path_params["no"])
        try:
            caller = self._verifier.verify(request.headers["authorization"].removeprefix("Bearer "))
        except Unauthenticated:
            return JSONResponse({}, status_code=401)
        if self.away or caller.account != "credential" or request.query_params["purpose"] != "credential":
            return JSONResponse({}, status_code=503)
        return JSONResponse(self.holder)


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[IntakeRoute]:
    route = IntakeRoute(tmp_path / "jwks.json")
    application = Starlette(routes=[Route("/v1/cases/{no}/person", route.person)])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells by this attribute alone
        await asyncio.sleep(0.01)
    route.url = f"http://127.0.0.1:{port}"
    yield route
    server.should_exit = True
    await serving


async def migrate(url: str) -> None:
    await upgrade(url, MIGRATIONS)


@pytest.fixture
async def service(tmp_path: Path, intake: IntakeRoute, database_url: DatabaseUrl, project: Path) -> AsyncIterator[Service]:
    gateway, own = SigningKey.make("gateway"), SigningKey.make("credential")
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public, own.public]}))
    (tmp_path / "own.json").write_bytes(orjson.dumps(own.private))
    settings = Settings(
        database_url=await database_url("credential", prepare=migrate),
        log_url="postgresql+asyncpg://unused",
        topics_file=project / "deploy/topics.yaml",
        development=True,
        internal_jwks_file=tmp_path / "jwks.json",
        internal_key_file=tmp_path / "own.json",
        wrapping_key=base64.urlsafe_b64encode(bytes(32)).decode(),
        intake_url=intake.url,
        public_url="https://tongban.example",
    )
    application = create_app(settings)
    context: Credential = application.state.context
    for topic, key, data in ORGANS:
        context.catalogue.apply(topic, key, data)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://credential") as client:
        yield Service(application=application, context=context, client=client, gateway=gateway)
    await context.intake.close()
    await context.database.close()
