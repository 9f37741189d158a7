"""What moves the dates of a decision: time that does not count, and more time; both told in writing."""

from datetime import datetime
from typing import Any

import pytest

from contracts.events import CaseExtended, CaseResumed, CaseSuspended
from tests.routing.builders import (
    APPROVER,
    REVIEWER,
    Service,
    applicant,
    rule_of,
)


async def test_what_does_not_count_moves_both_decision_dates(service: Service) -> None:
    case = await service.accepted()
    service.pass_until("2026-11-24T10:00:00")

    await service.moved(case, "suspension", {"ground": "testing", "evidence": "送检", "workdays": 5}, by=REVIEWER)
    standing = await service.running(case)
    service.pass_until("2026-11-27T16:00:00")
    await service.moved(case, "resumption", by=REVIEWER)
    running = await service.running(case)

    assert set(standing) == {"decision_promised", "decision_statutory", "suspension", "seal"}
    assert (standing["decision_promised"]["state"], standing["decision_promised"]["due"]) == ("stopped", None)
    assert set(running) == {"decision_promised", "decision_statutory", "seal"}
    assert running["decision_promised"]["last_day"] == "2026-12-01"
    assert [segment["kind"] for segment in running["decision_promised"]["segments"]] == ["running", "stopped", "running"]
    assert running["decision_statutory"]["last_day"] == "2026-12-24"
    assert (await service.shown(f"/v1/handlings/{case.case_no}", by=REVIEWER))["due"] == "2026-12-01T16:00:00Z"


async def test_a_clock_that_stands_still_leaves_no_card(service: Service) -> None:
    case = await service.accepted()
    await service.moved(case, "suspension", {"ground": "hearing", "evidence": "听证", "workdays": 60}, by=REVIEWER)
    await service.seal(case)

    service.pass_until("2026-12-30T10:00:00")
    await service.heard_all()
    await service.fire()

    assert await service.cards(case) == []
    assert rule_of(await service.move(case, "decision", {"outcome": "granted"}, by=APPROVER)) == (409, "move.illegal")


@pytest.mark.parametrize("ground", ["holiday", "no staff"])
async def test_only_the_laws_grounds_stop_the_clock(service: Service, ground: str) -> None:
    case = await service.accepted()

    answer = await service.move(case, "suspension", {"ground": ground, "evidence": "无"}, by=REVIEWER)

    assert rule_of(answer) == (422, "suspension.ground-unknown")


async def test_time_is_extended_once_by_who_may_decide(service: Service) -> None:
    case = await service.accepted()

    refused = await service.move(case, "extension", {"reason": "案情复杂"}, by=REVIEWER)
    await service.moved(case, "extension", {"reason": "案情复杂"}, by=APPROVER)
    again = await service.move(case, "extension", {"reason": "案情复杂"}, by=APPROVER)

    assert refused.status_code == 403
    assert rule_of(again) == (409, "extension.refused")
    clocks = await service.running(case)
    assert (clocks["decision_promised"]["last_day"], clocks["decision_statutory"]["last_day"]) == ("2026-12-10", "2027-01-04")
    assert clocks["decision_statutory"]["provisional"] is True


async def test_time_that_ran_out_is_not_extended(service: Service) -> None:
    case = await service.accepted()
    service.pass_until("2026-12-22T09:00:00")

    assert rule_of(await service.move(case, "extension", {"reason": "案情复杂"}, by=APPROVER)) == (409, "extension.refused")


async def test_the_date_after_more_time_has_a_reminder_and_a_card_of_its_own(service: Service) -> None:
    case = await service.accepted()
    service.pass_until("2026-11-27T09:00:00")
    await service.heard_all()
    await service.fire()

    await service.moved(case, "extension", {"reason": "案情复杂"}, by=APPROVER)
    service.pass_until("2026-12-11T09:00:00")
    await service.heard_all()
    await service.fire()

    of_promise = [colour for colour, rule, _ in await service.cards(case) if rule == "clock.decision_promised"]
    assert of_promise == ["reminder", "yellow", "reminder", "yellow"]


def texts(shown: dict[str, Any]) -> str:
    return "\n".join(line["zh"] for line in shown["text"]["lines"])


