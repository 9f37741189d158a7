"""The answer of a write, kept in the transaction of its effect: a repeat gets the same bytes and changes nothing.

A key belongs to a caller and a route. What was sent is remembered as a keyed hash only, the caller too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import ARRAY, Integer, LargeBinary, Row, Text, bindparam, cast, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import JSONB, insert
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
    row = {"caller": claimed.caller, "route": claimed.route, "key": claimed.key, "fingerprint": claimed.fingerprint}
    try:
        taken = await tx.execute(_CLAIM, row)
    except DBAPIError as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise IdempotencyInFlight(retry_after=1) from error
        raise
    return None if taken.first() is not None else await _find(tx, claimed)


async def find_all(tx: Tx[Any], claims: Sequence[Claim]) -> list[Kept | Refusal | None]:
    """For each of several uses the answer that was kept, the refusal that `claim` raises, or None where the key is free; none is taken."""
    columns: dict[str, list[object]] = {
        "callers": [one.caller for one in claims],
        "routes": [one.route for one in claims],
        "keys": [one.key for one in claims],
    }
    rows = (await tx.execute(_FIND_ALL, columns)).all()
    known = {(row.caller, row.route, row.key): row for row in rows}
    return [_answer(known.get((one.caller, one.route, one.key)), one) for one in claims]


async def add_all(tx: Tx[Any], answers: Sequence[tuple[Claim, Kept]]) -> None:
    """Take several keys that were free and keep their answers beside their effects, in one statement.

    A repeat that another process has at work meanwhile is found out here, before anything is committed.

    Raises:
        IdempotencyInFlight: One of the keys is taken; nothing of this transaction may stand.
        DBAPIError: One of the keys is at work elsewhere and was not free within two seconds.
    """
    if not answers:
        return
    # In one order, so that two transactions with the same keys never wait for each other in a ring.
    ordered = sorted(answers, key=lambda one: (one[0].caller, one[0].route, one[0].key))
    columns: dict[str, list[object]] = {
        "callers": [claimed.caller for claimed, _ in ordered],
        "routes": [claimed.route for claimed, _ in ordered],
        "keys": [claimed.key for claimed, _ in ordered],
        "fingerprints": [claimed.fingerprint for claimed, _ in ordered],
        "statuses": [kept.status for _, kept in ordered],
        "headers": [orjson.dumps(kept.headers).decode() for _, kept in ordered],
        "bodies": [kept.body for _, kept in ordered],
    }
    if (await tx.execute(_ADD_ALL, columns)).rowcount != len(ordered):
        raise IdempotencyInFlight(retry_after=1)


async def _find(tx: Tx[Any], claimed: Claim) -> Kept:
    found = _answer((await tx.execute(select(IDEMPOTENCY).where(*_same(claimed)))).first(), claimed)
    if not isinstance(found, Kept):
        raise found or IdempotencyInFlight(retry_after=1)
    return found


def _answer(first: Row[Any] | None, claimed: Claim) -> Kept | Refusal | None:
    if first is None:
        return None
    if first.status is None:
        return IdempotencyInFlight(retry_after=1)
    if bytes(first.fingerprint) != claimed.fingerprint:
        return IdempotencyKeyReused()
    return Kept(status=first.status, headers=first.headers, body=bytes(first.body))


async def keep(tx: Tx[Any], claimed: Claim, answer: Kept) -> None:
    """Keep the answer beside its effect."""
    of = {"of_caller": claimed.caller, "of_route": claimed.route, "of_key": claimed.key}
    await tx.execute(_KEEP, {**of, "status": answer.status, "headers": answer.headers, "body": answer.body})


async def forget_old(context: Context) -> int:
    """Remove answers that were kept long enough; how many there were."""
    async with context.database.consume(context) as tx:
        gone = await tx.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.at < func.now() - KEPT_FOR))
        return gone.rowcount


_CLAIM = (
    insert(IDEMPOTENCY)
    .values(
        {name: bindparam(name, type_=IDEMPOTENCY.c[name].type) for name in ("caller", "route", "key", "fingerprint")} | {"at": func.now()}
    )
    .on_conflict_do_nothing()
    .returning(IDEMPOTENCY.c.key)
)
_KEEP = (
    update(IDEMPOTENCY)
    .where(*(IDEMPOTENCY.c[name] == bindparam(f"of_{name}", type_=Text) for name in ("caller", "route", "key")))
    .values({name: bindparam(name, type_=IDEMPOTENCY.c[name].type) for name in ("status", "headers", "body")})
)
_asked = (
    func.unnest(bindparam("callers", type_=ARRAY(Text)), bindparam("routes", type_=ARRAY(Text)), bindparam("keys", type_=ARRAY(Text)))
    .table_valued("caller", "route", "key", name="asked")
    .render_derived()
)
# One probe of the index for each: of a join the planner makes a scan of the whole table, for it guesses how many are asked for.
_one = (
    select(IDEMPOTENCY)
    .where(IDEMPOTENCY.c.caller == _asked.c.caller, IDEMPOTENCY.c.route == _asked.c.route, IDEMPOTENCY.c.key == _asked.c.key)
    .limit(1)
    .lateral("one")
)
_FIND_ALL = select(_one).select_from(_asked.join(_one, true()))
_kept = (
    func.unnest(
        bindparam("callers", type_=ARRAY(Text)),
        bindparam("routes", type_=ARRAY(Text)),
        bindparam("keys", type_=ARRAY(Text)),
        bindparam("fingerprints", type_=ARRAY(LargeBinary)),
        bindparam("statuses", type_=ARRAY(Integer)),
        bindparam("headers", type_=ARRAY(Text)),
        bindparam("bodies", type_=ARRAY(LargeBinary)),
    )
    .table_valued("caller", "route", "key", "fingerprint", "status", "headers", "body", name="kept")
    .render_derived()
)
_ADD_ALL = (
    insert(IDEMPOTENCY)
    .from_select(
        ["caller", "route", "key", "fingerprint", "status", "headers", "body", "at"],
        select(
            *(_kept.c[name] for name in ("caller", "route", "key", "fingerprint", "status")),
            cast(_kept.c.headers, JSONB),
            _kept.c.body,
            func.now(),
        ),
    )
    .on_conflict_do_nothing()
)


def _same(claimed: Claim) -> tuple[Any, Any, Any]:
    columns = IDEMPOTENCY.c
    return columns.caller == claimed.caller, columns.route == claimed.route, columns.key == claimed.key
