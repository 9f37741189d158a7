"""What every act on a hop begins with: its case's lock, what there is of the case, and who may act."""

from chassis.database import lock
from contracts.caller import Caller
from contracts.refusals import NotFound
from contracts.values import TransferId
from routing_svc.context import RoutingTx
from routing_svc.schema import have_at_hand
from routing_svc.transfer import store
from routing_svc.transfer.domain import Transfer
from rules.access import permit


async def take(tx: RoutingTx, transfer_id: TransferId) -> Transfer | None:
    """A hop under its case's lock."""
    place = await store.find_place(tx, transfer_id)
    if place is None:
        return None
    case_id, root_case_id = place
    await lock(tx, root_case_id)
    await have_at_hand(tx, [case_id])
    return await store.get_transfer(tx, case_id, transfer_id)


async def load(tx: RoutingTx, transfer_id: TransferId, *, caller: Caller, action: str) -> Transfer:
    """A hop under its case's lock, where the caller may act so on it.

    Raises:
        NotFound: No such transfer, or none that the caller may know of.
        Forbidden: The caller may see it but not do this.
    """
    transfer = await take(tx, transfer_id)
    if transfer is None:
        raise NotFound
    permit(caller, "transfer", action, store.row_of(transfer), regions=tx.context.catalogue, about=transfer.case_id)
    return transfer
