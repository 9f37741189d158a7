"""What differs between two JSON documents of items, each difference by its place, in a fixed order.

Lists whose rows have an id are compared row by row; the order of other lists counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from contracts.refusals import pointer_step
from contracts.values import Json, JsonObject, canonical_json

_IDS = ("code", "rule_id", "situation_id", "step_id", "item_code", "name")
"""By which rows of a list are told apart, the first that every row of both lists has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that is not the same."""

    pointer: str
    """JSON Pointer into the body of ``POST /service-items``; a row of a list by its id instead of its place."""
    change: Literal["added", "removed", "changed"]
    before: object
    after: object


def differences(before: JsonObject, after: JsonObject) -> tuple[Difference, ...]:
    """Everything in which the second is not the first; empty exactly when they are equal."""
    return tuple(_compare("", before, after))


def _compare(pointer: str, before: Json, after: Json) -> Iterator[Difference]:
    if canonical_json(before) == canonical_json(after):  # by their bytes: Python takes 1 and true for equal
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(pointer, before, after)
        return
    if isinstance(before, list) and isinstance(after, list):
        name = _id_of(before, after)
        if name is not None:
            first, second = _by_id(before, name), _by_id(after, name)
            yield from _members(pointer, first, second)
            common = [one for one in first if one in second]
            if common != [one for one in second if one in first]:
                yield Difference(pointer=pointer, change="changed", before=list(first), after=list(second))
            return
    yield Difference(pointer=pointer, change="changed", before=before, after=after)


def _members(pointer: str, before: JsonObject, after: JsonObject) -> Iterator[Difference]:
    for name in [*before, *(one for one in after if one not in before)]:
        place = f"{pointer}/{pointer_step(name)}"
        if name not in after:
            yield Difference(pointer=place, change="removed", before=before[name], after=None)
        elif name not in before:
            yield Difference(pointer=place, change="added", before=None, after=after[name])
        else:
            yield from _compare(place, before[name], after[name])


def _id_of(before: list[Json], after: list[Json]) -> str | None:
    rows = [*before, *after]
    for name in _IDS:
        if all(isinstance(row, dict) and isinstance(row.get(name), str) for row in rows) and all(
            len(_by_id(one, name)) == len(one) for one in (before, after)
        ):
            return name
    return None


def _by_id(rows: list[Json], name: str) -> JsonObject:
    return {str(row[name]): row for row in rows if isinstance(row, dict)}
