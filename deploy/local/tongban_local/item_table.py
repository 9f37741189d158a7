"""``docs/item-table.md``: the guide of an office that brings in its items by spreadsheet, with every column of the column map."""

from __future__ import annotations

from catalog_svc.bulk.domain.columns import COLUMNS, NEEDED, Column, Missing
from catalog_svc.bulk.domain.exact import LONGEST
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
an item that exists keeps its form, its situations and its rules where these cells are empty: those that are published, never those of a draft
that was sent back; where they are not the ones in force, a note of the row says so.
已有事项的申请表单、办理情形、校验规则留空的，沿用已公布的内容，不沿用被退回的草稿；沿用的不是现行版本时，在该行的提示中说明。
Files are read and written one at a time, officer by officer; drafts, reviews and publications of several runs go on side by side.
After {KEPT.days} days the rows are forgotten and an import that was not published expires; the same file takes its drafts up again.
A code of the platform before (`原平台编码`) finds its item from then on: `GET /v1/service-items/former-codes?code=…`.

## Columns 列

| 列名 | code | 必填 needed | 填写 | to be written | empty means | 别名 aliases | 例 |
|---|---|---|---|---|---|---|---|
"""


def item_table_page() -> str:
    """The page."""
    return _INTRODUCTION + "\n".join(_line(column) for column in COLUMNS) + "\n"


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
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", "<br>") for text in told) + " |"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - what a table shows well
