"""Organs of a made-up nation that are no more, and the life of an item whose organ was merged: renewed, re-homed, taken back, replaced."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from catalog_svc.item.domain import umbrella_id
from contracts.catalogue import ItemVersion, Organ, VersionState
from contracts.values import ItemId, ItemVersionId, OrganCode, RegionCode

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
RENEWED = datetime(2026, 6, 1, tzinfo=UTC)
DEPARTMENTS = 6
"""Organs of a county that publish items; a city has as many."""
MERGED = (datetime(2025, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 4, 30, tzinfo=UTC), datetime(2026, 12, 15, tzinfo=UTC))
"""Instants of mergers: before all instants that are asked as of, between them, and after them."""

_TAKEN_UP_AFTER = timedelta(days=30)
_TAKEN_BACK_AFTER = timedelta(days=90)
_WENT_AFTER = timedelta(days=180)
_AGAIN = 0.4
"""Share of the takers that are merged themselves, at the same instant or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger:
    """One organ that is no more."""

    into: Organ
    at: datetime


def an_organ(region: RegionCode, number: int) -> Organ:
    """A department of a place or city, or the office (0) of a town or park."""
    below = int(region[6:] or 0)
    code = OrganCode(f"11{region[:6]}N{below * 10 + number:08d}A")
    return Organ(code=code, name=f"{region}第{number}局", region=region, hosted=False, reconsideration_organ="", court="")


def make_mergers(
    chance: random.Random, count: int, *, places: Sequence[RegionCode], cities: Mapping[RegionCode, RegionCode]
) -> dict[OrganCode, Merger]:
    """Mergers of departments of one place, into one of its city, and of a town's office into one of its county.

    Args:
        chance: What decides.
        count: Mergers that are tried; one that would contradict another is left out.
        places: Counties and leaf cities; one that stands there twice is chosen twice as often.
        cities: City of each place that has one.
    """
    found: dict[OrganCode, Merger] = {}
    last: dict[OrganCode, datetime] = {}
    while count > 0:
        count -= 1
        place = chance.choice(places)
        one, other, third = chance.sample(range(DEPARTMENTS), 3)
        city = cities.get(place)
        former = an_organ(RegionCode(f"{place}101"), 0) if chance.random() < 0.2 else an_organ(place, one)
        into = an_organ(city, one) if city is not None and former.region == place and chance.random() < 0.3 else an_organ(place, other)
        at = chance.choice(MERGED)
        _merge(found, last, former, into=into, at=at)
        if count > 0 and chance.random() < _AGAIN:
            count -= 1
            _merge(found, last, into, into=an_organ(into.region, third), at=chance.choice([one for one in MERGED if one >= at]))
    return found


def _merge(found: dict[OrganCode, Merger], last: dict[OrganCode, datetime], former: Organ, *, into: Organ, at: datetime) -> None:
    """As the catalogue publishes them: once, into an organ that stands, and not before what was merged into it."""
    if former.code in found or into.code in found or former.code == into.code or last.get(former.code, at) > at:
        return
    found[former.code] = Merger(into=into, at=at)
    last[into.code] = max(at, last.get(into.code, at))


def is_suspended(count: int) -> bool:
    """Whether the items of a place, by its number, are suspended."""
    return count % 300 == 7


def is_withdrawn(count: int) -> bool:
    """Whether they were renewed and then withdrawn."""
    return count % 300 == 11


def live(
    shape: ItemVersion,
    home: Organ,
    *,
    mergers: Mapping[OrganCode, Merger],
    count: int,
    replaced: bool,
    replaces: ItemId | None,
    city: Organ | None,
) -> Iterator[ItemVersion]:
    """The versions of one item, under its umbrella: the next one after a merger is the taker's, in the taker's region.

    Every thirtieth was renewed, every three-hundredth is suspended, as many were renewed and withdrawn. Of the suspended every other goes
    to the city.

    Args:
        shape: What it shares with those of other places.
        home: The organ that published it first.
        mergers: Organs that are no more.
        count: Number of the place.
        replaced: Its place is taken when others are renewed.
        replaces: The item whose place it takes then.
        city: The organ of the city that has one, with its department.
    """
    item_id = umbrella_id(organ=home.code, item_code=shape.item_code)
    starts = {BEGAN}
    merger = mergers.get(home.code)
    if merger is not None and count % 3:
        starts.add(merger.at + _TAKEN_UP_AFTER)
    if count % 30 == 3 or is_withdrawn(count) or replaces is not None:
        starts.add(RENEWED)
    end = RENEWED if replaced else None
    begins = sorted(one for one in starts if end is None or one < end)
    for number, (start, until) in enumerate(zip(begins, [*begins[1:], end], strict=True), start=1):
        organ = _standing(home, mergers, at=start)
        version = replace(
            shape,
            version_id=ItemVersionId(f"{item_id}-v{number}"),
            item_id=item_id,
            version=number,
            task_code=umbrella_id(organ=organ.code, item_code=shape.item_code),
            organ=organ.code,
            region=organ.region,
            effective_from=start,
            effective_to=until,
        )
        if number == len(begins) and is_suspended(count):
            version = replace(version, state=VersionState.SUSPENDED, effective_to=start + _TAKEN_BACK_AFTER)
        if number == len(begins) and is_withdrawn(count):
            version = replace(version, state=VersionState.WITHDRAWN, effective_to=start + _TAKEN_BACK_AFTER)
        if start == RENEWED and replaces is not None:
            version = replace(version, succeeds=(replaces,))
        yield version
        if version.state is VersionState.SUSPENDED and city is not None and count % 600 == 7:
            taker = _standing(city, mergers, at=start + _WENT_AFTER)
            yield replace(
                version,
                version_id=ItemVersionId(f"{item_id}-v{number + 1}"),
                version=number + 1,
                task_code=umbrella_id(organ=taker.code, item_code=shape.item_code),
                organ=taker.code,
                region=taker.region,
                state=VersionState.PUBLISHED,
                effective_from=start + _WENT_AFTER,
                effective_to=None,
            )


def _standing(organ: Organ, mergers: Mapping[OrganCode, Merger], *, at: datetime) -> Organ:
    while (merger := mergers.get(organ.code)) is not None and merger.at <= at:
        organ = merger.into
    return organ
