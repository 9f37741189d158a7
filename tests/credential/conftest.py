"""One credential-svc on a database of its own, and an intake that answers for two applicants."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import jsonschema_rs
import orjson
import pytest
import uvicorn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis import logs
from chassis.identity import SigningKey, Verifier
from chassis.migrate import upgrade
from chassis.problems import Unauthenticated
from contracts.values import JsonObject
from credential_svc.app import MIGRATIONS, create_app
from credential_svc.context import Credential, Settings
from credential_svc.schema import METADATA
from tests.credential.builders import HOLDER, ORGANS, Service
from tests.support.engines import Databases
from tongban_local.ports import free_port

INTAKE = json.loads((Path(__file__).parents[2] / "contracts/openapi/intake.json").read_text(encoding="utf-8"))
QUESTION = jsonschema_rs.Draft202012Validator(INTAKE["components"]["schemas"]["PersonsAsked"])


class IntakeRoute:
    """Intake's one route, as credential-svc calls it: a real server that checks the token, and the question by intake's document."""

    def __init__(self, jwks: Path) -> None:
        self.away = False
        self.lost: set[str] = set()
        self.unreadable: set[str] = set()
        self.asked: list[list[str]] = []
        self.holder = HOLDER
        self.torn: JsonObject = {"applicant": {}, "form": {}}
        self.url = ""
        self._verifier = Verifier(jwks, audience="intake")

    async def persons(self, request: Request) -> Response:
        question = await request.json()
        self.asked.append(question["cases"])
        try:
            caller = self._verifier.verify(request.headers["authorization"].removeprefix("Bearer "))
        except Unauthenticated:
            return JSONResponse({}, status_code=401)
        if self.away or caller.account != "credential" or question["purpose"] != "credential":
            return JSONResponse({}, status_code=503)
        if not QUESTION.is_valid(question):
            return JSONResponse({}, status_code=422)
        return JSONResponse({"items": [self._given(case_id) for case_id in question["cases"]]})

    def _given(self, case_id: str) -> JsonObject:
        if case_id in self.lost:
            return {"case_id": case_id, "person": None, "refused": "case.not-found"}
        return {"case_id": case_id, "person": self.torn if case_id in self.unreadable else self.holder, "refused": None}


@asynccontextmanager
async def intake_route(jwks: Path) -> AsyncIterator[IntakeRoute]:
    """One process of intake."""
    route = IntakeRoute(jwks)
    application = Starlette(routes=[Route("/v1/cases:persons", route.persons, methods=["POST"])])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells by this attribute alone
        await asyncio.sleep(0.01)
    route.url = f"http://127.0.0.1:{port}"
    yield route
    server.should_exit = True
    await serving


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[IntakeRoute]:
    async with intake_route(tmp_path / "jwks.json") as route:
        yield route


async def migrate(url: str) -> None:
    await upgrade(url, MIGRATIONS)


@pytest.fixture(scope="session")
async def one_database(databases: Databases) -> str:
    """One for all tests, for making one takes longer than most of them; each begins by emptying it."""
    return await databases.make("credential", prepare=migrate)


async def empty(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(f"truncate {', '.join(METADATA.tables)} restart identity"))
    await engine.dispose()


@pytest.fixture
async def service(tmp_path: Path, intake: IntakeRoute, one_database: str, project: Path) -> AsyncIterator[Service]:
    await empty(one_database)
    logs.configure()
    gateway, own = SigningKey.make("gateway"), SigningKey.make("credential")
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public, own.public]}))
    (tmp_path / "own.json").write_bytes(orjson.dumps(own.private))
    settings = Settings(
        database_url=one_database,
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
