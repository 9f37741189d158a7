"""Draft by one officer, publication by another; the rooms of the documents call these in their own transactions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from catalog_svc.context import Catalog
from catalog_svc.proposal import store
from catalog_svc.proposal.domain import Draft, Proposal, ProposalNotFound, ProposalState, Proposed, refuse_list
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.codec import decode
from contracts.refusals import Forbidden, Refusal, Stale
from contracts.values import JsonObject, RegionCode, digest

D = TypeVar("D")


class Permit(Protocol):
    """Lets an officer act for regions, or refuses: `region.handlers.permit_in`, which stands on this room."""

    async def __call__(
        self, tx: Tx[Catalog], caller: Caller, *, aggregate: str, action: str, regions: Sequence[RegionCode], about: str
    ) -> None:
        """Return, or raise `Forbidden`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents(Generic[D]):
    """One kind of documents under four eyes: what its room tells to those steps that are the same for all kinds."""

    kind: str
    aggregate: str
    """What the access rule calls them."""
    of: type[D]
    permit: Permit
    places: Callable[[Tx[Catalog], Sequence[D]], Awaitable[list[RegionCode]]]
    """Whose officers write these."""
    held: Callable[[Tx[Catalog], Sequence[str]], Awaitable[list[RegionCode]]]
    """Whose officers write what is in force under these keys: nobody takes a document from where they have no right."""


async def permit_authors(tx: Tx[Catalog], documents: Documents[D], given: Sequence[D], *, keys: Sequence[str], by: Caller) -> None:
    """Let an officer draft documents where they belong, where their newest drafts do, and where those in force do.

    Raises:
        Forbidden: The officer's role or region does not reach one of these.
    """
    drafted = [decode(documents.of, one.body) for one in (await store.get_proposals(tx, kind=documents.kind, keys=keys)).values()]
    await _permit(tx, documents, [*given, *drafted], keys=keys, action="author", by=by)


async def propose(
    tx: Tx[Catalog], drafts: Sequence[Draft], *, kind: str, by: Caller, over: int | None = None, listed_at: str | None = None
) -> Proposed:
    """Put documents up for review; what is already drafted or published with the same content stays as it is.

    The caller has let the officer act.

    Args:
        tx: The caller's transaction.
        drafts: As their author hands them in.
        kind: Of all of them.
        by: The author.
        over: Of the one draft that waits, and that the author has read and replaces; their own they replace unread.
        listed_at: Pointer of the list that the author handed in, under which each draft that is refused is named; None for one document.

    Raises:
        DraftWaits: One of them would replace somebody else's draft.
        Stale: What waits is not what the author has read.
    """
    keys = [draft.key for draft in drafts]
    await lock(tx, *(f"{kind}/{key}" for key in keys))
    known = await store.get_proposals(tx, kind=kind, keys=keys)
    changed: list[Proposal] = []
    refused: dict[str, Refusal] = {}
    for place, draft in enumerate(drafts):
        proposal = known.get(draft.key)
        if proposal is None:
            if over is not None:
                raise Stale
            proposal = known[draft.key] = Proposal.draft(draft, kind=kind, by=by.ref)
        elif proposal.says(draft):
            continue
        else:
            try:
                proposal.redraft(draft, by=by.ref, over=over)
            except Refusal as one:
                if listed_at is None:
                    raise
                refused[f"{listed_at}/{place}"] = one
        changed.append(proposal)
    refuse_list(refused)
    await store.save_proposals(tx, changed)
    return Proposed(proposals={key: known[key] for key in keys}, changed=frozenset(one.key for one in changed))


async def known_proposals(tx: Tx[Catalog], keys: Sequence[str], *, kind: str) -> dict[str, Proposal]:
    """The newest drafts under these keys, published or not; whoever replaces one must be allowed where it belongs too."""
    return await store.get_proposals(tx, kind=kind, keys=keys)


async def changed_by_others(tx: Tx[Catalog], given: Mapping[str, JsonObject], *, kind: str, than: str) -> frozenset[str]:
    """Of these documents those that somebody else has drafted last, published or not, with another content; locked for what is drafted now.

    Args:
        tx: The caller's transaction.
        given: The documents by key.
        kind: Of all of them.
        than: What the names of those begin with who are not somebody else.
    """
    await lock(tx, *(f"{kind}/{key}" for key in given))
    known = await store.get_proposals(tx, kind=kind, keys=[*given])
    return frozenset(key for key, one in known.items() if not one.author.startswith(than) and one.digest != digest(given[key]))


