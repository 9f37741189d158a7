"""Giving places, changing what stands there, publishing."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

from chassis.database import Tx
from contracts.values import CredentialId
from credential_svc.context import Credential
from credential_svc.seal.outside import SigningKey, base64url
from credential_svc.status import store
from credential_svc.status.domain import BITS, CAPACITY, DRAWS, Place, Status, StatusListNotFound, pack

FRESH_FOR = 5
"""Seconds a fetched list is as good as new."""
HOLDS = timedelta(days=1)
"""How long a verifier without a network may go on with a list; ours."""


async def give_places(tx: Tx[Credential], credential_ids: Sequence[CredentialId]) -> dict[CredentialId, Place]:
    """A random free place for each, in this transaction: the status is published before anything is handed out."""
    given: dict[CredentialId, Place] = {}
    # Another process may have begun the next list meanwhile: places in this one are as good while draws find any.
    current = tx.context.status_list or await store.last_list(tx) or 1
    draws = 0
    while missing := [credential_id for credential_id in credential_ids if credential_id not in given]:
        if draws == DRAWS:
            current, draws = current + 1, 0
        draws += 1
        drawn = {credential_id: Place(list_id=current, index=secrets.randbelow(CAPACITY)) for credential_id in missing}
        taken = await store.take_places(tx, drawn)
        given |= {credential_id: drawn[credential_id] for credential_id in taken}
    tx.context.status_list = current
    return given


async def change(tx: Tx[Credential], credential_id: CredentialId, *, status: Status) -> None:
    """Publish another status with this transaction."""
    await store.save_status(tx, credential_id, status=status)


async def status_at(tx: Tx[Credential], place: Place) -> Status | None:
    """What stands at a place; None where no credential has it."""
    return await store.get_status(tx, place)


async def publish(tx: Tx[Credential], list_id: int, *, key: SigningKey) -> str:
    """A list as a signed token (JWS, typ ``statuslist+jwt``).

    Raises:
        StatusListNotFound: No list of that number was begun; the first exists always.
    """
    if not 1 <= list_id <= (await store.last_list(tx) or 1):
        raise StatusListNotFound
    at = int(tx.at.timestamp())
    return key.jws(
        {
            "sub": tx.context.settings.status_list_url(list_id),
            "iat": at,
            "exp": at + int(HOLDS.total_seconds()),
            "ttl": FRESH_FOR,
            "status_list": {"bits": BITS, "lst": base64url(pack(await store.not_valid(tx, list_id)))},
        },
        kind="statuslist+jwt",
    )
