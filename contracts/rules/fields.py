"""The fields of a form in one matter: which are asked for, and without which the check (`rules.check`) refuses.

A field says when it is asked for (``x-when``). It must be filled in where the form's schema requires it, where a rule of the checklist holds
without it, and where without it nobody can tell whether a required material is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

from contracts.values import JsonObject
from rules.conditions import Facts, compiled
from rules.parts import Parts
from rules.reasons import Left, Supposed, left_open


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldAsked:
    """A field of the form. Of both questions: True, False, or the condition that is still open."""

    name: str
    asked: Left
    required: Left
    """True or a condition only where it is asked for, too."""


def fields_of(parts: Parts, *, facts: Facts, on: date) -> tuple[FieldAsked, ...]:
    """Every field, in the order of screens (``x-order``); those without a place stand last, as they come.

    Args:
        parts: The version.
        facts: What is known, `rules.conditions.OPEN` for what will be said later.
        on: The day for ages, Asia/Shanghai.
    """
    fields = _properties(parts.form.schema)
    unasked, asked = frozenset[str](), _asked(fields, unasked=frozenset(), facts=facts, on=on)
    # What is not asked for is not filled in, and that may leave out more.
    while more := {name for name, left in asked.items() if left is False} - unasked:
        unasked |= more
        asked = _asked(fields, unasked=unasked, facts=facts, on=on)
    rules = _by_field((one.when for one in parts.checklist.rules), fields)
    materials = _by_field((one.when for one in parts.checklist.materials if one.required), fields)
    always = parts.form.schema.get("required")
    told: list[tuple[float, FieldAsked]] = []
    for name, field in fields.items():
        order = field.get("x-order")
        demands = (
            _held_without(rules.get(name, ()), name, unasked=unasked, facts=facts, on=on),
            _undecided_without(materials.get(name, ()), name, unasked=unasked, facts=facts, on=on),
        )
        required = (isinstance(always, list) and name in always) or _any(chain(*demands))
        # Whatever the form says of when it shows a field: what the check refuses without is asked for.
        wanted = required if required is True or (asked[name] is False and required is not False) else asked[name]
        place = order if isinstance(order, int | float) else float("inf")
        told.append((place, FieldAsked(name=name, asked=wanted, required=required)))
    return tuple(field for _, field in sorted(told, key=lambda one: one[0]))


def _properties(schema: JsonObject) -> dict[str, JsonObject]:
    properties = schema.get("properties")
    given = properties.items() if isinstance(properties, dict) else ()
    return {name: field if isinstance(field, dict) else {} for name, field in given}


def _asked(fields: Mapping[str, JsonObject], *, unasked: frozenset[str], facts: Facts, on: date) -> dict[str, Left]:
    supposed = Supposed(missing=unasked)
    whens = {name: field.get("x-when") for name, field in fields.items()}
    return {name: left_open(when, facts, at=on, supposed=supposed) if isinstance(when, dict) else True for name, when in whens.items()}


def _by_field(conditions: Iterable[JsonObject], fields: Collection[str]) -> dict[str, list[JsonObject]]:
    """The conditions that name a field, or something in it."""
    found: dict[str, list[JsonObject]] = {}
    for one in conditions:
        named = {fact.split(".", 2)[1] for fact in compiled(one).facts if fact.startswith("form.")}
        for name in named & set(fields):
            found.setdefault(name, []).append(one)
    return found


def _held_without(rules: Iterable[JsonObject], name: str, *, unasked: frozenset[str], facts: Facts, on: date) -> Iterator[Left]:
    """When a rule finds fault for want of a field."""
    without = Supposed(missing=unasked | {name})
    given = Supposed(missing=unasked - {name}, given=frozenset({name}))
    for rule in rules:
        holds = left_open(rule, facts, at=on, supposed=without)
        # A rule that holds just the same with the field asks for something else.
        yield holds if holds is not False and holds != left_open(rule, facts, at=on, supposed=given) else False


def _undecided_without(materials: Iterable[JsonObject], name: str, *, unasked: frozenset[str], facts: Facts, on: date) -> Iterator[Left]:
    """When nobody can tell for want of a field whether a material is needed: it may be, and is not certainly."""
    without = Supposed(missing=unasked | {name})
    for when in materials:
        least = left_open(when, facts, at=on, supposed=without)
        most = left_open(when, facts, at=on, supposed=replace(without, doubt=True))
        yield _all(most, not least if isinstance(least, bool) else {"not": least})


def _any(conditions: Iterable[Left]) -> Left:
    left: list[JsonObject] = []
    for one in conditions:
        if one is True:
            return True
        if one is not False and one not in left:
            left.append(one)
    return {"any": [*left]} if len(left) > 1 else left[0] if left else False


def _all(one: Left, other: Left) -> Left:
    if one is False or other is False:
        return False
    if one is True or other is True:
        return other if one is True else one
    return {"all": [one, other]}


__all__ = ["FieldAsked", "fields_of"]
