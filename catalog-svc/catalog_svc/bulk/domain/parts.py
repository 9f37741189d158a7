"""Shapes of what stands between two bars of a line: a period, days, a sum, a word of a known list or a code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from catalog_svc.bulk.domain.exact import CellWrong, Shape
from catalog_svc.bulk.domain.shapes import Choice
from catalog_svc.sheet.domain.cells import Cell, code_of, one_line
from contracts.values import Json, JsonObject

NONE = "无"
"""What an office writes where there is none of something; an empty cell may mean that it stays as it is."""
NAMED = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}")
"""A code as the catalogue gives it to a material, a step or a type of credential."""
KEY = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")
"""The id of a row of the certificate list."""

_LONGEST = 3_660
_PERIOD = re.compile(r"([0-9]{1,5})个?(\D{0,4})")
_DAYS = re.compile(r"([0-9]{1,5})(?:个?自然日|天|日)?")
_SUM = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?元?")


@dataclass(frozen=True, slots=True)
class OrNone:
    """A cell that may also say that there is none."""

    shape: Shape
    many: bool = True
    """Whether none is an empty list, else an empty text."""

    @property
    def zh(self) -> str:
        """For the guide."""
        return f"{self.shape.zh}；没有的写“{NONE}”"

    @property
    def en(self) -> str:
        """For the guide."""
        return f"{self.shape.en}; {NONE} where there is none"

    def read(self, cell: Cell) -> Json:
        """What the shape reads, or nothing."""
        return self._none() if code_of(cell.text) == NONE else self.shape.read(cell)

    def show(self, value: Json) -> str:
        """As the shape shows it."""
        return NONE if value == self._none() else self.shape.show(value)

    def _none(self) -> Json:
        return [] if self.many else ""


@dataclass(frozen=True, slots=True)
class Period:
    """A number of working days, hours or minutes; none at all is written out too."""

    units: Choice
    zh: str = field(init=False)
    en: str = field(init=False)

    def __post_init__(self) -> None:
        """Say what may stand here."""
        object.__setattr__(self, "zh", f"期限，例如“5个工作日”，单位为{self.units.zh}；没有期限的写“{NONE}”")
        object.__setattr__(self, "en", f"a period such as 5个工作日, in {self.units.en}; {NONE} where there is none")

    def read(self, cell: Cell) -> Json:
        """Amount and unit, the basis empty; None where there is none."""
        text = code_of(cell.text)
        if text == NONE:
            return None
        found = _PERIOD.fullmatch(text)
        unit = None if found is None else self.units.known.get(found[2]) if found[2] else "workdays"
        if found is None or unit is None or int(found[1]) > _LONGEST:
            raise CellWrong("bulk.period", f"应为{self.zh}", f"{self.en} is needed")
        return {"amount": int(found[1]), "unit": unit, "basis": ""}

    def show(self, value: Json) -> str:
        """Without its basis, which has a part of its own."""
        if value is None:
            return NONE
        period = cast("JsonObject", value)
        return f"{period['amount']}{'个' if period['unit'] == 'workdays' else ''}{self.units.show(period['unit'])}"


@dataclass(frozen=True, slots=True)
class Days:
    """Days by the calendar; 0 when nothing lapses."""

    most: int = 36_500
    zh: str = "自然日数，例如“180天”；长期有效的写“长期”"
    en: str = "days by the calendar such as 180天; 长期 where it does not lapse"

    def read(self, cell: Cell) -> Json:
        """Their number."""
        text = code_of(cell.text)
        if text == "长期":
            return 0
        found = _DAYS.fullmatch(text)
        if found is None or int(found[1]) > self.most:
            raise CellWrong("bulk.days", f"应为{self.zh}", f"{self.en} are needed")
        return int(found[1])

    def show(self, value: Json) -> str:
        """Their number."""
        return f"{value}天" if value else "长期"


@dataclass(frozen=True, slots=True)
class Money:
    """A sum in yuan; kept in fen."""

    zh: str = "金额，例如“10元”“0.50元”；不固定的不写"
    en: str = "a sum such as 10元, 0.50元; left out where it is not fixed"

    def read(self, cell: Cell) -> Json:
        """In fen."""
        found = _SUM.fullmatch(code_of(cell.text))
        if found is None:
            raise CellWrong("bulk.sum", f"应为{self.zh}", f"{self.en} is needed")
        return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))

    def show(self, value: Json) -> str:
        """In yuan."""
        yuan, fen = divmod(int(str(value)), 100)
        return f"{yuan}.{fen:02d}元" if fen else f"{yuan}元"


@dataclass(frozen=True, slots=True)
class Word:
    """One of the words that offices use, or a code that they do not have a word for."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Code to its words, the one that is shown first."""
    pattern: re.Pattern[str] = NAMED
    what: str = "编码，字母开头，字母、数字和 _ . -"
    what_en: str = "a code that begins with a letter, of letters, digits and _ . -"
    zh: str = field(init=False)
    en: str = field(init=False)
    known: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Look words up by how they are compared; say what may stand here."""
        object.__setattr__(self, "known", {code_of(word): code for code, words in self.names.items() for word in words})
        first = "、".join(words[0] for words in self.names.values())
        object.__setattr__(self, "zh", f"{first}，或者{self.what}" if first else self.what)
        object.__setattr__(self, "en", f"{', '.join(self.names)}, or {self.what_en}" if first else self.what_en)

    def read(self, cell: Cell) -> Json:
        """The code."""
        text = one_line(cell.text)
        found = self.known.get(code_of(text))
        if found is None and not self.pattern.fullmatch(text):
            raise CellWrong("bulk.choice", f"应为以下之一：{self.zh}", f"One of these is needed: {self.en}")
        return found or text

    def show(self, value: Json) -> str:
        """Its word, where there is one."""
        return self.names.get(str(value), (str(value),))[0]
