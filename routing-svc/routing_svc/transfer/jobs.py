"""Look again at hops that wait for what their route rests on, let cases follow merged organs, and show how many wait."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chassis.crash import crash_point
from chassis.figures import MOST, Figure, Look, Reading
from chassis.jobs import Job
from chassis.logs import get_logger
from contracts.values import TransferId
from routing_svc.context import Routing, RoutingTx
from routing_svc.transfer import handlers, store
from routing_svc.transfer.store import Waiting

AT_ONCE = 100
"""Hops read in one page."""
FAILED_REST = 10.0
"""Seconds for which a hop that failed is left alone by the job that it failed in."""

_log = get_logger()

_Find = Callable[[RoutingTx, TransferId | None, int], Awaitable[Sequence[TransferId]]]
"""Hops in the order of their ids: after one, so many at most."""
_Act = Callable[[RoutingTx, TransferId], Awaitable[bool]]


async def retry_waiting(context: Routing) -> int:
    """Validate every waiting hop that can be validated by now; how many moved.

    Each is a matter of its own: one that fails is logged and left alone for 10 s, those that still wait cost no transaction.
    """
    moved = 0
    after: Waiting | None = None
    marks = _marks(context, "retry_waiting")
    while True:
        async with context.database.read(context) as tx:
            page = await store.list_waiting(tx, after=after, limit=AT_ONCE)
        for hop in page:
            if not hop.needs.unknown(context.catalogue):
                moved += await _try(context, hop.transfer_id, handlers.try_again, marks=marks)
        if len(page) < AT_ONCE:
            return moved
        after = page[-1]


async def follow_mergers(context: Routing, *, at_once: int = AT_ONCE) -> int:
    """Let every open case of a merged organ go on where that went; how many moved.

    Each in a transaction of its own: what was moved before a crash stays moved, and nothing moves twice.
    """

    async def find(tx: RoutingTx, after: TransferId | None, limit: int) -> Sequence[TransferId]:
        return await handlers.find_merged(tx, after=after, limit=limit)

    return await _go_through(context, find, handlers.follow_merger, job="follow_mergers", at_once=at_once)


async def return_ended(context: Routing) -> int:
    """Give back what rests on agreements that are over and say so; how many went.

    Each in a transaction of its own: what went back before a crash stays so, and nothing goes back twice.
    """

    async def find(tx: RoutingTx, after: TransferId | None, limit: int) -> Sequence[TransferId]:
        return await handlers.list_ended(tx, after=after, limit=limit)

    return await _go_through(context, find, handlers.return_ended, job="return_ended", at_once=AT_ONCE)


async def _go_through(context: Routing, find: _Find, act: _Act, *, job: str, at_once: int) -> int:
    """Do it to all that are found, page by page: what fails or has to stay as it is keeps nobody from what comes after."""
    done = 0
    after: TransferId | None = None
    marks = _marks(context, job)
    while True:
        async with context.database.read(context) as tx:
            page = await find(tx, after, at_once)
        for transfer_id in page:
            done += await _try(context, transfer_id, act, marks=marks)
        if len(page) < at_once:
            return done
        after = page[-1]


async def _try(context: Routing, transfer_id: TransferId, act: _Act, *, marks: dict[TransferId, float]) -> bool:
    if transfer_id in marks:
        return False
    try:
        async with context.database.consume(context) as tx:
            moved = await act(tx, transfer_id)
    except Exception as error:  # noqa: BLE001 - one hop that fails must not hold up the others: they would be given back for it
        _log.error("transfer.retry_failed", name=transfer_id, exc_info=error)
        marks[transfer_id] = time.monotonic() + FAILED_REST
        return False
    crash_point("in-job")
    return moved


def _marks(context: Routing, job: str) -> dict[TransferId, float]:
    """Hops that failed in a job and are left alone still, and until when."""
    marks = context.failed_hops.setdefault(job, {})
    now = time.monotonic()
    for rested in [name for name, until in marks.items() if until <= now]:
        del marks[rested]
    return marks


JOBS = (
    Job(name="retry waiting transfers", every=1.0, run=retry_waiting),
    Job(name="follow merged organs", every=60.0, run=follow_mergers),
    Job(name="return at the end of agreements", every=60.0, run=return_ended),
)

_WAITING = Figure(name="transfers_waiting", text=f"Hops that wait for what their route rests on; {MOST} means at least as many")
_OLDEST = Figure(name="transfers_waiting_oldest_seconds", text="Seconds since the oldest of those was opened; 0 when none waits")


def looks(context: Routing) -> tuple[Look, ...]:
    """Hops that no person and no clock moves on, for whoever watches: one statement by index."""

    async def read() -> Mapping[str, Reading]:
        async with context.database.read(context) as tx:
            count, since = await store.count_waiting(tx, limit=MOST)
        oldest = 0.0 if since is None else max((tx.at - since).total_seconds(), 0.0)
        return {_WAITING.name: {(): float(count)}, _OLDEST.name: {(): oldest}}

    return (Look(name="transfers", figures=(_WAITING, _OLDEST), read=read),)
