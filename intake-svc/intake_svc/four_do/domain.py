"""What cases tell of 马上办、网上办、就近办、一次办, held against what the version of the item declares (S-28).

A fact that a case does not carry is not guessed: such cases are counted apart, with why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contracts.elements import FourDo
from contracts.values import ItemVersionId, RegionCode
from rules.catalogue import Catalogue

_GRASS_ROOTS = frozenset({"town", "village"})
"""Levels whose own windows are near to everybody who belongs there."""


class Untold(StrEnum):
    """Why a decided case does not tell whether an attribute was kept."""

    PARTNER = "partner"
    """It came by a partner's own system, which does not say how the applicant came to it."""
    NO_WINDOW = "no_window"
    """It was handed in online, and nothing was to be near."""
    UNRECORDED = "unrecorded"
    """It was decided before intake kept when, and how the result was handed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts over the cases of one version, received in one region and handled in one."""

    version_id: ItemVersionId
    handling_region: RegionCode
    receiving_region: RegionCode
    received: int
    open: int
    """Of ``received``, those that are not closed."""
    decided: int
    """Of ``received``, those closed with a decision; the counts below are of these."""
    window: int
    """Handed in at a window of ours."""
    partner: int
    """Handed in by a partner's system."""
    recorded: int
    """With the instant of the decision and how the result was handed over."""
    told: int
    """Recorded, and not a partner's."""
    at_once: int
    """Recorded, and decided on the day of receipt."""
    online: int
    """Told, and without a visit, handed in online."""
    one_visit: int
    """Told, with one visit at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How far one attribute was kept."""

    declared: bool
    """By the version."""
    cases: int
    """Decided cases that tell."""
    achieved: int
    """Of these."""
    untold: Mapping[Untold, int]
    """Decided cases that do not tell, by why; never none for a reason."""

    @property
    def ratio(self) -> float | None:
        """Achieved of those that tell, four digits; ``None`` while none tells."""
        return round(self.achieved / self.cases, 4) if self.cases else None

    @property
    def broken(self) -> bool:
        """Whether it was declared and some case did without."""
        return self.declared and self.achieved < self.cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The four attributes of one version where it was handled."""

    version_id: ItemVersionId
    handling_region: RegionCode
    received: int
    open: int
    decided: int
    kept: Mapping[FourDo, Kept]


def measure(tallies: Iterable[Tally], *, catalogue: Catalogue, declared: Mapping[ItemVersionId, Collection[FourDo]]) -> list[Measured]:
    """One for each version and handling region, in the order in which they come first.

    Args:
        tallies: Counts, in any order.
        catalogue: Says which region lies above which.
        declared: The attributes of each version.
    """
    of: dict[tuple[ItemVersionId, RegionCode], list[Tally]] = {}
    for one in tallies:
        of.setdefault((one.version_id, one.handling_region), []).append(one)
    return [
        Measured(
            version_id=version_id,
            handling_region=region,
            received=sum(one.received for one in those),
            open=sum(one.open for one in those),
            decided=sum(one.decided for one in those),
            kept=_kept(those, catalogue=catalogue, declared=declared[version_id]),
        )
        for (version_id, region), those in of.items()
    ]


def _kept(those: Collection[Tally], *, catalogue: Catalogue, declared: Collection[FourDo]) -> dict[FourDo, Kept]:
    decided, partner = sum(one.decided for one in those), sum(one.partner for one in those)
    window, recorded, told = sum(one.window for one in those), sum(one.recorded for one in those), sum(one.told for one in those)
    unrecorded = {Untold.PARTNER: partner, Untold.UNRECORDED: decided - partner - told}
    near = sum(one.window for one in those if is_near(catalogue, one.receiving_region, handling=one.handling_region))
    counts: dict[FourDo, tuple[int, int, dict[Untold, int]]] = {
        FourDo.AT_ONCE: (recorded, sum(one.at_once for one in those), {Untold.UNRECORDED: decided - recorded}),
        FourDo.ONLINE: (told, sum(one.online for one in those), unrecorded),
        FourDo.NEARBY: (window, near, {Untold.PARTNER: partner, Untold.NO_WINDOW: decided - window - partner}),
        FourDo.ONE_VISIT: (told, sum(one.one_visit for one in those), unrecorded),
    }
    return {
        four_do: Kept(
            declared=four_do in declared, cases=cases, achieved=achieved, untold={why: number for why, number in untold.items() if number}
        )
        for four_do, (cases, achieved, untold) in counts.items()
    }


def is_near(catalogue: Catalogue, receiving: RegionCode, *, handling: RegionCode) -> bool:
    """Whether a window of one region is nearer to the applicant than the place that decides: elsewhere and not above it, or a town's or village's own."""
    if receiving == handling:
        known = catalogue.region(handling)
        return known is not None and known.level in _GRASS_ROOTS
    return receiving not in catalogue.chain(handling)
