"""A form that nobody could ever hand in is refused when it is drafted, at the field; one that somebody can is not."""

import json
from typing import Any

import pytest

from catalog_svc.part.domain import part_defects
from contracts.catalogue import ChecklistPart, FormPart
from contracts.elements import Limit, Unit
from rules.forms import form_defects, own_schema, with_base
from tests.catalog.builders import AUTHOR, LIUYANG, Service, a_draft
from tests.catalog.runs import NAMES, a_row, checked, rows_of
from tests.catalog.tables import HEADINGS, a_workbook
from tests.catalog.test_base_forms import publish
from tests.contracts.builders import FORM, SITUATIONS, TEXTS

NOTHING_MEETS, NEVER_ASKED = "form.unfillable", "form.never-asked"
FIELDS: dict[str, tuple[Any, str, str]] = {
    "a field that is false": (False, NOTHING_MEETS, ""),
    "least above most": ({"type": "integer", "minimum": 5, "maximum": 3}, NOTHING_MEETS, ""),
    "least above most, of no type": ({"minimum": 5, "maximum": 3}, "form.bounds-crossed", "/minimum"),
    "nothing above the least and below the same": ({"exclusiveMinimum": 3, "maximum": 3}, "form.bounds-crossed", "/exclusiveMinimum"),
    "shortest longer than longest": ({"type": "string", "minLength": 9, "maxLength": 2}, NOTHING_MEETS, ""),
    "more entries than may be": ({"type": "array", "minItems": 3, "maxItems": 2}, NOTHING_MEETS, ""),
    "choices of another type": ({"type": "integer", "enum": ["a", "b"]}, NOTHING_MEETS, ""),
    "named choices of another type": ({"type": "integer", "oneOf": [{"const": "a"}, {"const": "b"}]}, NOTHING_MEETS, ""),
    "choices that no expression fits": ({"enum": ["a", "b"], "pattern": "^[0-9]+$"}, NOTHING_MEETS, ""),
    "no branch that fits": ({"anyOf": [False, {"type": "integer", "const": "a"}]}, NOTHING_MEETS, ""),
    "anything, and not that": ({"not": {}}, NOTHING_MEETS, ""),
    "an impossible field in a field": ({"type": "object", "properties": {"b": False}}, NOTHING_MEETS, "/properties/b"),
    "impossible entries": ({"type": "array", "items": {"type": "null", "enum": [1]}}, NOTHING_MEETS, "/items"),
    "a name that is not there": (
        {"type": "object", "properties": {"b": {}}, "required": ["b", "c"], "additionalProperties": False},
        NOTHING_MEETS,
        "/required/1",
    ),
    "a format that nobody knows": ({"type": "string", "format": "mobile-phone"}, "form.format-unknown", "/format"),
}


@pytest.mark.parametrize(("field", "rule", "place"), FIELDS.values(), ids=FIELDS)
async def test_a_field_that_nobody_can_fill_in_is_refused(seeded: Service, field: Any, rule: str, place: str) -> None:
    form = {"type": "object", "additionalProperties": False, "properties": {"a": field}}

    required = await seeded.post("/service-items", a_draft() | {"form": form | {"required": ["a"]}}, by=AUTHOR)
    optional = await seeded.post("/service-items", a_draft() | {"form": form}, by=AUTHOR)
    shared = await seeded.post("/base-forms", a_base_form(form), by=AUTHOR)

    for answer in (required, optional, shared):
        assert answer.status_code == 422, answer.text
        assert (rule, f"/form/properties/a{place}") in [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]


async def test_a_form_that_nobody_can_hand_in_is_refused(seeded: Service) -> None:
    form = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "maxProperties": 0}

    drafted = await seeded.post("/service-items", a_draft() | {"form": form}, by=AUTHOR)

    [told] = [one for one in drafted.json()["errors"] if one["rule"] == NOTHING_MEETS]
    assert (told["pointer"], told["detail_en"]) == ("/form", "No value can meet type, properties, required, maxProperties here")


async def test_a_row_of_a_spreadsheet_with_such_a_form_is_refused(service: Service) -> None:
    form = {"type": "object", "properties": {"a": {"type": "integer", "enum": ["b"]}}}

    run = await checked(service, a_workbook([HEADINGS, a_row(form=json.dumps(form)), a_row(NAMES[1])]))

    rows = [(row["state"], [flaw["rule"] for flaw in row["flaws"]]) for row in await rows_of(service, run)]
    assert rows[0][0] == "bad"
    assert NOTHING_MEETS in rows[0][1]
    assert rows[1] == ("unchanged", [])


async def test_fields_that_wait_for_each_other_are_all_told(seeded: Service) -> None:
    whens = {"a": "b", "b": "c", "c": "a", "before": "nothing", "nothing": None, "after": "a"}
    fields = {name: {"type": "string", **({"x-when": {"has": f"form.{other}"}} if other else {})} for name, other in whens.items()}

    drafted = await seeded.post("/service-items", a_draft() | {"form": {"type": "object", "properties": fields}}, by=AUTHOR)

    told = [one["pointer"] for one in drafted.json()["errors"] if one["rule"] == NEVER_ASKED]
    assert told == [f"/form/properties/{name}/x-when" for name in ("a", "b", "c", "after")]


