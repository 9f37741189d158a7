"""A case of 铜鼓, decided in 浏阳, from receipt to its end."""

from contracts.events import CaseAccepted, CaseDecided, CaseSignedFor, CaseValidated, HandlingEnded
from contracts.values import Ending
from tests.routing.builders import APPROVER, CLERK, MONDAY, REVIEWER, SUPERVISOR, Service, applicant


async def test_a_clean_case_is_signed_for_accepted_decided_and_handed_over(service: Service) -> None:
    case = await service.decided()

    await service.seal(case)
    await service.act(f"/v1/deliveries/{case.case_id}-d1/handover", {"means": "window"}, by=CLERK)

    assert await service.told(case) == [
        "CaseValidated",
        "CaseSignedFor",
        "CaseAccepted",
        "CaseDecided",
        "ResultDelivered",
        "HandlingEnded",
    ]
    ended = (await service.events(case))[-1]
    assert isinstance(ended, HandlingEnded)
    assert ended.ending is Ending.GRANTED
    assert await service.running(case) == {}


async def test_dates_count_from_the_next_working_day(service: Service) -> None:
    case = await service.accepted()

    told = {type(event): event for event in await service.events(case)}

    validated, signed, accepted = told[CaseValidated], told[CaseSignedFor], told[CaseAccepted]
    assert isinstance(validated, CaseValidated)
    assert isinstance(signed, CaseSignedFor)
    assert isinstance(accepted, CaseAccepted)
    assert validated.sign_by.isoformat() == "2026-11-24T16:00:00+00:00"
    assert signed.acceptance_due.isoformat() == "2026-11-30T16:00:00+00:00"
    assert accepted.effective_on == MONDAY.date()
    assert accepted.promised_due.isoformat() == "2026-11-26T16:00:00+00:00"
    assert accepted.statutory_due.isoformat() == "2026-12-21T16:00:00+00:00"


async def test_both_counties_and_the_applicant_read_one_timeline_each_within_their_rights(service: Service) -> None:
    case = await service.decided()

    shown = {
        who: (await service.shown(f"/v1/cases/{case.case_no}/timeline", by=caller))["entries"]
        for who, caller in (("clerk", CLERK), ("reviewer", REVIEWER), ("supervisor", SUPERVISOR), ("applicant", applicant(case.case_id)))
    }

    assert shown["clerk"] == shown["reviewer"] == shown["supervisor"]
    # A decision that no seal has put in force yet is for staff alone.
    assert [entry["kind"] for entry in shown["clerk"] if entry["kind"] != "decided"] == [entry["kind"] for entry in shown["applicant"]]
    assert {entry["by"] for entry in shown["applicant"]} == {None}
    assert APPROVER.ref in {entry["by"] for entry in shown["clerk"]}


async def test_the_case_is_asked_for_by_number_or_by_id(service: Service) -> None:
    case = await service.decided()

    assert await service.shown(f"/v1/handlings/{case.case_no}", by=CLERK) == await service.shown(f"/v1/handlings/{case.case_id}", by=CLERK)


async def test_a_decision_says_what_credential_svc_must_know(service: Service) -> None:
    case = await service.accepted()

    body = {"outcome": "granted", "valid_until": "2031-11-23"}
    await service.moved(case, "decision", body, by=APPROVER)

    decided = await service.decision(case)
    assert isinstance(decided, CaseDecided)
    assert (decided.credential_type, str(decided.valid_until), decided.case_no) == ("business-licence", "2031-11-23", case.case_no)
