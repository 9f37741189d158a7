"""What a row takes away from what is published, because it says nothing of it: told with the row, so that nothing goes in silence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from catalog_svc.bulk.domain.columns import COLUMNS
from catalog_svc.bulk.domain.lines import MATERIALS
from catalog_svc.bulk.domain.table import get
from contracts.values import Json, JsonObject

_MATERIALS = ("checklist", "materials")
_UNNAMED = {"when": "适用条件", "max_bytes": "文件大小"}
"""Fields of a material that no part of a line names."""


def cleared(now: JsonObject, before: JsonObject, *, emptied: Collection[str]) -> list[str]:
    """Columns and parts of materials whose published value a row does not keep, as the office calls them.

    Args:
        now: The body of the draft.
        before: The body of what is published.
        emptied: Codes of the columns that the row left empty.
    """
    empty = {column.at[:2] if len(column.at) > 2 else column.at: column.name for column in COLUMNS if column.code in emptied}  # noqa: PLR2004 - a limit has three
    found = [name for at, name in empty.items() if at and get(before, at) and get(now, at) != get(before, at)]
    parts = dict.fromkeys(_lost(_materials(now), _materials(before)))
    return [*found, *([f"申请材料（{'、'.join(parts)}）"] if parts else [])]


def _lost(now: Mapping[str, JsonObject], before: Mapping[str, JsonObject]) -> Iterator[str]:
    """Names of the parts that a material had and has no more."""
    labels = {one.name: one.label for one in MATERIALS.named if not one.affirms} | _UNNAMED
    for name in now.keys() & before.keys():
        for part, label in labels.items():
            empty = (None, MATERIALS.given.get(part))
            if before[name].get(part) not in empty and now[name].get(part) in empty:
                yield label


def _materials(body: JsonObject) -> dict[str, JsonObject]:
    found: Json = get(body, _MATERIALS)
    return {str(one["name"]): one for one in (found if isinstance(found, list) else []) if isinstance(one, dict)}
