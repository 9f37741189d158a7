"""A region with what stands above it: the first thing that every question about competence looks up."""

from __future__ import annotations

from collections.abc import Sequence
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


def stand(above: Sequence[Region]) -> Place:
    """The place of the first of a region and all above it; at least the region."""
    city = next((one for one in above if one.level == "city" or one.kind == _MUNICIPALITY), None)
    return Place(
        region=above[0],
        above=tuple(above),
        chain=tuple(one.code for one in above),
        city=city or next((one for one in above if one.level == "county"), None),
        park=next((one for one in above if one.kind == PARK), None),
    )
