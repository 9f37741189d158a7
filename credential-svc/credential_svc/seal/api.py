"""Seals of notices and the trust list, both for anyone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from chassis.doors import PUBLIC_READER, Reader, context_of
from contracts.codec import encode
from contracts.values import NoticeId, canonical_json
from credential_svc.context import Credential
from credential_svc.seal import handlers
from credential_svc.seal.domain import SealState
from credential_svc.seal.outside import ALGORITHM, SigningKey, base64url

router = APIRouter(prefix="/v1", tags=["seals"])

TRUST_LIST_FRESH = 60
"""Seconds."""


class SealView(BaseModel):
    """A seal; the signature covers the canonical JSON of the other fields."""

    organ: str
    kid: str
    digest: str
    sealed_at: datetime
    signature: str


class SealedNotice(BaseModel):
    """A notice by its number: its seal, or what it waits for."""

    notice_id: str
    state: SealState
    waiting_for: str | None
    seal: SealView | None


class TrustedKey(BaseModel):
    """The public key of an organ's seal, Ed25519, 32 bytes as base64url."""

    kid: str
    organ: str
    organ_name: str
    region: str
    algorithm: str
    public_key: str


class TrustListContent(BaseModel):
    """Whom to believe, for the region subtree named and until it expires."""

    as_of: datetime
    expires: datetime
    keys: list[TrustedKey]


class SignedTrustList(BaseModel):
    """The list and the installation's signature over its canonical JSON; the key is pinned by hand."""

    trust_list: TrustListContent
    kid: str
    algorithm: str
    public_key: str
    signature: str


async def installation_key(request: Request) -> SigningKey:
    """The key that signs lists; asked for before the route's own transaction begins."""
    return await handlers.installation_key(context_of(request))


@router.get("/seals/{notice_id:path}", operation_id="getSeal", response_model=SealedNotice)
async def get_seal(
    notice_id: Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")], read: Annotated[Reader[Credential], PUBLIC_READER]
) -> Response:
    """The seal of a notice, to compare with the paper."""
    sealing = await handlers.get_seal(read.tx, NoticeId(notice_id))
    seal = sealing.seal
    return read.answer(
        {
            "notice_id": sealing.notice_id,
            "state": sealing.state.value,
            "waiting_for": None if seal else sealing.waiting_for.value,
            "seal": encode(seal),
        }
    )


@router.get("/.well-known/tongban-trust-list", operation_id="getTrustList", response_model=SignedTrustList)
async def get_trust_list(
    key: Annotated[SigningKey, Depends(installation_key)], read: Annotated[Reader[Credential], PUBLIC_READER]
) -> Response:
    """Whose seals are to be believed, signed by the installation."""
    content = await handlers.trust_list(read.tx)
    return read.answer(
        {
            "trust_list": content,
            "kid": key.kid,
            "algorithm": ALGORITHM,
            "public_key": base64url(key.public),
            "signature": key.sign_text(canonical_json(content)),
        },
        headers={"cache-control": f"public, max-age={TRUST_LIST_FRESH}"},
    )
