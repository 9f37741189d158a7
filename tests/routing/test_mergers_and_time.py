"""What time did before a merger and is told of after it: told then, by the organ that is there, never as if that had been there before."""

from datetime import datetime
from typing import TypeVar

import pytest
from sqlalchemy import text

from contracts.delegations import DelegationKind
from contracts.events import CaseAccepted, CaseReceived, CaseReturned
from contracts.values import AgreementId, DelegationId
from routing_svc.transfer.jobs import follow_mergers
from routing_svc.transfer.store import get_transfers
from tests.contracts.builders import LIUYANG_MARKET, a_delegation
from tests.routing.builders import TONGGU_HALL, Service, publish
from tests.routing.test_mergers import NEW, NEWER, merge
from tests.routing.test_names import OFFICE, as_received, notices, received, sign, validated_without_a_name

Told = TypeVar("Told", CaseAccepted, CaseReturned)


async def told_when_due(service: Service, case: CaseReceived, kind: type[Told]) -> Told:
    """The one event of its kind that a case tells once its clock fires, all that was told before being heard."""
    await service.heard_all()
    await service.fire()
    (told,) = [event for event in await service.events(case) if isinstance(event, kind)]
    return told


@pytest.mark.parametrize("job", [True, False])
async def test_silence_that_ran_out_before_the_merger_is_told_of_when_the_new_organ_tells_of_it(service: Service, *, job: bool) -> None:
    case = await service.signed()
    service.pass_until("2026-12-01T01:00:00")
    merge(service)
    if job:
        await follow_mergers(service.context)
    now = service.pass_time(hours=1)

    told = await told_when_due(service, case, CaseAccepted)

    assert (told.handling_organ, told.deemed, told.at, told.effective_on) == (NEW, True, now, case.at.date())
    assert (await notices(service, case))[-1]["sealed_as"] == NEW


@pytest.mark.parametrize("fixed", [True, False])
async def test_so_is_that_of_a_delegate_whose_delegator_was_merged(service: Service, *, fixed: bool) -> None:
    paper = a_delegation(kind=DelegationKind.DELEGATION)
    case = await received(service, paper) if fixed else await validated_without_a_name(service)
    await sign(service, case)
    service.pass_until("2026-12-01T01:00:00")
    merge(service)
    now = service.pass_time(hours=1)

    told = await told_when_due(service, case, CaseAccepted)

    assert told.authority is not None
    assert (told.handling_organ, told.authority.sealed_as, told.at) == (case.handling_organ, NEW, now)


@pytest.mark.parametrize("fixed", [True, False])
async def test_silence_at_a_delegate_is_told_of_as_of_its_time_where_nobody_was_merged(service: Service, *, fixed: bool) -> None:
    paper = a_delegation(kind=DelegationKind.DELEGATION)
    case = await received(service, paper) if fixed else await validated_without_a_name(service)
    await sign(service, case)
    service.pass_until("2026-12-01T01:00:00")

    told = await told_when_due(service, case, CaseAccepted)

    assert told.at == datetime.fromisoformat("2026-12-01T00:00:00+08:00")


@pytest.mark.parametrize("merged", [False, True])
async def test_silence_at_a_delegate_whose_handling_has_no_name_is_told_of_as_of_its_time(service: Service, *, merged: bool) -> None:
    """As a release left it that did not say in whose name a case is decided: it goes on in the delegate's own, whoever its delegator became."""
    case = await received(service, a_delegation(kind=DelegationKind.DELEGATION))
    await sign(service, case)
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text("update handlings set body = body - 'authority'"))
    service.pass_until("2026-12-01T01:00:00")
    if merged:
        merge(service)

    told = await told_when_due(service, case, CaseAccepted)

    assert (told.handling_organ, told.authority) == (case.handling_organ, None)
    assert told.at == datetime.fromisoformat("2026-12-01T00:00:00+08:00")