async def review(
    tx: Tx[Catalog], documents: Documents[D], keys: Sequence[str], *, by: Caller, version: int | None
) -> list[tuple[Proposal, D]]:
    """Let a second officer publish drafts, in the order of the keys; the room then puts each in force, or refuses and all is undone.

    Args:
        tx: The caller's transaction.
        documents: Their kind.
        keys: Of the drafts.
        by: The second officer.
        version: Of the one draft that the officer has read; None where officer and author are one program, the seed's.

    Raises:
        ProposalNotFound: One was never drafted.
        Forbidden: Not a reviewer where one of them belongs, or where what is in force under its key does.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: The officer is the author.
        IllegalMove: One of them is published already.
    """
    found = await waiting(tx, keys, kind=documents.kind)
    drafted = [decode(documents.of, one.body) for one in found]
    await _permit(tx, documents, drafted, keys=keys, action="review", by=by)
    if version is not None and any(one.version != version and one.state is ProposalState.DRAFT for one in found):
        raise Stale
    await publish(tx, found, by=by)
    return list(zip(found, drafted, strict=True))


async def review_list(
    tx: Tx[Catalog], documents: Documents[D], read: Mapping[str, int], *, by: Caller, listed_at: str
) -> list[tuple[Proposal, D]]:
    """Let a second officer publish a list of drafts, each just as it was read, or none; the room then puts all in force.

    Args:
        tx: The caller's transaction.
        documents: Their kind.
        read: By the key of each draft its version.
        by: The second officer.
        listed_at: Pointer of the list, under which each that is refused is named.

    Raises:
        ProposalNotFound: One was never drafted.
        Forbidden: Not a reviewer where one of them belongs, or where what is in force under its key does.
        Stale: One is not what the officer has read.
        ReviewedByAuthor: The officer is the author of one.
        IllegalMove: One of them is published already.
    """
    keys = [*read]
    await lock(tx, *(f"{documents.kind}/{key}" for key in keys))
    known = await store.get_proposals(tx, kind=documents.kind, keys=keys)
    places = {key: f"{listed_at}/{place}" for place, key in enumerate(keys)}
    refuse_list({places[key]: ProposalNotFound() for key in keys if key not in known})
    found = [known[key] for key in keys]
    drafted = [decode(documents.of, one.body) for one in found]
    await _permit(tx, documents, drafted, keys=keys, action="review", by=by)
    refused: dict[str, Refusal] = {}
    for one in found:
        try:
            one.publish_as_read(version=read[one.key], by=by.ref)
        except Refusal as no:
            refused[places[one.key]] = no
    refuse_list(refused)
    await store.save_proposals(tx, found)
    return list(zip(found, drafted, strict=True))


async def view(tx: Tx[Catalog], documents: Documents[D], key: str, *, by: Caller) -> tuple[Proposal, D]:
    """The draft that waits under a key, for its author, for those who may review it, and for those who may write it in their place.

    Raises:
        ProposalNotFound: None waits, or it is none of the caller's business.
    """
    found = (await store.get_proposals(tx, kind=documents.kind, keys=[key])).get(key)
    if found is None or found.state is not ProposalState.DRAFT:
        raise ProposalNotFound
    drafted = decode(documents.of, found.body)
    if found.author != by.ref and not await _may_see(tx, documents, drafted, key=key, by=by):
        raise ProposalNotFound
    return found, drafted


async def _may_see(tx: Tx[Catalog], documents: Documents[D], drafted: D, *, key: str, by: Caller) -> bool:
    for action in ("review", "author"):
        try:
            await _permit(tx, documents, [drafted], keys=[key], action=action, by=by)
        except Forbidden:
            continue
        return True
    return False


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


async def _permit(tx: Tx[Catalog], documents: Documents[D], given: Sequence[D], *, keys: Sequence[str], action: str, by: Caller) -> None:
    places = [*await documents.places(tx, given), *await documents.held(tx, keys)]
    await documents.permit(tx, by, aggregate=documents.aggregate, action=action, regions=places, about=keys[0] if keys else "")
