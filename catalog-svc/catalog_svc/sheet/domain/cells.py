"""A cell and what may be done to its text without changing what the office meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class CellKind(StrEnum):
    """What the file says a cell holds."""

    TEXT = "text"
    NUMBER = "number"
    """As the file's program stored it: at most 15 digits are what somebody typed."""
    FORMULA = "formula"
    """Computed by the program that wrote the file; never taken in."""
    WRONG = "wrong"
    """An error value such as ``#N/A``."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one cell."""

    text: str
    kind: CellKind = CellKind.TEXT


EMPTY = Cell("")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row, as long as its last cell that holds something."""

    number: int
    """As the office sees it, from 1."""
    cells: Sequence[Cell]

    @property
    def is_blank(self) -> bool:
        """Whether nothing but spaces stands in it."""
        return all(cell.kind is CellKind.TEXT and not cell.text.strip() for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet; its rows are read anew, as they come, each time they are gone through."""

    name: str
    hidden: bool
    rows: Iterable[SheetRow]
    origin: int = 0
    """Days by which its day numbers are too small: 1462 where they are counted from 1904."""


_WIDE = {code: code - 0xFEE0 for first, last in ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)) for code in range(first, last + 1)}
"""Full-width digits and letters 全角 to the plain ones; punctuation is the author's."""
_MARKS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0x3001: ord(","), 0x3002: ord(".")}
"""Every full-width sign, for what is compared and never kept."""
_UNSEEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[\ud800-\udfff]")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_BREAKS = re.compile(r"\r\n?|\x85|\u2028|\u2029")
_HAN = r"\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3000-\u303f\uff00-\uffef"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")


def lines_of(text: str) -> list[str]:
    """The lines of a cell: plain digits and letters, no unseen signs, no stray spaces, no empty line."""
    broken = _BREAKS.sub("\n", _UNSEEN.sub("", text).translate(_WIDE))
    return [line for each in broken.split("\n") if (line := _SPACES.sub(" ", each).strip())]


def one_line(text: str) -> str:
    """The same as one line: what a cell wrapped is joined, between Chinese characters without a space."""
    return _BETWEEN_HAN.sub("", " ".join(lines_of(text)))


def code_of(text: str) -> str:
    """A code, number, choice or name as it is compared: plain signs of either width, no space at all, capital letters."""
    return "".join(_UNSEEN.sub("", text).translate(_MARKS).split()).upper()


def label_of(text: str) -> str:
    """A column's heading as it is compared: without spaces, marks and remarks in brackets."""
    plain = code_of(text)
    while (shorter := re.sub(r"\([^()]*\)|\[[^\[\]]*\]|[*:#]", "", plain)) != plain:
        plain = shorter
    return plain
