"""Input that means no good: refused by its rule, never by a crash."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalog_svc.base_form.api import BaseFormBody
from tests.catalog.builders import AUTHOR, LIUYANG, SOLE_TRADER, SOLE_TRADER_ITEM, Service, a_draft

NUL = "\x00"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/regions", {"q": NUL}),
        ("/regions", {"after": NUL}),
        ("/organs", {"after": NUL}),
        ("/base-items", {"after": NUL}),
        ("/agreements", {"after": NUL}),
        ("/service-items", {"q": NUL}),
        ("/service-items", {"after": NUL}),
        ("/search", {"q": NUL}),
        ("/search", {"q": "公积金", "skip": "99999999999999999999"}),
        ("/search/words", {"after": "99999999999999999999"}),
        (f"/service-items/{SOLE_TRADER_ITEM}/guide", {"fact.matter": NUL}),
        ("/routes", {"item": "000131014000", "region": "430181", "from": "360926", "at": "0001-01-01T00:00:00Z"}),
        ("/routes", {"item": "000131014000", "region": "430181", "from": "360926", "at": "9999-12-31T23:59:59Z"}),
        ("/calendars/100000/99999", {}),
        ("/regions/%00", {}),
    ],
)
async def test_no_query_brings_it_down(seeded: Service, path: str, query: dict[str, str]) -> None:
    answer = await seeded.get(path, query)

    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "spoil",
    [
        {"form": {"type": "object", "properties": {"a": {"x-label": NUL}}}},
        {"form": {"type": "object", "properties": [1]}},
        {"form": {"type": "object", "properties": {NUL: {}}}},
        {"version": a_draft()["version"] | {"credential_type": NUL}},
        {"version": a_draft()["version"] | {"name": f"个体{NUL}"}},
        {"texts": a_draft()["texts"] | {"fees": NUL}},
        {"checklist": {"materials": [], "rules": [], "more": []}},
        {"situations": {"facts": [], "situations": []}},
        {"form": {"type": "object", "required": 5}},
        {"form": {"type": "object", "required": [["a"]], "properties": {}}, "base_form": "natural-person"},
        {"form": {"type": "object", "required": 5, "properties": {}}, "base_form": "natural-person"},
        {"form": {"type": "object", "properties": [1]}, "base_form": "natural-person"},
    ],
)
async def test_no_draft_brings_it_down(seeded: Service, spoil: Any) -> None:
    answer = await seeded.post("/service-items", a_draft() | spoil, by=AUTHOR)

    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
async def test_a_number_beyond_all_bounds_is_refused(seeded: Service, number: str) -> None:
    body = json.dumps(a_draft() | {"form": {"type": "object", "maximum": 12345}}).replace("12345", number)

    answer = await seeded.post("/service-items", content=body.encode(), by=AUTHOR)

    assert answer.status_code in {400, 422}


async def test_half_a_character_is_refused(seeded: Service) -> None:
    body = json.dumps(a_draft() | {"form": {"type": "object", "title": "half"}}).replace("half", "\\ud800")

    answer = await seeded.post("/service-items", content=body.encode(), by=AUTHOR)

    assert answer.status_code in {400, 422}


def nested(levels: int) -> Any:
    """An object in an object, so many times."""
    value: Any = {}
    for _ in range(levels):
        value = {"a": value}
    return value


BODIES: dict[str, Callable[[Any], Any]] = {
    "/service-items": lambda value: a_draft() | {"form": {"type": "object", "x-more": value}},
    "/service-items in a condition": lambda value: (
        a_draft()
        | {"checklist": {"materials": [], "rules": [a_draft()["checklist"]["rules"][0] | {"when": {"eq": ["form.capital", value]}}]}}
    ),
    "/base-forms": lambda value: {
        "code": "natural-person",
        "name": "自然人",
        "name_en": "Natural person",
        "region": LIUYANG,
        "form": {"type": "object", "x-more": value},
    },
    "/standards": lambda value: {
        "item_code": SOLE_TRADER,
        "region": LIUYANG,
        "elements": [{"field": "modes", "lock": "free", "value": value}],
    },
}
"""Bodies that hold any JSON, by their path."""


@pytest.mark.parametrize("to", BODIES)
@pytest.mark.parametrize("levels", [128, 255])
async def test_values_in_values_without_end_are_refused(seeded: Service, to: str, levels: int) -> None:
    answer = await seeded.post(to.split(" ", maxsplit=1)[0], BODIES[to](nested(levels)), by=AUTHOR)

    assert answer.status_code == 422, answer.text


async def test_a_body_so_deep_that_nobody_reads_it_is_refused(seeded: Service) -> None:
    body = json.dumps(BODIES["/base-forms"](12345)).replace("12345", "[" * 100_000 + "]" * 100_000)

    answer = await seeded.post("/base-forms", content=body.encode(), by=AUTHOR)

    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("to", BODIES)
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
async def test_a_whole_number_beyond_64_bits_is_refused(seeded: Service, to: str, number: int) -> None:
    answer = await seeded.post(to.split(" ", maxsplit=1)[0], BODIES[to](number), by=AUTHOR)

    assert answer.status_code == 422, answer.text


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(value=JSONS, levels=st.integers(0, 300))
def test_what_a_body_lets_through_can_be_written_down(value: Any, levels: int) -> None:
    sent = BODIES["/base-forms"]({"value": value, "deep": nested(levels)})

    try:
        body = BaseFormBody.model_validate(sent)
    except ValidationError:
        return

    assert orjson.loads(orjson.dumps(body.model_dump(mode="json"))) == sent


ABS = "a[ab]{50}c"
"""Compiled small, but the engine knows no fast way: every byte of text costs as much as the expression is long."""
COSTLY: dict[str, tuple[Any, str, str]] = {
    "an expression written out": ({"a": {"pattern": r"(((\w{50}){50}){20})"}}, "form.pattern-too-costly", "a"),
    "an expression for long texts": ({"a": {"pattern": ABS, "maxLength": 100_000}}, "form.pattern-too-costly", "a"),
    "an expression for endless lists": ({"a": {"items": {"pattern": ABS}}}, "form.pattern-too-costly", "a/items"),
    "an expression for endless names": ({"a": {"patternProperties": {ABS: {}}}}, "form.pattern-too-costly", "a"),
    "expressions for one text": (
        {"a": {"type": "string", "allOf": [{"pattern": f"{ABS}{n}"} for n in range(80)]}},
        "form.pattern-too-costly",
        "a",
    ),
    "rules for one value": ({"a": {"allOf": [{"maxItems": 1}] * 2000}}, "form.too-costly", "a"),
    "choices for endless lists": ({"a": {"items": {"enum": list(range(9000))}}}, "form.too-costly", "a/items"),
    "lists in lists": ({"a": {"items": {"items": {"items": {}}}}}, "form.too-costly", "a/items/items"),
    "names for endless lists": ({"a": {"items": {"required": [f"f{n}" for n in range(190)]}}}, "form.too-costly", "a/items"),
}


@pytest.mark.parametrize(("fields", "rule", "place"), COSTLY.values(), ids=COSTLY)
async def test_a_form_that_costs_much_to_check_is_refused_at_the_field(seeded: Service, fields: Any, rule: str, place: str) -> None:
    form = {"type": "object", "properties": fields}

    answer = await seeded.post("/service-items", a_draft() | {"form": form}, by=AUTHOR)

    assert answer.status_code == 422
    assert (rule, f"/form/properties/{place}") in [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]
