"""Delimited text (CSV) as Excel and WPS save it: in GBK or any Unicode, with commas, tabs or semicolons; and as we write it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from catalog_svc.sheet.domain.bounds import MOST_CELL, MOST_COLUMNS, MOST_SCANNED
from catalog_svc.sheet.domain.cells import Cell, CellKind, Sheet, SheetRow
from catalog_svc.sheet.domain.refusals import SheetTooLarge, SheetUnreadable, SheetUnsupported

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_LOOKED_AT = 65_536
"""Characters from which the separator is told."""
_SEVERAL = 4


def read_delimited(content: bytes) -> Sheet:
    """The one sheet of a text file.

    Raises:
        SheetUnsupported: It is no text.
        SheetUnreadable: Cut inside a character, and while its rows are read: a quotation mark is never closed, or the last row breaks off.
        SheetTooLarge: While its rows are read, a row or cell beyond the bounds.
    """
    return Sheet(name="CSV", hidden=False, rows=_Rows(_decode(content)))


def write_delimited(rows: Iterable[Sequence[str]], *, to: IO[bytes]) -> None:
    """Write text with commas in UTF-8 with its mark, which every program opens with the right characters."""
    to.write(b"\xef\xbb\xbf")
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow(row)
        to.write(line.getvalue().encode())


@dataclass(frozen=True, slots=True)
class _Rows:
    text: str

    def __iter__(self) -> Iterator[SheetRow]:
        return _rows(self.text)


def _decode(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError as error:
                raise SheetUnreadable(facts={"why": "encoding"}) from error
    if b"\x00" in content:
        raise SheetUnsupported
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            # A file cut inside a character is still UTF-8 up to there.
            if encoding == "utf-8" and error.end >= len(content) and error.reason == "unexpected end of data":
                raise SheetUnreadable(facts={"why": "cut"}) from error
    raise SheetUnsupported


def _rows(text: str) -> Iterator[SheetRow]:
    csv.field_size_limit(MOST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    ended = text.endswith(("\n", "\r"))
    number, most, last = 1, 0, 0
    try:
        for fields in reader:
            if len(fields) > MOST_COLUMNS or number > MOST_SCANNED:
                raise SheetTooLarge(facts={"row": number})
            yield SheetRow(number, [_cell(field) for field in fields])
            # A cell with line breaks is still one row to whoever looks at it in a spreadsheet.
            number += 1
            most, last = max(most, len(fields)), len(fields)
    except csv.Error as error:
        if "field larger" in str(error):
            raise SheetTooLarge(facts={"row": number}) from error
        raise SheetUnreadable(facts={"why": "cut", "row": number}) from error
    if not ended and last < most:
        raise SheetUnreadable(facts={"why": "cut", "row": number - 1})


def _separator(text: str) -> str:
    """What parts the first row that has several cells: titles have one, and below the header cells hold separators of their own."""
    for line in text[:_LOOKED_AT].split("\n"):
        found = max(",\t;", key=line.count)
        if line.count(found) >= _SEVERAL:
            return found
    return ","


def _cell(field: str) -> Cell:
    # What begins so is computed by the program that opens the file.
    return Cell(field, CellKind.FORMULA if field.lstrip().startswith("=") else CellKind.TEXT)
