"""The worker: a process of its own reads and writes spreadsheets, so that neither a hostile file nor a large one holds up the service.

It gets no settings and no secrets, a bounded share of memory and of the processor, and talks in lines of JSON over its two pipes. When the
service dies its pipes close and it ends; what it had said counts only as far as the service committed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from functools import cache
from typing import IO, Any, cast

import orjson

from catalog_svc.bulk.domain.columns import COLUMNS, FORMER, ITEM, REASONS
from catalog_svc.bulk.domain.runs import RowState
from catalog_svc.bulk.domain.table import LOOKED_AT, Flaw, Reading, RowRead, column_at, show_row
from catalog_svc.item.views import read_draft
from catalog_svc.sheet.domain.bounds import MOST_ROWS
from catalog_svc.sheet.domain.cells import Sheet, label_of
from catalog_svc.sheet.domain.delimited import write_delimited
from catalog_svc.sheet.domain.refusals import SheetRefused, SheetTooLarge
from contracts.codec import encode_object
from contracts.refusals import Invalid
from contracts.values import JsonObject

PATIENCE = 240.0
"""Seconds a worker may take for one file, by the clock on the wall."""
SECONDS = 120
"""The same on the processor."""
MEMORY = 1_536 * 1024 * 1024
"""Bytes of address space."""
MOST_FLAWS = 50
"""Told of one row."""

_ITEMS = "实施清单"
"""The sheet of items."""

_LINE = 16 * 1024 * 1024
_PIECE = 262_144


class WorkerTooHeavy(SheetTooLarge):
    """The worker needed more time or memory than one file may have."""

    RULE = "sheet.too-heavy"
    ZH = "处理该文件超出资源上限，请拆分或者精简后上传"
    EN = "Reading the file takes more time or memory than one file may have; split it"


async def read_table(content: AsyncIterator[bytes]) -> AsyncGenerator[JsonObject]:
    """What a worker finds in a file: ``row`` for each row, and at the end ``end`` or ``refused``.

    Raises:
        WorkerTooHeavy: It was stopped before it was done.
    """
    async with _worker("read", content) as output:
        ended = False
        while line := await _line_of(output):
            said: JsonObject = orjson.loads(line)
            ended = ended or "end" in said or "refused" in said
            yield said
    if not ended:
        raise WorkerTooHeavy


async def write_table(lines: AsyncIterator[bytes], *, how: str) -> AsyncIterator[bytes]:
    """The file that a worker makes of lines of JSON: ``xlsx`` or ``csv`` of items, ``returned`` of rows that are given back.

    Raises:
        WorkerTooHeavy: It was stopped before it was done.
    """
    async with _worker(how, lines) as output:
        held = b""
        while piece := await output.read(_PIECE):
            # The last byte of all says that the file is whole and is none of it.
            if len(held + piece) > 1:
                yield (held + piece)[:-1]
            held = piece[-1:]
    if held != b"\n":
        raise WorkerTooHeavy


@contextlib.asynccontextmanager
async def _worker(task: str, sent: AsyncIterator[bytes]) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        task,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LINE,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"},
    )
    feeding = asyncio.ensure_future(_feed(cast("asyncio.StreamWriter", process.stdin), sent))
    try:
        async with asyncio.timeout(PATIENCE):
            yield cast("asyncio.StreamReader", process.stdout)
            await feeding
            await process.wait()
    except TimeoutError as error:
        raise WorkerTooHeavy from error
    finally:
        feeding.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(feeding, return_exceptions=True)
        await process.wait()


async def _feed(pipe: asyncio.StreamWriter, sent: AsyncIterator[bytes]) -> None:
    try:
        async for piece in sent:
            pipe.write(piece)
            await pipe.drain()
    except ConnectionError:
        # The worker has ended: it says why, or it said too little.
        pass
    finally:
        pipe.close()
        with contextlib.suppress(ConnectionError):
            await pipe.wait_closed()


async def _line_of(output: asyncio.StreamReader) -> bytes:
    try:
        return await output.readline()
    except ValueError as error:
        # A line beyond the bound is a worker gone astray.
        raise WorkerTooHeavy from error


@cache
def empty_table(how: str) -> bytes:
    """A table with every column and one example, ``xlsx`` or ``csv``: a few texts of ours, so no worker makes it."""
    made = io.BytesIO()
    _make([[column.name for column in COLUMNS], [column.example for column in COLUMNS]], how=how, sheet=_ITEMS, to=made)
    return made.getvalue()


# -- below, what runs in the worker's own process


def main() -> None:
    """Do the one task named on the command line."""
    _bound_itself()
    task = sys.argv[1]
    if task == "read":
        read_file(sys.stdin.buffer.read(), sys.stdout.buffer)
    else:
        _write(task, sys.stdin.buffer, sys.stdout.buffer)


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
            known.compare(row)
            _say(to, {"row": _judged(row, number)})
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


def _say(to: IO[bytes], said: JsonObject) -> None:
    to.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))


class _Known:
    """Where items and former codes of the file stood first."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._items: dict[tuple[object, object], RowRead] = {}
        self._codes: dict[str, tuple[object, object]] = {}

    def compare(self, row: RowRead) -> None:
        """Tell of an item that stood there before, and of a former code that stands for two."""
        version = cast("JsonObject", row.body.get("version") or {})
        item = (version.get("organ"), version.get("item_code"))
        if None in item:
            return
        first = self._items.setdefault(item, row)
        if first is not row:
            row.flaws.append(
                Flaw(
                    rule="bulk.repeated",
                    zh=f"与工作表“{first.sheet}”第 {first.number} 行为同一事项",
                    en=f"The same item stands in row {first.number} of sheet “{first.sheet}”",
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
