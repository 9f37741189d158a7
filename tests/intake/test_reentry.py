"""A database that came back from a backup without an application gets it again from the window, the same as it was handed in."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from contracts.caller import Caller
from contracts.codec import decode
from contracts.events import CaseReceived, CaseSupplemented
from intake_svc.case.handlers import LESSONS
from intake_svc.case.jobs import REPEATED_WITHIN, remember_lost
from intake_svc.schema import METADATA
from intake_svc.seed import load
from tests.intake.builders import (
    CLERK,
    CREDENTIAL,
    ID_NUMBER,
    LIUYANG_CLERK,
    MACHINE,
    NAME,
    PDF,
    REVIEWER,
    STRANGER,
    SUPERVISOR,
    Service,
    a_case_id,
    an_application,
    correction_noticed,
    person,
    signed_for,
)

KEPT = ("applicant", "facts", "form", "materials")
NOTICE = "n-correction"


async def lose(service: Service) -> None:
    """Intake as it is once an empty database has learned from the log."""
    told = [decode(kind, each) for each in await service.outbox() for kind in (CaseReceived, CaseSupplemented) if each["type"] == kind.TYPE]
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text(f"truncate {', '.join(METADATA.tables)} cascade"))
    await load(service.context)
    for event in told:
        if isinstance(event, CaseSupplemented):
            await service.hear(signed_for(event.case_id), position=1)
            await service.hear(correction_noticed(event.case_id), position=2)
        async with service.context.database.begin(service.context) as tx:
            await LESSONS[type(event)](tx, event)


@pytest.fixture
async def case(service: Service) -> dict[str, Any]:
    """A case whose application was lost."""
    received = await service.received()
    await lose(service)
    return received


def path(case: dict[str, Any]) -> str:
    return f"/v1/cases/{case['case_no']}/re-entry"


def again(*materials: str, **changed: Any) -> dict[str, Any]:
    """The application as it was handed in."""
    return {name: value for name, value in an_application(*materials, **changed).items() if name in KEPT}


async def persons(service: Service, case: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """What credential-svc gets for the credential."""
    answer = await service.get(f"/v1/cases/{case['case_no']}/person?purpose=credential", by=CREDENTIAL)
    return answer.status_code, answer.json()


async def test_an_application_entered_again_is_whole_for_all_who_need_it(service: Service, case: dict[str, Any]) -> None:
    before = await persons(service, case)

    answer = await service.post(path(case), again(await service.material()), by=CLERK)

    status, opened = await persons(service, case)
    shown = await service.shown(case["case_no"], by=person())
    fetched = await service.get(f"/v1/materials/{shown['materials'][0]['material_id']}?purpose=handling", by=REVIEWER)
    progress = await service.post("/v1/progress", {"case_no": case["case_no"], "id_last_six": ID_NUMBER[-6:]}, by=None)
    assert before[0] == 404
    assert (answer.status_code, answer.json()["form_digest"]) == (200, case["form_digest"]), answer.text
    assert (status, opened["applicant"]["name"], opened["form"]) == (200, NAME, an_application()["form"])
    assert (shown["applicant"], fetched.content, progress.status_code) == ("**某", PDF, 200)


async def test_it_tells_nobody_of_a_second_receipt(service: Service, case: dict[str, Any]) -> None:
    told = await service.outbox()

    await service.post(path(case), again(await service.material()), by=CLERK)

    assert await service.outbox() == told


async def test_everything_in_which_it_differs_is_listed_and_nothing_is_stored(service: Service, case: dict[str, Any]) -> None:
    other = await service.material(b"%PDF-1.7 another scan")
    body = again(other, form={"trade_name": "浏阳河小吃店", "capital": 60_000, "rented": False})
    body["applicant"] |= {"id_number": "11010519491231002"}

    answer = await service.post(path(case), body, by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (422, "re-entry.differs")
    assert [(error["rule"], error["pointer"]) for error in answer.json()["errors"]][1:] == [
        ("re-entry.form-differs", "/form"),
        ("re-entry.material-differs", "/materials/0/material_id"),
        ("re-entry.material-missing", "/materials/premises"),
    ]
    assert answer.json()["errors"][0]["pointer"] == "/applicant/id_number"
    assert (await persons(service, case))[0] == 404


async def test_a_file_that_is_not_there_is_told_with_its_place(service: Service, case: dict[str, Any]) -> None:
    answer = await service.post(path(case), again(case["case_id"]), by=CLERK)

    assert [(error["rule"], error["pointer"]) for error in answer.json()["errors"]] == [
        ("material.not-found", "/materials/0/material_id"),
        ("re-entry.material-missing", "/materials/premises"),
    ]


async def test_an_application_that_is_there_is_not_entered_again(service: Service) -> None:
    case = await service.received()

    answer = await service.post(path(case), again(await service.material()), by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (409, "re-entry.nothing-lost")


async def test_it_is_entered_once(service: Service, case: dict[str, Any]) -> None:
    body = again(await service.material())
    first = await service.post(path(case), body, by=CLERK, key="k")

    repeated = await service.post(path(case), body, by=CLERK, key="k")
    second = await service.post(path(case), body, by=CLERK)

    assert (repeated.status_code, repeated.content) == (200, first.content)
    assert (second.status_code, second.json()["rule"]) == (409, "re-entry.nothing-lost")


async def test_what_was_supplemented_is_entered_as_it_stood_last(service: Service) -> None:
    case = await service.received()
    await service.hear(signed_for(case["case_id"]), position=1)
    await service.hear(correction_noticed(case["case_id"]), position=2)
    given = {"notice_id": NOTICE, "form": {"capital": 60_000}}
    assert (await service.post(f"/v1/cases/{case['case_no']}/supplements", given, by=CLERK)).status_code == 201
    await lose(service)

    first, last = [
        await service.post(path(case), again(await service.material(), form=an_application()["form"] | changed), by=CLERK)
        for changed in ({}, {"capital": 60_000})
    ]

    assert ([error["pointer"] for error in first.json()["errors"]], last.status_code) == (["/form"], 200)
    assert (await persons(service, case))[1]["form"]["capital"] == 60_000


@pytest.mark.parametrize(
    ("caller", "status"),
    [(MACHINE, 200), (REVIEWER, 403), (SUPERVISOR, 403), (LIUYANG_CLERK, 404), (STRANGER, 404), (person(), 404)],
    ids=["receiving partner", "handling side", "supervisor", "other county", "stranger", "applicant"],
)
async def test_only_who_received_it_enters_it_again(service: Service, case: dict[str, Any], caller: Caller, status: int) -> None:
    answer = await service.post(path(case), again(await service.material()), by=caller)

    assert answer.status_code == status, answer.text


async def test_an_application_that_a_client_repeats_is_not_received_twice(service: Service, case: dict[str, Any]) -> None:
    await remember_lost(service.context)
    body = an_application(await service.material())

    repeated = await service.post("/v1/cases", body, by=CLERK)
    by_another = await service.post("/v1/cases", body, by=person())
    own_id = await service.post("/v1/cases", body | {"case_id": a_case_id()}, by=CLERK)

    assert (repeated.status_code, repeated.json()["rule"], repeated.json()["facts"]) == (
        409,
        "case.maybe-received",
        {"case_no": case["case_no"]},
    )
    assert by_another.json()["rule"] == "case.defects"
    assert own_id.status_code == 201, own_id.text


async def test_the_same_is_received_again_when_no_client_repeats_any_more(service: Service, case: dict[str, Any]) -> None:
    await remember_lost(service.context)
    at = datetime.fromisoformat(case["received_at"])
    service.context.now.set_offset((at + REPEATED_WITHIN - service.context.now.now()).total_seconds() - 600)
    body = an_application(await service.material())

    repeated = await service.post("/v1/cases", body, by=CLERK)
    service.context.now.set_offset(service.context.now.offset.total_seconds() + 600)
    later = await service.post("/v1/cases", body, by=CLERK)

    assert (repeated.status_code, repeated.json()["rule"]) == (409, "case.maybe-received")
    assert later.status_code == 201, later.text
    assert not service.context.lost


async def test_another_application_is_received_beside_one_that_was_lost(service: Service, case: dict[str, Any]) -> None:
    await remember_lost(service.context)

    named = await service.received(form={"trade_name": "捞刀河小吃店", "capital": 50_000, "rented": False})
    proved = await service.post("/v1/cases", an_application(await service.material(b"%PDF-1.7 another proof")), by=CLERK)

    assert proved.status_code == 201, proved.text
    assert len({each["case_no"] for each in (case, named, proved.json())}) == 3


async def test_a_stale_if_match_is_refused(service: Service, case: dict[str, Any]) -> None:
    answer = await service.post(path(case), again(await service.material()), by=CLERK, if_match='"99"')

    assert answer.status_code == 412
