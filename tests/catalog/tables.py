"""Workbooks as offices make them, for tests: built part by part, so that each may have what a library would not write."""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

from catalog_svc.bulk.domain.columns import COLUMNS
from catalog_svc.sheet.domain.delimited import write_delimited

_NS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_P = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"

HEADINGS = [column.name for column in COLUMNS]

Value = str | int | float | None


class Formula(str):
    """A cell that is computed."""

    __slots__ = ()


class Raw(str):
    """A cell's own XML, without the place."""

    __slots__ = ()


def a_workbook(
    rows: Iterable[Sequence[Value]],
    *,
    merged: Sequence[str] = (),
    hidden: Mapping[str, Sequence[Sequence[Value]]] | None = None,
    before: Mapping[str, Sequence[Sequence[Value]]] | None = None,
    early: bool = False,
    prolog: str = "",
) -> bytes:
    """A workbook whose sheet ``清单`` has these rows; texts are shared, numbers are numbers."""
    texts: dict[str, int] = {}
    sheets: list[tuple[str, str, str]] = []
    for name, content, state in (
        *((name, content, "visible") for name, content in (before or {}).items()),
        ("清单", list(rows), "visible"),
        *((name, content, "hidden") for name, content in (hidden or {}).items()),
    ):
        areas = "".join(f'<mergeCell ref="{area}"/>' for area in merged) if name == "清单" else ""
        body = "".join(f'<row r="{number}">{_row(row, number, texts)}</row>' for number, row in enumerate(content, start=1))
        sheets.append(
            (
                name,
                state,
                f'<worksheet xmlns="{_NS}"><sheetData>{body}</sheetData>{f"<mergeCells>{areas}</mergeCells>" if areas else ""}</worksheet>',
            )
        )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        listed = "".join(
            f'<sheet name="{name}" sheetId="{n}" state="{state}" r:id="rId{n}"/>' for n, (name, state, _) in enumerate(sheets, start=1)
        )
        properties = '<workbookPr date1904="1"/>' if early else ""
        file.writestr("xl/workbook.xml", f'<workbook xmlns="{_NS}" xmlns:r="{_R}">{properties}<sheets>{listed}</sheets></workbook>')
        related = "".join(
            f'<Relationship Id="rId{n}" Type="{_R}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in range(1, len(sheets) + 1)
        )
        related += f'<Relationship Id="rId0" Type="{_R}/sharedStrings" Target="sharedStrings.xml"/>'
        file.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_P}/relationships">{related}</Relationships>')
        kinds = {"workbook": "sheet.main", "sharedStrings": "sharedStrings"} | {
            f"worksheets/sheet{n}": "worksheet" for n in range(1, len(sheets) + 1)
        }
        overrides = "".join(f'<Override PartName="/xl/{part}.xml" ContentType="{_KIND}.{kind}+xml"/>' for part, kind in kinds.items())
        file.writestr("[Content_Types].xml", f'<Types xmlns="{_P}/content-types">{overrides}</Types>')
        for n, (_, _, content) in enumerate(sheets, start=1):
            file.writestr(f"xl/worksheets/sheet{n}.xml", prolog + content)
        shared = "".join(f'<si><t>{escape(text)}</t><rPh sb="0" eb="1"><t>读音</t></rPh></si>' for text in texts)
        file.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_NS}">{shared}</sst>')
    return made.getvalue()


def _row(row: Sequence[Value], number: int, texts: dict[str, int]) -> str:
    return "".join(_cell(value, f"{_letters(index)}{number}", texts) for index, value in enumerate(row) if value is not None)


def _cell(value: Value, place: str, texts: dict[str, int]) -> str:
    if isinstance(value, Raw):
        return value.replace("<c", f'<c r="{place}"', 1)
    if isinstance(value, Formula):
        return f'<c r="{place}"><f>{escape(value)}</f><v>1</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="s"><v>{texts.setdefault(value, len(texts))}</v></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def _letters(index: int) -> str:
    letters, number = "", index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def a_text(rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file."""
    made = io.BytesIO()
    write_delimited(rows, to=made)
    return made.getvalue()
