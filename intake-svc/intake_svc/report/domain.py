"""Windows and cases against the catalogue: where an item can be handed in, what no window takes in, what nobody asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import ClassVar

from contracts.refusals import Defect, Invalid
from contracts.values import ItemCode, Mode, RegionCode
from intake_svc.hall.domain import EVERY_ITEM, Window
from rules.catalogue import Catalogue, Published
from rules.competence import NoRoute, decide
from rules.workdays import day_start

LONGEST = 3 * 365 + 1
"""Days of a report: three years, one of them a leap year."""

A_MONTH = 31
"""Days of a report that reads every case of its time."""

EARLIEST = date(2000, 1, 1)
"""Days before are typing errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """A window that receives an item for the place where the matter belongs."""

    window: Window
    mode: Mode
    """In which the case would be handled."""


def receiving(catalogue: Catalogue, windows: Iterable[Window], *, item: ItemCode, matter: RegionCode, at: datetime) -> Iterator[Receiving]:
    """Those of the windows at which an application can be handed in now; each region is asked once.

    Args:
        catalogue: The index.
        windows: Open ones with the skill.
        item: Base code of the item.
        matter: The region that the matter belongs to.
        at: The instant.
    """
    modes: dict[RegionCode, Mode | None] = {}
    for window in windows:
        if window.region not in modes:
            modes[window.region] = _mode(catalogue, item=item, matter=matter, origin=window.region, at=at)
        mode = modes[window.region]
        if mode is not None:
            yield Receiving(window=window, mode=mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """An item that no integrated window takes in."""

    offer: Published
    special: bool
    """Whether a window set aside for certain items takes it in."""


def unserved(
    catalogue: Catalogue, windows: Iterable[Window], *, items: Iterable[ItemCode], region: RegionCode, at: datetime
) -> list[Unserved]:
    """Those of the items that organs of exactly this region offer and no integrated window takes in, in their order.

    Args:
        catalogue: The index.
        windows: The open windows of the region and below it.
        items: Base codes.
        region: Whose organs offer.
        at: The instant.
    """
    integrated: list[Window] = []
    special: list[Window] = []
    for window in windows:
        (integrated if EVERY_ITEM in window.skills else special).append(window)

    def received(among: list[Window], item: ItemCode) -> bool:
        able = (window for window in among if window.serves(item))
        return next(receiving(catalogue, able, item=item, matter=region, at=at), None) is not None

    found: list[Unserved] = []
    for item in items:
        current = [one for one in catalogue.versions_of(item, region) if one.in_force(at)]
        if current and not received(integrated, item):
            found.append(Unserved(offer=current[-1], special=received(special, item)))
    return found


class PeriodUnsound(Invalid):
    """A time that a report cannot be about."""

    RULE: ClassVar[str] = "report.period"
    ZH: ClassVar[str] = "统计时段不正确"
    EN: ClassVar[str] = "The period of the report is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The time that a report is about; UTC."""

    since: datetime
    """Inclusive."""
    until: datetime
    """Exclusive."""


def period(*, first: date | None, last: date | None, today: date, longest: int = LONGEST) -> Period:
    """The time from the begin of one day to the end of another, Asia/Shanghai.

    Args:
        first: The one day.
        last: The other, inclusive.
        today: No period begins after it.
        longest: Days at most.

    Raises:
        PeriodUnsound: With a defect for what is wrong.
    """
    if first is None or last is None:
        missing = "/from" if first is None else "/to"
        raise PeriodUnsound(defects=(_defect("report.period-open", missing, "应当同时填写起止日期", "Both days are needed"),))
    defects: list[Defect] = []
    if not EARLIEST <= first <= today:
        defects.append(_defect("report.period-begin", "/from", "起始日期过早或者晚于今天", "It begins too long ago or after today"))
    if last < first:
        defects.append(_defect("report.period-order", "/to", "截止日期早于起始日期", "It ends before it begins"))
    elif (last - first).days >= longest:
        defects.append(_defect("report.period-length", "/to", f"时段不得超过 {longest} 天", f"It is longer than {longest} days"))
    if defects:
        raise PeriodUnsound(defects=tuple(defects))
    return Period(since=day_start(first), until=day_start(last + timedelta(days=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An item that organs of one region have in force."""

    versions: Sequence[Published]
    """All up to the present one, oldest first."""

    @property
    def current(self) -> Published:
        """The version in force."""
        return self.versions[-1]

    @property
    def since(self) -> datetime:
        """From when on it was in force without a break, in one version after the other."""
        begins = self.versions[0].effective_from
        for before, one in pairwise(self.versions):
            if before.effective_to is not None and before.effective_to < one.effective_from:
                begins = one.effective_from
        return begins


def offers(catalogue: Catalogue, region: RegionCode, *, after: tuple[str, str], at: datetime) -> Iterator[Offer]:
    """What organs of a region and of those below it have in force, by base code and region, after one of them."""
    below = catalogue.subtree(region)
    for item in sorted(item for item in catalogue.items() if item >= after[0]):
        for place in sorted(place for place in catalogue.regions_of(item) if place in below and (item, place) > after):
            versions = catalogue.versions_of(item, place)
            present = max((number for number, one in enumerate(versions) if one.in_force(at)), default=None)
            if present is not None:
                yield Offer(versions=versions[: present + 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An item where organs of one region publish it."""

    item_code: ItemCode
    region: RegionCode
    versions: tuple[Published, ...]
    """Those that were in force at some instant of a time, oldest first."""


def homes(catalogue: Catalogue, region: RegionCode, *, during: Period, after: tuple[str, str]) -> Iterator[Home]:
    """What organs of a region and of those below it decide, by base code and region of the publisher, after one of them.

    What they publish themselves, and what was handed on to them from elsewhere.
    """
    below = catalogue.subtree(region)
    handed = catalogue.handed_to(below)
    for item in sorted(item for item in catalogue.items() if item >= after[0]):
        publishing = catalogue.regions_of(item)
        # The fewer of the two are gone through: a county is one region, and the nation publishes an item in thousands.
        few, many = (below, publishing) if len(below) < len(publishing) else (publishing, below)
        places = {place for place in few if place in many} | {place for place in handed.get(item, ()) if place in publishing}
        for place in sorted(place for place in places if (item, place) > after):
            versions = tuple(one for one in catalogue.versions_of(item, place) if _held(one, during))
            if versions:
                yield Home(item_code=item, region=place, versions=versions)


def _held(one: Published, during: Period) -> bool:
    return one.effective_from < during.until and (one.effective_to is None or during.since < one.effective_to)


def _mode(catalogue: Catalogue, *, item: ItemCode, matter: RegionCode, origin: RegionCode, at: datetime) -> Mode | None:
    try:
        return decide(catalogue, item_code=item, receiving_region=origin, handling_region=matter, mode=None, at=at).mode
    except NoRoute:
        return None


def _defect(rule_id: str, pointer: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)
