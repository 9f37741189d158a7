"""What is done to base items, and what other rooms ask about them."""

from collections.abc import Sequence

from catalog_svc.base_item import store
from catalog_svc.base_item.domain import BaseItem, BaseItemUnknown, check_base_items
from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.codec import encode_object
from contracts.values import NATION, ItemCode, RegionCode

KIND = "base-item"


async def _of_the_nation(_tx: Tx[Catalog], _of: Sequence[BaseItem] | Sequence[str]) -> list[RegionCode]:
    return [NATION]


DOCUMENTS = proposals.Documents(
    kind=KIND, aggregate="item", of=BaseItem, permit=regions.permit_in, places=_of_the_nation, held=_of_the_nation
)
"""Base items under four eyes: the directory is the nation's."""


async def known_base_items(tx: Tx[Catalog], codes: Sequence[ItemCode]) -> dict[ItemCode, BaseItem]:
    """The base items among these codes."""
    return await store.get_base_items(tx, codes)


async def all_base_items(tx: Tx[Catalog]) -> list[BaseItem]:
    """The whole base directory, by code."""
    return await store.list_base_items(tx, after="", limit=None)


async def edition(tx: Tx[Catalog]) -> int:
    """A number that rises with every change of the directory."""
    return await store.get_edition(tx)


async def propose_base_items(tx: Tx[Catalog], items: Sequence[BaseItem], *, by: Caller, over: int | None = None) -> Proposed:
    """Draft base items; the directory is the nation's.

    Raises:
        BaseItemUnsound: Part of an item that nobody knows.
        Forbidden: Not an author for the nation.
    """
    await proposals.permit_authors(tx, DOCUMENTS, items, keys=[item.code for item in items], by=by)
    named = sorted({item.part_of for item in items if item.part_of is not None})
    known = await store.get_base_items(tx, named)
    check_base_items(items, known=known | {item.code: item for item in items})
    drafts = [Draft(key=one.code, region=NATION, body=encode_object(one)) for one in items]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def publish_base_items(tx: Tx[Catalog], codes: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put drafted base items in force; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        Forbidden: Not a reviewer for the nation.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, codes, by=by, version=version)
    await store.save_base_items(tx, [item for _, item in reviewed])
    return [proposal for proposal, _ in reviewed]


async def get_base_item(tx: Tx[Catalog], code: ItemCode) -> tuple[BaseItem, int]:
    """A base item with the version of its row.

    Raises:
        BaseItemUnknown: No base item has this code.
    """
    found = await store.get_base_item(tx, code)
    if found is None:
        raise BaseItemUnknown
    return found
