"""The hops of a case: opened to the organ that must decide it, checked as of receipt, validated, opened again when nobody signed."""

from datetime import datetime

from chassis.timers import Timer
from contracts.catalogue import TransferLimits
from contracts.delegations import name_of
from contracts.events import CaseReceived, Receipt
from contracts.values import OrganCode, PersonRef, TransferId, digest
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import OWN_LIMITS, Clock, ClockKind, show_due
from routing_svc.clock.handlers import Wanted
from routing_svc.context import RoutingTx
from routing_svc.exchange.domain import Step
from routing_svc.exchange.handlers import give_receipts
from routing_svc.handling import handlers as handlings
from routing_svc.supervision.domain import OVERRUN, Colour
from routing_svc.supervision.handlers import give_card, give_card_for
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import hear_of, record
from routing_svc.transfer import store
from routing_svc.transfer.domain import (
    CHECK_DISAGREES,
    DISAGREEMENTS,
    ESCALATED_HOP,
    LOCAL_LIMITS,
    OPEN,
    ROUTE_DISAGREES,
    ROUTE_UNKNOWN,
    Needs,
    Transfer,
    TransferState,
)
from routing_svc.transfer.handlers.desk import take
from routing_svc.transfer.handlers.mergers import follow, go_on
from rules.check import verdict_digest
from rules.competence import NoRoute, decide
from rules.powers import Acting, authority_by, authority_of

ON_THE_WAY = (ClockKind.TRANSFER_DELIVERED, ClockKind.TRANSFER_VALIDATED)
"""Clocks of what the machines do before a person signs; limits are data of the agreement."""


async def on_case_received(tx: RoutingTx, event: CaseReceived) -> None:
    """Open the first hop of a case to the organ that must decide it, checking the route as of receipt once more."""
    if not await hear_of(tx, event):
        return
    await record(
        tx,
        event,
        EntryKind.RECEIVED,
        at=event.at,
        organ=event.receiving_organ,
        region=event.region,
        by=event.received_by,
        facts={"case_no": event.case_no},
    )
    await _open(tx, event)


async def try_again(tx: RoutingTx, transfer_id: TransferId) -> bool:
    """Look again at a hop that waits; False while something is still unknown."""
    transfer = await take(tx, transfer_id)
    if transfer is None or transfer.state is not TransferState.WAITING or Needs.of(transfer.case).unknown(tx.context.catalogue):
        return False
    await clocks.meet(tx, transfer.case_id, ClockKind.TRANSFER_WAITING, at=tx.at)
    await _check_route(tx, transfer)
    await store.save_transfers(tx, [transfer])
    return True


async def on_lapse(tx: RoutingTx, timer: Timer) -> None:
    """Nobody signed in time: the hop expires and the case is offered again; a repeated bounce is escalated."""
    clock = await clocks.overrun(tx, timer)
    if clock is None:
        return
    transfer = await store.last_transfer(tx, clock.case_id)
    if transfer is None or transfer.state is not TransferState.VALIDATED:
        return
    name_by_papers(tx, transfer)
    await follow(tx, transfer)
    at = handlings.told_at(tx, transfer.case, by=Acting(transfer.organ, transfer.region, transfer.authority), due=clock.due)
    receipt = await make_receipt(tx, transfer, "expired", by=None, at=at)
    transfer.expire(at=at, receipt=receipt)
    await clocks.cancel(tx, clock.case_id, ClockKind.TRANSFER_SIGN, ClockKind.TRANSFER_LAPSE, at=at)
    await give_card_for(tx, clock, OVERRUN[clock.kind.value])
    await record(tx, transfer.case, EntryKind.NOT_SIGNED, at=at, organ=transfer.organ, region=transfer.region)
    await store.save_transfers(tx, [transfer])
    if transfer.hop + 1 >= ESCALATED_HOP:
        await give_card_for(tx, clock, Colour.ESCALATION)
    await _open_again(tx, transfer)


async def on_unknown_too_long(tx: RoutingTx, timer: Timer) -> None:
    """What the route rests on never came: the case goes back to the applicant, and the machines are charged."""
    clock = await clocks.overrun(tx, timer)
    transfer = None if clock is None else await store.last_transfer(tx, clock.case_id)
    if clock is None or transfer is None or transfer.state is not TransferState.WAITING:
        return
    await give_card_for(tx, clock, OVERRUN[clock.kind.value])
    name_by_papers(tx, transfer)
    await _fail(tx, transfer, rule_id=ROUTE_UNKNOWN, reason=DISAGREEMENTS[ROUTE_UNKNOWN], due=clock.due)
    await store.save_transfers(tx, [transfer])


