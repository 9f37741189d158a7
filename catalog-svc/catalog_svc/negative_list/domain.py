"""An edition of a negative list 负面清单 and what makes it publishable.

It is published to be looked up (S-41): no route, check or decision of this system reads it.

Law: 外商投资法 §4, §28; 优化营商环境条例 §20.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from contracts.refusals import Defect, Invalid, NotFound
from contracts.values import RegionCode

MOST = 500
"""Entries of one edition."""

_DIVISIONS = {
    "A": range(1, 6),
    "B": range(6, 13),
    "C": range(13, 44),
    "D": range(44, 47),
    "E": range(47, 51),
    "F": range(51, 53),
    "G": range(53, 61),
    "H": range(61, 63),
    "I": range(63, 66),
    "J": range(66, 70),
    "K": range(70, 71),
    "L": range(71, 73),
    "M": range(73, 76),
    "N": range(76, 80),
    "O": range(80, 83),
    "P": range(83, 84),
    "Q": range(84, 86),
    "R": range(86, 91),
    "S": range(91, 97),
    "T": range(97, 98),
}
"""Sections 门类 of GB/T 4754-2017 and the divisions 大类 of each."""


class EditionUnknown(NotFound):
    """No edition of a negative list has this id."""

    RULE: ClassVar[str] = "negative-list.unknown"
    ZH: ClassVar[str] = "没有此负面清单"
    EN: ClassVar[str] = "There is no such negative list"


class EditionUnsound(Invalid):
    """An edition that contradicts itself, or another one that is in force."""

    RULE: ClassVar[str] = "negative-list.unsound"
    ZH: ClassVar[str] = "负面清单数据不正确"
    EN: ClassVar[str] = "The negative list is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One measure 特别管理措施."""

    number: int
    """Within the edition, as published; from 1."""
    field: str
    """领域: the heading under which it stands."""
    measure: str
    industries: tuple[str, ...] = ()
    """GB/T 4754-2017: a section's letter, or letter and division, group or class, e.g. ``A`` or ``A0111``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One edition of a list, with its entries; an order puts it in force as a whole, so it is drafted and published as a whole."""

    edition_id: str
    kind: str
    """Names the list through all its editions, e.g. ``foreign-investment``."""
    name: str
    name_en: str
    region: RegionCode
    """Where it holds; its officers write it."""
    issued_by: tuple[str, ...]
    order: str
    """Number of the order 文号 that puts it in force."""
    edition: str
    """As the title says it, e.g. 2024年版."""
    valid_from: date
    """Asia/Shanghai, inclusive."""
    valid_to: date | None
    """Asia/Shanghai, exclusive; None until another takes its place."""
    entries_total: int
    """How many entries it has as published, whether or not all of them are held here."""
    verbatim: bool
    """False where the measures stand here in a short form of their published wording."""
    entries: tuple[Entry, ...]

    @property
    def complete(self) -> bool:
        """Whether every entry is held here."""
        return len(self.entries) == self.entries_total

    def meets(self, other: Edition) -> bool:
        """Whether both would be in force on one day."""
        return (self.valid_to is None or other.valid_from < self.valid_to) and (other.valid_to is None or self.valid_from < other.valid_to)


def searched(text: str) -> str:
    """A text as it is compared: without case, width and spaces."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def grams(text: str) -> frozenset[str]:
    """The characters and pairs of characters of a text as `searched` gave it."""
    return frozenset(text) | {text[at : at + 2] for at in range(len(text) - 1)}


def check_edition(edition: Edition, *, region_known: bool) -> None:
    """Refuse an edition that contradicts itself.

    Raises:
        EditionUnsound: With a defect for each field, a hundred at most.
    """
    defects = (*_of_edition(edition, region_known), *_of_entries(edition))
    if defects:
        raise EditionUnsound(defects=defects[:100])


def check_place(edition: Edition, *, others: Iterable[Edition]) -> None:
    """Refuse an edition that would be in force beside another of the same list.

    Args:
        edition: To be drafted or published.
        others: The published editions of that list in that region.

    Raises:
        EditionUnsound: One of them has not ended when this one begins.
    """
    for other in others:
        if other.edition_id != edition.edition_id and edition.meets(other):
            raise EditionUnsound(
                defects=(
                    _defect(
                        "negative-list.overlap",
                        "/valid_from",
                        f"与同一清单的{other.edition}({other.edition_id})施行时间重叠",
                        f"It would be in force beside the edition {other.edition_id}",
                    ),
                )
            )


def _of_edition(edition: Edition, region_known: bool) -> Iterator[Defect]:  # noqa: FBT001 - named at its one call
    if not region_known:
        yield _defect("negative-list.region-unknown", "/region", "行政区划不存在", "There is no such region")
    if edition.valid_to is not None and edition.valid_to <= edition.valid_from:
        yield _defect("negative-list.period", "/valid_to", "失效日期应当晚于施行日期", "It ends before it begins")
    if len(edition.entries) > edition.entries_total:
        yield _defect("negative-list.total", "/entries_total", "条目多于公布的总数", "It has more entries than were published")


def _of_entries(edition: Edition) -> Iterator[Defect]:
    seen: set[int] = set()
    for place, entry in enumerate(edition.entries):
        at = f"/entries/{place}"
        if entry.number in seen:
            yield _defect("negative-list.number-twice", f"{at}/number", "序号重复", "Another entry has this number")
        if entry.number > edition.entries_total:
            yield _defect("negative-list.number", f"{at}/number", "序号超过公布的总数", "The number is beyond those published")
        seen.add(entry.number)
        for which, code in enumerate(entry.industries):
            if code[1:] and int(code[1:3]) not in _DIVISIONS[code[0]]:
                yield _defect(
                    "negative-list.industry",
                    f"{at}/industries/{which}",
                    "国民经济行业分类中该门类没有此代码",
                    "GB/T 4754 has no such code in that section",
                )


def _defect(rule_id: str, pointer: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)
