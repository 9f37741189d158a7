"""Shapes of cells: how a field of an item is written in one cell, and read from what people write there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import cast

from catalog_svc.bulk.domain.exact import CellWrong, Shape, read_json
from catalog_svc.sheet.domain.cells import Cell, CellKind, code_of, lines_of, one_line
from contracts.values import Json

_DATE = re.compile(r"\A([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))(?:T?00:00:00)?\Z")
_DAY_ZERO = date(1899, 12, 30)
_DAYS = range(36_526, 73_051)
"""Day numbers of the years 2000 to 2099."""
SEVERAL = re.compile(r"[、,;/|\n，；／｜]+")
"""What parts several values of one cell."""


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text."""

    most: int
    zh: str = "单行文本"
    en: str = "one line of text"

    def read(self, cell: Cell) -> Json:
        """Joined to one line."""
        text = one_line(cell.text)
        if len(text) > self.most:
            raise CellWrong("bulk.too-long", f"超过 {self.most} 个字", f"More than {self.most} characters")
        return text

    def show(self, value: Json) -> str:
        """As it is."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Code:
    """A code of fixed length, of digits and capital letters."""

    length: int
    zh: str = ""
    en: str = ""
    filled: bool = False
    """Whether digits alone are filled up with the zeros that a program took off their front."""

    def read(self, cell: Cell) -> Json:
        """In plain signs."""
        text = code_of(cell.text)
        if self.filled and text.isdecimal():
            text = text.zfill(self.length)
        if not re.fullmatch(rf"[0-9A-Z]{{{self.length}}}", text):
            raise CellWrong("bulk.code", f"应为 {self.length} 位数字或者大写字母", f"{self.length} digits or capital letters are needed")
        return text

    def show(self, value: Json) -> str:
        """As it is."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from 0."""

    most: int
    zh: str = "整数"
    en: str = "a whole number"

    def read(self, cell: Cell) -> Json:
        """Digits of either width."""
        text = code_of(cell.text)
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > self.most:
            raise CellWrong("bulk.number", f"应为 0 至 {self.most} 的整数", f"A whole number from 0 to {self.most} is needed")
        return int(text)

    def show(self, value: Json) -> str:
        """In digits."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values, by its Chinese name, its number in the standard or our own word."""

    names: Mapping[str, tuple[str, ...]]
    """Value to its names, the one that is shown first."""
    zh: str = ""
    en: str = ""
    known: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Look names up by how they are compared; say what may stand here."""
        known = {code_of(name): value for value, names in self.names.items() for name in (value, *names)}
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "zh", "、".join(names[0] for names in self.names.values()))
        # A word with a slash is read as two where several may stand.
        object.__setattr__(self, "en", ", ".join(names[0] if "/" in value else value for value, names in self.names.items()))

    def read(self, cell: Cell) -> Json:
        """Its value."""
        found = self.known.get(code_of(cell.text))
        if found is None:
            raise CellWrong("bulk.choice", f"应为以下之一：{self.zh}", f"One of these is needed: {self.en}")
        return found

    def show(self, value: Json) -> str:
        """Its Chinese name."""
        return self.names[str(value)][0]


@dataclass(frozen=True, slots=True)
class YesNo:
    """Whether something is so."""

    one: Choice
    """Of the values ``yes`` and ``no``."""

    @property
    def zh(self) -> str:
        """For the guide."""
        return self.one.zh

    @property
    def en(self) -> str:
        """For the guide."""
        return self.one.en

    def read(self, cell: Cell) -> Json:
        """Whether it says yes."""
        return self.one.read(cell) == "yes"

    def show(self, value: Json) -> str:
        """In Chinese."""
        return self.one.show("yes" if value else "no")


@dataclass(frozen=True, slots=True)
class Several:
    """Several values of one kind, in one cell."""

    one: Shape

    @property
    def zh(self) -> str:
        """For the guide."""
        return f"{self.one.zh}；可多选，用顿号分隔"

    @property
    def en(self) -> str:
        """For the guide."""
        return f"{self.one.en}; several with commas"

    def read(self, cell: Cell) -> Json:
        """Its values in their order."""
        found = [self.one.read(Cell(part)) for part in SEVERAL.split(cell.text) if code_of(part)]
        if len({str(each) for each in found}) != len(found):
            raise CellWrong("bulk.repeated-choice", "同一选项重复", "The same is chosen twice")
        return found

    def show(self, value: Json) -> str:
        """Their Chinese names."""
        return "、".join(self.one.show(each) for each in cast("list[Json]", value))


@dataclass(frozen=True, slots=True)
class Lines:
    """Several texts, one a line."""

    most: int
    zh: str = "每行一条"
    en: str = "one a line"

    def read(self, cell: Cell) -> Json:
        """Its lines."""
        found = lines_of(cell.text)
        for index, line in enumerate(found):
            if len(line) > self.most:
                raise CellWrong(
                    "bulk.too-long", f"第 {index + 1} 行超过 {self.most} 个字", f"A line of more than {self.most} characters", f"/{index}"
                )
        return [*found]

    def show(self, value: Json) -> str:
        """One a line."""
        return "\n".join(cast("list[str]", value))


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """A text that may have several lines."""

    most: int
    zh: str = "文本，可换行"
    en: str = "text, also of several lines"

    def read(self, cell: Cell) -> Json:
        """Its lines, joined by line breaks."""
        text = "\n".join(lines_of(cell.text))
        if len(text) > self.most:
            raise CellWrong("bulk.too-long", f"超过 {self.most} 个字", f"More than {self.most} characters")
        return text

    def show(self, value: Json) -> str:
        """As it is."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Structure:
    """A part that people draw elsewhere; here as JSON."""

    zh: str = "JSON"
    en: str = "JSON"

    def read(self, cell: Cell) -> Json:
        """What it says."""
        return read_json(cell.text)

    def show(self, value: Json) -> str:
        """As short as it goes."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Day:
    """A day, as text or as the number by which a program counts it."""

    zh: str = "日期，例如 2026-12-01"
    en: str = "a day such as 2026-12-01"

    def read(self, cell: Cell) -> Json:
        """As ``YYYY-MM-DD``."""
        text = code_of(cell.text)
        if cell.kind is CellKind.NUMBER and text.partition(".")[0].isdecimal() and int(text.partition(".")[0]) in _DAYS:
            return (_DAY_ZERO + timedelta(days=int(text.partition(".")[0]))).isoformat()
        if found := _DATE.match(text):
            try:
                return date(int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])).isoformat()
            except ValueError:
                pass
        raise CellWrong("bulk.date", "日期无法识别，请写作 2026-12-01", "Not a day; write it as 2026-12-01")

    def show(self, value: Json) -> str:
        """As ``YYYY-MM-DD``."""
        return str(value)
