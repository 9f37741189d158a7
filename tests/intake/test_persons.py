"""The persons of many cases in one answer: for another service, each as if it had been asked for alone."""

from typing import Any

import pytest
from sqlalchemy import update

from contracts.caller import Caller
from contracts.refusals import Forbidden
from contracts.values import CaseId
from intake_svc.case.domain import CaseNotFound
from intake_svc.case.store import CASES
from intake_svc.enquiry.handlers import find_persons
from tests.intake.builders import (
    CLERK,
    CREDENTIAL,
    ID_NUMBER,
    MACHINE,
    NAME,
    REVIEWER,
    SECRETS,
    STRANGER,
    SUPERVISOR,
    Service,
    a_case_id,
    an_application,
    person,
)
from tests.support.sending import statements

PATH = "/v1/cases:persons"
READ = "tongban.personal-data.read.v1"
REFUSED = "tongban.access.refused.v1"


async def received(service: Service, *names: str) -> list[str]:
    """The ids of cases, one of each name."""
    applicants = [an_application()["applicant"] | {"name": name} for name in names]
    return [str((await service.received(applicant=applicant))["case_id"]) for applicant in applicants]


async def asked(service: Service, *case_ids: str, by: Caller = CREDENTIAL) -> list[dict[str, Any]]:
    answer = await service.post(PATH, {"cases": list(case_ids), "purpose": "credential"}, by=by)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def without_what_varies(trace: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in trace.items() if name not in {"at", "trace_id"}}


async def test_each_case_has_its_own_person(service: Service) -> None:
    cases = await received(service, "谭小某", "李四", "王五五")

    answer = await service.post(PATH, {"cases": cases, "purpose": "credential"}, by=CREDENTIAL)

    items = answer.json()["items"]
    assert answer.headers["cache-control"] == "private, no-store"
    assert [(item["case_id"], item["person"]["applicant"]["name"], item["refused"]) for item in items] == [
        (case_id, name, None) for case_id, name in zip(cases, ("谭小某", "李四", "王五五"), strict=True)
    ]


async def test_what_is_given_and_traced_of_a_case_is_what_it_is_alone(service: Service) -> None:
    [case_id] = await received(service, NAME)
    alone = (await service.get(f"/v1/cases/{case_id}/person?purpose=credential", by=CREDENTIAL)).json()

    [item] = await asked(service, case_id)

    first, second = await service.outbox(READ)
    assert item["person"] == {name: alone[name] for name in ("applicant", "form")}
    assert without_what_varies(second) == without_what_varies(first)


async def test_each_case_leaves_a_trace_and_one_named_twice_leaves_one(service: Service) -> None:
    cases = await received(service, "谭小某", "李四")

    items = await asked(service, *cases, cases[0])

    traces = await service.outbox(READ)
    assert [item["case_id"] for item in items] == cases
    assert [(trace["about"], trace["purpose"], trace["caller"]) for trace in traces] == [
        (case_id, "credential", CREDENTIAL.ref) for case_id in cases
    ]


async def test_what_is_not_there_or_cannot_be_read_is_told_for_itself_and_holds_up_no_other(service: Service) -> None:
    destroyed, torn, whole = await received(service, "谭小某", "李四", "王五五")
    absent, vault = a_case_id(), service.context.vault
    async with service.context.database.begin(service.context) as tx:
        await vault.destroy(tx, f"case:{destroyed}")
        sealed = vault.seal(await vault.key(tx, f"case:{torn}"), {"applicant": NAME})
        await tx.execute(update(CASES).where(CASES.c.case_id == torn).values(sealed=sealed))

    items = await asked(service, absent, destroyed, torn, whole)

    assert [(item["case_id"], item["person"] is None, item["refused"]) for item in items] == [
        (absent, True, "case.not-found"),
        (destroyed, True, "case.not-found"),
        (torn, True, "case.not-found"),
        (whole, False, None),
    ]
    assert [trace["about"] for trace in await service.outbox(READ)] == [destroyed, torn, whole]


@pytest.mark.parametrize("caller", [CLERK, REVIEWER, SUPERVISOR, STRANGER, MACHINE, person()], ids=lambda caller: caller.account)
async def test_who_is_no_service_gets_none_and_leaves_a_trace(service: Service, caller: Caller) -> None:
    [case_id] = await received(service, NAME)

    answer = await service.post(PATH, {"cases": [case_id], "purpose": "credential"}, by=caller)

    [trace] = await service.outbox(REFUSED)
    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")
    assert (trace["action"], trace["about"]) == ("view_persons", "person")
    assert await service.outbox(READ) == []
    assert not [secret for secret in SECRETS if secret in answer.text]


@pytest.mark.parametrize(
    ("caller", "refusal"), [(SUPERVISOR, Forbidden), (STRANGER, CaseNotFound), (person(id_number="430181199001011239"), CaseNotFound)]
)
async def test_the_right_to_open_a_case_is_looked_at_case_by_case(service: Service, caller: Caller, refusal: type[Exception]) -> None:
    cases = [CaseId(case_id) for case_id in await received(service, "谭小某", "李四")]

    async with service.context.database.read(service.context) as tx:
        found = await find_persons(tx, cases, caller=caller)

    assert [(case_id, type(one)) for case_id, one in found.items()] == [(case_id, refusal) for case_id in cases]


@pytest.mark.parametrize(
    "body",
    [
        {"cases": [], "purpose": "credential"},
        {"cases": ["x"] * 51, "purpose": "credential"},
        {"cases": ["a b"], "purpose": "credential"},
        {"cases": ["x"]},
        {"cases": ["x"], "purpose": "For the credential"},
    ],
    ids=["none", "too many", "no id", "no purpose", "no name of a purpose"],
)
async def test_a_question_without_cases_or_purpose_is_refused(service: Service, body: dict[str, Any]) -> None:
    answer = await service.post(PATH, body, by=CREDENTIAL)

    assert (answer.status_code, answer.json()["rule"]) == (422, "request.malformed")


async def test_twenty_cases_take_as_many_statements_as_one(service: Service) -> None:
    cases = [str((await service.received())["case_id"]) for _ in range(20)]
    sent: list[list[str]] = []

    for many in (cases[:1], cases):
        with statements(service.context.database) as each:
            items = await asked(service, *many)
        sent.append(list(each))
        assert [item["person"]["applicant"]["id_number"] for item in items] == [ID_NUMBER] * len(many)

    assert sent[0] == sent[1]
    assert [statement.split(maxsplit=1)[0].lower() for statement in sent[1]] == ["select", "select", "select", "with"], (
        "the cases, their keys; the lock of the traces, the traces"
    )
    assert len(await service.outbox(READ)) == 21