async def test_a_field_that_waits_for_itself_is_told_unless_something_wants_it(seeded: Service) -> None:
    form = {"type": "object", "properties": {"a": {"type": "string", "x-when": {"has": "form.a"}}}}
    wanting = a_draft() | {"form": form}
    rule = {
        "rule_id": "a.missing",
        "when": {"missing": "form.a"},
        "pointer": "/form/a",
        "message": "缺",
        "message_en": "Missing",
        "basis": "",
    }
    wanting["checklist"] = wanting["checklist"] | {"rules": [rule]}

    drafted = await seeded.post("/service-items", a_draft() | {"form": form}, by=AUTHOR)
    shared = await seeded.post("/base-forms", a_base_form(form), by=AUTHOR)
    required = await seeded.post("/service-items", a_draft() | {"form": form | {"required": ["a"]}}, by=AUTHOR)
    wanted = await seeded.post("/service-items", wanting, by=AUTHOR)

    for answer, told in ((drafted, True), (shared, True), (required, False), (wanted, False)):
        assert ((NEVER_ASKED, "/form/properties/a/x-when") in [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]) is told


async def test_fields_that_wait_for_each_other_over_a_base_form_are_told(service: Service) -> None:
    await publish(service, form={"type": "object", "properties": {"a": {"type": "string", "x-when": {"has": "form.b"}}}})
    own = {"type": "object", "properties": {"b": {"type": "string", "x-when": {"has": "form.a"}}}}

    drafted = await service.post("/service-items", a_draft() | {"form": own, "base_form": "natural-person"}, by=AUTHOR)

    told = [one["pointer"] for one in drafted.json()["errors"] if one["rule"] == NEVER_ASKED]
    assert told == ["/form/properties/a/x-when", "/form/properties/b/x-when"]


OF_BEFORE: Any = {
    "nobody": False,
    "format": {"type": "string", "format": "mobile-phone"},
    "choice": {"type": "integer", "enum": ["a"]},
    "bounds": {"minLength": 3, "maxLength": 1},
    "circle": {"type": "string", "x-when": {"has": "form.circle"}},
}


def test_a_fault_of_a_base_form_in_force_since_before_keeps_no_item_from_being_changed() -> None:
    merged, _ = with_base(FORM, base={"type": "object", "properties": {**OF_BEFORE, "given": {"type": "string"}}})
    own: Any = {"mine": False, "waits": {"type": "string", "x-when": {"has": "form.waits"}}}
    spoiled, _ = with_base(FormPart(schema={"type": "object", "properties": own}), base={"properties": OF_BEFORE})
    crowded, _ = with_base(FormPart(schema={"type": "object", "maxProperties": 0}), base={"required": ["a"], "properties": {"a": {}}})

    assert told_of(merged) == []
    assert own_schema(merged.schema)["properties"] == FORM.schema["properties"]
    assert "/form/nobody" in {one.pointer for one in form_defects(merged, {"nobody": 1})}
    assert told_of(spoiled) == [(NOTHING_MEETS, "/form/properties/mine"), (NEVER_ASKED, "/form/properties/waits/x-when")]
    assert told_of(crowded) == [(NOTHING_MEETS, "/form")]


def told_of(form: FormPart) -> list[tuple[str, str]]:
    checklist, statutory = ChecklistPart(materials=(), rules=()), Limit(amount=20, unit=Unit.WORKDAYS)
    told = part_defects(form=form, situations=SITUATIONS, checklist=checklist, texts=TEXTS, statutory=statutory, certificates=())
    return [(one.rule_id, one.pointer) for one in told]


async def test_an_expression_that_is_read_by_the_check_alone_is_no_failure(service: Service) -> None:
    form = {"type": "object", "properties": {"a": {"type": "string", "pattern": "a**"}}}

    drafted = await service.post("/service-items", a_draft() | {"form": form}, by=AUTHOR)
    shared = await service.post("/base-forms", a_base_form(form), by=AUTHOR)

    assert (drafted.status_code, shared.status_code) == (422, 201), (drafted.text, shared.text)
    assert {one["rule"] for one in drafted.json()["errors"]} == {"checklist.fact-unknown"}
    endless = await service.post("/service-items", content=json.dumps(a_draft() | {"form": {"const": float("inf")}}).encode(), by=AUTHOR)
    assert endless.status_code == 422, endless.text


async def test_a_base_form_with_a_condition_that_nobody_can_read_is_refused(seeded: Service) -> None:
    form = {"type": "object", "properties": {"a/b": {"x-when": {"sometimes": True}}, "c~": {"x-when": "always"}}}

    shared = await seeded.post("/base-forms", a_base_form(form), by=AUTHOR)

    assert shared.status_code == 422
    pointers = [one["pointer"] for one in shared.json()["errors"]]
    assert pointers == ["/form/properties/a~1b/x-when/sometimes", "/form/properties/c~0/x-when"]


FILLABLE: dict[str, Any] = {
    "a branch that nobody takes": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "integer", "minimum": 5, "maximum": 3}]},
    "a list of one and no more": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
    "several types": {"type": ["array", "object"], "anyOf": [{"minItems": 1}, {"minProperties": 1}], "maxItems": 9},
    "a choice of which some are of another type": {"type": "integer", "enum": [1, "a"]},
}


@pytest.mark.parametrize("field", FILLABLE.values(), ids=FILLABLE)
async def test_a_field_that_somebody_can_fill_in_is_not(service: Service, field: Any) -> None:
    form = {"type": "object", "properties": {"a": field}, "required": ["a"]}

    shared = await service.post("/base-forms", a_base_form(form), by=AUTHOR)

    assert shared.status_code == 201, shared.text


def a_base_form(form: Any) -> Any:
    return {"code": "odd", "name": "怪", "name_en": "Odd", "region": LIUYANG, "form": form}
