"""What people do about a hop: sign for it, give the case back, take the application back."""

from chassis.database import lock
from contracts.caller import Caller, CallerKind
from contracts.delegations import name_of
from contracts.events import CaseReceived, Receipt
from contracts.refusals import NotFound
from contracts.values import TransferId, digest
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import ClockKind, show_due
from routing_svc.context import RoutingTx
from routing_svc.handling import handlers as handlings
from routing_svc.handling.domain import DeemedAccepted, NotOpened
from routing_svc.notice.domain import NOT_COMPETENT, NoticeKind, return_lines
from routing_svc.notice.handlers import remedies_against, write_notice
from routing_svc.schema import have_at_hand
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import find_case_for, record
from routing_svc.transfer import store
from routing_svc.transfer.domain import (
    RETURN_GROUNDS,
    NeedsNotice,
    Transfer,
    TransferState,
)
from routing_svc.transfer.handlers.desk import load
from routing_svc.transfer.handlers.hops import make_receipt, name_by_papers, record_return
from routing_svc.transfer.handlers.mergers import follow, go_on


async def sign_for(tx: RoutingTx, transfer_id: TransferId, *, caller: Caller) -> tuple[Transfer, Receipt]:
    """Let a person of the handling organ take the case; its handling opens and the first receiver is accountable no longer (S-121).

    Raises:
        NotFound: No such transfer, or none that the caller may know of.
        Forbidden: The caller may see it but not sign.
        TransferIsOver: The hop has ended.
        IllegalMove: It is not validated, or signed for already.
    """
    transfer = await load(tx, transfer_id, caller=caller, action="sign")
    name_by_papers(tx, transfer)
    await follow(tx, transfer)
    acceptance = await clocks.current(tx, transfer.case_id, ClockKind.ACCEPTANCE)
    item = tx.context.catalogue.version(transfer.case.version_id)
    if acceptance is None or item is None:
        raise NotOpened
    transfer.refuse_unless(TransferState.SIGNED_FOR)
    receipt = await make_receipt(tx, transfer, "signed_for", by=caller.ref, at=tx.at)
    transfer.sign(at=tx.at, by=caller.ref, acceptance_due=acceptance.due, receipt=receipt)
    await clocks.meet(tx, transfer.case_id, ClockKind.TRANSFER_SIGN, ClockKind.TRANSFER_LAPSE, at=tx.at)
    await record(
        tx,
        transfer.case,
        EntryKind.SIGNED_FOR,
        at=tx.at,
        organ=transfer.organ,
        region=transfer.region,
        by=caller.ref,
        facts={"due": show_due(acceptance.due)},
    )
    await store.save_transfers(tx, [transfer])
    await handlings.open_handling(
        tx,
        transfer.case,
        item=item,
        transfer_id=transfer.transfer_id,
        organ=transfer.organ,
        region=transfer.region,
        authority=transfer.authority,
        by=caller.ref,
        acceptance=acceptance,
    )
    return transfer, receipt


async def give_back(tx: RoutingTx, transfer_id: TransferId, *, caller: Caller, ground: str, reason: str) -> tuple[Transfer, Receipt]:
    """Give a case back to the applicant before acceptance, with its reason and a notice of it.

    Raises:
        NeedsNotice: The organ is not competent, which takes a refusal of acceptance.
        NotFound: No such transfer, or none that the caller may know of.
        Forbidden: The caller may see it but not give it back.
        TransferIsOver: The hop has ended.
        IllegalMove: The handling is not at its opening any more.
        DeemedAccepted: The time to tell ran out, signed for or not.
    """
    transfer = await load(tx, transfer_id, caller=caller, action="return")
    name_by_papers(tx, transfer)
    await go_on(tx, transfer)
    if ground == NOT_COMPETENT:
        raise NeedsNotice
    transfer.refuse_unless(TransferState.RETURNED)
    signed = transfer.state is TransferState.SIGNED_FOR
    acceptance = await clocks.current(tx, transfer.case_id, ClockKind.ACCEPTANCE)
    if not signed and acceptance is not None and tx.at >= acceptance.due:
        raise DeemedAccepted
    receipt = await make_receipt(tx, transfer, "returned", by=caller.ref, at=tx.at)
    transfer.give_back(at=tx.at, rule_id="returned-by-organ", reason=digest(reason.encode()), receipt=receipt)
    await record_return(tx, transfer, reason=RETURN_GROUNDS[ground], by=caller.ref, at=tx.at, remark=reason)
    item = tx.context.catalogue.version(transfer.case.version_id)
    await write_notice(
        tx,
        transfer.case,
        NoticeKind.RETURN,
        organ=transfer.organ,
        region=transfer.region,
        at=tx.at,
        item=transfer.case.item_code if item is None else item.name,
        authority=transfer.authority,
        lines=return_lines(
            ground=RETURN_GROUNDS[ground], reason=reason, remedies=remedies_against(tx, name_of(transfer.organ, transfer.authority))
        ),
    )
    await clocks.cancel(tx, transfer.case_id, at=tx.at)
    await store.save_transfers(tx, [transfer])
    if signed and acceptance is not None:
        await handlings.give_back(tx, transfer.case_id, acceptance_due=acceptance.due)
    return transfer, receipt


async def withdraw(tx: RoutingTx, no: str, *, caller: Caller, reason: str) -> CaseReceived:
    """Take an application back for its applicant, under the case's lock, unless a decision or another end came first.

    Raises:
        NotFound: No such case, or none that the caller may know of.
        Forbidden: The caller may see it but not withdraw it.
        CaseIsOver: Something else came first; ``facts.winner`` names it.
        TransferIsOver: The case was given back before.
    """
    case = await find_case_for(tx, no, caller=caller, aggregate="case", action="withdraw")
    await lock(tx, case.root_case_id)
    await have_at_hand(tx, [case.case_id])
    by = None if caller.kind is CallerKind.PERSON else caller.ref
    if await handlings.withdraw(tx, case.case_id, by=by) is None:
        transfer = await store.last_transfer(tx, case.case_id)
        if transfer is None:
            raise NotFound
        transfer.recall(at=tx.at, by=by)
        await store.save_transfers(tx, [transfer])
    await clocks.cancel(tx, case.case_id, at=tx.at)
    await record(tx, case, EntryKind.WITHDRAWN, at=tx.at, organ=case.receiving_organ, region=case.region, by=by, remark=reason)
    return case
