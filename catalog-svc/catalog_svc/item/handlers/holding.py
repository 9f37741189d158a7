"""Where items are and go to: nobody writes for a time in which an item is a county's where they have no right."""

from collections.abc import Sequence
from datetime import datetime

from catalog_svc.context import Catalog
from catalog_svc.item import store
from catalog_svc.item.domain import ItemOvertaken, ItemUnknown, ItemVersionRecord
from catalog_svc.item.domain.holding import holder_at, holders_from, in_turn
from catalog_svc.organ import handlers as organs
from chassis.database import Tx, lock
from contracts.values import ItemId, RegionCode


async def places_to_draft(
    tx: Tx[Catalog], versions: Sequence[ItemVersionRecord], *, region: RegionCode, succeeds: Sequence[ItemId]
) -> list[RegionCode]:
    """The regions for which one must be an author to draft a version of an item, which has these, for an organ of a region.

    Where the item is that region's now or will be, no other has a say; else all have, since it would move. Those whose place it takes end
    for good, so that all that have or will have them have a say.

    Raises:
        ItemUnknown: One of those whose place it takes is not there.
    """
    places = [one.region for one in holders_from(versions, tx.at)]
    replaced = [place for named in succeeds for place in _places(named, await store.get_versions(tx, named), begins=tx.at)]
    return [region, *(() if region in places else places), *replaced]


def places_to_publish(record: ItemVersionRecord, *, others: Sequence[ItemVersionRecord], begins: datetime) -> list[RegionCode]:
    """The regions for which one must be a reviewer to publish a version from an instant.

    Args:
        record: The version; its own region is the first.
        others: As `versions_around` gives them: it takes the item from where it is until then, and ends those whose place it takes.
        begins: From when.

    Raises:
        ItemUnknown: One of those whose place it takes is not there.
    """
    holder = holder_at([one for one in others if one.item_id == record.item_id], begins)
    replaced = [region for item_id in record.content.succeeds for region in _places(item_id, others, begins=begins)]
    return [record.region, *([] if holder is None else [holder.region]), *replaced]


async def require_own(tx: Tx[Catalog], record: ItemVersionRecord, *, others: Sequence[ItemVersionRecord], begins: datetime) -> None:
    """Let a version begin only where its item is its organ's until then, or that of an organ merged into it.

    Raises:
        ItemOvertaken: It is another's: a move began since the draft, or begins before.
    """
    holder = holder_at([one for one in others if one.item_id == record.item_id and one.effective_from is not None], begins)
    organ = record.content.organ
    if holder is not None and holder.content.organ != organ and holder.content.organ not in await organs.standing_for(tx, organ):
        raise ItemOvertaken(facts={"published": holder.version_id})


async def versions_around(
    tx: Tx[Catalog], record: ItemVersionRecord, *, others: Sequence[ItemVersionRecord]
) -> tuple[list[ItemVersionRecord], list[ItemVersionRecord]]:
    """What an act on a version may change, and what it is held against; locks what it may change. The caller holds the item's lock.

    Returns:
        The item's ``others`` and all of those whose place one of them takes, an item before those; the versions that take the place of
        one of these items. What nobody published takes no place, or a draft would keep others from an item that it only names.
    """
    known = {record.item_id: others}
    ahead = sorted({*record.content.succeeds, *_replaced(others)})
    while ahead := [item_id for item_id in ahead if item_id not in known]:
        await lock(tx, *ahead)
        for item_id in ahead:
            known[item_id] = (await store.get_held_versions(tx, [item_id])).get(item_id, [])
        ahead = _replaced([one for item_id in ahead for one in known[item_id]])
    successors = [one for one in await store.list_successors(tx, list(known)) if one.version_id != record.version_id]
    return [one for versions in known.values() for one in versions], successors


async def keep_holder(tx: Tx[Catalog], record: ItemVersionRecord, *, others: Sequence[ItemVersionRecord]) -> None:
    """Keep by whom the version's item is found when all its versions have begun; the caller holds its lock."""
    versions = [record, *(one for one in others if one.item_id == record.item_id)]
    # An item that was one organ's from its first draft on is found by that one.
    if len({(one.content.organ, one.region) for one in versions}) > 1:
        for one in in_turn(versions)[-1:]:
            await store.move_item(tx, record.item_id, organ=one.content.organ, region=one.region)


def _replaced(records: Sequence[ItemVersionRecord]) -> list[ItemId]:
    return sorted({item_id for one in records if one.effective_from is not None for item_id in one.content.succeeds})


def _places(item_id: ItemId, versions: Sequence[ItemVersionRecord], *, begins: datetime) -> list[RegionCode]:
    """Where an item is from an instant on, until it ends for good."""
    holders = holders_from([one for one in versions if one.item_id == item_id], begins)
    if not holders:
        raise ItemUnknown(facts={"succeeds": [item_id]})
    return [one.region for one in holders]
