"""What is done to negative lists; they are read straight from the tables."""

from collections.abc import Sequence

from catalog_svc.context import Catalog
from catalog_svc.negative_list import store
from catalog_svc.negative_list.domain import Edition, EditionUnknown, check_edition, check_place
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.codec import encode_object
from contracts.values import RegionCode

KIND = "negative-list"


async def _places(_tx: Tx[Catalog], editions: Sequence[Edition]) -> list[RegionCode]:
    return [one.region for one in editions]


async def _held(tx: Tx[Catalog], ids: Sequence[str]) -> list[RegionCode]:
    return [one.region for one in await store.get_editions(tx, ids)]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate="item", of=Edition, permit=regions.permit_in, places=_places, held=_held)
"""Editions under four eyes: written for the region where they hold."""


async def propose_editions(tx: Tx[Catalog], editions: Sequence[Edition], *, by: Caller, over: int | None = None) -> Proposed:
    """Draft editions, each as a whole.

    Raises:
        EditionUnsound: One contradicts itself, or would be in force beside another of its list.
        Forbidden: Not an author of the region, or of the one that it belongs to until now.
    """
    ids = [one.edition_id for one in editions]
    await proposals.permit_authors(tx, DOCUMENTS, editions, keys=ids, by=by)
    known = await regions.known_regions(tx, sorted({one.region for one in editions}))
    for one in editions:
        check_edition(one, region_known=one.region in known)
    await _check_places(tx, editions)
    drafts = [Draft(key=one.edition_id, region=one.region, body=encode_object(one)) for one in editions]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def publish_editions(tx: Tx[Catalog], ids: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer publish drafted editions; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        EditionUnsound: Another edition of its list was published meanwhile.
        Forbidden: Not a reviewer of the region, or of the one that it belongs to until now.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, ids, by=by, version=version)
    editions = [one for _, one in reviewed]
    # Two editions of one list are reviewed one after the other, or both would take the same days.
    await lock(tx, *sorted({f"negative-lists/{one.region}/{one.kind}" for one in editions}))
    await _check_places(tx, editions)
    await store.save_editions(tx, editions)
    return [proposal for proposal, _ in reviewed]


async def get_edition(tx: Tx[Catalog], edition_id: str) -> tuple[Edition, int]:
    """An edition, in force or not, with its version.

    Raises:
        EditionUnknown: None has this id.
    """
    found = await store.get_edition(tx, edition_id)
    if found is None:
        raise EditionUnknown
    return found


async def _check_places(tx: Tx[Catalog], editions: Sequence[Edition]) -> None:
    for one in editions:
        published = await store.editions_of(tx, kind=one.kind, region=one.region)
        given = [other for other in editions if (other.kind, other.region) == (one.kind, one.region)]
        check_place(one, others={other.edition_id: other for other in (*published, *given)}.values())
