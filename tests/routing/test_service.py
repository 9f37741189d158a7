"""The whole service on a real log: what is heard goes through the inbox, what is told through the relay."""

import asyncio
import base64
from pathlib import Path

import orjson
from sqlalchemy import text

from chassis.bus import Received, partition_of
from chassis.bus_postgres import PostgresBus
from chassis.identity import SigningKey
from contracts.codec import encode_object
from contracts.documents import address
from contracts.envelope import Envelope, Record, from_record, to_record
from contracts.events import CASE_EVENTS, CaseReceived
from routing_svc.app import Settings, create_app
from tests.routing.builders import PUBLISHED, a_case
from tests.routing.conftest import migrate
from tests.support.engines import DatabaseUrl


def as_record(event: CaseReceived) -> Record:
    return to_record(
        Envelope(
            id=f"e-{event.case_id}",
            type=event.TYPE,
            source=f"/intake/{event.region}",
            subject=event.subject,
            time=event.at,
            key=event.key,
            sequence=1,
            position=1,
            data=encode_object(event),
        )
    )


async def publish(bus: PostgresBus, topic: str, record: Record) -> None:
    await bus.append(topic, partition_of(record.key, await bus.partitions(topic)), [record])


async def test_a_case_on_the_log_is_heard_routed_and_told_once_though_sent_twice(
    tmp_path: Path, database_url: DatabaseUrl, project: Path
) -> None:
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [SigningKey.make("gateway").public]}))
    log_url = await database_url("log")
    settings = Settings(
        database_url=await database_url("routing", prepare=migrate),
        log_url=log_url,
        topics_file=project / "deploy/topics.yaml",
        development=True,
        internal_jwks_file=tmp_path / "jwks.json",
        wrapping_key=base64.urlsafe_b64encode(bytes(32)).decode(),
        migrate_on_start=True,
    )
    application = create_app(settings)
    case = a_case()
    told: list[str] = []
    async with application.router.lifespan_context(application):
        bus = application.state.context.bus
        async with asyncio.timeout(60):
            while True:
                try:
                    await bus.partitions(CASE_EVENTS)
                    break
                except Exception:  # noqa: BLE001 - the topics are made while the service starts
                    await asyncio.sleep(0.05)
            for document in PUBLISHED:
                topic, key, kind = address(document)
                envelope = Envelope(
                    id=key,
                    type=kind,
                    source="/catalog/",
                    subject=key,
                    time=case.at,
                    key=key,
                    sequence=0,
                    position=0,
                    data=encode_object(document),
                )
                await publish(bus, topic, to_record(envelope))
            for _ in range(2):
                await publish(bus, CASE_EVENTS, as_record(case))
            listener = PostgresBus(log_url)
            await listener.start()
            subscription = await listener.subscribe("test", [CASE_EVENTS])
            while "tongban.case.validated.v1" not in told:
                told += types(await subscription.batch())
            await asyncio.sleep(0.5)
            told += types(await subscription.batch())
            await subscription.close()
            await listener.stop()
        async with application.state.context.database.read(application.state.context) as tx:
            waiting = (await tx.execute(text("select count(*) from parked"))).scalar_one()

    assert told.count("tongban.case.received.v1") == 2
    assert told.count("tongban.case.validated.v1") == 1
    assert waiting == 0


def types(batch: list[Received] | tuple[Received, ...]) -> list[str]:
    return [from_record(key=each.key, value=each.value, headers=each.headers).type for each in batch]
