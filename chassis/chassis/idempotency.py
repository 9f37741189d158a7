"""The answer of a write, kept in the transaction of its effect: a repeat gets the same bytes and changes nothing.

A key belongs to a caller and a route. What was sent is remembered as a keyed hash only, the caller too.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from chassis.context import Context
from chassis.database import Tx, sqlstate
from chassis.problems import IdempotencyInFlight, IdempotencyKeyMissing, IdempotencyKeyReused
from chassis.tables import IDEMPOTENCY

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"

KEPT_FOR = timedelta(days=7)
"""How long a repeat finds its answer, by real time: a window that was cut off for a long weekend may still send again."""

LOCK_NOT_AVAILABLE = "55P03"
_FORM = re.compile(r'\A(?:"([!#-~]{1,255})"|([!#-~]{1,255}))\Z')


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a key."""

    caller: str
    """Keyed hash of the caller."""
    route: str
    """Method and route template."""
    key: str
    fingerprint: bytes
    """Keyed hash of method, path and body."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given."""

    status: int
    headers: dict[str, str]
    body: bytes


def read_key(header: str | None) -> str:
    """The key of a request, quoted or bare.

    Raises:
        IdempotencyKeyMissing: There is none, or not of 1 to 255 visible ASCII characters.
    """
    found = _FORM.match(header.strip()) if header else None
    if found is None:
        raise IdempotencyKeyMissing
    return found[1] or found[2]


async def claim(tx: Tx[Any], claimed: Claim) -> Kept | None:
    """Take the key in this transaction, or give the answer that the first request got; waits while the first is still at work.

    Raises:
        IdempotencyInFlight: The first one was not done within two seconds.
        IdempotencyKeyReused: The key was used for another request.
    """
    row = {
        "caller": claimed.caller,
        "route": claimed.route,
        "key": claimed.key,
        "fingerprint": claimed.fingerprint,
        "at": func.now(),
    }
    try:
        taken = await tx.execute(insert(IDEMPOTENCY).values(row).on_conflict_do_nothing().returning(IDEMPOTENCY.c.key))
    except DBAPIError as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise IdempotencyInFlight(retry_after=1) from error
        raise
    if taken.first() is not None:
        return None
    first = (await tx.execute(select(IDEMPOTENCY).where(*_same(claimed)))).first()
    if first is None or first.status is None:
        raise IdempotencyInFlight(retry_after=1)
    if bytes(first.fingerprint) != claimed.fingerprint:
        raise IdempotencyKeyReused
    return Kept(status=first.status, headers=first.headers, body=bytes(first.body))


async def keep(tx: Tx[Any], claimed: Claim, answer: Kept) -> None:
    """Keep the answer beside its effect."""
    values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
    await tx.execute(update(IDEMPOTENCY).where(*_same(claimed)).values(values))


async def forget_old(context: Context) -> int:
    """Remove answers that were kept long enough; how many there were."""
    async with context.database.consume(context) as tx:
        gone = await tx.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.at < func.now() - KEPT_FOR))
        return gone.rowcount


def _same(claimed: Claim) -> tuple[Any, Any, Any]:
    columns = IDEMPOTENCY.c
    return columns.caller == claimed.caller, columns.route == claimed.route, columns.key == claimed.key
