"""A region with what stands above it: the first thing that every question about competence looks up."""

from __future__ import annotations

from typing import NamedTuple

from contracts.catalogue import Region
from contracts.values import RegionCode

PARK = "园区"
"""Kind of a region that is a park or zone: a virtual hall of several organs below its county."""
_MUNICIPALITY = "直辖市"
"""Kind of a province that is one city."""


class Place(NamedTuple):
    """A region where it stands, in force or not."""

    region: Region
    above: tuple[Region, ...]
    """The region itself and all above it, upwards to the nation."""
    chain: tuple[RegionCode, ...]
    """Their codes."""
    city: Region | None
    """The city that it belongs to; a county right below its province is one of its own."""
    park: Region | None
    """The park that it is or lies in."""


def stand(region: Region, *, under: Place | None) -> Place:
    """The place of a region right below another one; of one that nothing stands above."""
    above, chain, city, park = ((), (), None, None) if under is None else under[1:]
    if _is_city(region) or (region.level == "county" and (city is None or not _is_city(city))):
        city = region
    if region.kind == PARK:
        park = region
    return Place(region, (region, *above), (region.code, *chain), city, park)


def _is_city(region: Region) -> bool:
    return region.level == "city" or region.kind == _MUNICIPALITY
