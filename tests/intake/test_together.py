"""Applications that come in at the same moment are received in one transaction, each as if it had been alone."""

import asyncio
from typing import Any

from contracts.caller import Caller
from contracts.values import CaseId
from intake_svc.application.handlers import Submission
from intake_svc.case.api import NewCase
from intake_svc.case.domain import Case
from intake_svc.case.handlers import open_person, receive_cases
from tests.intake.builders import CLERK, MACHINE, OFF_DUTY, Service, a_case_id, an_application, person


def a_submission(*materials: str, by: Caller = CLERK, **changed: Any) -> tuple[Submission, Caller]:
    return NewCase.model_validate(an_application(*materials, **changed)).submission(by, case_id=CaseId(a_case_id())), by


async def test_each_of_many_is_received_or_refused_for_itself(service: Service) -> None:
    mine = person()
    materials = [await service.material(by=caller) for caller in (CLERK, CLERK, MACHINE, mine, CLERK)]
    handed_in = [
        a_submission(materials[0]),
        a_submission(materials[1], applicant=an_application()["applicant"] | {"phone": "1"}),
        a_submission(materials[2], by=MACHINE),
        a_submission(materials[3], by=mine, receiving_region="360926"),
        a_submission(materials[4], by=OFF_DUTY),
        a_submission("00000000-0000-7000-8000-000000000000"),
        a_submission(materials[4], handling_region="999999"),
    ]

    async with service.context.database.begin(service.context) as tx:
        outcomes = await receive_cases(tx, handed_in)

    told = ["received" if isinstance(one, Case) else one.RULE for one in outcomes]
    assert told[:6] == ["received", "case.defects", "received", "received", "window.not-on-duty", "case.defects"]
    assert told[6].startswith(("route.", "region."))
    assert (await service.counts())["cases"] == 3
    assert len(await service.outbox("tongban.case.received.v1")) == 3


async def test_each_has_its_own_number_person_and_materials(service: Service) -> None:
    names = ["谭小某", "李四", "王五五"]
    handed_in = [a_submission(await service.material(), applicant=an_application()["applicant"] | {"name": name}) for name in names]

    async with service.context.database.begin(service.context) as tx:
        cases = [one for one in await receive_cases(tx, handed_in) if isinstance(one, Case)]
        people = [(await open_person(tx, case)).applicant.name for case in cases]

    assert people == names
    assert len({case.received.case_no for case in cases}) == 3
    assert [[one.material_id for one in case.materials] for case in cases] == [
        [one.material_id for one in submission.materials] for submission, _ in handed_in
    ]


async def test_many_at_once_through_the_door_get_an_answer_each(service: Service) -> None:
    applications = [an_application(await service.material()) for _ in range(8)]
    applications[3]["form"] = {}

    answers = await asyncio.gather(*(service.post("/v1/cases", one, by=CLERK) for one in applications))

    assert [answer.status_code for answer in answers] == [201, 201, 201, 422, 201, 201, 201, 201]
    assert len({answer.json()["case_no"] for answer in answers if answer.status_code == 201}) == 7
    assert len({answer.headers["tongban-seen"] for answer in answers if answer.status_code == 201}) == 7


async def test_of_two_that_name_the_same_material_one_is_received(service: Service) -> None:
    material = await service.material()
    other = an_application(await service.material())

    answers = await asyncio.gather(
        *(service.post("/v1/cases", one, by=CLERK) for one in (an_application(material), an_application(material), other))
    )

    assert sorted(answer.status_code for answer in answers[:2]) in ([201, 409], [201, 422])
    assert answers[2].status_code == 201
    assert (await service.counts())["cases"] == 2


async def test_of_two_with_the_same_id_one_is_received(service: Service) -> None:
    both = [an_application(await service.material(), case_id="01890000-0000-7000-8000-000000000001") for _ in range(2)]

    answers = await asyncio.gather(*(service.post("/v1/cases", one, by=CLERK) for one in both))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert (await service.counts())["cases"] == 1


async def test_of_two_with_the_same_id_one_is_received_and_no_other_is_held_up(service: Service) -> None:
    case_id = a_case_id()
    applications = [an_application(await service.material(), case_id=case_id) for _ in range(2)] + [
        an_application(await service.material())
    ]

    answers = await asyncio.gather(*(service.post("/v1/cases", one, by=CLERK) for one in applications))
    again = await service.post("/v1/cases", an_application(await service.material(), case_id=case_id), by=CLERK)

    assert sorted(answer.status_code for answer in answers[:2]) == [201, 409]
    assert answers[2].status_code == 201
    assert (again.status_code, again.json()["rule"]) == (409, "case.already-received")
    assert (await service.counts())["secret_keys"] == 6, "of four materials and two cases"
