"""Spreadsheets as offices make them, and as nobody should: understood, or refused with row, field and rule."""

import base64
import csv
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from catalog_svc.bulk.domain.columns import COLUMNS
from catalog_svc.bulk.domain.exact import PACKED
from catalog_svc.bulk.domain.table import letters_of
from catalog_svc.bulk.outside.worker import read_file
from tests.catalog.runs import NAMES, a_row, column
from tests.catalog.tables import HEADINGS, Formula, Raw, a_text, a_workbook


def packed(text: str) -> str:
    """As long as a cell's content may be: whoever looks at it twice from every sign of it is not done before the worker's time is over."""
    return PACKED + base64.b85encode(zlib.compress(text.encode())).decode()


@dataclass(frozen=True, kw_only=True)
class Judged:
    rows: list[Any]
    last: Any

    @property
    def good(self) -> list[Any]:
        return [row for row in self.rows if not row["flaws"]]

    def flaws(self) -> list[tuple[int, str, str]]:
        return [(row["row"], flaw.get("field", ""), flaw["rule"]) for row in self.rows for flaw in row["flaws"]]


def judged(content: bytes) -> Judged:
    """What the worker says of a file."""
    made = io.BytesIO()
    read_file(content, made)
    *rows, last = [orjson.loads(line) for line in made.getvalue().splitlines()]
    return Judged(rows=[row["row"] for row in rows], last=last)


# -- as offices make them


def test_a_table_as_an_office_makes_it_is_understood() -> None:
    shuffled = ["序号", *reversed(HEADINGS)]
    row: list[str | int] = [1, *reversed(a_row(fees="新收费"))]
    wide = str.maketrans(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ()", "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ（）"
    )
    for code in ("catalogCode", "deptCode", "promiseDay", "handleType"):
        place = shuffled.index(next(one.name for one in COLUMNS if one.code == code))
        row[place] = f" \u3000{str(row[place]).translate(wide)}\r\n"
    name = shuffled.index("事项名称")
    row[name] = f"{str(row[name])[:2]}\n {str(row[name])[2:]}"
    titles = [["浏阳市政务服务事项清单"] * len(shuffled), ["填报单位：", "市场监管局"], []]
    labels = [f" {heading}（必填）* " if heading == "事项名称" else f"{heading[:2]}\n{heading[2:]}" for heading in shuffled]
    remark = ["说明：本表一式两份"] * len(shuffled)
    content = a_workbook(
        [*titles, labels, row, [], labels, remark],
        merged=["A1:AZ1"],
        hidden={"字典": [["事项类型"], ["行政许可"]]},
        before={"填表说明": [["请先阅读"]]},
    )

    run = judged(content)

    assert run.flaws() == []
    assert [row["row"] for row in run.good] == [5]
    assert run.last["end"]["hidden"] == ["字典"]
    assert run.last["end"]["passed"] == ["填表说明"]


def test_headings_of_two_levels_and_merged_cells_are_understood() -> None:
    start, organ, task = HEADINGS.index("法定办结时限"), HEADINGS.index("实施主体编码"), HEADINGS.index("实施编码")
    above = [*HEADINGS[: start + 1], "法定办结时限", "法定办结时限", *HEADINGS[start + 3 :]]
    below: list[str | None] = [None] * len(HEADINGS)
    below[start : start + 3] = ["时限", "单位", "依据"]
    first: list[str | None] = [*a_row()]
    second: list[str | None] = [*a_row(NAMES[1])]
    second[organ] = second[task] = None
    tops = [f"{letters_of(index)}1:{letters_of(index)}2" for index in range(len(HEADINGS)) if not start <= index < start + 3]

    run = judged(a_workbook([above, below, first, second], merged=[*tops, f"{letters_of(organ)}3:{letters_of(organ)}4"]))

    assert run.flaws() == []
    assert [row["draft"]["content"]["organ"] for row in run.good] == [first[organ]] * 2
    assert [row["draft"]["content"]["statutory_limit"]["unit"] for row in run.good] == ["workdays"] * 2


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_text_is_read_in_every_encoding_that_offices_use(encoding: str, separator: str) -> None:
    made = io.StringIO()
    csv.writer(made, delimiter=separator).writerows([["浏阳市事项清单"], HEADINGS, a_row(fees="新收费")])

    run = judged(made.getvalue().encode(encoding))

    assert (len(run.good), run.flaws()) == (1, [])
    assert run.good[0]["draft"]["content"]["name"] == NAMES[0]


