"""A routing that came back from a backup looks at what waits for it on the log with the catalogue of today."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chassis import followed, topics
from chassis.bus_postgres import PostgresBus
from chassis.follow import Follower
from contracts.codec import encode_object
from contracts.documents import Document, address
from contracts.envelope import Envelope, Record, to_record
from contracts.events import CaseReceived
from contracts.values import JsonObject
from routing_svc.app import Settings, create_app
from routing_svc.context import Routing
from tests.chassis.bus.line import append, at_work, until
from tests.contracts.builders import an_organ
from tests.routing.builders import MONDAY, PUBLISHED, Service, StandingNow, a_case
from tests.routing.test_mergers import NEW
from tests.support.engines import Databases


@pytest.fixture
async def log_url(databases: Databases, project: Path) -> AsyncIterator[str]:
    """A log with every topic, on which the catalogue has published."""
    url = await databases.make("routing_log")
    bus = PostgresBus(url)
    await bus.start()
    await bus.create(topics.load(project / "deploy/topics.yaml"))
    await _publish(bus, *PUBLISHED, an_organ(code=NEW))
    await bus.stop()
    yield url
    await databases.drop(url)


async def test_a_case_received_after_an_organ_was_merged_is_routed_to_the_new_one_though_the_backup_knows_of_no_merger(
    service: Service, log_url: str
) -> None:
    bus = PostgresBus(log_url)
    await bus.start()
    await _back_up(service, bus)
    await _publish(bus, replace(an_organ(), merged_into=NEW, merged_at=MONDAY - timedelta(hours=1)))
    case = a_case(handling_organ=NEW)
    await append(bus, case.TOPIC, _received(case))
    await bus.stop()

    await _learn(service, log_url)

    assert (await service.told(case))[-1] == "CaseValidated"


async def _back_up(service: Service, bus: PostgresBus) -> None:
    """What the tables of the backup hold: all that was published by then."""
    context = service.context
    assert context.follower is not None
    context.bus, followed_topics = bus, context.follower.topics

    def forget(_topic: str, _key: str, _data: JsonObject | None) -> None:
        """Only the tables matter."""

    async def stored() -> bool:
        async with context.database.hold("look") as connection:
            assert connection is not None
            said = await followed.reached(connection, followed_topics)
            stands = {place: offset for each in said.values() for place, offset in each.offsets.items()}
            return stands == await bus.ends(followed_topics)

    async with at_work(Follower(context, followed_topics, forget).run()):
        await until(stored, what="the tables")


async def _learn(service: Service, log_url: str) -> None:
    """As the operator's command does, in a process of its own."""
    settings = service.context.settings.model_copy(update={"log_url": log_url})
    assert isinstance(settings, Settings)
    application = create_app(settings)
    context: Routing = application.state.context
    context.now = StandingNow(MONDAY)
    await context.bus.start()
    try:
        await application.state.learning.learn(progress=lambda _line: None)
    finally:
        await context.bus.stop()
        await context.database.close()


async def _publish(bus: PostgresBus, *documents: Document) -> None:
    for position, document in enumerate(documents, start=1):
        topic, key, kind = address(document)
        envelope = Envelope(
            id=f"{topic}-{key}-{position}",
            type=kind,
            source="/catalog/",
            subject=key,
            time=MONDAY,
            key=key,
            sequence=0,
            position=position,
            data=encode_object(document),
        )
        await append(bus, topic, to_record(envelope))


def _received(case: CaseReceived) -> Record:
    return to_record(
        Envelope(
            id=case.case_id,
            type=case.TYPE,
            source=f"/intake/{case.place}",
            subject=case.subject,
            time=case.at,
            key=case.key,
            sequence=1,
            position=1,
            data=encode_object(case),
        )
    )
