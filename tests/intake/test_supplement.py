"""After a correction notice the applicant gives what is missing where the application was handed in."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from chassis.database import StaleVersion, lock
from contracts.certificates import Certificate, CertificateState
from intake_svc.application.domain import tell_open
from intake_svc.case.domain import CaseState
from intake_svc.case.store import get_case, save_cases
from tests.contracts.builders import CHECKLIST, LIUYANG, a_version
from tests.intake.builders import (
    CLERK,
    CLERK2,
    LIUYANG_CLERK,
    PDF,
    REVIEWER,
    Service,
    a_case_id,
    correction_noticed,
    ended,
    person,
    publish,
    signed_for,
)
from tests.support.waits import until_one_waits_for_a_lock

NOTICE = "n-correction"
PROOF = Certificate(
    certificate_id="premises-proof",
    name="经营场所证明",
    name_en="Proof of premises",
    region=LIUYANG,
    basis="个体工商户条例 §8",
    asked_by="市场监督管理局",
    issued_by="村(居)民委员会",
    guide="到所在地村(居)民委员会办理",
)


@pytest.fixture
async def case(service: Service) -> dict[str, Any]:
    """A case whose handling organ has sent a correction notice."""
    received = await service.received()
    await service.hear(signed_for(received["case_id"]), position=1)
    await service.hear(correction_noticed(received["case_id"]), position=2)
    return await service.shown(received["case_no"])


def path(case: dict[str, Any]) -> str:
    return f"/v1/cases/{case['case_no']}/supplements"


async def test_a_supplement_is_added_to_the_application_and_told(service: Service, case: dict[str, Any]) -> None:
    lease = await service.material(b"%PDF-1.7 a lease")
    body = {"notice_id": NOTICE, "form": {"rented": True}, "materials": [{"code": "lease", "material_id": lease}]}

    answer = await service.post(path(case), body, by=CLERK)

    [event] = await service.outbox("tongban.case.supplemented.v1")
    shown = await service.shown(case["case_no"])
    opened = await service.get(f"/v1/cases/{case['case_no']}/person?purpose=handling", by=REVIEWER)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["supplement"], event["supplement"], event["supplemented_by"]) == (1, 1, CLERK.ref)
    assert {material["code"] for material in event["materials"]} == {"premises", "lease"}
    assert event["form_digest"] == shown["form_digest"] != case["form_digest"]
    assert (shown["stage"], shown["held_by"]["code"]) == ("supplemented", shown["handling_organ"]["code"])
    assert opened.json()["form"] == {"trade_name": "浏阳河小吃店", "capital": 50_000, "rented": True}


async def test_what_is_still_wrong_is_listed_and_nothing_is_stored(service: Service, case: dict[str, Any]) -> None:
    before = await service.counts()

    answer = await service.post(path(case), {"notice_id": NOTICE, "form": {"rented": True, "capital": -1}}, by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (422, "case.defects")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/form/capital", "/materials/lease"}
    assert await service.counts() == before
    assert (await service.shown(case["case_no"]))["stage"] == "correcting"


async def test_null_takes_a_field_out(service: Service, case: dict[str, Any]) -> None:
    answer = await service.post(path(case), {"notice_id": NOTICE, "form": {"trade_name": None}}, by=CLERK)

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/form/trade_name"]


async def test_a_new_file_replaces_the_old_one_of_its_code(service: Service, case: dict[str, Any]) -> None:
    better = await service.material(b"%PDF-1.7 a better scan")

    answer = await service.post(path(case), {"notice_id": NOTICE, "materials": [{"code": "premises", "material_id": better}]}, by=CLERK)

    shown = await service.shown(case["case_no"])
    fetched = await service.get(f"/v1/materials/{better}?purpose=handling", by=REVIEWER)
    assert answer.status_code == 201, answer.text
    assert [material["material_id"] for material in shown["materials"]] == [better]
    assert fetched.content == b"%PDF-1.7 a better scan"


async def test_a_case_that_was_received_with_one_file_twice_is_supplemented_and_has_it_once(service: Service, case: dict[str, Any]) -> None:
    async with service.context.database.begin(service.context) as tx:
        doubled = await get_case(tx, case["case_id"])
        assert doubled is not None
        doubled.materials *= 2
        await save_cases(tx, [doubled])

    answer = await service.post(path(case), {"notice_id": NOTICE, "form": {"capital": 60_000}}, by=CLERK)

    assert answer.status_code == 201, answer.text
    assert [one["code"] for one in (await service.shown(case["case_no"]))["materials"]] == ["premises"]


@pytest.fixture
async def asked(service: Service) -> dict[str, Any]:
    """A case whose correction notice names a field and a material."""
    received = await service.received()
    await service.hear(signed_for(received["case_id"]), position=1)
    await service.hear(correction_noticed(received["case_id"], "/form/trade_name", "/materials/premises"), position=2)
    return await service.shown(received["case_no"])


SAME_NAME, OTHER_NAME = {"trade_name": "浏阳河小吃店"}, {"trade_name": "浏阳河蒸菜店"}


@pytest.mark.parametrize(
    ("form", "scan", "still"),
    [
        ({"capital": 60_000}, None, ["/form/trade_name", "/materials/premises"]),
        (SAME_NAME, b"%PDF-1.7 a better scan", ["/form/trade_name"]),
        (OTHER_NAME, None, ["/materials/premises"]),
        (OTHER_NAME, PDF, ["/materials/premises"]),
    ],
    ids=["something else", "the same name", "no file", "the same file"],
)
async def test_what_the_notice_names_and_stands_as_it_stood_is_listed_and_nothing_is_stored(
    service: Service, asked: dict[str, Any], form: dict[str, Any], scan: bytes | None, still: list[str]
) -> None:
    materials = [] if scan is None else [{"code": "premises", "material_id": await service.material(scan)}]
    before = await service.counts()

    answer = await service.post(path(asked), {"notice_id": NOTICE, "form": form, "materials": materials}, by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (422, "case.defects")
    assert [(error["rule"], error["pointer"]) for error in answer.json()["errors"]] == [("supplement.open", pointer) for pointer in still]
    assert await service.counts() == before
    assert (await service.shown(asked["case_no"]))["stage"] == "correcting"


async def test_the_file_that_the_case_has_is_no_new_one(service: Service, asked: dict[str, Any]) -> None:
    body = {
        "notice_id": NOTICE,
        "form": OTHER_NAME,
        "materials": [{"code": "premises", "material_id": asked["materials"][0]["material_id"]}],
    }

    answer = await service.post(path(asked), body, by=CLERK)

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/materials/premises"]


async def test_what_is_still_wrong_is_told_once_beside_what_the_notice_names(service: Service, asked: dict[str, Any]) -> None:
    answer = await service.post(path(asked), {"notice_id": NOTICE, "form": {"trade_name": None}}, by=CLERK)

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/form/trade_name", "/materials/premises"]


async def test_all_that_the_notice_names_answers_it(service: Service, asked: dict[str, Any]) -> None:
    scan = {"code": "premises", "material_id": await service.material(b"%PDF-1.7 a better scan")}

    answer = await service.post(path(asked), {"notice_id": NOTICE, "form": OTHER_NAME, "materials": [scan]}, by=CLERK)

    assert answer.status_code == 201, answer.text
    assert (await service.shown(asked["case_no"]))["stage"] == "supplemented"


PREMISES, NAME_TOO = ("/materials/premises",), ("/form/trade_name", "/materials/premises")


@pytest.mark.parametrize(
    ("asked_for", "form", "before", "after"),
    [(NAME_TOO, OTHER_NAME, (422, "case.defects"), (201, None)), (PREMISES, {}, (422, "supplement.empty"), (201, None))],
    ids=["beside something else", "alone"],
)
async def test_a_certificate_that_is_cancelled_after_the_notice_is_asked_for_no_longer(
    service: Service, asked_for: tuple[str, ...], form: dict[str, Any], before: tuple[int, str], after: tuple[int, None]
) -> None:
    """S-35: a dropped requirement leaves open cases too, those whose notice was sent before."""
    listed = replace(CHECKLIST.materials[0], nature="certificate", certificate=PROOF.certificate_id)
    checklist = replace(CHECKLIST, materials=(listed, *CHECKLIST.materials[1:]))
    publish(service.context, checklist, PROOF, a_version(checklist=checklist))
    received = await service.received()
    await service.hear(signed_for(received["case_id"]), position=1)
    await service.hear(correction_noticed(received["case_id"], *asked_for), position=2)
    body = {"notice_id": NOTICE, "form": form}

    held_to_it = await service.post(path(received), body, by=CLERK)
    publish(service.context, replace(PROOF, state=CertificateState.CANCELLED))
    left_it = await service.post(path(received), body, by=CLERK)

    assert [(one.status_code, one.json().get("rule")) for one in (held_to_it, left_it)] == [before, after]


async def test_what_the_notice_names_beside_a_cancelled_certificate_is_still_asked_for(service: Service, asked: dict[str, Any]) -> None:
    listed = replace(CHECKLIST.materials[0], nature="certificate", certificate=PROOF.certificate_id)
    checklist = replace(CHECKLIST, materials=(listed, *CHECKLIST.materials[1:]))
    publish(service.context, checklist, replace(PROOF, state=CertificateState.CANCELLED), a_version(checklist=checklist))

    nothing = await service.post(path(asked), {"notice_id": NOTICE}, by=CLERK)
    something_else = await service.post(path(asked), {"notice_id": NOTICE, "form": {"capital": 60_000}}, by=CLERK)

    assert nothing.json()["rule"] == "supplement.empty"
    assert [one["pointer"] for one in something_else.json()["errors"]] == ["/form/trade_name"]


@pytest.mark.parametrize(
    ("pointer", "form", "still"),
    [
        ("/form/partners/1/share", {"partners": [{"share": 1}, {"share": 2}]}, 1),
        ("/form/partners/1/share", {"partners": [{"share": 2}, {"share": 3}]}, 0),
        ("/form/partners/1/share", {}, 0),
        ("/form/a~1b", {"partners": [{"share": 1}, {"share": 2}], "a/b": "given"}, 0),
        ("/form/partners/7/share", {"partners": []}, 1),
        ("/applicant/phone", {}, 0),
    ],
)
def test_a_place_is_open_until_what_stands_there_changed(pointer: str, form: Any, still: int) -> None:
    before: Any = {"partners": [{"share": 1}, {"share": 2}]}

    told = tell_open([pointer], before=before, after=form, supplied=())

    assert [defect.pointer for defect in told] == [pointer] * still


async def test_a_file_that_is_not_there_is_told_with_its_place(service: Service, case: dict[str, Any]) -> None:
    body = {"notice_id": NOTICE, "materials": [{"code": "premises", "material_id": a_case_id()}]}

    answer = await service.post(path(case), body, by=CLERK)

    assert [(error["rule"], error["pointer"]) for error in answer.json()["errors"]] == [("material.not-found", "/materials/0/material_id")]


async def test_the_applicant_may_give_it_too(service: Service, case: dict[str, Any]) -> None:
    await service.post(path(case), {"notice_id": NOTICE, "form": {"capital": 60_000}}, by=person())

    [event] = await service.outbox("tongban.case.supplemented.v1")
    assert event["supplemented_by"] is None


@pytest.mark.parametrize(("caller", "status"), [(REVIEWER, 403), (LIUYANG_CLERK, 404)], ids=["handling side", "stranger"])
async def test_nobody_else_may(service: Service, case: dict[str, Any], caller: Any, status: int) -> None:
    answer = await service.post(path(case), {"notice_id": NOTICE, "form": {"capital": 60_000}}, by=caller)

    assert answer.status_code == status


async def test_of_two_clerks_at_once_one_gives_it(service: Service, case: dict[str, Any]) -> None:
    body = {"notice_id": NOTICE, "form": {"capital": 60_000}}

    answers = await asyncio.gather(*(service.post(path(case), body, by=clerk) for clerk in (CLERK, CLERK2)))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {answer.json().get("rule") for answer in answers} == {None, "supplement.not-asked"}
    assert len(await service.outbox("tongban.case.supplemented.v1")) == 1


@pytest.mark.parametrize(
    ("body", "rule"),
    [({"notice_id": "another", "form": {"capital": -1}}, "supplement.not-asked"), ({"notice_id": NOTICE}, "supplement.empty")],
)
async def test_what_nobody_asked_for_is_refused(service: Service, case: dict[str, Any], body: dict[str, Any], rule: str) -> None:
    answer = await service.post(path(case), body, by=CLERK)

    assert answer.json()["rule"] == rule


async def test_a_closed_case_takes_no_supplement(service: Service, case: dict[str, Any]) -> None:
    await service.hear(ended(case["case_id"]), position=3)

    answer = await service.post(path(case), {"notice_id": NOTICE, "form": {"capital": 1}}, by=CLERK)

    assert (answer.status_code, (await service.shown(case["case_no"]))["state"]) == (409, CaseState.CLOSED)


async def test_a_stale_if_match_is_refused(service: Service, case: dict[str, Any]) -> None:
    body = {"notice_id": NOTICE, "form": {"capital": 60_000}}

    stale = await service.post(path(case), body, by=CLERK, if_match=f'"{case["version"] - 1}"')
    weak = await service.post(path(case), body, by=CLERK, if_match="*")
    current = await service.post(path(case), body, by=CLERK, if_match=f'"{case["version"]}"')

    assert (stale.status_code, weak.status_code, current.status_code) == (412, 412, 201)
    assert current.json()["version"] == case["version"] + 1


async def test_a_supplement_waits_for_whoever_holds_the_case(service: Service, case: dict[str, Any]) -> None:
    async with service.context.database.begin(service.context) as tx:
        await lock(tx, case["case_id"])
        giving = asyncio.create_task(service.post(path(case), {"notice_id": NOTICE, "form": {"capital": 9}}, by=CLERK))
        await until_one_waits_for_a_lock(service.context)
        waits = not giving.done()

    assert waits
    assert (await giving).status_code == 201


async def test_a_case_that_somebody_is_at_or_that_waits_for_a_person_is_to_a_stranger_as_if_it_were_not_there(
    service: Service, case: dict[str, Any]
) -> None:
    body = {"notice_id": NOTICE, "form": {"capital": 60_000}}
    service.context.held = frozenset({case["case_id"]})

    async with service.context.database.begin(service.context) as tx:
        await lock(tx, case["case_id"], held_too=True)
        strange = await service.post(path(case), body, by=LIUYANG_CLERK)
    own = await service.post(path(case), body, by=CLERK)

    assert (strange.status_code, strange.json()["rule"]) == (404, "case.not-found")
    assert (own.status_code, own.json()["rule"]) == (409, "restore.held")


async def test_what_was_changed_meanwhile_is_not_overwritten(service: Service, case: dict[str, Any]) -> None:
    async def save_twice() -> None:
        async with service.context.database.begin(service.context) as tx:
            first, second = [await get_case(tx, case["case_no"]) for _ in range(2)]
            assert first is not None
            assert second is not None
            await save_cases(tx, [first])
            await save_cases(tx, [second])

    with pytest.raises(StaleVersion):
        await save_twice()
