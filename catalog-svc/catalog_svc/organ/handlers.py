"""What is done to organs, and what other rooms ask about them."""

from collections.abc import Sequence

from catalog_svc.context import Catalog
from catalog_svc.organ import store
from catalog_svc.organ.domain import OrganMerged, OrganUnknown, check_merger, check_organ, take_effect
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.catalogue import Organ
from contracts.codec import decode, encode_object
from contracts.values import OrganCode, RegionCode

KIND = "organ"

_MERGERS = "organ-mergers"


async def known_organs(tx: Tx[Catalog], codes: Sequence[OrganCode]) -> dict[OrganCode, Organ]:
    """The published organs among these codes."""
    return await store.get_organs(tx, codes)


async def propose_organs(tx: Tx[Catalog], organs: Sequence[Organ], *, by: Caller) -> Proposed:
    """Draft organs, also one that is to be merged into another.

    Raises:
        OrganUnsound: A code or region is wrong, or a merger leads nowhere.
        OrganMerged: It was merged already, into another.
        Forbidden: Not an author of the region, of the one that it belongs to until now, or of that of the organ it is merged into.
    """
    codes = [organ.code for organ in organs]
    drafted = await proposals.known_proposals(tx, codes, kind=KIND)
    takers = [organ.merged_into for organ in organs if organ.merged_into is not None]
    places = [*(organ.region for organ in organs), *(one.region for one in drafted.values()), *await _places(tx, [*codes, *takers])]
    await regions.permit_in(tx, by, aggregate=KIND, action="author", regions=places, about=codes[0] if codes else "")
    known = await regions.known_regions(tx, sorted({organ.region for organ in organs}))
    for organ in organs:
        check_organ(organ, region=known.get(organ.region), at=tx.at)
    await _check_mergers(tx, organs)
    drafts = [Draft(key=one.code, region=one.region, body=encode_object(one)) for one in organs]
    return await proposals.propose(tx, drafts, kind=KIND, by=by)


async def publish_organs(tx: Tx[Catalog], codes: Sequence[str], *, by: Caller) -> list[Proposal]:
    """Let a second officer put drafted organs in force.

    Raises:
        ProposalNotFound: One was never drafted.
        ReviewedByAuthor: By its author.
        OrganUnsound: What it is to be merged into was itself merged meanwhile.
        OrganMerged: It was merged meanwhile, into another.
        Forbidden: Not a reviewer of the region, of the one that it belongs to until now, or of that of the organ it is merged into.
    """
    waiting = await proposals.waiting(tx, codes, kind=KIND)
    drafted = [decode(Organ, one.body) for one in waiting]
    takers = [organ.merged_into for organ in drafted if organ.merged_into is not None]
    if takers:
        # Two mergers that do not see each other could lead in a circle.
        await lock(tx, _MERGERS)
    places = [*(one.region for one in waiting), *await _places(tx, [*(OrganCode(code) for code in codes), *takers])]
    await regions.permit_in(tx, by, aggregate=KIND, action="review", regions=places, about=codes[0] if codes else "")
    former = await _check_mergers(tx, drafted)
    await proposals.publish(tx, waiting, by=by)
    await store.save_organs(tx, [take_effect(organ, former=former.get(organ.code), at=tx.at) for organ in drafted])
    return waiting


async def standing_organ(tx: Tx[Catalog], code: OrganCode) -> Organ:
    """A published organ that still stands.

    Raises:
        OrganUnknown: No organ has this code.
        OrganMerged: It was merged into another.
    """
    organ, _ = await get_organ(tx, code)
    if organ.merged_into is not None:
        raise OrganMerged(facts={"merged_into": organ.merged_into})
    return organ


async def standing_for(tx: Tx[Catalog], code: OrganCode) -> list[OrganCode]:
    """An organ's own code first, then those of all organs that were merged into it."""
    found, newest = [code], [code]
    while newest:
        newest = [one for one in await store.list_merged_into(tx, newest) if one not in found]
        found += newest
    return found


async def get_organ(tx: Tx[Catalog], code: OrganCode) -> tuple[Organ, int]:
    """An organ with the version of its row.

    Raises:
        OrganUnknown: No organ has this code.
    """
    found = await store.get_organ(tx, code)
    if found is None:
        raise OrganUnknown
    return found


async def _check_mergers(tx: Tx[Catalog], organs: Sequence[Organ]) -> dict[OrganCode, Organ]:
    """The organs as they are published, where none is merged wrongly."""
    takers = [organ.merged_into for organ in organs if organ.merged_into is not None]
    published = await store.get_organs(tx, [*(organ.code for organ in organs), *takers])
    for organ in organs:
        into = None if organ.merged_into is None else published.get(organ.merged_into)
        check_merger(organ, former=published.get(organ.code), into=into)
    return published


async def _places(tx: Tx[Catalog], codes: Sequence[OrganCode]) -> list[RegionCode]:
    """Where the published organs among these belong: nobody takes an organ from a region they have no right in."""
    return [organ.region for organ in (await store.get_organs(tx, codes)).values()]
