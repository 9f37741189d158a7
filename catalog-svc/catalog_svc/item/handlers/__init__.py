"""What is done to service items: draft, review, publication, suspension, withdrawal."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from catalog_svc.context import Catalog
from catalog_svc.item import store
from catalog_svc.item.domain import (
    LIVE,
    NOTICE,
    ItemDraft,
    ItemUnknown,
    ItemUnsound,
    ItemVersionRecord,
    ItemVersionState,
    draft_of,
    holding_at,
    other_item,
    source_changed,
    succession_defects,
    umbrella_id,
    umbrella_of,
)
from catalog_svc.item.handlers.holding import keep_holder, places_to_draft, places_to_publish, require_own, versions_around
from catalog_svc.item.handlers.saying import (
    bundles_with,
    complete,
    digests_of,
    find_defects,
    get_parts,
    have_grounds_at_hand,
    members_of,
    read_draft,
    takes_over,
)
from catalog_svc.organ import handlers as organs
from catalog_svc.part import handlers as parts
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.catalogue import Organ, Part
from contracts.refusals import Forbidden
from contracts.values import Digest, ItemCode, ItemId, ItemVersionId, OrganCode, RegionCode

__all__ = [
    "LIVE",
    "bundles_with",
    "complete",
    "draft_version",
    "draft_versions",
    "find_defects",
    "get_as_of",
    "get_current",
    "get_drafts",
    "get_parts",
    "get_version",
    "have_at_hand",
    "have_grounds_at_hand",
    "in_force_among",
    "items_of",
    "members_of",
    "page_in_force",
    "publish_version",
    "published_with_checklist",
    "regions_published",
    "review_version",
    "suspend_version",
    "told_versions",
    "versions_of",
    "view_draft",
    "withdraw_version",
]


async def draft_version(
    tx: Tx[Catalog], draft: ItemDraft, *, by: Caller, item_id: ItemId | None = None, made_from: ItemVersionId | None = None
) -> tuple[ItemVersionRecord, bool]:
    """Draft the next version of an organ's item, or find that the newest one says the same already.

    Args:
        tx: The caller's transaction.
        draft: As handed in; a bundle is kept with what its members ask for.
        by: The author.
        item_id: An item that moves to the draft's organ with its publication; the organ's own by the base code when None.
        made_from: The version that the author had before them, where they say so.

    Returns:
        The version, and whether it is new.

    Raises:
        OrganUnknown: No such organ.
        OrganMerged: It is no more.
        ItemUnknown: No item to move, or none to succeed.
        Forbidden: Not an author of the organ's region, or of where an item that moves or those that it succeeds are or go to.
        ItemUnsound: With every defect of content and parts.
        ItemOvertaken: Another version was published since the one that it was made from.
    """
    content = draft.content
    organ = await organs.standing_organ(tx, content.organ)
    own = await store.find_item(tx, organs=await organs.standing_for(tx, content.organ), item_code=content.item_code)
    if item_id is not None and (code := await store.get_item_code(tx, item_id)) != content.item_code:
        raise ItemUnknown(facts={"item_id": item_id}) if code is None else ItemUnsound(defects=(other_item(),))
    item_id = item_id or own or umbrella_id(organ=content.organ, item_code=content.item_code)
    [drafted] = await _draft_all(tx, [(item_id, draft)], standing={organ.code: organ}, by=by, made_from=made_from)
    return drafted


async def draft_versions(
    tx: Tx[Catalog], drafts: Sequence[tuple[ItemId, ItemDraft]], *, by: Caller
) -> list[tuple[ItemVersionRecord, bool]]:
    """The same of many items, each as `items_of` found it, with as few queries as of one; a refusal of one is a refusal of all."""
    return await _draft_all(tx, drafts, standing=await organs.standing_organs(tx, {draft.content.organ for _, draft in drafts}), by=by)


async def _draft_all(
    tx: Tx[Catalog],
    drafts: Sequence[tuple[ItemId, ItemDraft]],
    *,
    standing: Mapping[OrganCode, Organ],
    by: Caller,
    made_from: ItemVersionId | None = None,
) -> list[tuple[ItemVersionRecord, bool]]:
    ids = {item_id for item_id, _ in drafts}
    seen = await store.get_versions_of(tx, ids)
    for item_id, draft in drafts:
        succeeds = draft.content.succeeds
        if defects := succession_defects(succeeds, item_id=item_id):
            raise ItemUnsound(defects=defects)
        places = await places_to_draft(tx, seen.get(item_id, ()), region=standing[draft.content.organ].region, succeeds=succeeds)
        await regions.permit_in(tx, by, aggregate="item", action="author", regions=places, about=item_id)
    await lock(tx, *ids)
    known = await store.get_versions_of(tx, ids)
    await have_grounds_at_hand(tx, {draft.content.item_code for _, draft in drafts})
    drafted: list[tuple[ItemVersionRecord, bool]] = []
    named: dict[Digest, Part] = {}
    for item_id, given in drafts:
        region = standing[given.content.organ].region
        draft = await complete(tx, given, region=region)
        others = known.setdefault(item_id, [])
        # A draft that can never be published again is no answer to one that is sent again.
        if others and others[0].says_still(draft.digest, at=tx.at) and others[0].overtaken_by(others) is None:
            drafted.append((others[0], False))
            continue
        await _require_sound(tx, draft, region=region)
        number = others[0].number + 1 if others else 1
        record = ItemVersionRecord.draft(draft, item_id=item_id, number=number, region=region, by=by.ref, others=others)
        if made_from is not None:
            record.require_known(made_from, others=others)
        named |= draft.parts.named()
        others.insert(0, record)
        drafted.append((record, True))
    made = [record for record, new in drafted if new]
    await store.keep_items(tx, {one.item_id: (one.content.item_code, one.content.organ, one.region, one.number) for one in made})
    await parts.keep_parts(tx, named)
    await store.save_versions(tx, made)
    return drafted


async def review_version(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> ItemVersionRecord:
    """Let a second officer confirm a draft.

    Raises:
        ItemUnknown: No such version.
        ItemReviewedByAuthor: By its author.
        IllegalMove: It is no draft.
        ItemOvertaken: Another version of the item was published since the draft.
        Forbidden: Not a reviewer of the organ's region.
    """
    record, others = await _locked_version(tx, version_id, action="review", by=by)
    record.review(by=by.ref, others=others)
    await store.save_versions(tx, [record])
    return record


async def publish_version(
    tx: Tx[Catalog], version_id: ItemVersionId, *, effective_from: datetime | None, by: Caller, at_once: bool = False, moves: bool = True
) -> ItemVersionRecord:
    """Put a reviewed version in force: its parts first, then the versions whose end it changes and itself, in one transaction.

    ``at_once`` as for `ItemVersionRecord.publish`; ``moves``: whether it may take the item from another organ.

    Raises:
        ItemUnknown: No such version.
        IllegalMove: It was not reviewed.
        ItemOvertaken: Another version of the item was published since the draft, or the item is another organ's by then and may not move.
        EffectiveTooSoon: Before every service could have heard of it.
        ItemEnded: Another item has taken its item's place by then.
        ItemUnsound: The base item or the organ changed since the draft so that it no longer fits, or its base form or a member of the
            bundle so that nobody has reviewed what would be published.
        Forbidden: Not a reviewer of the organ's region, or of where the item is when this one begins, or those that it succeeds are from then on.
    """
    record, own = await _locked_version(tx, version_id, action="publish", by=by)
    others, successors = await versions_around(tx, record, others=own)
    places = places_to_publish(record, others=others, begins=effective_from or tx.at + NOTICE)
    await regions.permit_in(tx, by, aggregate="item", action="publish", regions=places, about=version_id)
    if not moves:
        await require_own(tx, record, others=others, begins=effective_from or tx.at + NOTICE)
    draft = await read_draft(tx, record)
    if takes_over(draft) and (await complete(tx, draft, region=record.region)).digest != record.digest:
        raise ItemUnsound(defects=(source_changed(),))
    await _require_sound(tx, draft, region=record.region)
    ended = record.publish(at=tx.at, effective_from=effective_from, others=others, successors=successors, at_once=at_once)
    await keep_holder(tx, record, others=others)
    await parts.publish_parts(tx, digests_of(record))
    await lock(tx, record.version_id, *(one.version_id for one in ended))
    await store.save_versions(tx, [*ended, record])
    return record


async def suspend_version(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> ItemVersionRecord:
    """Take a version out of force for new cases.

    Raises:
        ItemUnknown: No such version.
        IllegalMove: It is not published, or a later one took its place.
        Forbidden: Not a reviewer of the organ's region.
    """
    return await _take_back(tx, version_id, ItemVersionRecord.suspend, by=by)


async def withdraw_version(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> ItemVersionRecord:
    """Take a version back for good.

    Raises:
        ItemUnknown: No such version.
        IllegalMove: It is withdrawn already.
        Forbidden: Not a reviewer of the organ's region.
    """
    return await _take_back(tx, version_id, ItemVersionRecord.withdraw, by=by)


async def _take_back(
    tx: Tx[Catalog], version_id: ItemVersionId, act: Callable[..., list[ItemVersionRecord]], *, by: Caller
) -> ItemVersionRecord:
    record, own = await _locked_version(tx, version_id, action="publish", by=by)
    others, successors = await versions_around(tx, record, others=own)
    held = act(record, at=tx.at, others=others, successors=successors)
    await lock(tx, record.version_id, *(one.version_id for one in held))
    await keep_holder(tx, record, others=others)
    await store.save_versions(tx, [*held, record])
    return record


async def regions_published(tx: Tx[Catalog], organ: OrganCode, *, items: Sequence[ItemCode]) -> dict[ItemCode, set[RegionCode]]:
    """The regions for which an organ, or one merged into it, itself publishes each of these items: its own powers."""
    found: dict[ItemCode, set[RegionCode]] = {}
    for item, region in await store.list_published(tx, await organs.standing_for(tx, organ), items=items):
        found.setdefault(item, set()).add(region)
    return found


async def get_version(tx: Tx[Catalog], version_id: ItemVersionId) -> ItemVersionRecord:
    """One version that was published, whatever became of it.

    Raises:
        ItemUnknown: No such version, or one that nobody published.
    """
    record = await store.get_version(tx, version_id)
    if record is None or record.effective_from is None:
        raise ItemUnknown
    return record


async def get_current(tx: Tx[Catalog], item_id: ItemId, *, at: datetime) -> ItemVersionRecord:
    """The version of an item that is in force at an instant.

    Raises:
        ItemUnknown: None is.
    """
    record = holding_at(await store.get_versions(tx, item_id), at)
    if record is None:
        raise ItemUnknown
    return record


async def get_as_of(tx: Tx[Catalog], item_id: ItemId, *, at: datetime) -> ItemVersionRecord:
    """The version that an application received at an instant fell or will fall under, whatever became of it since.

    Raises:
        ItemUnknown: None.
    """
    record = next((one for one in await store.get_versions(tx, item_id) if one.held_at(at)), None)
    if record is None:
        raise ItemUnknown
    return record


_Pair = tuple[OrganCode, ItemCode]


async def items_of(tx: Tx[Catalog], named: Collection[_Pair]) -> dict[_Pair, ItemId]:
    """The items that organs have by these base codes, their own or such as came to them by a move or a merger; those that there are."""
    found = await store.find_items(tx, named)
    for organ in sorted({organ for organ, _ in named}):
        standing = await organs.standing_for(tx, organ)
        for pair in named if len(standing) > 1 else ():
            if (
                pair[0] == organ
                and pair not in found
                and (came := await store.find_item(tx, organs=standing, item_code=pair[1])) is not None
            ):
                found[pair] = came
    return found


async def versions_of(tx: Tx[Catalog], ids: Collection[ItemId]) -> dict[ItemId, list[ItemVersionRecord]]:
    """Of each of these items every version, whatever its state, the newest first; items without one are left out."""
    return await store.get_versions_of(tx, ids)


async def told_versions(tx: Tx[Catalog], ids: Collection[ItemId]) -> dict[ItemId, ItemVersionRecord]:
    """Of each of these items the version to go by where nothing else is said: never a draft that was sent back."""
    return await store.get_told(tx, ids, at=tx.at)


async def _locked_version(
    tx: Tx[Catalog], version_id: ItemVersionId, *, action: str, by: Caller
) -> tuple[ItemVersionRecord, list[ItemVersionRecord]]:
    """A version under its item's lock, and the item's others."""
    item_id = umbrella_of(version_id)
    if item_id not in tx.locked:
        # Nobody without the right to act lets others wait for the item.
        await _permit(tx, await store.get_version(tx, version_id), action=action, by=by)
        await lock(tx, item_id)
    versions = {one.version_id: one for one in (await store.get_held_versions(tx, [item_id])).get(item_id, ())}
    record = await _permit(tx, versions.pop(version_id, None), action=action, by=by)
    return record, [*versions.values()]


async def _permit(tx: Tx[Catalog], record: ItemVersionRecord | None, *, action: str, by: Caller) -> ItemVersionRecord:
    if record is None:
        raise ItemUnknown
    await regions.permit_in(tx, by, aggregate="item", action=action, regions=[record.region], about=record.version_id)
    return record


async def have_at_hand(tx: Tx[Catalog], ids: Collection[ItemId]) -> None:
    """Read for all of these items what a review or publication of each would read by itself; the caller holds their locks."""
    versions = [one for of_item in (await store.get_held_versions(tx, ids)).values() for one in of_item]
    await store.list_successors(tx, ids)
    await get_drafts(tx, [one for one in versions if one.state is ItemVersionState.REVIEWED])
    await have_grounds_at_hand(tx, {one.content.item_code for one in versions})


async def view_draft(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> tuple[ItemVersionRecord, ItemDraft]:
    """A version in whatever state, with all it says.

    Raises:
        ItemUnknown: No such version, or one that was never published, of a region whose officer the caller is not.
    """
    record = await store.get_version(tx, version_id)
    if record is None:
        raise ItemUnknown
    if record.effective_from is None:
        try:
            await regions.permit_in(tx, by, aggregate="item", action="preview", regions=[record.region], about=version_id)
        except Forbidden as refused:
            raise ItemUnknown from refused
    return record, await read_draft(tx, record)


async def get_drafts(tx: Tx[Catalog], records: Sequence[ItemVersionRecord]) -> list[ItemDraft]:
    """All that these versions say, in their order; what they share is read once."""
    named = await parts.get_parts(tx, sorted({digest for record in records for digest in digests_of(record)}))
    return [draft_of(record, named) for record in records]


async def page_in_force(
    tx: Tx[Catalog], *, item: ItemCode | None, region: RegionCode | None, organ: OrganCode | None = None, after: str, limit: int
) -> list[ItemVersionRecord]:
    """Some of the versions in force now, by version id: of a base item, of exactly one region, or of all."""
    return await store.list_in_force(tx, at=tx.at, item_code=item, region=region, organ=organ, text="", after=after, limit=limit)


async def in_force_among(tx: Tx[Catalog], *, organs: Collection[OrganCode], codes: Collection[ItemCode]) -> frozenset[_Pair]:
    """Which of these organs have which of these base items in force now."""
    return await store.list_pairs_in_force(tx, organs=organs, codes=codes, at=tx.at)


async def published_with_checklist(tx: Tx[Catalog], digests: Collection[Digest], *, after: str, limit: int) -> list[ItemVersionRecord]:
    """Some of the versions with one of these checklists that were ever published, those that are over too, by version id."""
    return await store.list_with_part(tx, "checklist", digests, at=None, after=after, limit=limit)


async def _require_sound(tx: Tx[Catalog], draft: ItemDraft, *, region: RegionCode) -> None:
    if defects := await find_defects(tx, draft, region=region):
        raise ItemUnsound(defects=defects)
