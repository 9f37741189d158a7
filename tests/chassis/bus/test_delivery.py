"""From the row to the effect, on both logs: once, in the order of the key, whatever else goes on."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from chassis import outbox
from chassis.bus import LARGEST_RECORD, Bus, Received, RecordTooLarge
from chassis.database import lock
from chassis.hearing import WATERMARK
from chassis.inbox import KEPT_FOR, forget_old
from chassis.outbox import STANDS_BACK, Outgoing
from chassis.tables import INBOX, SEEN
from chassis.watermarks import heard_until
from contracts.envelope import Envelope, from_record
from tests.chassis.bus.conftest import MakeLine
from tests.chassis.bus.line import EFFECTS, PATIENCE, Line, Ticked, append, hearing, put, record, relaying, until, until_effects

SLOWLY = settings(
    max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""Every example runs on the real engines."""


async def on_the_log(bus: Bus, topic: str, count: int) -> list[Envelope]:
    """What stands on a topic."""
    following = await bus.follow(topic)
    found: list[Received] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await following.batch()
    await following.close()
    return [from_record(key=each.key, value=each.value, headers=each.headers) for each in found]


def out_of_order(envelopes: list[Envelope]) -> list[str]:
    """Keys whose positions do not rise along the log."""
    wrong: list[str] = []
    last: dict[str, int] = {}
    for each in envelopes:
        if each.position <= last.get(each.key, 0):
            wrong.append(each.key)
        last[each.key] = each.position
    return wrong


@SLOWLY
@given(writes=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from([0, 0, 0.002, 0.01])), min_size=8, max_size=40))
async def test_effects_of_a_key_come_in_the_order_of_its_commits(line: Line, writes: list[tuple[int, int, float]]) -> None:
    before = len(await line.effects())
    run = f"{before}-{len(writes)}"
    committed: dict[str, list[int]] = {}

    async def write(n: int, thing: int, events: int, pause: float) -> None:
        key, numbers = f"{run}-{thing}", [1000 * n + m for m in range(events)]
        async with line.database.begin(line) as tx:
            await lock(tx, key)
            await put(tx, key, *numbers)
            # Others on this key draw their positions only after this commit, however long it takes.
            await asyncio.sleep(pause)
            committed.setdefault(key, []).extend(numbers)

    async with relaying(line), hearing(line):
        await asyncio.gather(*(write(n, *each) for n, each in enumerate(writes)))
        await until_effects(line, before + sum(events for _, events, _ in writes))

    for key, numbers in committed.items():
        assert await line.numbers(key) == numbers


async def test_without_the_lock_the_order_of_a_key_breaks(bus: Bus, line: Line) -> None:
    """What the lock is for, and that the check above would notice."""
    drawn, other_done = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with line.database.begin(line) as tx:
            await put(tx, "thing", 1)
            drawn.set()
            await other_done.wait()

    async def quick() -> None:
        await drawn.wait()
        async with line.database.begin(line) as tx:
            await put(tx, "thing", 2)
        async with asyncio.timeout(PATIENCE):
            while not await on_the_log(bus, line.topic, 1):
                pass
        other_done.set()

    async with relaying(line):
        await asyncio.gather(slow(), quick())
        envelopes = await on_the_log(bus, line.topic, 2)

    assert out_of_order(envelopes) == ["thing"]


async def test_with_the_lock_the_second_writer_draws_after_the_first_committed(bus: Bus, line: Line) -> None:
    drawn = asyncio.Event()

    async def slow() -> None:
        async with line.database.begin(line) as tx:
            await lock(tx, "thing")
            await put(tx, "thing", 1)
            drawn.set()
            await asyncio.sleep(0.3)

    async def quick() -> None:
        await drawn.wait()
        await line.tell("thing", 2)

    async with relaying(line):
        await asyncio.gather(slow(), quick())
        envelopes = await on_the_log(bus, line.topic, 2)

    assert out_of_order(envelopes) == []
    assert [each.data["number"] for each in envelopes] == [1, 2]


