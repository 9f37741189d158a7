"""The guide through its door: one question after the other, then situation, form, checklist and limits, each with its reason."""

from typing import Any

import pytest

from contracts.values import JsonObject
from tests.catalog.builders import SOLE_TRADER_ITEM, Service, a_draft
from tests.support.sending import statements

PATH = f"/service-items/{SOLE_TRADER_ITEM}/guide"
START = "2026-11-23T10:00:00+08:00"
"""A Monday."""


async def ask(service: Service, *answers: tuple[str, object], path: str = PATH, query: str = "", **more: object) -> Any:
    body = {"answers": [{"fact": fact, "value": value} for fact, value in answers], **more}
    return await service.client.post(f"/v1{path}{query}", json=body)


async def decided(service: Service, *answers: tuple[str, object], **more: Any) -> Any:
    step = (await ask(service, *answers, **more)).json()
    assert step["question"] is None, step
    return step


def only(published: JsonObject) -> str:
    """The query for one version, in force or not yet."""
    return f"?version={str(published['version_id']).rpartition('v')[2]}"


CANCEL = (("matter", "cancel"), ("by_agent", True))


async def test_the_first_question_comes_with_its_choices_and_why_it_is_asked(seeded: Service) -> None:
    step = (await ask(seeded)).json()

    asked = step["question"]
    assert (asked["name"], asked["question"], asked["question_en"]) == ("matter", "要办理哪一种登记？", "Which registration do you need?")
    assert asked["choices"][2] == {"value": "cancel", "zh": "注销登记", "en": "Close the business"}
    assert asked["decides"] == ["open", "change", "cancel", "replace"]
    assert asked["why"] == "用于确定办理情形：开业、变更、注销、换照(补照)"
    assert asked["why_en"] == "It decides which situation it is: Opening, Change, Closing, Replacement of the licence"
    assert (step["situation"], step["outcome"]) == (None, None)


async def test_a_clear_situation_leaves_only_what_the_checklist_depends_on(seeded: Service) -> None:
    step = (await ask(seeded, ("matter", "cancel"))).json()

    assert (step["situation"]["situation_id"], step["outcome"]) == ("cancel", None)
    assert (step["question"]["name"], step["question"]["decides"]) == ("by_agent", ["mandate", "agent_id_card"])
    assert [one["value"] for one in step["question"]["choices"]] == [True, False]


async def test_the_last_answer_ends_in_form_checklist_and_limits(seeded: Service) -> None:
    step = await decided(seeded, *CANCEL, query="?explain=true")

    outcome = step["outcome"]
    assert step["facts"] == {"matter": "cancel", "by_agent": True}
    lines = {one["code"]: one for one in outcome["checklist"]}
    assert lines["application_form"]["why"] == {
        "kind": "always",
        "facts": [],
        "zh": "所有申请均需提交",
        "en": "Every application needs it",
    }
    assert lines["mandate"]["why"] == {
        "kind": "answers",
        "facts": ["by_agent"],
        "zh": "因为“是否由他人代为办理”为“是”",
        "en": "Because “Does somebody else apply on the operator's behalf”: yes",
    }
    assert lines["tax_clearance"]["why"]["zh"] == "因为“办理情形”为“注销”"
    assert all(one["basis"] and one["certain"] for one in outcome["checklist"])
    skipped = {one["code"]: one["why"]["zh"] for one in outcome["skipped"]}
    assert skipped["place_proof"] == "因为“办理情形”为“注销”"
    assert outcome["form"]["title"] == "个体工商户登记(备案)申请书"
    assert outcome["result"]["credential_type"] == "business_licence"
    assert (outcome["approval"]["type"], outcome["approval"]["application"]) == ("normal", True)
    assert outcome["handling"]["modes"] == ["collect_here", "fully_online", "local"]


async def test_what_is_left_out_is_told_only_to_whoever_asks(seeded: Service) -> None:
    step = await decided(seeded, *CANCEL)

    assert step["outcome"]["skipped"] is None


async def test_limits_are_told_with_law_and_an_example_for_a_start(seeded: Service) -> None:
    step = await decided(seeded, *CANCEL, query="?version=1", start=START)

    limits = {one["name"]: one for one in step["outcome"]["limits"]}
    assert (limits["statutory"]["zh"], limits["statutory"]["limit"]["basis"]) == ("3 个工作日", "市场主体登记管理条例 §19")
    example = limits["promised"]["example"]
    assert (example["last_day"], example["due"]) == ("2026-11-25", "2026-11-25T16:00:00Z")
    assert example["explanation"][0]["zh"] == "期限 2 个工作日(本机关承诺),自 2026-11-23 10:00 的次日起算"
    assert example["explanation"][-2]["zh"] == "截止 2026-11-25 24:00(北京时间)"
    assert limits["delivery"]["example"] is None


