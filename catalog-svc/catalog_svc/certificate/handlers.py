"""What is done to the certificate list, and what versions ask of it."""

from collections.abc import Collection, Sequence

from catalog_svc.certificate import store
from catalog_svc.certificate.domain import CertificateCancelled, CertificateUnknown, cancelled, check_certificate
from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.certificates import Certificate, CertificateState
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

KIND = "certificate"


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


async def propose_certificates(tx: Tx[Catalog], rows: Sequence[Certificate], *, by: Caller) -> Proposed:
    """Draft rows of the list.

    Raises:
        CertificateUnsound: It lacks what the list must name.
        CertificateCancelled: It was cancelled before.
        Forbidden: Not an author of the region, or of the one that it belongs to until now.
    """
    ids = [one.certificate_id for one in rows]
    published = await store.get_certificates(tx, ids)
    drafted = await proposals.known_proposals(tx, ids, kind=KIND)
    places = [one.region for group in (rows, published.values(), drafted.values()) for one in group]
    await regions.permit_in(tx, by, aggregate="item", action="author", regions=places, about=ids[0] if ids else "")
    known = await regions.known_regions(tx, sorted({one.region for one in rows}))
    for one in rows:
        check_certificate(one, region_known=one.region in known)
        _refuse_return(published.get(one.certificate_id), one)
    drafts = [Draft(key=one.certificate_id, region=one.region, body=encode_object(one)) for one in rows]
    return await proposals.propose(tx, drafts, kind=KIND, by=by)


async def propose_cancellation(tx: Tx[Catalog], certificate_id: str, *, document: str, by: Caller) -> Proposed:
    """Draft that a row may no longer be asked for; from its review on it leaves every checklist, those of open cases too.

    Raises:
        CertificateUnknown: No row has this id.
        Forbidden: Not an author of its region.
    """
    row, _ = await get_certificate(tx, certificate_id)
    await regions.permit_in(tx, by, aggregate="item", action="author", regions=[row.region], about=certificate_id)
    return await propose_certificates(tx, [cancelled(row, by=document)], by=by)


async def publish_certificates(tx: Tx[Catalog], ids: Sequence[str], *, by: Caller) -> list[Proposal]:
    """Let a second officer put drafted rows on the list, or off it.

    Raises:
        ProposalNotFound: One was never drafted.
        ReviewedByAuthor: By its author.
        CertificateCancelled: It was cancelled meanwhile.
        Forbidden: Not a reviewer of the region, or of the one that it belongs to until now.
    """
    waiting = await proposals.waiting(tx, ids, kind=KIND)
    published = await store.get_certificates(tx, ids)
    places = [*(one.region for one in waiting), *(one.region for one in published.values())]
    await regions.permit_in(tx, by, aggregate="item", action="review", regions=places, about=ids[0] if ids else "")
    rows = [decode(Certificate, one.body) for one in waiting]
    for one in rows:
        _refuse_return(published.get(one.certificate_id), one)
    await proposals.publish(tx, waiting, by=by)
    await store.save_certificates(tx, rows)
    return waiting


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
