"""Search over the whole base directory; what organs publish of a hit is read from the index, nearest first."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice

from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.context import Catalog
from catalog_svc.region import handlers as regions
from catalog_svc.search import store
from catalog_svc.search.domain import (
    ASKED_AT_LEAST,
    KEPT_AT_MOST,
    Hit,
    Miss,
    Searching,
    Wanted,
    in_vain,
    offers,
    within_reach,
    without_person,
)
from catalog_svc.search.outside import SearchIndex
from catalog_svc.word import handlers as words
from chassis.database import Tx
from contracts.caller import Caller
from contracts.values import NATION, ItemCode, RegionCode
from rules.catalogue import Published

NEAREST = 5
"""Service items shown of one hit."""

_BLINK = 0.5
"""Seconds of building for which a search waits; what takes longer is built after the answer."""

_LOOKED_AT = 100
"""Hits of which a filter may leave some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A hit with who offers it."""

    hit: Hit
    base: BaseItem
    offers: tuple[Published, ...]
    """At most `NEAREST`, nearest to the asked region first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of what was found."""

    found: list[Found]
    more: bool
    """Whether there are further ones."""
    missed: str | None
    """The words of a search in vain as they may be kept; ``None`` for any other search."""
    stale: bool
    """Whether a base item or a word has changed since the index was built: the caller calls `renew` after the answer."""


async def search(tx: Tx[Catalog], query: str, *, wanted: Wanted, skip: int = 0, limit: int) -> Page:
    """What a query most likely means, best first.

    Args:
        tx: The caller's transaction.
        query: What was typed; nothing means every item, by code.
        wanted: Which items it is about.
        skip: How many of the best were shown before.
        limit: At most so many.
    """
    index, stale = await _index(tx)
    catalogue = tx.context.catalogue
    near = frozenset(catalogue.chain(wanted.region)) if wanted.region is not None else frozenset()
    among = within_reach(catalogue, wanted.region, at=tx.at) if wanted.here and wanted.region is not None else None
    if query.strip():
        hits = index.find(query, limit=skip + limit + 1 if wanted.everything else _LOOKED_AT, near=near)
        missed = without_person(query) if not skip and in_vain(hits) else None
    else:
        hits, missed = index.every(), None
    known = await base_items.known_base_items(tx, [hit.item_code for hit in hits])
    found: list[Found] = []
    for hit in hits:
        base = known.get(hit.item_code)
        if base is None:
            continue
        # What is only published as part of another item is offered under that one.
        found_offers = offers(catalogue, base.part_of or base.code, wanted=wanted, among=among, at=tx.at)
        offered = tuple(islice(found_offers, NEAREST))
        if offered or wanted.everything:
            found.append(Found(hit=hit, base=base, offers=offered))
        if len(found) > skip + limit:
            break
    return Page(found=found[skip : skip + limit], more=len(found) > skip + limit, missed=missed, stale=stale)


async def keep_miss(context: Catalog, missed: str, *, region: RegionCode | None) -> None:
    """Count a search in vain in a transaction of its own, after the answer, unless too many came within the hour."""
    if not context.misses.admits(context.now.now()):
        return
    async with context.database.begin(context) as tx:
        place = region if region is not None and context.catalogue.region(region) is not None else NATION
        await store.add_miss(tx, missed, region=place, most=KEPT_AT_MOST, below=ASKED_AT_LEAST)


async def list_misses(tx: Tx[Catalog], *, region: RegionCode, by: Caller, after: tuple[int, str, str] | None, limit: int) -> list[Miss]:
    """What people of a region looked for in vain, the most frequent first.

    Raises:
        Forbidden: Not an officer of the catalogue there.
    """
    await regions.permit_in(tx, by, aggregate="miss", action="view", regions=[region], about="")
    below = None if region == NATION else sorted(tx.context.catalogue.subtree(region))
    return await store.list_misses(tx, regions=below, least=ASKED_AT_LEAST, after=after, limit=limit)


async def renew(context: Catalog) -> None:
    """Build the index anew of what stands in the tables now, unless that is under way; searches go on finding in the old one meanwhile."""
    if context.indexing.locked():
        return
    async with context.indexing, context.database.read(context) as tx:
        await _build(tx)


async def _index(tx: Tx[Catalog]) -> tuple[Searching, bool]:
    """The index to search, and whether something newer stands in the tables."""
    context, edition = tx.context, await _edition(tx)
    index = context.search_index
    if index is None or (index.edition < edition and index.seconds < _BLINK):
        async with context.indexing:
            index = await _build(tx)
    return index, index.edition < edition


async def _edition(tx: Tx[Catalog]) -> tuple[int, int]:
    return await base_items.edition(tx), await words.edition(tx)


async def _build(tx: Tx[Catalog]) -> Searching:
    """The newest index there is; the caller holds the lock on building, so that an older one never takes a newer one's place."""
    context = tx.context
    edition = await _edition(tx)
    index = context.search_index
    if index is not None and index.edition >= edition:
        return index
    names = [(item.code, item.name) for item in await base_items.all_base_items(tx)]
    of_items: dict[ItemCode, list[tuple[str, RegionCode]]] = defaultdict(list)
    of_words: dict[str, list[str]] = defaultdict(list)
    for one in await words.all_words(tx):
        if one.item is not None:
            of_items[one.item].append((one.word, one.region))
        elif one.means is not None:
            of_words[one.word].append(one.means)
    context.search_index = await asyncio.to_thread(SearchIndex, names, words=of_items, terms=of_words, edition=edition)
    return context.search_index