def name_by_papers(tx: RoutingTx, transfer: Transfer) -> None:
    """Fix in whose name the organ of a hop acts, where it was validated by a release that did not say so yet."""
    if transfer.authority is None and transfer.state in OPEN:
        transfer.authority = authority_by(tx.context.catalogue, transfer.case.delegations, at=transfer.case.at)


async def make_receipt(tx: RoutingTx, transfer: Transfer, name: str, *, by: PersonRef | None, at: datetime) -> Receipt:
    """The signed receipt of a step that the organ of the hop makes."""
    (receipt,) = await give_receipts(tx, transfer.case_id, [_step(transfer, name, organ=transfer.organ, by=by, at=at)])
    return receipt


async def record_return(
    tx: RoutingTx, transfer: Transfer, *, reason: tuple[str, str], by: PersonRef | None, at: datetime, remark: str = ""
) -> None:
    """Tell the timeline why a case goes back."""
    await record(
        tx,
        transfer.case,
        EntryKind.RETURNED,
        at=at,
        organ=transfer.organ,
        region=transfer.region,
        by=by,
        facts={"reason": reason},
        remark=remark,
    )


async def _open(tx: RoutingTx, case: CaseReceived) -> None:
    transfer = Transfer(case=case, hop=1, region=case.handling_region, organ=case.handling_organ, authority=case.authority, opened_at=tx.at)
    unknown = Needs.of(case).unknown(tx.context.catalogue)
    if unknown:
        transfer.waits_for = unknown
        limit = OWN_LIMITS[ClockKind.TRANSFER_WAITING]
        wanted = Wanted(kind=ClockKind.TRANSFER_WAITING, limit=limit, at=tx.at, organ=case.receiving_organ, region=case.region)
        agreement = None if case.agreement_id is None else tx.context.catalogue.agreement(case.agreement_id)
        await clocks.start(tx, case, wanted, *_transport(case, LOCAL_LIMITS if agreement is None else agreement.limits, met_at=None))
        await record(tx, case, EntryKind.WAITING, at=tx.at, organ=case.receiving_organ, region=case.region)
    else:
        await _check_route(tx, transfer)
    await store.save_transfers(tx, [transfer])


async def _open_again(tx: RoutingTx, last: Transfer) -> None:
    """The route pinned at receipt stands, whatever the catalogue says by now: the organ slept, the applicant did nothing wrong."""
    case, hop = last.case, last.hop + 1
    transfer = Transfer(
        case=case, hop=hop, region=last.region, organ=last.organ, limits=last.limits, authority=last.authority, opened_at=tx.at
    )
    facts = {"hop": str(hop)}
    await record(tx, case, EntryKind.OFFERED_AGAIN, at=tx.at, organ=case.receiving_organ, region=case.region, facts=facts)
    await _offer(tx, transfer)
    await store.save_transfers(tx, [transfer])


def _transport(case: CaseReceived, limits: TransferLimits, *, met_at: datetime | None) -> list[Wanted]:
    """Clocks of the way from window to organ; from receipt, so that a standstill of the machines shows as theirs."""
    steps = zip(ON_THE_WAY, (limits.delivered, limits.validated), strict=True)
    organ, region = case.receiving_organ, case.region
    return [Wanted(kind=kind, limit=limit, at=case.at, organ=organ, region=region, met_at=met_at) for kind, limit in steps]


