"""What checking a form may cost: bounds that are held before its rules are run, and drafts that would cost too much even so.

An expression runs in linear time, but times its length written out, and every fault found copies the value it was found in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import jsonschema_rs

from contracts.refusals import Defect, pointer_step
from contracts.values import Json, JsonObject

MAX_VALUES = 10_000
"""Values of one filled-in form, those in lists and objects too."""
MAX_CHOSEN = 500
"""Characters of a text that a pattern or a choice is put to, where its form says no ``maxLength``."""
MAX_LISTED = 5_000
"""Entries of a list, where its form says no ``maxItems``."""

_BODY = 512 * 1024
"""Bytes that a receipt may have; no text of a form is longer."""
_MOST_STEPS = 200_000_000
"""Bytes of text times bytes of the compiled expression: at 0.2 to 0.4 ns each."""
_MOST_FAULTS = 12_000
"""Faults that one check may find or look at: some 6 µs each."""
_PATTERN, _STEP, _RULE_OF_MANY, _CHOICES_PER_FAULT = 20, 10, 200, 50
"""What compiling an expression, a division, a rule for a value of many parts, and telling this many choices weigh in faults."""
_PROGRAMS = ((1_280, 256), *((1 << power, 1 << power) for power in range(11, 18)))
"""Bytes of a compiled expression and what a byte of text costs with it; the smallest never leave the engine's fast path."""
_ENDLESS = 1 << 40
_MOST_COPIED, _VALUE = 10_000_000, 100
"""Characters that faults may copy, and how many a value weighs."""

_IN_PLACE = ("not", "if", "then", "else")
_ALL_IN_PLACE = ("allOf", "anyOf", "oneOf")
_ANYWHERE = ("additionalProperties", "unevaluatedProperties", "unevaluatedItems", "contains", "propertyNames")
_CHOSEN = {"pattern", "enum", *_IN_PLACE, *_ALL_IN_PLACE}
_SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})


def bounds_of(schema: JsonObject) -> JsonObject:
    """The longest texts and lists of a form as a schema of its own, to be held before the form's other rules."""
    bounds: JsonObject = {}
    length = schema.get("maxLength")
    if isinstance(length, int):
        bounds["maxLength"] = length
    elif _CHOSEN & schema.keys():
        bounds["maxLength"] = MAX_CHOSEN
    if is_choice(schema):
        bounds["type"] = list[Json](sorted(_SCALARS - {"integer"}))
    items, most = schema.get("items"), schema.get("maxItems")
    if items is not None or most is not None:
        bounds["maxItems"] = most if isinstance(most, int) else MAX_LISTED
    if isinstance(items, dict):
        bounds["items"] = bounds_of(items)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        bounds["properties"] = {name: bounds_of(one) for name, one in properties.items() if isinstance(one, dict)}
    return bounds


def too_large(form: JsonObject, *, wanted: Collection[str]) -> bool:
    """Whether a filled-in form has more than `MAX_VALUES` values, or much in it and little of what is wanted.

    Args:
        form: As filled in; a number of hundreds of digits counts as many values.
        wanted: Names that the form must have; the fault of each missing one copies the form.
    """
    open_: list[Json] = [form]
    seen = text = 0
    while open_ and seen <= MAX_VALUES:
        node = open_.pop()
        seen += 1
        if isinstance(node, dict | list):
            seen += len(node) if len(node) > MAX_VALUES else 0
            open_.extend(node.values() if isinstance(node, dict) else node)
        elif isinstance(node, str):
            text += len(node)
        elif isinstance(node, int):
            seen += node.bit_length() // 64
    missing = sum(name not in form for name in wanted)
    return seen > MAX_VALUES or missing * (text + _VALUE * seen) > _MOST_COPIED


