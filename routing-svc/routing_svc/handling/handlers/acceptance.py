"""From the signature to acceptance: tell once what to supply, accept, refuse acceptance, or let time do it."""

from collections.abc import Sequence
from datetime import datetime

from chassis.timers import Timer
from contracts.catalogue import ItemVersion
from contracts.delegations import Authority
from contracts.events import CaseReceived, CaseSupplemented, DefectFound
from contracts.values import Json, OrganCode, PersonRef, RegionCode, TransferId
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import OWN_LIMITS, Clock, ClockKind, show_due
from routing_svc.clock.handlers import Wanted
from routing_svc.context import RoutingTx
from routing_svc.handling import store
from routing_svc.handling.domain import Act, DefectUnknown, Handling, HandlingState, NotOpened, OrganMissing
from routing_svc.handling.handlers.desk import load, record_act, write
from routing_svc.handling.handlers.mergers import acting, follow, told_at
from routing_svc.notice.domain import NOT_COMPETENT, NoticeKind, acceptance_lines, correction_lines, refusal_lines
from routing_svc.notice.handlers import remedies_against
from routing_svc.supervision.domain import OVERRUN, Colour
from routing_svc.supervision.handlers import give_card, give_card_for
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import find_case, record
from rules.situations import promised_limit
from rules.workdays import local_day

BY_OFFICER = "officer"
"""Rule of a defect that a person found and no rule of the checklist names."""


async def open_handling(
    tx: RoutingTx,
    case: CaseReceived,
    *,
    item: ItemVersion,
    transfer_id: TransferId,
    organ: OrganCode,
    region: RegionCode,
    authority: Authority | None,
    by: PersonRef,
    acceptance: Clock,
) -> Handling:
    """Open the handling: a person has signed. When the time to decide acceptance ran out on the way, the case counts as accepted."""
    handling = Handling(
        case=case,
        item=item,
        transfer_id=transfer_id,
        region=region,
        organ=organ,
        authority=authority,
        opened_at=tx.at,
        signed_by=by,
        due=acceptance.due,
    )
    await store.save_handlings(tx, [handling])
    if tx.at >= acceptance.due:
        await _accept(tx, handling, at=tx.at, by=None, counted_from=acceptance.started_at, deemed=True)
        await store.save_handlings(tx, [handling])
    return handling


async def accept(tx: RoutingTx, act: Act) -> Handling:
    """Accept the application; past its time it is accepted as from the day it was received.

    Law: 行政许可法 §32(5).
    """
    handling = await load(tx, act, "accept")
    clock = await _clock(tx, handling)
    late = tx.at >= clock.due
    await _accept(tx, handling, at=tx.at, by=act.caller.ref, counted_from=clock.started_at if late else tx.at, deemed=late)
    await store.save_handlings(tx, [handling])
    return handling


async def not_accept(tx: RoutingTx, act: Act, *, ground: str, reason: str, competent: str) -> Handling:
    """Refuse acceptance with its ground; in force when sealed, and then the case has ended.

    Args:
        tx: The transaction.
        act: Who acts.
        ground: A key of `REFUSAL_GROUNDS`.
        reason: What the officer explains.
        competent: Code or name of the organ to apply to; empty only where nobody else is competent.

    Raises:
        OrganMissing: Not competent, and no other organ named.

    Law: 行政许可法 §32(1)(2).
    """
    handling = await load(tx, act, "not_accept")
    clock = await _clock(tx, handling)
    if ground == NOT_COMPETENT and not competent.strip():
        raise OrganMissing
    known = tx.context.catalogue.organ(OrganCode(competent))
    remedies = remedies_against(tx, handling.sealed_as)
    lines = refusal_lines(ground=ground, reason=reason, competent=competent if known is None else known.name, remedies=remedies)
    notice = await write(tx, handling, NoticeKind.NON_ACCEPTANCE, lines)
    handling.not_accept(at=tx.at, by=act.caller.ref, ground=ground, notice=notice, acceptance_due=clock.due)
    await clocks.meet(tx, handling.case_id, ClockKind.ACCEPTANCE, at=tx.at)
    await record_act(tx, handling, EntryKind.NOT_ACCEPTED, by=act.caller.ref)
    await store.save_handlings(tx, [handling])
    return handling


async def correct(tx: RoutingTx, act: Act, *, defects: Sequence[tuple[DefectFound, str]]) -> Handling:
    """Tell the applicant once of all defects; each with its text. A later notice is flagged.

    Raises:
        DefectUnknown: The item's version asks for no such field or material, or has no such rule.

    Law: 行政许可法 §32(4).
    """
    handling = await load(tx, act, "correct")
    clock = await _clock(tx, handling)
    found = tuple(defect for defect, _ in defects)
    _refuse_unpublished(tx, handling, found)
    handling.refuse_what_was_visible(found)
    lines = correction_lines([(defect.pointer, text) for defect, text in defects])
    notice = await write(tx, handling, NoticeKind.CORRECTION, lines)
    await clocks.meet(tx, handling.case_id, ClockKind.ACCEPTANCE, at=tx.at)
    case = handling.case
    limit = OWN_LIMITS[ClockKind.SUPPLEMENT]
    wanted = Wanted(kind=ClockKind.SUPPLEMENT, limit=limit, at=tx.at, organ=case.receiving_organ, region=case.region)
    (supplement,) = await clocks.start(tx, case, wanted)
    handling.correct(at=tx.at, by=act.caller.ref, defects=found, notice=notice, acceptance_due=clock.due, supplement_due=supplement.due)
    rounds = len(handling.rounds)
    await record_act(tx, handling, EntryKind.CORRECTION, by=act.caller.ref, facts={"defects": str(len(found)), "round": str(rounds)})
    if rounds > 1:
        await give_card(
            tx,
            case,
            Colour.YELLOW,
            card_id=f"{case.case_id}/correction/{rounds}",
            rule_id="correction.again",
            organ=handling.organ,
            region=handling.region,
            at=tx.at,
            name=(f"第 {rounds} 次补正告知", f"correction notice {rounds}"),
        )
    await store.save_handlings(tx, [handling])
    return handling


