"""``docs/item-table.md``: the guide of an office that brings in its items by spreadsheet, with every column of the column map."""

from __future__ import annotations

from collections.abc import Sequence

from catalog_svc.bulk.domain.column import Column, Missing
from catalog_svc.bulk.domain.columns import COLUMNS, NEEDED
from catalog_svc.bulk.domain.exact import LONGEST
from catalog_svc.bulk.domain.parts import OrNone
from catalog_svc.bulk.domain.records import NamedPart, Records
from catalog_svc.bulk.domain.runs import KEPT
from catalog_svc.sheet.domain.bounds import MOST_BYTES, MOST_COLUMNS, MOST_ROWS

_INTRODUCTION = f"""# Bringing in items by spreadsheet 批量导入实施清单

Made by `make contracts` from the column map (`catalog_svc/bulk/domain/columns.py`).

## 怎么做

条件、表单关键字、情形、材料各字段的写法，以及逐项编制的步骤，见[编制手册](authoring.md)。

1. 下载空表：`GET /v1/service-items/template?format=xlsx`（或者 `csv`），也可以直接使用本单位现有的表，只要表头用下列列名、国标代码或别名。
2. 上传：`POST /v1/service-items/imports?region=<行政区划>`，正文为文件。系统先试运行，不改变任何数据。
3. 查看结果：`GET /v1/service-items/imports/<批次>`，逐行问题见 `/rows?state=bad`；退回行见 `/returned`，最后一列为原因，改好后可直接再上传。
4. 确认导入：`POST …/execution`（带 `If-Match`）。合格的行成为操作人的草稿；不合格的行不会导入。
5. 由**另一人**批量复核 `POST …/review`，再发布 `POST …/publication`。复核、发布时被退回的行，处理后可再次复核、再次发布。
   进行中的步骤可以停止：`POST …/cancellation`；已完成的行保留，导入时尚未处理的行退回。
6. 同一文件再次导入，不产生任何变化，结果中记为 `unchanged`。
7. 导出：`POST /v1/service-items/exports`，完成后取 `…/file`；导出的文件可以原样导入。

列的顺序不限；表头上方可以有标题、说明；可以有合并单元格、全角数字、多余空格和换行；CSV 可以是 GBK、GB18030 或者 UTF-8，以逗号、制表符或分号分隔。
一个工作簿中所有带表头的可见工作表都会读取；隐藏的工作表不读取，并在结果中列出；无法识别的列不读取，并在结果中列出。
不接受公式；日期格式的单元格按 2026-02-28 的形式读取；批注、链接、图片、宏不读取；旧版 .xls、ODS 和“严格”型 XLSX 请另存后上传；数字超过 15 位（例如统一社会信用代码）的单元格请设为文本格式。
每次最多 {MOST_ROWS:,} 行、{MOST_COLUMNS} 列、{MOST_BYTES // 1024 // 1024} MB；超过的、损坏的、加密的、内容不完整的文件整体退回。
文件和各行内容保存 {KEPT.days} 天；到期尚未发布的批次失效（`expired`），其草稿保留，同一文件再次导入即可接续；整体退回的文件不保存。
读取和导出文件逐个进行，同一人的多个文件依次排在他人的文件之后；起草、复核、发布分批进行，互不等待。

## What to do

How conditions, forms, situations and materials are written, and an item by itself step by step: [authoring](authoring.md).

1. Fetch the empty table, or take your own whose headings are the names below, the codes of the standard, or an alias.
2. Upload it; it is read and checked, and nothing is changed (dry run).
3. Read the report row by row. Rows that are given back come as a file with the reason in the last column: correct it there and upload it again.
4. Ask for the import with the tag (`ETag`) of the report that you have read. Good rows become drafts of yours.
5. **Another officer** reviews all of them, then publishes them: three steps for a district, none of them by the same hand as the drafts.
   Rows refused at a step can be tried again by asking for it again. A step at work is ended where it is by `cancellation`: what is done
   stays, and what an import did not reach is given back. Rows that somebody overtook since the dry run are given back, too.
6. The same file again changes nothing and says so. A run that is killed goes on where it stood.
7. An export is a file that an import takes as it is. What a cell could not hold exactly is written as `json:…`, and as `json.z:…` beyond
   {LONGEST:,} characters; leave such cells as they are.

A cell formatted as a day is read as 2026-02-28; comments, links, pictures and macros are not read; what a formula came to is not taken; the old
`.xls`, ODS and strict XLSX are refused: save them anew.
Every flaw names sheet, row, column, field and rule, and never repeats what stands in the cell. An empty cell means what the column below says;
an item that exists keeps what the columns marked “as it is” hold where these cells are empty: what is published, never what a draft
that was sent back said; where that is not in force, a note of the row says so. Where there is none of it, write 无. What a row lets go of what is
published because it does not say it (an empty cell of another column, a part that a line leaves out where the line of that
name had it) is a note, too: `bulk.cleared`. What a column and `其他属性` say differently is given back (`bulk.said-twice`).
“as it is”各列，已有事项留空的沿用已公布的内容，不沿用被退回的草稿；沿用的不是现行版本时，在该行的提示中说明；确实没有的填“无”。
本行未写而将不再保留的已公布内容（其他列留空、同名的一行少写某一项），在该行的提示中逐项列出；同一内容在本列与“其他属性”中不一致的，该行退回。
An export from before {", ".join(column.name for column in COLUMNS if column.came_later)} had columns says them in `其他属性`, and is taken as it is.
Files are read and written one at a time, officer by officer; drafts, reviews and publications of several runs go on side by side.
After {KEPT.days} days the rows are forgotten and an import that was not published expires; the same file takes its drafts up again.
A code of the platform before (`原平台编码`) finds its item from then on: `GET /v1/service-items/former-codes?code=…`.

## Columns 列

| 列名 | code | 必填 needed | 填写 | to be written | empty means | 别名 aliases | 例 |
|---|---|---|---|---|---|---|---|
"""


