"""One hop of a case: routed, receipted, signed for, given back, expired, recalled; nobody ever holds nothing."""

from dataclasses import replace
from datetime import date, timedelta

import orjson
import pytest
from sqlalchemy import select, update

from chassis.database import lock
from chassis.tables import OUTBOX
from contracts.caller import Caller
from contracts.catalogue import VersionState
from contracts.codec import decode
from contracts.documents import PublicKey
from contracts.events import CaseReturned, CaseSignedFor, CaseValidated, HandlingEnded, Receipt
from contracts.values import Ending, ItemVersionId, Mode, OrganCode, digest
from routing_svc.exchange.domain import is_whole, signed_bytes
from routing_svc.exchange.outside import is_signed
from routing_svc.transfer.jobs import AT_ONCE, retry_waiting
from routing_svc.transfer.store import TRANSFERS
from tests.contracts.builders import LIUYANG_MARKET, TRADER, a_version, an_agreement
from tests.routing.builders import (
    APPROVER,
    CLERK,
    JIANGXI_SUPERVISOR,
    MONDAY,
    OTHER_VERSION,
    REVIEWER,
    STRANGER,
    SUPERVISOR,
    TONGGU_HALL,
    VERSION,
    Service,
    a_case,
    applicant,
    facts_of,
    publish,
    rule_of,
)
from tests.support.figures import fires, samples

SIGN = {"step": "signed_for"}


async def receipts(service: Service, case_id: str) -> list[Receipt]:
    found: list[Receipt] = []
    for event in await service.events():
        if isinstance(event, CaseValidated) and event.case_id == case_id:
            found += event.receipts
        elif isinstance(event, CaseSignedFor | CaseReturned) and event.case_id == case_id:
            found.append(event.receipt)
    return found


async def public_keys(service: Service) -> dict[str, str]:
    """The exchange keys that were published."""
    async with service.context.database.read(service.context) as tx:
        rows = (await tx.execute(select(OUTBOX.c.data).where(OUTBOX.c.type == "tongban.key.published.v1"))).scalars()
        keys = [decode(PublicKey, orjson.loads(row)) for row in rows]
    return {key.kid: key.public_key for key in keys if key.use == "exchange"}


async def test_a_received_case_is_offered_delivered_and_validated_at_once(service: Service) -> None:
    case = await service.received()

    shown = await service.shown("/v1/transfers", by=CLERK, case=case.case_no)

    (transfer,) = shown["items"]
    assert (transfer["state"], transfer["hop"], transfer["handling_organ"]) == ("validated", 1, LIUYANG_MARKET)
    assert [receipt["step"] for receipt in transfer["receipts"]] == ["offered", "delivered", "validated"]
    assert set(await service.running(case)) == {"transfer_sign", "transfer_lapse", "acceptance"}


async def test_cases_that_come_in_one_batch_each_keep_their_receipts(service: Service) -> None:
    await service.received()  # after which the organs' keys are at hand, and nothing is read between two cases of a batch
    cases = [a_case() for _ in range(3)]

    await service.hear_together(*cases)

    shown = [await service.shown("/v1/transfers", by=CLERK, case=case.case_no) for case in cases]
    steps = [[receipt["step"] for receipt in each["items"][0]["receipts"]] for each in shown]
    assert steps == [["offered", "delivered", "validated"]] * 3


async def test_receipts_are_signed_by_the_organ_they_stand_for_and_form_one_chain(service: Service) -> None:
    case = await service.signed()

    given, keys = await receipts(service, case.case_id), await public_keys(service)

    assert [(each.step, each.organ) for each in given] == [
        ("offered", TONGGU_HALL),
        ("delivered", LIUYANG_MARKET),
        ("validated", LIUYANG_MARKET),
        ("signed_for", LIUYANG_MARKET),
    ]
    assert is_whole(given)
    assert all(is_signed(signed_bytes(each), signature=each.signature, public_pem=keys[each.kid]) for each in given)
    assert given[-1].by == REVIEWER.ref


@pytest.mark.parametrize("spoilt", [0, 1, 2])
async def test_a_receipt_left_out_or_changed_is_found(service: Service, spoilt: int) -> None:
    case = await service.received()
    given, keys = await receipts(service, case.case_id), await public_keys(service)

    changed = replace(given[spoilt], at=given[spoilt].at + timedelta(seconds=1))

    assert not is_signed(signed_bytes(changed), signature=changed.signature, public_pem=keys[changed.kid])
    assert spoilt == 2 or not is_whole([*given[:spoilt], changed, *given[spoilt + 1 :]])
    assert spoilt == 2 or not is_whole([*given[:spoilt], *given[spoilt + 1 :]])