async def _check_route(tx: RoutingTx, transfer: Transfer) -> None:
    """Validate the hop as of receipt, or give the case back by the rule that does not hold.

    Both sides name the verdict of the check by the version and its parts: receipt rested on a clean one by the same rules.
    """
    case = transfer.case
    try:
        route = decide(
            tx.context.catalogue,
            item_code=case.item_code,
            receiving_region=case.region,
            handling_region=case.matter_region or case.handling_region,
            mode=case.mode,
            at=case.at,
            situation=case.situation or None,
        )
    except NoRoute as refused:
        await _fail(tx, transfer, rule_id=refused.RULE, reason=(refused.ZH, refused.EN))
        return
    transfer.authority = case.authority or authority_of(tx.context.catalogue, route)
    found = (route.version_id, route.handling_organ, route.delegations, route.agreement_id, route.sealed_as)
    if found != (case.version_id, case.handling_organ, case.delegations, case.agreement_id, name_of(transfer.organ, transfer.authority)):
        await _fail(tx, transfer, rule_id=ROUTE_DISAGREES, reason=DISAGREEMENTS[ROUTE_DISAGREES])
        return
    parts = tx.context.catalogue.parts(case.version_id)
    if parts is None or verdict_digest(parts, defects=()) != case.check_digest:
        await _fail(tx, transfer, rule_id=CHECK_DISAGREES, reason=DISAGREEMENTS[CHECK_DISAGREES])
        return
    transfer.limits = route.limits or LOCAL_LIMITS
    # The check asks for the organ as of receipt; what it leads to is done, and its receipts are sealed, by who is there by now.
    await go_on(tx, transfer)
    await _offer(tx, transfer)


async def _offer(tx: RoutingTx, transfer: Transfer) -> None:
    case, catalogue = transfer.case, tx.context.catalogue
    item = catalogue.version(case.version_id)
    wanted = [
        Wanted(kind=kind, limit=limit, at=tx.at, organ=transfer.organ, region=transfer.region)
        for kind, limit in (
            (ClockKind.TRANSFER_SIGN, transfer.limits.signed_for),
            (ClockKind.TRANSFER_LAPSE, transfer.limits.returned_after),
        )
    ]
    if item is not None and await clocks.current(tx, case.case_id, ClockKind.ACCEPTANCE) is None:
        limit = item.acceptance_limit
        # From receipt, not from when it came here: what transport takes is not the applicant's loss.
        wanted.append(Wanted(kind=ClockKind.ACCEPTANCE, limit=limit, at=case.at, organ=transfer.organ, region=transfer.region))
    arrived: tuple[Clock, ...] = ()
    if transfer.waits_for:
        arrived = await clocks.meet(tx, case.case_id, *ON_THE_WAY, at=tx.at)
    elif transfer.hop == 1:
        wanted += _transport(case, transfer.limits, met_at=tx.at)
    started = await clocks.start(tx, case, *wanted)
    sign = started[0]
    for clock in (*arrived, *(each for each in started if each.kind in ON_THE_WAY)):
        if tx.at >= clock.due:
            await give_card_for(tx, clock, OVERRUN[clock.kind.value])
    steps = (("offered", case.receiving_organ), ("delivered", transfer.organ), ("validated", transfer.organ))
    receipts = await give_receipts(tx, case.case_id, [_step(transfer, name, organ=organ, by=None, at=tx.at) for name, organ in steps])
    transfer.validate(at=tx.at, sign_by=sign.due, receipts=receipts)
    await record(
        tx,
        case,
        EntryKind.VALIDATED,
        at=tx.at,
        organ=transfer.organ,
        region=transfer.region,
        facts={"due": show_due(sign.due)},
    )


async def _fail(tx: RoutingTx, transfer: Transfer, *, rule_id: str, reason: tuple[str, str], due: datetime | None = None) -> None:
    """Give a case back by a rule: now, or where time did it, as of when that ran out."""
    case = transfer.case
    await go_on(tx, transfer)
    by = Acting(transfer.organ, transfer.region, transfer.authority)
    at = tx.at if due is None else handlings.told_at(tx, case, by=by, due=due)
    receipt = await make_receipt(tx, transfer, "returned", by=None, at=at)
    transfer.give_back(at=at, rule_id=rule_id, reason=None, receipt=receipt)
    await clocks.cancel(tx, case.case_id, at=at)
    await give_card(
        tx,
        case,
        Colour.TRANSPORT,
        card_id=f"{transfer.transfer_id}/{rule_id}",
        rule_id=rule_id,
        organ=case.receiving_organ,
        region=case.region,
        at=at,
        name=("收件时确定的办理机关经复核不成立", "the route taken at receipt does not hold"),
    )
    await record_return(tx, transfer, reason=reason, by=None, at=at)


def _step(transfer: Transfer, name: str, *, organ: OrganCode, by: PersonRef | None, at: datetime) -> Step:
    return Step(
        transfer_id=transfer.transfer_id,
        hop=transfer.hop,
        name=name,
        organ=organ,
        by=by,
        at=at,
        facts=digest(transfer.facts),
    )
