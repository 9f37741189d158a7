"""What is done to agreements."""

from collections.abc import Sequence

from catalog_svc.agreement import store
from catalog_svc.agreement.domain import AgreementUnknown, check_agreement, check_change
from catalog_svc.base_item import handlers as base_items
from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.catalogue import Agreement
from contracts.codec import encode_object
from contracts.values import NATION, AgreementId, RegionCode
from rules.workdays import local_day

KIND = "agreement"


async def _places(_tx: Tx[Catalog], agreements: Sequence[Agreement]) -> list[RegionCode]:
    return [code for one in agreements for code in (*one.handling, *one.alliance)] or [NATION]


async def _held(tx: Tx[Catalog], ids: Sequence[str]) -> list[RegionCode]:
    former = await store.get_agreements(tx, [AgreementId(one) for one in ids])
    return [code for one in former for code in (*one.handling, *one.alliance)]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate=KIND, of=Agreement, permit=regions.permit_in, places=_places, held=_held)
"""Agreements under four eyes: written by the sides that decide, in an alliance by every member."""


async def propose_agreements(tx: Tx[Catalog], agreements: Sequence[Agreement], *, by: Caller, over: int | None = None) -> Proposed:
    """Draft agreements; the handling side writes them down, for it gives its authority's window away, in an alliance every member.

    Raises:
        AgreementUnsound: It names what nobody knows, or holds for no time.
        Forbidden: Not an author of every handling region, or of every one that it names until now.
    """
    ids = [one.agreement_id for one in agreements]
    await proposals.permit_authors(tx, DOCUMENTS, agreements, keys=ids, by=by)
    places = await regions.known_regions(
        tx, sorted({code for one in agreements for code in (*one.receiving, *one.handling, *one.alliance)})
    )
    items = await base_items.known_base_items(tx, sorted({code for one in agreements for code in one.items}))
    for one in agreements:
        check_agreement(one, regions=places, items=items.keys())
    drafts = [Draft(key=one.agreement_id, region=(*one.handling, *one.alliance)[0], body=encode_object(one)) for one in agreements]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def publish_agreements(tx: Tx[Catalog], ids: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put drafted agreements in force; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        Forbidden: Not a reviewer of every handling region, or of every one that it names until now.
        AgreementUnsound: It would make untrue what was decided until today. The nation's officers alone bring in what began before.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, ids, by=by, version=version)
    agreements = [agreement for _, agreement in reviewed]
    published = {one.agreement_id: one for one in await store.get_agreements(tx, [AgreementId(one) for one in ids])}
    for one in agreements:
        if by.region != NATION or one.agreement_id in published:
            check_change(one, former=published.get(one.agreement_id), today=local_day(tx.at))
    await store.save_agreements(tx, agreements)
    return [proposal for proposal, _ in reviewed]


async def get_agreement(tx: Tx[Catalog], agreement_id: AgreementId) -> tuple[Agreement, int]:
    """An agreement, in force or not, with the version of its row.

    Raises:
        AgreementUnknown: No agreement has this id.
    """
    found = await store.get_agreement(tx, agreement_id)
    if found is None:
        raise AgreementUnknown
    return found
