"""Clocks that run, stand still, run out and say why; none acts before it knows everything that could have stopped it."""

from contracts.events import CaseAccepted
from tests.contracts.builders import LIUYANG_MARKET
from tests.routing.builders import (
    APPROVER,
    CLERK,
    MONDAY,
    REVIEWER,
    SUPERVISOR,
    TONGGU_HALL,
    Service,
    applicant,
    facts_of,
    rule_of,
    supplemented,
)

CORRECTION = {"defects": [{"pointer": "/form/trade_name", "text": "字号与已登记的相同"}]}
AFTER_ACCEPTANCE_LIMIT = "2026-12-01T00:00:01"


async def the_acceptance(service: Service, case_id: str) -> CaseAccepted:
    (accepted,) = [event for event in await service.events() if isinstance(event, CaseAccepted) and event.case_id == case_id]
    return accepted


async def test_a_clock_explains_its_date_in_working_days_with_calendar_and_law(service: Service) -> None:
    case = await service.accepted()

    clock = (await service.running(case))["decision_promised"]

    assert (clock["last_day"], clock["due"], clock["calendar_version"], clock["provisional"]) == (
        "2026-11-26",
        "2026-11-26T16:00:00Z",
        "2026.1",
        False,
    )
    assert clock["holder"] == LIUYANG_MARKET
    assert clock["explanation"][0]["zh"] == "期限 3 个工作日,自 2026-11-23 10:00 的次日起算"
    assert clock["explanation"][-1] == {
        "rule": "calendar.official",
        "zh": "工作日历版本 2026.1",
        "en": "Working-day calendar 2026.1",
    }


async def test_silence_past_the_limit_counts_as_acceptance_from_the_day_of_receipt(service: Service) -> None:
    case = await service.signed()

    service.pass_until(AFTER_ACCEPTANCE_LIMIT)
    await service.heard_all()
    await service.fire()

    accepted = await the_acceptance(service, case.case_id)
    assert (accepted.deemed, accepted.accepted_by, accepted.effective_on) == (True, None, MONDAY.date())
    assert accepted.at.isoformat() == "2026-11-30T16:00:00+00:00"
    assert accepted.promised_due.isoformat() == "2026-11-26T16:00:00+00:00"
    assert ("red", "clock.acceptance", LIUYANG_MARKET) in await service.cards(case)
    assert "deemed_accepted" in await service.timeline(case, by=applicant(case.case_id))


async def test_a_clock_that_ran_out_waits_until_everything_that_could_have_stopped_it_is_known(service: Service) -> None:
    case = await service.signed()
    service.pass_until(AFTER_ACCEPTANCE_LIMIT)

    await service.fire()
    unheard = (await service.running(case))["acceptance"]
    before_the_end = MONDAY.replace(day=30, hour=23)
    await service.heard_all(until=before_the_end)
    await service.fire()
    still = (await service.running(case))["acceptance"]

    assert unheard["unknown_since"] == still["unknown_since"] == "2026-11-30T16:00:00Z"
    assert "CaseAccepted" not in await service.told(case)


async def test_a_correction_notice_after_the_limit_is_refused_though_no_timer_has_fired(service: Service) -> None:
    case = await service.signed()
    service.pass_until(AFTER_ACCEPTANCE_LIMIT)

    corrected = await service.move(case, "correction-notice", CORRECTION, by=REVIEWER)
    refused = await service.move(case, "non-acceptance", {"ground": "not_needed", "reason": "无需办理"}, by=REVIEWER)
    accepted = await service.move(case, "acceptance", by=REVIEWER)

    assert rule_of(corrected) == rule_of(refused) == (409, "acceptance.deemed")
    assert accepted.status_code == 200
    event = await the_acceptance(service, case.case_id)
    assert (event.deemed, event.accepted_by, event.effective_on) == (True, REVIEWER.ref, MONDAY.date())


async def test_a_limit_that_runs_out_in_transit_is_the_holders_card_and_whoever_signs_has_the_case_as_accepted(service: Service) -> None:
    case = await service.received()

    service.pass_until(AFTER_ACCEPTANCE_LIMIT)
    await service.heard_all()
    await service.fire()
    assert ("red", "clock.acceptance", TONGGU_HALL) in await service.cards(case)
    (*_, hop) = (await service.shown("/v1/transfers", by=CLERK, case=case.case_no))["items"]
    await service.act(f"/v1/transfers/{hop['transfer_id']}/receipts", {"step": "signed_for"}, by=REVIEWER)

    accepted = await the_acceptance(service, case.case_id)
    assert (accepted.deemed, accepted.effective_on) == (True, MONDAY.date())
    assert (await service.shown(f"/v1/handlings/{case.case_no}", by=REVIEWER))["state"] == "accepted"


