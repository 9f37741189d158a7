"""One service dies at a named point while cases are under way: nothing is lost, nothing happens twice."""

import asyncio

import pytest

from tests.support.line import until
from tests.support.lives import PATIENCE, PEOPLE, drained, effects, effects_of_whole_lives, whole_life
from tests.support.whole import SignIn
from tongban_local.postgres import PostgresServer
from tongban_local.system import System

CASES = 20
POINTS = (
    ("intake", "after-commit-before-send:4"),
    ("routing", "after-send-before-mark:4"),
    ("routing", "after-effect-before-offset:6"),
    ("intake", "relay-handover"),
    ("credential", "in-sealing:5"),
)


@pytest.mark.parametrize(("name", "point"), POINTS, ids=[point for _, point in POINTS])
async def test_a_service_that_dies_loses_and_doubles_nothing(
    mended: System, sign_in: SignIn, postgres: PostgresServer, name: str, point: str
) -> None:
    people = {who: await sign_in(who) for who in PEOPLE}
    service = mended[name]
    handed_over = point == "relay-handover"
    if not handed_over:
        service.stop()
        service.start({"crash_point": point})

    lives = [asyncio.create_task(whole_life(people, seed=1000 + number, key=f"{point}-{number}")) for number in range(CASES)]
    if handed_over:
        # The relay is taken over while rows wait: the first process dies under load, the next one in the act of taking over.
        await asyncio.sleep(2)
        service.kill()
        service.start({"crash_point": point})
    died = await asyncio.to_thread(service.wait_gone, seconds=PATIENCE)
    service.start()
    await asyncio.to_thread(service.wait_ready)
    numbers = await asyncio.gather(*lives)

    assert died, "the crash point was never reached"
    assert len(set(numbers)) == CASES
    assert effects(postgres, numbers, prefix="journeys") == effects_of_whole_lives(CASES)
    await until("every outbox empty", lambda: drained(postgres, prefix="journeys"))
