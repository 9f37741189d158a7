"""Where an item may be handed in for a matter (S-05): as sets of regions with the ground of each, never window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.catalogue import Agreement
from contracts.values import AgreementId, ItemCode, ItemVersionId, Mode, OrganCode, RegionCode, Way
from rules.agreements import covers
from rules.catalogue import Catalogue
from rules.competence import find_holder, find_way, place_in_force
from rules.routes import Considered, NoRoute
from rules.workdays import local_day


@dataclass(frozen=True, slots=True, kw_only=True)
class ByAgreement:
    """Places that receive under one agreement."""

    agreement_id: AgreementId
    modes: tuple[Mode, ...]
    """Declared by the item and covered."""
    regions: tuple[RegionCode, ...]
    """Each with all regions below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """Who may receive for one matter as of an instant."""

    version_id: ItemVersionId
    handling_organ: OrganCode
    at_home: tuple[RegionCode, ...]
    """Exactly these regions: where the power lies and where its decider is."""
    assisting: tuple[RegionCode, ...]
    """Exactly these: where an organ assists."""
    home: RegionCode
    """The region that the ways are seen from."""
    city: RegionCode | None
    """The city within which the ways hold."""
    ways: tuple[Way, ...]
    """Declared city-wide ways."""
    agreements: tuple[ByAgreement, ...]

    def lets(self, catalogue: Catalogue, region: RegionCode) -> bool:
        """Whether windows of a region may receive; the region is in force."""
        if region in self.at_home or region in self.assisting:
            return True
        home, window = catalogue.place(self.home), catalogue.place(region)
        if window is None:
            return False
        if home is not None and find_way(home, window) in self.ways:
            return True
        return any(code in one.regions for one in self.agreements for code in window.chain)


def find_receivers(
    catalogue: Catalogue, *, item_code: ItemCode, handling_region: RegionCode, at: datetime, situation: str | None = None
) -> Receivers:
    """Say where an item may be handed in.

    Args:
        catalogue: The index.
        item_code: Base code of the item.
        handling_region: The region that the matter belongs to.
        at: Instant of receipt.
        situation: Id of the situation, when it is known.

    Raises:
        NoRoute: Nobody is competent.
    """
    on, considered = local_day(at), list[Considered]()
    matter = place_in_force(catalogue, handling_region, on=on, side="handling")
    try:
        version, holder = find_holder(catalogue, item_code, matter, at=at, on=on, situation=situation, considered=considered)
    except NoRoute as refused:
        refused.considered = tuple(considered)
        raise
    home = catalogue.place(version.region)
    city = None if home is None else home.city
    found: list[ByAgreement] = []
    for one in catalogue.agreements_handled(handling_region):
        modes = tuple(mode for mode in version.shape.modes if mode is not Mode.LOCAL and covers(one, item=item_code, mode=mode))
        if modes and one.valid_from <= on < one.valid_to:
            found.append(ByAgreement(agreement_id=one.agreement_id, modes=modes, regions=_sides(one, matter.chain)))
    return Receivers(
        version_id=version.version_id,
        handling_organ=holder.organ,
        at_home=tuple(sorted({version.region, holder.region})),
        assisting=tuple(sorted(holder.assisting_regions)),
        home=version.region,
        city=None if city is None else city.code,
        ways=version.shape.ways,
        agreements=tuple(found),
    )


def _sides(one: Agreement, handling: Sequence[RegionCode]) -> tuple[RegionCode, ...]:
    members = [code for code in one.alliance if code in handling]
    others = one.alliance if len(members) > 1 else tuple(code for code in one.alliance if code not in members)
    sided = one.receiving if any(code in one.handling for code in handling) else ()
    return (*sided, *(others if members else ()))