def test_headings_may_be_the_codes_of_the_standard() -> None:
    run = judged(a_text([[one.code for one in COLUMNS], a_row(fees="新收费")]))

    assert len(run.good) == 1


def test_a_number_keeps_the_zeros_that_a_program_took_off() -> None:
    row: list[Any] = a_row(fees="新收费")
    row[column("catalogCode")] = int(row[column("catalogCode")])
    row[column("taskCode")] = None

    run = judged(a_workbook([HEADINGS, row]))

    assert run.flaws() == []


@pytest.mark.parametrize(
    ("day", "early"),
    [("2098/1/2", False), ("2098.1.2", False), ("20980102", False), ("2098-01-02 00:00:00", False), (72322, False), (70860, True)],
)
def test_a_day_is_read_as_text_or_as_a_programs_number(day: str | int, early: bool) -> None:  # noqa: FBT001
    row: list[Any] = a_row(fees="新收费")
    row[column("planEffectiveDate")] = day

    run = judged(a_workbook([HEADINGS, row], early=early))

    assert [row["planned"] for row in run.good] == ["2098-01-02"]


# -- bad input


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"promiseDay": Formula("A1+1")}, ("承诺办结时限", "bulk.formula")),
        ({"promiseDay": "=1+1"}, ("承诺办结时限", "bulk.formula")),
        ({"promiseDay": Raw('<c t="e"><v>#N/A</v></c>')}, ("承诺办结时限", "bulk.cell-error")),
        ({"deptCode": 114301810000000017, "taskCode": None}, ("实施主体编码", "bulk.cell-error")),
        ({"promiseDay": "-1"}, ("承诺办结时限", "bulk.number")),
        ({"promiseType": "星期"}, ("承诺办结时限单位", "bulk.choice")),
        ({"projectType": "急件"}, ("办件类型", "bulk.choice")),
        ({"handleType": "全程网办、全程网办"}, ("办理形式", "bulk.repeated-choice")),
        ({"taskName": None}, ("事项名称", "bulk.missing")),
        ({"taskName": "长" * 101}, ("事项名称", "bulk.too-long")),
        ({"catalogCode": "12-34", "taskCode": None}, ("基本编码", "bulk.code")),
        ({"taskCode": "9" * 31}, ("实施编码", "bulk.codes-differ")),
        ({"form": "{"}, ("申请表单", "bulk.json")),
        ({"form": '{"a":1,"a":2}'}, ("申请表单", "bulk.json")),
        ({"form": "[" * 60 + "]" * 60}, ("申请表单", "bulk.json")),
        ({"form": "json.z:00000"}, ("申请表单", "bulk.packed")),
        ({"form": packed('"' + '\\"' * 131_000)}, ("申请表单", "bulk.json")),
        ({"form": packed('["' + "\\\n" * 131_000)}, ("申请表单", "bulk.json")),
        ({"form": "json:5"}, ("申请表单", "request.dict_type")),
        ({"materials": "申请书|或许"}, ("申请材料", "bulk.choice")),
        ({"materials": "|是"}, ("申请材料", "bulk.record")),
        ({"denialGrounds": None}, ("不予许可情形", "bulk.missing")),
        ({"planEffectiveDate": "2026-02-30"}, ("计划生效日期", "bulk.date")),
        ({"others": '{"version":{"colour":"red"}}'}, ("其他属性", "request.extra_forbidden")),
    ],
)
def test_a_wrong_cell_is_told_by_row_field_and_rule(cells: dict[str, Any], told: tuple[str, str]) -> None:
    row: list[Any] = a_row(fees="新收费")
    for code, value in cells.items():
        row[column(code)] = value

    run = judged(a_workbook([HEADINGS, a_row(NAMES[1], fees="新收费"), row]))

    found = run.flaws()
    assert (3, *told) in found
    assert {number for number, _, _ in found} == {3}
    assert len(run.good) == 1


