"""What runs in the worker's own process: a file is read and judged row by row, or written, within bounds that the system keeps."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

import orjson

from catalog_svc.bulk.domain.columns import COLUMNS, FORMER, ITEM, REASONS
from catalog_svc.bulk.domain.runs import RowState
from catalog_svc.bulk.domain.table import LOOKED_AT, Flaw, Reading, RowRead, column_at, show_row
from catalog_svc.bulk.outside import FAILED, TOO_HEAVY
from catalog_svc.sheet.domain.bounds import MOST_ROWS
from catalog_svc.sheet.domain.cells import Sheet, label_of
from catalog_svc.sheet.domain.delimited import write_delimited
from catalog_svc.sheet.domain.refusals import SheetRefused, SheetTooLarge
from contracts.codec import encode_object
from contracts.refusals import Invalid
from contracts.values import JsonObject

SECONDS = 120
"""Seconds of the processor that a worker may take."""
MEMORY = 1_536 * 1024 * 1024
"""Bytes of address space."""
MOST_FLAWS = 50
"""Told of one row."""

_ITEMS = "实施清单"
"""The sheet of items."""


@cache
def empty_table(how: str) -> bytes:
    """A table with every column and one example, ``xlsx`` or ``csv``: a few texts of ours, so no worker makes it."""
    made = io.BytesIO()
    _make([[column.name for column in COLUMNS], [column.example for column in COLUMNS]], how=how, sheet=_ITEMS, to=made)
    return made.getvalue()


def main() -> None:
    """Do the one task named on the command line."""
    _bound_itself()
    task = sys.argv[1]
    try:
        if task == "read":
            read_file(sys.stdin.buffer.read(), sys.stdout.buffer)
        else:
            _write(task, sys.stdin.buffer, sys.stdout.buffer)
    except MemoryError:
        sys.exit(TOO_HEAVY)
    except Exception as error:  # noqa: BLE001 - whatever it is, the service is told, in words that repeat no cell
        sys.stderr.write(f"{_named(error)}\n")
        sys.exit(FAILED)


def _named(error: BaseException) -> str:
    """What went wrong and where, without the error's own text, which may hold what stands in a cell."""
    places = traceback.extract_tb(error.__traceback__)
    return " < ".join([type(error).__name__, *(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(places[-4:]))])


def _bound_itself() -> None:
    try:
        import resource  # noqa: PLC0415 - where there is none, only the clock on the wall bounds it
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak() -> int:
    try:
        import resource  # noqa: PLC0415 - as above
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def read_file(content: bytes, to: IO[bytes]) -> None:
    """Say what stands in a file: a line for each row, and a last one for the file as a whole."""
    reading, known = Reading(), _Known()
    last: JsonObject
    try:
        from catalog_svc.sheet.outside import read_sheets  # noqa: PLC0415 - the library is for the worker; the service does without its memory

        sheets = read_sheets(content)
        _measure(sheets)
        for number, row in enumerate(reading.read(sheets), start=1):
            to.write(_told(row, number, known))
        end = {"hidden": reading.hidden, "passed": reading.passed, "unknown": reading.unknown, "headings": reading.headings}
        last = {"end": cast("JsonObject", {**end, "letters": reading.letters, "peak": _peak()})}
    except SheetRefused as refused:
        last = {"refused": {"rule": refused.RULE, "detail": refused.ZH, "detail_en": refused.EN, "facts": refused.facts}}
    _say(to, last)
    to.flush()


def _measure(sheets: Iterable[Sheet]) -> None:
    """Read the file to its end once before any row is told: what is refused as a whole leaves nothing behind."""
    rows = 0
    for sheet in sheets:
        for row in () if sheet.hidden else sheet.rows:
            rows += not row.is_blank
            if rows > MOST_ROWS + LOOKED_AT:
                raise SheetTooLarge(facts={"row": row.number, "rows": MOST_ROWS})


def _told(row: RowRead, number: int, known: _Known) -> bytes:
    """A row as the service takes it, in one line; a row that nobody knows how to take is wrong, and the others go on."""
    try:
        row.require_read()
        known.compare(row)
        return orjson.dumps({"row": _judged(row, number)}, option=orjson.OPT_APPEND_NEWLINE)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        sys.stderr.write(f"{_named(error)}\n")
        wrong = Flaw(rule="bulk.row-failed", zh="系统无法处理该行，请联系平台管理人员", en="The system failed over this row")
        told = RowRead(sheet=row.sheet, number=row.number, cells=[one.encode(errors="replace").decode() for one in row.cells])
        told.flaws.append(wrong)
        return orjson.dumps({"row": _judged(told, number)}, option=orjson.OPT_APPEND_NEWLINE)


