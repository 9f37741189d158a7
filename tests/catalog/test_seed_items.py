"""The items of the seed, written out: what there is, that each says what a window needs, and that every situation has its own."""

from datetime import date
from itertools import product
from typing import Any

import pytest

from catalog_svc.seed.reading import OfferedItem
from contracts.catalogue import ApprovalType, ChecklistPart, Fact, FormPart, MaterialRule
from contracts.codec import encode_object
from contracts.elements import StepAct, Unit
from contracts.values import JsonObject, Mode, canonical_json
from rules.check import materials_needed
from rules.conditions import Truth, compiled, evaluate
from rules.parts import Parts
from rules.situations import promised_limit, stand
from tests.catalog.builders import LIUYANG, SEED, TONGGU, WANZAI, Service

ITEMS = SEED.items
TODAY = date(2026, 11, 21)
BY_CODE = {one.draft.content.item_code: one for one in ITEMS if one.region == LIUYANG}
MUST_BE_THERE = {
    "000131014000": "个体工商户登记",
    "000118003000": "普通货物运输经营许可",
    "000131012000": "食品经营许可证核发",
    "000123001000": "公共场所卫生许可",
    "000109001000": "旅馆业特种行业许可",
    "000135001000": "烟草专卖零售许可",
    "002000002000": "一照通行涉企经营许可一件事",
    "000709015000": "户口迁入核准",
    "000709016000": "户口迁出登记",
    "000709017000": "户口迁入登记",
    "002000001000": "户口迁移一件事",
    "000511001000": "困难残疾人生活补贴申请",
    "000511002000": "重度残疾人护理补贴申请",
}
"""What the build and its scenarios name, by base code."""
BY_NAME = (
    "居民身份证换领",
    "异地就医结算备案",
    "购房提取住房公积金",
    "租房提取住房公积金",
    "企业职工基本养老保险关系转移接续",
    "占用、挖掘城市道路审批",
)
BUNDLES = [one for one in ITEMS if one.draft.parts.situations.bundle is not None]
PLAIN = [one for one in ITEMS if one.draft.parts.situations.bundle is None and one.draft.content.approval_type is not ApprovalType.NONE]


def named(offered: OfferedItem) -> str:
    return f"{offered.region}-{offered.draft.content.name}"


def whole(offered: OfferedItem) -> Parts:
    of = offered.draft.parts
    return Parts(version=None, form=of.form, situations=of.situations, checklist=of.checklist, texts=of.texts)  # type: ignore[arg-type]


def answers_to(fact: Fact) -> list[object]:
    return [True, False] if fact.kind == "boolean" else [value for value, _, _ in fact.choices]


def ways_to(offered: OfferedItem) -> dict[str, list[JsonObject]]:
    """Of each situation every full set of answers that makes it."""
    table = offered.draft.parts.situations
    found: dict[str, list[JsonObject]] = {}
    for values in product(*map(answers_to, table.facts)):
        answers: Any = dict(zip((fact.name for fact in table.facts), values, strict=True))
        made, _ = stand(table, answers, at=TODAY)
        assert made is not None
        found.setdefault(made.situation_id, []).append({**answers, "situation": made.situation_id})
    return found


def asked(form: FormPart, facts: JsonObject) -> frozenset[str]:
    """Fields of the form that are asked for, as far as the facts tell."""
    fields: Any = form.schema["properties"]
    return frozenset(
        name
        for name, one in fields.items()
        if "x-when" not in one or evaluate(compiled(one["x-when"]), facts, at=TODAY).truth is not Truth.FALSE
    )


def needed(offered: OfferedItem, facts: JsonObject) -> frozenset[str]:
    return frozenset(rule.code for rule, _ in materials_needed(whole(offered), facts=facts, on=TODAY))


def test_what_the_build_names_is_written_out_and_more_than_fifty_in_all() -> None:
    assert {code: BY_CODE[code].draft.content.name for code in MUST_BE_THERE} == MUST_BE_THERE  # type: ignore[index]
    assert set(BY_NAME) <= {one.draft.content.name for one in ITEMS}
    assert len(BY_CODE) >= 50
    assert {one.draft.content.approval_type for one in ITEMS} == set(ApprovalType)
    assert len({one.draft.content.credential_type for one in ITEMS} - {None}) >= 10


