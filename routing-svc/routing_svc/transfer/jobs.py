"""Look again at hops that wait for what their route rests on, and show how many do."""

from collections.abc import Mapping

from chassis.figures import MOST, Figure, Look, Reading
from chassis.jobs import Job
from routing_svc.context import Routing
from routing_svc.transfer import store
from routing_svc.transfer.handlers import AT_ONCE, try_again


async def retry_waiting(context: Routing) -> int:
    """Validate what can be validated by now; how many hops moved."""
    async with context.database.read(context) as tx:
        waiting = await store.list_waiting(tx, limit=AT_ONCE)
    moved = 0
    for transfer_id in waiting:
        async with context.database.consume(context) as tx:
            moved += await try_again(tx, transfer_id)
    return moved


JOBS = (Job(name="retry waiting transfers", every=1.0, run=retry_waiting),)

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
