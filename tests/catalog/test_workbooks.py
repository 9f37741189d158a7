"""Workbooks as programs write them, and as only a hand can: every value is told as it stands, or the file is refused."""

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, time

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.formula import ArrayFormula

from catalog_svc.sheet.domain.cells import CellKind, Sheet
from catalog_svc.sheet.domain.refusals import SheetRefused, SheetTooLarge, SheetUnreadable, SheetUnsupported
from catalog_svc.sheet.outside import read_sheets, write_workbook
from tests.catalog.tables import a_workbook

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


def shown(sheet: Sheet) -> dict[int, list[str]]:
    return {row.number: [cell.text for cell in row.cells] for row in sheet.rows}


def changed(content: bytes, parts: Mapping[str, bytes | None]) -> bytes:
    """The same archive with other parts, or without them."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in (*old.namelist(), *(name for name in parts if name not in old.namelist())):
            part = parts[name] if name in parts else old.read(name)
            if part is not None:
                new.writestr(name, part)
    return made.getvalue()


def a_sheet(rows: str, *, more: str = "", before: str = "") -> bytes:
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{more}</worksheet>'.encode()


def with_sheet(part: bytes) -> bytes:
    return changed(a_workbook([["甲"]]), {"xl/worksheets/sheet1.xml": part})


def from_an_office() -> bytes:
    """What an office's program saves: formats, comments, a chart, merged cells, days, formulas, a hidden sheet."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "清单"
    page.append(["事项", "日期", "时刻", "比例", "合计", "是否"])
    page.append(
        ["身份证换领", date(2026, 2, 28), datetime(2026, 2, 28, 9, 30, tzinfo=UTC).replace(tzinfo=None), 0.1 + 0.2, "=SUM(A1:A2)", True]
    )
    page.append([None, None, time(9, 30), 1234567890123456, ArrayFormula("E3", "=A1:A2"), "#N/A"])
    page.merge_cells("A2:A3")
    page["A1"].font, page["A1"].fill = Font(bold=True), PatternFill("solid", fgColor="FFFF00")
    page["A1"].comment = Comment("请核对", "审核人")
    page["H9"].font = Font(italic=True)
    chart = BarChart()
    chart.add_data(Reference(page, min_col=4, min_row=2, max_row=3))
    page.add_chart(chart, "J1")
    book.create_chartsheet("图").add_chart(BarChart())
    dictionary = book.create_sheet("字典")
    dictionary.append(["行政许可"])
    dictionary.sheet_state = "veryHidden"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def test_a_workbook_of_an_office_program_is_read_cell_by_cell() -> None:
    table, dictionary = read_sheets(from_an_office())

    first, second, third = table.rows

    assert [cell.text for cell in first.cells] == ["事项", "日期", "时刻", "比例", "合计", "是否"]
    assert [cell.text for cell in second.cells] == ["身份证换领", "2026-02-28", "2026-02-28 09:30:00", "0.3", "", "是"]
    assert [cell.text for cell in third.cells[:3]] == ["身份证换领", "", "09:30:00"]
    assert [cell.kind for cell in (*second.cells[4:5], *third.cells[3:])] == [
        CellKind.FORMULA,
        CellKind.WRONG,
        CellKind.FORMULA,
        CellKind.WRONG,
    ]
    assert (table.hidden, dictionary.hidden, dictionary.name) == (False, True, "字典")


def test_what_holds_no_values_cannot_hold_up_a_table() -> None:
    broken = dict.fromkeys(
        ("docProps/core.xml", "docProps/app.xml", "xl/theme/theme1.xml", "xl/comments/comment1.xml", "xl/charts/chart1.xml"), b"<broken"
    )

    table, _ = read_sheets(changed(from_an_office(), broken))

    assert len(list(table.rows)) == 3


def test_formats_that_are_wrong_leave_the_values() -> None:
    styles = (
        f'<styleSheet xmlns="{MAIN}"><fills><fill><nothing/></fill></fills><cellXfs><xf numFmtId="bad"/></cellXfs></styleSheet>'.encode()
    )

    table, _ = read_sheets(changed(from_an_office(), {"xl/styles.xml": styles}))

    assert shown(table)[2][:2] == ["身份证换领", "46081"]


def test_a_sheet_is_read_to_its_end_whatever_it_says_of_its_size() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="7"><c r="C7"><v>7</v></c></row>'

    [sheet] = read_sheets(with_sheet(a_sheet(rows, before='<dimension ref="A1:A2"/>')))

    assert shown(sheet) == {1: ["1"], 7: ["", "", "7"]}


def test_rows_without_numbers_are_counted() -> None:
    [sheet] = read_sheets(with_sheet(a_sheet("<row><c><v>1</v></c></row><row/><row><c><v>3</v></c><c><v>4</v></c></row>")))

    assert shown(sheet) == {1: ["1"], 3: ["3", "4"]}


