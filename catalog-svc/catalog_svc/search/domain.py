"""What a search finds, whom it may find it with, and what is kept of a search in vain."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from contracts.catalogue import ItemVersion
from contracts.elements import GrassRootsLevel, GrassRootsList
from contracts.refusals import Defect, Invalid
from contracts.values import ItemCode, Mode, RegionCode
from rules.catalogue import Catalogue, Published
from rules.competence import NoRoute, decide

LIKELY = 0.3
"""A search whose best hit scores less was in vain."""

ASKED_AT_LEAST = 3
"""A search in vain is shown from so many times on: what one person typed once may be about that person."""

KEPT_FOR = timedelta(days=90)
"""A search in vain that nobody made since is forgotten."""

SELDOM_KEPT_FOR = timedelta(days=7)
"""The same for what was asked less than `ASKED_AT_LEAST` times."""

KEPT_AT_MOST = 20_000
"""Different searches in vain; a further one takes the place of the oldest that was asked less than `ASKED_AT_LEAST` times."""

_LONGEST_MISS = 30
_DIGITS_IN_A_ROW = 5
_DIGITS = 7

_NUMERAL = r"[0-9零〇一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖]"
_MANY = re.compile(_NUMERAL)
_ROW = re.compile(rf"{_NUMERAL}{{{_DIGITS_IN_A_ROW}}}")
_BETWEEN = re.compile(r"[^0-9a-z\u3400-\u9fff]+")


class NowhereNamed(Invalid):
    """What can be handed in *here* was asked for, and no region named."""

    RULE: ClassVar[str] = "search.nowhere"
    ZH: ClassVar[str] = "按当地可办筛选时,应当指明行政区划"
    EN: ClassVar[str] = "Name the region that is meant by here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One item found."""

    item_code: ItemCode
    name: str
    score: float
    """0 to 1."""
    why: str
    """``name``, ``synonym``, ``pinyin``, ``initials``, ``characters``, ``similar``; ``every`` where nothing was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """Words that were looked for in vain."""

    region: RegionCode
    """The region that was named with them, or the nation."""
    words: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which items a search is about; each empty field means all."""

    region: RegionCode | None = None
    """Nearest offers first; with ``here`` also the region whose windows must do."""
    here: bool = False
    """Only what windows of the region can receive or its organs decide."""
    mode: Mode | None = None
    """Only what an organ offers in this mode."""
    level: GrassRootsLevel | None = None
    on_list: GrassRootsList | None = None
    """Only what stands on a list of the grass roots 四个清单: on this one, of this level (S-33)."""

    def __post_init__(self) -> None:
        """Refuse *here* without a where.

        Raises:
            NowhereNamed: It was asked for without a region.
        """
        if self.here and self.region is None:
            raise NowhereNamed(
                defects=(Defect(rule_id=NowhereNamed.RULE, pointer="/region", message=NowhereNamed.ZH, message_en=NowhereNamed.EN),)
            )

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.here and self.mode is None and self.level is None and self.on_list is None


