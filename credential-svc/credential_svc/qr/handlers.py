"""Verifying a code: its signature by the trust list's keys, then what stands at its place in the status list."""

from __future__ import annotations

from chassis.database import Tx
from credential_svc.context import Credential
from credential_svc.qr.domain import Claims, Unreadable, Verdict, Verification, judge
from credential_svc.qr.outside import open_code, write_code
from credential_svc.seal import handlers as seals
from credential_svc.status import handlers as statuses
from credential_svc.status.domain import Place, Status


async def verify(tx: Tx[Credential], text: str) -> Verification:
    """Judge a scanned text as of now.

    Args:
        tx: Any transaction; nothing is written.
        text: What the scanner read.
    """
    try:
        code = open_code(text)
        issuer = await seals.issuer_of(tx, code.kid)
        if issuer is None:
            return Verification(verdict=Verdict.UNKNOWN_ISSUER, as_of=tx.at)
        claims = code.claims(public=issuer.public_key)
    except Unreadable as unreadable:
        return Verification(verdict=unreadable.verdict, as_of=tx.at)
    if (claims.organ, claims.issuer) != (issuer.owner, issuer.region):
        # A key speaks for its own organ alone, whatever it signed.
        return Verification(verdict=Verdict.UNKNOWN_ISSUER, as_of=tx.at)
    status = await statuses.status_at(tx, Place(list_id=claims.list_id, index=claims.place))
    if status is None:
        return Verification(verdict=Verdict.UNKNOWN, as_of=tx.at)
    verdict = judge(claims, revoked=status is Status.INVALID, suspended=status is Status.SUSPENDED, at=tx.at)
    return Verification(verdict=verdict, as_of=tx.at, claims=claims)


def make_code(context: Credential, claims: Claims) -> str:
    """Sign a code with the issuing organ's key, which is in use already."""
    return write_code(claims, key=context.signing_keys[claims.organ], status_list_url=context.settings.status_list_url(claims.list_id))
