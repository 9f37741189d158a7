"""Routes of the certificate list."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, StringConstraints

from catalog_svc.certificate import handlers, store
from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    KeyPath,
    KeyText,
    NameText,
    ProposalAnswer,
    RegionText,
    ShortText,
    answer_draft,
    answer_page,
    draft,
    review,
)
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.certificates import Certificate, CertificateState
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

router = APIRouter(prefix="/v1/certificates", tags=["certificate list"])


class CertificateBody(Body):
    """A row of the list as it is drafted."""

    certificate_id: KeyText
    name: NameText
    name_en: NameText
    region: RegionText
    basis: ShortText
    asked_by: ShortText
    issued_by: ShortText
    guide: Annotated[str, StringConstraints(max_length=2000)]
    state: CertificateState = CertificateState.LISTED
    """As it was read: a row leaves the list by its ``/cancellation``, and never comes back."""
    cancelled_by: ShortText = ""
    """As it was read."""


class CertificateList(BaseModel):
    """A page of the list."""

    items: list[Certificate]
    next: str | None
    """Value of ``after`` for the next page."""


class CancellationBody(Body):
    """By which document it is cancelled."""

    document: NameText


@router.get("/{certificate_id}", operation_id="getCertificate", response_model=Certificate)
async def get_certificate(read: Annotated[Reader[Catalog], PUBLIC_READER], certificate_id: KeyPath) -> Response:
    """A row of the list, cancelled or not."""
    row, version = await handlers.get_certificate(read.tx, certificate_id)
    return read.answer(encode_object(row), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listCertificates", response_model=CertificateList)
async def list_certificates(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    state: CertificateState | None = None,
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The list by id, of one region or of all."""
    place = None if region is None else RegionCode(region)
    found = await store.list_certificates(read.tx, region=place, state=state, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.certificate_id)


@router.post("", operation_id="draftCertificate", status_code=201, response_model=ProposalAnswer)
async def draft_certificate(
    write: Annotated[Writer[Catalog], WRITER], body: CertificateBody, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft a row of the list; the same content again changes nothing, over another's draft it goes with that one's tag."""
    row = decode(Certificate, body.model_dump(mode="json"))

    return await draft(write, lambda tx: handlers.propose_certificates(tx, [row], by=write.caller, over=over), key=row.certificate_id)


@router.post("/{certificate_id}/cancellation", operation_id="cancelCertificate", status_code=201, response_model=ProposalAnswer)
async def cancel_certificate(
    write: Annotated[Writer[Catalog], WRITER], certificate_id: KeyPath, body: CancellationBody, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft that it may no longer be asked for; its review takes it from every checklist, those of open cases too."""
    return await draft(
        write,
        lambda tx: handlers.propose_cancellation(tx, certificate_id, document=body.document, by=write.caller, over=over),
        key=certificate_id,
    )


@router.get("/{certificate_id}/draft", operation_id="getCertificateDraft", response_model=Certificate)
async def get_certificate_draft(read: Annotated[Reader[Catalog], READER], certificate_id: KeyPath) -> Response:
    """The draft of a row, or its cancellation, that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, certificate_id)


@router.post("/{certificate_id}/review", operation_id="publishCertificate", response_model=ProposalAnswer)
async def publish_certificate(
    write: Annotated[Writer[Catalog], WRITER], certificate_id: KeyPath, version: Annotated[int, VERSION]
) -> Response:
    """Let a second officer put a drafted row on the list, or a cancellation in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_certificates(tx, [certificate_id], by=write.caller, version=version))
