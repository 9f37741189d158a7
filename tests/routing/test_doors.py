"""What the doors of routing let in and echo: no number, no place and no rule of somebody's own; nobody who may not."""

from urllib.parse import quote

import pytest

from chassis.database import lock
from contracts.caller import Caller
from tests.routing.builders import (
    CLERK,
    REVIEWER,
    STRANGER,
    SUPERVISOR,
    Service,
    applicant,
    rule_of,
)
from tests.support.sending import statements

GRANT = {"outcome": "granted"}


@pytest.mark.parametrize(
    ("pointer", "rule"),
    [
        ("/form/someone-13970501234", "officer"),
        ("/form/trade_name/someone", "officer"),
        ("/materials/passport", "officer"),
        ("/applicant/phone", "officer"),
        ("/form/trade_name", "someone-13970501234"),
        ("/form/陈默言", "officer"),
        ("/form/trade_name", "申请人陈默言"),
    ],
)
async def test_a_defect_is_told_in_words_of_the_version_never_in_the_officers_own(service: Service, pointer: str, rule: str) -> None:
    case = await service.signed()

    answer = await service.move(case, "correction-notice", {"defects": [{"pointer": pointer, "rule": rule, "text": "不符"}]}, by=REVIEWER)
    told = await service.told(case)
    published = await service.move(
        case, "correction-notice", {"defects": [{"pointer": "/form/capital", "rule": "trader.capital", "text": "不符"}]}, by=REVIEWER
    )

    assert answer.status_code == 422
    assert pointer not in answer.text or pointer == "/form/trade_name"
    assert "someone" not in answer.text
    assert "CorrectionNoticed" not in told
    assert published.status_code == 200


@pytest.mark.parametrize(("caller", "status"), [(CLERK, 403), (SUPERVISOR, 403), (REVIEWER, 403), (STRANGER, 404)])
async def test_only_an_approver_of_the_handling_organ_decides(service: Service, caller: Caller, status: int) -> None:
    case = await service.accepted()

    answer = await service.post(f"/v1/handlings/{case.case_no}/decision", GRANT, by=caller, version=1)

    assert answer.status_code == status


async def test_a_case_is_found_by_id_and_by_number_however_their_letters_are_written(service: Service) -> None:
    case = await service.decided()
    await service.seal(case)

    for no in (case.case_id, case.case_id.upper(), case.case_no, case.case_no.lower()):
        assert (await service.get(f"/v1/cases/{no}/timeline", by=CLERK)).status_code == 200
        assert len((await service.shown("/v1/deliveries", by=CLERK, case=no))["items"]) == 1
    assert (await service.shown("/v1/deliveries", by=CLERK, case="36092620261123000000X"))["items"] == []


async def test_a_case_is_acted_on_under_an_id_in_capitals(service: Service) -> None:
    case = await service.signed()

    answer = await service.post(f"/v1/handlings/{case.case_id.upper()}/acceptance", by=REVIEWER, version=await service.version(case))

    assert (answer.status_code, answer.json()["case_id"]) == (200, case.case_id)


async def test_an_applicant_is_told_of_a_decision_once_it_is_in_force(service: Service) -> None:
    case = await service.decided()
    person, path = applicant(case.case_id), f"/v1/cases/{case.case_no}/notices"
    before = await service.timeline(case, by=person)
    unsealed = [each["notice_id"] for each in (await service.shown(path, by=CLERK))["items"] if each["state"] == "awaiting_seal"]
    handling = await service.shown(f"/v1/handlings/{case.case_no}", by=person)
    assert handling["outcome"] is None
    assert not set(unsealed) & {each["notice_id"] for each in (await service.shown(path, by=person))["items"]}
    assert [(await service.get(f"/v1/notices/{each}", by=person)).status_code for each in unsealed] == [404]

    await service.seal(case)

    assert (await service.shown(f"/v1/handlings/{case.case_no}", by=person))["outcome"] == "granted"
    assert unsealed[0] in {each["notice_id"] for each in (await service.shown(path, by=person))["items"]}
    entries = (await service.shown(f"/v1/cases/{case.case_no}/timeline", by=applicant(case.case_id)))["entries"]
    assert not {"decided", "in_force"} & set(before)
    assert "decided" in await service.timeline(case, by=CLERK)
    assert [entry["zh"] for entry in entries if entry["kind"] == "in_force"] == ["决定(准予)已加盖电子印章并生效"]


