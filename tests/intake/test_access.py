"""Who sees a case, who opens the person behind it, and what trace that leaves."""

import pytest

from contracts.caller import Caller
from tests.intake.builders import (
    CLERK,
    CREDENTIAL,
    ID_NUMBER,
    LIUYANG_CLERK,
    MACHINE,
    NAME,
    REVIEWER,
    STRANGER,
    SUPERVISOR,
    Service,
    a_case_id,
    person,
)

CHEN = person(id_number="430181199001011239", account="applicant-chen")
READ = "tongban.personal-data.read.v1"


@pytest.mark.parametrize("caller", [CLERK, REVIEWER, SUPERVISOR, MACHINE, CREDENTIAL, person()], ids=lambda caller: caller.account)
async def test_both_sides_their_supervisors_and_the_applicant_see_a_case(service: Service, caller: Caller) -> None:
    case = await service.received()

    by_number, by_id = [await service.get(f"/v1/cases/{no}", by=caller) for no in (case["case_no"], case["case_id"])]

    assert by_number.status_code == by_id.status_code == 200
    assert by_number.content == by_id.content
    assert NAME not in by_number.text


@pytest.mark.parametrize("caller", [STRANGER, CHEN, LIUYANG_CLERK], ids=lambda caller: caller.account)
@pytest.mark.parametrize("path", ["", "?expand=person", "?expand=person&purpose=handling", "/person?purpose=handling"])
async def test_a_strangers_case_is_absent(service: Service, caller: Caller, path: str) -> None:
    case = await service.received()

    hidden = await service.get(f"/v1/cases/{case['case_no']}{path}", by=caller)
    absent = await service.get(f"/v1/cases/{a_case_id()}{path}", by=caller)

    bodies = [{name: value for name, value in answer.json().items() if name != "traceId"} for answer in (hidden, absent)]
    assert hidden.status_code == absent.status_code == 404
    assert bodies[0] == bodies[1]
    assert await service.outbox(READ) == []


async def test_who_received_is_shown_to_officers_only(service: Service) -> None:
    case = await service.received()

    shown = [(await service.shown(case["case_no"], by=caller))["received_by"] for caller in (REVIEWER, person())]

    assert shown == [CLERK.ref, None]


async def test_lists_hold_what_the_caller_may_see_in_pages(service: Service) -> None:
    cases = [(await service.received())["case_no"] for _ in range(3)]

    first = (await service.get("/v1/cases?limit=2", by=CLERK)).json()
    second = (await service.get(f"/v1/cases?limit=2&after={first['next']}", by=CLERK)).json()
    elsewhere = [(await service.get("/v1/cases", by=caller)).json()["items"] for caller in (STRANGER, CHEN, LIUYANG_CLERK)]

    assert [item["case_no"] for item in first["items"] + second["items"]] == cases[::-1]
    assert second["next"] is None
    assert elsewhere == [[], [], []]


async def test_a_list_is_narrowed_and_its_cursor_belongs_to_it(service: Service) -> None:
    for _ in range(2):
        await service.received()
    cursor = (await service.get("/v1/cases?limit=1", by=CLERK)).json()["next"]

    [first, second] = (await service.get("/v1/cases", by=CLERK)).json()["items"]
    one = await service.get(f"/v1/cases?case={first['case_id']}&case={a_case_id()}", by=CLERK)
    closed = await service.get("/v1/cases?state=closed", by=CLERK)
    received = await service.get("/v1/cases?state=received&stage=received&item=000131001000", by=REVIEWER)
    elsewhere = await service.get(f"/v1/cases?state=closed&after={cursor}", by=CLERK)

    assert one.json()["items"] == [first] != [second]
    assert (closed.json()["items"], len(received.json()["items"])) == ([], 2)
    assert (elsewhere.status_code, elsewhere.json()["rule"]) == (422, "paging.cursor")


