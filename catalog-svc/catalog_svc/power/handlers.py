"""What is done to powers lists, and what is asked about the items through which powers are exercised."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog_svc.base_item import handlers as base_items
from catalog_svc.context import Catalog
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemVersionRecord
from catalog_svc.organ import handlers as organs
from catalog_svc.power import store
from catalog_svc.power.domain import PUBLIC_SERVICE, Around, Power, PowerUnknown, PowerUnsound, check_power, twice
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed, refuse_list
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.catalogue import Organ
from contracts.codec import encode_object
from contracts.refusals import Refusal
from contracts.values import ItemCode, ItemId, OrganCode, RegionCode

KIND = "power"


async def _places(_tx: Tx[Catalog], powers: Sequence[Power]) -> list[RegionCode]:
    return [one.region for one in powers]


async def _held(_tx: Tx[Catalog], keys: Sequence[str]) -> list[RegionCode]:
    """What is in force under a key is the same region's: the key names it."""
    return [RegionCode(key.partition("@")[2]) for key in keys]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate="item", of=Power, permit=regions.permit_in, places=_places, held=_held)
"""Powers under four eyes: written for the region on whose list they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """Powers behind an item in force, as the lists stand now."""

    record: ItemVersionRecord
    powers: list[tuple[Power, list[ItemCode]]]
    """Each with the base items through which it is exercised here: the item's own, or those of a bundle's members."""
    organs: dict[OrganCode, Organ]
    """Those of the powers."""


async def propose_powers(tx: Tx[Catalog], powers: Sequence[Power], *, by: Caller, over: int | None = None) -> Proposed:
    """Draft powers, also such as are to leave the list.

    Raises:
        PowerUnsound: One lacks its law, or names organs or items that cannot exercise it.
        Forbidden: Not an author of the list's region.
    """
    await proposals.permit_authors(tx, DOCUMENTS, powers, keys=[one.key for one in powers], by=by)
    await _require_sound(tx, powers)
    drafts = [Draft(key=one.key, region=one.region, body=encode_object(one)) for one in powers]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def publish_powers(tx: Tx[Catalog], keys: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put drafted powers on the list, or off it; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        PowerUnsound: An organ of it was merged meanwhile.
        Forbidden: Not a reviewer of the list's region.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, keys, by=by, version=version)
    powers = [one for _, one in reviewed]
    await _require_sound(tx, powers)
    await store.save_powers(tx, powers)
    return [proposal for proposal, _ in reviewed]


async def propose_list(tx: Tx[Catalog], powers: Sequence[Power], *, by: Caller) -> Proposed:
    """Draft the powers of a list, all or none; what is refused is named under ``/powers``.

    Raises:
        PowerUnsound: As for `propose_powers`, or one is there twice.
        DraftWaits: Somebody else's draft of one waits.
        Forbidden: Not an author of the lists' regions.
    """
    keys = [one.key for one in powers]
    await proposals.permit_authors(tx, DOCUMENTS, powers, keys=keys, by=by)
    refuse_list({f"/powers/{place}": twice("/code") for place, key in enumerate(keys) if key in keys[:place]})
    await _require_sound(tx, powers, listed_at="/powers")
    drafts = [Draft(key=one.key, region=one.region, body=encode_object(one)) for one in powers]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, listed_at="/powers")


async def publish_list(tx: Tx[Catalog], read: Sequence[tuple[str, int]], *, by: Caller) -> list[Proposal]:
    """Let a second officer put the drafts of a list in force, all just as they were read or none; what is refused is named under ``/drafts``.

    Args:
        tx: The caller's transaction.
        read: The key of each draft with its version.
        by: The second officer.

    Raises:
        PowerUnsound: What one names is gone meanwhile, or one is there twice.
        ProposalNotFound: One was never drafted.
        Stale: One is not what the officer has read.
        ReviewedByAuthor: The officer is the author of one.
        Forbidden: Not a reviewer of the lists' regions.
    """
    keys = [key for key, _ in read]
    refuse_list({f"/drafts/{place}": twice("/key") for place, key in enumerate(keys) if key in keys[:place]})
    reviewed = await proposals.review_list(tx, DOCUMENTS, dict(read), by=by, listed_at="/drafts")
    powers = [one for _, one in reviewed]
    await _require_sound(tx, powers, listed_at="/drafts")
    await store.save_powers(tx, powers)
    return [proposal for proposal, _ in reviewed]


async def get_power(tx: Tx[Catalog], key: str) -> tuple[Power, int]:
    """A power, cancelled or not, with its version.

    Raises:
        PowerUnknown: No list has it.
    """
    found = await store.get_power(tx, key)
    if found is None:
        raise PowerUnknown
    return found


async def powers_behind(tx: Tx[Catalog], item_id: ItemId, *, after: str, limit: int) -> Behind:
    """A page of the powers that an item in force exercises for its organ, or for one that became one with it; a bundle's are those of its members.

    Raises:
        ItemUnknown: No version of it is in force.
    """
    record = await items.get_current(tx, item_id, at=tx.at)
    acting = [record.content, *(one.content for one in await items.members_of(tx, record))]
    exercised = {one.item_code: tx.context.catalogue.one_with(one.organ) for one in acting}
    powers = await store.list_behind(tx, exercised, after=after, limit=limit)
    named = await organs.known_organs(tx, sorted({code for one in powers for code in one.organs}))
    through = [[item for item, own in exercised.items() if item in one.items and not own.isdisjoint(one.organs)] for one in powers]
    return Behind(record=record, powers=list(zip(powers, through, strict=True)), organs=named)


async def unexercised(tx: Tx[Catalog], region: RegionCode, *, after: str, limit: int) -> tuple[list[Power], list[Power]]:
    """Of a page of a list those powers that one applies for and no item in force exercises, after all that were looked at."""
    page = await store.list_applied_for(tx, region, after=after, limit=limit)
    same = tx.context.catalogue.one_with
    acting = {one.key: {organ for code in one.organs for organ in same(code)} for one in page}
    codes = {item for one in page for item in one.items}
    in_force = await items.in_force_among(tx, organs={organ for own in acting.values() for organ in own}, codes=codes)
    return page, [one for one in page if not any((organ, item) in in_force for organ in acting[one.key] for item in one.items)]


async def unlisted_items(
    tx: Tx[Catalog], region: RegionCode, *, after: str, limit: int
) -> tuple[list[ItemVersionRecord], list[ItemVersionRecord]]:
    """Of a page of the items in force in a region those behind which no listed power stands, after all that were looked at."""
    page = await items.page_in_force(tx, item=None, region=region, after=after, limit=limit)
    bases = await base_items.known_base_items(tx, sorted({one.content.item_code for one in page}))
    same = tx.context.catalogue.one_with
    own = {one.content.organ: same(one.content.organ) for one in page}
    known = await store.list_pairs(tx, {code for codes in own.values() for code in codes}, items=bases.keys())

    def lacks(one: ItemVersionRecord) -> bool:
        content = one.content
        kind = content.kind or bases[content.item_code].kind
        return kind != PUBLIC_SERVICE and not any((code, content.item_code) in known for code in own[content.organ])

    return page, [one for one in page if lacks(one)]


async def _require_sound(tx: Tx[Catalog], powers: Sequence[Power], *, listed_at: str | None = None) -> None:
    known = await organs.known_organs(tx, sorted({code for one in powers for code in one.organs}))
    bases = await base_items.known_base_items(tx, sorted({code for one in powers for code in one.items}))
    around = Around(
        regions=frozenset(await regions.known_regions(tx, sorted({one.region for one in powers}))),
        organs=known,
        lines=await regions.chains(tx, {one.region for one in known.values()}),
        kinds={code: base.kind for code, base in bases.items()},
    )
    refused: dict[str, Refusal] = {}
    for place, one in enumerate(powers):
        try:
            check_power(one, around=around)
        except PowerUnsound as no:
            if listed_at is None:
                raise
            refused[f"{listed_at}/{place}"] = no
    refuse_list(refused)
