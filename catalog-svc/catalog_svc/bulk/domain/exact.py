"""What stands in a cell: read as its column's shape says, or exactly, as JSON behind `EXACTLY`, which every column reads.

What a shape could not give back (a text with stray spaces, signs of double width, the beginning of a formula) is written exactly: so what is
exported says the same when it is taken in again.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Protocol, cast

from catalog_svc.sheet.domain.cells import Cell, CellKind
from contracts.values import Json, JsonObject

EXACTLY = "json:"
PACKED = "json.z:"
"""The same, compressed: for what is longer than a cell of a workbook."""

LONGEST = 32_000
"""Characters of a cell that every program holds."""
MOST_PACKED = 262_144
"""Bytes that a compressed cell may hold."""
MOST_NESTED = 40
"""Levels of JSON in a cell."""

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
"""PostgreSQL holds no NUL, UTF-8 no half of a surrogate pair."""
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
"""A text of JSON, or one that is never closed to the end of all: else each quote within it would be looked at as the beginning of another."""
_FORMULA_LIKE = ("=", "+", "-", "@")


class CellWrong(Exception):
    """A cell that does not say what its column asks for; never repeats what it says."""

    def __init__(self, rule: str, zh: str, en: str, below: str = "") -> None:
        """Keep the rule, its texts and a pointer below the field, such as the line of a list."""
        super().__init__(rule)
        self.rule, self.zh, self.en, self.below = rule, zh, en, below


class Shape(Protocol):
    """How one field stands in a cell."""

    @property
    def zh(self) -> str:
        """What may stand there, for the office's guide."""
        ...

    @property
    def en(self) -> str:
        """The same in English."""
        ...

    def read(self, cell: Cell, /) -> Json:
        """The field's value.

        Raises:
            CellWrong: The cell says something else.
        """
        ...

    def show(self, value: Json, /) -> str:
        """As people write it."""
        ...


def read_cell(shape: Shape, cell: Cell) -> Json:
    """A cell's value: exactly, where it is written so, else as its shape reads it.

    Raises:
        CellWrong: A formula, an error value, JSON that is none, or what the shape refuses.
    """
    if cell.kind is CellKind.FORMULA:
        raise CellWrong("bulk.formula", "不接受公式，请粘贴为数值", "A formula is not taken; paste its value")
    if cell.kind is CellKind.WRONG:
        raise CellWrong(
            "bulk.cell-error",
            "单元格为错误值，或者数字超过 15 位已丢失精度，请设为文本格式后重新填写",
            "An error value, or a number that lost digits",
        )
    if cell.text.startswith(EXACTLY):
        return read_json(cell.text.removeprefix(EXACTLY))
    if cell.text.startswith(PACKED):
        return read_json(_unpack(cell.text.removeprefix(PACKED)))
    return shape.read(cell)


def show_cell(shape: Shape, value: Json) -> str:
    """What to write into a cell so that `read_cell` gives back just this value."""
    try:
        shown = shape.show(value)
        if 0 < len(shown) <= LONGEST and not shown.startswith((*_FORMULA_LIKE, EXACTLY, PACKED)) and shape.read(Cell(shown)) == value:
            return shown
    except (CellWrong, KeyError, TypeError, ValueError, AttributeError):
        pass
    exactly = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return EXACTLY + exactly if len(exactly) <= LONGEST else PACKED + base64.b85encode(zlib.compress(exactly.encode(), 9)).decode()


def read_json(text: str) -> Json:
    """JSON in a cell, of bounded depth.

    Raises:
        CellWrong: It is none, or holds a character that no table could hold.
    """
    wrong = CellWrong("bulk.json", "不是有效的 JSON", "Not valid JSON")
    depth = 0
    for mark in _TEXT.sub("", text):
        depth += (mark in "[{") - (mark in "]}")
        if depth > MOST_NESTED:
            raise wrong
    try:
        found = cast("Json", json.loads(text, parse_constant=_refuse, object_pairs_hook=_object))
    except (ValueError, RecursionError) as error:
        raise wrong from error
    if "\\u" in text or _UNSTORABLE.search(text):
        _require_storable(found)
    return found


def storable(text: str) -> str:
    """A text with a sign of its own for every character that no table could hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def _require_storable(value: Json) -> None:
    waiting: list[Json] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and _UNSTORABLE.search(one):
            raise CellWrong("bulk.character", "含有无法保存的字符", "It holds a character that cannot be kept")


def _unpack(text: str) -> str:
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b85decode("".join(text.split())), MOST_PACKED)
        if unpacking.eof:
            return content.decode()
    except (ValueError, zlib.error):
        pass
    raise CellWrong("bulk.packed", "压缩内容不完整，请重新导出", "Compressed content that is not whole; export it anew")


def _refuse(_: str) -> Json:
    raise ValueError


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