async def test_a_situation_promised_in_hours_is_due_in_hours_of_the_window(service: Service) -> None:
    draft = a_draft()
    draft["situations"]["situations"][2]["promised_limit"] = {"amount": 2, "unit": "hours", "basis": "本机关承诺"}
    published = await service.publish(draft)
    await service.hear_all()

    step = await decided(service, *CANCEL, query=only(published), start="2026-11-23T11:00:00+08:00")

    promised = next(one for one in step["outcome"]["limits"] if one["name"] == "promised")
    assert (promised["zh"], promised["en"]) == ("2 个工作小时", "2 window hours")
    assert promised["example"]["due"] == "2026-11-23T06:30:00Z"


async def test_without_a_start_no_date_is_told(seeded: Service) -> None:
    step = await decided(seeded, *CANCEL)

    assert {one["example"] for one in step["outcome"]["limits"]} == {None}


async def test_the_same_answers_in_another_order_get_the_same_bytes(seeded: Service) -> None:
    first, second = await ask(seeded, *CANCEL), await ask(seeded, *reversed(CANCEL), CANCEL[0])

    assert first.content == second.content


async def test_a_step_sends_nothing_to_the_database(seeded: Service) -> None:
    await ask(seeded)

    with statements(seeded.context.database) as sent:
        for answers in ((), CANCEL[:1], CANCEL):
            assert (await ask(seeded, *answers, start=START, query="?explain=true&version=1")).status_code == 200

    assert sent == []


@pytest.mark.parametrize(
    ("answers", "more", "errors"),
    [
        ((("matter", "dance"),), {}, [("situation.answer-invalid", "/answers/0/value")]),
        ((("by_agent", "true"),), {}, [("situation.answer-invalid", "/answers/0/value")]),
        ((("matter", "open"), ("unasked", 1)), {}, [("guide.fact-unknown", "/answers/1/fact")]),
        ((("applicant.type", "legal"),), {}, [("situation.answer-invalid", "/answers/0/value")]),
        (
            (("matter", "open"), ("by_agent", True), ("matter", "cancel")),
            {},
            [("guide.answer-contradicts", "/answers/2/value")],
        ),
        ((("by_agent", True), ("by_agent", 1)), {}, [("guide.answer-contradicts", "/answers/1/value")]),
        ((("matter", "open"),), {"situation": "cancel"}, [("guide.situation-contradicts", "/situation")]),
        ((("matter", "open"),), {"situation": "sell"}, [("situation.unknown", "/situation")]),
    ],
)
async def test_a_wrong_answer_is_refused_with_rule_and_place(seeded: Service, answers: Any, more: Any, errors: Any) -> None:
    refused = await ask(seeded, *answers, **more)

    assert (refused.status_code, refused.json()["rule"]) == (422, "guide.answer-invalid")
    assert [(one["rule"], one["pointer"]) for one in refused.json()["errors"]] == errors
    assert "dance" not in refused.text


@pytest.mark.parametrize(
    "body",
    [
        {"answers": {"matter": "open"}},
        {"answers": [{"fact": "matter", "value": None}]},
        {"answers": [{"fact": "matter", "value": ["open"]}]},
        {"answers": [{"fact": "matter", "value": "o" * 101}]},
        {"answers": [{"fact": "MATTER", "value": "open"}]},
        {"answers": [{"fact": "matter", "value": "open"}] * 32},
        {"answers": [], "start": "2026-11-23T10:00:00"},
        {"answers": [], "begin": START},
        {"answers": [{"fact": "matter", "value": "op\0en"}]},
    ],
)
async def test_what_is_no_list_of_answers_is_refused(seeded: Service, body: Any) -> None:
    refused = await seeded.client.post(f"/v1{PATH}", json=body)

    assert (refused.status_code, refused.json()["rule"]) == (422, "request.malformed")


@pytest.mark.parametrize("item", ["9" * 31, SOLE_TRADER_ITEM[:-1] + "1"])
async def test_there_is_no_guide_of_an_item_that_nobody_publishes(seeded: Service, item: str) -> None:
    assert (await ask(seeded, path=f"/service-items/{item}/guide")).status_code == 404


# -- what is published counts


async def test_a_change_is_asked_for_as_soon_as_it_is_published_and_the_former_version_stays(service: Service) -> None:
    await service.hear_all()
    draft = a_draft()
    draft["situations"]["facts"][0]["question"] = "请选择登记种类"
    published = await service.publish(draft)
    await service.hear()

    later = "2099-01-01T00:00:00+08:00".replace("+", "%2B")
    new = (await ask(service, query=f"?as_of={later}")).json()
    old = (await ask(service, query="?version=1")).json()

    assert (new["version_id"], new["question"]["question"]) == (published["version_id"], "请选择登记种类")
    assert (old["version"], old["question"]["question"]) == (1, "要办理哪一种登记？")


async def test_who_has_just_published_is_not_told_that_there_is_nothing(service: Service) -> None:
    """Its index has heard of nothing yet."""
    answer = await service.client.post(f"/v1{PATH}", json={"answers": []}, headers={"tongban-seen": "catalog/never/999999"})

    assert (answer.status_code, answer.json()["rule"]) == (503, "unavailable.behind")


