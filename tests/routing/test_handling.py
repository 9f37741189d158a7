"""What the handling organ does: acceptance, the one correction notice, decision, and who may."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from contracts.catalogue import ApprovalType, ProjectType
from contracts.events import CaseAccepted, CaseDecided, CaseNotAccepted, CorrectionNoticed, HandlingEnded, PersonalDataRead
from contracts.values import Ending, Outcome
from tests.contracts.builders import LIUYANG_MARKET, TONGGU
from tests.routing.builders import (
    APPROVER,
    APPROVER2,
    BOTH,
    CLERK,
    JIANGXI_SUPERVISOR,
    MONDAY,
    REVIEWER,
    STRANGER,
    SUPERVISOR,
    VERSION,
    Service,
    applicant,
    facts_of,
    publish,
    rule_of,
    supplemented,
)

CORRECTION = {
    "defects": [{"pointer": "/form/trade_name", "text": "字号与已登记的相同"}, {"pointer": "/materials/premises", "text": "证明不清晰"}]
}
GRANT = {"outcome": "granted"}
DENIAL = {"outcome": "denied", "grounds": ["name"], "reason": "字号含有禁用文字"}


async def test_one_notice_tells_all_defects_and_the_supplement_starts_the_acceptance_clock_again(service: Service) -> None:
    case = await service.signed()

    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    assert set(await service.running(case)) == {"supplement", "seal"}
    sealed = await service.seal(case)
    supplemented_at = service.pass_until("2026-11-25T15:00:00")
    await service.hear(supplemented(case, getattr(sealed, "notice_id", ""), at=supplemented_at))

    noticed = next(event for event in await service.events(case) if isinstance(event, CorrectionNoticed))
    assert [defect.pointer for defect in noticed.defects] == ["/form/trade_name", "/materials/premises"]
    clock = (await service.running(case))["acceptance"]
    assert (clock["started_at"], clock["last_day"]) == ("2026-11-25T07:00:00Z", "2026-12-02")


async def test_a_supplement_counts_from_its_own_instant_however_late_it_is_heard(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    sealed = await service.seal(case)
    given_at = service.pass_until("2026-11-25T15:00:00")

    service.pass_until("2026-11-27T09:00:00")
    await service.hear(supplemented(case, getattr(sealed, "notice_id", ""), at=given_at))

    assert (await service.running(case))["acceptance"]["last_day"] == "2026-12-02"


async def test_a_second_notice_may_only_ask_about_what_the_supplement_brought_and_is_flagged(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    sealed = await service.seal(case)
    await service.hear(supplemented(case, getattr(sealed, "notice_id", ""), at=MONDAY))

    visible = await service.move(case, "correction-notice", {"defects": [{"pointer": "/form/capital", "text": "资金数额"}]}, by=REVIEWER)
    brought = await service.move(case, "correction-notice", {"defects": [{"pointer": "/form/trade_name", "text": "仍然相同"}]}, by=REVIEWER)

    assert rule_of(visible) == (409, "correction.told-once")
    assert facts_of(visible) == {"pointers": ["/form/capital"]}
    assert brought.status_code == 200
    assert ("yellow", "correction.again", LIUYANG_MARKET) in await service.cards(case)
    assert [event.round for event in await service.events(case) if isinstance(event, CorrectionNoticed)] == [1, 2]


async def test_a_supplement_heard_twice_or_unasked_changes_nothing(service: Service) -> None:
    case = await service.signed()
    unasked = supplemented(case, "n1", at=MONDAY)
    await service.hear(unasked)
    assert (await service.shown(f"/v1/handlings/{case.case_no}", by=REVIEWER))["supplements"] == 0
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    await service.seal(case)

    await service.hear(supplemented(case, "n1", at=MONDAY))
    await service.hear(supplemented(case, "n1", at=MONDAY))

    shown = await service.shown(f"/v1/handlings/{case.case_no}", by=REVIEWER)
    assert (shown["state"], shown["supplements"]) == ("opened", 1)
    assert [clock["kind"] for clock in (await service.running(case)).values()] == ["acceptance"]
    assert "supplement_late" in await service.timeline(case)


async def test_a_refusal_of_acceptance_ends_the_case_once_it_is_sealed(service: Service) -> None:
    case = await service.signed()

    await service.moved(case, "non-acceptance", {"ground": "not_needed", "reason": "无需办理"}, by=REVIEWER)
    assert "HandlingEnded" not in await service.told(case)
    await service.seal(case)

    *_, refused, ended = await service.events(case)
    assert isinstance(refused, CaseNotAccepted)
    assert isinstance(ended, HandlingEnded)
    assert ended.ending is Ending.NOT_ACCEPTED
    assert await service.running(case) == {}


async def test_a_refusal_of_acceptance_names_the_competent_organ_and_the_remedies(service: Service) -> None:
    case = await service.signed()
    body = {"ground": "not_competent", "reason": "属于县级窗口"}

    nobody = await service.move(case, "non-acceptance", body, by=REVIEWER)
    await service.moved(case, "non-acceptance", body | {"competent_organ": "湖南省药品监督管理局"}, by=REVIEWER)

    assert rule_of(nobody) == (422, "non-acceptance.organ-missing")
    (notice,) = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"]
    shown = await service.shown(f"/v1/notices/{notice['notice_id']}", by=CLERK)
    text = "\n".join(line["zh"] for line in shown["text"]["lines"])
    assert "请向湖南省药品监督管理局申请" in text
    assert "浏阳市人民政府申请行政复议" in text
    assert "浏阳市人民法院提起行政诉讼" in text


async def test_while_an_act_waits_for_its_seal_the_next_one_is_refused(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "acceptance", by=REVIEWER)

    early = await service.move(case, "decision", GRANT, by=APPROVER)
    waiting = await service.running(case)
    await service.seal(case)
    later = await service.move(case, "decision", GRANT, by=APPROVER)

    assert rule_of(early) == (409, "handling.awaiting-seal")
    assert early.headers["retry-after"] == "1"
    assert "seal" in waiting
    assert later.status_code == 200


async def test_a_seal_over_another_text_is_no_seal(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "acceptance", by=REVIEWER)
    (notice,) = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"]

    forged = service.sealed(case, {**notice, "digest": "sha256:" + "f" * 64})
    await service.hear(forged, source="credential")

    (notice,) = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"]
    assert notice["state"] == "awaiting_seal"
    assert (await service.move(case, "decision", GRANT, by=APPROVER)).status_code == 409


async def test_who_accepted_does_not_decide_unless_the_item_is_handled_on_the_spot(service: Service) -> None:
    case = await service.accepted(by=BOTH)
    publish(service.context, replace(VERSION, project_type=ProjectType.INSTANT))
    instant = await service.accepted(by=BOTH)

    refused = await service.move(case, "decision", GRANT, by=BOTH)
    allowed = await service.move(instant, "decision", GRANT, by=BOTH)

    assert rule_of(refused) == (403, "decision.same-person")
    assert allowed.status_code == 200


async def test_a_filing_is_put_on_file_by_who_accepted_it_and_never_denied(service: Service) -> None:
    publish(service.context, replace(VERSION, approval_type=ApprovalType.FILING))
    case = await service.accepted(by=BOTH)

    denied = await service.move(case, "decision", DENIAL, by=BOTH)
    filed = await service.move(case, "decision", GRANT, by=BOTH)

    assert rule_of(denied) == (409, "decision.filing-denied")
    assert filed.status_code == 200
    assert (await service.decision(case)).outcome is Outcome.GRANTED


async def test_who_asked_for_corrections_received_or_helped_does_not_decide(service: Service) -> None:
    case = await service.signed(helped_by=(APPROVER2.ref,))
    await service.moved(case, "correction-notice", CORRECTION, by=BOTH)
    sealed = await service.seal(case)
    await service.hear(supplemented(case, getattr(sealed, "notice_id", ""), at=MONDAY))
    await service.moved(case, "acceptance", by=REVIEWER)
    await service.seal(case)

    assert rule_of(await service.move(case, "decision", GRANT, by=BOTH)) == (403, "decision.same-person")
    assert rule_of(await service.move(case, "decision", GRANT, by=APPROVER2)) == (403, "decision.same-person")
    assert (await service.move(case, "decision", GRANT, by=APPROVER)).status_code == 200


async def test_a_denial_carries_grounds_reason_and_remedies_and_leads_to_no_credential(service: Service) -> None:
    case = await service.accepted()

    await service.moved(case, "decision", DENIAL, by=APPROVER)

    decided = await service.decision(case)
    assert (decided.outcome, decided.grounds, decided.credential_type) == (Outcome.DENIED, ("name",), None)
    shown = await service.shown(f"/v1/notices/{decided.notice_id}", by=CLERK)
    text = "\n".join(line["zh"] for line in shown["text"]["lines"])
    assert "名称不符合规定(企业名称登记管理规定 §11)" in text
    assert "字号含有禁用文字" in text
    assert "浏阳市人民政府申请行政复议" in text
    assert "浏阳市人民法院提起行政诉讼" in text


@pytest.mark.parametrize(
    "body",
    [{"outcome": "denied", "reason": "无"}, {"outcome": "granted", "grounds": ["name"]}, {"outcome": "denied", "grounds": ["made-up"]}],
)
async def test_a_denial_names_published_grounds_and_a_grant_none(service: Service, body: dict[str, object]) -> None:
    case = await service.accepted()

    answer = await service.move(case, "decision", body, by=APPROVER)

    assert rule_of(answer) == (422, "decision.grounds-missing")
    assert "CaseDecided" not in await service.told(case)


@pytest.mark.parametrize("other", [{"caller": APPROVER.ref}, {"at": MONDAY + timedelta(seconds=1)}], ids=["by somebody else", "once more"])
async def test_who_names_the_trace_of_another_reading_is_shown_beside_it(service: Service, other: dict[str, Any]) -> None:
    """A trace id comes with the request: who sends one that was there before may not be hidden by it."""
    case = await service.signed()
    first = PersonalDataRead(
        at=MONDAY,
        trace_id="1" * 32,
        caller=REVIEWER.ref,
        aggregate="case",
        action="view_person",
        about=case.case_id,
        region=TONGGU,
        purpose="handling",
    )

    reads = (first, replace(first, **other))

    for read in reads:
        await service.hear(read)

    shown = (await service.shown("/v1/supervision/traces", by=JIANGXI_SUPERVISOR, case=case.case_no))["items"]
    assert {(trace["caller"], datetime.fromisoformat(trace["at"])) for trace in shown} == {(read.caller, read.at) for read in reads}


@pytest.mark.parametrize(("day", "status"), [("2020-01-01", 422), ("2026-11-23", 422), ("2026-11-24", 200)])
async def test_a_credential_holds_beyond_the_day_of_its_decision(service: Service, day: str, status: int) -> None:
    case = await service.accepted()

    answer = await service.move(case, "decision", GRANT | {"valid_until": day}, by=APPROVER)

    assert answer.status_code == status
    assert status == 200 or rule_of(answer) == (422, "decision.valid-until")
    assert ("CaseDecided" in await service.told(case)) == (status == 200)


async def test_of_two_approvers_deciding_at_once_one_wins_and_the_other_is_told(service: Service) -> None:
    case = await service.accepted()
    version = await service.version(case)
    path = f"/v1/handlings/{case.case_no}/decision"

    answers = await asyncio.gather(
        service.post(path, GRANT, by=APPROVER, version=version), service.post(path, DENIAL, by=APPROVER2, version=version)
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert rule_of(lost) == (409, "handling.over")
    assert facts_of(lost)["winner"] == "decision"
    assert (await service.told(case)).count("CaseDecided") == 1


@pytest.mark.parametrize("round_", range(3))
async def test_of_a_withdrawal_racing_a_decision_one_wins_and_the_loser_is_told_which(service: Service, round_: int) -> None:
    case = await service.accepted()
    version = await service.version(case)

    decided, withdrawn = await asyncio.gather(
        service.post(f"/v1/handlings/{case.case_no}/decision", GRANT, by=APPROVER, version=version),
        service.post(f"/v1/cases/{case.case_no}/withdrawal", {}, by=applicant(case.case_id)),
    )

    assert sorted((decided.status_code, withdrawn.status_code)) == [200, 409]
    won, lost = ("decision", withdrawn) if decided.status_code == 200 else ("withdrawal", decided)
    assert facts_of(lost)["winner"] == won
    told = await service.told(case)
    assert ("CaseDecided" in told) != ("CaseWithdrawn" in told)


async def test_a_decision_is_not_withdrawn_from_even_before_its_seal(service: Service) -> None:
    case = await service.decided()

    answer = await service.post(f"/v1/cases/{case.case_no}/withdrawal", {}, by=CLERK)

    assert rule_of(answer) == (409, "handling.over")
    assert facts_of(answer)["winner"] == "decision"


async def test_moves_name_the_version_they_were_read_in(service: Service) -> None:
    case = await service.signed()
    path = f"/v1/handlings/{case.case_no}/acceptance"

    without = await service.post(path, by=REVIEWER)
    stale = await service.post(path, by=REVIEWER, version=await service.version(case) - 1)

    assert rule_of(without) == (428, "precondition.required")
    assert stale.status_code == 412
    assert "CaseAccepted" not in await service.told(case)


async def test_a_move_out_of_order_is_refused_with_where_it_stands(service: Service) -> None:
    case = await service.signed()

    undecidable = await service.move(case, "decision", GRANT, by=APPROVER)
    unsigned = await service.received()
    unopened = await service.post(f"/v1/handlings/{unsigned.case_no}/acceptance", by=REVIEWER, version=1)

    assert rule_of(undecidable) == (409, "move.illegal")
    assert facts_of(undecidable) == {"from": "opened", "to": "decided"}
    assert rule_of(unopened) == (409, "handling.not-opened")


async def test_the_receiving_clerk_who_calls_a_decision_gets_403_and_leaves_a_trace(service: Service) -> None:
    case = await service.accepted()

    refused = await service.post(f"/v1/handlings/{case.case_no}/decision", GRANT, by=CLERK, version=1)
    (trace,) = [event for event in await service.events() if type(event).__name__ == "AccessRefused"]
    await service.hear(trace, source="routing")

    assert rule_of(refused) == (403, "forbidden")
    (shown,) = (await service.shown("/v1/supervision/traces", by=JIANGXI_SUPERVISOR, case=case.case_no))["items"]
    assert (shown["caller"], shown["action"], shown["about"]) == (CLERK.ref, "decide", case.case_id)
    assert (await service.shown("/v1/supervision/traces", by=SUPERVISOR, case=case.case_no))["items"] == []
    assert (await service.get("/v1/supervision/traces", by=CLERK, case=case.case_no)).status_code == 403
    assert "CaseDecided" not in await service.told(case)


async def test_the_work_queue_shows_the_organs_own_and_who_may_decide(service: Service) -> None:
    first, second = await service.accepted(), await service.signed()

    queue = await service.shown("/v1/handlings", by=APPROVER, limit="1")
    rest = await service.shown("/v1/handlings", by=APPROVER, limit="1", after=queue["next"])
    accepted = await service.shown("/v1/handlings", by=REVIEWER, state="accepted")

    assert [item["case_id"] for item in (*queue["items"], *rest["items"])] == [first.case_id, second.case_id]
    assert rest["next"] is None
    assert [(item["case_id"], item["may_decide"]) for item in accepted["items"]] == [(first.case_id, False)]
    assert queue["items"][0]["may_decide"] is True
    assert (await service.shown("/v1/handlings", by=STRANGER))["items"] == []


async def test_texts_that_people_write_lie_nowhere_in_the_clear(service: Service) -> None:
    case = await service.accepted()
    await service.moved(case, "decision", DENIAL | {"reason": "谭小某的字号不可用"}, by=APPROVER)

    async with service.context.database.read(service.context) as tx:
        for table in ("notices", "handlings", "outbox", "timeline_entries", "idempotency", "cases"):
            rows = (await tx.execute(text(f"select t::text as line from {table} t"))).scalars()  # noqa: S608 - our own table names
            assert not [row for row in rows if "谭小某" in row], table


async def test_an_accepted_case_names_the_day_it_counts_from(service: Service) -> None:
    case = await service.accepted()

    (accepted,) = [event for event in await service.events(case) if isinstance(event, CaseAccepted)]

    assert (accepted.deemed, accepted.accepted_by, accepted.effective_on) == (False, REVIEWER.ref, MONDAY.date())
    assert not [event for event in await service.events(case) if isinstance(event, CaseDecided)]
