"""Open cases follow a merged organ: who may see, act and decide, in whose name, told once in the case's history."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import text

from contracts.caller import Caller, Role
from contracts.catalogue import OpenCases
from contracts.delegations import DelegationKind
from contracts.events import CaseAccepted, CaseReceived, CaseRehomed, CaseReturned, CaseValidated
from contracts.values import DelegationId, OrganCode
from routing_svc.handling import handlers as handlings
from routing_svc.transfer.handlers import find_merged, follow_merger
from routing_svc.transfer.jobs import follow_mergers, retry_waiting, return_ended
from tests.contracts.builders import DAYAO, DAYAO_OFFICE, LIUYANG_MARKET, a_delegation, an_agreement, an_organ
from tests.routing.builders import APPROVER, MONDAY, TONGGU_HALL, Service, publish, staff
from tests.routing.test_names import act, decided, notices, received, sign

NEW = OrganCode("11430181MB0000001N")
NEWER = OrganCode("11430181MB0000002N")
NEW_REVIEWER = staff("new-reviewer", Role.REVIEWER, organ=NEW)
NEW_APPROVER = staff("new-approver", Role.APPROVER, organ=NEW)
HOUR = timedelta(hours=1)


def merge(service: Service, code: OrganCode = LIUYANG_MARKET, *, into: OrganCode = NEW, at: datetime | None = None) -> None:
    """As the catalogue tells it; in effect at once unless told."""
    instant = at or service.context.now.now()
    known = service.context.catalogue.organ(code)
    assert known is not None
    publish(service.context, replace(an_organ(code=into), name=f"新局{into[-2]}"), replace(known, merged_into=into, merged_at=instant))


async def rehomed(service: Service, case: CaseReceived) -> list[CaseRehomed]:
    return [event for event in await service.events(case) if isinstance(event, CaseRehomed)]


async def move(service: Service, case: CaseReceived, name: str, body: object = None, *, by: Caller) -> dict[str, object]:
    version = (await service.shown(f"/v1/handlings/{case.case_id}", by=by))["version"]
    return await service.act(f"/v1/handlings/{case.case_no}/{name}", body, by=by, version=version)


async def test_a_hop_that_nobody_signed_for_is_signed_for_at_the_new_organ(service: Service) -> None:
    case = await service.received()
    merge(service)

    assert await follow_mergers(service.context) == 1

    (event,) = await rehomed(service, case)
    assert (event.former_organ, event.handling_organ, event.reason) == (LIUYANG_MARKET, NEW, "organ-merged")
    signed = await service.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=NEW_REVIEWER)
    assert signed["receipt"]["organ"] == NEW
    assert "rehomed" in await service.timeline(case)


async def test_a_case_that_was_accepted_is_decided_in_the_new_organs_name(service: Service) -> None:
    case = await service.accepted()
    merge(service)

    await follow_mergers(service.context)
    await move(service, case, "decision", {"outcome": "granted"}, by=NEW_APPROVER)

    decision = await service.decision(case)
    last = (await notices(service, case))[-1]
    assert (decision.handling_organ, decision.version_id) == (NEW, case.version_id)
    assert (last["sealed_as"], last["text"]["organ_name"]) == (NEW, "新局1")
    assert [each["organ"] for each in (await notices(service, case))] == [LIUYANG_MARKET, NEW]


async def test_the_new_organs_work_list_has_the_case_from_the_merger_on(service: Service) -> None:
    case = await service.accepted()
    before = await service.shown("/v1/handlings", by=NEW_REVIEWER)

    merge(service)
    at_once = await service.shown("/v1/handlings", by=NEW_REVIEWER)
    await follow_mergers(service.context)
    after = await service.shown("/v1/handlings", by=NEW_REVIEWER)

    assert [one["case_id"] for one in before["items"]] == []
    assert [one["handling_organ"] for one in at_once["items"]] == [LIUYANG_MARKET]
    assert [(one["case_id"], one["handling_organ"]) for one in after["items"]] == [(case.case_id, NEW)]


async def test_people_of_the_former_organ_go_on_as_people_of_the_new_one(service: Service) -> None:
    case = await service.accepted()
    merge(service)
    await follow_mergers(service.context)

    await move(service, case, "decision", {"outcome": "granted"}, by=APPROVER)

    assert (await service.decision(case)).handling_organ == NEW


async def test_who_acts_first_takes_the_case_along_and_the_job_finds_nothing_left(service: Service) -> None:
    case = await service.signed()
    merge(service)

    await move(service, case, "acceptance", by=NEW_REVIEWER)

    assert await follow_mergers(service.context) == 0
    assert [type(event).__name__ for event in await service.events(case)][-2:] == ["CaseRehomed", "CaseAccepted"]


async def test_a_case_moves_once_whatever_is_repeated_and_wherever_it_was_cut_off(service: Service) -> None:
    cases = [await service.received(), await service.signed(), await service.accepted()]
    merge(service)
    async with service.context.database.read(service.context) as tx:
        first, *_ = await find_merged(tx, after=None, limit=10)
    async with service.context.database.consume(service.context) as tx:
        assert await follow_merger(tx, first)

    assert await follow_mergers(service.context) == len(cases) - 1
    assert await follow_mergers(service.context) == 0
    async with service.context.database.consume(service.context) as tx:
        assert not await follow_merger(tx, first)
    assert [len(await rehomed(service, case)) for case in cases] == [1, 1, 1]


async def test_nothing_moves_before_the_merger_takes_effect(service: Service) -> None:
    await service.signed()
    merge(service, at=MONDAY + HOUR)

    assert await follow_mergers(service.context) == 0
    service.pass_time(hours=1)
    assert await follow_mergers(service.context) == 1


async def test_what_was_decided_stays_as_it_was_sealed_and_is_the_new_organs_to_see(service: Service) -> None:
    case = await service.decided()
    await service.seal(case)
    merge(service)

    assert await follow_mergers(service.context) == 0
    assert (await service.shown(f"/v1/handlings/{case.case_id}", by=NEW_REVIEWER))["handling_organ"] == LIUYANG_MARKET
    assert (await service.get(f"/v1/handlings/{case.case_id}", by=staff("x", Role.REVIEWER, organ=NEWER))).status_code == 404


async def test_the_clocks_go_along_with_their_dates(service: Service) -> None:
    case = await service.accepted()
    before = await service.running(case)
    merge(service)

    await follow_mergers(service.context)

    after = await service.running(case)
    assert {kind: clock["due"] for kind, clock in after.items()} == {kind: clock["due"] for kind, clock in before.items()}
    assert {after[kind]["holder"] for kind in ("decision_promised", "decision_statutory")} == {NEW}


async def test_one_merger_after_another_is_followed_to_its_end(service: Service) -> None:
    case = await service.accepted()
    merge(service)
    merge(service, NEW, into=NEWER)

    assert await follow_mergers(service.context) == 1
    assert (await rehomed(service, case))[0].handling_organ == NEWER


async def test_a_second_merger_moves_it_again(service: Service) -> None:
    case = await service.accepted()
    merge(service)
    await follow_mergers(service.context)
    merge(service, NEW, into=NEWER)

    assert await follow_mergers(service.context) == 1
    assert [event.handling_organ for event in await rehomed(service, case)] == [NEW, NEWER]


async def test_a_delegate_goes_on_in_the_name_that_its_delegator_became(service: Service) -> None:
    case = await received(service, a_delegation(kind=DelegationKind.DELEGATION))
    merge(service)

    decision = await decided(service, case)

    assert decision.authority is not None
    assert (decision.handling_organ, decision.authority.sealed_as) == (case.handling_organ, NEW)
    assert (await notices(service, case))[-1]["sealed_as"] == NEW


async def test_a_case_received_before_the_merger_and_heard_of_after_it_goes_there_too(service: Service) -> None:
    service.pass_time(hours=2)
    merge(service, at=MONDAY + HOUR)

    case = await service.received(at=MONDAY)

    assert await follow_mergers(service.context) == 0
    assert [type(event).__name__ for event in await service.events(case)] == ["CaseRehomed", "CaseValidated"]


async def test_a_correction_under_way_is_answered_to_the_new_organ(service: Service) -> None:
    case = await service.signed()
    defects = {"defects": [{"pointer": "/materials/premises", "text": "请补交"}]}
    await act(service, case, "correction-notice", defects, role=Role.REVIEWER)
    await service.seal(case)
    merge(service)

    assert await follow_mergers(service.context) == 1
    assert (await service.shown(f"/v1/handlings/{case.case_id}", by=NEW_REVIEWER))["handling_organ"] == NEW


async def test_a_hop_that_waits_is_checked_as_of_receipt_and_validated_by_the_new_organ(service: Service) -> None:
    paper = a_delegation()
    publish(service.context, an_organ(code=DAYAO_OFFICE, region=DAYAO))
    case = await service.received(handling_region=DAYAO, handling_organ=DAYAO_OFFICE, delegations=(paper.delegation_id,))
    service.pass_time(minutes=1)
    merge(service, DAYAO_OFFICE)

    assert await follow_mergers(service.context) == 0
    publish(service.context, paper)
    assert await retry_waiting(service.context) == 1
    assert await follow_mergers(service.context) == 0
    moved, validated = await service.events(case)
    assert isinstance(moved, CaseRehomed)
    assert isinstance(validated, CaseValidated)
    assert (moved.former_organ, moved.handling_organ, validated.handling_organ) == (DAYAO_OFFICE, NEW, NEW)
    assert {receipt.step: receipt.organ for receipt in validated.receipts} == {"offered": TONGGU_HALL, "delivered": NEW, "validated": NEW}
    assert {clock["holder"] for kind, clock in (await service.running(case)).items() if kind != "transfer_waiting"} == {NEW}


async def test_a_hop_that_waits_is_given_back_by_the_new_organ_in_its_own_name(service: Service) -> None:
    case = await service.received(delegations=(DelegationId("nobody-knows"),))
    merge(service)

    returned = await service.act(f"/v1/transfers/{case.case_id}-1/return", {"ground": "duplicate", "reason": "同一申请"}, by=NEW_REVIEWER)

    assert returned["receipt"]["organ"] == NEW
    assert (await notices(service, case))[-1]["sealed_as"] == NEW
    assert await service.told(case) == ["CaseRehomed", "CaseReturned", "HandlingEnded"]


async def test_what_was_signed_for_before_the_merger_is_given_back_by_the_new_organ_in_its_own_name(service: Service) -> None:
    case = await service.signed()
    merge(service)
    await follow_mergers(service.context)

    returned = await service.act(f"/v1/transfers/{case.case_id}-1/return", {"ground": "duplicate", "reason": "同一申请"}, by=NEW_REVIEWER)

    told = [event for event in await service.events(case) if isinstance(event, CaseRehomed | CaseReturned)]
    assert returned["receipt"]["organ"] == NEW
    assert [event.handling_organ for event in told] == [NEW, NEW]
    assert (await notices(service, case))[-1]["sealed_as"] == NEW


async def test_what_is_given_back_before_the_job_ran_goes_back_in_the_new_organs_name_too(service: Service) -> None:
    case = await service.signed()
    merge(service)

    returned = await service.act(f"/v1/transfers/{case.case_id}-1/return", {"ground": "duplicate", "reason": "同一申请"}, by=NEW_REVIEWER)

    assert returned["receipt"]["organ"] == NEW
    assert [type(event).__name__ for event in await service.events(case)][-3:] == ["CaseRehomed", "CaseReturned", "HandlingEnded"]


async def test_a_case_whose_handling_went_along_without_its_hop_is_given_back_by_the_new_organ_all_the_same(service: Service) -> None:
    case = await service.signed()
    merge(service)
    async with service.context.database.consume(service.context) as tx:
        assert await handlings.follow_merger(tx, case.case_id)
    assert await follow_mergers(service.context) == 0

    returned = await service.act(f"/v1/transfers/{case.case_id}-1/return", {"ground": "duplicate", "reason": "同一申请"}, by=NEW_REVIEWER)

    assert returned["receipt"]["organ"] == NEW
    assert (await notices(service, case))[-1]["sealed_as"] == NEW


async def test_a_hop_stays_with_who_signed_for_it_whether_the_job_or_an_act_took_the_case_along(service: Service) -> None:
    by_job, by_act = await service.signed(), await service.signed()
    merge(service)

    await move(service, by_act, "acceptance", by=NEW_REVIEWER)
    assert await follow_mergers(service.context) == 1

    hops = [await service.shown(f"/v1/transfers/{case.case_id}-1", by=NEW_REVIEWER) for case in (by_job, by_act)]
    signed = [receipt["organ"] for hop in hops for receipt in hop["receipts"] if receipt["step"] == "signed_for"]
    assert [hop["handling_organ"] for hop in hops] == signed == [LIUYANG_MARKET, LIUYANG_MARKET]
    assert [(await service.shown(f"/v1/handlings/{case.case_id}", by=NEW_REVIEWER))["handling_organ"] for case in (by_job, by_act)] == [
        NEW,
        NEW,
    ]


async def test_time_that_runs_out_accepts_in_the_name_of_the_organ_that_is_there_by_then(service: Service) -> None:
    case = await service.signed()
    service.pass_until("2026-11-30T23:00:00")
    merge(service)
    service.pass_time(hours=2)
    await service.heard_all()

    await service.fire()

    assert (await notices(service, case))[-1]["sealed_as"] == NEW
    assert [type(event).__name__ for event in await service.events(case)][-2:] == ["CaseRehomed", "CaseAccepted"]
    assert ("red", "clock.acceptance", NEW) in await service.cards(case)


async def test_time_that_runs_out_at_a_delegate_accepts_in_the_name_that_its_delegator_became(service: Service) -> None:
    case = await received(service, a_delegation(kind=DelegationKind.DELEGATION))
    await sign(service, case)
    merge(service)
    await follow_mergers(service.context)
    service.pass_time(days=14)
    await service.heard_all()

    await service.fire()

    accepted = next(event for event in await service.events(case) if isinstance(event, CaseAccepted))
    last = (await notices(service, case))[-1]
    assert accepted.authority is not None
    assert (accepted.deemed, accepted.authority.sealed_as) == (True, NEW)
    assert (last["organ"], last["sealed_as"]) == (case.handling_organ, NEW)


async def test_a_hop_that_nobody_signed_in_time_expires_at_the_new_organ_and_is_offered_again_there(service: Service) -> None:
    case = await service.received()
    merge(service)
    service.pass_time(days=9)
    await service.heard_all()

    await service.fire()

    told = await service.events(case)
    receipts = [receipt for event in told if isinstance(event, CaseValidated) and event.hop == 2 for receipt in event.receipts]
    assert [type(event).__name__ for event in told][:4] == ["CaseValidated", "CaseRehomed", "CaseReturned", "CaseValidated"]
    assert {receipt.step: receipt.organ for receipt in receipts} == {"offered": TONGGU_HALL, "delivered": NEW, "validated": NEW}


async def test_what_goes_back_with_its_agreement_goes_back_in_the_new_organs_name(service: Service) -> None:
    validated, waits = await service.received(), await service.received(delegations=(DelegationId("nobody-knows"),))
    merge(service)
    publish(service.context, replace(an_agreement(valid_to=date(2026, 11, 24)), open_cases=OpenCases.RETURN))
    service.pass_until("2026-11-24T00:00:00")

    assert await return_ended(service.context) == 2

    for case in (validated, waits):
        returned = next(event for event in await service.events(case) if isinstance(event, CaseReturned))
        assert (returned.handling_organ, returned.receipt.organ) == (NEW, NEW)


async def test_hops_that_wait_keep_no_other_case_from_its_new_organ(service: Service) -> None:
    waits = [await service.received(delegations=(DelegationId("nobody-knows"),)) for _ in range(3)]
    cases = [await service.received(), await service.accepted()]
    merge(service)

    assert await follow_mergers(service.context, at_once=2) == len(cases)

    assert [await rehomed(service, case) for case in waits] == [[], [], []]
    assert [len(await rehomed(service, case)) for case in cases] == [1, 1]


async def test_cases_that_fail_are_left_alone_for_a_while_and_keep_no_other_case_from_its_new_organ(service: Service) -> None:
    broken = [await service.received() for _ in range(2)]
    case = await service.signed()
    async with service.context.database.begin(service.context) as tx:
        for one in broken:
            await tx.execute(text("update transfers set body = body - 'case' where case_id = :case"), {"case": one.case_id})
    merge(service)

    moved = await follow_mergers(service.context, at_once=2)
    failed = set(service.context.failed_hops["follow_mergers"])
    await retry_waiting(service.context)

    assert moved == 1
    assert len(await rehomed(service, case)) == 1
    assert failed == {f"{one.case_id}-1" for one in broken} == set(service.context.failed_hops["follow_mergers"])
