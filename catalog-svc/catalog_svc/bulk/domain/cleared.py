"""What a row takes away from what is published, because it says nothing of it: told with the row, so that nothing goes in silence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog_svc.bulk.domain.column import Column
from catalog_svc.bulk.domain.columns import COLUMNS
from catalog_svc.bulk.domain.records import Records
from catalog_svc.bulk.domain.said import LINES
from catalog_svc.bulk.domain.table import get
from contracts.values import Json, JsonObject

_UNNAMED: Mapping[str, Mapping[str, str]] = {
    "materials": {
        "required": "是否必要",
        "source": "来源",
        "copies": "份数",
        "original_seen": "是否核验原件",
        "when": "适用条件",
        "max_bytes": "文件大小",
    },
    "specialProcedure": {"limit": "最长期限"},
}
"""Fields that a line may leave out and that no part of it names."""

_NOTHING: tuple[Json, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Cleared:
    """One thing that a row does not keep."""

    zh: str
    """As the office calls it."""
    en: str
    """By its code."""


def cleared(
    now: JsonObject, before: JsonObject, *, emptied: Collection[str], lines: Mapping[str, Sequence[Sequence[str]]]
) -> list[Cleared]:
    """Columns and parts of lines whose published value a row does not keep.

    Args:
        now: The body of the draft.
        before: The body of what is published.
        emptied: Codes of the columns that the row left empty.
        lines: By the codes of the columns what their lines say themselves, as `said_by` gives it.
    """
    found: list[Cleared] = []
    for column in COLUMNS:
        if column.code in emptied and column.at and (was := get(before, column.at)) not in _NOTHING and get(now, column.at) != was:
            found.append(Cleared(column.name, column.code))
        elif column.code in LINES and (parts := dict(_lost(column, now, before, lines.get(column.code, ())))):
            found.append(Cleared(f"{column.name}（{'、'.join(parts.values())}）", f"{column.code} ({', '.join(parts)})"))
    return found


def _lost(column: Column, now: JsonObject, before: JsonObject, lines: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Fields and names of the parts that a record had and has no more, for its line does not say them."""
    records = LINES[column.code]
    labels = {**_UNNAMED.get(column.code, {}), **{one.name: one.label for one in records.named if not one.affirms}}
    here, published = _by_name(get(now, column.at)), _by_name(get(before, column.at))
    seen: Counter[str] = Counter()
    for name, *said in lines:
        one, was = here.get((name, seen[name])), published.get((name, seen[name]))
        seen[name] += 1
        if one is None or was is None:
            continue
        for part, label in labels.items():
            holder, _, inner = part.partition("/")
            # What stands within another goes with it, and that one is told.
            gone_with = bool(inner) and not isinstance(one.get(holder), dict)
            if part not in said and not gone_with and _counts(records, was, part) and _within(one, part) != _within(was, part):
                yield part, label


def _counts(records: Records, was: JsonObject, part: str) -> bool:
    """Whether a part says more than an empty one does: a number that was counted and a name that is the Chinese one do not."""
    value = _within(was, part)
    if part == records.number and re.fullmatch(rf"{records.letter}[0-9]+", str(value)):
        return False
    if part == "name_en" and value == was.get("name"):
        return False
    return value not in (*_NOTHING, records.given.get(part))


def _within(record: JsonObject, part: str) -> Json:
    return get(record, part.split("/"))


def _by_name(value: Json) -> dict[tuple[str, int], JsonObject]:
    """Records by their name, and which of that name they are."""
    found: dict[tuple[str, int], JsonObject] = {}
    seen: Counter[str] = Counter()
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict):
            name = str(one.get("name"))
            found[name, seen[name]] = one
            seen[name] += 1
    return found
