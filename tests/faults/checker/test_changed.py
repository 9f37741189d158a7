"""What is changed behind the services' backs, a row here, an event there, is named by the checker, each by its rule."""

import pytest

from tests.faults.checker.ground import Ground, named

pytestmark = pytest.mark.timeout(600)

CHANGES: dict[str, tuple[str, str, str, set[str]]] = {
    "a credential doubled": (
        "credential",
        "credentials",
        """insert into credentials select credential_id || '-2', case_id, 2, state, receiving_region, receiving_organ, handling_region,
            handling_organ, issued_at, valid_until, version, body, sealed from credentials where case_id = '{over}'""",
        {"doubled.credential", "lost.event"},
    ),
    "a credential lost": (
        "credential",
        "credentials",
        "delete from credentials where case_id = '{over}'",
        {"lost.credential", "shown.credential", "ahead.log"},
    ),
    "a projection changed by hand": (
        "intake",
        "cases",
        "update cases set stage = 'accepted' where case_id = '{waiting}'",
        {"shown.stage"},
    ),
    "a case reopened by hand": (
        "intake",
        "cases",
        "update cases set state = 'received' where case_id = '{over}'",
        {"lost.end", "doubled.entry"},
    ),
    "a clock lost": (
        "routing",
        "clocks",
        "delete from clocks where case_id = '{accepted}' and kind like 'decision%'",
        {"clock.missing", "left.timer"},
    ),
    "a timer lost": (
        "routing",
        "timers",
        "delete from timers where key = '{accepted}' and kind = 'clock.decision_promised'",
        {"clock.timer"},
    ),
    "a clock that outlived its case": (
        "routing",
        "clocks",
        "update clocks set state = 'overrun' where case_id = '{over}' and kind = 'acceptance'",
        {"clock.left"},
    ),
    "a handling lost": (
        "routing",
        "handlings",
        "delete from handlings where case_id = '{accepted}'",
        {"lost.handling", "doubled.entry", "doubled.notice", "ahead.log", "stuck.case", "shown.stage"},
    ),
    "a second acceptance": (
        "routing",
        "notices",
        """insert into notices select notice_id || '-2', case_id, kind, state, written_at, version, body, text_sealed
            from notices where case_id = '{accepted}' and kind = 'acceptance'""",
        {"doubled.notice", "lost.sealing", "lost.entry"},
    ),
    "another organ's seal": (
        "credential",
        "sealings",
        "update sealings set body = jsonb_set(body, '{{seal,signature}}', '\"forged\"') where case_id = '{accepted}'",
        {"shown.seal"},
    ),
    "a delivery lost": (
        "routing",
        "deliveries",
        "delete from deliveries where case_id = '{over}'",
        {"lost.delivery", "doubled.entry"},
    ),
    "a second transfer": (
        "routing",
        "transfers",
        """insert into transfers select transfer_id || '0', case_id, 10, state, receiving_region, receiving_organ, handling_region,
            handling_organ, opened_at, version, body from transfers where case_id = '{waiting}'""",
        {"doubled.transfer", "lost.event"},
    ),
    "a receipt lost": ("routing", "receipts", "delete from receipts where case_id = '{waiting}' and number = 2", {"doubled.receipt"}),
    "an event lost from the log": (
        "log",
        "log",
        "delete from log where key = '{accepted}' and headers like '%tongban.case.validated.v1%'",
        {"order.sequence", "order.cause"},
    ),
    "the last events lost from the log": (
        "log",
        "log",
        "delete from log where key = '{accepted}' and headers like '%tongban.notice.sealed.v1%'",
        {"lost.event"},
    ),
    "a fact told twice": (
        "log",
        "log",
        """insert into log (topic, partition, "offset", key, headers, value)
            select topic, partition, 900000, key, regexp_replace(regexp_replace(regexp_replace(headers, '"ce_id","[^"]*', '"ce_id","another'),
                '"ce_position","[0-9]*', '"ce_position","900000'), '"ce_sequence","1"', '"ce_sequence","2"'), value
            from log where key = '{waiting}' and headers like '%tongban.case.received.v1%'""",
        {"doubled.event", "ahead.log", "lost.effect", "left.position"},
    ),
    "a case lost at intake": ("intake", "cases", "delete from cases where case_id = '{waiting}'", {"lost.case", "lost.promise"}),
    "a case lost at routing": ("routing", "transfers", "delete from transfers where case_id = '{waiting}'", {"lost.transfer", "ahead.log"}),
    "a receipt kept wrongly": (
        "credential",
        "receipts",
        "update receipts set organ = 'another' where case_id = '{over}'",
        {"shown.case"},
    ),
    "an event forgotten by an inbox": (
        "credential",
        "inbox",
        "delete from inbox where event_id = (select min(event_id) from inbox)",
        {"lost.effect"},
    ),
    "an event parked": (
        "routing",
        "parked",
        """insert into parked (consumer, topic, partition, "offset", key, type, event_id, headers, reason, at)
            values ('routing', 'case.events.v1', 0, 0, '{waiting}', 'tongban.case.received.v2', 'poison', '[]', 'unknown-version', now())""",
        {"left.parked"},
    ),
    "a timer left over": (
        "routing",
        "timers",
        "insert into timers (timer_id, kind, key, due, body) values ('gone:seal:1/due', 'clock.seal', '{over}', now() + interval '1 day', '{{}}')",
        {"left.timer"},
    ),
    "a position not heard": (
        "intake",
        "seen",
        "update seen set position = 0 where key = '{over}' and service = 'credential'",
        {"left.position"},
    ),
}
"""What is done: whose database, the table, the statement, and the rules that do not hold then."""


@pytest.fixture(scope="session")
async def cases(ground: Ground) -> dict[str, str]:
    """A case that waits for a signature, one accepted, one whose life is over; by id."""
    numbers = {"waiting": await ground.receive(), "accepted": await ground.receive(), "over": await ground.live()}
    await ground.accept(numbers["accepted"])
    found = await ground.check()
    assert ground.others(found) == []
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