async def test_an_applicant_reads_receipts_without_the_officer(service: Service) -> None:
    case = await service.signed()

    shown = [await service.get("/v1/transfers", by=applicant(case.case_id), case=case.case_no)]
    shown.append(await service.get(f"/v1/transfers/{case.case_id}-1", by=applicant(case.case_id)))

    assert [answer.status_code for answer in shown] == [200, 200]
    assert not [answer.text for answer in shown if REVIEWER.ref in answer.text]
    assert [receipt["step"] for receipt in shown[1].json()["receipts"]] == ["offered", "delivered", "validated", "signed_for"]


async def test_a_second_case_uses_the_same_keys(service: Service) -> None:
    await service.received()
    service.context.exchange_keys.clear()

    case = await service.received()

    keys = await public_keys(service)
    assert len(keys) == 2
    assert all(
        is_signed(signed_bytes(each), signature=each.signature, public_pem=keys[each.kid]) for each in await receipts(service, case.case_id)
    )


async def test_who_opens_keys_that_are_kept_waits_for_nobody(service: Service) -> None:
    """After a start every organ's key is opened anew, by transactions that are about many cases each: in a ring they would wait for each other."""
    case = await service.received()
    service.context.exchange_keys.clear()

    async with service.context.database.begin(service.context) as elsewhere:
        await lock(elsewhere, f"exchange/{LIUYANG_MARKET}")
        answer = await service.post(f"/v1/transfers/{case.case_id}-1/receipts", SIGN, by=REVIEWER)

    assert answer.status_code == 201


async def test_a_case_heard_twice_is_routed_once(service: Service) -> None:
    case = await service.received()

    await service.hear(case)

    assert await service.told(case) == ["CaseValidated"]


async def test_an_unknown_item_version_makes_the_transfer_wait_and_its_arrival_moves_it(service: Service) -> None:
    case = await service.received(version_id=OTHER_VERSION)
    assert set(await service.running(case)) == {"transfer_waiting", "transfer_delivered", "transfer_validated"}
    assert await retry_waiting(service.context) == 0
    service.pass_time(minutes=6)
    figures = await samples(service.client, needs="transfers_waiting")
    assert fires("TransfersWait", figures)
    assert [each.value for each in figures if each.name == "transfers_waiting"] == [1]

    publish(service.context, replace(a_version(version_id=OTHER_VERSION, version=2), effective_from=MONDAY - timedelta(hours=1)))
    moved = await retry_waiting(service.context)

    assert moved == 1
    assert await service.told(case) == ["CaseValidated"]
    assert set(await service.running(case)) == {"transfer_sign", "transfer_lapse", "acceptance"}


async def test_a_waiting_hop_that_cannot_be_read_holds_up_no_other(service: Service) -> None:
    torn = await service.received(version_id=OTHER_VERSION)
    case = await service.received(version_id=OTHER_VERSION)
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(update(TRANSFERS).where(TRANSFERS.c.case_id == torn.case_id).values(body=TRANSFERS.c.body.op("-")("hop")))
    publish(service.context, replace(a_version(version_id=OTHER_VERSION, version=2), effective_from=MONDAY - timedelta(hours=1)))

    moved = await retry_waiting(service.context)

    assert moved == 1
    assert (await service.told(torn), await service.told(case)) == ([], ["CaseValidated"])


async def test_hops_that_truly_wait_starve_no_other(service: Service) -> None:
    for _ in range(AT_ONCE):
        await service.received(version_id=ItemVersionId("never"))
    case = await service.received(version_id=OTHER_VERSION)
    publish(service.context, replace(a_version(version_id=OTHER_VERSION, version=2), effective_from=MONDAY - timedelta(hours=1)))

    moved = await retry_waiting(service.context)

    assert moved == 1
    assert await service.told(case) == ["CaseValidated"]


async def test_what_never_becomes_known_goes_back_with_a_card_for_the_machines(service: Service) -> None:
    case = await service.received(version_id=OTHER_VERSION)

    service.pass_time(minutes=31)
    await service.heard_all()
    await service.fire()

    returned, ended = await service.events(case)
    assert isinstance(returned, CaseReturned)
    assert isinstance(ended, HandlingEnded)
    assert (returned.rule_id, returned.offered_again, ended.ending) == ("transfer.route-unknown", False, Ending.RETURNED)
    assert {colour for colour, _, _ in await service.cards(case)} == {"transport"}
    assert await service.running(case) == {}