async def test_lists_leave_no_trace_and_name_nobody(service: Service) -> None:
    await service.received()

    listed = await service.get("/v1/cases", by=CLERK)

    assert listed.json()["items"][0]["applicant"] == "**某"
    assert NAME not in listed.text
    assert await service.outbox(READ) == []


async def test_opening_the_person_is_for_a_purpose_and_leaves_a_trace(service: Service) -> None:
    case = await service.received()
    path = f"/v1/cases/{case['case_no']}/person"

    without = await service.get(path, by=CREDENTIAL)
    opened = await service.get(f"{path}?purpose=credential", by=CREDENTIAL)

    [trace] = await service.outbox(READ)
    assert without.status_code == 422
    assert opened.json()["applicant"]["id_number"] == ID_NUMBER
    assert opened.json()["form"]["trade_name"] == "浏阳河小吃店"
    assert opened.headers["cache-control"] == "private, no-store"
    assert (trace["about"], trace["purpose"], trace["caller"]) == (case["case_id"], "credential", CREDENTIAL.ref)


async def test_an_officer_opens_the_person_with_a_case_for_a_purpose_only(service: Service) -> None:
    case = await service.received()
    path = f"/v1/cases/{case['case_no']}?expand=person"

    without = await service.get(path, by=REVIEWER)
    opened = await service.get(f"{path}&purpose=review", by=REVIEWER)

    [trace] = await service.outbox(READ)
    assert (without.status_code, without.json()["rule"]) == (422, "case.purpose-missing")
    assert NAME not in without.text
    assert opened.json()["person"]["applicant"]["name"] == NAME
    assert (trace["about"], trace["purpose"]) == (case["case_id"], "review")


async def test_a_supervisor_who_wants_the_person_is_refused_and_leaves_a_trace(service: Service) -> None:
    case = await service.received()

    answer = await service.get(f"/v1/cases/{case['case_no']}?expand=person", by=SUPERVISOR)

    [trace] = await service.outbox("tongban.access.refused.v1")
    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")
    assert (trace["action"], trace["about"]) == ("view_person", case["case_id"])
    assert NAME not in answer.text


async def test_an_applicant_who_looks_at_an_own_case_leaves_no_trace(service: Service) -> None:
    case = await service.received()

    answer = await service.get(f"/v1/cases/{case['case_no']}?expand=person", by=person())

    assert answer.json()["person"]["applicant"]["name"] == NAME
    assert await service.outbox(READ) == []


async def test_finding_a_person_leaves_a_trace_also_when_nothing_is_found(service: Service) -> None:
    case = await service.received()

    found = await service.post("/v1/cases:find", {"id_type": "resident_id", "id_number": ID_NUMBER.lower()}, by=CLERK)
    nobody = await service.post("/v1/cases:find", {"id_type": "resident_id", "id_number": "430181199001011239"}, by=CLERK)
    hidden = await service.post("/v1/cases:find", {"id_type": "resident_id", "id_number": ID_NUMBER}, by=STRANGER)

    assert [item["case_no"] for item in found.json()["items"]] == [case["case_no"]]
    assert (nobody.json()["items"], hidden.json()["items"]) == ([], [])
    assert [trace["action"] for trace in await service.outbox(READ)] == ["find"] * 3


@pytest.mark.parametrize("caller", [person(), SUPERVISOR, MACHINE], ids=lambda caller: caller.account)
async def test_who_sits_at_no_window_looks_for_nobody(service: Service, caller: Caller) -> None:
    answer = await service.post("/v1/cases:find", {"id_type": "resident_id", "id_number": ID_NUMBER}, by=caller)

    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")


@pytest.mark.parametrize("no", ["%00", "x" * 50, "a b", "..%2f", "📎"])
async def test_what_is_no_number_is_refused(service: Service, no: str) -> None:
    answer = await service.get(f"/v1/cases/{no}", by=CLERK)

    assert answer.status_code in {404, 422}
