"""What an item holds comes back as it was handed in, and reaches every follower; what has no law behind it is refused at the door."""

from typing import Any

import pytest

from contracts.codec import encode_object
from contracts.values import canonical_json
from tests.catalog.builders import AUTHOR, REVIEWER, Service, a_draft

STEP = {
    "step_id": "station",
    "name": "市场监管所审核",
    "name_en": "Examined by the station",
    "act": "examine",
    "organ_role": "market_station",
    "basis": "个体工商户条例 §10",
    "level": "town",
    "organ": None,
    "limit": {"amount": 1, "unit": "workdays", "basis": "本机关承诺"},
    "at_window": False,
    "second_officer": False,
}
CHAIN = [
    STEP
    | {
        "step_id": "street",
        "name": "街道受理",
        "act": "receive",
        "organ_role": "subdistrict_office",
        "at_window": True,
        "second_officer": True,
    },
    STEP,
    STEP | {"step_id": "window", "name": "窗口录入审批", "act": "decide", "organ_role": "window", "level": "county", "at_window": True},
    STEP | {"step_id": "door", "name": "及时送证上门", "act": "deliver", "organ_role": "subdistrict_office", "limit": None},
]
STOP = {"code": "inspection", "name": "现场核查", "name_en": "Inspection", "clocks": ["decision"], "basis": "行政许可法 §45", "limit": None}
FEE = {
    "code": "card",
    "name": "工本费",
    "standard": "每证 10 元",
    "basis": "示例收费文件",
    "amount_fen": 1000,
    "reducible": True,
    "reduction": "低保对象免收",
}


def a_full_draft() -> Any:
    draft = a_draft()
    draft["version"] |= {
        "kind": "",
        "four_do": ["online", "one_visit"],
        "lists": [["town", "nearby"], ["village", "assisted"]],
        "ways": ["moved_down", "across_towns"],
    }
    draft["checklist"]["materials"][0] |= {
        "deferral": {"amount": 10, "unit": "workdays", "basis": "容缺受理办法"},
        "valid_days": 180,
        "replaced_by": ["business_licence"],
        "by_commitment": True,
        "trust": "B",
        "issuer": "村(居)民委员会",
    }
    draft["situations"]["situations"][0]["promised_limit"] = {"amount": 1, "unit": "hours", "basis": "本机关承诺"}
    draft["texts"] |= {
        "chain": CHAIN,
        "stops": [STOP],
        "fee_lines": [FEE],
        "result_type": "licence",
        "result_template": "business-licence-2019",
        "acceptance_standard": ["齐全", "符合法定形式"],
        "quantity_limit": "无",
        "visits": 1,
    }
    return draft


async def test_all_that_an_item_holds_comes_back(service: Service) -> None:
    draft = a_full_draft()

    published = await service.publish(draft)

    shown = (await service.get(f"/service-items/versions/{published['version_id']}")).json()
    said = draft["checklist"]["materials"][0]
    assert {key: shown["checklist"]["materials"][0][key] for key in said} == said
    assert shown["situations"]["situations"][0]["promised_limit"] == draft["situations"]["situations"][0]["promised_limit"]
    assert {key: shown["version"][key] for key in ("four_do", "lists", "ways")} == {
        key: draft["version"][key] for key in ("four_do", "lists", "ways")
    }
    assert [one["name"] for one in shown["texts"]["chain"]] == ["街道受理", "市场监管所审核", "窗口录入审批", "及时送证上门"]
    assert [one["second_officer"] for one in shown["texts"]["chain"]] == [True, False, False, False]
    assert (shown["texts"]["stops"], shown["texts"]["fee_lines"]) == ([STOP], [FEE])
    assert {key: shown["texts"][key] for key in ("result_type", "result_template", "visits")} == {
        "result_type": "licence",
        "result_template": "business-licence-2019",
        "visits": 1,
    }


async def test_followers_hear_all_of_it_and_the_version_stays_small(service: Service) -> None:
    before = (await service.get("/service-items", {"q": "个体工商户登记", "region": "430181"})).json()["items"][0]
    published = await service.publish(a_full_draft())
    await service.hear_all()

    parts = service.context.catalogue.parts(published["version_id"])  # type: ignore[arg-type]

    assert parts is not None
    assert [one.organ_role for one in parts.texts.chain] == ["subdistrict_office", "market_station", "window", "subdistrict_office"]
    grown = len(canonical_json(encode_object(parts.version))) - len(canonical_json(before))
    assert grown < 200


