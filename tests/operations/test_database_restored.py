"""A service's database comes back from a backup while the log is ahead: it refuses to act, learns, and does nothing a second time."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.operations.conftest import PREFIX, Operated
from tests.support.line import try_act, until
from tests.support.lives import accepted, decided, delivered, drained, effects, effects_of_whole_lives, received, whole_life
from tongban_local.visitor import Visitor

CASES = 3
"""Of each: closed before the backup, under way when it is made, received after it."""


@pytest.mark.timeout(900)
async def test_credential_issues_nothing_a_second_time(operated: Operated, people: dict[str, Visitor], tmp_path: Path) -> None:
    before = [await whole_life(people, seed=3000, key="credential-before")]
    under_way = await asyncio.gather(*(_until_accepted(people, seed=3010 + number) for number in range(CASES)))
    backup = tmp_path / "credential.dump"
    rest = [asyncio.create_task(_the_rest(people, no)) for no in under_way]
    await asyncio.to_thread(operated.back_up, "credential", to=backup)
    after = await asyncio.gather(*(whole_life(people, seed=3030 + number, key=f"credential-after-{number}") for number in range(CASES)))
    await asyncio.gather(*rest)
    numbers = [*before, *under_way, *after]
    issued = sorted(operated.query("select credential_id || ' ' || case_id || ' ' || decision from credentials", service="credential"))

    differences = await _brought_back(operated, "credential", backup=backup)
    await until("every credential again", lambda: _is_issued(operated, issued))

    assert {each["rule"] for each in differences} == {"restore.credential-made-again"}
    assert len(differences) >= CASES
    await until("every outbox empty", lambda: drained(operated.postgres, prefix=PREFIX))
    assert effects(operated.postgres, numbers, prefix=PREFIX) == effects_of_whole_lives(len(numbers))
    assert await _told_twice(operated, "case.events.v1", "credential.events.v1") == {}

    more = await whole_life(people, seed=3050, key="credential-more")

    assert effects(operated.postgres, [more], prefix=PREFIX) == effects_of_whole_lives(1)


@pytest.mark.timeout(900)
async def test_intake_goes_on_with_every_number(operated: Operated, people: dict[str, Visitor], tmp_path: Path) -> None:
    before = await received(people["tonggu-clerk"], seed=3100, key="intake-before")
    backup = tmp_path / "intake.dump"
    await asyncio.to_thread(operated.back_up, "intake", to=backup)
    lost = [await received(people["tonggu-clerk"], seed=3110 + number, key=f"intake-after-{number}") for number in range(CASES)]
    await accepted(people, lost[0], key="intake-lost")
    await until("every outbox empty", lambda: drained(operated.postgres, prefix=PREFIX))

    differences = await _brought_back(operated, "intake", backup=backup)

    assert {(each["key"], each["rule"]) for each in differences} == {(no, "restore.person-lost") for no in lost}
    stages = {no: (await people["tonggu-clerk"].get(f"/cases/{no}"))["stage"] for no in (before, *lost)}
    assert stages[lost[0]] == "accepted", stages
    assert await _told_twice(operated, "case.events.v1") == {}

    fresh = await received(people["tonggu-clerk"], seed=3130, key="intake-fresh")

    assert fresh not in {before, *lost}


@pytest.mark.timeout(900)
async def test_routing_holds_what_it_does_not_know(operated: Operated, people: dict[str, Visitor], tmp_path: Path) -> None:
    untouched, decided_later = [await _until_accepted(people, seed=3200 + number) for number in range(2)]
    backup = tmp_path / "routing.dump"
    await asyncio.to_thread(operated.back_up, "routing", to=backup)
    received_later = await _until_accepted(people, seed=3210)
    await decided(people, decided_later, key="routing-later")
    await until("every outbox empty", lambda: drained(operated.postgres, prefix=PREFIX))

    differences = await _brought_back(operated, "routing", backup=backup)

    listed = {each["key"] for each in differences}
    assert {each["rule"] for each in differences} == {"restore.held"}
    assert listed == operated.case_ids([decided_later, received_later])
    again = await try_act(people["liuyang-approver"], decided_later, "decision", {"outcome": "granted"})
    assert (again.status, again.rule) == (409, "restore.held")

    await decided(people, untouched, key="routing-untouched")
    await delivered(people, untouched, key="routing-untouched")
    fresh = await whole_life(people, seed=3220, key="routing-fresh")

    assert effects(operated.postgres, [untouched, fresh], prefix=PREFIX) == effects_of_whole_lives(2)
    await until("every outbox empty", lambda: drained(operated.postgres, prefix=PREFIX))
    assert await _told_twice(operated, "case.events.v1") == {}
    proof = await operated.proof(parked=listed)
    assert {each.about for each in proof.differences} <= listed, proof.differences


async def _brought_back(operated: Operated, name: str, *, backup: Path) -> list[dict[str, str]]:
    """A service on the database of its backup: it refuses to start, learns, starts. What it says is left for a person."""
    service = operated.system[name]
    await asyncio.to_thread(service.stop)
    await asyncio.to_thread(operated.bring_back, name, backup=backup)
    service.start()
    assert await asyncio.to_thread(service.wait_gone, seconds=150), "it started on a database that the log is ahead of"
    assert "restore.behind" in service.log.read_text()

    code, printed = await operated.tongban("restore", "learn", "--service", name, "--json", service=name)
    service.start()
    await asyncio.to_thread(service.wait_ready)

    assert code == 1
    differences: list[dict[str, str]] = json.loads(printed)
    return differences


async def _until_accepted(people: dict[str, Visitor], *, seed: int) -> str:
    no = await received(people["tonggu-clerk"], seed=seed, key=f"under-way-{seed}")
    await accepted(people, no, key=no)
    return no


async def _the_rest(people: dict[str, Visitor], no: str) -> None:
    await decided(people, no, key=no)
    await delivered(people, no, key=no)


async def _is_issued(operated: Operated, issued: list[str]) -> bool:
    rows = await asyncio.to_thread(
        operated.query, "select credential_id || ' ' || case_id || ' ' || decision from credentials", service="credential"
    )
    return sorted(rows) == issued


async def _told_twice(operated: Operated, *topics: str) -> dict[str, int]:
    """Facts that stand on the log under more than one id."""
    ids: dict[tuple[str, str, int], set[str]] = {}
    for topic in topics:
        for envelope in await operated.events(topic):
            ids.setdefault((envelope.type, envelope.subject, envelope.sequence), set()).add(envelope.id)
    return dict(Counter({fact[0]: len(found) - 1 for fact, found in ids.items() if len(found) > 1 and "watermark" not in fact[0]}))