async def test_a_relayed_row_is_gone_and_a_rolled_back_one_was_never_sent(bus: Bus, line: Line) -> None:
    async with line.database.begin(line) as tx:
        await put(tx, "thing", 1)
        await tx.connection.rollback()
    await line.tell("thing", 2)

    async with relaying(line):

        async def empty() -> bool:
            return await line.unsent() == 0

        await until(empty, what="an empty outbox")

    assert [each.data["number"] for each in await on_the_log(bus, line.topic, 1)] == [2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Ticked):
    """A tick with a long note."""

    note: str


async def test_a_row_that_the_log_would_refuse_is_not_written(line: Line) -> None:
    # Within the bound by itself; the attributes that the relay sends with it take it beyond.
    event = Noted(at=line.now.now(), thing="a", number=1, note="n" * (LARGEST_RECORD - 500))

    async def write() -> None:
        async with line.database.begin(line) as tx:
            await lock(tx, "a")
            await outbox.put(tx, [Outgoing(event=event, sequence=1)])

    with pytest.raises(RecordTooLarge):
        await write()

    assert await line.unsent() == 0


async def test_a_repeat_has_no_second_effect(bus: Bus, line: Line) -> None:
    await append(bus, line.topic, record("a", 1), record("a", 2), record("a", 1), record("a", 2), record("a", 1), record("a", 3))

    async with hearing(line):
        await until_effects(line, 3)
        await append(bus, line.topic, record("a", 2), record("a", 4))
        await until_effects(line, 4)

    assert await line.numbers("a") == [1, 2, 3, 4]
    assert len(await line.rows(INBOX)) == 4


async def test_an_effect_that_fails_leaves_neither_row_nor_inbox(bus: Bus, line: Line) -> None:
    line.lose_connection = 2
    await append(bus, line.topic, record("a", 1), record("a", 2))

    async with hearing(line) as consumer:
        await until_effects(line, 2)

        async def well() -> bool:
            return consumer.trouble is None

        await until(well, what="the end of the trouble")

    assert await line.numbers("a") == [1, 2]
    assert line.lose_connection == 0


async def test_a_batch_too_long_for_one_transaction_takes_effect_event_by_event(bus: Bus, make_line_on: MakeLine, topic: str) -> None:
    line = await make_line_on(topic, limit=1.5)
    line.takes = dict.fromkeys(range(1, 13), 0.25)
    await append(bus, topic, *(record("a", number) for number in range(1, 13)))

    async with hearing(line):
        await until_effects(line, 12)

    assert await line.numbers("a") == list(range(1, 13))


async def test_the_relay_and_the_consumer_go_on_after_the_database_cut_their_connections(line: Line) -> None:
    async with relaying(line), hearing(line):
        for n in range(1, 6):
            await line.tell("a", n)
            await until_effects(line, n)
            await line.cut("tongban line consumers", "tongban line holders")

    assert await line.numbers("a") == [1, 2, 3, 4, 5]


async def test_of_two_relays_one_sends_and_the_other_takes_over(bus: Bus, line: Line, make_line_on: MakeLine) -> None:
    other = await make_line_on(line.topic)

    async with relaying(other):
        async with relaying(line):
            for n in range(20):
                await line.tell(f"k{n % 3}", n)

            async def sent() -> bool:
                return await line.unsent() == 0

            await until(sent, what="an empty outbox")
        for n in range(20, 40):
            await line.tell(f"k{n % 3}", n)
        await until(sent, what="an empty outbox after the take-over")

    envelopes = await on_the_log(bus, line.topic, 40)
    assert sorted(int(str(each.data["number"])) for each in envelopes) == list(range(40))
    assert out_of_order(envelopes) == []


