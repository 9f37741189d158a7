"""Which fields of a form are asked for in a matter, and without which the check refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.catalogue import ChecklistPart, CheckRule, FormPart
from contracts.values import Json, JsonObject
from rules.conditions import OPEN
from rules.fields import FieldAsked, fields_of
from rules.parts import Parts
from rules.reasons import Left
from tests.contracts.builders import TODAY, a_material
from tests.contracts.test_guidance import PARTS

KIND: JsonObject = {"eq": ["form.kind", "family"]}


def a_rule(when: JsonObject, *, pointer: str = "/form/x") -> CheckRule:
    return CheckRule(rule_id="x.rule", when=when, pointer=pointer, message="错", message_en="Wrong", basis="法")


def told(
    *rules: JsonObject, x: JsonObject | None = None, materials: tuple[JsonObject, ...] = (), required: tuple[str, ...] = ()
) -> FieldAsked:
    """How a form of two fields, ``x`` and ``kind``, stands in the situation “new”: what it says of ``x``."""
    properties: JsonObject = {"kind": {"type": "string"}, "x": {"type": "string", **(x or {})}}
    schema: JsonObject = {"type": "object", "properties": properties, "required": list[Json](required)}
    checklist = ChecklistPart(materials=tuple(a_material(when=one) for one in materials), rules=tuple(map(a_rule, rules)))
    parts: Parts = replace(PARTS, form=FormPart(schema=schema), checklist=checklist)
    known = {"situation": "new", "form": OPEN, "materials": OPEN, "by_agent": OPEN}
    [found] = [one for one in fields_of(parts, facts=known, on=TODAY) if one.name == "x"]
    return found


@pytest.mark.parametrize(
    ("rule", "required"),
    [
        ({"missing": "form.x"}, True),
        ({"all": [{"eq": ["situation", "new"]}, {"missing": "form.x"}]}, True),
        ({"all": [{"eq": ["situation", "change"]}, {"missing": "form.x"}]}, False),
        ({"all": [KIND, {"missing": "form.x"}]}, KIND),
        ({"all": [{"eq": ["by_agent", True]}, {"missing": "form.x"}]}, {"eq": ["by_agent", True]}),
        ({"any": [{"missing": "form.x"}, {"eq": ["form.x", "no"]}]}, True),
        ({"not": {"has": "form.x"}}, True),
        ({"all": [{"missing": "form.x"}, {"missing": "form.kind"}]}, {"missing": "form.kind"}),
        ({"missing": "form.x.inside"}, True),
        ({"lt": ["form.x", 2]}, False),
        ({"not": {"in": ["form.x", ["a", "b"]]}}, False),
        ({"all": [{"has": "form.x"}, KIND]}, False),
        ({"any": [KIND, {"all": [{"eq": ["situation", "change"]}, {"missing": "form.x"}]}]}, False),
    ],
)
def test_a_field_is_needed_where_a_rule_holds_without_it(rule: JsonObject, required: Left) -> None:
    assert told(rule).required == required


def test_a_field_is_needed_where_nobody_can_tell_without_it_whether_a_material_is() -> None:
    decides: JsonObject = {"eq": ["form.x", "pre"]}

    assert told(materials=(decides,)).required is True
    assert told(materials=({"all": [KIND, decides]},)).required == KIND
    assert told(materials=({"all": [{"eq": ["situation", "change"]}, decides]},)).required is False
    assert told(materials=({"missing": "form.x"},)).required is False


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        ({"eq": ["situation", "new"]}, True),
        ({"eq": ["situation", "change"]}, False),
        ({"all": [{"eq": ["situation", "new"]}, KIND]}, KIND),
        ({"not": {"eq": ["by_agent", True]}}, {"not": {"eq": ["by_agent", True]}}),
    ],
)
def test_a_field_is_asked_for_by_its_condition_as_far_as_it_is_decided(when: JsonObject, asked: Left) -> None:
    found = told(x={"x-when": when})

    assert (found.asked, found.required) == (asked, False)


def test_what_the_check_refuses_without_is_asked_for_whatever_the_form_says() -> None:
    hidden: JsonObject = {"x-when": {"eq": ["situation", "change"]}}

    assert told(x=hidden, required=("x",)) == FieldAsked(name="x", asked=True, required=True)
    assert told({"all": [KIND, {"missing": "form.x"}]}, x=hidden) == FieldAsked(name="x", asked=KIND, required=KIND)


def test_what_is_not_asked_for_is_not_filled_in_and_asks_for_nothing_else() -> None:
    """``kind`` is not asked for, so nothing that hangs on its value is."""
    unasked: JsonObject = {"x-when": {"eq": ["situation", "change"]}}
    schema: JsonObject = {"type": "object", "properties": {"kind": {**unasked}, "x": {"x-when": KIND}, "y": {}}}
    rules = (a_rule({"all": [KIND, {"missing": "form.y"}]}),)
    parts = replace(PARTS, form=FormPart(schema=schema), checklist=ChecklistPart(materials=(), rules=rules))

    found = fields_of(parts, facts={"situation": "new", "form": OPEN}, on=TODAY)

    assert [(one.name, one.asked, one.required) for one in found] == [("kind", False, False), ("x", False, False), ("y", True, False)]
