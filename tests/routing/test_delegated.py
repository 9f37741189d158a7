"""A case whose power was handed on: routing finds the same organ through the same instruments, as of receipt."""

from datetime import timedelta

from contracts.catalogue import VersionState
from contracts.delegations import DelegationKind
from contracts.documents import Document
from contracts.events import CaseReceived, CaseReturned
from contracts.values import DelegationId, ItemVersionId, OrganCode, RegionCode
from routing_svc.transfer.jobs import retry_waiting
from tests.contracts.builders import DAYAO, DAYAO_OFFICE, QIYANG, a_delegation, a_version, an_agreement, an_organ
from tests.routing.builders import CLERK, MONDAY, Service, clean_verdict, publish

YONGZHOU = RegionCode("431100")
YONGZHOU_MARKET = OrganCode("11431100006118123A")
YONGZHOU_VERSION = ItemVersionId("v-yongzhou")
OFFICE = an_organ(code=DAYAO_OFFICE, region=DAYAO)
D1 = (DelegationId("d1"),)


async def handed_on(service: Service, *published: Document) -> CaseReceived:
    publish(service.context, OFFICE, *published)
    return await service.received(handling_region=DAYAO, handling_organ=DAYAO_OFFICE, delegations=D1)


async def test_a_case_goes_to_the_organ_that_the_power_was_handed_to(service: Service) -> None:
    case = await handed_on(service, a_delegation())

    shown = await service.shown("/v1/transfers", by=CLERK, case=case.case_no)

    assert await service.told(case) == ["CaseValidated"]
    assert shown["items"][0]["handling_organ"] == DAYAO_OFFICE


async def test_an_instrument_that_was_not_heard_of_yet_makes_the_transfer_wait(service: Service) -> None:
    case = await handed_on(service)
    assert await retry_waiting(service.context) == 0

    publish(service.context, a_delegation())

    assert await retry_waiting(service.context) == 1
    assert await service.told(case) == ["CaseValidated"]


async def test_what_was_received_before_a_revocation_goes_where_it_was_routed(service: Service) -> None:
    case = await handed_on(service, a_delegation(revoked_from=MONDAY + timedelta(seconds=1)))

    assert await service.told(case) == ["CaseValidated"]


async def test_an_instrument_that_was_revoked_by_then_is_a_disagreement(service: Service) -> None:
    case = await handed_on(service, a_delegation(revoked_from=MONDAY))

    returned = (await service.events(case))[0]

    assert isinstance(returned, CaseReturned)
    assert returned.rule_id == "transfer.route-disagrees"


async def test_an_instrument_for_another_situation_is_a_disagreement(service: Service) -> None:
    case = await handed_on(service, a_delegation(kind=DelegationKind.DELEGATION, situations=("change",)))

    returned = (await service.events(case))[0]

    assert isinstance(returned, CaseReturned)
    assert returned.rule_id == "transfer.route-disagrees"


async def test_a_case_that_the_city_decides_rests_on_the_agreement_of_the_county_it_is_about(service: Service) -> None:
    city = a_version(version_id=YONGZHOU_VERSION, region=YONGZHOU, organ=YONGZHOU_MARKET, state=VersionState.PUBLISHED)
    agreement = an_agreement(agreement_id="a2", handling=(QIYANG,))
    publish(service.context, an_organ(code=YONGZHOU_MARKET, region=YONGZHOU), city, agreement)

    case = await service.received(
        version_id=YONGZHOU_VERSION,
        handling_region=YONGZHOU,
        handling_organ=YONGZHOU_MARKET,
        matter_region=QIYANG,
        agreement_id=agreement.agreement_id,
        check_digest=clean_verdict(YONGZHOU_VERSION),
    )

    assert await service.told(case) == ["CaseValidated"]
