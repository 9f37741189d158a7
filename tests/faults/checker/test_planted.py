"""Each defect planted into a line is named by the checker, and nothing else is said."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.checker.ground import Ground, gone, named
from tests.support.line import closed

pytestmark = pytest.mark.timeout(1200)


async def test_of_a_sound_line_nothing_is_said(ground: Ground) -> None:
    before = (await ground.check()).counts

    await asyncio.gather(ground.live(), ground.live(), ground.receive())

    report = await ground.check()
    assert report.differences == ()
    assert report.counts["cases"] - before.get("cases", 0) == 3
    assert report.counts["closed"] - before.get("closed", 0) == 2


async def test_an_inbox_that_is_off_is_named_by_what_happened_twice(ground: Ground) -> None:
    async with ground.planted("routing", "forget_what_was_heard"):
        case = ground.case_id(await ground.live())
        ground.query(
            "log",
            f"""with twice as (select * from log where topic = 'case.events.v1' and key = '{case}' order by "offset"),
                moved as (update partitions set next_offset = next_offset + (select count(*) from twice)
                    where topic = 'case.events.v1' and partition = (select min(partition) from twice) returning next_offset)
                insert into log (topic, partition, "offset", key, headers, value)
                select topic, partition, (select next_offset from moved) - row_number() over (order by "offset" desc), key, headers, value
                from twice""",  # noqa: S608 - our own id
        )
        await ground.check()

    ground.spoiled.add(case)
    report = await ground.check()

    assert named(report, case) == {"doubled.entry"}
    assert ground.others(report) == []
    assert report.counts["repeats"] > 0


async def test_a_row_marked_before_its_acknowledgement_is_named_as_lost(ground: Ground) -> None:
    async with ground.planted("intake", "mark_before_acknowledgement", crash_point="after-send-before-mark") as process:
        case = ground.case_id(await ground.receive())
        await gone(process)

    ground.spoiled.add(case)
    report = await ground.check()

    assert named(report, case) == {"lost.event", "lost.record", "lost.transfer", "shown.case"}
    assert ground.others(report) == []


async def test_a_swapped_order_is_named(ground: Ground) -> None:
    no = await ground.receive()
    case = ground.case_id(no)
    await ground.accept(no)
    await ground.decide(no)
    async with ground.planted("routing", "swap_order"):
        await ground.hand_over(no)
        await closed(ground.people.clerk, no)

    ground.spoiled.add(case)
    report = await ground.check()

    assert {"order.position", "order.sequence"} <= named(report, case)
    assert ground.others(report) == []


async def test_an_offset_committed_before_the_effect_is_named_as_lost(ground: Ground) -> None:
    async with ground.planted("routing", "commit_before_effect", crash_point="after-effect-before-offset") as process:
        case = ground.case_id(await ground.receive())
        await gone(process)

    ground.spoiled.add(case)
    report = await ground.check()

    assert named(report, case) == {"lost.effect", "lost.transfer", "left.position", "shown.case"}
    assert ground.others(report) == []


async def test_a_call_that_took_effect_twice_is_named(ground: Ground, tmp_path: Path) -> None:
    async with ground.planted("intake", "forget_what_was_answered"):
        lost, told = [await ground.receive(key="asked-again") for _ in range(2)]

    first, second = ground.case_id(lost), ground.case_id(told)
    ground.spoiled.add(second)
    journal = ground.journal(tmp_path, but={first})
    report = await ground.check()
    by_journal = await ground.look(journal=journal)

    assert named(report, second) == {"doubled.case"}
    assert ground.others(report) == []
    assert named(by_journal, first) == {"doubled.case"}
    assert [each for each in ground.others(by_journal) if each.about != first] == []
