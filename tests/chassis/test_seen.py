"""Whoever was told where an event stands: what this process has heard itself is known without asking the database."""

import pytest
from sqlalchemy import insert

from chassis import seen
from chassis.tables import SEEN
from tests.support.sending import statements
from tests.support.toy import MakeToy, RunningToy


@pytest.fixture
async def hearing(make_toy: MakeToy) -> RunningToy:
    return await make_toy(hears=frozenset({"other"}), seen_wait=0.2)


async def test_what_was_heard_here_is_known_without_asking(hearing: RunningToy) -> None:
    seen.remember(hearing.context, {("other", "a"): 7})

    with statements(hearing.context.database) as sent:
        assert await seen.caught_up(hearing.context, "other/a/7, other/a/3")

    assert sent == []


async def test_what_another_process_heard_is_asked_for(hearing: RunningToy) -> None:
    seen.remember(hearing.context, {("other", "a"): 6})
    async with hearing.context.database.begin(hearing.context) as tx:
        await tx.execute(insert(SEEN).values(service="other", key="a", position=7))

    assert await seen.caught_up(hearing.context, "other/a/7")
    assert not await seen.caught_up(hearing.context, "other/a/8")


async def test_a_position_heard_late_takes_nothing_back(hearing: RunningToy) -> None:
    seen.remember(hearing.context, {("other", "a"): 7})
    seen.remember(hearing.context, {("other", "a"): 3})

    assert hearing.context.positions == {("other", "a"): 7}


async def test_no_more_is_remembered_than_what_was_heard_last(hearing: RunningToy) -> None:
    for number in range(seen.REMEMBERED + 1):
        seen.remember(hearing.context, {("other", f"k{number}"): 1, ("other", "busy"): number})

    assert len(hearing.context.positions) == seen.REMEMBERED
    assert hearing.context.positions["other", "busy"] == seen.REMEMBERED
    assert ("other", "k1") not in hearing.context.positions
