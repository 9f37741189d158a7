"""What is changed behind the services' backs, a row here, an event there, is named by the checker, each by its rule."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.checker.changes import CHANGES
from tests.faults.checker.ground import READY, Ground, named

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="package")
async def cases(ground: Ground) -> dict[str, str]:
    """A case that waits for a signature, one accepted, one supplemented, one whose life is over and whose applicant was looked at; by id."""
    numbers = {name: await ground.receive() for name in ("waiting", "accepted", "corrected")} | {"over": await ground.live()}
    await ground.accept(numbers["accepted"])
    await ground.correct(numbers["corrected"])
    await ground.look_at_applicant(numbers["over"])
    found = await ground.check()
    assert ground.others(found) == []
    assert found.counts["traces"] > 0
    return {name: ground.case_id(no) for name, no in numbers.items()}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_named_by_its_rule(ground: Ground, cases: dict[str, str], change: str) -> None:
    database, table, statement, rules = CHANGES[change]

    with ground.changed(database, table, statement.format_map(cases)):
        report = await ground.look()

    assert {each.rule for each in ground.others(report)} == rules


async def test_what_was_expected_to_be_parked_is_no_difference(ground: Ground, cases: dict[str, str]) -> None:
    database, table, statement, _ = CHANGES["an event parked"]

    with ground.changed(database, table, statement.format_map(cases)):
        report = await ground.look(parked=("poison",))

    assert named(report, cases["waiting"]) == set()
    assert report.counts["parked"] == 1


async def test_after_the_log_began_anew_older_cases_are_proved_by_their_rows_alone(ground: Ground, cases: dict[str, str]) -> None:
    lost = f"delete from log where key = '{cases['over']}'"  # noqa: S608 - our own id
    now = datetime.now(UTC)

    with ground.changed("log", "log", lost):
        begun_before = await ground.look(log_from=now - timedelta(hours=1))
        begun_after = await ground.look(log_from=now)

    assert named(begun_before, cases["over"]) == {"lost.record", "lost.event"}
    assert ground.others(begun_after) == []


async def test_what_waits_to_be_sent_is_named_also_at_the_catalogue(ground: Ground) -> None:
    catalogue = ground.system["catalog"]
    waiting = """insert into outbox (topic, key, id, type, source, subject, sequence, at)
        values ('catalog.rules.v1', 'organ/nobody', 'one-more', 'tongban.catalog.organ.v1', '/catalog/', 'organ/nobody', 0, now())"""
    await asyncio.to_thread(catalogue.stop)
    try:
        with ground.changed("catalog", "outbox", waiting):
            report = await ground.look()
    finally:
        catalogue.start()
        await asyncio.to_thread(catalogue.wait_ready, seconds=READY)

    assert [(each.rule, each.about) for each in ground.others(report)] == [("left.outbox", "organ/nobody")]
