"""Verification of a printed code, for anyone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from chassis.doors import PUBLIC_READER, Reader
from credential_svc.context import Credential
from credential_svc.qr import handlers
from credential_svc.qr.domain import REASONS, Verdict
from credential_svc.qr.outside import MAX_TEXT

router = APIRouter(prefix="/v1", tags=["verification"])


class Scanned(BaseModel):
    """What a scanner read."""

    model_config = ConfigDict(extra="forbid")

    qr: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class ClaimsView(BaseModel):
    """What the issuing organ signed; the holder is masked."""

    issuer: str
    organ: str
    organ_name: str
    credential_no: str
    credential_type: str
    holder: str
    holder_id: str
    issued_on: date
    valid_until: date | None
    list_id: int
    place: int


class VerificationView(BaseModel):
    """The verdict as of an instant; claims only where the signature is right."""

    result: Verdict
    reason: str
    reason_en: str
    as_of: datetime
    claims: ClaimsView | None


@router.post("/verifications", operation_id="verifyCode", response_model=VerificationView)
async def verify(body: Scanned, read: Annotated[Reader[Credential], PUBLIC_READER]) -> Response:
    """Judge a scanned code; stores nothing and needs no key."""
    found = await handlers.verify(read.tx, body.qr)
    zh, en = REASONS[found.verdict]
    claims = None
    if found.claims is not None:
        organ = read.context.catalogue.organ(found.claims.organ)
        claims = ClaimsView(
            issuer=found.claims.issuer,
            organ=found.claims.organ,
            organ_name=organ.name if organ else "",
            credential_no=found.claims.credential_no,
            credential_type=found.claims.credential_type,
            holder=found.claims.holder,
            holder_id=found.claims.holder_id,
            issued_on=found.claims.issued_on,
            valid_until=found.claims.valid_until,
            list_id=found.claims.list_id,
            place=found.claims.place,
        )
    shown = VerificationView(result=found.verdict, reason=zh, reason_en=en, as_of=found.as_of, claims=claims)
    return read.answer(shown, headers={"cache-control": "no-store"})