async def test_positions_of_others_events_are_kept_also_of_those_passed_over(bus: Bus, line: Line) -> None:
    """Of its own a service keeps none: nobody waits until it hears itself."""
    await line.tell("own", 4)
    await append(
        bus,
        line.topic,
        record("a", 1, position=7),
        record("a", 2, type="tongban.nobody.cares.v1", position=9),
        record("b", 1, position=8),
        record("a", 1, event_id="a-late", position=3),
    )

    async with relaying(line), hearing(line):
        await until_effects(line, 4)

        async def heard() -> bool:
            return {(each.service, each.key): each.position for each in await line.rows(SEEN)} == {("other", "a"): 9, ("other", "b"): 8}

        await until(heard, what="the positions")


async def test_a_long_open_transaction_elsewhere_delays_nothing(line: Line, log_or_database_url: str) -> None:
    """Neither one in the log's database nor one in the service's, which has drawn an outbox position itself."""
    urls = {log_or_database_url, line.settings.database_url}
    connections = [await asyncpg.connect(url.replace("+asyncpg", "")) for url in urls]
    for connection in connections:
        await connection.execute("begin isolation level repeatable read; create temporary table held (n integer)")
    async with line.database.begin(line) as tx:
        await put(tx, "held", 0)
        async with relaying(line), hearing(line):
            for n in range(1, 4):
                await line.tell("a", n)
                await line.tell("b", n)
                await until_effects(line, 2 * n)
        assert await line.numbers("a") == await line.numbers("b") == [1, 2, 3]
    for connection in connections:
        await connection.close()


async def test_a_watermark_says_up_to_when_everything_was_heard(bus: Bus, line: Line) -> None:
    async def heard() -> datetime | None:
        async with line.database.read(line) as tx:
            return await heard_until(tx, service="line", topic=line.topic, key="any")

    began = datetime.now(UTC)
    assert await heard() is None

    async with relaying(line, sends=[line.topic]), hearing(line):

        async def told() -> bool:
            return await heard() is not None

        await until(told, what="a watermark")
        first = await heard()
        assert first is not None
        assert began - STANDS_BACK <= first <= datetime.now(UTC) - STANDS_BACK

        # The clock moves by three days: every partition is told at once, not after the usual seconds.
        line.now.set_offset(timedelta(days=3).total_seconds())

        async def told_again() -> bool:
            later = await heard()
            return later is not None and later > began + timedelta(days=2)

        await until(told_again, what="a watermark after the clock moved")

    envelopes = await on_the_log(bus, line.topic, 12)
    assert {each.type for each in envelopes} == {WATERMARK}
    assert await line.rows(EFFECTS) == []


async def test_a_watermark_waits_for_the_rows_that_were_there_before_it(bus: Bus, line: Line) -> None:
    for n in range(1, 30):
        await line.tell(f"k{n}", n)

    async with relaying(line, sends=[line.topic]):
        envelopes = await on_the_log(bus, line.topic, 29 + 6)

    assert len([each for each in envelopes if each.type == WATERMARK]) == 6
    following = await bus.follow(line.topic)
    records: list[Received] = []
    async with asyncio.timeout(PATIENCE):
        while len(records) < 35:
            records += await following.batch()
    await following.close()
    for partition in range(6):
        kinds = [dict(each.headers)["ce_type"].decode() for each in records if each.partition == partition]
        assert kinds.index(WATERMARK) == len(kinds) - 1


async def test_only_what_no_log_keeps_any_more_is_forgotten(bus: Bus, line: Line) -> None:
    await append(bus, line.topic, record("a", 1), record("a", 2))
    async with hearing(line):
        await until_effects(line, 2)
    async with line.database.begin(line) as tx:
        await tx.execute(update(INBOX).where(INBOX.c.event_id == "a-1").values(at=INBOX.c.at - KEPT_FOR - timedelta(minutes=1)))

    assert await forget_old(line) == 1

    assert [row.event_id for row in await line.rows(INBOX)] == ["a-2"]
