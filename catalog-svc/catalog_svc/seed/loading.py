"""Bringing the seed in: through the handlers, in the order in which things name each other, in short transactions.

What is there already with the same content stays as it is, so a run that was cut off is simply run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from catalog_svc.agreement import handlers as agreements
from catalog_svc.base_form import handlers as base_forms
from catalog_svc.base_item import handlers as base_items
from catalog_svc.calendar import handlers as calendars
from catalog_svc.certificate import handlers as certificates
from catalog_svc.context import Catalog
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemVersionRecord, ItemVersionState
from catalog_svc.negative_list import handlers as negative_lists
from catalog_svc.organ import handlers as organs
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from catalog_svc.seed.reading import OfferedItem, Seed
from catalog_svc.word import handlers as words
from chassis.database import Tx
from contracts.caller import Caller, CallerKind, Role
from contracts.values import NATION, RegionCode

ISSUER = "seed"
AT_ONCE = 400
"""Documents of one transaction."""
FEW = 12
"""Items of one transaction."""

_LEVELS = ("nation", "province", "city", "county", "town", "village")

T = TypeVar("T")
Propose = Callable[..., Awaitable[Proposed]]
Publish = Callable[..., Awaitable[list[Proposal]]]


async def load(context: Catalog, progress: Callable[[str], None], *, seed: Seed | None = None) -> bool:
    """Bring the seed in, unless just this content was brought in before.

    Args:
        context: The running catalogue, or one with an open database.
        progress: Told what is being done, in a line each.
        seed: Other files than the package's own.

    Returns:
        False when there was nothing to do.
    """
    files = seed or Seed()
    mark = Draft(key="catalog", region=NATION, body={"digest": files.digest()})
    author, reviewer = _officer(Role.CATALOGUE_AUTHOR, NATION), _officer(Role.CATALOGUE_REVIEWER, NATION)
    async with context.database.read(context) as tx:
        if await proposals.is_published(tx, mark, kind="seed"):
            return False
    nation = (author, reviewer)
    every = files.regions()
    progress(f"regions 行政区划: {len(every)}")
    # Parents before children, what is in force before what names it as its successor.
    every.sort(key=lambda one: (one.valid_to is not None, _LEVELS.index(one.level)))
    current = sum(one.valid_to is None for one in every)
    for first in [*range(0, current, AT_ONCE), current]:
        part = every[first : min(first + AT_ONCE, current)] if first < current else every[current:]
        await _bring(context, part, regions.propose_regions, regions.publish_regions, by=nation)
    progress(f"base items 基本目录: {len(files.base_items())}")
    await _bring(context, files.base_items(), base_items.propose_base_items, base_items.publish_base_items, by=nation)
    async with context.database.begin(context) as tx:
        await words.add_words(tx, files.words(), by=author)
    await _bring(context, files.organs(), organs.propose_organs, organs.publish_organs, by=nation)
    await _bring(context, files.calendars(), calendars.propose_calendars, calendars.publish_calendars, by=nation)
    await _bring(context, files.certificates(), certificates.propose_certificates, certificates.publish_certificates, by=nation)
    await _bring(context, files.negative_lists(), negative_lists.propose_editions, negative_lists.publish_editions, by=nation)
    for form in files.base_forms():
        async with context.database.begin(context) as tx:
            proposed = await base_forms.propose_base_form(tx, form, by=author)
        if proposed.waiting:
            async with context.database.begin(context) as tx:
                await base_forms.publish_base_form(tx, form.code, by=reviewer)
    progress(f"service items 实施清单: {len(files.items)}")
    for region in sorted({one.region for one in files.items}):
        offered = [one for one in files.items if one.region == region]
        begins = await _offer(context, [one for one in offered if one.draft.parts.situations.bundle is None], region=region)
        # A bundle is drafted with what its members in force ask for; what takes another version's place is in force some seconds later.
        if begins is not None and (wait := (begins - context.now.now()).total_seconds()) > 0:
            progress(f"items in force 事项生效: {wait:.0f} s")
            await asyncio.sleep(wait)
        await _offer(context, [one for one in offered if one.draft.parts.situations.bundle is not None], region=region)
    await _bring(context, files.agreements(), agreements.propose_agreements, agreements.publish_agreements, by=nation)
    async with context.database.begin(context) as tx:
        await proposals.propose(tx, [mark], kind="seed", by=author)
        await proposals.publish(tx, await proposals.waiting(tx, [mark.key], kind="seed"), by=reviewer)
    progress("catalogue 事项目录: ready")
    return True


async def _bring(context: Catalog, documents: Sequence[T], propose: Propose, publish: Publish, *, by: tuple[Caller, Caller]) -> None:
    author, reviewer = by
    async with context.database.begin(context) as tx:
        proposed = await propose(tx, documents, by=author)
    if proposed.waiting:
        async with context.database.begin(context) as tx:
            await publish(tx, proposed.waiting, by=reviewer)


async def _offer(context: Catalog, offered: Sequence[OfferedItem], *, region: RegionCode) -> datetime | None:
    """Bring items in; the instant from which all of them are in force."""
    begins: list[datetime] = []
    author, reviewer = _officer(Role.CATALOGUE_AUTHOR, region), _officer(Role.CATALOGUE_REVIEWER, region)
    # A few at a time: shared parts are locked, and no transaction may live long.
    for first in range(0, len(offered), FEW):
        async with context.database.begin(context) as tx:
            drafted = [(await items.draft_version(tx, one.draft, by=author))[0] for one in offered[first : first + FEW]]
        async with context.database.begin(context) as tx:
            for record in drafted:
                await _publish(tx, record, by=reviewer)
                begins += [] if record.effective_from is None else [record.effective_from]
    return max(begins, default=None)


async def _publish(tx: Tx[Catalog], record: ItemVersionRecord, *, by: Caller) -> None:
    if record.state is ItemVersionState.DRAFT:
        await items.review_version(tx, record.version_id, by=by)
    if record.state in {ItemVersionState.DRAFT, ItemVersionState.REVIEWED}:
        published = await items.publish_version(tx, record.version_id, effective_from=None, by=by, at_once=True)
        record.effective_from = published.effective_from


def _officer(role: Role, region: RegionCode) -> Caller:
    part = "author" if role is Role.CATALOGUE_AUTHOR else "reviewer"
    return Caller(kind=CallerKind.STAFF, issuer=ISSUER, account=f"{part}-{region}", roles=frozenset({role}), region=region)
