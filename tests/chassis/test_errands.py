"""Acts that ride together: one transaction for those about different rows, and each answered as if it had been alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import insert

from chassis.database import lock
from chassis.tables import IDEMPOTENCY, OUTBOX
from contracts.values import digest
from tests.support.sending import statements
from tests.support.toy import ERRANDS, OWNERS, WIDGETS, RunningToy
from tests.support.waits import until_queue

NAMES = ("w-0", "w-1", "w-2", "w-3")


def lock_of(name: str) -> str:
    """The key of a widget's lock, and of its events."""
    return digest(name.encode())


@pytest.fixture
async def shop(toy: RunningToy) -> RunningToy:
    """A widget of each owner: an owner is the key of a widget's lock."""
    async with toy.context.database.begin(toy.context) as tx:
        await tx.execute(insert(OWNERS), [{"id": lock_of(name)} for name in NAMES])
        await tx.execute(insert(WIDGETS), [{"id": name, "owner": lock_of(name), "name": "", "version": 1} for name in NAMES])
    return toy


def painted(
    shop: RunningToy, widget_id: str, color: str, *, key: str = "", hasty: bool = False, strange: bool = False
) -> "asyncio.Task[httpx.Response]":
    """One request on its way."""
    headers = shop.headers(key=key or f"k-{widget_id}-{color}")
    params: dict[str, str | bool] = {"color": color, "hasty": hasty, "strange": strange}
    return asyncio.create_task(shop.client.post(f"/widgets/{widget_id}:paint", params=params, headers=headers))


@asynccontextmanager
async def a_slow_one(shop: RunningToy, *, waited_for: int) -> AsyncIterator[None]:
    """Whoever comes meanwhile waits and rides with the others; once so many do, all go."""
    slow = painted(shop, "w-0", "slow")
    await shop.context.entered.wait()
    yield
    await until_queue(shop, ERRANDS, length=waited_for)
    shop.context.go_on.set()
    assert (await slow).status_code == 200


async def colors(shop: RunningToy) -> dict[str, str]:
    return {row.id: row.name for row in await shop.rows(WIDGETS) if row.id != "w-0"}


async def test_one_alone_goes_by_its_own_door(shop: RunningToy) -> None:
    answer = await painted(shop, "w-1", "red")

    assert answer.status_code == 200
    assert shop.context.together == []
    assert (await colors(shop))["w-1"] == "red"


async def test_all_that_wait_are_found_locked_and_done_in_one_transaction(shop: RunningToy) -> None:
    with statements(shop.context.database) as sent:
        async with a_slow_one(shop, waited_for=3):
            waiting = [painted(shop, name, "red") for name in ("w-1", "w-2", "w-3")]
        answers = await asyncio.gather(*waiting)

    assert [(answer.status_code, answer.json()["id"]) for answer in answers] == [(200, "w-1"), (200, "w-2"), (200, "w-3")]
    assert shop.context.together == [3]
    assert sum("advisory_xact_lock" in each for each in sent) == 2, "one of the slow one, one of all others"
    assert await colors(shop) == {"w-1": "red", "w-2": "red", "w-3": "red"}


async def test_each_is_told_where_its_own_event_stands(shop: RunningToy) -> None:
    async with a_slow_one(shop, waited_for=2):
        waiting = [painted(shop, name, "red") for name in ("w-1", "w-2")]

    answers = await asyncio.gather(*waiting)
    stands = {row.key: row.position for row in await shop.rows(OUTBOX)}
    kept = {row.key: row.headers for row in await shop.rows(IDEMPOTENCY)}
    told = [f"toy/{lock_of(name)}/{stands[lock_of(name)]}" for name in ("w-1", "w-2")]
    assert len(stands) == 3
    assert [answer.headers["tongban-seen"] for answer in answers] == told
    assert [kept[f"k-{name}-red"]["tongban-seen"] for name in ("w-1", "w-2")] == told


@pytest.mark.parametrize(("color", "status"), [("refused", 403), ("broken", 500)])
async def test_of_one_that_does_not_go_through_nothing_stays_and_the_others_are_done(shop: RunningToy, color: str, status: int) -> None:
    async with a_slow_one(shop, waited_for=3):
        waiting = [painted(shop, "w-1", "red"), painted(shop, "w-2", color), painted(shop, "w-3", "red")]

    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, status, 200]
    assert await colors(shop) == {"w-1": "red", "w-2": "", "w-3": "red"}
    assert {row.key for row in await shop.rows(IDEMPOTENCY)} == {"k-w-0-slow", "k-w-1-red", "k-w-3-red"}


