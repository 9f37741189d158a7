"""What the fault run says of itself: deaths, answers and waits that must not be taken for what they are not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.faults.campaign import Outcome
from tests.faults.desk import Desk
from tests.faults.plan import FULL, POINTS, draw
from tests.faults.table import Blow
from tongban_local.ports import LOOPBACK, free_port


@pytest.fixture
async def answers() -> AsyncIterator[tuple[Desk, list[int]]]:
    """A desk at a gateway that gives the listed answers one after the other, then 200."""
    left: list[int] = []

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"rule": "test"}, status=left.pop(0) if left else 200)

    application, port = web.Application(), free_port()
    application.router.add_get("/v1/cases", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    async with Desk(f"http://{LOOPBACK}:{port}") as desk:
        desk._tokens["clerk"] = "token"  # signed in
        yield desk, left
    await runner.cleanup()


async def test_what_is_away_is_asked_again_and_is_no_failure(answers: tuple[Desk, list[int]]) -> None:
    desk, left = answers
    left += [503, 502, 504]

    found = await desk.ask("clerk", "GET", "/cases")

    assert (found.status, desk.repeats, desk.failures) == (200, 3, [])


@pytest.mark.parametrize("status", [500, 501, 505])
async def test_any_other_answer_of_that_kind_is_a_failure_though_it_is_asked_again(answers: tuple[Desk, list[int]], status: int) -> None:
    desk, left = answers
    left.append(status)

    found = await desk.ask("clerk", "GET", "/cases?limit=1")

    assert found.status == 200
    assert [text.partition(" {")[0] for text in desk.failures] == [f"GET /cases: {status}"]


def test_a_strike_that_did_nothing_makes_the_run_not_hold() -> None:
    blow = Blow(fault="kill", in_flight=1, away=1.0, recovery=1.0)

    assert Outcome(blows=[blow]).holds
    assert not Outcome(blows=[blow], idle=["kill: did nothing"]).holds


def test_a_full_plan_has_every_fault_as_often_as_it_is_promised() -> None:
    strikes, last = draw(FULL, chance=random.Random(4), poisoned=set())

    times = Counter(fault for strike in [*strikes, last] for fault in strike.faults)
    for point in (*POINTS, "in-migration"):
        assert times[f"kill -9 {point}"] >= 5, point