async def test_a_draft_that_says_nothing_new_is_the_version_from_before_there_was_anything_new(seeded: Service) -> None:
    draft = a_draft()
    draft["version"] |= {"four_do": [], "lists": [], "ways": ["moved_down"], "succeeds": [], "kind": ""}
    draft["texts"] |= {"chain": [], "stops": [], "fee_lines": [], "visits": None}

    answer = await seeded.post("/service-items", draft, by=AUTHOR)

    assert answer.status_code == 200


def without_basis(draft: Any) -> None:
    draft["texts"]["chain"] = [STEP | {"basis": " "}, *CHAIN[2:]]


def with_second_officer_inside(draft: Any) -> None:
    draft["texts"]["chain"] = [STEP | {"second_officer": True}, *CHAIN[2:]]


def with_lawless_stop(draft: Any) -> None:
    draft["texts"]["stops"] = [STOP | {"basis": ""}]


def with_lawless_fee(draft: Any) -> None:
    draft["texts"]["fee_lines"] = [FEE | {"basis": ""}]


def with_lawless_material(draft: Any) -> None:
    draft["checklist"]["materials"][0]["basis"] = ""


def with_endless_report(draft: Any) -> None:
    draft["checklist"]["materials"][0] |= {"source": "intermediary", "intermediary": "环境影响评价"}


def with_unnamed_report(draft: Any) -> None:
    draft["checklist"]["materials"][0] |= {"source": "intermediary", "intermediary": "", "valid_days": 365}


def without_any_law(draft: Any) -> None:
    draft["texts"]["legal_basis"] = []


def with_blank_law(draft: Any) -> None:
    draft["texts"]["legal_basis"] = [" "]


def with_lawless_ground(draft: Any) -> None:
    draft["texts"]["denial_grounds"] = [["D1", "不符合条件", ""]]


def with_lawless_limit(draft: Any) -> None:
    draft["version"]["statutory_limit"]["basis"] = ""


def with_lawless_extension(draft: Any) -> None:
    draft["version"]["extension_limit"] = {"amount": 1, "unit": "workdays", "basis": " "}


def with_endless_extension(draft: Any) -> None:
    draft["version"]["extension_limit"] = {"amount": 60, "unit": "workdays", "basis": "行政许可法 §42"}


def with_slow_acceptance(draft: Any) -> None:
    draft["version"]["acceptance_limit"]["amount"] = 90


def with_slow_delivery(draft: Any) -> None:
    draft["version"]["delivery_limit"]["amount"] = 90


def deferred_for_no_time(draft: Any) -> None:
    draft["checklist"]["materials"][0]["deferral"] = {"amount": 0, "unit": "workdays", "basis": "容缺受理办法"}


def deferred_by_nothing(draft: Any) -> None:
    draft["checklist"]["materials"][0]["deferral"] = {"amount": 1, "unit": "workdays", "basis": ""}


def deferred_for_years(draft: Any) -> None:
    draft["checklist"]["materials"][0]["deferral"] = {"amount": 365, "unit": "workdays", "basis": "容缺受理办法"}


def with_slow_hours(draft: Any) -> None:
    draft["version"]["promised_limit"] = {"amount": 1000, "unit": "hours", "basis": "本机关承诺"}


def with_slow_situation(draft: Any) -> None:
    draft["situations"]["situations"][0]["promised_limit"] = {"amount": 90, "unit": "workdays", "basis": "本机关承诺"}


def done_at_once_in_days(draft: Any) -> None:
    draft["version"] |= {"four_do": ["at_once"], "project_type": "promised"}


def asking_twice(draft: Any) -> None:
    for name in list(draft["form"]["properties"])[:2]:
        draft["form"]["properties"][name]["x-fact"] = "one-and-the-same"