async def test_an_applicant_narrowed_to_another_case_sees_nothing(service: Service) -> None:
    case, other = await service.decided(), await service.received()

    for path in ("timeline", "clocks", "notices"):
        assert (await service.get(f"/v1/cases/{case.case_no}/{path}", by=applicant(other.case_id))).status_code == 404
    assert (await service.get(f"/v1/handlings/{case.case_no}", by=applicant(other.case_id))).status_code == 404


@pytest.mark.parametrize("spoilt", ["\x00", "a b", "陈默言 13970501234"])
async def test_what_is_no_number_is_refused_at_the_door_and_never_echoed(service: Service, spoilt: str) -> None:
    case = await service.signed()
    quoted = quote(spoilt)

    answers = [
        await service.get(path.format(quoted), by=by, **asked)
        for by in (CLERK, SUPERVISOR)
        for path, asked in (
            ("/v1/transfers", {"case": spoilt}),
            ("/v1/deliveries", {"case": spoilt}),
            ("/v1/supervision/traces", {"case": spoilt}),
            ("/v1/transfers/{}", {}),
            ("/v1/handlings/{}", {}),
            ("/v1/notices/{}", {}),
            ("/v1/cases/{}/timeline", {}),
            ("/v1/cases/{}/clocks", {}),
            ("/v1/cases/{}/notices", {}),
        )
    ]
    defect = {"pointer": f"/form/a{spoilt}b", "text": "不符"}
    answers.append(await service.move(case, "correction-notice", {"defects": [defect]}, by=REVIEWER))

    assert {answer.status_code for answer in answers} == {422}
    assert not [answer.text for answer in answers if "陈默言" in answer.text]


async def test_a_refused_look_at_traces_says_nothing_of_what_was_asked_for(service: Service) -> None:
    answer = await service.get("/v1/supervision/traces", by=CLERK, case="13970501234")

    assert answer.status_code == 403
    assert "13970501234" not in answer.text
    assert not [event for event in await service.events() if "13970501234" in str(event)]


@pytest.mark.parametrize("act", ["handling", "transfer", "delivery", "withdrawal"])
async def test_a_case_that_somebody_is_at_or_that_waits_for_a_person_is_to_a_stranger_as_if_it_were_not_there(
    service: Service, act: str
) -> None:
    case = await service.decided()
    await service.seal(case)
    transfer = (await service.shown("/v1/transfers", by=CLERK, case=case.case_no))["items"][0]["transfer_id"]
    delivery = (await service.shown("/v1/deliveries", by=CLERK, case=case.case_no))["items"][0]["delivery_id"]
    path, body = {
        "handling": (f"/v1/handlings/{case.case_no}/acceptance", {}),
        "transfer": (f"/v1/transfers/{transfer}/receipts", {"step": "signed_for"}),
        "delivery": (f"/v1/deliveries/{delivery}/handover", {"means": "window"}),
        "withdrawal": (f"/v1/cases/{case.case_id}/withdrawal", {}),
    }[act]

    service.context.held = frozenset({case.root_case_id})
    async with service.context.database.begin(service.context) as tx:
        await lock(tx, case.root_case_id, held_too=True)
        strange = await service.post(path, body, by=STRANGER, version=1)
    own = await service.post(path, body, by=CLERK, version=1)

    assert rule_of(strange) == (404, "not-found")
    assert rule_of(own) == (409, "restore.held")


async def test_an_act_is_three_statements_however_its_case_is_named(service: Service) -> None:
    await service.accepted()
    by_number, by_id = await service.signed(), await service.signed()
    versions = {case.case_id: await service.version(case) for case in (by_number, by_id)}

    for case, no in ((by_number, by_number.case_no), (by_id, by_id.case_id)):
        with statements(service.context.database) as sent:
            await service.act(f"/v1/handlings/{no}/acceptance", by=REVIEWER, version=versions[case.case_id])

        assert [each for each in sent if "nextval" not in each][3:] == [], "key, case and lock; what hangs on it; all that is written"
        assert len(sent) >= 3
