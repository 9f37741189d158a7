"""The log loses every topic while the databases are ahead of it, under load: filled again from the databases, nothing is lost or doubled.

Whoever heard the lost log finds by itself that there is another one, also where that has outgrown the place at which it stood. Small, on the log
alone, that is `tests/chassis/bus/test_topics_lost.py`; a whole system whose topics are gone leaves nothing of a small machine for other tests.
"""

import asyncio
import signal
from collections.abc import Sequence
from functools import partial

import pytest

from tests.operations.conftest import PREFIX, Operated
from tests.support.line import until
from tests.support.lives import drained, effects, effects_of_whole_lives, rows, whole_life
from tongban_local.layout import SERVICES
from tongban_local.visitor import Visitor

pytestmark = pytest.mark.drill

CASES = 4

RESUMED = 120.0
"""Seconds after which those who hear must be hearing again; left to the library it would take five minutes."""


@pytest.mark.timeout(900)
async def test_a_log_that_lost_its_topics_is_filled_again(operated: Operated, people: dict[str, Visitor]) -> None:
    """One service stands still from before the loss until the new log is longer than the lost one was; the others go on."""
    before, lives = await _lives(operated, people, seed=2000, key="log-lost")
    ends = await operated.ends()
    operated.system["credential"].tell(signal.SIGSTOP)

    await asyncio.to_thread(operated.empty_the_log)
    await _fill_again(operated)
    await until("everything sent again", lambda: _sent(operated, "intake", "routing"), patience=RESUMED)
    await operated.outgrow(ends)
    operated.system["credential"].tell(signal.SIGCONT)
    await _all_hear_again(operated)
    numbers = [before, *await asyncio.gather(*lives)]

    await _require_whole(operated, numbers)


@pytest.mark.timeout(900)
async def test_topics_that_were_deleted_are_filled_again(operated: Operated, people: dict[str, Visitor]) -> None:
    """The broker stays; one service is started when the new topics are longer than the lost ones were; the others go on."""
    before, lives = await _lives(operated, people, seed=2100, key="topics-lost")
    ends = await operated.ends()
    await asyncio.to_thread(operated.system["credential"].stop)

    await operated.delete_topics()
    await _fill_again(operated)
    await until("everything sent again", lambda: _sent(operated, "intake", "routing"), patience=RESUMED)
    await operated.outgrow(ends)
    operated.system["credential"].start()
    await _all_hear_again(operated)
    numbers = [before, *await asyncio.gather(*lives)]

    await _require_whole(operated, numbers)


async def test_documents_are_on_the_log_again(operated: Operated) -> None:
    """After the topics were lost: whoever starts with nothing finds the catalogue and the keys there."""
    operated.system["gateway"].stop()
    operated.system["gateway"].start()

    await asyncio.to_thread(operated.system["gateway"].wait_ready)
    signed_in = await Visitor.sign_in("tonggu-clerk", url=operated.system.layout.url)
    answer = await signed_in.call("GET", "/routes?item=000131014000&region=430181&from=360926")
    await signed_in.close()

    assert answer.status == 200


async def _lives(operated: Operated, people: dict[str, Visitor], *, seed: int, key: str) -> tuple[str, list["asyncio.Task[str]"]]:
    """A case that is closed, and others under way."""
    before = await whole_life(people, seed=seed, key=f"{key}-before")
    lives = [asyncio.create_task(whole_life(people, seed=seed + 1 + number, key=f"{key}-{number}")) for number in range(CASES)]
    await until("cases under way", lambda: _received(operated, at_least=CASES // 2))
    return before, lives


async def _fill_again(operated: Operated) -> None:
    """As the handbook says."""
    for service in SERVICES:
        code, _ = await operated.tongban("events", "resend", "--since", "24h", "--service", service, service=service)
        assert code == 0
    code, _ = await operated.tongban("topics", "apply", "--kafka", operated.kafka.bootstrap, service="routing")
    assert code == 0


async def _all_hear_again(operated: Operated) -> None:
    await until("everything sent again", lambda: drained(operated.postgres, prefix=PREFIX), patience=RESUMED)
    marks = {service: _marked(operated, service) for service in ("intake", "routing", "credential")}
    for service, mark in marks.items():
        await until(f"{service} hears again", partial(_hears, operated, service, after=mark), patience=RESUMED)


async def _require_whole(operated: Operated, numbers: Sequence[str]) -> None:
    assert effects(operated.postgres, list(numbers), prefix=PREFIX) == effects_of_whole_lives(CASES + 1)
    await until("every outbox empty", lambda: drained(operated.postgres, prefix=PREFIX))
    mine = operated.case_ids(numbers)
    found = [each for each in (await operated.proof()).differences if each.about in mine]
    # Each relay sends its own again in its order, after the batch that it had in hand when the log was lost; between two relays there is no
    # order any more. Nobody handles anything a second time, and handlers came to the same end.
    assert {each.rule for each in found} <= {"order.cause", "order.position", "order.sequence"}, found


async def _received(operated: Operated, *, at_least: int) -> bool:
    [count] = await asyncio.to_thread(operated.query, "select count(*) from cases where state = 'received'", service="intake")
    return int(count) >= at_least


async def _sent(operated: Operated, *services: str) -> bool:
    return all(rows(operated.postgres, f"{PREFIX}_{name}", "select count(*) from outbox") == ["0"] for name in services)


def _marked(operated: Operated, service: str) -> str:
    """Up to when a service has heard everything of everybody."""
    [until_when] = operated.query("select coalesce(min(until)::text, '') from watermarks", service=service)
    return until_when


async def _hears(operated: Operated, service: str, *, after: str) -> bool:
    return await asyncio.to_thread(_marked, operated, service) > after
