"""What is done to delegations."""

from collections.abc import Sequence
from dataclasses import replace

from catalog_svc.base_item import handlers as base_items
from catalog_svc.context import Catalog
from catalog_svc.delegation import store
from catalog_svc.delegation.domain import DelegationUnknown, check_change, check_delegation, check_revocation, revoke
from catalog_svc.item import handlers as items
from catalog_svc.organ import handlers as organs
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.codec import encode_object
from contracts.delegations import Delegation
from contracts.values import NATION, DelegationId, RegionCode
from rules.delegations import Known
from rules.workdays import local_day

KIND = "delegation"

MOST_ORGANS = 100
"""Organs of one region whose versions of an item are looked at; two at once are a fault already."""


async def _places(tx: Tx[Catalog], delegations: Sequence[Delegation]) -> list[RegionCode]:
    known = await organs.known_organs(tx, [one.delegator for one in delegations])
    # Where nobody knows the delegator, whoever may write for the region is told so.
    return [known[one.delegator].region if one.delegator in known else one.region for one in delegations]


async def _held(tx: Tx[Catalog], ids: Sequence[str]) -> list[RegionCode]:
    found = [await store.get_delegation(tx, DelegationId(one)) for one in ids]
    return await _places(tx, [one[0] for one in found if one is not None])


DOCUMENTS = proposals.Documents(kind=KIND, aggregate=KIND, of=Delegation, permit=regions.permit_in, places=_places, held=_held)
"""Delegations under four eyes: written where the delegator is."""

_ALL = "delegations"
"""Lock of those that publish: each is held against all others, and two that do not see each other could contradict."""


async def propose_delegation(tx: Tx[Catalog], delegation: Delegation, *, by: Caller, over: int | None = None) -> Proposed:
    """Draft a delegation; the side that gives its power away writes it down.

    Raises:
        DelegationUnsound: It names what nobody knows, or its delegator may not hand this on.
        Forbidden: Not an author where the delegator is, or where the delegator is that it names until now.
    """
    await proposals.permit_authors(tx, DOCUMENTS, [delegation], keys=[delegation.delegation_id], by=by)
    check_delegation(delegation, known=await _known(tx, delegation))
    found = await store.get_delegation(tx, delegation.delegation_id)
    check_revocation(delegation, former=None if found is None else found[0])
    # Of a revocation no draft says anything: it is kept as it stands whatever is published.
    delegation = replace(delegation, revoked_from=None)
    draft = Draft(key=delegation.delegation_id, region=(await _places(tx, [delegation]))[0], body=encode_object(delegation))
    return await proposals.propose(tx, [draft], kind=KIND, by=by, over=over)


async def publish_delegation(tx: Tx[Catalog], delegation_id: DelegationId, *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put a drafted delegation in force; it is held against what was published since, too.

    Raises:
        ProposalNotFound: It was never drafted.
        Stale: It is not what the officer has read; ``version`` is that draft's.
        ReviewedByAuthor: By its author.
        Forbidden: Not a reviewer where the delegator is, or where the delegator is that it names until now.
        DelegationUnsound: It contradicts another, or would make untrue what was decided until today. The nation's officers alone bring
            in what began before.
    """
    await lock(tx, _ALL)
    [(proposal, delegation)] = await proposals.review(tx, DOCUMENTS, [delegation_id], by=by, version=version)
    found = await store.get_delegation(tx, delegation_id)
    former = None if found is None else found[0]
    delegation = delegation if former is None else replace(delegation, revoked_from=former.revoked_from)
    check_delegation(delegation, known=await _known(tx, delegation))
    if by.region != NATION or former is not None:
        check_change(delegation, former=former, today=local_day(tx.at))
    await store.save_delegation(tx, delegation)
    return [proposal]


async def revoke_delegation(tx: Tx[Catalog], delegation_id: DelegationId, *, by: Caller) -> Delegation:
    """End a delegation for new cases before its time.

    Raises:
        DelegationUnknown: No delegation has this id.
        DelegationOver: It is over already.
        Forbidden: Not a reviewer where the delegator is.
    """
    await lock(tx, f"{KIND}/{delegation_id}")
    delegation, _ = await get_delegation(tx, delegation_id)
    places = await _places(tx, [delegation])
    await regions.permit_in(tx, by, aggregate=KIND, action="publish", regions=places, about=delegation_id)
    revoked = revoke(delegation, at=tx.at)
    await store.save_delegation(tx, revoked)
    return revoked


async def get_delegation(tx: Tx[Catalog], delegation_id: DelegationId) -> tuple[Delegation, int]:
    """A delegation, in force or not, with the version of its row.

    Raises:
        DelegationUnknown: No delegation has this id.
    """
    found = await store.get_delegation(tx, delegation_id)
    if found is None:
        raise DelegationUnknown
    return found


async def _known(tx: Tx[Catalog], delegation: Delegation) -> Known:
    others = await store.list_sharing(tx, delegation.items, but=delegation.delegation_id)
    named = await organs.known_organs(tx, [delegation.delegator, delegation.delegate])
    places = [delegation.region, *(one.region for one in others), *(one.region for one in named.values())]
    return Known(
        organs={code: organ.region for code, organ in named.items() if organ.merged_into is None},
        items=(await base_items.known_base_items(tx, delegation.items)).keys(),
        regions=await regions.chains(tx, places),
        published=await items.regions_published(tx, delegation.delegator, items=delegation.items),
        delegations=others,
        merged=await organs.merged_among(tx, {organ for one in others for organ in (one.delegator, one.delegate)}),
        situations=await _situations(tx, delegation) if len(delegation.items) == 1 and delegation.situations else None,
    )


async def _situations(tx: Tx[Catalog], delegation: Delegation) -> set[str] | None:
    """Of all versions in force at its region and above: whichever of them the walk begins at."""
    records = [
        one
        for region in await regions.line_of(tx, delegation.region)
        for one in await items.page_in_force(tx, item=delegation.items[0], region=region, after="", limit=MOST_ORGANS)
    ]
    drafts = await items.get_drafts(tx, records)
    return {one.situation_id for draft in drafts for one in draft.parts.situations.situations} if drafts else None
