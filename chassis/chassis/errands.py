"""Acts of people that ride together: each about one row of its own, each by its own rules.

::

    ERRANDS = errands(have_at_hand)

    async def act(tx: Tx[Listing]) -> Answer: …

    return await ERRANDS(write, Errand(act=act, at=BY_NO.of(no)))

One alone goes as `chassis.doors.Writer` would let it. Those that wait while others commit are found, locked and read together, do their work one
after the other and are written together. One that is refused before it has written anything goes by itself to be told so; when one is refused
later, none of that transaction stands and each goes by itself. What somebody else has at work just then goes by itself from the start, so nobody
waits for another's lock.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import ARRAY, Text, bindparam, func, select
from starlette.responses import Response

from chassis.anchors import Anchor, Anchored
from chassis.context import Context
from chassis.database import Tx, hash_of
from chassis.doors import Answer, Writer
from chassis.gathering import FLUSHERS, PATIENCE, Gathering, Outcome
from chassis.idempotency import Claim
from chassis.prepared import Prepared
from contracts.refusals import Refusal
from rules.access import allows

C = TypeVar("C", bound=Context)

Have: TypeAlias = Callable[[Tx[C], Sequence[tuple[Any, ...]]], Awaitable[None]]
"""Has at hand what acts about these rows of anchors ask for; their locks are held."""


@dataclass(slots=True, eq=False)
class Errand(Generic[C]):
    """What one request wants done."""

    act: Callable[[Tx[C]], Awaitable[Answer]]
    """As `Writer.__call__` takes it; a refusal is raised."""
    at: Anchored
    """What it is about."""
    key: str | None = None
    """The key of that, once it was found; None where it cannot ride with others."""


def errands(have: Have[C], *, flushers: int = FLUSHERS, patience: float = PATIENCE) -> Gathering[C, Errand[C]]:
    """Let errands of one service ride together.

    Args:
        have: Reads for all of them what each would ask for.
        flushers: Transactions at a time.
        patience: As for `Gathering`.
    """

    async def prepare(tx: Tx[C], asked: Sequence[Errand[C]]) -> None:
        rows = await _find(tx, asked)
        # Whatever somebody else has at work waits by itself: here all others would wait with it.
        free = await _lock_free(tx, rows)
        for errand in asked:
            if errand.key not in free:
                errand.key = None
        await have(tx, [row for key, row in rows.items() if key in free])

    return Gathering(_act, key=lambda errand: errand.key or "", prepare=prepare, alone=_alone, flushers=flushers, patience=patience)


async def _find(tx: Tx[Any], asked: Sequence[Errand[Any]]) -> dict[str, tuple[Any, ...]]:
    """Row by key of all that may ride: what is not there, is hidden or waits for a person is told so by itself; of two about one row one rides."""
    names: dict[Anchor, list[str]] = {}
    for errand in asked:
        errand.key = None
        names.setdefault(errand.at.anchor, []).append(errand.at.named)
    found = {anchor: await anchor.find_all(tx, named) for anchor, named in names.items()}
    rows: dict[str, tuple[Any, ...]] = {}
    for errand in asked:
        place = found[errand.at.anchor].get(errand.at.named)
        if place is None or place.key in rows or place.key in tx.context.held or not allows(errand.at.seen, place.shown):
            continue
        errand.key, rows[place.key] = place.key, place.row
    return rows


async def _lock_free(tx: Tx[Any], keys: Iterable[str]) -> frozenset[str]:
    """Take those of the locks that nobody else holds; which ones."""
    free = frozenset(str(key) for (key,) in await tx.fetch(_LOCK_FREE, {"keys": sorted(keys)}))
    for key in free:
        tx.holds(key)
    return free


async def _act(tx: Tx[C], asked: Sequence[Errand[C]]) -> list[Outcome]:
    return [None if errand.key is None else await _act_one(tx, errand) for errand in asked]


async def _act_one(tx: Tx[C], errand: Errand[C]) -> Outcome:
    before = tx.pending.changes
    try:
        return await errand.act(tx)
    except Refusal:
        if tx.pending.changes > before:
            raise
        # What it has at hand is nobody else's, and nothing of it is to be written: the others go on.
        return None


async def _alone(write: Writer[C], errand: Errand[C], claimed: Claim) -> Response:
    return await write.run(errand.act, claimed, at=errand.at)


_key = func.unnest(bindparam("keys", type_=ARRAY(Text))).column_valued("key")
_LOCK_FREE = Prepared(select(_key).where(func.pg_try_advisory_xact_lock(hash_of(_key))))
