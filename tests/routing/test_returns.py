"""What goes back to the applicant: when it may, how it is told, and when the law has other words for it."""

from datetime import date

import pytest

from contracts.events import HandlingEnded
from contracts.values import Ending
from tests.contracts.builders import an_agreement
from tests.routing.builders import (
    CLERK,
    REVIEWER,
    Service,
    applicant,
    publish,
    rule_of,
)

RETURN = {"ground": "duplicate", "reason": "上周已收"}


async def test_a_case_is_given_back_with_its_reason_before_and_after_the_signature(service: Service) -> None:
    unsigned, signed = await service.received(), await service.signed()

    for case in (unsigned, signed):
        await service.act(f"/v1/transfers/{case.case_id}-1/return", RETURN, by=REVIEWER)

    for case in (unsigned, signed):
        told = await service.events(case)
        assert isinstance(told[-1], HandlingEnded)
        assert told[-1].ending is Ending.RETURNED
        assert await service.running(case) == {}
        entries = (await service.shown(f"/v1/cases/{case.case_no}/timeline", by=applicant(case.case_id)))["entries"]
        assert [entry["remark"] for entry in entries if entry["kind"] == "returned"] == ["上周已收"]


async def test_a_return_is_told_in_a_notice_with_its_reason_and_remedies(service: Service) -> None:
    case = await service.received()
    await service.act(f"/v1/transfers/{case.case_id}-1/return", RETURN, by=REVIEWER)

    (notice,) = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=applicant(case.case_id)))["items"]
    shown = await service.shown(f"/v1/notices/{notice['notice_id']}", by=applicant(case.case_id))

    text = "\n".join(line["zh"] for line in shown["text"]["lines"])
    assert (notice["kind"], notice["state"]) == ("return", "written")
    assert "同一申请已在办理" in text
    assert "上周已收" in text
    assert "浏阳市人民政府申请行政复议" in text


async def test_who_is_not_competent_refuses_acceptance_instead_of_giving_back(service: Service) -> None:
    case = await service.signed()

    answer = await service.post(
        f"/v1/transfers/{case.case_id}-1/return", {"ground": "not_competent", "reason": "属于另一机关"}, by=REVIEWER
    )

    assert rule_of(answer) == (409, "return.needs-notice")
    assert "HandlingEnded" not in await service.told(case)


async def test_what_is_accepted_is_not_given_back(service: Service) -> None:
    case = await service.accepted()

    answer = await service.post(f"/v1/transfers/{case.case_id}-1/return", RETURN, by=REVIEWER)

    assert rule_of(answer) == (409, "move.illegal")


@pytest.mark.parametrize("signed", [False, True])
async def test_what_counts_as_accepted_is_not_given_back(service: Service, *, signed: bool) -> None:
    case = await (service.signed() if signed else service.received())
    service.pass_until("2026-12-01T00:00:01")
    (*_, hop) = (await service.shown("/v1/transfers", by=CLERK, case=case.case_no))["items"]

    answer = await service.post(f"/v1/transfers/{hop['transfer_id']}/return", RETURN, by=REVIEWER)

    assert rule_of(answer) == (409, "acceptance.deemed")
    assert "HandlingEnded" not in await service.told(case)


async def test_an_applicant_reads_in_words_why_a_case_came_back(service: Service) -> None:
    publish(service.context, an_agreement(agreement_id="a1", valid_from=date(2025, 1, 1), valid_to=date(2026, 11, 1)))
    case = await service.received()

    entries = (await service.shown(f"/v1/cases/{case.case_no}/timeline", by=applicant(case.case_id)))["entries"]

    (returned,) = [entry for entry in entries if entry["kind"] == "returned"]
    assert (returned["zh"], returned["en"]) == ("已退回申请人,原因:通办协议已到期", "Returned to the applicant: The agreement has expired")
