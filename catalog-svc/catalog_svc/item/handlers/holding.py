"""Where items are and go to: nobody writes for a time in which an item is a county's where they have no right."""

from collections.abc import Sequence
from datetime import datetime

from catalog_svc.context import Catalog
from catalog_svc.item import store
from catalog_svc.item.domain import ItemUnknown, ItemVersionRecord
from catalog_svc.item.domain.holding import holder_at, holders_from, in_turn
from chassis.database import Tx
from contracts.values import ItemId, Json, RegionCode


async def places_to_draft(tx: Tx[Catalog], item_id: ItemId, *, region: RegionCode, succeeds: Sequence[ItemId]) -> list[RegionCode]:
    """The regions for which one must be an author to draft a version of an item for an organ of a region.

    Where the item is that region's now or will be, no other has a say; else all have, since it would move. Those whose place it takes end
    for good, so that all that have or will have them have a say.

    Raises:
        ItemUnknown: One of those whose place it takes is not there.
    """
    places = [one.region for one in holders_from(await store.get_versions(tx, item_id), tx.at)]
    return [region, *(() if region in places else places), *await _replaced(tx, succeeds, begins=tx.at)]


async def places_to_publish(tx: Tx[Catalog], record: ItemVersionRecord, *, begins: datetime) -> list[RegionCode]:
    """The regions for which one must be a reviewer to publish a version from an instant: its own, and that which has the item until then.

    Raises:
        ItemUnknown: One of those whose place it takes is not there.
    """
    others = [one for one in await store.get_versions(tx, record.item_id) if one.version_id != record.version_id]
    holder = holder_at(others, begins)
    return [record.region, *([] if holder is None else [holder.region]), *await _replaced(tx, record.content.succeeds, begins=begins)]


async def keep_holder(tx: Tx[Catalog], item_id: ItemId, versions: Sequence[ItemVersionRecord]) -> None:
    """Keep by whom the item is found when all its versions have begun; the caller holds its lock."""
    for one in in_turn(versions)[-1:]:
        await store.move_item(tx, item_id, organ=one.content.organ, region=one.region)


async def _replaced(tx: Tx[Catalog], ids: Sequence[ItemId], *, begins: datetime) -> list[RegionCode]:
    found: list[RegionCode] = []
    for item_id in ids:
        holders = holders_from(await store.get_versions(tx, item_id), begins)
        if not holders:
            raise ItemUnknown(facts={"succeeds": list[Json](ids)})
        found += [one.region for one in holders]
    return found