def cost_defects(schema: JsonObject) -> tuple[Defect, ...]:
    """What in a drafted form would make its check cost too much; at most one of each kind, at the dearest place.

    Args:
        schema: A JSON Schema that can be used (`rules.forms.check_schema`).
    """
    steps: dict[str, int] = {}
    faults: dict[str, int] = {}
    for pointer, more_steps, more_faults in _costs(schema, _Place(pointer="/form", bounds=bounds_of(schema), count=1)):
        steps[pointer] = steps.get(pointer, 0) + more_steps
        faults[pointer] = faults.get(pointer, 0) + more_faults
        if sum((more_steps, more_faults)) >= _ENDLESS or faults[pointer] > _MOST_FAULTS:
            break
    found: list[Defect] = []
    if sum(steps.values()) > _MOST_STEPS:
        text = "pattern 校验耗时过长,请简化,或者限定 maxLength 和 maxItems"
        text_en = "This pattern takes too long to check: simplify it, or bound it by maxLength and maxItems"
        found.append(Defect(rule_id="form.pattern-too-costly", pointer=_dearest(steps), message=text, message_en=text_en))
    if sum(faults.values()) > _MOST_FAULTS:
        text = "此处规则过多,校验耗时过长,请减少,或者限定 maxItems"
        text_en = "So many rules here take too long to check: use fewer, or bound the list by maxItems"
        found.append(Defect(rule_id="form.too-costly", pointer=_dearest(faults), message=text, message_en=text_en))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in a filled-in form a schema is put to values, how many there may be, and what bounds them first (None: nothing)."""

    pointer: str
    bounds: JsonObject | None
    count: int

    @property
    def text(self) -> int:
        """Bytes of all texts here together."""
        most = (self.bounds or {}).get("maxLength")
        return min(_BODY, self.count * 3 * most) if isinstance(most, int) else _BODY

    def of(self, name: str) -> _Place:
        inner = cast("JsonObject", (self.bounds or {}).get("properties") or {}).get(name)
        pointer = f"{self.pointer}/properties/{pointer_step(name)}"
        return _Place(pointer=pointer, bounds=inner if isinstance(inner, dict) else None, count=self.count)

    def entries(self) -> _Place:
        inner, most = (self.bounds or {}).get("items"), (self.bounds or {}).get("maxItems")
        count = min(MAX_VALUES, self.count * most) if isinstance(most, int) else MAX_VALUES
        return _Place(pointer=f"{self.pointer}/items", bounds=inner if isinstance(inner, dict) else None, count=count)

    def anywhere(self) -> _Place:
        return _Place(pointer=self.pointer, bounds=None, count=MAX_VALUES)


def _costs(schema: Json, place: _Place) -> Iterator[tuple[str, int, int]]:
    """Every place with the steps of its expressions and the faults of its rules."""
    if not isinstance(schema, dict):
        return
    pattern, named, choices = schema.get("pattern"), schema.get("required"), schema.get("enum")
    faults = 1 + sum(len(one) for one in (named,) if isinstance(one, list))
    faults += len(choices) // _CHOICES_PER_FAULT if isinstance(choices, list) else 0
    faults += _STEP if "multipleOf" in schema else 0
    steps = place.text * _program(pattern) if isinstance(pattern, str) else 0
    yield place.pointer, steps, faults * place.count + (_PATTERN if steps else 0)
    here = [schema[name] for name in _IN_PLACE if name in schema]
    for name in _ALL_IN_PLACE:
        here += cast("list[Json]", schema.get(name) or [])
    here += cast("JsonObject", schema.get("dependentSchemas") or {}).values()
    if here and not is_choice(schema) and not _is_scalar(schema):
        yield place.pointer, 0, _RULE_OF_MANY * len(here)
    for inner in here:
        yield from _costs(inner, place)
    for name, inner in cast("JsonObject", schema.get("properties") or {}).items():
        yield from _costs(inner, place.of(name))
    yield from _costs(schema.get("items"), place.entries())
    for inner in cast("list[Json]", schema.get("prefixItems") or []):
        yield from _costs(inner, place.anywhere())
    for name in _ANYWHERE:
        yield from _costs(schema.get(name), place.anywhere())
    for name, inner in cast("JsonObject", schema.get("patternProperties") or {}).items():
        yield place.pointer, _BODY * _program(name), _PATTERN
        yield from _costs(inner, place.anywhere())


def is_choice(schema: JsonObject) -> bool:
    """Whether a value is one of some plain values."""
    choices = schema.get("enum")
    if isinstance(choices, list):
        return not any(isinstance(one, dict | list) for one in choices)
    branches = schema.get("oneOf", schema.get("anyOf"))
    return isinstance(branches, list) and all(
        isinstance(one, dict) and "const" in one and not isinstance(one["const"], dict | list) for one in branches
    )


def _is_scalar(schema: JsonObject) -> bool:
    said = schema.get("type")
    kinds = said if isinstance(said, list) else [said]
    return all(isinstance(kind, str) and kind in _SCALARS for kind in kinds)


@lru_cache(maxsize=1024)
def _program(pattern: str) -> int:
    """What a byte of text costs with an expression, in bytes of what it is compiled to."""
    for limit, price in _PROGRAMS:
        try:
            jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions(size_limit=limit))
        except ValueError:
            continue
        return price
    return _ENDLESS


def _dearest(costs: dict[str, int]) -> str:
    return max(costs, key=lambda pointer: costs[pointer])