@pytest.mark.parametrize(
    ("code", "text", "field", "rule"),
    [
        ("deptCode", 'json:["x"]', "实施主体编码", "request.string_type"),
        ("catalogCode", "json:{}", "基本编码", "request.string_type"),
        ("localTaskCode", 'json:["\\ud800"]', "原平台编码", "bulk.character"),
        ("localTaskCode", 'json:["a\\u0000b"]', "原平台编码", "bulk.character"),
        ("isFee", 'json:"a\\u0000b"', "收费情况", "bulk.character"),
        ("localTaskCode", 'json:["' + "旧" * 81 + '"]', "原平台编码", "bulk.former-code"),
        ("localTaskCode", 'json:[" "]', "原平台编码", "bulk.former-code"),
        ("localTaskCode", 'json:[{"a":1}]', "原平台编码", "bulk.former-code"),
        ("localTaskCode", 'json:"one"', "原平台编码", "bulk.former-code"),
        ("planEffectiveDate", "0001-01-01", "计划生效日期", "bulk.date"),
        ("planEffectiveDate", 'json:"soon"', "计划生效日期", "bulk.date"),
        ("planEffectiveDate", "json:5", "计划生效日期", "bulk.date"),
        ("planEffectiveDate", "2100-01-02", "计划生效日期", "bulk.date"),
        ("taskCode", "json:5", "实施编码", "bulk.code"),
        ("others", "[1]", "其他属性", "bulk.json"),
        ("visits", "json:9999999999999999", "到办事现场次数", "request.less_than_equal"),
    ],
)
def test_a_cell_that_is_written_exactly_is_held_to_its_columns_bounds_too(code: str, text: str, field: str, rule: str) -> None:
    row = a_row(fees="新收费")
    row[column({"visits": "limitSceneNum"}.get(code, code))] = text
    if code in {"deptCode", "catalogCode"}:
        row[column("taskCode")] = ""

    run = judged(a_text([HEADINGS, a_row(NAMES[1], fees="新收费"), row]))

    assert (field, rule) in {(name, told) for _, name, told in run.flaws()}
    assert len(run.good) == 1


def test_an_item_that_stands_there_twice_is_told_with_the_first_row() -> None:
    run = judged(a_workbook([HEADINGS, a_row(fees="甲"), a_row(fees="乙")]))

    assert run.flaws() == [(3, "基本编码", "bulk.repeated")]


def _packed(content: bytes) -> bytes:
    """A workbook whose sheet says that it is small and is not."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if "worksheets" not in name:
                new.writestr(name, old.read(name))
        with new.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(b"<worksheet><sheetData>")
            for _ in range(300):
                part.write(b" " * 1_048_576)
    return made.getvalue()


WORKBOOK = a_workbook([HEADINGS, a_row()])


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (lambda: WORKBOOK[: len(WORKBOOK) // 2], "sheet.unreadable"),
        (lambda: a_text([HEADINGS, a_row()])[:-700], "sheet.unreadable"),
        (lambda: a_text([HEADINGS, a_row()]).rstrip() + b'\r\n"', "sheet.unreadable"),
        (lambda: _packed(WORKBOOK), "sheet.too-large"),
        (lambda: a_text([HEADINGS, *([str(number)] for number in range(100_000))]), "sheet.too-large"),
        (lambda: a_workbook([HEADINGS, a_row()], prolog='<!DOCTYPE a [<!ENTITY b "c">]>'), "sheet.unreadable"),
        (lambda: a_workbook([["事项", "内容"], ["甲", "乙"]]), "sheet.headerless"),
        (lambda: a_workbook([[name for name in HEADINGS if name != "事项名称"], a_row()]), "sheet.headerless"),
        (lambda: a_workbook([[*HEADINGS, "事项名称"], a_row()]), "sheet.headerless"),
        (lambda: b"\x00\x01\x02" * 99, "sheet.unsupported"),
    ],
    ids=["cut", "cut text", "open quote", "bomb", "100,000 rows", "doctype", "no header", "column missing", "column twice", "no text"],
)
def test_a_file_that_cannot_be_taken_is_refused_as_a_whole(content: Callable[[], bytes], rule: str) -> None:
    run = judged(content())

    assert run.rows == []
    assert run.last["refused"]["rule"] == rule


def test_formulas_are_refused_row_by_row_and_beside_the_columns_they_do_not_matter() -> None:
    run = judged(a_workbook([["序号", *HEADINGS], [Formula("ROW()-1"), *a_row(fees="新收费")]]))

    assert len(run.good) == 1
