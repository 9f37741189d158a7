"""Look again at hops that wait for what their route rests on."""

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