def test_both_counties_of_the_demonstration_decide_the_main_ones() -> None:
    here, there = ({one.draft.content.name for one in ITEMS if one.region == region} for region in (LIUYANG, TONGGU))

    assert {
        "个体工商户登记",
        "普通货物运输经营许可",
        "食品经营许可证核发",
        "公共场所卫生许可",
        "异地就医结算备案",
        "居民身份证换领",
    } <= here & there
    assert {"户口迁移一件事", "户口迁出登记"} <= {one.draft.content.name for one in ITEMS if one.region == WANZAI}


@pytest.mark.parametrize("offered", PLAIN, ids=named)
def test_an_item_says_all_that_a_guide_needs_with_the_law_of_each(offered: OfferedItem) -> None:
    content, of = offered.draft.content, offered.draft.parts

    assert of.texts.conditions
    assert of.texts.legal_basis
    assert of.texts.denial_grounds
    assert all(law for *_, law in of.texts.denial_grounds)
    assert all(one.basis for one in of.checklist.materials)
    assert all(one.basis for one in of.checklist.rules)
    assert all(limit.basis for limit in (content.acceptance_limit, content.statutory_limit, content.promised_limit, content.delivery_limit))
    assert of.texts.result_name
    if content.item_code != "000131014000":
        assert of.texts.result_type
        assert content.lists


@pytest.mark.parametrize("offered", PLAIN, ids=named)
def test_every_situation_has_its_checklist_its_form_and_its_limit(offered: OfferedItem) -> None:
    content, of = offered.draft.content, offered.draft.parts
    ways = ways_to(offered)

    assert set(ways) == {one.situation_id for one in of.situations.situations}
    for situation, every in ways.items():
        assert all(needed(offered, facts) for facts in every), situation
        assert all(asked(of.form, facts) for facts in every), situation
        assert promised_limit(of.situations, situation=situation, otherwise=content.promised_limit).basis


@pytest.mark.parametrize("offered", [one for one in PLAIN if len(one.draft.parts.situations.situations) > 1], ids=named)
def test_no_two_situations_of_an_item_are_the_same_matter(offered: OfferedItem) -> None:
    of = offered.draft.parts
    told = [
        (needed(offered, every[0]), asked(of.form, every[0]), promised_limit(of.situations, situation=name, otherwise=NO_LIMIT))
        for name, every in ways_to(offered).items()
    ]

    assert len(set(told)) == len(told)


NO_LIMIT = ITEMS[0].draft.content.promised_limit


@pytest.mark.parametrize("region", [LIUYANG, TONGGU])
def test_the_five_situations_of_a_freight_licence_are_five_checklists_five_forms_and_five_limits(region: str) -> None:
    [offered] = [one for one in ITEMS if (one.region, one.draft.content.name) == (region, "普通货物运输经营许可")]
    of, ways = offered.draft.parts, ways_to(offered)

    lists = {name: needed(offered, next(one for one in every if one["by_agent"] is False)) for name, every in ways.items()}
    forms = {asked(of.form, every[0]) for every in ways.values()}
    limits = {promised_limit(of.situations, situation=name, otherwise=offered.draft.content.promised_limit) for name in ways}

    assert set(ways) == {"new", "lost", "change", "renew", "cancel"}
    assert len(set(lists.values())) == len(forms) == len(limits) == 5
    assert "freight_safety_rules" in lists["new"]
    assert "freight_licence" not in lists["lost"]


def test_a_table_asks_at_most_six_questions_and_the_freight_licence_ends_after_one_for_who_has_none() -> None:
    freight = BY_CODE["000118003000"]  # type: ignore[index]

    assert max(len(one.draft.parts.situations.facts) for one in ITEMS) <= 6
    assert stand(freight.draft.parts.situations, {"holds_licence": False}, at=TODAY)[0] is not None


def test_nothing_is_carried_to_a_hygiene_permit_that_cannot_be_called_promised_or_written_there() -> None:
    """「现场提交12份申请材料」 before; N-32."""
    hygiene = BY_CODE["000123001000"]  # type: ignore[index]
    facts: JsonObject = {"situation": "new", "matter": "new", "central_air": True, "by_agent": True}
    rules = [rule for rule, _ in materials_needed(whole(hygiene), facts=facts, on=TODAY)]

    carried = [one.code for one in rules if not (one.replaced_by or one.by_commitment)]

    assert len(rules) == 12
    assert carried == ["application_form", "mandate", "commitment"], "what the applicant signs on the spot"


