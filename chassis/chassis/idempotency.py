"""The answer of a write, kept in the transaction of its effect: a repeat gets the same bytes and changes nothing.

A key belongs to a caller and a route. What was sent is remembered as a keyed hash only, the caller too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, LargeBinary, Text, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from chassis.context import Context
from chassis.database import Tx, sqlstate
from chassis.problems import IdempotencyInFlight, IdempotencyKeyMissing, IdempotencyKeyReused
from chassis.tables import IDEMPOTENCY
from contracts.refusals import Refusal

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
    return None if taken.first() is not None else await _find(tx, claimed)


async def claim_all(tx: Tx[Any], claims: Sequence[Claim]) -> list[Kept | Refusal | None]:
    """Take several keys at once, no two of them the same; for each what `claim` gives, or the refusal that it raises.

    Raises:
        DBAPIError: One of the keys is at work elsewhere and was not free within two seconds; then none is taken.
    """
    columns: dict[str, list[object]] = {
        "callers": [one.caller for one in claims],
        "routes": [one.route for one in claims],
        "keys": [one.key for one in claims],
        "fingerprints": [one.fingerprint for one in claims],
    }
    taken = {tuple(row) for row in await tx.execute(_CLAIM_ALL, columns)}
    return [None if (one.caller, one.route, one.key) in taken else await _find_or_refuse(tx, one) for one in claims]


async def keep_all(tx: Tx[Any], answers: Sequence[tuple[Claim, Kept]]) -> None:
    """Keep several answers beside their effects."""
    if answers:
        await tx.execute(
            _KEEP_ALL,
            [{**_names(claimed), "status": kept.status, "headers": kept.headers, "body": kept.body} for claimed, kept in answers],
        )


async def let_go(tx: Tx[Any], claims: Sequence[Claim]) -> None:
    """Give keys back that were taken in this transaction and came to nothing."""
    if claims:
        await tx.execute(_LET_GO, [_names(claimed) for claimed in claims])


async def _find_or_refuse(tx: Tx[Any], claimed: Claim) -> Kept | Refusal:
    try:
        return await _find(tx, claimed)
    except Refusal as refused:
        return refused


async def _find(tx: Tx[Any], claimed: Claim) -> Kept:
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


_claims = (
    func.unnest(
        bindparam("callers", type_=ARRAY(Text)),
        bindparam("routes", type_=ARRAY(Text)),
        bindparam("keys", type_=ARRAY(Text)),
        bindparam("fingerprints", type_=ARRAY(LargeBinary)),
    )
    .table_valued("caller", "route", "key", "fingerprint", name="claims")
    .render_derived()
)
_CLAIM_ALL = (
    insert(IDEMPOTENCY)
    .from_select(
        ["caller", "route", "key", "fingerprint", "at"],
        # In one order, so that two transactions with the same keys never wait for each other in a ring.
        select(_claims.c.caller, _claims.c.route, _claims.c.key, _claims.c.fingerprint, func.now()).order_by(
            _claims.c.caller, _claims.c.route, _claims.c.key
        ),
    )
    .on_conflict_do_nothing()
    .returning(IDEMPOTENCY.c.caller, IDEMPOTENCY.c.route, IDEMPOTENCY.c.key)
)
_NAMED = (
    IDEMPOTENCY.c.caller == bindparam("of_caller"),
    IDEMPOTENCY.c.route == bindparam("of_route"),
    IDEMPOTENCY.c.key == bindparam("of_key"),
)
_KEEP_ALL = update(IDEMPOTENCY).where(*_NAMED).values(status=bindparam("status"), headers=bindparam("headers"), body=bindparam("body"))
_LET_GO = delete(IDEMPOTENCY).where(*_NAMED)


def _names(claimed: Claim) -> dict[str, object]:
    return {"of_caller": claimed.caller, "of_route": claimed.route, "of_key": claimed.key}


def _same(claimed: Claim) -> tuple[Any, Any, Any]:
    columns = IDEMPOTENCY.c
    return columns.caller == claimed.caller, columns.route == claimed.route, columns.key == claimed.key
