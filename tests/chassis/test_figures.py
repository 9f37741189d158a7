"""What waits is shown to whoever looks, and costs nothing when nobody does."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import insert

from chassis import watermarks
from chassis.bus import Received
from chassis.database import Tx
from chassis.figures import Board, Figure, Look, Reading
from chassis.metrics import Metrics
from chassis.outbox import STANDS_BACK, Outgoing, put
from chassis.tables import PARKED
from chassis.timers import set_timer
from contracts.codec import encode_object
from contracts.envelope import Envelope
from contracts.event import Watermark
from contracts.events import PersonalDataRead
from contracts.values import PersonRef, RegionCode
from tests.support.figures import scrape
from tests.support.toy import MakeToy, RunningToy, Toy


async def test_an_unsent_event_ages_from_when_it_was_written_not_from_the_instant_it_tells(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        event = PersonalDataRead(
            at=tx.at - timedelta(days=1),
            trace_id="t",
            caller=PersonRef("t|t"),
            aggregate="widget",
            action="view",
            about="w-1",
            region=RegionCode("360926"),
            purpose="test",
        )
        await put(tx, [Outgoing(event=event, sequence=1)])
    await asyncio.sleep(0.01)

    found = await scrape(toy.client, needs="outbox_unsent_rows")

    assert found["outbox_unsent_rows",] == 1
    assert 0.01 <= found["outbox_oldest_seconds",] < 60
    assert found["figures_unread", "waiting"] == 0


async def test_a_late_timer_is_told_by_its_kind(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        await set_timer(tx, timer_id="t-1", kind="tea", key="k", due=tx.at - timedelta(minutes=7))
        await set_timer(tx, timer_id="t-2", kind="tea", key="k", due=tx.at + timedelta(minutes=7))

    found = await scrape(toy.client, needs="outbox_unsent_rows")

    assert found["timers_late", "tea"] == 1
    assert 420 <= found["timers_late_seconds", "tea"] < 600


async def test_when_nothing_waits_the_figures_say_so(toy: RunningToy) -> None:
    found = await scrape(toy.client, needs="outbox_unsent_rows")

    waiting = {
        ("outbox_unsent_rows",),
        ("outbox_oldest_seconds",),
        ("parked_oldest_seconds",),
        ("timers_late", "tea"),
        ("timers_late_seconds", "tea"),
    }
    assert {name: found[name] for name in waiting} == dict.fromkeys(waiting, 0.0)


async def test_parked_events_are_told_by_their_reason_and_the_settled_ones_are_not(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        for n, state in enumerate(("parked", "parked", "replayed")):
            row = {
                "consumer": "toy",
                "topic": "t",
                "partition": 0,
                "offset": n,
                "key": "k",
                "type": "x",
                "event_id": f"e-{n}",
                "headers": [],
            }
            await tx.execute(insert(PARKED).values(**row, reason="failed", at=tx.at - timedelta(hours=n), state=state))

    found = await scrape(toy.client, needs="outbox_unsent_rows")

    assert found["parked_events", "failed"] == 2
    assert 3600 <= found["parked_oldest_seconds",] < 3800


async def test_what_was_heard_of_a_service_stands_back_by_what_its_watermark_says(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        await hear_watermark(tx, partition=0, age=STANDS_BACK + timedelta(seconds=2))
        await hear_watermark(tx, partition=1, age=STANDS_BACK + timedelta(seconds=90))

    assert 90 <= (await scrape(toy.client, needs="outbox_unsent_rows"))["heard_behind_seconds", "shop", "orders"] < 200


async def hear_watermark(tx: Tx[Toy], *, partition: int, age: timedelta) -> None:
    """As a consumer does that hears a relay's mark."""
    said = encode_object(Watermark(until=tx.at - age, partitions=2))
    envelope = Envelope(id="w", type="w", source="/shop/", subject="shop", time=tx.at, key="shop", sequence=0, position=0, data=said)
    watermarks.keep(tx, [(Received("orders", partition, 0, "shop", b"", ()), envelope)])


async def test_the_pools_tell_how_many_of_their_connections_work(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context):
        found = await scrape(toy.client)

    # The look itself takes another one.
    assert found["database_connections_used", "requests"] >= 1
    assert found["database_connections_limit", "requests"] == toy.context.settings.pool_size


async def test_a_scrape_is_answered_while_the_database_is_away(make_toy: MakeToy) -> None:
    toy = await make_toy()
    toy.context.database = type(toy.context.database)("postgresql+asyncpg://nobody@127.0.0.1:9/none", name="toy")

    found = await scrape(toy.client)

    assert found["figures_unread", "waiting"] == 1
    assert ("outbox_unsent_rows",) not in found


async def test_two_who_watch_cost_no_more_than_one() -> None:
    looked: list[int] = []
    board = Board(Metrics("toy"), [Look(name="count", figures=(Figure(name="looked", text="Looks"),), read=lambda: count(looked))])

    await asyncio.gather(board.look(), board.look())
    await board.look()

    assert len(looked) == 1


async def count(looked: list[int]) -> Mapping[str, Reading]:
    looked.append(1)
    await asyncio.sleep(0)
    return {"looked": {(): float(len(looked))}}


@pytest.mark.parametrize("what", ["raises", "hangs"])
async def test_one_look_that_fails_leaves_the_others(what: str) -> None:
    async def fails() -> Mapping[str, Reading]:
        if what == "hangs":
            await asyncio.Event().wait()
        raise ValueError

    looked: list[int] = []
    good = Look(name="good", figures=(Figure(name="looked", text="Looks"),), read=lambda: count(looked))
    metrics = Metrics("toy")
    board = Board(metrics, [Look(name="bad", figures=(Figure(name="never", text="Never"),), read=fails), good])

    await board.look()

    lines = metrics.exposition().decode().splitlines()
    assert "looked 1.0" in lines
    assert 'figures_unread{look="bad"} 1.0' in lines
    assert not any(line.startswith("never ") for line in lines)
