"""What is done to organs, and what other rooms ask about them."""

from collections.abc import Sequence

from catalog_svc.context import Catalog
from catalog_svc.organ import store
from catalog_svc.organ.domain import OrganUnknown, check_organ
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.catalogue import Organ
from contracts.codec import decode, encode_object
from contracts.values import OrganCode, RegionCode

KIND = "organ"


async def known_organs(tx: Tx[Catalog], codes: Sequence[OrganCode]) -> dict[OrganCode, Organ]:
    """The published organs among these codes."""
    return await store.get_organs(tx, codes)


async def propose_organs(tx: Tx[Catalog], organs: Sequence[Organ], *, by: Caller) -> Proposed:
    """Draft organs.

    Raises:
        OrganUnsound: A code or region is wrong.
        Forbidden: Not an author of the region, or of the one that it belongs to until now.
    """
    codes = [organ.code for organ in organs]
    drafted = await proposals.known_proposals(tx, codes, kind=KIND)
    places = [*(organ.region for organ in organs), *(one.region for one in drafted.values()), *await _places(tx, codes)]
    await regions.permit_in(tx, by, aggregate=KIND, action="author", regions=places, about=codes[0] if codes else "")
    known = await regions.known_regions(tx, sorted({organ.region for organ in organs}))
    for organ in organs:
        check_organ(organ, region=known.get(organ.region), at=tx.at)
    drafts = [Draft(key=one.code, region=one.region, body=encode_object(one)) for one in organs]
    return await proposals.propose(tx, drafts, kind=KIND, by=by)


async def publish_organs(tx: Tx[Catalog], codes: Sequence[str], *, by: Caller) -> list[Proposal]:
    """Let a second officer put drafted organs in force.

    Raises:
        ProposalNotFound: One was never drafted.
        ReviewedByAuthor: By its author.
        Forbidden: Not a reviewer of the region, or of the one that it belongs to until now.
    """
    waiting = await proposals.waiting(tx, codes, kind=KIND)
    places = [*(one.region for one in waiting), *await _places(tx, [OrganCode(code) for code in codes])]
    await regions.permit_in(tx, by, aggregate=KIND, action="review", regions=places, about=codes[0] if codes else "")
    await proposals.publish(tx, waiting, by=by)
    await store.save_organs(tx, [decode(Organ, one.body) for one in waiting])
    return waiting


async def get_organ(tx: Tx[Catalog], code: OrganCode) -> tuple[Organ, int]:
    """An organ with the version of its row.

    Raises:
        OrganUnknown: No organ has this code.
    """
    found = await store.get_organ(tx, code)
    if found is None:
        raise OrganUnknown
    return found


async def _places(tx: Tx[Catalog], codes: Sequence[OrganCode]) -> list[RegionCode]:
    """Where the published organs among these belong: nobody takes an organ from a region they have no right in."""
    return [organ.region for organ in (await store.get_organs(tx, codes)).values()]
