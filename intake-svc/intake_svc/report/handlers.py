"""Questions about windows and items together; the catalogue is the index in memory, the windows are the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from chassis.database import Tx
from contracts.caller import Caller
from contracts.elements import FourDo
from contracts.values import ItemCode, ItemId, ItemVersionId, RegionCode, WindowId
from intake_svc.case.handlers import counting
from intake_svc.context import Intake
from intake_svc.four_do.domain import Measured, measure
from intake_svc.hall import handlers as halls
from intake_svc.report.domain import Home, Offer, Period, Receiving, Unserved, homes, offers, receiving, unserved
from rules.access import permit
from rules.catalogue import Published

LOOKED_AT = 500
"""Items of one page of those that nobody asks for, used ones too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The windows found among those that were looked at."""

    found: list[Receiving]
    after: WindowId | None
    """The last window looked at, when there are further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnservedPage:
    """The items that no window takes in, among those that were looked at."""

    found: list[Unserved]
    after: ItemCode | None
    """The last item looked at, when there are further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedPage:
    """The items without a case, among those that were looked at."""

    found: list[Offer]
    """In force all the time."""
    recent: list[Offer]
    """In force for a part of it."""
    after: tuple[ItemCode, RegionCode] | None
    """The last item looked at, when there are further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Open cases by version and handling region."""

    found: list[counting.Counted]
    after: tuple[ItemVersionId, RegionCode] | None
    """The last of them, when there are further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FourDoLine:
    """One version with what its cases tell."""

    version: Published
    measured: Measured
    whole: bool
    """False when there are more cases than are counted of one version: then the latest were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FourDoPage:
    """The versions with cases, of the items that were looked at."""

    found: list[FourDoLine]
    looked: int
    """Items that were looked at, each once for every region that publishes it."""
    declared: Mapping[FourDo, int]
    """How many of them declare each, by their latest version of the time."""
    after: tuple[ItemCode, RegionCode] | None
    """The last item looked at and its publisher's region, when there are further ones."""


async def find_receiving(tx: Tx[Intake], *, item: ItemCode, matter: RegionCode, within: RegionCode | None, after: str, limit: int) -> Page:
    """The open windows at which an item can be handed in for the place where the matter belongs.

    A page looks at ``limit`` windows, for each of their regions is a route to decide; it may name fewer.
    """
    regions = None if within is None else tx.context.catalogue.subtree(within)
    windows = await halls.open_windows(tx, regions=regions, item=item, after=after, limit=limit)
    found = list(receiving(tx.context.catalogue, windows, item=item, matter=matter, at=tx.at))
    return Page(found=found, after=windows[-1].window if len(windows) == limit else None)


async def find_unserved(tx: Tx[Intake], region: RegionCode, *, integrated: bool, after: str, limit: int, by: Caller) -> UnservedPage:
    """The items of a region's organs that no open window of the region or below takes in: 应进未进 (S-43).

    A page looks at ``limit`` items, for each there is a route to decide from every place with a window; it may name fewer.

    Args:
        tx: Open transaction.
        region: Whose organs offer.
        integrated: Also those that windows set aside for certain items take in, and no integrated one.
        after: Base code of the last item looked at.
        limit: Items of the page.
        by: Who asks.

    Raises:
        Forbidden: Neither a supervisor nor an officer of the catalogue of the region.
    """
    catalogue = tx.context.catalogue
    permit(by, "report", "view", {"region": region}, regions=catalogue, about=region)
    offered = sorted(item for item in catalogue.items() if item > after and catalogue.versions_of(item, region))[:limit]
    windows = await halls.open_windows(tx, regions=catalogue.subtree(region), item=None, after="", limit=None)
    found = unserved(catalogue, windows, items=offered, region=region, at=tx.at)
    kept = [one for one in found if integrated or not one.special]
    return UnservedPage(found=kept, after=offered[-1] if len(offered) == limit else None)


