"""Windows and cases against the catalogue: where an item can be handed in, what no window takes in, what nobody asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from contracts.values import ItemCode, ItemVersionId, Mode, RegionCode
from intake_svc.hall.domain import Window
from rules.catalogue import Catalogue, Published
from rules.competence import NoRoute, decide


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


def unserved(
    catalogue: Catalogue, windows: Iterable[Window], *, items: Iterable[ItemCode], region: RegionCode, at: datetime
) -> list[Published]:
    """Those of the items that organs of exactly this region offer and none of the windows takes in, in their order.

    Args:
        catalogue: The index.
        windows: The open windows of the region and below it.
        items: Base codes.
        region: Whose organs offer.
        at: The instant.
    """
    open_ = list(windows)
    found: list[Published] = []
    for item in items:
        current = [one for one in catalogue.versions_of(item, region) if one.in_force(at)]
        able = (window for window in open_ if window.serves(item))
        if current and next(receiving(catalogue, able, item=item, matter=region, at=at), None) is None:
            found.append(current[-1])
    return found


def unused(catalogue: Catalogue, used: Collection[ItemVersionId], *, region: RegionCode, since: datetime, at: datetime) -> list[Published]:
    """The items in force that organs of exactly this region offered since an instant without a single case, by base code.

    Args:
        catalogue: The index.
        used: Versions under which cases were received since then.
        region: Whose organs offer.
        since: Begin of the window of time; what was first published within it had not the whole of it.
        at: The instant of the question.
    """
    found: list[Published] = []
    for item in sorted(catalogue.items()):
        versions = catalogue.versions_of(item, region)
        current = [one for one in versions if one.in_force(at)]
        if current and versions[0].effective_from <= since and not any(one.version_id in used for one in versions):
            found.append(current[-1])
    return found


def _mode(catalogue: Catalogue, *, item: ItemCode, matter: RegionCode, origin: RegionCode, at: datetime) -> Mode | None:
    try:
        return decide(catalogue, item_code=item, receiving_region=origin, handling_region=matter, mode=None, at=at).mode
    except NoRoute:
        return None