def test_a_road_is_approved_within_hours_and_a_food_permit_goes_through_four_hands() -> None:
    road = next(one.draft for one in ITEMS if one.draft.content.name == "占用、挖掘城市道路审批")
    food = BY_CODE["000131012000"].draft  # type: ignore[index]

    limits = {one.situation_id: one.promised_limit for one in road.parts.situations.situations}
    assert limits["occupy"] is not None
    assert (limits["occupy"].amount, limits["occupy"].unit) == (2, Unit.HOURS)
    assert [(one.organ_role, one.act) for one in food.parts.texts.chain] == [
        ("subdistrict_office", StepAct.ACCEPT),
        ("market_station", StepAct.INSPECT),
        ("market_window", StepAct.DECIDE),
        ("subdistrict_office", StepAct.DELIVER),
    ]


def test_a_field_of_one_name_is_the_same_question_in_every_item_that_has_its_fact() -> None:
    asked_by: dict[str, set[bytes]] = {}
    for one in ITEMS:
        properties: Any = one.draft.parts.form.schema["properties"]
        for name, field in properties.items():
            if "x-fact" in field:
                said = {
                    key: value for key, value in field.items() if key not in {"x-label", "x-label-en", "x-order", "x-when", "x-options"}
                }
                asked_by.setdefault(name, set()).add(canonical_json(said))

    assert [name for name, said in asked_by.items() if len(said) > 1] == []


def test_a_version_is_small_beside_what_it_shares() -> None:
    assert max(len(canonical_json(encode_object(one.draft.content))) for one in ITEMS) <= 2_048


async def version_of(service: Service, name: str, region: str = LIUYANG) -> Any:
    [found] = [one for one in ITEMS if (one.region, one.draft.content.name) == (region, name)]
    catalogue = service.context.catalogue
    [entry] = catalogue.versions_of(found.draft.content.item_code, found.region)
    return catalogue.parts(entry.version_id)


def codes(*names: str) -> list[str]:
    return [next(one.draft.content.item_code for one in ITEMS if one.draft.content.name == name) for name in names]


async def test_a_move_of_a_household_is_three_acts_in_order_with_one_form(seeded: Service) -> None:
    """SC-01; published by both places, in the one mode that lets several work on it."""
    for region in (LIUYANG, WANZAI):
        move = await version_of(seeded, "户口迁移一件事", region)

        permit, leave, arrive = codes("户口迁入核准", "户口迁出登记", "户口迁入登记")
        assert [(one.item_code, one.after) for one in move.situations.bundle.members] == [
            (permit, ()),
            (leave, (permit,)),
            (arrive, (leave,)),
        ]
        assert Mode.JOINT in move.version.modes
        fields = move.form.schema["properties"]
        assert {"move_ground", "move_from_address", "move_to_address", "household_no", "result_by"} <= set(fields)
        assert fields["household_no"]["x-when"] == {"eq": ["new_household", False]}
        assert _needed(move.checklist, {"situation": "relative", "to_relative": True, "whole_household": True, "new_household": False}) == {
            "id_card",
            "household_book",
            "move_in_home",
            "other_household_book",
            "relation_proof",
        }, "what one act hands to the next is asked of nobody"


async def test_one_licence_goes_through_four_permits_side_by_side_with_shared_materials_once(seeded: Service) -> None:
    """SC-08."""
    merged = await version_of(seeded, "一照通行涉企经营许可一件事")
    bundle = merged.situations.bundle

    members = codes("食品经营许可证核发", "旅馆业特种行业许可", "烟草专卖零售许可", "公共场所卫生许可")
    assert [one.item_code for one in bundle.members] == members
    assert all(one.after == () for one in bundle.members)
    assert bundle.partial
    singly: Any = [BY_CODE[code].draft.parts for code in members]  # type: ignore[index]
    assert len(merged.checklist.materials) < sum(len(one.checklist.materials) for one in singly)
    assert len(merged.form.schema["properties"]) < 5 + sum(len(one.form.schema["properties"]) for one in singly)
    hotel: JsonObject = {"matter": "new", "situation": "new", "sells_food": False, "takes_guests": True, "bath_or_beauty": False}
    alone = _needed(merged.checklist, {**hotel, "sells_tobacco": False, "central_air": False, "by_agent": False})
    assert {"fire_safety_opinion", "hygiene_report", "business_licence"} <= alone
    assert "tobacco_permit" not in alone
    assert "food_safety_rules" not in alone


def _needed(checklist: ChecklistPart, facts: JsonObject) -> set[str]:
    def certain(one: MaterialRule) -> bool:
        return evaluate(compiled(one.when), facts, at=TODAY).truth is not Truth.FALSE

    return {one.code for one in checklist.materials if certain(one)}
