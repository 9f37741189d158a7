"""Intake as it runs: it follows the catalogue, tells what it received, hears how it went on, and remembers over a restart."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
import uuid_utils

from chassis.bus import partition_of
from chassis.bus_postgres import PostgresBus
from chassis.identity import SigningKey
from contracts.codec import encode_object
from contracts.documents import Document, address
from contracts.envelope import Envelope, to_record
from contracts.events import CASE_EVENTS, CaseEvent
from contracts.values import ItemVersionId
from intake_svc.app import create_app
from intake_svc.context import Settings
from intake_svc.seed import load
from tests.intake.builders import AT, ISSUER, PUBLISHED, Service, an_envelope, ended, signed_for, validated
from tests.support.engines import DatabaseUrl

V1 = ItemVersionId("v1")
PATIENCE = 1200
"""Tenths of a second that something on its way is waited for."""


class Elsewhere:
    """The other services, as far as intake hears them: what they put on the log."""

    def __init__(self, bus: PostgresBus) -> None:
        self._bus = bus

    async def publish(self, *documents: Document) -> None:
        for document in documents:
            topic, key, kind = address(document)
            await self._append(topic, _published(key, kind=kind, data=document))

    async def tell(self, *events: CaseEvent) -> None:
        for position, event in enumerate(events, start=1):
            await self._append(CASE_EVENTS, an_envelope(event, position=position))

    async def heard(self, kind: str) -> list[dict[str, object]]:
        """What intake has told so far, of this type."""
        reading = await self._bus.follow(CASE_EVENTS, {})
        found = []
        while records := await reading.batch(wait=0.1):
            found += [orjson.loads(record.value or b"") for record in records if dict(record.headers)["ce_type"].decode() == kind]
        await reading.close()
        return found

    async def _append(self, topic: str, envelope: Envelope) -> None:
        partition = partition_of(envelope.key, await self._bus.partitions(topic))
        await self._bus.append(topic, partition, [to_record(envelope)])


def _published(key: str, *, kind: str, data: Document) -> Envelope:
    return Envelope(
        id=str(uuid_utils.uuid7()),
        type=kind,
        source="/catalog/",
        subject=key,
        time=AT,
        key=key,
        sequence=1,
        position=1,
        data=encode_object(data),
    )


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(PATIENCE):
        if await holds():
            return
        await asyncio.sleep(0.1)
    pytest.fail("it did not come")


Start = Callable[[], Awaitable[Service]]


@pytest.fixture
async def start(tmp_path: Path, database_url: DatabaseUrl, project: Path) -> AsyncIterator[Start]:
    """Starts intake anew on the same database and log; the one before is stopped first."""
    gateway = SigningKey.make("gateway")
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public]}))
    settings = Settings(
        database_url=await database_url("intake"),
        log_url=await database_url("log"),
        topics_file=project / "deploy/topics.yaml",
        development=True,
        migrate_on_start=True,
        internal_jwks_file=tmp_path / "jwks.json",
        wrapping_key=base64.urlsafe_b64encode(bytes(32)).decode(),
        staff_issuer=ISSUER,
    )

    @asynccontextmanager
    async def running() -> AsyncIterator[Service]:
        application = create_app(settings)
        transport = httpx.ASGITransport(application)
        async with application.router.lifespan_context(application), httpx.AsyncClient(transport=transport, base_url="http://i") as client:
            service = Service(context=application.state.context, client=client, gateway=gateway)

            async def ready() -> bool:
                return (await client.get("/readyz")).status_code == 200

            await until(ready)
            yield service

    async with AsyncExitStack() as stack:

        async def again() -> Service:
            await stack.aclose()
            return await stack.enter_async_context(running())

        yield again


@pytest.fixture
async def elsewhere(start: Start) -> AsyncIterator[tuple[Service, Elsewhere]]:
    service = await start()
    bus = PostgresBus(service.context.settings.log_url)
    await bus.start()
    yield service, Elsewhere(bus)
    await bus.stop()


async def test_it_follows_tells_hears_and_remembers(elsewhere: tuple[Service, Elsewhere], start: Start) -> None:
    service, others = elsewhere
    await load(service.context)
    await others.publish(*PUBLISHED)

    async def published() -> bool:
        return service.context.catalogue.parts(V1) is not None

    await until(published)
    case = await service.received()

    async def told() -> bool:
        return [event["case_no"] for event in await others.heard("tongban.case.received.v1")] == [case["case_no"]]

    await until(told)
    await others.tell(validated(case["case_id"]), signed_for(case["case_id"]))
    again = await start()
    await others.tell(*(fact(case["case_id"]) for fact in (validated, signed_for, ended)))

    async def closed() -> bool:
        return bool((await again.shown(case["case_no"]))["state"] == "closed")

    await until(closed)

    async def told_closed() -> bool:
        return len(await others.heard("tongban.case.closed.v1")) == 1

    await until(told_closed)
    assert again.context.catalogue.parts(V1) is not None
