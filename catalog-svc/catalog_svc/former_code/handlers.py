"""What is done with former codes."""

from collections.abc import Sequence

from catalog_svc.context import Catalog
from catalog_svc.former_code import store
from catalog_svc.former_code.domain import FormerCode, FormerCodeTaken
from chassis.database import Tx
from contracts.values import ItemId, RegionCode


async def keep_codes(tx: Tx[Catalog], codes: Sequence[FormerCode]) -> None:
    """Let items be found by codes of before; the same again changes nothing. The caller may author the items.

    Args:
        tx: Open transaction.
        codes: Of one region.

    Raises:
        FormerCodeTaken: One stands for another item.
    """
    if not codes:
        return
    await store.add(tx, codes)
    standing = await taken_codes(tx, [one.code for one in codes], region=codes[0].region)
    if any(standing[one.code] != one.item_id for one in codes):
        raise FormerCodeTaken


async def taken_codes(tx: Tx[Catalog], codes: Sequence[str], *, region: RegionCode) -> dict[str, ItemId]:
    """Which items these codes stand for in a region."""
    return {one.code: one.item_id for one in await store.find(tx, codes, region=region)} if codes else {}


async def codes_of(tx: Tx[Catalog], item_ids: Sequence[ItemId]) -> dict[str, list[str]]:
    """The former codes of items, in order."""
    return await store.of_items(tx, item_ids)