async def find_unused(tx: Tx[Intake], region: RegionCode, *, during: Period, after: tuple[str, str], limit: int, by: Caller) -> UnusedPage:
    """The items in force in a region and below under which no case was received within a time: 僵尸事项 (S-40).

    A page looks at `LOOKED_AT` items, with one statement that asks for one case of each version; it may name fewer than ``limit``, or none.
    What came into force after that time is left out.

    Raises:
        Forbidden: Neither a supervisor nor an officer of the catalogue of the region.
    """
    catalogue = tx.context.catalogue
    permit(by, "report", "view", {"region": region}, regions=catalogue, about=region)
    looked = list(islice(offers(catalogue, region, after=after, at=tx.at), LOOKED_AT))
    asked = {one.version_id for offer in looked for one in offer.versions}
    used = await counting.used_versions(tx, asked, since=during.since, until=during.until)
    named = [offer for offer in looked if offer.since < during.until and not any(one.version_id in used for one in offer.versions)]
    last = named[limit - 1] if len(named) > limit else looked[-1] if len(looked) == LOOKED_AT else None
    shown = named[:limit]
    return UnusedPage(
        found=[one for one in shown if one.since <= during.since],
        recent=[one for one in shown if one.since > during.since],
        after=None if last is None else (last.current.shape.item_code, last.current.region),
    )


async def count_open(
    tx: Tx[Intake],
    items: Sequence[ItemId],
    *,
    versions: Sequence[ItemVersionId],
    by: Caller,
    position: tuple[str, str] | None,
    limit: int,
) -> Counts:
    """How many open cases 在办件 stand on each version of these items, by handling region: a change of an item leaves them on it.

    Raises:
        Forbidden: Neither an officer of the catalogue nor a supervisor.
    """
    found = await counting.open_on_versions(tx, items, versions=versions, by=by, position=position, limit=limit + 1)
    return Counts(found=found[:limit], after=found[limit - 1][:2] if len(found) > limit else None)


async def measure_four_do(
    tx: Tx[Intake], region: RegionCode, *, during: Period, broken: bool, after: tuple[str, str], limit: int, by: Caller
) -> FourDoPage:
    """What the items handled in a region and below declare of 四办, against what the cases received within a time achieved (S-28).

    A page looks at ``limit`` items, with one statement; it may name fewer, or none, or more where an item has several versions.

    Args:
        tx: Open transaction.
        region: Where the cases are handled.
        during: When they were received.
        broken: Only what was declared and some case did without.
        after: Base code and region of the last item looked at.
        limit: Items of the page.
        by: Who asks.

    Raises:
        Forbidden: Neither a supervisor nor an officer of the catalogue of the region.
    """
    catalogue = tx.context.catalogue
    permit(by, "report", "view", {"region": region}, regions=catalogue, about=region)
    looked: list[Home] = list(islice(homes(catalogue, region, during=during, after=after), limit))
    versions = {one.version_id: one for home in looked for one in home.versions}
    tallies = await counting.count_four_do(tx, versions, handled_in=catalogue.subtree(region), since=during.since, until=during.until)
    counted = Counter[ItemVersionId]()
    for tally in tallies:
        counted[tally.version_id] += tally.received
    measured = measure(tallies, catalogue=catalogue, declared={name: one.shape.four_do for name, one in versions.items()})
    in_turn = {name: turn for turn, name in enumerate(versions)}
    measured.sort(key=lambda one: (in_turn[one.version_id], one.handling_region))
    last = looked[-1] if len(looked) == limit else None
    return FourDoPage(
        found=[
            FourDoLine(version=versions[one.version_id], measured=one, whole=counted[one.version_id] < counting.MOST_OF_A_VERSION)
            for one in measured
            if not broken or any(kept.broken for kept in one.kept.values())
        ],
        looked=len(looked),
        declared={one: sum(one in home.versions[-1].shape.four_do for home in looked) for one in FourDo},
        after=None if last is None else (last.item_code, last.region),
    )
