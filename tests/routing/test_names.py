"""In whose name a case is decided: stated at receipt, carried through every notice to the decision, whatever becomes of the paper."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from contracts.caller import Caller, Role
from contracts.catalogue import Region
from contracts.delegations import Authority, Delegation, DelegationKind
from contracts.events import CaseAccepted, CaseDecided, CaseReceived, CaseReturned, CorrectionNoticed, NoticeSealed
from contracts.values import NATION, OrganCode, RegionCode
from rules.competence import decide
from rules.powers import authority_of
from tests.contracts.builders import DAYAO, DAYAO_OFFICE, LIUYANG, LIUYANG_MARKET, TONGGU, TRADER, a_delegation, an_organ
from tests.routing.builders import MONDAY, Service, publish, seal_over, staff

PARK = Region(code=RegionCode("430181900"), name="浏阳经开区", level="town", parent=LIUYANG, kind="园区")
PARK_BUREAU = OrganCode("11430181006120001B")
SEEN = staff("supervisor", Role.SUPERVISOR, region=NATION)
OFFICE = replace(an_organ(code=DAYAO_OFFICE, region=DAYAO), name="大瑶镇人民政府", reconsideration_organ="镇的复议机关")


def officer(role: Role, organ: OrganCode, region: RegionCode) -> Caller:
    return staff(f"{organ}-{role}", role, region=region, organ=organ)


def as_received(service: Service, *, matter: RegionCode = DAYAO) -> dict[str, Any]:
    """What intake writes down of a route."""
    catalogue = service.context.catalogue
    route = decide(catalogue, item_code=TRADER, receiving_region=TONGGU, handling_region=matter, mode=None, at=MONDAY, situation="new")
    return {
        "handling_region": route.handling_region,
        "handling_organ": route.handling_organ,
        "delegations": route.delegations,
        "authority": authority_of(catalogue, route),
    }


async def received(service: Service, paper: Delegation, *others: Any, matter: RegionCode = DAYAO) -> CaseReceived:
    publish(service.context, OFFICE, *others, paper)
    return await service.received(**as_received(service, matter=matter))


async def version(service: Service, case: CaseReceived) -> int:
    return int((await service.shown(f"/v1/handlings/{case.case_id}", by=SEEN))["version"])


async def act(service: Service, case: CaseReceived, move: str, body: object = None, *, role: Role) -> None:
    by = officer(role, case.handling_organ, case.handling_region)
    await service.act(f"/v1/handlings/{case.case_no}/{move}", body, by=by, version=await version(service, case))


async def notices(service: Service, case: CaseReceived) -> list[dict[str, Any]]:
    """The notices of a case with their texts, oldest first."""
    listed = (await service.shown(f"/v1/cases/{case.case_id}/notices", by=SEEN))["items"]
    return [await service.shown(f"/v1/notices/{one['notice_id']}", by=SEEN) for one in listed]


async def seal(service: Service, case: CaseReceived) -> None:
    """What credential-svc does: it seals with the key of the organ that the event names."""
    notice = (await notices(service, case))[-1]
    sealed = service.sealed(case, notice)
    await service.hear(replace(sealed, seal=replace(sealed.seal, organ=notice["sealed_as"])), source="credential")


async def sign(service: Service, case: CaseReceived) -> None:
    by = officer(Role.REVIEWER, case.handling_organ, case.handling_region)
    await service.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=by)


async def decided(service: Service, case: CaseReceived) -> CaseDecided:
    await sign(service, case)
    await act(service, case, "acceptance", role=Role.REVIEWER)
    await seal(service, case)
    await act(service, case, "decision", {"outcome": "granted"}, role=Role.APPROVER)
    await seal(service, case)
    return await service.decision(case)


async def test_a_delegate_decides_in_the_delegators_name(service: Service) -> None:
    case = await received(service, a_delegation(kind=DelegationKind.DELEGATION))

    decision = await decided(service, case)

    accepted = next(event for event in await service.events(case) if isinstance(event, CaseAccepted))
    assert (decision.handling_organ, decision.authority) == (DAYAO_OFFICE, case.authority)
    assert accepted.authority == decision.authority
    assert case.authority is not None
    assert (case.authority.sealed_as, [one.number for one in case.authority.instruments]) == (LIUYANG_MARKET, ["浏政委〔2026〕1号"])


async def test_its_notices_stand_in_the_register_of_the_delegator_and_say_by_which_paper(service: Service) -> None:
    case = await received(service, a_delegation(kind=DelegationKind.DELEGATION))

    await decided(service, case)

    for notice in await notices(service, case):
        text = notice["text"]
        assert notice["notice_id"].startswith(LIUYANG_MARKET)
        assert (notice["organ"], notice["sealed_as"], notice["state"]) == (DAYAO_OFFICE, LIUYANG_MARKET, "sealed")
        assert (text["organ"], text["organ_name"], text["written_by"]) == (LIUYANG_MARKET, "浏阳市市场监督管理局", DAYAO_OFFICE)
        assert text["lines"][0]["zh"] == "本机关依《浏政委〔2026〕1号》委托大瑶镇人民政府办理,以本机关名义作出。"
        assert [one["delegation_id"] for one in text["authority"]["instruments"]] == ["d1"]


async def test_who_received_a_power_decides_in_its_own_name(service: Service) -> None:
    case = await received(service, a_delegation(kind=DelegationKind.TRANSFER))

    decision = await decided(service, case)

    last = (await notices(service, case))[-1]
    assert decision.authority is not None
    assert decision.authority.sealed_as == DAYAO_OFFICE
    assert (last["sealed_as"], last["text"]["organ_name"]) == (DAYAO_OFFICE, "大瑶镇人民政府")
    assert "written_by" not in last["text"]
    assert last["text"]["lines"][0]["zh"] == "本机关依《浏政委〔2026〕1号》行使该项职权。"


async def test_an_empowered_park_decides_alone(service: Service) -> None:
    bureau = replace(an_organ(code=PARK_BUREAU, region=PARK.code), name="浏阳经开区行政审批局")
    case = await received(service, a_delegation(delegate=PARK_BUREAU, region=PARK.code), PARK, bureau, matter=PARK.code)

    decision = await decided(service, case)

    assert (decision.handling_organ, decision.handling_region) == (PARK_BUREAU, PARK.code)
    assert (await notices(service, case))[-1]["text"]["organ_name"] == "浏阳经开区行政审批局"


async def test_what_was_received_before_a_revocation_is_decided_where_it_is_and_in_the_name_of_receipt(service: Service) -> None:
    paper = a_delegation(kind=DelegationKind.DELEGATION)
    case = await received(service, paper)

    publish(service.context, replace(paper, revoked_from=MONDAY + timedelta(minutes=1)))
    service.pass_time(hours=1)
    decision = await decided(service, case)

    assert (decision.handling_organ, decision.authority) == (DAYAO_OFFICE, case.authority)


async def test_the_name_is_fixed_at_the_hand_off_where_receipt_said_nothing_of_it(service: Service) -> None:
    publish(service.context, OFFICE, a_delegation(kind=DelegationKind.DELEGATION))
    case = await service.received(**as_received(service) | {"authority": None})

    decision = await decided(service, case)

    assert decision.authority is not None
    assert decision.authority.sealed_as == LIUYANG_MARKET


async def validated_without_a_name(service: Service) -> CaseReceived:
    """A hop as a release left it that did not say in whose name a case is decided."""
    publish(service.context, OFFICE, a_delegation(kind=DelegationKind.DELEGATION))
    case = await service.received(**as_received(service) | {"authority": None})
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text("update transfers set body = body - 'authority'"))
    return case


async def test_a_hop_that_was_validated_before_names_were_kept_is_signed_for_and_decided_in_the_delegators_name(service: Service) -> None:
    decision = await decided(service, await validated_without_a_name(service))

    assert decision.authority is not None
    assert (decision.authority.sealed_as, [one.number for one in decision.authority.instruments]) == (LIUYANG_MARKET, ["浏政委〔2026〕1号"])


async def test_a_hop_that_was_validated_before_names_were_kept_is_given_back_in_the_delegators_name(service: Service) -> None:
    case = await validated_without_a_name(service)

    by = officer(Role.REVIEWER, case.handling_organ, case.handling_region)
    await service.act(f"/v1/transfers/{case.case_id}-1/return", {"ground": "duplicate", "reason": "同一申请"}, by=by)

    assert (await notices(service, case))[-1]["sealed_as"] == LIUYANG_MARKET


async def test_a_name_that_no_paper_gives_is_a_disagreement(service: Service) -> None:
    publish(service.context, OFFICE, a_delegation(kind=DelegationKind.DELEGATION))
    as_found = as_received(service)
    wrong = Authority(sealed_as=DAYAO_OFFICE, instruments=as_found["authority"].instruments)

    case = await service.received(**as_found | {"authority": wrong})

    returned = (await service.events(case))[0]
    assert isinstance(returned, CaseReturned)
    assert returned.rule_id == "transfer.route-disagrees"


@pytest.mark.parametrize(("kind", "organ"), [(DelegationKind.DELEGATION, DAYAO_OFFICE), (DelegationKind.TRANSFER, LIUYANG_MARKET)])
async def test_the_seal_of_another_organ_puts_nothing_in_force(service: Service, kind: DelegationKind, organ: OrganCode) -> None:
    case = await received(service, a_delegation(kind=kind))
    await sign(service, case)
    await act(service, case, "acceptance", role=Role.REVIEWER)
    (notice,) = await notices(service, case)
    sealed = service.sealed(case, notice)
    assert isinstance(sealed, NoticeSealed)
    wrong = replace(seal_over(notice["digest"], at=MONDAY), organ=organ)

    await service.hear(replace(sealed, seal=wrong), source="credential")

    assert (await notices(service, case))[0]["state"] == "awaiting_seal"


async def test_reconsideration_of_a_delegates_denial_is_asked_of_whoever_stands_above_the_delegator(service: Service) -> None:
    case = await received(service, a_delegation(kind=DelegationKind.DELEGATION))
    grounds = service.context.catalogue.parts(case.version_id)
    assert grounds is not None
    ground = grounds.texts.denial_grounds[0][0]
    await sign(service, case)
    await act(service, case, "acceptance", role=Role.REVIEWER)
    await seal(service, case)

    await act(service, case, "decision", {"outcome": "denied", "grounds": [ground]}, role=Role.APPROVER)

    remedy = (await notices(service, case))[-1]["text"]["lines"][-1]["zh"]
    assert "浏阳市人民政府" in remedy
    assert "镇的复议机关" not in remedy


async def test_a_correction_notice_speaks_in_that_name_too(service: Service) -> None:
    case = await received(service, a_delegation(kind=DelegationKind.DELEGATION))
    await sign(service, case)

    defects = [{"pointer": "/materials/premises", "text": "请补交"}]
    await act(service, case, "correction-notice", {"defects": defects}, role=Role.REVIEWER)

    told = next(event for event in await service.events(case) if isinstance(event, CorrectionNoticed))
    assert told.authority == case.authority


async def test_a_case_without_an_instrument_says_nothing_of_a_name(service: Service) -> None:
    case = await service.decided()

    decision = await service.decision(case)

    assert decision.authority is None
    assert not case.delegations
    assert "authority" not in (await notices(service, case))[-1]["text"]
