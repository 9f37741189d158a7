"""Open cases of a merged organ go on at the one that took its place, whether somebody has signed for them or not (S-22)."""

from contracts.values import TransferId
from routing_svc.context import RoutingTx
from routing_svc.handling import handlers as handlings
from routing_svc.transfer import store
from routing_svc.transfer.domain import OPEN, Transfer, TransferState
from routing_svc.transfer.handlers.desk import take
from rules.powers import Acting, acting_now


async def find_merged(tx: RoutingTx, *, after: TransferId | None, limit: int) -> list[TransferId]:
    """Hops of open cases that are handled, or wait for a signature, at organs merged by now, by id; those still to be checked are none of them.

    Args:
        tx: Any transaction.
        after: The last one of the page before.
        limit: Most.
    """
    organs = tx.context.catalogue.organs.merged(at=tx.at).keys()
    if not organs:
        return []
    unsigned = await store.list_open_at(tx, organs, after=after, limit=limit)
    signed = await handlings.find_at(tx, organs, after=after, limit=limit)
    return sorted([*unsigned, *signed])[:limit]


async def follow_merger(tx: RoutingTx, transfer_id: TransferId) -> bool:
    """Let one case go on at the organ in its own's place; False when nothing is to be done for it (any more)."""
    transfer = await take(tx, transfer_id)
    return transfer is not None and await follow(tx, transfer)


async def follow(tx: RoutingTx, transfer: Transfer) -> bool:
    """`go_on`, but one that waits stays: it is checked as of receipt first, when the former organ may have been the right one."""
    return transfer.state is not TransferState.WAITING and await go_on(tx, transfer)


async def go_on(tx: RoutingTx, transfer: Transfer) -> bool:
    """Let a hop go on at the organ in its own's place, with the handling once somebody signed; False when its own still stands.

    For who ends a hop, or has checked it: one that waits goes on too. One that was signed for is kept where its receipt says that it was signed
    for, whoever has the case by now; only what is still done about it is done there, and keeps that.
    """
    if transfer.state is TransferState.SIGNED_FOR:
        moved = await handlings.follow_merger(tx, transfer.case_id)
        transfer.go_along(await handlings.whose(tx, transfer.case_id))
        return moved
    if transfer.state not in OPEN:
        return False
    was = Acting(transfer.organ, transfer.region, transfer.authority)
    now = acting_now(tx.context.catalogue, was, at=tx.at)
    if now is was:
        return False
    transfer.follow(now, at=tx.at)
    await handlings.tell(tx, transfer.case, was=was, now=now)
    await store.save_transfers(tx, [transfer])
    return True
