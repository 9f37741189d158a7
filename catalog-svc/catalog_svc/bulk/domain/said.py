"""What the lines of a row's cells say themselves: what they leave out, and what is published, can then be told."""

from __future__ import annotations

from collections.abc import Mapping

from catalog_svc.bulk.domain.column import Column
from catalog_svc.bulk.domain.columns import COLUMNS
from catalog_svc.bulk.domain.exact import EXACTLY, PACKED
from catalog_svc.bulk.domain.parts import OrNone
from catalog_svc.bulk.domain.records import Records
from catalog_svc.sheet.domain.cells import Cell
from contracts.values import Json


def _records(column: Column) -> Records | None:
    shape = column.shape.shape if isinstance(column.shape, OrNone) else column.shape
    return shape if isinstance(shape, Records) and not shape.tuples else None


LINES: Mapping[str, Records] = {column.code: records for column in COLUMNS if (records := _records(column)) is not None}
"""The lists whose lines may leave something out, by their columns' codes."""


def said_by(column: Column, cell: Cell, *, value: Json) -> list[list[str]]:
    """Of each line its record's name, and behind it the fields that the line says itself; nothing of what is no such list.

    Args:
        column: Where the cell stands.
        cell: As it was read.
        value: What it says.
    """
    records = LINES.get(column.code)
    if records is None or not isinstance(value, list):
        return []
    named = [one for one in value if isinstance(one, dict)]
    if cell.text.startswith((EXACTLY, PACKED)):
        return [[str(one.get("name")), *records.whole(one)] for one in named]
    return [[str(one.get("name")), *said] for one, said in zip(named, records.said(cell), strict=False)]
