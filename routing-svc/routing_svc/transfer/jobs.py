"""Look again at hops that wait for what their route rests on, let cases follow merged organs, and show how many wait."""

import time
from collections.abc import Awaitable, Callable, Mapping

from chassis.figures import MOST, Figure, Look, Reading
from chassis.jobs import Job
from chassis.logs import get_logger
from contracts.values import TransferId
from routing_svc.context import Routing, RoutingTx
from routing_svc.transfer import handlers, store
from routing_svc.transfer.store import Waiting

AT_ONCE = 100
"""Waiting hops read in one page."""
FAILED_REST = 10.0
"""Seconds for which a hop that failed is left alone."""

_log = get_logger()


async def retry_waiting(context: Routing) -> int:
    """Validate every waiting hop that can be validated by now; how many moved.

    Each is a matter of its own: one that fails is logged and left alone for 10 s, those that still wait cost no transaction.
    """
    moved = 0
    after: Waiting | None = None
    waits: set[TransferId] = set()
    while True:
        async with context.database.read(context) as tx:
            page = await store.list_waiting(tx, after=after, limit=AT_ONCE)
        waits.update(hop.transfer_id for hop in page)
        for hop in page:
            if not hop.needs.unknown(context.catalogue):
                moved += await _try(context, hop.transfer_id, handlers.try_again)
        if len(page) < AT_ONCE:
            break
        after = page[-1]
    for gone in context.failed_hops.keys() - waits:
        del context.failed_hops[gone]
    return moved


async def _try(context: Routing, transfer_id: TransferId, act: Callable[[RoutingTx, TransferId], Awaitable[bool]]) -> bool:
    if time.monotonic() < context.failed_hops.get(transfer_id, 0.0):
        return False
    try:
        async with context.database.consume(context) as tx:
            return await act(tx, transfer_id)
    except Exception as error:  # noqa: BLE001 - one hop that fails must not hold up the others: they would be given back for it
        _log.error("transfer.retry_failed", name=transfer_id, exc_info=error)
        context.failed_hops[transfer_id] = time.monotonic() + FAILED_REST
        return False


async def follow_mergers(context: Routing) -> int:
    """Let open cases of merged organs go on where those went; how many moved, `AT_ONCE` of a kind at most.

    Each in a transaction of its own: what was moved before a crash stays moved, and nothing moves twice.
    """
    async with context.database.read(context) as tx:
        found = await handlers.find_merged(tx, limit=AT_ONCE)
    moved = 0
    for transfer_id in found:
        moved += await _try(context, transfer_id, handlers.follow_merger)
    return moved


async def return_ended(context: Routing) -> int:
    """Give back what rests on agreements that are over and say so; how many went.

    Each in a transaction of its own: what went back before a crash stays so, and nothing goes back twice.
    """
    returned = 0
    after: TransferId | None = None
    while True:
        async with context.database.read(context) as tx:
            page = await handlers.list_ended(tx, after=after, limit=AT_ONCE)
        for transfer_id in page:
            returned += await _try(context, transfer_id, handlers.return_ended)
        if len(page) < AT_ONCE:
            return returned
        after = page[-1]


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