async def on_case_supplemented(tx: RoutingTx, event: CaseSupplemented) -> None:
    """Start the acceptance clock again, at the instant of the supplement; one that nobody waits for is recorded and changes nothing."""
    handling = await store.get_handling(tx, event.case_id)
    if handling is None or not handling.supplement(number=event.supplement, form_digest=event.form_digest, by=event.supplemented_by):
        if handling is None or event.supplement > handling.supplements:
            case = await find_case(tx, event.case_id)
            await record(tx, case, EntryKind.SUPPLEMENT_LATE, at=event.at, organ=case.receiving_organ, region=case.region)
        return
    await clocks.meet(tx, event.case_id, ClockKind.SUPPLEMENT, at=event.at)
    wanted = Wanted(
        kind=ClockKind.ACCEPTANCE, limit=handling.item.acceptance_limit, at=event.at, organ=handling.organ, region=handling.region
    )
    (clock,) = await clocks.start(tx, handling.case, wanted)
    handling.due = clock.due
    case = handling.case
    await record(
        tx,
        case,
        EntryKind.SUPPLEMENTED,
        at=event.at,
        organ=case.receiving_organ,
        region=case.region,
        by=event.supplemented_by,
        facts={"due": show_due(clock.due)},
    )
    await store.save_handlings(tx, [handling])


async def on_acceptance_overrun(tx: RoutingTx, timer: Timer) -> None:
    """The time to tell ran out: the case counts as accepted; while nobody has signed for it, its holder gets the card.

    Law: 行政许可法 §32(4).
    """
    clock = await clocks.overrun(tx, timer)
    if clock is None:
        return
    handling = await store.get_handling(tx, clock.case_id)
    if handling is None:
        case = await find_case(tx, clock.case_id)
        await give_card_for(tx, clock, OVERRUN[clock.kind.value], organ=case.receiving_organ, region=case.region)
        return
    await follow(tx, handling)
    await give_card_for(tx, clock, OVERRUN[clock.kind.value])
    if handling.state is HandlingState.OPENED:
        at = told_at(tx, handling.case, by=acting(handling), due=clock.due)
        await _accept(tx, handling, at=at, by=None, counted_from=clock.started_at, deemed=True)
        await store.save_handlings(tx, [handling])


async def _clock(tx: RoutingTx, handling: Handling) -> Clock:
    clock = await clocks.current(tx, handling.case_id, ClockKind.ACCEPTANCE)
    if clock is None:
        raise NotOpened
    return clock


def _refuse_unpublished(tx: RoutingTx, handling: Handling, defects: Sequence[DefectFound]) -> None:
    """Places and rules of defects go out on the topic, so they are words of the item's version and never a person's own."""
    parts = tx.context.catalogue.parts(handling.case.version_id)
    fields = parts.form.schema.get("properties") if parts is not None else None
    places = {f"/form/{name}" for name in fields} if isinstance(fields, dict) else set()
    places |= {f"/materials/{rule.code}" for rule in parts.checklist.materials} if parts is not None else set()
    rules = {BY_OFFICER, *(rule.rule_id for rule in parts.checklist.rules)} if parts is not None else {BY_OFFICER}
    if not all(defect.pointer in places and defect.rule_id in rules for defect in defects):
        raise DefectUnknown(facts={"pointers": list[Json](sorted(places)), "rules": list[Json](sorted(rules))})


async def _accept(tx: RoutingTx, handling: Handling, *, at: datetime, by: PersonRef | None, counted_from: datetime, deemed: bool) -> None:
    case, item = handling.case, handling.item
    parts = tx.context.catalogue.parts(case.version_id)
    table = None if parts is None else parts.situations
    promise = promised_limit(table, situation=case.situation, otherwise=item.promised_limit)
    kinds = ((ClockKind.DECISION_PROMISED, promise), (ClockKind.DECISION_STATUTORY, item.statutory_limit))
    wanted = [Wanted(kind=kind, limit=limit, at=counted_from, organ=handling.organ, region=handling.region) for kind, limit in kinds]
    await (clocks.cancel if deemed else clocks.meet)(tx, case.case_id, ClockKind.ACCEPTANCE, at=at)
    promised, statutory = await clocks.start(tx, case, *wanted)
    day = local_day(counted_from)
    lines = acceptance_lines(
        day=day, promised=show_due(promised.due), statutory=show_due(statutory.due), deemed=deemed, supplemented=handling.supplements > 0
    )
    notice = await write(tx, handling, NoticeKind.ACCEPTANCE, lines, at=at)
    handling.accept(
        at=at,
        by=by,
        effective_on=day,
        notice=notice,
        statutory_due=statutory.due,
        promised_due=promised.due,
        deemed=deemed,
    )
    kind = EntryKind.DEEMED_ACCEPTED if deemed else EntryKind.ACCEPTED
    await record_act(tx, handling, kind, at=at, by=by, facts={"day": day.isoformat(), "due": show_due(promised.due)})
