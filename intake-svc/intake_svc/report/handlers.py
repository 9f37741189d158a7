"""Questions about windows and items together; the catalogue is the index in memory, the windows are the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chassis.database import Tx
from contracts.caller import Caller
from contracts.values import ItemCode, ItemId, ItemVersionId, RegionCode, WindowId
from intake_svc.case.handlers import counting
from intake_svc.context import Intake
from intake_svc.hall import handlers as halls
from intake_svc.report.domain import Receiving, receiving, unserved, unused
from rules.access import permit
from rules.catalogue import Published


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The windows found among those that were looked at."""

    found: list[Receiving]
    after: WindowId | None
    """The last window looked at, when there are further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """The items that no window takes in, among those that were looked at."""

    found: list[Published]
    after: ItemCode | None
    """The last item looked at, when there are further ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Open cases by version and handling region."""

    found: list[counting.Counted]
    after: tuple[ItemVersionId, RegionCode] | None
    """The last of them, when there are further ones."""


async def find_receiving(tx: Tx[Intake], *, item: ItemCode, matter: RegionCode, within: RegionCode | None, after: str, limit: int) -> Page:
    """The open windows at which an item can be handed in for the place where the matter belongs.

    A page looks at ``limit`` windows, for each of their regions is a route to decide; it may name fewer.
    """
    regions = None if within is None else tx.context.catalogue.subtree(within)
    windows = await halls.open_windows(tx, regions=regions, item=item, after=after, limit=limit)
    found = list(receiving(tx.context.catalogue, windows, item=item, matter=matter, at=tx.at))
    return Page(found=found, after=windows[-1].window if len(windows) == limit else None)


async def find_unserved(tx: Tx[Intake], region: RegionCode, *, after: str, limit: int, by: Caller) -> Unserved:
    """The items of a region's organs that no open window of the region or below takes in: 应进未进 (S-43).

    A page looks at ``limit`` items, for each there is a route to decide from every place with a window; it may name fewer.

    Raises:
        Forbidden: Not a supervisor of the region.
    """
    catalogue = tx.context.catalogue
    permit(by, "statistics", "view", _at(region), regions=catalogue, about=region)
    offered = sorted(item for item in catalogue.items() if item > after and catalogue.versions_of(item, region))[:limit]
    windows = await halls.open_windows(tx, regions=catalogue.subtree(region), item=None, after="", limit=None)
    found = unserved(catalogue, windows, items=offered, region=region, at=tx.at)
    return Unserved(found=found, after=offered[-1] if len(offered) == limit else None)


async def find_unused(tx: Tx[Intake], region: RegionCode, *, days: int, by: Caller) -> list[Published]:
    """The items of a region's organs under which no case came within so many days: 僵尸事项 (S-40).

    What an organ handed on to one below it counts as used where that one was sent a case.

    Raises:
        Forbidden: Not a supervisor of the region.
    """
    catalogue = tx.context.catalogue
    permit(by, "statistics", "view", _at(region), regions=catalogue, about=region)
    since = tx.at - timedelta(days=days)
    used = await counting.used_versions(tx, catalogue.subtree(region), since=since)
    return unused(catalogue, used, region=region, since=since, at=tx.at)


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


def _at(region: RegionCode) -> dict[str, str]:
    return {"receiving_region": region, "handling_region": region, "receiving_organ": "", "handling_organ": ""}
