"""What is done to the certificate list, and what versions ask of it."""

from collections.abc import Collection, Sequence

from catalog_svc.certificate import store
from catalog_svc.certificate.domain import CertificateCancelled, CertificateUnknown, cancelled, check_certificate, check_state
from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.certificates import Certificate, CertificateState
from contracts.codec import encode_object
from contracts.values import RegionCode

KIND = "certificate"


async def _places(_tx: Tx[Catalog], rows: Sequence[Certificate]) -> list[RegionCode]:
    return [row.region for row in rows]


async def _held(tx: Tx[Catalog], ids: Sequence[str]) -> list[RegionCode]:
    return [row.region for row in (await store.get_certificates(tx, ids)).values()]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate="item", of=Certificate, permit=regions.permit_in, places=_places, held=_held)
"""Rows of the list under four eyes: written for the region on whose list they stand."""


async def listed_certificates(tx: Tx[Catalog], ids: Collection[str], *, regions_above: Collection[RegionCode]) -> frozenset[str]:
    """Which of these stand on the list of one of these regions today."""
    rows = await store.get_certificates(tx, ids) if ids else {}
    return frozenset(
        certificate_id for certificate_id, row in rows.items() if row.state is CertificateState.LISTED and row.region in regions_above
    )


async def cancelled_certificates(tx: Tx[Catalog], ids: Collection[str]) -> frozenset[str]:
    """Which of these may no longer be asked for."""
    rows = await store.get_certificates(tx, ids) if ids else {}
    return frozenset(certificate_id for certificate_id, row in rows.items() if row.state is CertificateState.CANCELLED)


async def propose_certificates(
    tx: Tx[Catalog], rows: Sequence[Certificate], *, by: Caller, over: int | None = None, cancelling: bool = False
) -> Proposed:
    """Draft rows of the list; ``cancelling`` when they are to leave it.

    Raises:
        CertificateUnsound: It lacks what the list must name.
        CertificateCancelled: It was cancelled before.
        Forbidden: Not an author of the region, or of the one that it belongs to until now.
    """
    ids = [one.certificate_id for one in rows]
    published = await store.get_certificates(tx, ids)
    await proposals.permit_authors(tx, DOCUMENTS, rows, keys=ids, by=by)
    known = await regions.known_regions(tx, sorted({one.region for one in rows}))
    for one in rows:
        check_certificate(one, region_known=one.region in known)
        _refuse_return(published.get(one.certificate_id), one)
        if not cancelling:
            check_state(one, published=published.get(one.certificate_id))
    drafts = [Draft(key=one.certificate_id, region=one.region, body=encode_object(one)) for one in rows]
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def propose_cancellation(tx: Tx[Catalog], certificate_id: str, *, document: str, by: Caller, over: int | None = None) -> Proposed:
    """Draft that a row may no longer be asked for; from its review on it leaves every checklist, those of open cases too.

    Raises:
        CertificateUnknown: No row has this id.
        Forbidden: Not an author of its region.
    """
    row, _ = await get_certificate(tx, certificate_id)
    await regions.permit_in(tx, by, aggregate="item", action="author", regions=[row.region], about=certificate_id)
    return await propose_certificates(tx, [cancelled(row, by=document)], by=by, over=over, cancelling=True)


async def publish_certificates(tx: Tx[Catalog], ids: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put drafted rows on the list, or off it; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        CertificateCancelled: It was cancelled meanwhile.
        Forbidden: Not a reviewer of the region, or of the one that it belongs to until now.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, ids, by=by, version=version)
    published = await store.get_certificates(tx, ids)
    for _, row in reviewed:
        _refuse_return(published.get(row.certificate_id), row)
    await store.save_certificates(tx, [row for _, row in reviewed])
    return [proposal for proposal, _ in reviewed]


async def get_certificate(tx: Tx[Catalog], certificate_id: str) -> tuple[Certificate, int]:
    """A row of the list, cancelled or not, with its version.

    Raises:
        CertificateUnknown: No row has this id.
    """
    found = await store.get_certificate(tx, certificate_id)
    if found is None:
        raise CertificateUnknown
    return found


def _refuse_return(published: Certificate | None, row: Certificate) -> None:
    if published is not None and published.state is CertificateState.CANCELLED and row != published:
        raise CertificateCancelled
