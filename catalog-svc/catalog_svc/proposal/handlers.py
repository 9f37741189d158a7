"""Draft by one officer, publication by another; the rooms of the documents call these in their own transactions."""

from collections.abc import Sequence

from catalog_svc.context import Catalog
from catalog_svc.proposal import store
from catalog_svc.proposal.domain import Draft, Proposal, ProposalNotFound, ProposalState, Proposed
from chassis.database import Tx, lock
from contracts.caller import Caller


async def propose(tx: Tx[Catalog], drafts: Sequence[Draft], *, kind: str, by: Caller) -> Proposed:
    """Put documents up for review; what is already drafted or published with the same content stays as it is.

    The caller has let the officer act.
    """
    keys = [draft.key for draft in drafts]
    await lock(tx, *(f"{kind}/{key}" for key in keys))
    known = await store.get_proposals(tx, kind=kind, keys=keys)
    changed: list[Proposal] = []
    for draft in drafts:
        proposal = known.get(draft.key)
        if proposal is None:
            proposal = known[draft.key] = Proposal.draft(draft, kind=kind, by=by.ref)
        elif proposal.says(draft):
            continue
        else:
            proposal.redraft(draft, by=by.ref)
        changed.append(proposal)
    await store.save_proposals(tx, changed)
    return Proposed(proposals={key: known[key] for key in keys}, changed=frozenset(one.key for one in changed))


async def known_proposals(tx: Tx[Catalog], keys: Sequence[str], *, kind: str) -> dict[str, Proposal]:
    """The newest drafts under these keys, published or not; whoever replaces one must be allowed where it belongs too."""
    return await store.get_proposals(tx, kind=kind, keys=keys)


async def waiting(tx: Tx[Catalog], keys: Sequence[str], *, kind: str) -> list[Proposal]:
    """The proposals under these keys, locked for their review, in the order of the keys.

    Raises:
        ProposalNotFound: There is none under one of them.
    """
    await lock(tx, *(f"{kind}/{key}" for key in keys))
    known = await store.get_proposals(tx, kind=kind, keys=keys)
    if len(known) != len(set(keys)):
        raise ProposalNotFound
    return [known[key] for key in keys]


async def publish(tx: Tx[Catalog], proposals: Sequence[Proposal], *, by: Caller) -> None:
    """Let a second officer publish what `waiting` gave.

    Raises:
        ReviewedByAuthor: The officer is the author.
        IllegalMove: One of them is published already.
    """
    for proposal in proposals:
        proposal.publish(by=by.ref)
    await store.save_proposals(tx, proposals)


async def is_published(tx: Tx[Catalog], draft: Draft, *, kind: str) -> bool:
    """Whether a document is in force with just this content."""
    proposal = (await store.get_proposals(tx, kind=kind, keys=[draft.key])).get(draft.key)
    return proposal is not None and proposal.state is ProposalState.PUBLISHED and proposal.says(draft)
