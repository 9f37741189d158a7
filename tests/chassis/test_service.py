"""A whole service: started, migrated, connected, stopped; on a real database and the PostgreSQL log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import APIRouter, FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select, text

from chassis import outbox
from chassis.context import Context
from chassis.database import Tx, lock
from chassis.identity import SigningKey
from chassis.migrate import upgrade
from chassis.outbox import Outgoing
from chassis.service import Follow, Job, create_service
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED
from contracts.caller import Caller
from contracts.documents import ACCESS_RULES, ClockOffset
from contracts.events import ACCESS_EVENTS, PersonalDataRead
from contracts.values import JsonObject, PersonRef, RegionCode
from tests.support.engines import DatabaseUrl
from tests.support.toy import CLERK, METADATA, OPERATOR, toy_settings


@dataclass(kw_only=True)
class Listener(Context):
    heard: list[str] = field(default_factory=list)
    documents: dict[str, JsonObject | None] = field(default_factory=dict)
    rounds: int = 0
    cut: bool = False
    """Whether a round's own work is cancelled under it."""
    ring: asyncio.Event = field(default_factory=asyncio.Event)
    poison: str = ""
    began: asyncio.Event = field(default_factory=asyncio.Event)
    takes_its_time: bool = False
    """Whether an event takes until the service is told to stop."""


@dataclass(kw_only=True)
class Running:
    app: FastAPI
    context: Listener
    client: AsyncClient
    key: SigningKey

    def headers(self, caller: Caller, *, key: str = "k") -> dict[str, str]:
        return {"authorization": f"Bearer {self.key.mint(caller, audience='toy')}", "idempotency-key": key}

    async def say(self, about: str) -> None:
        """Write an event that the service itself hears."""
        async with self.context.database.begin(self.context) as tx:
            event = PersonalDataRead(
                at=tx.at,
                trace_id="t",
                caller=PersonRef("t|t"),
                aggregate="widget",
                action="view",
                about=about,
                region=RegionCode("360926"),
                purpose="test",
            )
            await lock(tx, event.key)
            await outbox.put(tx, [Outgoing(event=event, sequence=1)])


async def on_read(tx: Tx[Listener], event: PersonalDataRead) -> None:
    if event.about == tx.context.poison:
        raise ValueError("cannot cope")
    tx.context.began.set()
    if tx.context.takes_its_time:
        await tx.context.stopping.wait()
    tx.after_commit(lambda: tx.context.heard.append(event.about))


async def count_round(context: Listener) -> int:
    context.rounds += 1
    if context.cut:
        raise asyncio.CancelledError
    return 0


def remember(context: Listener, _topic: str, key: str, data: JsonObject | None) -> None:
    context.documents[key] = data


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(migrations: Path, database_url: DatabaseUrl, tmp_path: Path, project: Path) -> AsyncIterator[Start]:
    key = SigningKey.make("gateway")
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [key.public]}))
    async with AsyncExitStack() as services:

        async def make(**more: Any) -> Running:
            urls = {"log_url": await database_url("log")} | more
            made = {"migrate_on_start": True, "development": True, "topics_file": project / "deploy" / "topics.yaml"} | urls
            service = await services.enter_async_context(running(await database_url("toy"), tmp_path, key, made))
            if "log_url" not in more and service.context.follower is not None:
                await service.context.follower.informed.wait()
            return service

        yield make


@asynccontextmanager
async def running(url: str, folder: Path, key: SigningKey, changed: Mapping[str, object]) -> AsyncIterator[Running]:
    app = create_service(
        Listener,
        toy_settings(url, folder).model_copy(update=dict(changed)),
        title="Toy",
        routers=[APIRouter()],
        metadata=METADATA,
        migrations=folder / "migrations",
        subscriptions={PersonalDataRead: on_read},
        sends=(ACCESS_EVENTS,),
        hears=frozenset({"toy"}),
        follows=[Follow(topics=(ACCESS_RULES,), apply=remember)],
        jobs=[Job(name="count", every=3600, run=count_round, wake=lambda context: context.ring)],
    )
    async with app.router.lifespan_context(app), AsyncClient(transport=ASGITransport(app), base_url="http://toy") as client:
        yield Running(app=app, context=app.state.context, client=client, key=key)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what happens inside the service sets no event of ours
        await asyncio.sleep(0.02)