def exempt_for_no_reason(draft: Any) -> None:
    codes = [a_draft(name)["version"]["item_code"] for name in ("普通货运车辆网上年审", "道路货物运输驾驶员从业资格证换发补发")]
    exemption = {"when": {"always": True}, "reason": "", "reason_en": "", "reference": ""}
    draft["situations"]["bundle"] = {"members": [{"item_code": code, "exemptions": [exemption]} for code in codes]}


def in_a_circle(draft: Any) -> None:
    one, other = (a_draft(name)["version"]["item_code"] for name in ("普通货运车辆网上年审", "道路货物运输驾驶员从业资格证换发补发"))
    draft["situations"]["bundle"] = {"members": [{"item_code": one, "after": [other]}, {"item_code": other, "after": [one]}]}


@pytest.mark.parametrize(
    ("spoil", "rule", "pointer"),
    [
        (without_basis, "step.basis-missing", "/texts/chain/0/basis"),
        (with_second_officer_inside, "step.second-officer", "/texts/chain/0/second_officer"),
        (with_lawless_stop, "stop.basis-missing", "/texts/stops/0/basis"),
        (with_lawless_fee, "fee.basis-missing", "/texts/fee_lines/0/basis"),
        (with_lawless_material, "material.basis-missing", "/checklist/materials/0/basis"),
        (with_endless_report, "material.report-open-ended", "/checklist/materials/0/valid_days"),
        (with_unnamed_report, "material.report-unnamed", "/checklist/materials/0/intermediary"),
        (without_any_law, "item.basis-missing", "/texts/legal_basis"),
        (with_blank_law, "item.basis-missing", "/texts/legal_basis/0"),
        (with_lawless_ground, "ground.basis-missing", "/texts/denial_grounds/0/2"),
        (with_lawless_limit, "item.limit-basis", "/version/statutory_limit/basis"),
        (with_lawless_extension, "item.limit-basis", "/version/extension_limit/basis"),
        (with_endless_extension, "item.limit-too-long", "/version/extension_limit"),
        (with_slow_acceptance, "item.limit-too-long", "/version/acceptance_limit"),
        (with_slow_delivery, "item.limit-too-long", "/version/delivery_limit"),
        (deferred_for_no_time, "material.deferral-none", "/checklist/materials/0/deferral/amount"),
        (deferred_by_nothing, "material.deferral-basis", "/checklist/materials/0/deferral/basis"),
        (deferred_for_years, "material.deferral-too-long", "/checklist/materials/0/deferral"),
        (with_slow_hours, "item.promise-too-long", "/version/promised_limit"),
        (with_slow_situation, "situation.limit-too-long", "/situations/situations/0/promised_limit"),
        (done_at_once_in_days, "item.at-once", "/version/four_do"),
        (exempt_for_no_reason, "bundle.exemption-reason", "/situations/bundle/members/0/exemptions/0/reason"),
        (in_a_circle, "bundle.order-circle", "/situations/bundle/members/0/after"),
    ],
)
async def test_what_the_law_does_not_know_is_refused_with_rule_and_place(seeded: Service, spoil: Any, rule: str, pointer: str) -> None:
    draft = a_draft()
    spoil(draft)

    answer = await seeded.post("/service-items", draft, by=AUTHOR)

    assert answer.status_code == 422
    told = {(one["rule"], one["pointer"]): one for one in answer.json()["errors"]}
    assert (rule, pointer) in told
    assert told[rule, pointer]["detail"]
    assert told[rule, pointer]["detail_en"]


async def test_a_form_that_asks_twice_for_the_same_is_refused(seeded: Service) -> None:
    draft = a_draft()
    asking_twice(draft)

    answer = await seeded.post("/service-items", draft, by=AUTHOR)

    assert [one["rule"] for one in answer.json()["errors"]] == ["form.fact-twice"]


async def test_nothing_of_a_refused_draft_is_kept(service: Service) -> None:
    draft = a_full_draft()
    draft["texts"]["stops"] = [STOP | {"basis": ""}]
    await service.post("/service-items", draft, by=AUTHOR)

    answer = await service.post("/service-items", a_full_draft(), by=AUTHOR)

    assert answer.json()["version_id"].endswith("-v2")
    assert (await service.post(f"/service-items/versions/{answer.json()['version_id']}/review", by=REVIEWER)).status_code == 200
