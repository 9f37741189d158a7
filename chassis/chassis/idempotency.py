"""The answer of a write, kept in the transaction of its effect: a repeat gets the same bytes and changes nothing.

A key belongs to a caller and a route. What was sent is remembered as a keyed hash only, the caller too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Integer,
    LargeBinary,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, insert
from sqlalchemy.exc import DBAPIError

from chassis import outbox, seen
from chassis.anchors import Anchored
from chassis.context import Context
from chassis.database import Tx, sqlstate
from chassis.prepared import Prepared
from chassis.problems import IdempotencyInFlight, IdempotencyKeyMissing, IdempotencyKeyReused
from chassis.tables import IDEMPOTENCY, OUTBOX
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


async def claim(tx: Tx[Any], claimed: Claim, *, at: Anchored | None = None) -> Kept | None:
    """Take the key in this transaction, or give the answer that the first request got; waits while the first is still at work.

    Args:
        tx: The transaction.
        claimed: The use of the key.
        at: What the request is about: found and locked by the same statement, once the key is taken; not where it is hidden.

    Raises:
        IdempotencyInFlight: The first one was not done within two seconds.
        IdempotencyKeyReused: The key was used for another request.
        Held: What it is about waits for a person.
    """
    row = {"caller": claimed.caller, "route": claimed.route, "key": claimed.key, "fingerprint": claimed.fingerprint}
    try:
        if at is None:
            taken = await tx.fetch(_CLAIM, row)
        else:
            statement, values = at.anchor.taking(_claimed, seen=at.seen)
            taken = await tx.fetch(statement, {**row, "named": at.named, **values})
    except DBAPIError as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE and (at is None or _waited_for_key(error)):
            raise IdempotencyInFlight(retry_after=1) from error
        raise
    if not taken:
        return await _find(tx, claimed)
    if at is not None:
        at.anchor.take(tx, at.named, tuple(taken[0]))
    return None


def _waited_for_key(error: DBAPIError) -> bool:
    """True when it was the key's row that was not free, not the lock of what the request is about."""
    cause = error.orig.__cause__ if error.orig is not None else None
    return IDEMPOTENCY.name in (getattr(cause, "context", None) or "")


async def find_all(tx: Tx[Any], claims: Sequence[Claim]) -> list[Kept | Refusal | None]:
    """For each of several uses the answer that was kept, the refusal that `claim` raises, or None where the key is free; none is taken."""
    columns: dict[str, list[object]] = {
        "callers": [one.caller for one in claims],
        "routes": [one.route for one in claims],
        "keys": [one.key for one in claims],
    }
    rows = await tx.fetch(_FIND_ALL, columns)
    known = {(caller, route, key): (fingerprint, status, headers, body) for caller, route, key, fingerprint, status, headers, body in rows}
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
    if len(await tx.fetch(_ADD_ALL, columns)) != len(ordered):
        raise IdempotencyInFlight(retry_after=1)


async def _find(tx: Tx[Any], claimed: Claim) -> Kept:
    [found] = await find_all(tx, [claimed])
    if not isinstance(found, Kept):
        raise found or IdempotencyInFlight(retry_after=1)
    return found


def _answer(first: tuple[bytes, int | None, dict[str, str], bytes] | None, claimed: Claim) -> Kept | Refusal | None:
    if first is None:
        return None
    fingerprint, status, headers, body = first
    if status is None:
        return IdempotencyInFlight(retry_after=1)
    if bytes(fingerprint) != claimed.fingerprint:
        return IdempotencyKeyReused()
    return Kept(status=status, headers=headers, body=bytes(body))


async def keep(tx: Tx[Any], claimed: Claim, answer: Kept) -> Kept:
    """Write what is pending and keep the answer beside it, in one statement; the answer as it was kept, with where its events stand."""
    if tx.positions:
        # An earlier statement drew some: what is left is written before the answer, so that all are known.
        await tx.flush()
        answer = _with_seen(answer, seen.write(tx.context.name, tx.positions))
    told = await tx.flush(
        closing=_KEEPING,
        of_caller=claimed.caller,
        of_route=claimed.route,
        of_key=claimed.key,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        seen_from=f"{tx.context.name}/",
        seen_keys=[key for key in outbox.shown_keys(tx) if seen.write(tx.context.name, {key: 0})],
    )
    return _with_seen(answer, told)


def _with_seen(answer: Kept, told: str | None) -> Kept:
    return replace(answer, headers={**answer.headers, seen.HEADER.lower(): told}) if told else answer


async def forget_old(context: Context) -> int:
    """Remove answers that were kept long enough; how many there were."""
    async with context.database.consume(context) as tx:
        gone = await tx.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.at < func.now() - KEPT_FOR))
        return gone.rowcount


class _Keeping:
    """The answer beside its effect; where its events stand is known in the statement that draws their positions."""

    name = "answer"

    def part(self, others: Mapping[str, CTE]) -> tuple[CTE, ColumnElement[str | None]]:
        """The answer's row, and its header ``Tongban-Seen`` if it has one from this statement."""
        told: ColumnElement[str | None] = _seen_from(others[OUTBOX.name]) if OUTBOX.name in others else literal(None, Text)
        more = func.jsonb_strip_nulls(func.jsonb_build_object(literal(seen.HEADER.lower(), Text), told))
        kept = {name: bindparam(name, type_=IDEMPOTENCY.c[name].type) for name in ("status", "body")}
        whole = cast(bindparam("headers", type_=JSONB), JSONB).op("||", return_type=JSONB())(more)
        mine = (IDEMPOTENCY.c[name] == bindparam(f"of_{name}", type_=Text) for name in ("caller", "route", "key"))
        return update(IDEMPOTENCY).where(*mine).values(**kept, headers=whole).returning(IDEMPOTENCY.c.key).cte("kept"), told


def _seen_from(drawn: CTE) -> ColumnElement[str | None]:
    """As `chassis.seen.write` puts it: the highest position of each key, in the order in which the keys were written."""
    last = (
        select(drawn.c.key, func.max(drawn.c.position).label("position"), func.min(drawn.c.position).label("first"))
        .where(drawn.c.key == func.any(bindparam("seen_keys", type_=ARRAY(Text))))
        .group_by(drawn.c.key)
        .subquery("last")
    )
    one = func.concat(bindparam("seen_from", type_=Text), last.c.key, literal_column("'/'"), last.c.position)
    whole: ColumnElement[str | None] = func.string_agg(one, aggregate_order_by(literal_column("', '"), last.c.first))
    told = select(whole.label("told")).cte("told")
    return select(told.c.told).scalar_subquery()


_KEEPING = _Keeping()
_claiming = (
    insert(IDEMPOTENCY)
    .values(
        {name: bindparam(name, type_=IDEMPOTENCY.c[name].type) for name in ("caller", "route", "key", "fingerprint")} | {"at": func.now()}
    )
    .on_conflict_do_nothing()
    .returning(IDEMPOTENCY.c.key)
)
_CLAIM = Prepared(_claiming)
_claimed = _claiming.cte("claimed")
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
_FIND_ALL = Prepared(
    select(*(_one.c[name] for name in ("caller", "route", "key", "fingerprint", "status", "headers", "body"))).select_from(
        _asked.join(_one, true())
    )
)
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
_ADD_ALL = Prepared(
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
    .returning(IDEMPOTENCY.c.key)
)
