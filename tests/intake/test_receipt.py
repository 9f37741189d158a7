"""An application is taken in whole or not at all."""

import asyncio
from dataclasses import replace

import orjson
import pytest

from contracts.values import OrganCode
from intake_svc.seed import TONGGU as TONGGU_HALL
from rules.case_numbers import parse
from tests.contracts.builders import DAYAO, DAYAO_OFFICE, LIUYANG, LIUYANG_MARKET, OLD_QIYANG, TONGGU, a_delegation, an_organ
from tests.intake.builders import (
    ABOLISHED,
    CLERK,
    CLERK2,
    EXPIRED,
    LOCAL_ONLY,
    MACHINE,
    NO_AGREEMENT,
    OFF_DUTY,
    REVIEWER,
    SECRETS,
    Service,
    a_case_id,
    an_application,
    person,
    publish,
)


async def test_a_clean_application_is_stored_with_its_event_and_its_number(service: Service) -> None:
    body = an_application(await service.material())
    before = await service.counts()

    answer = await service.post("/v1/cases", body, by=CLERK)

    case = answer.json()
    [event] = await service.outbox("tongban.case.received.v1")
    after = await service.counts()
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == case["links"]["self"] == f"/v1/cases/{case['case_no']}"
    assert answer.headers["tongban-seen"].startswith(f"intake/{case['case_id']}/")
    assert parse(case["case_no"]).region == "360926"
    assert (event["case_id"], event["case_no"], event["window"]) == (case["case_id"], case["case_no"], "360926-01")
    assert (event["received_by"], event["agreement_id"]) == (CLERK.ref, "a1")
    assert {name: after[name] - before[name] for name in after} == {
        "cases": 1,
        "material_claims": 1,
        "outbox": 1,
        "idempotency": 1,
        "secret_keys": 1,
    }


async def test_the_same_request_again_gets_the_same_answer_and_changes_nothing(service: Service) -> None:
    body = an_application(await service.material())
    first = await service.post("/v1/cases", body, by=CLERK, key="once")
    before = await service.counts()

    second = await service.post("/v1/cases", body, by=CLERK, key="once")

    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    assert await service.counts() == before


async def test_the_same_key_for_another_application_is_refused(service: Service) -> None:
    await service.post("/v1/cases", an_application(await service.material()), by=CLERK, key="once")
    before = await service.counts()

    answer = await service.post("/v1/cases", an_application(await service.material(), notes="另一份"), by=CLERK, key="once")

    assert (answer.status_code, answer.json()["rule"]) == (422, "idempotency.reused")
    assert (await service.counts())["cases"] == before["cases"]


async def test_two_clerks_with_one_case_id_make_one_case(service: Service) -> None:
    case_id = a_case_id()
    bodies = [an_application(await service.material(by=clerk), case_id=case_id) for clerk in (CLERK, CLERK2)]

    answers = await asyncio.gather(*(service.post("/v1/cases", body, by=by) for body, by in zip(bodies, (CLERK, CLERK2), strict=True)))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {answer.json().get("rule") for answer in answers} == {None, "case.already-received"}
    assert (await service.counts())["cases"] == 1
    assert len(await service.outbox("tongban.case.received.v1")) == 1


