"""What becomes of cases on their way when their agreement ends, as the agreement says."""

from dataclasses import replace
from datetime import date

import pytest

from contracts.catalogue import Agreement, OpenCases
from contracts.events import CaseReceived, CaseReturned, HandlingEnded
from contracts.values import Ending
from routing_svc.transfer.handlers import list_ended
from routing_svc.transfer.handlers import return_ended as return_one
from routing_svc.transfer.jobs import return_ended
from tests.contracts.builders import LIUYANG, TONGGU, an_agreement
from tests.routing.builders import APPROVER, CLERK, REVIEWER, Service, publish

TUESDAY = date(2026, 11, 24)
RETURNS = replace(an_agreement(valid_to=TUESDAY), open_cases=OpenCases.RETURN)


def pass_the_end(service: Service, agreement: Agreement = RETURNS) -> None:
    publish(service.context, agreement)
    service.pass_until("2026-11-24T00:00:00")


async def returned(service: Service, case: CaseReceived) -> list[CaseReturned]:
    return [event for event in await service.events(case) if isinstance(event, CaseReturned)]


async def test_what_nobody_signed_for_goes_back_with_the_reason(service: Service) -> None:
    case = await service.received()
    pass_the_end(service)

    assert await return_ended(service.context) == 1

    (event,) = await returned(service, case)
    ended = (await service.events(case))[-1]
    assert (event.rule_id, event.offered_again, event.receipt.step) == ("agreement.ended", False, "returned")
    assert isinstance(ended, HandlingEnded)
    assert ended.ending is Ending.RETURNED
    assert await service.running(case) == {}
    entries = (await service.shown(f"/v1/cases/{case.case_no}/timeline", by=CLERK))["entries"]
    assert "通办协议已终止" in entries[-1]["zh"]


async def test_what_was_signed_for_is_decided_where_it_is(service: Service) -> None:
    case = await service.accepted()
    pass_the_end(service)

    assert await return_ended(service.context) == 0
    await service.moved(case, "decision", {"outcome": "granted"}, by=APPROVER)


@pytest.mark.parametrize(
    "agreement",
    [
        pytest.param(replace(RETURNS, open_cases=OpenCases.FINISH), id="its cases finish"),
        pytest.param(replace(RETURNS, valid_to=date(2026, 11, 25)), id="it holds on that day"),
    ],
)
async def test_what_may_finish_is_left_alone(service: Service, agreement: Agreement) -> None:
    case = await service.received()
    pass_the_end(service, agreement)

    assert await return_ended(service.context) == 0
    await service.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=REVIEWER)


async def test_another_agreement_of_the_two_keeps_their_cases(service: Service) -> None:
    publish(service.context, RETURNS)
    case = await service.received()
    publish(
        service.context, replace(an_agreement(agreement_id="a2", valid_from=TUESDAY), alliance=(TONGGU, LIUYANG), receiving=(), handling=())
    )
    pass_the_end(service)

    assert await return_ended(service.context) == 0
    assert await returned(service, case) == []


async def test_a_case_that_counts_as_accepted_is_not_taken_from_its_applicant(service: Service) -> None:
    case = await service.received()
    publish(service.context, RETURNS)
    service.pass_until("2026-12-01T09:00:00")

    assert await return_ended(service.context) == 0
    assert await returned(service, case) == []


async def test_each_goes_back_once_whatever_is_repeated_and_wherever_it_was_cut_off(service: Service) -> None:
    cases = [await service.received() for _ in range(3)]
    pass_the_end(service)
    async with service.context.database.read(service.context) as tx:
        first, *_ = await list_ended(tx, after=None, limit=10)
    async with service.context.database.consume(service.context) as tx:
        assert await return_one(tx, first)

    assert await return_ended(service.context) == len(cases) - 1
    assert await return_ended(service.context) == 0
    async with service.context.database.consume(service.context) as tx:
        assert not await return_one(tx, first)
    assert [len(await returned(service, case)) for case in cases] == [1, 1, 1]


async def test_who_signs_first_keeps_the_case(service: Service) -> None:
    case = await service.received()
    pass_the_end(service)
    async with service.context.database.read(service.context) as tx:
        (found,) = await list_ended(tx, after=None, limit=10)

    await service.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=REVIEWER)

    async with service.context.database.consume(service.context) as tx:
        assert not await return_one(tx, found)
