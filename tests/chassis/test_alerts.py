"""Alerts are true when what they warn of is made to happen, and not before."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from time import time
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from chassis import watermarks
from chassis.bus import Offsets, Received
from chassis.bus_postgres import PostgresBus
from chassis.database import Tx
from chassis.figures import Board, Look
from chassis.flow import followed_look, heard_look, parts_look
from chassis.health import Health
from chassis.metrics import Metrics
from chassis.outbox import STANDS_BACK
from chassis.tables import OUTBOX, PARKED, TIMERS
from chassis.timers import set_timer
from chassis.topics import load
from contracts.codec import encode_object
from contracts.documents import ACCESS_RULES
from contracts.envelope import Envelope, Record
from contracts.event import Watermark
from tests.support.engines import DatabaseUrl
from tests.support.figures import Sample, fires, samples, samples_of
from tests.support.toy import MakeToy, RunningToy, Toy

Happen = Callable[[Tx[Toy]], Awaitable[None]]


async def leave_unsent(tx: Tx[Toy]) -> None:
    """A row that the relay has not taken for a minute."""
    written = UUID(int=int((time() - 60) * 1000) << 80 | 7 << 76 | 2 << 62)
    row = {"topic": "t", "key": "k", "type": "x", "source": "/toy/", "subject": "k", "sequence": 1, "data": b"{}"}
    await tx.execute(insert(OUTBOX).values(**row, id=str(written), at=tx.at))


async def park(tx: Tx[Toy]) -> None:
    """An event that waits for a person."""
    row = {"consumer": "toy", "topic": "t", "partition": 0, "offset": 0, "key": "k", "type": "x", "event_id": "e", "headers": []}
    await tx.execute(insert(PARKED).values(**row, reason="failed", at=tx.at))


async def be_late(tx: Tx[Toy]) -> None:
    """A timer that should have fired."""
    await set_timer(tx, timer_id="t-1", kind="tea", key="k", due=tx.at - timedelta(minutes=5))


async def fail_to_fire(tx: Tx[Toy]) -> None:
    """A timer whose effect fails."""
    await set_timer(tx, timer_id="t-1", kind="tea", key="k", due=tx.at)
    await tx.execute(update(TIMERS).values(failures=3))


async def hear_nothing_new(tx: Tx[Toy]) -> None:
    """The newest mark of another service's relay is two minutes old."""
    said = encode_object(Watermark(until=tx.at - STANDS_BACK - timedelta(minutes=2), partitions=1))
    envelope = Envelope(id="w", type="w", source="/shop/", subject="shop", time=tx.at, key="shop", sequence=0, position=0, data=said)
    watermarks.keep(tx, [(Received("orders", 0, 0, "shop", b"", ()), envelope)])


@pytest.mark.parametrize(
    ("alert", "happen"),
    [
        ("OutboxStands", leave_unsent),
        ("EventsParked", park),
        ("TimersLate", be_late),
        ("TimersFail", fail_to_fire),
        ("HeardBehind", hear_nothing_new),
    ],
)
async def test_what_waits_too_long_is_called_by_its_name(make_toy: MakeToy, alert: str, happen: Happen) -> None:
    calm, toy = await make_toy(), await make_toy()
    async with toy.context.database.begin(toy.context) as tx:
        await happen(tx)

    assert not fires(alert, await samples(calm.client, needs="outbox_unsent_rows"))
    assert fires(alert, await samples(toy.client, needs="outbox_unsent_rows"))


async def test_who_watches_is_told_that_figures_cannot_be_read(toy: RunningToy) -> None:
    toy.context.database = type(toy.context.database)("postgresql+asyncpg://nobody@127.0.0.1:9/none", name="toy")

    assert fires("FiguresUnread", await samples(toy.client))


class Relaying:
    """A part that may be in trouble."""

    trouble: str | None = None


async def read(*looks: Look) -> list[Sample]:
    """What a scrape would show of these looks."""
    metrics = Metrics("toy")
    await Board(metrics, looks).look()
    return samples_of(metrics.exposition().decode())


async def test_a_part_in_trouble_and_a_check_that_fails_are_called_by_their_names() -> None:
    part, found = Relaying(), "ok"

    async def check() -> str | None:
        return None if found == "ok" else found

    calm = await read(parts_look(Health({"log": check}, {"relay": part})))
    part.trouble = found = "BusUnavailable"
    health = Health({"log": check}, {"relay": part})
    bad = await read(parts_look(health))

    assert [fires(alert, calm) for alert in ("PartInTrouble", "ServiceNotReady")] == [False, False]
    assert [fires(alert, bad) for alert in ("PartInTrouble", "ServiceNotReady")] == [True, True]
    assert health.troubles() == {"relay": "BusUnavailable"}


class Reader:
    """Who follows a topic, as far as it came."""

    topics = (ACCESS_RULES,)

    def __init__(self, offsets: Offsets) -> None:
        self.offsets = offsets


async def test_rules_that_a_process_does_not_know_are_told_and_lag_is_counted(database_url: DatabaseUrl, project: Path) -> None:
    bus = PostgresBus(await database_url("log"))
    await bus.start()
    await bus.create([topic for topic in load(project / "deploy" / "topics.yaml") if topic.name == ACCESS_RULES])
    await bus.append(ACCESS_RULES, 0, [Record(key=f"k-{n}", value=b"{}") for n in range(3)])

    calm = await read(followed_look(bus, Reader({(ACCESS_RULES, 0): 3})))
    behind = await read(followed_look(bus, Reader({(ACCESS_RULES, 0): 1})), heard_look(bus, group="toy", topics=[ACCESS_RULES]))
    await bus.stop()

    assert (fires("FollowingStands", calm), fires("FollowingStands", behind)) == (False, True)
    assert lag(behind) == {"follow_lag_records": 2, "consumer_lag_records": 3}


def lag(found: list[Sample]) -> Mapping[str, float]:
    return {each.name: each.value for each in found if each.name.endswith("_lag_records")}