@dataclass(slots=True)
class Allowance:
    """How many searches in vain one process writes down within an hour: nobody fills the table by asking."""

    most: int = 600
    _hour: datetime | None = None
    _left: int = 0

    def admits(self, at: datetime) -> bool:
        """Whether one more is written down."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._left = hour, self.most
        self._left -= 1
        return self._left >= 0


class Searching(Protocol):
    """The base directory, ready to be searched, in one edition."""

    edition: tuple[int, int]
    """The directory's edition and the words' that it was built of; both only rise."""
    seconds: float
    """How long it took to build."""

    def find(self, query: str, *, limit: int, near: frozenset[RegionCode] = frozenset()) -> list[Hit]:
        """The items that a query most likely means, best first; words of the regions ``near`` and of the nation count."""
        ...

    def every(self) -> list[Hit]:
        """All items, by code."""
        ...


def in_vain(hits: Sequence[Hit]) -> bool:
    """Whether a search found nothing likely."""
    return not hits or hits[0].score < LIKELY


def without_person(words: str) -> str | None:
    """The words of a search as they may be kept, or ``None`` when they may be about a person.

    Numbers of people, phones, accounts and papers have five digits in a row or seven in all, also when written in characters or with
    marks between; addresses have an ``@``. Long texts tell stories. What is kept is therefore short and has few digits.

    Law: 个人信息保护法 §6 (as little as the purpose needs).
    """
    bare = _BETWEEN.sub("", words.lower())
    if not bare or "@" in words or len(bare) > _LONGEST_MISS:
        return None
    if _ROW.search(bare) or len(_MANY.findall(bare)) >= _DIGITS:
        return None
    return bare


def within_reach(catalogue: Catalogue, region: RegionCode, *, at: datetime) -> frozenset[RegionCode]:
    """Where an item may be published that can be handed in at a region: there, above and in its city, and where papers of any date lead.

    Papers are agreements, what was handed on to organs of the region, and mergers into them.
    """
    place = catalogue.place(region)
    found = set(() if place is None else place.chain)
    whole = set(catalogue.deciding_for(region))
    if place is not None and place.city is not None:
        whole.add(place.city.code)
    for organ in catalogue.organs_of(region):
        codes = catalogue.organs.standing_for(organ.code, at=at)
        found.update(one.region for one in map(catalogue.organ, codes) if one is not None)
        whole.update(one.region for one in catalogue.delegations_to(codes))
    for code in whole:
        found |= catalogue.subtree(code)
    return frozenset(found)


def offers(
    catalogue: Catalogue, item: ItemCode, *, wanted: Wanted, among: frozenset[RegionCode] | None, at: datetime
) -> Iterator[Published]:
    """Who offers an item, the nearest to the asked region first; its newest version in force for each region.

    Args:
        catalogue: The index.
        item: Base code under which it is published.
        wanted: Whom the search is about.
        among: Only these regions, as far as they are known beforehand.
        at: The instant of the question.
    """
    fitting = {id(shape) for shape in catalogue.shapes_of(item) if _fits(shape, wanted)}
    if not fitting:
        return
    near = catalogue.chain(wanted.region) if wanted.region is not None else ()
    publishing = catalogue.regions_of(item)
    for place in _nearest_first(catalogue, among.intersection(publishing) if among is not None else publishing, near):
        current = [one for one in catalogue.versions_of(item, place) if one.in_force(at)]
        if current and id(current[-1].shape) in fitting and _is_near(catalogue, current[-1], wanted=wanted, near=near, at=at):
            yield current[-1]


def _nearest_first(catalogue: Catalogue, places: Collection[RegionCode], near: Sequence[RegionCode]) -> Iterator[RegionCode]:
    """Places by the steps up to the first region that they share with the asked one, then by code."""
    shown: set[RegionCode] = set()
    for code in near:
        here = sorted(catalogue.subtree(code).intersection(places) - shown)
        yield from here
        shown.update(here)
    yield from sorted(place for place in places if place not in shown)


def _fits(shape: ItemVersion, wanted: Wanted) -> bool:
    if wanted.mode is not None and wanted.mode not in shape.modes:
        return False
    listed = [wanted.level in {None, level} and wanted.on_list in {None, one} for level, one in shape.lists]
    return any(listed) or not (wanted.level or wanted.on_list)


def _is_near(catalogue: Catalogue, offer: Published, *, wanted: Wanted, near: Sequence[RegionCode], at: datetime) -> bool:
    if not wanted.here or wanted.region is None:
        return True
    # A matter of the place itself is decided by its own organ or one above: by one of them, whatever the others publish.
    matter = wanted.region if offer.region in near else offer.region
    asked = wanted.mode if wanted.mode is not Mode.LOCAL else None
    try:
        route = decide(
            catalogue, item_code=offer.shape.item_code, receiving_region=wanted.region, handling_region=matter, mode=asked, at=at
        )
    except NoRoute:
        return False
    return route.version_id == offer.version_id