@pytest.mark.parametrize(("minutes", "late"), [(29, set()), (40, {"clock.transfer_delivered", "clock.transfer_validated"})])
async def test_a_case_heard_late_is_charged_to_the_machines_by_the_agreements_limits(
    service: Service, minutes: int, late: set[str]
) -> None:
    case = a_case()
    service.pass_time(minutes=minutes)

    await service.hear(case)

    clocks = {each["kind"]: each for each in (await service.shown(f"/v1/cases/{case.case_no}/clocks", by=SUPERVISOR))["clocks"]}
    assert [clocks[kind]["due"] for kind in ("transfer_delivered", "transfer_validated")] == ["2026-11-23T02:30:00Z"] * 2
    assert {clocks[kind]["state"] for kind in ("transfer_delivered", "transfer_validated")} == {"met"}
    cards = await service.cards(case)
    assert {rule for _, rule, _ in cards} == late
    assert {colour for colour, _, _ in cards} <= {"transport"}


async def test_a_case_that_waits_past_the_agreements_limits_is_charged_to_the_machines_once(service: Service) -> None:
    case = await service.received(version_id=OTHER_VERSION)
    service.pass_time(minutes=30)
    await service.heard_all()
    publish(service.context, replace(a_version(version_id=OTHER_VERSION, version=2), effective_from=MONDAY - timedelta(hours=1)))

    await retry_waiting(service.context)
    await service.fire()

    assert await service.told(case) == ["CaseValidated"]
    assert sorted(rule for _, rule, _ in await service.cards(case)) == ["clock.transfer_delivered", "clock.transfer_validated"]


async def test_a_route_that_does_not_hold_as_of_receipt_is_returned_with_its_rule_and_an_alarm(service: Service) -> None:
    publish(service.context, an_agreement(agreement_id="a1", valid_from=date(2025, 1, 1), valid_to=date(2026, 11, 1)))

    case = await service.received()

    returned = (await service.events(case))[0]
    assert isinstance(returned, CaseReturned)
    assert returned.rule_id == "route.agreement-expired"
    assert await service.cards(case) == [("transport", "route.agreement-expired", TONGGU_HALL)]
    assert "returned" in await service.timeline(case)


async def test_another_organ_than_the_competent_one_is_a_disagreement(service: Service) -> None:
    case = await service.received(handling_organ=TONGGU_HALL)

    returned = (await service.events(case))[0]

    assert isinstance(returned, CaseReturned)
    assert returned.rule_id == "transfer.route-disagrees"


async def test_a_check_by_other_rules_than_the_versions_is_a_disagreement(service: Service) -> None:
    case = await service.received(check_digest=digest(b"another verdict"))

    returned = (await service.events(case))[0]

    assert isinstance(returned, CaseReturned)
    assert returned.rule_id == "transfer.check-disagrees"
    assert await service.cards(case) == [("transport", "transfer.check-disagrees", TONGGU_HALL)]


async def test_an_agreement_that_ends_after_receipt_lets_the_case_finish(service: Service) -> None:
    publish(service.context, an_agreement(agreement_id="a1", valid_to=date(2026, 11, 24)))
    case = a_case(at=MONDAY)
    service.pass_time(days=5)

    await service.hear(case)

    assert await service.told(case) == ["CaseValidated"]


async def test_the_reviewer_of_the_handling_organ_signs_once(service: Service) -> None:
    case = await service.received()
    path = f"/v1/transfers/{case.case_id}-1/receipts"

    first = await service.post(path, SIGN, by=REVIEWER)
    second = await service.post(path, SIGN, by=REVIEWER)

    assert first.status_code == 201
    assert first.json()["receipt"]["by"] == REVIEWER.ref
    assert rule_of(second) == (409, "move.illegal")
    assert set(await service.running(case)) == {"acceptance"}


@pytest.mark.parametrize(
    ("caller", "status"), [(CLERK, 403), (APPROVER, 403), (SUPERVISOR, 403), (JIANGXI_SUPERVISOR, 403), (STRANGER, 404)]
)
async def test_nobody_else_signs(service: Service, caller: Caller, status: int) -> None:
    case = await service.received()

    answer = await service.post(f"/v1/transfers/{case.case_id}-1/receipts", SIGN, by=caller)

    assert answer.status_code == status
    assert await service.told(case) == ["CaseValidated"]