def _say(to: IO[bytes], said: JsonObject) -> None:
    to.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))


class _Known:
    """Where items and former codes of the file stood first."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._items: dict[tuple[object, object], tuple[str, int]] = {}
        self._codes: dict[str, tuple[object, object]] = {}

    def compare(self, row: RowRead) -> None:
        """Tell of an item that stood there before, and of a former code that stands for two."""
        version = cast("JsonObject", row.body.get("version") or {})
        item = (version.get("organ"), version.get("item_code"))
        if not (isinstance(item[0], str) and isinstance(item[1], str)):
            return
        # Its place alone: the rows themselves would all be held until the file ends.
        first = self._items.get(item)
        if first is None:
            self._items[item] = (row.sheet, row.number)
        else:
            sheet, number = first
            row.flaws.append(
                Flaw(
                    rule="bulk.repeated",
                    zh=f"与工作表“{sheet}”第 {number} 行为同一事项",
                    en=f"The same item stands in row {number} of sheet “{sheet}”",
                    field=ITEM.name,
                    code=ITEM.code,
                    pointer="/version/item_code",
                )
            )
        for code in row.former:
            if self._codes.setdefault(code, item) != item:
                row.flaws.append(
                    Flaw(
                        rule="former-code.taken",
                        zh="原平台编码在表中对应两个事项",
                        en="A former code stands for two items",
                        field=FORMER.name,
                        code=FORMER.code,
                    )
                )


def _judged(row: RowRead, number: int) -> JsonObject:
    """A row as the service takes it: with its draft, or with everything that is wrong with it."""
    from catalog_svc.item.views import read_draft  # noqa: PLC0415 - whoever writes a file does without it, and is ready in a third of the time

    draft: JsonObject | None = None
    if not row.flaws:
        try:
            draft = encode_object(read_draft(row.body))
        except Invalid as refused:
            for one in refused.defects:
                column = column_at(one.pointer)
                name, code = ("", "") if column is None else (column.name, column.code)
                row.flaws.append(Flaw(rule=one.rule_id, zh=one.message, en=one.message_en, field=name, code=code, pointer=one.pointer))
    flaws = [
        {"rule": one.rule, "detail": one.zh, "detail_en": one.en}
        | {key: value for key in ("field", "code", "pointer") if (value := getattr(one, key))}
        for one in row.flaws[:MOST_FLAWS]
    ]
    return cast(
        "JsonObject",
        {
            "number": number,
            "sheet": row.sheet,
            "row": row.number,
            "state": RowState.BAD.value if flaws else RowState.GOOD.value,
            "draft": draft,
            "kept": row.kept,
            "emptied": row.emptied,
            "lines": row.lines,
            "former": row.former,
            "planned": row.planned,
            "flaws": flaws,
            "cells": row.cells,
        },
    )


def _write(how: str, lines: IO[bytes], to: IO[bytes]) -> None:
    rows = _returned(lines) if how == "returned" else _exported(lines)
    _make(rows, how=how, sheet="退回" if how == "returned" else _ITEMS, to=to)
    to.write(b"\n")
    to.flush()


def _make(rows: Iterable[Sequence[str]], *, how: str, sheet: str, to: IO[bytes]) -> None:
    if how == "csv":
        write_delimited(rows, to=to)
        return
    from catalog_svc.sheet.outside import write_workbook  # noqa: PLC0415 - as above

    made = io.BytesIO()
    write_workbook(rows, to=made, sheet=sheet)
    to.write(made.getbuffer())


def _exported(lines: IO[bytes]) -> Iterator[list[str]]:
    yield [column.name for column in COLUMNS]
    for line in lines:
        one = orjson.loads(line)
        yield show_row(one["body"], task=one["task"], former=one["former"], planned=one["planned"])


def _returned(lines: IO[bytes]) -> Iterator[list[str]]:
    """The office's own rows under its own headings, those of all sheets side by side, and behind them the reasons."""
    headings: dict[str, list[str]] = orjson.loads(next(iter(lines)))
    places: dict[tuple[str, int], int] = {}
    labels: dict[str, int] = {}
    shown: list[str] = []
    for sheet, texts in headings.items():
        for index, text in enumerate(texts):
            label = label_of(text) or f"{sheet}/{index}"
            if label == label_of(REASONS):
                continue
            if label not in labels:
                labels[label] = len(shown)
                shown.append(text)
            places[sheet, index] = labels[label]
    yield [*shown, REASONS]
    for line in lines:
        one: dict[str, Any] = orjson.loads(line)
        row = [""] * len(shown)
        for index, cell in enumerate(one["cells"]):
            if (one["sheet"], index) in places:
                row[places[one["sheet"], index]] = cell
        yield [*row, one["reason"]]


if __name__ == "__main__":
    main()
