"""Writes that ride together: one transaction, and each request's answer as if it had been alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select

from chassis.tables import IDEMPOTENCY, OUTBOX
from tests.support.toy import CLERK, TOGETHER, WIDGETS, MakeToy, RunningToy
from tests.support.waits import until_queue

TRACES = {name: f"00-{number:032x}-{number:016x}-01" for number, name in enumerate(("w-1", "w-2", "w-3"), start=1)}


def sent(toy: RunningToy, widget_id: str, /, *, key: str | None = None, **widget: Any) -> "asyncio.Task[httpx.Response]":
    """One request on its way."""
    headers = toy.headers(key=key or f"k-{widget_id}") | ({"traceparent": TRACES[widget_id]} if widget_id in TRACES else {})
    return asyncio.create_task(toy.client.post("/together", json={"id": widget_id} | widget, headers=headers))


@asynccontextmanager
async def a_slow_one(toy: RunningToy, *, waited_for: int) -> AsyncIterator[None]:
    """Whoever comes meanwhile waits and rides with the others; once so many do, all go."""
    slow = sent(toy, "slow", name="slow")
    await toy.context.entered.wait()
    yield
    await until_queue(toy, TOGETHER, length=waited_for)
    toy.context.go_on.set()
    assert (await slow).status_code == 201


async def test_a_request_alone_goes_at_once(toy: RunningToy) -> None:
    answer = await sent(toy, "w-1")

    assert answer.status_code == 201
    assert toy.context.together == [1]


async def test_all_that_wait_go_in_one_transaction(toy: RunningToy) -> None:
    async with a_slow_one(toy, waited_for=3):
        waiting = [sent(toy, name) for name in ("w-1", "w-2", "w-3")]

    answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert [answer.json()["id"] for answer in answers] == ["w-1", "w-2", "w-3"]
    assert toy.context.together == [1, 3]
    assert {row.id for row in await toy.rows(WIDGETS)} == {"slow", "w-1", "w-2", "w-3"}


async def test_no_more_than_a_transaction_holds_ride_together(toy: RunningToy) -> None:
    async with a_slow_one(toy, waited_for=70):
        waiting = [sent(toy, f"many-{number}") for number in range(70)]

    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {201}
    assert toy.context.together == [1, 64, 6]


async def test_each_is_told_where_its_own_event_stands(toy: RunningToy) -> None:
    async with a_slow_one(toy, waited_for=2):
        waiting = [sent(toy, name) for name in ("w-1", "w-2")]

    told = [answer.headers["tongban-seen"] for answer in await asyncio.gather(*waiting)]
    written = (await toy.rows(OUTBOX))[1:]
    assert sorted(told) == sorted(f"toy/{row.key}/{row.position}" for row in written)


async def test_each_event_carries_the_trace_of_its_own_request(toy: RunningToy) -> None:
    async with a_slow_one(toy, waited_for=3):
        waiting = [sent(toy, name) for name in TRACES]

    await asyncio.gather(*waiting)
    written = (await toy.rows(OUTBOX))[1:]
    assert {row.traceparent.split("-")[1] for row in written} == {trace.split("-")[1] for trace in TRACES.values()}


async def test_a_refusal_is_one_requests_own(toy: RunningToy) -> None:
    async with a_slow_one(toy, waited_for=3):
        waiting = [sent(toy, "w-1"), sent(toy, "w-2", name="refused"), sent(toy, "w-3")]

    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [201, 403, 201]
    assert toy.context.together == [1, 3], "the others did not go again"
    assert {row.key for row in await toy.rows(IDEMPOTENCY)} == {"k-slow", "k-w-1", "k-w-3"}
    assert "tongban.access.refused.v1" in {row.type for row in await toy.rows(OUTBOX)}


async def test_what_was_refused_may_be_sent_again_under_its_key(toy: RunningToy) -> None:
    await sent(toy, "w-1", name="refused")

    answer = await sent(toy, "w-1", name="扳手")

    assert answer.status_code == 201


@pytest.mark.parametrize("broken", [{"owner": "nobody"}, {"id": "slow"}])
async def test_when_a_transaction_fails_each_goes_by_itself(toy: RunningToy, broken: dict[str, str]) -> None:
    """One fails in the commit (an owner that is not there), one in the act (a row that is)."""
    async with a_slow_one(toy, waited_for=3):
        waiting = [sent(toy, "w-1"), sent(toy, "w-2", **broken), sent(toy, "w-3")]

    answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [201, 500, 201]
    assert {row.id for row in await toy.rows(WIDGETS)} == {"slow", "w-1", "w-3"}
    assert len(await toy.rows(OUTBOX)) == 3


async def test_a_key_sent_twice_at_once_takes_effect_once(toy: RunningToy) -> None:
    async with a_slow_one(toy, waited_for=2):
        waiting = [sent(toy, "w-1", key="same"), sent(toy, "w-1", key="same"), sent(toy, "w-2")]

    first, again, other = await asyncio.gather(*waiting)
    assert {first.status_code, again.status_code, other.status_code} == {201}
    assert first.content == again.content
    assert ["idempotent-replayed" in answer.headers for answer in (first, again)] == [False, True]
    assert toy.context.together == [1, 2]


async def test_a_repeat_rides_with_others_and_gets_the_first_answer(toy: RunningToy) -> None:
    first = await sent(toy, "w-1")
    async with a_slow_one(toy, waited_for=2):
        waiting = [sent(toy, "w-1"), sent(toy, "w-2"), sent(toy, "w-1", key="k-w-1", name="other")]

    again, new, reused = await asyncio.gather(*waiting)
    assert again.content == first.content
    assert again.headers["tongban-seen"] == first.headers["tongban-seen"]
    assert again.headers["idempotent-replayed"] == "true"
    assert new.status_code == 201
    assert (reused.status_code, reused.json()["rule"]) == (422, "idempotency.reused")


async def test_a_key_at_work_in_another_process_holds_up_nobody_else_for_long(make_toy: MakeToy) -> None:
    toy = await make_toy(lock_wait=0.5)
    row = {"caller": toy.context.vault.lookup(CLERK.ref), "route": "POST /together", "key": "k-w-1", "fingerprint": b"", "at": func.now()}
    async with toy.context.database.begin(toy.context) as elsewhere:
        await elsewhere.execute(insert(IDEMPOTENCY).values(row))
        async with a_slow_one(toy, waited_for=2):
            waiting = asyncio.gather(sent(toy, "w-1"), sent(toy, "w-2"))
        while not waiting.done():
            # It is at work: the server ends a transaction that is idle.
            await elsewhere.execute(select(1))
            await asyncio.sleep(0.05)
        held, other = await waiting

    assert (held.status_code, held.json()["rule"]) == (409, "idempotency.in-flight")
    assert other.status_code == 201


async def test_a_key_that_another_process_used_up_meanwhile_has_no_second_effect(toy: RunningToy) -> None:
    used = {"caller": toy.context.vault.lookup(CLERK.ref), "route": "POST /together", "key": "k-slow", "fingerprint": b"", "at": func.now()}
    slow = sent(toy, "slow", name="slow")
    await toy.context.entered.wait()
    async with toy.context.database.begin(toy.context) as elsewhere:
        await elsewhere.execute(insert(IDEMPOTENCY).values(used | {"status": 201, "headers": {}, "body": b"{}"}))
    toy.context.go_on.set()

    answer = await slow

    assert (answer.status_code, answer.json()["rule"]) == (422, "idempotency.reused")
    assert await toy.rows(WIDGETS) == []


async def test_a_client_that_goes_away_leaves_its_request_with_the_others(toy: RunningToy) -> None:
    async with a_slow_one(toy, waited_for=2):
        leaving, staying = sent(toy, "w-1"), sent(toy, "w-2")
        await until_queue(toy, TOGETHER, length=2)
        leaving.cancel()

    assert (await staying).status_code == 201
    assert {row.id for row in await toy.rows(WIDGETS)} == {"slow", "w-1", "w-2"}
    again = await sent(toy, "w-1")
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("turns", range(5))
async def test_who_comes_in_the_moment_in_which_the_last_is_done_is_not_left_waiting(toy: RunningToy, turns: int) -> None:
    """So many turns of the event loop after the commit; nobody comes later who would take it along."""
    first = sent(toy, "w-1")
    await toy.context.committed.wait()
    for _ in range(turns):
        await asyncio.sleep(0)

    async with asyncio.timeout(60):
        answer = await toy.client.post("/together", json={"id": "w-2"}, headers=toy.headers(key="k-w-2"))

    assert answer.status_code == 201
    assert (await first).status_code == 201