async def test_what_is_abolished_asks_for_no_material(service: Service) -> None:
    draft = a_draft()
    draft["version"]["approval_type"] = "none"
    published = await service.publish(draft)
    await service.hear_all()

    step = await decided(service, ("matter", "open"), query=f"{only(published)}&explain=true")

    outcome = step["outcome"]
    assert (outcome["approval"]["application"], outcome["form"], outcome["checklist"]) == (False, None, [])
    assert {one["why"]["kind"] for one in outcome["skipped"]} == {"no_approval"}


async def test_who_applies_is_asked_where_a_line_depends_on_it_and_the_form_decides_the_rest(service: Service) -> None:
    draft = a_draft()
    draft["version"]["service_objects"] = ["natural", "legal"]
    materials = {one["code"]: one for one in draft["checklist"]["materials"]}
    materials["id_card"]["when"] = {"eq": ["applicant.type", "natural"]}
    materials["place_proof"]["when"] = {"all": [{"eq": ["situation", "open"]}, {"missing": "form.licence_no"}]}
    published = await service.publish(draft)
    await service.hear_all()
    query = only(published)

    step = (await ask(service, ("matter", "open"), ("by_agent", False), query=query)).json()
    end = await decided(service, ("matter", "open"), ("by_agent", False), ("applicant.type", "legal"), query=query)

    assert (step["question"]["name"], step["question"]["decides"]) == ("applicant.type", ["id_card"])
    lines = {one["code"]: one for one in end["outcome"]["checklist"]}
    assert "id_card" not in lines
    assert (lines["place_proof"]["certain"], lines["place_proof"]["why"]["kind"]) == (False, "open")
    assert lines["place_proof"]["why"]["facts"] == ["form.licence_no"]


async def test_everything_that_a_material_says_stands_in_its_line(service: Service) -> None:
    draft = a_draft()
    draft["checklist"]["materials"][0] |= {
        "deferral": {"amount": 10, "unit": "workdays", "basis": "容缺受理办法"},
        "valid_days": 180,
        "replaced_by": ["business_licence"],
        "by_commitment": True,
        "copies": 2,
    }
    draft["form"]["properties"]["by_agent"] = {"type": "boolean", "x-label": "代办", "x-label-en": "Agent", "x-fact": "by_agent"}
    published = await service.publish(draft)
    await service.hear_all()

    query = only(published)
    step = await decided(service, *CANCEL, query=query, start=START)

    line = step["outcome"]["checklist"][0]
    said = {key: line[key] for key in ("core", "deferred_until", "replaced_by", "by_commitment", "valid_days", "copies")}
    assert said == {
        "core": False,
        "deferred_until": "2026-12-07",
        "replaced_by": ["business_licence"],
        "by_commitment": True,
        "valid_days": 180,
        "copies": 2,
    }
    assert step["outcome"]["form"]["prefilled"] == {"by_agent": True}


# -- bundles


A, B, C = "个体工商户登记", "社会保障卡申领", "居住证申领"


async def test_a_bundle_asks_once_and_says_for_which_items_each_material_is_and_what_is_exempt(service: Service) -> None:
    code_a, code_b, code_c = (a_draft(name)["version"]["item_code"] for name in (A, B, C))
    draft = a_draft("老年人优待证办理")
    draft["version"] |= {"approval_type": "normal"}
    draft["checklist"], draft["form"] = {"materials": [], "rules": []}, {"type": "object", "additionalProperties": False, "properties": {}}
    draft["situations"]["facts"] = [
        {"name": "assessed", "question": "所在园区是否做过区域评估？", "question_en": "Is the park assessed?", "kind": "boolean"}
    ]
    draft["situations"]["bundle"] = {
        "members": [
            {"item_code": code_a},
            {"item_code": code_b, "after": [code_a, code_c]},
            {
                "item_code": code_c,
                "after": [code_a],
                "exemptions": [
                    {
                        "when": {"eq": ["assessed", True]},
                        "reason": "园区已做区域评估",
                        "reason_en": "The park was assessed",
                        "reference": "园区评估报告 2026-3",
                    }
                ],
            },
        ]
    }
    published = await service.publish(draft)
    await service.hear_all()
    path = f"/service-items/{str(published['version_id']).rpartition('-')[0]}/guide"
    query = only(published)

    answers: dict[str, object] = {}
    while (step := (await ask(service, *answers.items(), path=path, query=query)).json())["question"] is not None:
        asked = step["question"]
        assert asked["name"] not in answers
        answers[asked["name"]] = asked["choices"][0]["value"]

    outcome = step["outcome"]
    members = {one["item_code"]: one for one in outcome["bundle"]}
    assert {code: (one["stand"], one["turn"]) for code, one in members.items()} == {
        code_a: ("runs", 1),
        code_b: ("runs", 2),
        code_c: ("exempt", 0),
    }
    assert (members[code_c]["reason"], members[code_c]["reference"]) == ("园区已做区域评估", "园区评估报告 2026-3")
    assert members[code_a]["name"] == A
    codes = [one["code"] for one in outcome["checklist"]]
    assert len(codes) == len(set(codes))
    shared = next(one for one in outcome["checklist"] if one["code"] == "id_card")
    assert [one["code"] for one in shared["for_items"]] == [code_a, code_b]
    assert code_c not in {item["code"] for one in outcome["checklist"] for item in one["for_items"]}
