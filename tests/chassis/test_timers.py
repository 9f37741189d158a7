"""Timers: a due row fires once, with its effect, under its key; a gate can hold it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from chassis.database import Tx, lock
from chassis.tables import TIMERS
from chassis.timers import Timer, TimerKind, Timers, cancel_timer, list_timers, set_timer
from tests.chassis.bus.line import EFFECTS, Line, at_work, make_bus, make_line, make_tables, until
from tests.support.engines import DatabaseUrl

PAST = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


@pytest.fixture
async def line(database_url: DatabaseUrl) -> AsyncIterator[Line]:
    url = await database_url("line", prepare=make_tables)
    line = make_line(database_url=url, bus=make_bus("postgres", url), topic="none")
    yield line
    await line.database.close()


async def effect(tx: Tx[Line], timer: Timer) -> None:
    number = int(str(timer.body.get("number", 0)))
    await asyncio.sleep(tx.context.takes.get(number, 0))
    if number in tx.context.poison:
        raise LookupError
    row = {"key": timer.key, "number": number, "event_id": timer.timer_id, "position": int(timer.due.timestamp())}
    await tx.execute(insert(EFFECTS), row)


async def set_for(line: Line, timer_id: str, *, due: datetime = PAST, number: int = 0, key: str = "a") -> None:
    async with line.database.begin(line) as tx:
        await lock(tx, key)
        await set_timer(tx, timer_id=timer_id, kind="k", key=key, due=due, body={"number": number})


def kinds(**gate: Any) -> list[TimerKind[Line]]:
    return [TimerKind(kind="k", fire=effect, **gate)]


@asynccontextmanager
async def running(line: Line, *, processes: int = 1) -> AsyncIterator[None]:
    if processes == 0:
        yield
        return
    async with at_work(Timers(line, kinds()).run()), running(line, processes=processes - 1):
        yield


async def test_a_due_timer_fires_once_with_its_own_date(line: Line) -> None:
    await set_for(line, "t1", number=7)
    timers = Timers(line, kinds())

    assert await timers.fire_due() == 1
    assert await timers.fire_due() == 0

    ((row),) = await line.rows(EFFECTS)
    assert (row.event_id, row.number, row.position) == ("t1", 7, int(PAST.timestamp()))
    assert await line.rows(TIMERS) == []


async def test_a_timer_waits_for_its_instant_and_the_moved_clock_brings_it(line: Line) -> None:
    await set_for(line, "t1", due=line.now.now() + timedelta(days=2))
    timers = Timers(line, kinds())
    assert await timers.fire_due() == 0

    async with running(line):
        line.now.set_offset(timedelta(days=3).total_seconds())

        async def fired() -> bool:
            return len(await line.effects()) == 1

        await until(fired, what="the timer")


async def test_timers_are_read_page_by_page_in_the_order_in_which_they_fall_due(line: Line) -> None:
    for hours, name in ((3, "d"), (1, "a"), (2, "c"), (2, "b"), (9, "late"), (-1, "over")):
        await set_for(line, name, due=PAST + timedelta(hours=hours))
    found: list[str] = []
    last: Timer | None = None

    async with line.database.read(line) as tx:
        while page := await list_timers(tx, kinds=["k"], since=PAST, until=PAST + timedelta(hours=3), after=last, limit=2):
            found += [timer.timer_id for timer in page]
            last = page[-1]
        others = await list_timers(tx, kinds=["other"], since=PAST, until=PAST + timedelta(days=1), after=None, limit=9)

    assert found == ["a", "b", "c", "d"]
    assert others == ()


async def test_a_timer_taken_back_or_set_anew_does_not_fire_as_before(line: Line) -> None:
    await set_for(line, "gone", number=1)
    await set_for(line, "moved", number=2)
    await set_for(line, "moved", number=3, due=line.now.now() + timedelta(hours=1))
    async with line.database.begin(line) as tx:
        await cancel_timer(tx, "gone")

    assert await Timers(line, kinds()).fire_due() == 0

    assert [(row.timer_id, row.body) for row in await line.rows(TIMERS)] == [("moved", {"number": 3})]


async def test_the_effect_of_one_timer_can_take_back_another_that_is_due_too(line: Line) -> None:
    async def end_the_other(tx: Tx[Line], timer: Timer) -> None:
        await effect(tx, timer)
        await cancel_timer(tx, "t2" if timer.timer_id == "t1" else "t1")

    await set_for(line, "t1")
    await set_for(line, "t2", due=PAST + timedelta(hours=1))

    await Timers(line, [TimerKind(kind="k", fire=end_the_other)]).fire_due()

    assert [row.event_id for row in await line.rows(EFFECTS)] == ["t1"]
    assert await line.rows(TIMERS) == []


async def test_a_shut_gate_keeps_the_timer_and_an_open_one_lets_it_fire(line: Line) -> None:
    is_open = False

    async def gate(_tx: Tx[Line], _timer: Timer) -> bool:
        return is_open

    await set_for(line, "t1")
    async with at_work(Timers(line, kinds(gate=gate)).run()):

        async def asked() -> bool:
            return (await line.rows(TIMERS))[0].next_try is not None

        await until(asked, what="the question at the gate")
        assert await line.effects() == []
        is_open = True

        async def fired() -> bool:
            return len(await line.effects()) == 1

        await until(fired, what="the timer")


async def test_a_timer_that_fails_harms_no_other_and_is_tried_again(line: Line) -> None:
    line.poison = frozenset({2})
    for number in (1, 2, 3):
        await set_for(line, f"t{number}", number=number, key=f"k{number}")

    await Timers(line, kinds()).fire_due()

    assert sorted(number for _, number in await line.effects()) == [1, 3]
    (left,) = await line.rows(TIMERS)
    assert (left.timer_id, left.failures, left.error) == ("t2", 1, "LookupError")
    assert left.next_try > datetime.now(UTC)


async def test_timers_too_long_for_one_transaction_fire_one_by_one_and_the_endless_one_waits(line: Line) -> None:
    hasty = make_line(database_url=line.settings.database_url, bus=line.bus, topic="none", limit=1.5)
    hasty.takes = {1: 0.6, 2: 60.0, 3: 0.6, 4: 0.6}
    for number in (1, 2, 3, 4):
        await set_for(line, f"t{number}", number=number, key=f"k{number}")

    async def fired() -> bool:
        waiting = await line.rows(TIMERS)
        return [(row.timer_id, row.error) for row in waiting] == [("t2", "unavailable.transaction-too-long")]

    async with at_work(Timers(hasty, kinds()).run()):
        await until(fired, what="every timer but the endless one")
    await hasty.database.close()

    assert sorted(number for _, number in await line.effects()) == [1, 3, 4]


async def test_a_kind_nobody_knows_here_is_left_alone(line: Line) -> None:
    await set_for(line, "t1")

    assert await Timers(line, [TimerKind(kind="other", fire=effect)]).fire_due() == 0

    assert len(await line.rows(TIMERS)) == 1


async def test_two_processes_fire_each_timer_once(line: Line) -> None:
    for n in range(120):
        await set_for(line, f"t{n}", number=n, key=f"k{n % 5}")

    async with running(line, processes=2):

        async def fired() -> bool:
            return await line.rows(TIMERS) == []

        await until(fired, what="every timer")

    assert sorted(number for _, number in await line.effects()) == list(range(120))
