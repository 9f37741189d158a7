"""What becomes of cases on their way when their agreement ends: where the agreement says so, those nobody signed for go back (S-11)."""

from contracts.values import TransferId
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import ClockKind
from routing_svc.context import RoutingTx
from routing_svc.transfer import store
from routing_svc.transfer.domain import AGREEMENT_ENDED, ENDED_REASON, OPEN, Transfer
from routing_svc.transfer.handlers.desk import take
from routing_svc.transfer.handlers.hops import make_receipt, record_return
from routing_svc.transfer.handlers.mergers import go_on
from rules.workdays import local_day


async def list_ended(tx: RoutingTx, *, after: TransferId | None, limit: int) -> list[TransferId]:
    """Hops that nobody has signed for and that rest on an agreement that is over and gives its cases back, by id.

    Args:
        tx: Any transaction.
        after: The last one of the page before.
        limit: Most.
    """
    agreements = tx.context.catalogue.agreements_returning(on=local_day(tx.at))
    return await store.list_open_under(tx, agreements, after=after, limit=limit) if agreements else []


async def return_ended(tx: RoutingTx, transfer_id: TransferId) -> bool:
    """Give one such case back to its applicant, with the reason; False when nothing is to be done for it (any more)."""
    transfer = await take(tx, transfer_id)
    if transfer is None or transfer.state not in OPEN or _covered(tx, transfer):
        return False
    if transfer.case.agreement_id not in tx.context.catalogue.agreements_returning(on=local_day(tx.at)):
        return False
    acceptance = await clocks.current(tx, transfer.case_id, ClockKind.ACCEPTANCE)
    if acceptance is not None and tx.at >= acceptance.due:
        # Accepted by law as from the day of receipt: that right is not taken back by the end of a paper between two counties.
        return False
    await go_on(tx, transfer)
    receipt = await make_receipt(tx, transfer, "returned", by=None, at=tx.at)
    transfer.give_back(at=tx.at, rule_id=AGREEMENT_ENDED, reason=None, receipt=receipt)
    await clocks.cancel(tx, transfer.case_id, at=tx.at)
    await record_return(tx, transfer, reason=ENDED_REASON, by=None, at=tx.at)
    await store.save_transfers(tx, [transfer])
    return True


def _covered(tx: RoutingTx, hop: Transfer) -> bool:
    """Whether another agreement in force covers the case, so that it may be decided all the same."""
    case = hop.case
    places = (case.region, case.matter_region or case.handling_region)
    return bool(tx.context.catalogue.agreements_between(*places, case.item_code, case.mode, local_day(tx.at)))
