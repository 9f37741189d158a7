"""What is heard from two services comes in any order, late, twice: the end is the same."""

import itertools
from typing import Any

import pytest

from contracts.events import CaseClosed, Event
from contracts.values import Ending
from tests.routing.builders import APPROVER, CLERK, MONDAY, REVIEWER, Service, a_case, applicant, supplemented

CORRECTION = {"defects": [{"pointer": "/form/trade_name", "text": "字号与已登记的相同"}]}

ORDERS = sorted(set(itertools.permutations(("seal", "supplement", "seal", "supplement"))))


async def facts(service: Service, no: str) -> dict[str, Any]:
    """What a case came to, but for when and under which version."""
    shown = await service.shown(f"/v1/handlings/{no}", by=REVIEWER)
    return {name: shown[name] for name in ("state", "awaiting_seal", "supplements", "rounds", "due", "ending", "outcome", "credential_id")}


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_a_seal_and_a_supplement_commute_and_repeats_do_nothing(service: Service, order: tuple[str, ...]) -> None:
    case = await service.signed()
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    (notice,) = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"]
    heard: dict[str, Event] = {
        "seal": service.sealed(case, notice),
        "supplement": supplemented(case, notice["notice_id"], at=MONDAY),
    }

    for name in order:
        await service.hear(heard[name])

    assert await facts(service, case.case_no) == {
        "state": "opened",
        "awaiting_seal": None,
        "supplements": 1,
        "rounds": 1,
        "due": "2026-11-30T16:00:00Z",
        "ending": None,
        "outcome": None,
        "credential_id": None,
    }
    assert set(await service.running(case)) == {"acceptance"}
    (notice,) = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"]
    assert notice["state"] == "sealed"


async def test_what_comes_after_a_withdrawal_changes_nothing(service: Service) -> None:
    case = await service.signed()
    await service.moved(case, "correction-notice", CORRECTION, by=REVIEWER)
    (notice,) = (await service.shown(f"/v1/cases/{case.case_no}/notices", by=REVIEWER))["items"]
    late = [service.sealed(case, notice), supplemented(case, notice["notice_id"], at=MONDAY)]
    await service.act(f"/v1/cases/{case.case_no}/withdrawal", {}, by=applicant(case.case_id))
    told = await service.told(case)

    for event in late:
        await service.hear(event)

    shown = await facts(service, case.case_no)
    assert (shown["state"], shown["ending"], shown["supplements"]) == ("withdrawn", "withdrawn", 0)
    assert await service.told(case) == told
    assert await service.running(case) == {}
    assert "supplement_late" in await service.timeline(case)


async def test_a_decision_is_put_in_force_and_delivered_once(service: Service) -> None:
    case = await service.decided()

    sealed = await service.seal(case)
    await service.hear(sealed, source="credential")

    deliveries = (await service.shown("/v1/deliveries", by=CLERK, case=case.case_id))["items"]
    assert [(each["state"], each["credential_id"]) for each in deliveries] == [("open", "c1")]
    assert (await service.timeline(case)).count("in_force") == 1


async def test_what_is_heard_of_an_unknown_case_changes_nothing(service: Service) -> None:
    case = await service.decided()
    known = await service.timeline(case)
    sealed = await service.seal(case)
    await service.hear(CaseClosed(at=MONDAY, case_id=case.case_id, root_case_id=case.case_id, region=case.region, ending=Ending.GRANTED))

    unknown = a_case().case_id
    await service.hear(CaseClosed(at=MONDAY, case_id=unknown, root_case_id=unknown, region=case.region, ending=Ending.GRANTED))

    assert set(await service.timeline(case)) - set(known) == {"in_force", "closed"}
    assert sealed.case_id == case.case_id


async def test_every_move_tells_its_events_in_the_sequence_of_the_case(service: Service) -> None:
    case = await service.decided()
    await service.seal(case)
    await service.act(f"/v1/deliveries/{case.case_id}-d1/handover", {"means": "window"}, by=CLERK)

    sequences = await service.sequences(case)

    assert sequences[case.case_id] == [1, 2, 3, 4]
    assert sequences[f"{case.case_id}-1"] == [1, 2]
    assert APPROVER.ref == (await service.decision(case)).decided_by