async def test_a_supplement_that_is_never_answered_counts_as_acceptance_from_the_supplement(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    sealed = await service.seal(case)
    given_at = service.pass_until("2026-11-25T15:00:00")
    await service.hear(supplemented(case, str(sealed.notice_id), at=given_at))

    service.pass_until("2026-12-03T00:00:01")
    await service.heard_all()
    await service.fire()

    accepted = await the_acceptance(service, case.case_id)
    assert (accepted.deemed, str(accepted.effective_on)) == (True, "2026-11-25")
    shown = await service.shown(f"/v1/notices/{accepted.notice_id}", by=CLERK)
    assert "自 2026-11-25 收到补正材料之日起即为受理" in shown["text"]["lines"][0]["zh"]


async def test_an_applicant_who_does_not_supplement_costs_nobody_the_case(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    sealed = await service.seal(case)

    given_at = service.pass_until("2026-12-20T10:00:00")
    await service.heard_all()
    await service.fire()
    assert await service.cards(case) == [("yellow", "clock.supplement", TONGGU_HALL)]
    await service.hear(supplemented(case, str(sealed.notice_id), at=given_at))

    assert (await service.shown(f"/v1/handlings/{case.case_no}", by=REVIEWER))["state"] == "opened"


async def test_late_decisions_cost_a_reminder_a_yellow_and_a_red_card_and_can_still_be_made(service: Service) -> None:
    case = await service.accepted()

    service.pass_until("2026-12-22T09:00:00")
    await service.heard_all()
    await service.fire()

    assert await service.cards(case) == [
        ("reminder", "clock.decision_promised", LIUYANG_MARKET),
        ("yellow", "clock.decision_promised", LIUYANG_MARKET),
        ("reminder", "clock.decision_statutory", LIUYANG_MARKET),
        ("red", "clock.decision_statutory", LIUYANG_MARKET),
    ]
    assert (await service.move(case, "decision", {"outcome": "granted"}, by=APPROVER)).status_code == 200
    assert set(await service.running(case)) == {"seal"}


async def test_a_seal_that_does_not_come_is_charged_to_the_machines(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "acceptance", by=REVIEWER)

    service.pass_time(minutes=11)
    await service.heard_all()
    await service.fire()

    assert await service.cards(case) == [("transport", "clock.seal", LIUYANG_MARKET)]
    await service.seal(case)
    assert "seal" not in await service.running(case)


async def test_a_result_is_to_be_delivered_within_ten_working_days_of_the_decision(service: Service) -> None:
    case = await service.decided()
    await service.seal(case)

    clock = (await service.running(case))["delivery"]
    service.pass_until("2026-12-08T00:00:01")
    await service.heard_all()
    await service.fire()

    assert (clock["last_day"], clock["holder"]) == ("2026-12-07", TONGGU_HALL)
    assert ("red", "clock.delivery", TONGGU_HALL) in await service.cards(case)


async def test_a_timer_fires_once(service: Service) -> None:
    case = await service.signed()
    service.pass_until(AFTER_ACCEPTANCE_LIMIT)
    await service.heard_all()

    await service.fire()
    await service.fire()

    assert (await service.told(case)).count("CaseAccepted") == 1


async def test_every_state_that_waits_has_a_clock_with_an_owner(service: Service) -> None:
    case = await service.received()

    async def owned() -> bool:
        clocks = await service.running(case)
        return bool(clocks) and all(clock["holder"] for clock in clocks.values())

    assert await owned()
    await service.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=REVIEWER)
    assert await owned()
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    assert await owned()
    sealed = await service.seal(case)
    assert await owned()
    await service.hear(supplemented(case, str(sealed.notice_id), at=MONDAY))
    assert await owned()
    await service.moved(case, "acceptance", by=REVIEWER)
    await service.seal(case)
    assert await owned()
    await service.moved(case, "suspension", {"ground": "testing", "evidence": "送检"}, by=REVIEWER)
    assert await owned()
    await service.seal(case)
    await service.moved(case, "resumption", by=REVIEWER)
    assert await owned()
    await service.moved(case, "decision", {"outcome": "granted"}, by=APPROVER)
    assert await owned()
    await service.seal(case)
    assert await owned()
    await service.act(f"/v1/deliveries/{case.case_id}-d1/handover", {"means": "electronic"}, by=applicant(case.case_id))
    assert await service.running(case) == {}


async def test_clocks_are_read_by_both_counties_and_the_applicant(service: Service) -> None:
    case = await service.accepted()

    shown = [
        await service.shown(f"/v1/cases/{case.case_no}/clocks", by=who) for who in (CLERK, REVIEWER, SUPERVISOR, applicant(case.case_id))
    ]

    assert shown[1:] == shown[:-1]


async def test_a_result_is_handed_over_once_and_an_applicant_takes_it_electronically_only(service: Service) -> None:
    case = await service.decided()
    await service.seal(case)
    path = f"/v1/deliveries/{case.case_id}-d1/handover"

    at_the_window = await service.post(path, {"means": "window"}, by=applicant(case.case_id))
    by_the_reviewer = await service.post(path, {"means": "window"}, by=REVIEWER)
    electronically = await service.post(path, {"means": "electronic"}, by=applicant(case.case_id))
    again = await service.post(path, {"means": "window"}, by=CLERK)

    assert (at_the_window.status_code, by_the_reviewer.status_code, electronically.status_code) == (403, 403, 200)
    assert rule_of(again) == (409, "delivery.done")
    assert facts_of(again) == {"state": "done"}