_PARTS = """
## 按名称续写的各项 Parts of a line by name

下列各列每行一条，先写固定的几项（中间用竖线 | 分隔，不填的留空），再按需要续写“名称：内容”，次序不限，例如：
`经营场所证明|是|申请人自备|1|否|《个体工商户条例》第八条|容缺：是|补交期限：2个工作日|容缺依据：国发〔2014〕47号`。
无法识别的项连同行、列、行内第几条第几项和规则一并退回。In these columns a line has its first parts in order, then, in any order, what few lines
say as `名称：内容`. A part that nobody understands is given back with row, column, line, part and rule. Behind it an export writes what has no name
(conditions, sizes of files, what a bundle takes over from its members) as JSON in braces; leave that as it is.

| 列名 | 名称 | 填写 | to be written | 别名 aliases | field |
|---|---|---|---|---|---|
"""
_BESIDE = """
## 其他属性 Other attributes

No office writes these by hand, so they have no column: `base_form` (a base form goes with the form, which is drawn elsewhere and stays as it is),
`succeeds` (an item that ends others is drafted one by one), and in a line's braces `when` (a condition over the item's own facts and form), `max_bytes`,
`merged` and `needed_by` (made by the merging of a bundle). A window step with its second officer is a step of 多层办理环节; an intermediary's report with
its expiry is a material. 可信等级 trust：A 签发机关数据或者电子证照，B 窗口核验原件，
C 申请人电子签名的复印件，D 上传件。以上内容一般由导出产生，不需要手工填写；窗口环节及交叉审核写在“多层办理环节”，中介服务报告及其有效期写在“申请材料”。
"""


def item_table_page() -> str:
    """The page."""
    columns = "\n".join(_line(column) for column in COLUMNS) + "\n"
    parts = "\n".join(_part(column, one) for column in COLUMNS for one in _named_of(column)) + "\n"
    return _INTRODUCTION + columns + _PARTS + parts + _BESIDE


def _named_of(column: Column) -> Sequence[NamedPart]:
    shape = column.shape.shape if isinstance(column.shape, OrNone) else column.shape
    return shape.named if isinstance(shape, Records) else ()


def _part(column: Column, one: NamedPart) -> str:
    return _row((column.name, one.label, one.shape.zh, one.shape.en, "、".join(one.aliases), "" if one.affirms else f"`{one.name}`"))


def _line(column: Column) -> str:
    needed = "是" if column in NEEDED else "（见实施编码）" if isinstance(column.default, Missing) else ""
    empty = "" if isinstance(column.default, Missing) or column.default in (None, "", []) else _short(str(column.default))
    zh = "；".join(part for part in (column.shape.zh, column.note) if part)
    en = "; ".join(part for part in (column.shape.en, column.note_en) if part)
    told = (
        column.name,
        f"`{column.code}`",
        needed,
        zh,
        en,
        "as it is" if column.keeps else empty,
        "、".join(column.aliases),
        column.example,
    )
    return _row(told)


def _row(told: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", "<br>") for text in told) + " |"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - what a table shows well