async def until_ready(service: Running) -> JsonObject:
    """What it says once it is ready."""
    while (answer := await service.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(0.1)
    found: JsonObject = answer.json()
    return found


async def until_stored(service: Running) -> None:
    while True:
        async with service.context.database.read(service.context) as tx:
            if (await tx.execute(select(FOLLOWED))).first() is not None:
                return
        await asyncio.sleep(0.05)


async def first_parked(service: Running) -> dict[str, Any]:
    while True:
        items = (await service.client.get("/v1/parked", headers=service.headers(OPERATOR))).json()["items"]
        if items:
            return dict(items[0])
        await asyncio.sleep(0.1)


async def test_a_service_starts_from_an_empty_database_and_says_when_it_is_ready(start: Start) -> None:
    service = await start()

    ready = await until_ready(service)

    assert (await service.client.get("/livez")).json()["status"] == "ok"
    assert ready["checks"] == {"database": "ok", "log": "ok", "followed": "ok", "told": "ok"}


async def test_a_log_that_is_away_makes_it_unready_and_keeps_it_alive(start: Start) -> None:
    service = await start(log_url=NO_LOG)

    answer = await service.client.get("/readyz")
    while answer.json()["checks"]["database"] != "ok":
        # The machine stood still for longer than a check may take.
        answer = await service.client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["log"] != "ok"
    assert (await service.client.get("/livez")).status_code == 200


async def test_an_event_goes_out_and_is_heard(start: Start) -> None:
    service = await start()

    await service.say("w-1")

    await until(lambda: service.context.heard == ["w-1"])


async def test_a_document_is_followed_and_the_shared_clock_moves_with_it(start: Start) -> None:
    service = await start()
    async with service.context.database.begin(service.context) as tx:
        await lock(tx, "clock/offset")
        await outbox.put_document(tx, ClockOffset(seconds=86400))

    await until(lambda: "clock/offset" in service.context.documents)

    assert service.context.now.offset.total_seconds() == 86400
    assert (await service.client.get("/readyz")).json()["clockOffset"] == 86400
    assert (await service.client.get("/v1/dev/now")).json()["offset_seconds"] == 86400


async def test_a_service_answers_nobody_before_it_remembers_what_it_follows(start: Start) -> None:
    first = await start()
    async with first.context.database.begin(first.context) as tx:
        await lock(tx, "clock/offset")
        await outbox.put_document(tx, ClockOffset(seconds=86400))
    await until_stored(first)

    again = await start(log_url=first.context.settings.log_url, database_url=first.context.settings.database_url)

    assert "clock/offset" in again.context.documents


NO_LOG = "postgresql+asyncpg://nobody@127.0.0.1:9/none"


async def test_one_that_begins_from_nothing_tells_everybody_to_come_again_and_does_nothing_until_it_has_read(start: Start) -> None:
    service = await start(log_url=NO_LOG)

    answer = await service.client.get("/v1/parked", headers=service.headers(OPERATOR))

    assert (answer.status_code, answer.json()["rule"], answer.headers["retry-after"]) == (503, "unavailable.reading", "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await service.client.get("/livez")).status_code == 200
    assert service.context.rounds == 0


async def test_one_that_has_read_before_answers_from_its_tables_without_the_log(start: Start) -> None:
    first = await start()
    async with first.context.database.begin(first.context) as tx:
        await lock(tx, "clock/offset")
        await outbox.put_document(tx, ClockOffset(seconds=86400))
    await until_stored(first)
    while True:
        async with first.context.database.read(first.context) as tx:
            if (await tx.execute(select(FOLLOW_OFFSETS))).first() is not None:
                break
        await asyncio.sleep(0.05)

    again = await start(log_url=NO_LOG, database_url=first.context.settings.database_url)
    answer = await again.client.get("/v1/parked", headers=again.headers(OPERATOR))

    assert answer.status_code == 200
    assert "clock/offset" in again.context.documents


async def test_a_job_runs_at_the_start_and_when_it_is_woken(start: Start) -> None:
    service = await start()
    await until(lambda: service.context.rounds == 1)

    service.context.ring.set()

    await until(lambda: service.context.rounds == 2)


async def test_a_job_goes_on_after_a_cancellation_that_was_not_meant_for_it_and_its_trouble_is_shown(start: Start) -> None:
    service = await start()
    await until(lambda: service.context.rounds == 1)
    service.context.cut = True
    service.context.ring.set()
    await until(lambda: service.context.rounds == 2)
    await asyncio.sleep(0)
    shown = (await service.client.get("/readyz")).json()["troubles"]
    service.context.cut = False

    await until(lambda: service.context.rounds == 3)

    assert shown == {"job count": "CancelledError"}
    while (await service.client.get("/readyz")).json()["troubles"]:  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(0.02)


async def test_an_operator_sees_a_parked_event_and_replays_it_once(start: Start) -> None:
    service = await start()
    service.context.poison = "w-1"
    await service.say("w-1")
    headers = service.headers(OPERATOR)
    shown = await first_parked(service)
    parked_id = shown["id"]
    service.context.poison = ""

    first = await service.client.post(f"/v1/parked/{parked_id}:replay", headers=headers)
    again = await service.client.post(f"/v1/parked/{parked_id}:replay", headers=headers)
    other = await service.client.post(f"/v1/parked/{parked_id}:replay", headers=service.headers(OPERATOR, key="other"))

    assert shown["error"] == "ValueError"
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 409)
    assert again.headers["idempotent-replayed"] == "true"
    assert service.context.heard == ["w-1"]
    settled = (await service.client.get("/v1/parked", headers=headers)).json()["items"][0]
    assert (settled["state"], settled["settled_by"]) == ("replayed", OPERATOR.ref)


async def test_an_operator_discards_a_parked_event(start: Start) -> None:
    service = await start()
    service.context.poison = "w-1"
    await service.say("w-1")
    headers = service.headers(OPERATOR)
    shown = await first_parked(service)

    answer = await service.client.post(f"/v1/parked/{shown['id']}:discard", headers=headers)

    assert answer.json()["state"] == "discarded"
    assert (await service.client.get("/v1/parked", headers=headers)).json()["items"][0]["state"] == "discarded"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/parked"), ("POST", "/v1/parked/1:replay"), ("POST", "/v1/parked/1:discard")])
async def test_parked_events_are_for_operators(start: Start, method: str, path: str) -> None:
    service = await start()

    answer = await service.client.request(method, path, headers=service.headers(CLERK))

    assert answer.status_code in {403, 404}


async def test_a_replay_without_a_key_changes_nothing(start: Start) -> None:
    service = await start()
    headers = {"authorization": service.headers(OPERATOR)["authorization"]}

    answer = await service.client.post("/v1/parked/1:replay", headers=headers)

    assert answer.json()["rule"] == "idempotency.missing"


async def test_two_services_live_in_one_process(start: Start) -> None:
    first, second = await start(), await start()

    await first.say("w-1")
    await second.say("w-2")

    await until(lambda: first.context.heard == ["w-1"] and second.context.heard == ["w-2"])


async def test_services_that_start_together_migrate_once(database_url: DatabaseUrl, tmp_path: Path, start: Start) -> None:
    url = await database_url("toy")

    await asyncio.gather(*(upgrade(url, tmp_path / "migrations") for _ in range(3)))
    service = await start()

    async with service.context.database.read(service.context) as tx:
        assert (await tx.execute(text("select version_num from alembic_version"))).scalars().all() == ["0001"]


async def test_it_stops_with_nothing_left_running(migrations: Path, database_url: DatabaseUrl, tmp_path: Path, project: Path) -> None:
    key = SigningKey.make("gateway")
    (tmp_path / "jwks.json").write_bytes(b"{}")
    changed = {"log_url": await database_url("log"), "migrate_on_start": True, "topics_file": project / "deploy" / "topics.yaml"}

    before = asyncio.all_tasks()
    async with running(await database_url("toy"), tmp_path, key, changed) as service:
        await until_ready(service)
        assert asyncio.all_tasks() > before

    assert service.context.stopping.is_set()
    assert asyncio.all_tasks() <= before


async def test_the_batch_in_hand_is_finished_before_it_stops(
    migrations: Path, database_url: DatabaseUrl, tmp_path: Path, project: Path
) -> None:
    (tmp_path / "jwks.json").write_bytes(b"{}")
    changed = {"log_url": await database_url("log"), "migrate_on_start": True, "topics_file": project / "deploy" / "topics.yaml"}

    async with running(await database_url("toy"), tmp_path, SigningKey.make("gateway"), changed) as service:
        await until_ready(service)
        service.context.takes_its_time = True
        await service.say("widget")
        await service.context.began.wait()

    assert service.context.heard == ["widget"]


async def test_it_does_not_wait_at_its_end_for_what_has_not_begun(migrations: Path, database_url: DatabaseUrl, tmp_path: Path) -> None:
    """It hears nothing yet: what it follows is not there."""
    (tmp_path / "jwks.json").write_bytes(b"{}")
    (tmp_path / "topics.yaml").write_text(f"topics: [{{name: {ACCESS_EVENTS}, partitions: 1, config: {{cleanup.policy: delete}}}}]")
    changed = {"log_url": await database_url("log"), "migrate_on_start": True}

    async with running(await database_url("toy"), tmp_path, SigningKey.make("gateway"), changed) as service:
        while (await service.client.get("/readyz")).json()["checks"]["told"] != "ok":  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.02)
        (consumer,) = (task for task in asyncio.all_tasks() if task.get_name() == "consumer")
        assert not consumer.done()

    assert not consumer.cancelled()
