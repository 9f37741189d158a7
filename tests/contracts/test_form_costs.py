"""A form that was published before its cost was bounded, or is filled in by somebody hostile: checked within bounds, and told so."""

import pytest

from contracts.catalogue import FormPart
from contracts.values import JsonObject
from rules.form_costs import MAX_CHOSEN, MAX_VALUES, cost_defects
from rules.forms import MAX_DEFECTS, form_defects

EXPANDED = r"(((\w{50}){50}){20})"
"""Compiled to 5 MB: a text of 60,000 characters took 15 to 23 s."""
CHOICES: JsonObject = {"oneOf": [{"const": number} for number in range(2, 400)]}


def told(form: JsonObject, **fields: JsonObject) -> list[tuple[str, str]]:
    return [(one.rule_id, one.pointer) for one in form_defects(FormPart(schema={"properties": {**fields}}), form)]


def test_a_long_text_is_told_before_an_expression_is_put_to_it() -> None:
    assert told({"a": "b" * (MAX_CHOSEN + 1)}, a={"pattern": "^a"}) == [("form.maxLength", "/form/a")]


def test_an_expression_is_put_to_a_text_of_its_fields_length() -> None:
    assert told({"a": "b" * 900}, a={"pattern": "^a", "maxLength": 900}) == [("form.pattern", "/form/a")]


def test_an_expression_published_before_the_bounds_is_still_checked() -> None:
    assert told({"a": "a" * 200}, a={"pattern": EXPANDED}) == [("form.pattern", "/form/a")]


def test_a_form_of_too_many_values_is_told_once() -> None:
    assert told({"a": [1] * MAX_VALUES}, a={"items": {"type": "string"}}) == [("form.too-large", "/form")]


def test_a_form_of_few_values_is_checked_wholly() -> None:
    assert len(told({"a": [1] * 2000}, a={"items": {"type": "string"}})) == MAX_DEFECTS


def test_a_list_longer_than_its_form_says_is_told_before_its_entries() -> None:
    assert told({"a": [1] * 21}, a={"maxItems": 20, "items": {"type": "string"}}) == [("form.maxItems", "/form/a")]


def test_numbers_of_thousands_of_digits_are_many_values() -> None:
    assert told({"a": [10**4000] * 60}, a={"items": {"multipleOf": 0.01}}) == [("form.too-large", "/form")]


def test_no_list_is_put_to_a_choice() -> None:
    assert told({"a": [1] * 1000}, a=CHOICES) == [("form.type", "/form/a")]


def test_a_form_that_costs_much_tells_one_fault_at_a_time() -> None:
    assert len(told({"a": [1] * 100}, a={"items": CHOICES})) == 1


def test_a_long_text_beside_much_that_is_missing_is_not_copied_for_each() -> None:
    part = FormPart(schema={"required": [f"f{n}" for n in range(200)]})

    assert [one.rule_id for one in form_defects(part, {"more": "a" * 100_000})] == ["form.too-large"]


@pytest.mark.parametrize("pattern", ["^1[0-9]{10}$", r"^\S+@\S+$", "^[一-龥]{2,50}$", "^[0-9A-Za-z]{1,200}$"])
def test_the_expressions_of_real_fields_cost_little(pattern: str) -> None:
    fields: JsonObject = {f"f{n}": {"type": "string", "maxLength": 200, "pattern": pattern} for n in range(10)}

    assert cost_defects({"type": "object", "properties": fields}) == ()


def test_a_condition_may_put_an_expression_to_a_field_that_says_its_length() -> None:
    then: JsonObject = {"properties": {"a": {"pattern": "^[0-9]{18}$"}}}

    assert cost_defects({"properties": {"a": {"maxLength": 18}}, "if": {"required": ["b"]}, "then": then}) == ()
    assert [one.rule_id for one in cost_defects({"properties": {"a": {}}, "then": then})] == ["form.pattern-too-costly"]