def test_texts_in_pieces_escaped_and_with_their_reading_are_the_text_alone() -> None:
    cells = (
        '<c r="A1" t="inlineStr"><is><r><t>身份</t></r><r><rPr><b/></rPr><t>证</t></r><rPh sb="0" eb="1"><t>shen</t></rPh></is></c>'
        '<c r="B1" t="str"><v>一_x000D_二</v></c><c r="C1" t="inlineStr"><is><t>_x005F_x0041_</t></is></c>'
    )

    [sheet] = read_sheets(with_sheet(a_sheet(f'<row r="1">{cells}</row>')))

    assert shown(sheet) == {1: ["身份证", "一\r二", "_x0041_"]}


def test_merged_areas_are_found_across_the_pieces_a_part_is_read_in() -> None:
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(1, 4_001))
    areas = "".join(f'<mergeCell ref="A{n}:B{n}"/>' for n in range(1, 4_001))

    [sheet] = read_sheets(with_sheet(a_sheet(rows, more=f"<mergeCells>{areas}</mergeCells>")))

    assert all(row.cells[1].text == str(row.number) for row in sheet.rows)


def test_what_is_written_is_text_and_comes_back_as_it_was() -> None:
    said = ["=1+1", "0012", "#N/A", "2026-02-28", "_x0041_", "一\r\n二", " 前后 ", "\x0b", "TRUE", "1e5"]
    made = io.BytesIO()

    write_workbook([["名称"] * len(said), said], to=made, sheet="实施清单")

    [sheet] = read_sheets(made.getvalue())
    seen = openpyxl.load_workbook(made)["实施清单"]
    assert shown(sheet)[2] == said
    assert {cell.data_type for row in seen.iter_rows() for cell in row} == {"s"}
    assert {cell.number_format for row in seen.iter_rows() for cell in row} == {"@"}
    assert (seen["A1"].font.bold, seen["A2"].font.bold, seen.freeze_panes) == (True, False, "A2")


@pytest.mark.parametrize(
    ("content", "refusal", "facts"),
    [
        (lambda: with_sheet(a_sheet('<row r="2"><c r="A2"><v>1</v></c></row><row r="1"/>')), SheetUnreadable, {"why": "rows", "row": 2}),
        (lambda: with_sheet(a_sheet('<row r="2"/><row r="2"/>')), SheetUnreadable, {"why": "rows", "row": 2}),
        (lambda: with_sheet(a_sheet('<row r="999999999"/>')), SheetTooLarge, {"row": 999_999_999}),
        (lambda: with_sheet(a_sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>')), SheetTooLarge, {"row": 1, "columns": 200}),
        (lambda: with_sheet(a_sheet('<row r="1"><c r="A1" t="s"><v>99</v></c></row>')), SheetUnreadable, {"why": "damaged"}),
        (lambda: with_sheet(a_sheet('<row r="1"><c r="A1"><v>eins</v></c></row>')), SheetUnreadable, {"why": "damaged"}),
        (lambda: with_sheet(a_sheet('<row r="1">')[:-12]), SheetUnreadable, {"why": "damaged"}),
        (lambda: with_sheet(a_sheet("").decode().encode("utf-16")), SheetUnreadable, {"why": "encoding"}),
        (lambda: with_sheet(b'<!DOCTYPE a [<!ENTITY b "c">]>' + a_sheet("")), SheetUnreadable, {"why": "doctype"}),
        (
            lambda: changed(a_workbook([["甲"]]), {"xl/sharedStrings.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><sst/>'}),
            SheetUnreadable,
            {"why": "doctype"},
        ),
        (lambda: changed(from_an_office(), {"xl/worksheets/sheet1.xml": None}), SheetUnreadable, {"why": "part-missing"}),
        (lambda: changed(from_an_office(), {"xl/workbook.xml": None}), SheetUnsupported, {}),
        (lambda: changed(from_an_office(), {"[Content_Types].xml": None}), SheetUnreadable, {"why": "damaged"}),
        (lambda: changed(from_an_office(), {"xl/workbook.xml": b" " * 9_000_000}), SheetTooLarge, {"bytes": 8 * 1024 * 1024}),
        (
            lambda: changed(a_workbook([["甲"]]), {"xl/sharedStrings.xml": b"<si/>" * 1_000_100}),
            SheetTooLarge,
            {"texts": 1_000_000},
        ),
        (lambda: changed(from_an_office(), {f"xl/more{n}.xml": b"" for n in range(1_000)}), SheetTooLarge, {"parts": 1_000}),
        (
            lambda: changed(from_an_office(), {"xl/workbook.xml": f'<workbook xmlns="{STRICT}"/>'.encode()}),
            SheetUnsupported,
            {"why": "strict"},
        ),
    ],
    ids=[
        "rows out of order",
        "a row twice",
        "a row beyond all",
        "a column beyond all",
        "a text that is not there",
        "a number that is none",
        "cut sheet",
        "another coding",
        "entities",
        "entities in texts",
        "a sheet that is not there",
        "no workbook",
        "no list of parts",
        "a list of sheets that swells",
        "texts without number",
        "parts without number",
        "strict form",
    ],
)
def test_a_workbook_no_program_writes_is_refused(content: object, refusal: type[SheetRefused], facts: dict[str, object]) -> None:
    assert callable(content)

    with pytest.raises(refusal) as refused:
        [*map(shown, read_sheets(content()))]

    assert refused.value.facts == facts
