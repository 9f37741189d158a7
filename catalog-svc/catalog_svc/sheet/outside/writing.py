"""Workbooks written row by row by openpyxl: one sheet of texts, so that no program computes a cell or guesses a date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import IO

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.styles.numbers import FORMAT_TEXT

from catalog_svc.sheet.domain.refusals import SheetTooLarge

MOST_IN_CELL = 32_767
"""Characters that a cell of a workbook holds."""

_LITERAL = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\r\ufffe\uffff]")
_BOLD = Font(bold=True)


def write_workbook(rows: Iterable[Sequence[str]], *, to: IO[bytes], sheet: str, header: int = 1) -> None:
    """Write a workbook of one sheet whose cells are all texts.

    Args:
        rows: From the first on.
        to: Where.
        sheet: The sheet's name.
        header: Rows from the top that are bold and stay in sight.

    Raises:
        SheetTooLarge: A text longer than a cell holds.
    """
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(sheet)
    page.freeze_panes = f"A{header + 1}" if header else None
    for number, row in enumerate(rows, start=1):
        page.append([_cell(page, text, row=number, bold=number <= header) if text else None for text in row])
    book.save(to)


def _cell(page: object, text: str, *, row: int, bold: bool) -> WriteOnlyCell:
    if len(text) > MOST_IN_CELL:
        raise SheetTooLarge(facts={"row": row, "characters": MOST_IN_CELL})
    # An underscore that would begin an escape is escaped itself, then what XML cannot hold.
    safe = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", _LITERAL.sub("_x005F_", text))
    cell = WriteOnlyCell(page, "")
    # What begins with a sign of equality or looks like an error is a text as well.
    cell.value, cell.data_type = safe, "s"
    # What is typed into such a cell stays as it was typed, leading zeros too.
    cell.number_format = FORMAT_TEXT
    if bold:
        cell.font = _BOLD
    return cell
