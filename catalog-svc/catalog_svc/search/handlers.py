"""Search over the whole base directory; what organs publish of a hit is read from the index, nearest first."""

from dataclasses import dataclass

from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.context import Catalog
from catalog_svc.search.domain import Hit, Searching
from catalog_svc.search.outside import SearchIndex, synonyms
from chassis.database import Tx
from contracts.values import ItemCode, RegionCode
from rules.catalogue import Catalogue, Published

NEAREST = 5
"""Service items shown of one hit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A hit with who offers it."""

    hit: Hit
    base: BaseItem
    offers: tuple[Published, ...]
    """At most `NEAREST`, nearest to the asked region first."""


async def search(tx: Tx[Catalog], query: str, *, region: RegionCode | None, limit: int) -> list[Found]:
    """What a query most likely means."""
    index = await _index(tx)
    hits = index.find(query, limit=limit)
    known = await base_items.known_base_items(tx, [hit.item_code for hit in hits])
    return [
        Found(hit=hit, base=known[hit.item_code], offers=_offers(tx, known[hit.item_code], region=region))
        for hit in hits
        if hit.item_code in known
    ]


async def _index(tx: Tx[Catalog]) -> Searching:
    edition = await base_items.edition(tx)
    index = tx.context.search_index
    if index is None or index.edition != edition:
        names = [(item.code, item.name) for item in await base_items.all_base_items(tx)]
        index = tx.context.search_index = SearchIndex(names, words=synonyms(), edition=edition)
    return index


def _offers(tx: Tx[Catalog], base: BaseItem, *, region: RegionCode | None) -> tuple[Published, ...]:
    catalogue = tx.context.catalogue
    # What is only published as part of another item is offered under that one.
    code: ItemCode = base.part_of or base.code
    near = [one.code for one in catalogue.ancestors(region)] if region is not None else []
    regions = sorted(catalogue.regions_of(code), key=lambda place: (_distance(catalogue, place, near), place))
    offers: list[Published] = []
    for place in regions:
        current = [one for one in catalogue.versions_of(code, place) if one.in_force(tx.at)]
        offers += current[-1:]
        if len(offers) == NEAREST:
            break
    return tuple(offers)


def _distance(catalogue: Catalogue, place: RegionCode, near: list[RegionCode]) -> int:
    """Steps up from the asked region to the first one that both lie under."""
    above = {one.code for one in catalogue.ancestors(place)}
    return next((steps for steps, code in enumerate(near) if code in above), len(near))
