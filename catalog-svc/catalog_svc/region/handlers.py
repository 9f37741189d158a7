"""What is done to regions, and what other rooms ask about them."""

from collections.abc import Collection, Sequence

from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import store
from catalog_svc.region.domain import RegionUnknown, Subtree, check_changes, check_regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.catalogue import Region
from contracts.codec import encode_object
from contracts.values import NATION, RegionCode
from rules.access import permit
from rules.workdays import local_day

KIND = "region"
TREE = "region-tree"
"""What publications of regions lock."""


async def permit_in(tx: Tx[Catalog], caller: Caller, *, aggregate: str, action: str, regions: Sequence[RegionCode], about: str) -> None:
    """Let an officer act for regions, or refuse; asked of the table, so a region just published counts.

    Raises:
        Forbidden: The officer's role or region does not reach one of them.
    """
    reach = await reach_of(tx, caller)
    for region in dict.fromkeys(regions):
        permit(caller, aggregate, action, {"region": region}, regions=reach, about=about)


async def reach_of(tx: Tx[Catalog], caller: Caller) -> Subtree:
    """The regions that an officer's own reaches, for a rule of access that filters rows."""
    own = caller.region
    below = frozenset[RegionCode]() if own is None or own == NATION else await store.get_below(tx, own)
    return Subtree(own or NATION, below)


async def regions_below(tx: Tx[Catalog], region: RegionCode) -> frozenset[RegionCode]:
    """A region and all below it."""
    return await store.get_below(tx, region)


async def known_regions(tx: Tx[Catalog], codes: Sequence[RegionCode]) -> dict[RegionCode, Region]:
    """The published regions among these codes."""
    return await store.get_regions(tx, codes)


async def line_of(tx: Tx[Catalog], code: RegionCode) -> tuple[RegionCode, ...]:
    """A published region and all above it, upwards to the nation; the code alone for an unknown one."""
    return await store.get_line(tx, code) or (code,)


async def chains(tx: Tx[Catalog], codes: Collection[RegionCode]) -> dict[RegionCode, list[RegionCode]]:
    """Of each known region among these itself and all above it, upwards."""
    parents: dict[RegionCode, RegionCode | None] = {}
    asked = set(codes)
    while asked:
        found = await store.get_parents(tx, sorted(asked))
        parents |= found
        asked = {parent for parent in found.values() if parent is not None} - parents.keys()
    chained: dict[RegionCode, list[RegionCode]] = {}
    for code in parents.keys() & set(codes):
        chain = [code]
        while (above := parents.get(chain[-1])) is not None and above not in chain:
            chain.append(above)
        chained[code] = chain
    return chained


async def _places(_tx: Tx[Catalog], regions: Sequence[Region]) -> list[RegionCode]:
    return [region.parent or NATION for region in regions]


async def _held(tx: Tx[Catalog], codes: Sequence[str]) -> list[RegionCode]:
    """Of the published regions among these, themselves and their parents: nobody moves a region out of a tree they have no right in."""
    published = (await store.get_regions(tx, [RegionCode(code) for code in codes])).values()
    return [place for region in published for place in (region.code, region.parent or NATION)]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate=KIND, of=Region, permit=permit_in, places=_places, held=_held)
"""Regions under four eyes: written for where they lie."""


async def propose_regions(tx: Tx[Catalog], regions: Sequence[Region], *, by: Caller, over: int | None = None) -> Proposed:
    """Draft regions; parents and successors may be in the same list.

    Raises:
        RegionUnsound: A parent or successor is unknown, or the parent is not above it, or one in force would lie elsewhere.
        Forbidden: Not an author of the parent's region, or of where it stands until now.
    """
    places = await _places(tx, regions)
    await proposals.permit_authors(tx, DOCUMENTS, regions, keys=[region.code for region in regions], by=by)
    await _require_sound(tx, regions, by=by)
    drafts = [Draft(key=one.code, region=place, body=encode_object(one)) for one, place in zip(regions, places, strict=True)]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def publish_regions(tx: Tx[Catalog], codes: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put drafted regions in force; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        RegionUnsound: The tree changed since the draft so that it no longer fits, or the region came into force since.
        Forbidden: Not a reviewer of the parent's region, or of where it stands until now.
    """
    # Two regions drafted each under the other fit until one of them is published: one publication after the other.
    await lock(tx, TREE)
    reviewed = await proposals.review(tx, DOCUMENTS, codes, by=by, version=version)
    regions = [region for _, region in reviewed]
    await _require_sound(tx, regions, by=by)
    await store.save_regions(tx, regions)
    return [proposal for proposal, _ in reviewed]


async def get_region(tx: Tx[Catalog], code: RegionCode) -> tuple[Region, int, list[Region]]:
    """A region, in force or not, with the version of its row and its successors.

    Raises:
        RegionUnknown: No region ever had this code.
    """
    found = await store.get_region(tx, code)
    if found is None:
        raise RegionUnknown
    region, version = found
    successors = await store.get_regions(tx, region.successors)
    return region, version, [successors[code] for code in region.successors if code in successors]


async def _require_sound(tx: Tx[Catalog], regions: Sequence[Region], *, by: Caller) -> None:
    named = {code for region in regions for code in (region.parent, *region.successors) if code is not None}
    known = await store.get_regions(tx, sorted(named)) | {region.code: region for region in regions}
    above = await chains(tx, {region.parent for region in regions if region.parent is not None})
    below = await store.get_right_below(tx, [region.code for region in regions])
    check_regions(regions, known=known, chains=above, below=below)
    # The nation's officers alone put right what was published wrongly, as of always.
    if by.region != NATION:
        former = await store.get_regions(tx, [region.code for region in regions])
        check_changes(regions, former=former, today=local_day(tx.at))