async def test_a_promise_that_ran_out_is_not_told_again_when_time_runs_on(service: Service) -> None:
    case = await service.accepted()
    service.pass_until("2026-11-27T00:00:01")
    await service.heard_all()
    await service.fire()

    await service.moved(case, "suspension", {"ground": "testing", "evidence": "送检", "workdays": 5}, by=REVIEWER)
    service.pass_until("2026-12-01T10:00:00")
    moved = await service.moved(case, "resumption", by=REVIEWER)

    resumed = next(event for event in await service.events(case) if isinstance(event, CaseResumed))
    statutory = (await service.running(case))["decision_statutory"]["due"]
    assert moved["due"] == statutory == "2026-12-23T16:00:00Z"
    assert resumed.statutory_due.isoformat() == "2026-12-23T16:00:00+00:00"
    assert resumed.promised_due.isoformat() == "2026-11-26T16:00:00+00:00"
    entries = (await service.shown(f"/v1/cases/{case.case_no}/timeline", by=applicant(case.case_id)))["entries"]
    assert [entry["zh"] for entry in entries if entry["kind"] == "resumed"] == ["期限恢复计算,应于 2026-12-23 24:00 前决定"]


async def test_more_time_after_the_promise_ran_out_makes_it_run_again_and_the_notice_tells_both_dates(service: Service) -> None:
    case = await service.accepted()
    service.pass_until("2026-11-27T09:00:00")
    await service.heard_all()
    await service.fire()

    moved = await service.moved(case, "extension", {"reason": "案情复杂"}, by=APPROVER)

    clocks = await service.running(case)
    assert (clocks["decision_promised"]["state"], clocks["decision_promised"]["last_day"]) == ("running", "2026-12-10")
    assert moved["due"] == clocks["decision_promised"]["due"]
    extended = next(event for event in await service.events(case) if isinstance(event, CaseExtended))
    shown = await service.shown(f"/v1/notices/{extended.notice_id}", by=REVIEWER)
    assert "法定办结期限延至 2027-01-04 24:00" in texts(shown)
    assert "承诺办结期限延至 2026-12-10 24:00" in texts(shown)


async def test_more_time_that_is_past_too_is_no_promise(service: Service) -> None:
    case = await service.accepted()
    service.pass_until("2026-12-15T09:00:00")
    await service.heard_all()
    await service.fire()

    moved = await service.moved(case, "extension", {"reason": "案情复杂"}, by=APPROVER)

    clocks = await service.running(case)
    assert clocks["decision_promised"]["state"] == "overrun"
    assert moved["due"] == clocks["decision_statutory"]["due"] == "2027-01-04T16:00:00Z"
    notice = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"][-1]
    assert "承诺" not in texts(await service.shown(f"/v1/notices/{notice['notice_id']}", by=REVIEWER))


async def test_no_time_is_stopped_once_the_laws_ran_out(service: Service) -> None:
    case = await service.accepted()
    service.pass_until("2026-12-22T09:00:00")

    answer = await service.move(case, "suspension", {"ground": "testing", "evidence": "送检"}, by=REVIEWER)

    assert rule_of(answer) == (409, "suspension.time-ran-out")


async def test_what_moves_the_dates_is_told_on_the_topic_with_its_notice_and_sealed(service: Service) -> None:
    case = await service.accepted()

    await service.moved(case, "suspension", {"ground": "testing", "evidence": "送检", "workdays": 5}, by=REVIEWER)
    await service.seal(case)
    service.pass_until("2026-11-25T16:00:00")
    await service.moved(case, "resumption", by=REVIEWER)
    await service.moved(case, "extension", {"reason": "案情复杂"}, by=APPROVER)
    await service.seal(case)

    suspended, resumed, extended = [
        event for event in await service.events(case) if isinstance(event, CaseSuspended | CaseResumed | CaseExtended)
    ]
    notices = {each["notice_id"]: each for each in (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"]}
    clocks = await service.running(case)
    assert isinstance(suspended, CaseSuspended)
    assert isinstance(resumed, CaseResumed)
    assert isinstance(extended, CaseExtended)
    assert (suspended.ground, suspended.suspended_by, resumed.resumed_by) == ("testing", REVIEWER.ref, REVIEWER.ref)
    for event in (suspended, extended):
        assert (notices[event.notice_id]["digest"], notices[event.notice_id]["state"]) == (event.notice_digest, "sealed")
    assert extended.extended_by == APPROVER.ref
    assert extended.promised_due == datetime.fromisoformat(clocks["decision_promised"]["due"])
    assert extended.statutory_due == datetime.fromisoformat(clocks["decision_statutory"]["due"])
    assert resumed.promised_due < extended.promised_due
