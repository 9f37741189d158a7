"""Workbooks (XLSX, ECMA-376) read by openpyxl: values only, a formula is told as one, nothing is computed and nothing fetched."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml import DefusedXmlException
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.utils.exceptions import InvalidFileException

from catalog_svc.sheet.domain.bounds import MOST_CELL, MOST_COLUMNS, MOST_SCANNED, MOST_SHEETS
from catalog_svc.sheet.domain.cells import EMPTY, Cell, CellKind, Sheet, SheetRow
from catalog_svc.sheet.domain.merged import Area, Filling
from catalog_svc.sheet.domain.refusals import SheetRefused, SheetTooLarge, SheetUnreadable
from catalog_svc.sheet.outside.package import Package, open_package

_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f]|005F|FFF[EFef])_", re.IGNORECASE)
_DAYS_TO_1904 = 1462
"""Between the two days from which programs count."""
_LARGEST = 30
"""Digits of a number before the point; more is a mistake."""
_TYPED = 15
"""Digits that a program keeps of a number; the others are its own."""
_AT_ONCE = 256
"""Rows that are asked of openpyxl in one go."""
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    InvalidFileException,
    LookupError,
    OSError,
    ParseError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What openpyxl raises over files that are not as they should be; memory that ran out is none of it and ends the worker."""


def read_workbook(content: bytes) -> Sequence[Sheet]:
    """The sheets of a workbook in their order, hidden ones too; sheets of charts have no rows and are left out.

    Raises:
        SheetUnsupported: No workbook.
        SheetUnreadable: Damaged, cut, encrypted or hostile.
        SheetTooLarge: Beyond the bounds.
    """
    package = open_package(content)
    try:
        book = _open(package)
    except SheetUnreadable:
        # Formats that some program wrote wrongly are no reason to send back a table: without them a day is told by its column alone.
        package = open_package(content, formats=False)
        book = _open(package)
    if len(book.sheetnames) > MOST_SHEETS:
        raise SheetTooLarge(facts={"sheets": MOST_SHEETS})
    if len(book.sheetnames) < package.sheets:
        raise SheetUnreadable(facts={"why": "part-missing"})
    origin = _DAYS_TO_1904 if book.epoch == CALENDAR_MAC_1904 else 0
    return [
        Sheet(
            name=sheet.title[:100],
            hidden=sheet.sheet_state != "visible",
            rows=_Rows(sheet, package.merged.get(sheet._worksheet_path, [])),  # noqa: SLF001 - no other name ties a sheet to its part
            origin=origin,
        )
        for sheet in book.worksheets
    ]


def _open(package: Package) -> Any:
    """The workbook as openpyxl shows it, which ships no types."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(package.content, read_only=True, data_only=False, keep_links=False)
            for sheet in book.worksheets:
                # How large a sheet is, its file may say wrongly: rows beyond would be left out, rows short of it made up.
                sheet.reset_dimensions()
    except _BROKEN as error:
        raise _unreadable(error) from error
    return book


def _unreadable(error: BaseException) -> SheetUnreadable:
    hostile = isinstance(error, DefusedXmlException) or isinstance(error.__cause__, DefusedXmlException)
    return SheetUnreadable(facts={"why": "doctype" if hostile else "damaged"})


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a sheet that hold something."""

    sheet: Any
    merged: Sequence[Area]

    def __iter__(self) -> Iterator[SheetRow]:
        filling = Filling.of(self.merged)
        for number, given in enumerate(self._given(), start=1):
            if number > MOST_SCANNED:
                raise SheetTooLarge(facts={"row": number})
            cells = filling.fill(number, _cells(given, number))
            if cells:
                yield SheetRow(number, cells)

    def _given(self) -> Iterator[Sequence[Any]]:
        rows = self.sheet.iter_rows()
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    some = list(islice(rows, _AT_ONCE))
            except SheetRefused:
                raise
            except _BROKEN as error:
                raise _unreadable(error) from error
            if not some:
                return
            yield from some


def _cells(given: Sequence[Any], number: int) -> list[Cell]:
    """The cells of a row up to the last that holds something."""
    last = len(given)
    while last and given[last - 1].value is None:
        last -= 1
    if last > MOST_COLUMNS:
        raise SheetTooLarge(facts={"row": number, "columns": MOST_COLUMNS})
    cells = [EMPTY if one.value is None else _cell(one.value, one.data_type, number) for one in given[:last]]
    while cells and cells[-1] is EMPTY:
        cells.pop()
    return cells


def _cell(value: object, kind: str, number: int) -> Cell:
    if kind == "f":
        return Cell("", CellKind.FORMULA)
    if kind == "e":
        return Cell(str(value)[:20], CellKind.WRONG)
    if isinstance(value, bool):
        return Cell("是" if value else "否")
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime) and value.time() == time.min:
        return Cell(value.date().isoformat())
    if isinstance(value, date):
        return Cell(value.isoformat(" ", "seconds") if isinstance(value, datetime) else value.isoformat())
    text = str(value)
    if len(text) > MOST_CELL:
        raise SheetTooLarge(facts={"row": number, "characters": MOST_CELL})
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
    return Cell(text, CellKind.FORMULA if text.lstrip().startswith("=") else CellKind.TEXT) if text else EMPTY


def _number(given: float) -> Cell:
    """A number as somebody would type it: without an exponent, whole where it is whole."""
    try:
        value = Decimal(repr(given))
    except InvalidOperation:
        return Cell("", CellKind.WRONG)
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST:
        return Cell("", CellKind.WRONG)
    whole = value.to_integral_value()
    shown = f"{whole:f}" if whole == value else f"{value.normalize():f}"
    if len(shown.lstrip("-").replace(".", "")) <= _TYPED:
        return Cell(shown, CellKind.NUMBER)
    # Beyond what the program keeps exactly: for a code the digits are lost, for a fraction the tail is noise.
    return Cell("", CellKind.WRONG) if whole == value else Cell(f"{round(value, 6).normalize():f}", CellKind.NUMBER)
