"""What is done to organs, and what other rooms ask about them."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from catalog_svc.context import Catalog
from catalog_svc.organ import store
from catalog_svc.organ.domain import OrganMerged, OrganUnknown, check_merger, check_organ, check_papers, take_effect
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.catalogue import Organ
from contracts.codec import encode_object
from contracts.values import OrganCode, RegionCode

KIND = "organ"

_MERGERS = "organ-mergers"


async def _places(tx: Tx[Catalog], organs: Sequence[Organ]) -> list[RegionCode]:
    takers = await store.get_organs(tx, [organ.merged_into for organ in organs if organ.merged_into is not None])
    return [organ.region for group in (organs, takers.values()) for organ in group]


async def _held(tx: Tx[Catalog], codes: Sequence[str]) -> list[RegionCode]:
    return [organ.region for organ in (await store.get_organs(tx, [OrganCode(code) for code in codes])).values()]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate=KIND, of=Organ, permit=regions.permit_in, places=_places, held=_held)
"""Organs under four eyes: written for their region, and for that of an organ that they are merged into."""


async def known_organs(tx: Tx[Catalog], codes: Sequence[OrganCode]) -> dict[OrganCode, Organ]:
    """The published organs among these codes."""
    return await store.get_organs(tx, codes)


async def propose_organs(tx: Tx[Catalog], organs: Sequence[Organ], *, by: Caller, over: int | None = None) -> Proposed:
    """Draft organs, also one that is to be merged into another.

    Raises:
        OrganUnsound: A code or region is wrong, or a merger leads nowhere or makes papers contradict each other.
        OrganMerged: It was merged already, into another.
        Forbidden: Not an author of the region, of the one that it belongs to until now, or of that of the organ it is merged into.
    """
    await proposals.permit_authors(tx, DOCUMENTS, organs, keys=[organ.code for organ in organs], by=by)
    known = await regions.known_regions(tx, sorted({organ.region for organ in organs}))
    for organ in organs:
        check_organ(organ, region=known.get(organ.region), at=tx.at)
    await _check_mergers(tx, organs)
    # Of the merger's instant no draft says anything: the publication sets it.
    drafts = [Draft(key=one.code, region=one.region, body=encode_object(replace(one, merged_at=None))) for one in organs]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def publish_organs(tx: Tx[Catalog], codes: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put drafted organs in force; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        OrganUnsound: What it is to be merged into was itself merged meanwhile, or papers of the two contradict each other.
        OrganMerged: It was merged meanwhile, into another.
        Forbidden: Not a reviewer of the region, of the one that it belongs to until now, or of that of the organ it is merged into.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, codes, by=by, version=version)
    drafted = [organ for _, organ in reviewed]
    if any(organ.merged_into is not None for organ in drafted):
        # Two mergers that do not see each other could lead in a circle.
        await lock(tx, _MERGERS)
    former = await _check_mergers(tx, drafted)
    await store.save_organs(tx, [take_effect(organ, former=former.get(organ.code), at=tx.at) for organ in drafted])
    return [proposal for proposal, _ in reviewed]


async def standing_organ(tx: Tx[Catalog], code: OrganCode) -> Organ:
    """A published organ that still stands.

    Raises:
        OrganUnknown: No organ has this code.
        OrganMerged: It was merged into another.
    """
    return (await standing_organs(tx, [code]))[code]


async def standing_organs(tx: Tx[Catalog], codes: Collection[OrganCode]) -> dict[OrganCode, Organ]:
    """The same of many at once.

    Raises:
        OrganUnknown: No organ has one of these codes.
        OrganMerged: One of them was merged into another.
    """
    known = await store.get_organs(tx, sorted(codes))
    if not known.keys() >= set(codes):
        raise OrganUnknown
    for organ in known.values():
        if organ.merged_into is not None:
            raise OrganMerged(facts={"merged_into": organ.merged_into})
    return known


async def standing_for(tx: Tx[Catalog], code: OrganCode) -> list[OrganCode]:
    """An organ's own code first, then those of all organs that were merged into it."""
    found, newest = [code], [code]
    while newest:
        newest = [one for one in await store.list_merged_into(tx, newest) if one not in found]
        found += newest
    return found


async def merged_among(tx: Tx[Catalog], codes: Collection[OrganCode]) -> dict[OrganCode, OrganCode]:
    """Of these organs those that were merged, each with the one that stands in its place."""
    into, newest = dict[OrganCode, OrganCode](), set(codes)
    while newest:
        found = await store.list_takers(tx, sorted(newest))
        into |= found
        newest = set(found.values()) - into.keys()
    stands = {code: taker for code, taker in into.items() if code in codes}
    # As often as there are mergers, and no oftener: rows in a circle would hold the process for ever.
    for _ in into:
        stands = {code: into.get(taker, taker) for code, taker in stands.items()}
    return stands


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
        former = published.get(organ.code)
        check_merger(organ, former=former, into=into)
        if into is not None and former is not None and former.merged_into is None:
            # By the index, which knows a paper a moment after its publication: what slips by is refused by the routes instead of guessed.
            check_papers(tx.context.catalogue.contradictions_of(organ.code, into.code, at=tx.at))
    return published
