"""Forms that nobody could hand in are told apart from those that somebody can, at a bounded cost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import FormPart
from contracts.values import JsonObject
from rules.form_costs import cost_defects
from rules.forms import check_schema, form_defects
from rules.unfillable import unfillable_defects

Filled = tuple[JsonObject, Any]
"""A schema and a value that it lets through."""


def a_form(fields: Any, **root: Any) -> JsonObject:
    return {"type": "object", "properties": fields, **root}


WORDS = st.text(alphabet="ab日", max_size=5)


@st.composite
def texts(draw: st.DrawFn) -> Filled:
    value = draw(WORDS)
    rules: JsonObject = {"type": "string"}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "minLength": st.integers(0, len(value)),
        "maxLength": st.integers(len(value), 9),
        "enum": st.lists(WORDS, max_size=3).map(lambda others: [*others, value]),
        "pattern": st.just("^[ab日]*$"),
        "not": st.just({"const": value + "a"}),
    }
    more: JsonObject = draw(st.fixed_dictionaries({}, optional=optional))
    return rules | more, value


@st.composite
def numbers(draw: st.DrawFn) -> Filled:
    step = draw(st.integers(1, 9))
    value = draw(st.integers(-9, 9)) * step
    optional = {
        "minimum": st.integers(-200, value),
        "maximum": st.integers(value, 200),
        "exclusiveMinimum": st.integers(-200, value - 1),
        "exclusiveMaximum": st.integers(value + 1, 200),
        "multipleOf": st.just(step),
    }
    return {"type": draw(st.sampled_from(["integer", "number"]))} | draw(st.fixed_dictionaries({}, optional=optional)), value


def several(filled: st.SearchStrategy[Filled]) -> st.SearchStrategy[Filled]:
    return st.builds(listed, filled, st.integers(0, 3)) | st.builds(together, st.lists(filled, max_size=3))


def listed(filled: Filled, length: int) -> Filled:
    return {"type": "array", "items": filled[0], "minItems": length, "maxItems": max(1, length)}, [filled[1]] * length


def together(inside: list[Filled]) -> Filled:
    fields: JsonObject = {f"f{number}": schema for number, (schema, _) in enumerate(inside)}
    schema = a_form(fields, required=[*fields], additionalProperties=False)
    return schema, {f"f{number}": value for number, (_, value) in enumerate(inside)}


FILLED = st.recursive(texts() | numbers() | st.just(({"format": "date"}, "2026-11-23")), several, max_leaves=5)


@given(inside=st.lists(FILLED, max_size=4), otherwise=FILLED)
def test_a_form_that_somebody_filled_in_is_never_refused(inside: list[Filled], otherwise: Filled) -> None:
    field, value = otherwise
    combined: list[Filled] = [({"anyOf": [field, False]}, value), ({"allOf": [field, {}]}, value), ({"not": {"not": field}}, value)]
    schema, form = together([*inside, *combined])

    assert form_defects(FormPart(schema=schema), form) == ()
    assert unfillable_defects(schema) == ()


def asked_when(when: Any) -> JsonObject:
    return {"type": "string", "x-when": when}


EACH_OTHER: JsonObject = {"a": asked_when({"has": "form.b"}), "b": asked_when({"has": "form.a"})}
ASKED: dict[str, JsonObject] = {
    "either of two": {"mobile": asked_when({"missing": "form.landline"}), "landline": asked_when({"missing": "form.mobile"})},
    "not where the other is": {"a": asked_when({"not": {"has": "form.b"}}), "b": asked_when({"not": {"has": "form.a"}})},
    "in a situation, and kept": {"a": asked_when({"any": [{"eq": ["situation", "x"]}, {"has": "form.a"}]})},
    "as two members ask": {
        "p": asked_when({"any": [{"has": "form.q"}, {"eq": ["situation", "one"]}]}),
        "q": asked_when({"any": [{"has": "form.p"}, {"eq": ["situation", "other"]}]}),
    },
    "one after the other": {"a": asked_when({"has": "form.b"}), "b": asked_when({"eq": ["form.c", "x"]}), "c": {"type": "string"}},
    "answered before": {**EACH_OTHER, "a": asked_when({"has": "form.b"}) | {"x-fact": "child.born_on"}},
    "of something that the form does not have": {"a": asked_when({"has": "form.elsewhere"})},
}


@pytest.mark.parametrize("fields", ASKED.values(), ids=ASKED)
def test_fields_that_some_answer_asks_for_are_not_told(fields: JsonObject) -> None:
    assert unfillable_defects(a_form(fields)) == ()


def test_fields_that_the_form_or_the_checklist_wants_are_asked_for() -> None:
    assert unfillable_defects(a_form(EACH_OTHER, required=["a"])) == ()
    assert unfillable_defects(a_form(EACH_OTHER), wanted=["b"]) == ()


def test_fields_that_no_answer_asks_for_are_each_told() -> None:
    both: JsonObject = {"all": [{"has": "form.a"}, {"missing": "form.c"}]}
    never: JsonObject = {
        "after": asked_when({"eq": ["form.b", "x"]}),
        "too": asked_when(both),
        "itself": asked_when({"has": "form.itself.x"}),
    }
    fields: JsonObject = {**EACH_OTHER, **never, "c": {"type": "string"}, "late": asked_when({"any": [both, {"has": "form.c"}]})}

    told = unfillable_defects(a_form(fields))

    assert [(one.rule_id, one.pointer) for one in told] == [
        ("form.never-asked", f"/form/properties/{name}/x-when") for name in ("a", "b", "after", "too", "itself")
    ]


SCALARS: JsonObject = {"oneOf": [{"type": "string", "minLength": n, "maxLength": n + 300} for n in range(300)]}
DIVIDED: JsonObject = {"type": "integer", "allOf": [{"multipleOf": 2**63 - 25 - 2 * n} for n in range(500)]}
IFS: list[Any] = [
    {"if": {"properties": {f"f{n}": {"const": "x"}}, "required": [f"f{n}"]}, "then": {"required": [f"f{n + 1}"]}} for n in range(12)
]
COSTLY: dict[str, JsonObject] = {
    "ranges of which exactly one fits": a_form({"a": SCALARS}),
    "many divisors": a_form({"a": DIVIDED}),
    "many conditions": a_form({"a": {"type": "string"}}, allOf=IFS),
    "names that ask for names": a_form({}, dependentRequired={f"f{n}": [f"f{n + 1}"] for n in range(1500)}, required=["f0"]),
}
"""The library that reasons about schemas thinks for seconds to hours about each."""


@pytest.mark.parametrize("schema", COSTLY.values(), ids=COSTLY)
def test_rules_that_combine_endlessly_are_left_out_and_the_rest_is_looked_at(schema: JsonObject) -> None:
    spoiled = schema | {"properties": {**schema["properties"], "b": False}}  # type: ignore[dict-item]

    assert unfillable_defects(schema) == ()
    assert [one.pointer for one in unfillable_defects(spoiled)] == ["/form/properties/b"]


def test_a_form_is_judged_once_while_it_is_one_of_the_latest() -> None:
    def judged(number: int) -> Any:
        return unfillable_defects(a_form({"a": False, "b": {"type": "string", "maxLength": number}}))[0]

    first = judged(0)

    assert judged(0) is first
    assert [judged(number).pointer for number in range(1, 300)] == ["/form/properties/a"] * 299
    assert judged(0) is not first
    assert judged(0) == first


@pytest.mark.parametrize("pattern", ["a**", r"(?-u)\w", r"(?u-s:.)"])
def test_an_expression_of_which_some_engines_know_nothing_is_no_fault(pattern: str) -> None:
    schema = a_form({"a": {"type": "string", "pattern": pattern}, "b": False})

    check_schema(schema)

    assert [one.pointer for one in unfillable_defects(schema)] == ["/form/properties/b"]


def test_every_format_that_nobody_checks_is_told_where_it_stands() -> None:
    odd: JsonObject = {"format": "odd"}
    inside: JsonObject = {"items": odd, "prefixItems": [{}, odd], "not": {"anyOf": [{}, odd]}, "properties": {"x/y": odd, "format": {}}}
    schema = a_form({"a": odd | {"type": "string"}, "b": {"format": "date"}, "c": inside, "format": {"enum": [odd]}, "d": {"const": odd}})

    told = [one.pointer for one in unfillable_defects(schema) if one.rule_id == "form.format-unknown"]

    places = ("items", "not/anyOf/1", "properties/x~1y", "prefixItems/1")
    assert told == ["/form/properties/a/format", *(f"/form/properties/c/{place}/format" for place in places)]


def test_thousands_of_names_that_are_not_there_are_each_told() -> None:
    schema = a_form({}, additionalProperties=False, required=[f"f{n}" for n in range(5000)])

    assert len(unfillable_defects(schema)) == 5000


def test_what_several_types_may_cost_is_bounded_like_any_other() -> None:
    rules: JsonObject = {"type": ["array", "object"], "allOf": [{"maxItems": 1}] * 2000}

    assert [one.rule_id for one in cost_defects(a_form({"a": rules}))] == ["form.too-costly"]