async def test_a_material_belongs_to_one_case(service: Service) -> None:
    material = await service.material()
    body = an_application(material)

    answers = await asyncio.gather(*(service.post("/v1/cases", body, by=CLERK) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers).count(201) == 1
    assert {answer.json()["rule"] for answer in answers if answer.status_code != 201} <= {"material.claimed", "case.defects"}
    assert (await service.counts())["cases"] == 1


async def test_numbers_are_never_given_twice(service: Service) -> None:
    bodies = [an_application(await service.material()) for _ in range(12)]

    answers = await asyncio.gather(*(service.post("/v1/cases", body, by=CLERK) for body in bodies))

    assert len({answer.json()["case_no"] for answer in answers}) == 12


REFUSED_ROUTES = [
    pytest.param({"handling_region": "439999"}, 409, "route.region-unknown", id="unknown region"),
    pytest.param({"handling_region": OLD_QIYANG}, 409, "route.region-abolished", id="abolished region"),
    pytest.param({"handling_region": "431181"}, 409, "route.no-organ", id="nobody there publishes it"),
    pytest.param({"item_code": "999999999999"}, 409, "route.no-organ", id="unknown item"),
    pytest.param({"item_code": LOCAL_ONLY}, 409, "route.mode-not-declared", id="item without the mode"),
    pytest.param({"mode": "joint"}, 409, "route.mode-not-declared", id="undeclared mode"),
    pytest.param({"item_code": NO_AGREEMENT}, 409, "route.no-agreement", id="no agreement"),
    pytest.param({"item_code": EXPIRED}, 409, "route.agreement-expired", id="expired agreement"),
    pytest.param({"item_code": ABOLISHED}, 409, "case.nothing-to-apply-for", id="abolished approval"),
    pytest.param({"version_id": "v0"}, 409, "case.version-changed", id="another version"),
    pytest.param({"channel": "web"}, 422, "case.channel", id="another channel"),
]


@pytest.mark.parametrize(("changed", "status", "rule"), REFUSED_ROUTES)
async def test_where_nobody_is_competent_no_material_is_looked_at(
    service: Service, changed: dict[str, str], status: int, rule: str
) -> None:
    before = await service.counts()

    # The material does not exist: a check of materials would have said so.
    answer = await service.post("/v1/cases", an_application(a_case_id(), **changed), by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (status, rule)
    assert await service.counts() == before


async def test_an_abolished_region_names_its_successors(service: Service) -> None:
    answer = await service.post("/v1/cases:check", an_application(handling_region=OLD_QIYANG), by=CLERK)

    assert answer.json()["facts"]["successors"] == [{"code": "431181", "name": "祁阳市"}]


DEFECTS = [
    pytest.param({"applicant": {"id_number": "110105194912310021"}}, "identity.check-digit", "/applicant/id_number", id="wrong id"),
    pytest.param({"applicant": {"phone": "123"}}, "person.phone", "/applicant/phone", id="wrong phone"),
    pytest.param({"form": {"capital": -5}}, "form.minimum", "/form/capital", id="form"),
    pytest.param({"form": {"capital": 2_000_000}}, "trader.capital", "/form/capital", id="rule of the item"),
    pytest.param({"form": {"rented": True}}, "material.missing", "/materials/lease", id="material missing"),
    pytest.param({"situation": "cancel"}, "situation.wrong", "/situation", id="wrong situation"),
]


@pytest.mark.parametrize(("changed", "rule", "pointer"), DEFECTS)
async def test_a_defect_is_found_by_the_check_and_refused_at_receipt_alike(
    service: Service, changed: dict[str, object], rule: str, pointer: str
) -> None:
    body = an_application(await service.material())
    for name, value in changed.items():
        body[name] = {**body[name], **value} if isinstance(value, dict) else value
    before = await service.counts()

    checked = await service.post("/v1/cases:check", body, by=CLERK)
    refused = await service.post("/v1/cases", body, by=CLERK)

    assert checked.json()["verdict"] == "defects"
    assert [(one["rule"], one["pointer"]) for one in checked.json()["defects"]] == [(rule, pointer)]
    assert (refused.status_code, refused.json()["rule"]) == (422, "case.defects")
    assert [(one["rule"], one["pointer"]) for one in refused.json()["errors"]] == [(rule, pointer)]
    assert await service.counts() == before


async def test_all_defects_are_told_at_once_with_the_places_that_were_sent(service: Service) -> None:
    good, photo = await service.material(), await service.material()
    body = an_application(
        a_case_id(),
        form={"trade_name": "店", "capital": 1},
        materials=[
            {"code": "lease", "material_id": a_case_id()},
            {"code": "unheard-of", "material_id": good},
            {"code": "premises", "material_id": photo},
        ],
    )

    checked = await service.post("/v1/cases:check", body, by=CLERK)

    assert {(one["rule"], one["pointer"]) for one in checked.json()["defects"]} >= {
        ("material.not-found", "/materials/0/material_id"),
        ("material.unknown", "/materials/1/code"),
        ("form.minLength", "/form/trade_name"),
    }


async def test_a_file_that_is_listed_twice_for_one_line_is_told_and_not_received(service: Service) -> None:
    material, again = await service.material(), await service.material()
    before = await service.counts()
    told = [("material.twice", "/materials/1/code"), ("material.twice", "/materials/2/code")]

    checked = await service.post("/v1/cases:check", an_application(material, material, again), by=CLERK)
    answer = await service.post("/v1/cases", an_application(material, material, again), by=CLERK)

    assert [(one["rule"], one["pointer"]) for one in checked.json()["defects"]] == told
    assert (answer.status_code, answer.json()["rule"]) == (422, "case.defects")
    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == told
    assert await service.counts() == before


async def test_a_clean_check_stores_nothing(service: Service) -> None:
    body = an_application(await service.material())
    before = await service.counts()

    checked = await service.post("/v1/cases:check", body, by=CLERK)

    assert (checked.json()["verdict"], checked.json()["defects"]) == ("clean", [])
    assert checked.json()["route"]["handling_organ"] == "11430181006128574K"
    assert await service.counts() == before


async def test_an_officer_who_is_not_on_duty_there_is_refused_and_leaves_a_trace(service: Service) -> None:
    body = an_application(await service.material(by=OFF_DUTY))

    answer = await service.post("/v1/cases", body, by=OFF_DUTY)

    [trace] = await service.outbox("tongban.access.refused.v1")
    assert (answer.status_code, answer.json()["rule"]) == (403, "window.not-on-duty")
    assert (trace["caller"], trace["action"], trace["rule_id"]) == (OFF_DUTY.ref, "receive", "window.not-on-duty")
    assert (await service.counts())["cases"] == 0


async def test_a_window_takes_in_only_what_it_serves(service: Service) -> None:
    elsewhere = await service.post("/v1/cases", an_application(await service.material(), window="360926-02"), by=CLERK)
    nowhere = await service.post("/v1/cases", an_application(await service.material(), window="360926-99"), by=CLERK)

    assert (elsewhere.status_code, elsewhere.json()["rule"]) == (403, "window.not-on-duty")
    assert (nowhere.status_code, nowhere.json()["rule"]) == (404, "window.unknown")


async def test_who_decides_does_not_receive(service: Service) -> None:
    answer = await service.post("/v1/cases", an_application(await service.material(by=REVIEWER)), by=REVIEWER)

    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")
    assert (await service.counts())["cases"] == 0


async def test_an_applicant_hands_in_an_own_application_from_anywhere(service: Service) -> None:
    me = person()

    case = await service.received(by=me, receiving_region="360926")

    [event] = await service.outbox("tongban.case.received.v1")
    assert (event["channel"], event["received_by"], event["window"]) == ("web", None, None)
    assert (await service.shown(case["case_no"], by=me))["receiving_organ"]["region"] == "360926"


async def test_an_applicant_hands_in_for_nobody_else(service: Service) -> None:
    other = person(id_number="430181199001011239", account="applicant-chen")

    answer = await service.post("/v1/cases", an_application(await service.material(by=other), receiving_region="360926"), by=other)

    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")


async def test_a_partner_hands_in_for_the_place_it_stands_for(service: Service) -> None:
    await service.received(by=MACHINE)

    [event] = await service.outbox("tongban.case.received.v1")
    assert (event["channel"], event["region"], event["received_by"]) == ("partner", "360926", MACHINE.ref)


async def test_whoever_helped_is_named_by_an_officer_only(service: Service) -> None:
    await service.received(helper="tonggu-clerk2")
    await service.received(by=person(), receiving_region="360926", helper="liuyang-approver")

    by_clerk, by_applicant = await service.outbox("tongban.case.received.v1")
    assert (by_clerk["helped_by"], by_applicant["helped_by"]) == ([CLERK2.ref], [])


async def test_a_version_whose_parts_are_not_here_yet_is_waited_for(service: Service) -> None:
    service.context.catalogue.apply("catalog.parts.v1", service.context.catalogue.version("v1").parts.form, None)  # type: ignore[arg-type, union-attr]

    answer = await service.post("/v1/cases", an_application(), by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (503, "case.item-not-ready")


HOSTILE = [
    pytest.param(b'{"form": {"capital": NaN}}', id="NaN"),
    pytest.param(b'{"form": {"capital": 99999999999999999999999}}', id="huge integer"),
    pytest.param(b'{"form": {"trade_name": "\\ud800"}}', id="lone surrogate"),
    pytest.param(b'{"form": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}", id="deep"),
    pytest.param(b'{"form": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deeper than a parser goes"),
    pytest.param(b'{"applicant": {"name": "\\u0000"}}', id="null character"),
    pytest.param(b'{"case_id": "1"}', id="no uuid"),
    pytest.param(b'{"unknown": 1}', id="unknown field"),
    pytest.param(b"[]", id="no object"),
    pytest.param(b"\xff\xfe", id="no text"),
    pytest.param(b'{"situation": "\\u0000"}', id="null in a code"),
]


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("path", ["/v1/cases", "/v1/cases:check"])
async def test_hostile_input_is_refused_and_not_repeated(service: Service, path: str, part: bytes) -> None:
    whole = orjson.dumps(an_application())
    body = whole[:-1] + b"," + part[1:] if part.startswith(b"{") else part

    answer = await service.post(path, body, by=CLERK)

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert not any(secret in answer.text for secret in SECRETS)
    assert (await service.counts())["cases"] == 0


async def test_an_application_is_bounded(service: Service) -> None:
    answer = await service.post("/v1/cases", an_application(notes="长" * 400_000), by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (413, "request.too-large")


async def test_receiving_needs_a_key_and_a_token(service: Service) -> None:
    no_token = await service.post("/v1/cases", an_application(), by=None)
    no_key = await service.client.post("/v1/cases", json=an_application(), headers=service.headers(CLERK))

    assert (no_token.status_code, no_key.status_code) == (401, 400)


async def test_a_receipt_names_the_instruments_of_its_route_and_where_the_matter_lies(service: Service) -> None:
    await service.received()
    publish(service.context, an_organ(code=DAYAO_OFFICE, region=DAYAO), a_delegation(region=LIUYANG))
    await service.received()

    held, handed = await service.outbox("tongban.case.received.v1")

    assert (held["handling_organ"], held["handling_region"]) == (LIUYANG_MARKET, LIUYANG)
    assert not {"matter_region", "delegations", "authority"} & held.keys()
    assert (handed["handling_organ"], handed["handling_region"]) == (DAYAO_OFFICE, DAYAO)
    assert (handed["matter_region"], handed["delegations"]) == (LIUYANG, ["d1"])
    assert handed["authority"]["sealed_as"] == DAYAO_OFFICE
    assert [(paper["delegation_id"], paper["number"]) for paper in handed["authority"]["instruments"]] == [("d1", "浏政委〔2026〕1号")]


async def test_a_window_of_a_merged_organ_receives_for_what_it_became(service: Service) -> None:
    became = OrganCode("11360926MB0000009N")
    hall = replace(an_organ(code=TONGGU_HALL, region=TONGGU), merged_into=became, merged_at=service.context.now.now())
    publish(service.context, an_organ(code=became, region=TONGGU), hall)

    await service.received()
    await service.received(by=replace(CLERK, organ=became))

    assert [one["receiving_organ"] for one in await service.outbox("tongban.case.received.v1")] == [became, became]
