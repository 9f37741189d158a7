"""A decision in another organ's name: its seal, its credential and its code are that organ's; who decided keeps the care of it."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.caller import Caller, CallerKind, Role
from contracts.catalogue import Organ, Region
from contracts.codec import encode_object
from contracts.delegations import Authority, Cited, DelegationKind
from contracts.documents import address
from contracts.events import CaseDecided, CredentialIssued, DecisionSealed, NoticeSealed
from contracts.values import CaseId, DelegationId, OrganCode, RegionCode, digest
from tests.credential.builders import APPROVER, LIUYANG, LIUYANG_MARKET, WANZAI, Service, a_case, accepted, decided, received

DAYAO, DAYAO_OFFICE = RegionCode("430181101"), OrganCode("11430181MB0987654E")
PAPER = Cited(
    delegation_id=DelegationId("d1"),
    kind=DelegationKind.DELEGATION,
    delegator=LIUYANG_MARKET,
    number="浏市监委〔2026〕1号",
    digest=digest(b"paper"),
)
FOR_LIUYANG = Authority(sealed_as=LIUYANG_MARKET, instruments=(PAPER,))
DELEGATE = Caller(
    kind=CallerKind.STAFF, issuer="idp", account="delegate", roles=frozenset({Role.APPROVER}), region=DAYAO, organ=DAYAO_OFFICE
)


@pytest.fixture(autouse=True)
def office(service: Service) -> None:
    for document in (
        Region(code=DAYAO, name="大瑶镇", level="town", parent=LIUYANG),
        Organ(
            code=DAYAO_OFFICE,
            name="大瑶镇人民政府",
            region=DAYAO,
            hosted=True,
            reconsideration_organ="浏阳市人民政府",
            court="浏阳市人民法院",
        ),
    ):
        topic, key, _ = address(document)
        service.context.catalogue.apply(topic, key, encode_object(document))


def decided_for(case_id: CaseId, authority: Authority | None) -> CaseDecided:
    return replace(decided(case_id, organ=DAYAO_OFFICE), handling_region=DAYAO, authority=authority)


async def issued(service: Service, authority: Authority | None) -> dict[str, Any]:
    """A credential that the town decided, as its officer sees it."""
    case_id = a_case()
    await service.hear(received(case_id, organ=DAYAO_OFFICE), decided_for(case_id, authority))
    await service.seal()
    listed = (await service.get(f"/v1/credentials?case={case_id}", by=DELEGATE)).json()
    return dict((await service.get(f"/v1/credentials/{listed['items'][-1]['credential_id']}", by=DELEGATE)).json())


async def test_a_delegated_decision_carries_the_delegators_seal(service: Service) -> None:
    case_id = a_case()
    notice = replace(accepted(case_id), handling_organ=DAYAO_OFFICE, authority=FOR_LIUYANG)

    await service.hear(received(case_id, organ=DAYAO_OFFICE), notice, decided_for(case_id, FOR_LIUYANG))
    await service.seal()

    seals = [one["seal"] for one in await service.told(NoticeSealed, DecisionSealed)]
    keys = {one["kid"]: one["organ"] for one in (await service.get("/v1/.well-known/tongban-trust-list")).json()["trust_list"]["keys"]}
    assert [seal["organ"] for seal in seals] == [LIUYANG_MARKET, LIUYANG_MARKET]
    assert {keys[seal["kid"]] for seal in seals} == {LIUYANG_MARKET}


async def test_its_credential_and_code_stand_in_that_name_and_say_by_which_paper(service: Service) -> None:
    credential = await issued(service, FOR_LIUYANG)

    verified = await service.verify(credential["qr"])
    [told] = await service.told(CredentialIssued)
    assert (credential["organ"], credential["region"], credential["handling_organ"]) == (LIUYANG_MARKET, LIUYANG, DAYAO_OFFICE)
    assert [paper["number"] for paper in credential["authority"]["instruments"]] == ["浏市监委〔2026〕1号"]
    assert (verified["result"], verified["claims"]["organ"], verified["claims"]["issuer"]) == ("valid", LIUYANG_MARKET, LIUYANG)
    assert (told["organ"], told["region"]) == (LIUYANG_MARKET, LIUYANG)


async def test_who_received_the_power_issues_in_its_own_name(service: Service) -> None:
    paper = replace(PAPER, kind=DelegationKind.TRANSFER)

    credential = await issued(service, Authority(sealed_as=DAYAO_OFFICE, instruments=(paper,)))

    assert (credential["organ"], credential["region"]) == (DAYAO_OFFICE, DAYAO)
    assert (await service.verify(credential["qr"]))["claims"]["organ_name"] == "大瑶镇人民政府"


async def test_who_decided_keeps_the_care_of_the_credential_and_who_gave_its_name_does_not_get_it(service: Service) -> None:
    credential = await issued(service, FOR_LIUYANG)
    path = f"/v1/credentials/{credential['credential_id']}/suspension"

    by_delegator = await service.post(path, {"ground": "loss"}, by=APPROVER)
    by_delegate = await service.post(path, {"ground": "loss"}, by=DELEGATE)

    assert (by_delegator.status_code, by_delegate.status_code) == (404, 201)
    assert (await service.verify(credential["qr"]))["result"] == "suspended"


async def test_a_decision_in_the_name_of_an_organ_without_a_seal_here_waits_for_it(service: Service) -> None:
    case_id = a_case()
    paper = replace(PAPER, delegator=WANZAI)

    await service.hear(received(case_id, organ=DAYAO_OFFICE), decided_for(case_id, Authority(sealed_as=WANZAI, instruments=(paper,))))
    await service.seal()

    listed = (await service.get(f"/v1/credentials?case={case_id}", by=DELEGATE)).json()
    assert [(one["state"], one["waiting_for"]) for one in listed["items"]] == [("awaiting", "organ")]
