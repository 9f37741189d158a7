"""Bundles: an order that can be kept, and one form and checklist in which everything is asked for once, under its member's condition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import ChecklistPart, CheckRule, Fact, FormPart, Situation, SituationsPart
from contracts.elements import Bundle, BundleMember, Exemption, Limit, Unit
from contracts.values import ItemCode
from rules.bundles import Merged, merge, order_defects, own_parts
from rules.check import check, materials_needed
from rules.conditions import Truth
from rules.parts import Parts
from tests.contracts.builders import ALWAYS, NOON, TEXTS, TODAY, a_file, a_material, a_version, an_application

A, B, C, OWN = (ItemCode(f"00010000{letter}000") for letter in "ABCZ")


def a_bundle(*members: BundleMember) -> Bundle:
    return Bundle(members=members)


def a_member(code: ItemCode, *after: ItemCode, **said: Any) -> BundleMember:
    return BundleMember(item_code=code, after=after, **said)


def told(bundle: Bundle, contents: dict[ItemCode, list[ItemCode]] | None = None) -> list[tuple[str, str]]:
    return [(one.rule_id, one.pointer) for one in order_defects(bundle, own=OWN, contents=contents or {})]


MEMBERS = "/situations/bundle/members"


def test_an_order_without_a_circle_can_be_kept() -> None:
    assert told(a_bundle(a_member(A), a_member(B, A), a_member(C, A, B))) == []


@pytest.mark.parametrize(
    ("bundle", "contents", "defect"),
    [
        (a_bundle(a_member(A, B), a_member(B, A)), {}, ("bundle.order-circle", f"{MEMBERS}/0/after")),
        (a_bundle(a_member(A), a_member(B, B)), {}, ("bundle.order-circle", f"{MEMBERS}/1/after")),
        (a_bundle(a_member(A), a_member(A)), {}, ("bundle.repeated", f"{MEMBERS}/1/item_code")),
        (a_bundle(a_member(A), a_member(B, C)), {}, ("bundle.order-unknown", f"{MEMBERS}/1/after/0")),
        (a_bundle(a_member(A), a_member(OWN)), {}, ("bundle.circle", f"{MEMBERS}/1/item_code")),
        (a_bundle(a_member(A), a_member(B)), {B: [C], C: [OWN]}, ("bundle.circle", f"{MEMBERS}/1/item_code")),
    ],
    ids=["circle", "itself first", "twice", "unknown", "itself", "itself inside"],
)
def test_an_order_that_cannot_be_kept_is_told(bundle: Bundle, contents: Any, defect: tuple[str, str]) -> None:
    assert told(bundle, contents) == [defect]


@given(edges=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_a_circle_is_told_exactly_when_no_sequence_keeps_the_order(edges: set[tuple[int, int]]) -> None:
    codes = [ItemCode(f"00010000000{number}") for number in range(6)]
    bundle = a_bundle(
        *(a_member(code, *(codes[first] for first, then in sorted(edges) if then == index)) for index, code in enumerate(codes))
    )
    reached = {(first, then) for first, then in edges}
    while more := {(a, d) for a, b in reached for c, d in reached if b == c} - reached:
        reached |= more

    assert bool(told(bundle)) == any(first == then for first, then in reached)


NAME: dict[str, Any] = {"type": "string", "maxLength": 50, "x-label": "名称", "x-label-en": "Name", "x-fact": "firm.name"}
AREA: dict[str, Any] = {"type": "integer", "minimum": 1, "x-label": "面积", "x-label-en": "Area"}


def the_parts(*, properties: dict[str, Any], required: tuple[str, ...] = (), **said: Any) -> Parts:
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}
    situations = SituationsPart(
        facts=(
            Fact(
                name="kind",
                question="新办还是变更",
                question_en="New?",
                kind="choice",
                choices=(("new", "新办", "New"), ("change", "变更", "Change")),
            ),
        ),
        situations=(
            Situation(situation_id="first", name="新办", name_en="New", when={"eq": ["kind", "new"]}),
            Situation(situation_id="again", name="变更", name_en="Change", when={"eq": ["kind", "change"]}),
        ),
    )
    whole = Parts(
        version=a_version(),
        form=FormPart(schema=schema),
        situations=situations,
        checklist=ChecklistPart(materials=(a_material(),), rules=()),
        texts=TEXTS,
    )
    return replace(whole, **said)


OWN_SITUATIONS = SituationsPart(
    facts=(Fact(name="food", question="是否经营食品", question_en="Food?", kind="boolean"),),
    situations=(Situation(situation_id="open", name="开办", name_en="Opening", when=ALWAYS),),
)
EMPTY = FormPart(schema={"type": "object", "additionalProperties": False, "properties": {}})
NOTHING = ChecklistPart(materials=(), rules=())


def merged(*members: tuple[BundleMember, Parts], form: FormPart = EMPTY) -> Merged:
    return merge(form=form, situations=OWN_SITUATIONS, checklist=NOTHING, members=members)


FOOD = {"eq": ["food", True]}
LICENCE = the_parts(properties={"name": NAME}, required=("name",))
PERMIT = the_parts(
    properties={"name": NAME | {"x-label": "字号"}, "area": AREA},
    required=("name", "area"),
    checklist=ChecklistPart(
        materials=(a_material(), a_material(code="layout", when={"eq": ["situation", "first"]})),
        rules=(
            CheckRule(
                rule_id="area", when={"gt": ["form.area", 100]}, pointer="/form/area", message="过大", message_en="Too large", basis="示例"
            ),
        ),
    ),
)


def as_parts(found: Merged) -> Parts:
    return Parts(version=a_version(), form=found.form, situations=found.situations, checklist=found.checklist, texts=TEXTS)


def test_what_several_members_ask_for_is_asked_for_once() -> None:
    found = merged((a_member(A), LICENCE), (a_member(B, when=FOOD), PERMIT))

    assert found.defects == []
    assert list(cast("dict[str, Any]", found.form.schema["properties"])) == ["name", "area"]
    assert [one.code for one in found.checklist.materials] == ["premises", "layout"]
    assert [one.name for one in found.situations.facts] == ["food", "kind"]


def test_a_member_that_does_not_run_asks_for_nothing() -> None:
    exempt = a_member(B, exemptions=(Exemption(when={"eq": ["food", False]}, reason="区域评估", reason_en="Area", reference="文号"),))
    parts = as_parts(merged((a_member(A), LICENCE), (exempt, PERMIT)))

    def needed(*, food: bool) -> list[str]:
        facts = {"food": food, "kind": "new"}
        return [rule.code for rule, truth in materials_needed(parts, facts=facts, on=TODAY) if truth is Truth.TRUE]

    def broken(*, food: bool, **form: Any) -> list[tuple[str, str]]:
        application = an_application(
            situation="open", facts={"food": food, "kind": "new"}, form=form, materials=(a_file(), a_file(code="layout"))
        )
        return [(one.rule_id, one.pointer) for one in check(parts, application=application, at=NOON)]

    assert (needed(food=True), needed(food=False)) == (["premises", "layout"], ["premises"])
    assert broken(food=False, name="小吃店") == []
    assert broken(food=True, name="小吃店") == [(f"{B}.form.area", "/form/area")]
    assert broken(food=True, name="小吃店", area=200) == [(f"{B}.area", "/form/area")]
    assert broken(food=False, name="小吃店", area=200) == []
    assert broken(food=False) == [(f"{A}.form.name", "/form/name")]


def test_a_situation_of_a_member_is_said_by_the_facts_that_make_it() -> None:
    parts = as_parts(merged((a_member(B), PERMIT)))
    facts = {"food": True, "kind": "change"}

    assert [rule.code for rule, truth in materials_needed(parts, facts=facts, on=TODAY) if truth is not Truth.FALSE] == ["premises"]


MEMBER_PARTS = (LICENCE, PERMIT, the_parts(properties={"area": AREA}), the_parts(properties={}))


@given(chosen=st.lists(st.sampled_from(MEMBER_PARTS), min_size=1, max_size=3), asked=st.booleans())
def test_a_bundles_own_words_are_found_again_in_what_was_merged(chosen: list[Parts], *, asked: bool) -> None:
    members = [(a_member(code), parts) for code, parts in zip((A, B, C), chosen, strict=False)]
    form = replace(EMPTY, schema={**EMPTY.schema, "required": ["area"]}) if asked else EMPTY

    once = merge(form=form, situations=OWN_SITUATIONS, checklist=NOTHING, members=members)
    own = own_parts(form=once.form, situations=once.situations, checklist=once.checklist)

    if not asked or "area" in cast("dict[str, Any]", once.form.schema["properties"]):
        assert own == (form, OWN_SITUATIONS, NOTHING)


def test_what_a_member_no_more_asks_for_leaves_the_bundle_when_it_is_drafted_anew() -> None:
    once = merged((a_member(A), LICENCE), (a_member(B), PERMIT))
    form, situations, checklist = own_parts(form=once.form, situations=once.situations, checklist=once.checklist)
    less = the_parts(properties={"name": NAME}, checklist=NOTHING)

    again = merge(form=form, situations=situations, checklist=checklist, members=((a_member(A), less), (a_member(B), less)))

    assert list(cast("dict[str, Any]", again.form.schema["properties"])) == ["name"]
    assert (again.checklist, again.defects) == (NOTHING, [])


DEFERRED, PROMISED = Limit(amount=5, unit=Unit.WORKDAYS), Limit(amount=3, unit=Unit.WORKDAYS)


@pytest.mark.parametrize(
    ("one", "other", "field", "expected"),
    [
        ({"deferral": DEFERRED}, {}, "deferral", None),
        ({"deferral": DEFERRED}, {"deferral": PROMISED}, "deferral", PROMISED),
        ({"by_commitment": True}, {}, "by_commitment", False),
        ({"replaced_by": ("licence", "id-card")}, {"replaced_by": ("id-card",)}, "replaced_by", ("id-card",)),
        ({"valid_days": 180}, {"valid_days": 90}, "valid_days", 90),
        ({"valid_days": 180}, {}, "valid_days", 180),
        ({"copies": 2, "original_seen": True}, {"copies": 1}, "copies", 2),
        ({"trust": "B"}, {"trust": "C"}, "trust", "B"),
        ({"max_bytes": 10}, {"max_bytes": 20}, "max_bytes", 10),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_two_demands_for_one_file_the_stricter_holds_in_either_order(
    one: dict[str, Any], other: dict[str, Any], field: str, expected: object, *, turned: bool
) -> None:
    demands = [
        the_parts(properties={}, checklist=ChecklistPart(materials=(replace(a_material(), **said),), rules=())) for said in (one, other)
    ]
    first, second = reversed(demands) if turned else demands

    [row] = merged((a_member(A), first), (a_member(B), second)).checklist.materials

    assert getattr(row, field) == expected


@pytest.mark.parametrize("turned", [False, True])
def test_a_file_that_one_member_must_have_is_not_demanded_where_only_one_that_would_like_it_runs(*, turned: bool) -> None:
    must, wish = (
        the_parts(properties={}, checklist=ChecklistPart(materials=(replace(a_material(), required=required),), rules=()))
        for required in (True, False)
    )
    members = [(a_member(A, when=FOOD), must), (a_member(B), wish)]
    parts = as_parts(merged(*(reversed(members) if turned else members)))

    def needed(*, food: bool) -> list[tuple[str, bool]]:
        found = materials_needed(parts, facts={"food": food, "kind": "new"}, on=TODAY)
        return [(rule.code, rule.required) for rule, truth in found if truth is Truth.TRUE]

    assert (needed(food=True), needed(food=False)) == ([("premises", True)], [])


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        (the_parts(properties={"name": NAME | {"maxLength": 10}}), "bundle.field-conflict"),
        (the_parts(properties={"firm": NAME}), "bundle.fact-twice"),
        (
            the_parts(
                properties={},
                situations=SituationsPart(facts=(Fact(name="kind", question="?", question_en="?", kind="boolean"),), situations=()),
            ),
            "bundle.fact-conflict",
        ),
        (the_parts(properties={}, form=FormPart(schema={"type": "object", "allOf": []})), "bundle.form-rules"),
    ],
)
def test_members_that_disagree_are_told_with_their_place(other: Parts, rule: str) -> None:
    found = merged((a_member(A), LICENCE), (a_member(B), other))

    assert [(one.rule_id, one.pointer) for one in found.defects] == [(rule, f"{MEMBERS}/1/item_code")]


def test_where_the_bundle_says_itself_its_word_holds() -> None:
    own = FormPart(schema={"type": "object", "properties": {"name": NAME | {"maxLength": 20}}})

    found = merged((a_member(A), LICENCE), (a_member(B), the_parts(properties={"name": NAME | {"maxLength": 10}})), form=own)

    assert found.defects == []
    assert found.form.schema["properties"] == {"name": NAME | {"maxLength": 20}}


def test_a_field_is_asked_for_when_any_member_asks_for_it_by_the_facts_that_make_the_members_situation() -> None:
    first, again = AREA | {"x-when": {"eq": ["situation", "first"]}}, AREA | {"x-when": {"eq": ["situation", "again"]}}

    alone = merged((a_member(A, when=FOOD), the_parts(properties={"area": first})))
    both = merged((a_member(A, when=FOOD), the_parts(properties={"area": first})), (a_member(B), the_parts(properties={"area": again})))
    always = merged((a_member(A), the_parts(properties={"area": first})), (a_member(B), the_parts(properties={"area": AREA})))

    new, change = {"eq": ["kind", "new"]}, {"eq": ["kind", "change"]}
    assert both.defects == []
    fields: list[Any] = [one.form.schema["properties"] for one in (alone, both, always)]
    assert [one["area"].get("x-when") for one in fields] == [
        {"all": [FOOD, new]},
        {"any": [{"all": [FOOD, new]}, change]},
        None,
    ]