async def test_nobody_signing_costs_a_yellow_card_then_the_hop_and_a_red_one(service: Service) -> None:
    case = await service.received()

    service.pass_until("2026-11-25T00:00:01")
    await service.heard_all()
    await service.fire()
    assert await service.cards(case) == [("yellow", "clock.transfer_sign", LIUYANG_MARKET)]

    service.pass_until("2026-11-27T00:00:01")
    await service.heard_all()
    await service.fire()

    returned = next(event for event in await service.events(case) if isinstance(event, CaseReturned))
    assert (returned.hop, returned.rule_id, returned.offered_again) == (1, "not-signed-in-time", True)
    assert returned.at.isoformat() == "2026-11-26T16:00:00+00:00"
    assert [transfer["state"] for transfer in (await service.shown("/v1/transfers", by=CLERK, case=case.case_no))["items"]] == [
        "expired",
        "validated",
    ]
    assert ("red", "clock.transfer_lapse", LIUYANG_MARKET) in await service.cards(case)
    assert is_whole(await receipts(service, case.case_id))


async def test_the_third_hop_is_escalated_and_the_case_can_still_be_signed_for(service: Service) -> None:
    case = await service.received()
    for _ in range(2):
        service.pass_time(days=7)
        await service.heard_all()
        await service.fire()

    assert ("escalation", "clock.transfer_lapse", LIUYANG_MARKET) in await service.cards(case)
    await service.act(f"/v1/transfers/{case.case_id}-3/receipts", SIGN, by=REVIEWER)
    assert rule_of(await service.post(f"/v1/transfers/{case.case_id}-1/receipts", SIGN, by=REVIEWER)) == (409, "transfer.over")


async def test_a_hop_nobody_signed_for_is_offered_again_by_the_pinned_route_whatever_the_catalogue_says_since(service: Service) -> None:
    case = await service.received()
    service.pass_time(days=1)
    ended = an_agreement(agreement_id="a1", valid_from=date(2025, 1, 1), valid_to=date(2026, 11, 1))
    publish(service.context, ended, replace(VERSION, state=VersionState.WITHDRAWN, effective_to=MONDAY - timedelta(days=9)))

    service.pass_time(days=6)
    await service.heard_all()
    await service.fire()

    hops = (await service.shown("/v1/transfers", by=CLERK, case=case.case_no))["items"]
    assert [hop["state"] for hop in hops] == ["expired", "validated"]
    assert "HandlingEnded" not in await service.told(case)


async def test_a_withdrawal_before_the_signature_recalls_the_transfer_and_ends_the_case(service: Service) -> None:
    case = await service.received()

    await service.act(f"/v1/cases/{case.case_no}/withdrawal", {"reason": "不办了"}, by=applicant(case.case_id))

    assert await service.told(case) == ["CaseValidated", "CaseWithdrawn", "HandlingEnded"]
    assert await service.running(case) == {}
    again = await service.post(f"/v1/transfers/{case.case_id}-1/receipts", SIGN, by=REVIEWER)
    assert rule_of(again) == (409, "transfer.over")
    assert facts_of(again)["winner"] == "withdrawn"


async def test_receipts_and_transfers_of_a_stranger_look_absent(service: Service) -> None:
    case = await service.received()

    for path in (
        "/v1/transfers/{id}-1",
        "/v1/handlings/{id}",
        "/v1/cases/{id}/clocks",
        "/v1/cases/{id}/timeline",
        "/v1/cases/{id}/notices",
    ):
        hidden = await service.get(path.format(id=case.case_id), by=STRANGER)
        absent = await service.get(path.format(id="0"), by=STRANGER)
        assert rule_of(hidden) == rule_of(absent) == (404, "not-found")
    assert rule_of(await service.get("/v1/transfers", by=STRANGER, case=case.case_no)) == (404, "not-found")


async def test_a_case_decided_where_it_was_received_has_a_transfer_too(service: Service) -> None:
    hall = OrganCode("11430181TB0000015B")
    case = await service.received(
        region=a_case().handling_region, receiving_organ=hall, mode=Mode.LOCAL, agreement_id=None, item_code=TRADER
    )

    assert await service.told(case) == ["CaseValidated"]
    assert case.agreement_id is None
