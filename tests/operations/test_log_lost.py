"""The log loses every topic while the databases are ahead of it, under load: filled again from the databases, nothing is lost or doubled."""

import asyncio
from functools import partial

import pytest

from tests.operations.conftest import PREFIX, Operated
from tests.support.line import until
from tests.support.lives import drained, effects, effects_of_whole_lives, whole_life
from tongban_local.layout import SERVICES
from tongban_local.visitor import Visitor

CASES = 4

RESUMED = 120.0
"""Seconds after which those who hear must be hearing again; left to the library it would take five minutes."""


@pytest.mark.timeout(900)
async def test_a_log_that_lost_its_topics_is_filled_again(operated: Operated, people: dict[str, Visitor]) -> None:
    before = [await whole_life(people, seed=2000, key="log-lost-before")]
    lives = [asyncio.create_task(whole_life(people, seed=2001 + number, key=f"log-lost-{number}")) for number in range(CASES)]
    await until("cases under way", lambda: _received(operated, at_least=CASES // 2))

    await asyncio.to_thread(operated.empty_the_log)
    for service in SERVICES:
        code, _ = await operated.tongban("events", "resend", "--since", "24h", "--service", service, service=service)
        assert code == 0
    code, _ = await operated.tongban("topics", "apply", "--kafka", operated.kafka.bootstrap, service="routing")
    assert code == 0
    await until("everything sent again", lambda: drained(operated.postgres, prefix=PREFIX), patience=RESUMED)
    marks = {service: _marked(operated, service) for service in ("intake", "routing", "credential")}
    for service, mark in marks.items():
        await until(f"{service} hears again", partial(_hears, operated, service, after=mark), patience=RESUMED)
    numbers = [*await asyncio.gather(*lives), *before]

    assert effects(operated.postgres, numbers, prefix=PREFIX) == effects_of_whole_lives(CASES + 1)
    await until("every outbox empty", lambda: drained(operated.postgres, prefix=PREFIX))
    mine = operated.case_ids(numbers)
    found = [each for each in (await operated.proof()).differences if each.about in mine]
    # Each relay sends its own again in its order; between two of them there is no order any more, and handlers do not need one.
    assert {each.rule for each in found} <= {"order.cause"}, found


@pytest.mark.timeout(300)
async def test_documents_are_on_the_log_again(operated: Operated) -> None:
    """After the log was emptied: whoever starts with nothing finds the catalogue and the keys there."""
    operated.system["gateway"].stop()
    operated.system["gateway"].start()

    await asyncio.to_thread(operated.system["gateway"].wait_ready)
    signed_in = await Visitor.sign_in("tonggu-clerk", url=operated.system.layout.url)
    answer = await signed_in.call("GET", "/routes?item=000131014000&region=430181&from=360926")
    await signed_in.close()

    assert answer.status == 200


async def _received(operated: Operated, *, at_least: int) -> bool:
    [count] = await asyncio.to_thread(operated.query, "select count(*) from cases where state = 'received'", service="intake")
    return int(count) >= at_least


def _marked(operated: Operated, service: str) -> str:
    """Up to when a service has heard everything of everybody."""
    [until_when] = operated.query("select coalesce(min(until)::text, '') from watermarks", service=service)
    return until_when


async def _hears(operated: Operated, service: str, *, after: str) -> bool:
    return await asyncio.to_thread(_marked, operated, service) > after