async def test_one_refused_before_it_wrote_anything_is_told_so_by_itself_and_the_others_go_on(shop: RunningToy) -> None:
    async with a_slow_one(shop, waited_for=3):
        waiting = [painted(shop, "w-1", "red"), painted(shop, "w-2", "forbidden"), painted(shop, "w-3", "red")]

    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 403, 200]
    assert await colors(shop) == {"w-1": "red", "w-2": "", "w-3": "red"}
    assert shop.context.acts == 1 + 3 + 1, "the slow one, the three, and the refused one again"
    assert "tongban.access.refused.v1" in {row.type for row in await shop.rows(OUTBOX)}


async def test_what_is_not_there_is_told_so_and_holds_up_nobody(shop: RunningToy) -> None:
    async with a_slow_one(shop, waited_for=3):
        waiting = [painted(shop, "w-1", "red"), painted(shop, "none", "red"), painted(shop, "w-3", "red")]

    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 404, 200]
    assert shop.context.together == [2]


async def test_what_waits_for_a_person_is_told_so_and_holds_up_nobody(shop: RunningToy) -> None:
    shop.context.held = frozenset({lock_of("w-2")})
    async with a_slow_one(shop, waited_for=3):
        waiting = [painted(shop, "w-1", "red"), painted(shop, "w-2", "red"), painted(shop, "w-3", "red")]

    found = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in found] == [200, 409, 200]
    assert found[1].json()["rule"] == "restore.held"
    assert shop.context.together == [2]


@pytest.mark.parametrize("at_work", [(), ("owner of w-2",)])
@pytest.mark.parametrize("held", [(), ("owner of w-2",)])
async def test_what_is_hidden_is_told_as_not_there_and_holds_up_nobody(
    shop: RunningToy, held: tuple[str, ...], at_work: tuple[str, ...]
) -> None:
    shop.context.held = frozenset(held)
    async with shop.context.database.begin(shop.context) as tx:
        await lock(tx, *at_work, held_too=True)
        async with a_slow_one(shop, waited_for=3):
            waiting = [painted(shop, "w-1", "red"), painted(shop, "w-2", "red", strange=True), painted(shop, "w-3", "red")]
        answers = await asyncio.gather(*waiting)

    assert [answer.status_code for answer in answers] == [200, 404, 200]
    assert shop.context.together == [2]


async def test_two_about_one_row_are_done_one_after_the_other(shop: RunningToy) -> None:
    async with a_slow_one(shop, waited_for=3):
        waiting = [painted(shop, "w-1", "red"), painted(shop, "w-1", "blue"), painted(shop, "w-2", "red")]

    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200, 200]
    assert shop.context.together == [2]
    assert {row.id: row.version for row in await shop.rows(WIDGETS)}["w-1"] == 3


async def test_a_repeat_rides_with_others_and_gets_the_first_answer(shop: RunningToy) -> None:
    first = await painted(shop, "w-1", "red")
    async with a_slow_one(shop, waited_for=2):
        waiting = [painted(shop, "w-1", "red"), painted(shop, "w-2", "red"), painted(shop, "w-3", "blue", key="k-w-1-red")]

    again, new, reused = await asyncio.gather(*waiting)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert new.status_code == 200
    assert (reused.status_code, reused.json()["rule"]) == (422, "idempotency.reused")
    assert {row.id: row.version for row in await shop.rows(WIDGETS)}["w-1"] == 2


async def test_what_somebody_else_has_at_work_holds_up_nobody(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        await lock(tx, lock_of("w-2"))
        async with a_slow_one(shop, waited_for=3):
            waiting = [painted(shop, name, "red") for name in ("w-1", "w-2", "w-3")]
        answers = await asyncio.gather(waiting[0], waiting[2])
        waits = not waiting[1].done()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert waits
    assert shop.context.together == [2]
    assert (await waiting[1]).status_code == 200


async def test_nobody_waits_long_for_one_that_goes_by_itself(shop: RunningToy) -> None:
    slow = painted(shop, "w-0", "slow", hasty=True)
    await shop.context.entered.wait()

    async with asyncio.timeout(60):
        answer = await painted(shop, "w-1", "red", hasty=True)

    assert answer.status_code == 200
    assert not slow.done()
    shop.context.go_on.set()
    assert (await slow).status_code == 200


@pytest.mark.parametrize("turns", range(5))
async def test_who_comes_in_the_moment_in_which_the_last_is_done_is_not_left_waiting(shop: RunningToy, turns: int) -> None:
    """So many turns of the event loop after the commit; nobody comes later who would take it along."""
    first = painted(shop, "w-1", "red")
    await shop.context.committed.wait()
    for _ in range(turns):
        await asyncio.sleep(0)

    async with asyncio.timeout(60):
        answer = await shop.client.post("/widgets/w-2:paint", params={"color": "red"}, headers=shop.headers(key="k-w-2"))

    assert answer.status_code == 200
    assert (await first).status_code == 200