async def test_silence_that_ran_out_where_the_organ_was_there_is_told_of_as_of_its_time(service: Service) -> None:
    case = await service.signed()
    service.pass_until("2026-11-30T23:00:00")
    merge(service)
    service.pass_time(hours=3)

    told = await told_when_due(service, case, CaseAccepted)

    assert (told.handling_organ, told.at) == (NEW, datetime.fromisoformat("2026-12-01T00:00:00+08:00"))


async def test_what_waited_in_vain_goes_back_as_of_its_time_in_the_name_of_the_organ_that_was_there_by_then(service: Service) -> None:
    case = await service.received(delegations=(DelegationId("nobody-knows"),))
    due = datetime.fromisoformat((await service.running(case))["transfer_waiting"]["due"])
    merge(service)
    service.pass_time(days=9)

    told = await told_when_due(service, case, CaseReturned)

    assert (told.rule_id, told.handling_organ, told.receipt.organ) == ("transfer.route-unknown", NEW, NEW)
    assert (told.at, told.receipt.at) == (due, due)
    assert (await service.told(case))[:2] == ["CaseRehomed", "CaseReturned"]


async def test_what_had_waited_in_vain_before_the_merger_goes_back_when_the_new_organ_tells_of_it(service: Service) -> None:
    case = await service.received(delegations=(DelegationId("nobody-knows"),))
    service.pass_time(days=9)
    merge(service)
    now = service.pass_time(hours=1)

    told = await told_when_due(service, case, CaseReturned)

    assert (told.handling_organ, told.receipt.organ) == (NEW, NEW)
    assert (told.at, told.receipt.at) == (now, now)


async def test_what_waits_without_a_name_goes_back_as_of_its_time_where_nobody_was_merged(service: Service) -> None:
    publish(service.context, OFFICE, a_delegation(kind=DelegationKind.DELEGATION))
    case = await service.received(**as_received(service) | {"authority": None, "agreement_id": AgreementId("nobody-knows")})
    due = datetime.fromisoformat((await service.running(case))["transfer_waiting"]["due"])
    service.pass_time(days=9)

    told = await told_when_due(service, case, CaseReturned)

    assert (told.rule_id, told.at) == ("transfer.route-unknown", due)


async def test_a_hop_without_a_name_lapses_as_of_its_time_in_the_name_that_its_papers_give(service: Service) -> None:
    case = await validated_without_a_name(service)
    service.pass_time(days=9)

    told = await told_when_due(service, case, CaseReturned)

    async with service.context.database.read(service.context) as tx:
        hops = await get_transfers(tx, case.case_id)
    assert told.at < service.context.now.now()
    assert [hop.authority and hop.authority.sealed_as for hop in hops] == [LIUYANG_MARKET, LIUYANG_MARKET]


async def test_a_hop_that_lapsed_before_the_merger_expires_when_the_new_organ_tells_of_it(service: Service) -> None:
    case = await service.received()
    service.pass_time(days=8)
    merge(service)
    now = service.pass_time(hours=1)

    told = await told_when_due(service, case, CaseReturned)

    assert (told.handling_organ, told.receipt.organ) == (NEW, NEW)
    assert (told.at, told.receipt.at) == (now, now)


async def test_what_runs_late_before_the_job_came_by_charges_the_organ_that_is_there_by_then(service: Service) -> None:
    waiting, accepted = await service.received(), await service.accepted()
    merge(service)
    service.pass_time(days=30)
    await service.heard_all()

    await service.fire()

    assert ("yellow", "clock.transfer_sign", NEW) in await service.cards(waiting)
    cards = await service.cards(accepted)
    assert {("yellow", "clock.decision_promised", NEW), ("red", "clock.decision_statutory", NEW)} <= set(cards)
    assert LIUYANG_MARKET not in {organ for _, _, organ in cards}


async def test_what_runs_late_at_a_hall_that_was_merged_charges_the_one_in_its_place(service: Service) -> None:
    """Its clocks are no case's that moves: where a case was received does not change."""
    case = await service.decided()
    await service.seal(case)
    merge(service, TONGGU_HALL, into=NEWER)
    service.pass_time(days=60)
    await service.heard_all()

    await service.fire()

    assert ("red", "clock.delivery", NEWER) in await service.cards(case)
