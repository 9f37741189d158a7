"""Spreadsheets written row by row: one sheet of texts, the same bytes for the same rows."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO
from xml.sax.saxutils import escape

from catalog_svc.sheet.domain.refusals import SheetTooLarge

MOST_IN_CELL = 32_767
"""Characters that a cell of a workbook holds."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_LITERAL = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\r\ufffe\uffff]")

_PARTS = {
    "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    # Format 49 is text: what is typed into such a cell stays as it was typed, leading zeros too.
    "xl/styles.xml": f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf/><xf numFmtId="49" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" applyNumberFormat="1" applyFont="1"/>'
    "</cellXfs></styleSheet>",
}


def write_workbook(rows: Iterable[Sequence[str]], *, to: IO[bytes], sheet: str, header: int = 1) -> None:
    """Write a workbook of one sheet whose cells are all texts, so that no program computes them.

    Args:
        rows: From the first on.
        to: Where; written forward only.
        sheet: The sheet's name.
        header: Rows from the top that are bold and stay in sight.

    Raises:
        SheetTooLarge: A text longer than a cell holds.
    """
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        named = f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="{escape(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>'
        for name, content in {**_PARTS, "xl/workbook.xml": named}.items():
            file.writestr(_entry(name), content)
        with file.open(_entry("xl/worksheets/sheet1.xml"), "w") as part:
            part.write(f'{_XML}<worksheet xmlns="{_MAIN}">'.encode())
            if header:
                part.write(
                    b'<sheetViews><sheetView workbookViewId="0">'
                    + f'<pane ySplit="{header}" topLeftCell="A{header + 1}" activePane="bottomLeft" state="frozen"/>'.encode()
                    + b"</sheetView></sheetViews>"
                )
            part.write(b'<sheetFormatPr defaultRowHeight="15"/><sheetData>')
            for number, row in enumerate(rows, start=1):
                style = 2 if number <= header else 1
                cells = (_cell(text, column=column, row=number, style=style) for column, text in enumerate(row, start=1) if text)
                part.write(f'<row r="{number}">{"".join(cells)}</row>'.encode())
            part.write(b"</sheetData></worksheet>")


def write_delimited(rows: Iterable[Sequence[str]], *, to: IO[bytes]) -> None:
    """Write text with commas in UTF-8 with its mark, which every program opens with the right characters."""
    to.write(b"\xef\xbb\xbf")
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow(row)
        to.write(line.getvalue().encode())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _cell(text: str, *, column: int, row: int, style: int) -> str:
    if len(text) > MOST_IN_CELL:
        raise SheetTooLarge(facts={"row": row, "characters": MOST_IN_CELL})
    # An underscore that would begin an escape is escaped itself, then what XML cannot hold.
    safe = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", _LITERAL.sub("_x005F_", text))
    return f'<c r="{_letters(column)}{row}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(safe)}</t></is></c>'


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
