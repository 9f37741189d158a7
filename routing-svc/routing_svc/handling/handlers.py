"""What officers do with a case, and what its handling hears: lock, load, one verb, save."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from chassis.context import Subscriptions
from chassis.database import lock
from chassis.timers import Timer
from contracts.catalogue import ItemVersion, Limit, Unit
from contracts.events import CaseReceived, CaseSupplemented, DecisionSealed, DefectFound, NoticeSealed
from contracts.refusals import Stale
from contracts.values import CaseId, Json, OrganCode, Outcome, PersonRef, RegionCode, TransferId
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import OWN_LIMITS, STOPPED_BY_SUSPENSION, Clock, ClockKind, show_due
from routing_svc.clock.handlers import Wanted, timers_when_due
from routing_svc.context import RoutingTx
from routing_svc.handling import store
from routing_svc.handling.domain import OUTCOMES, SUSPENSION_GROUNDS, Act, GroundsMissing, Handling, HandlingState, NotOpened, Written
from routing_svc.notice.domain import (
    Line,
    NoticeKind,
    acceptance_lines,
    correction_lines,
    decision_lines,
    extension_lines,
    refusal_lines,
    suspension_lines,
)
from routing_svc.notice.handlers import put_seal, remedies_against, write_notice
from routing_svc.supervision.domain import OVERRUN, Colour
from routing_svc.supervision.handlers import give_card, give_card_for
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import find_case, record
from rules.access import permit
from rules.workdays import local_day


async def open_handling(
    tx: RoutingTx,
    case: CaseReceived,
    *,
    item: ItemVersion,
    transfer_id: TransferId,
    organ: OrganCode,
    region: RegionCode,
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
        opened_at=tx.at,
        signed_by=by,
        due=acceptance.due,
    )
    await store.add_handling(tx, handling)
    if tx.at >= acceptance.due:
        await _accept(tx, handling, at=tx.at, by=None, counted_from=acceptance.started_at, deemed=True)
        await store.save_handlings(tx, [handling])
    return handling


async def accept(tx: RoutingTx, act: Act) -> Handling:
    """Accept the application; past its time it is accepted as from the day it was received.

    Law: 行政许可法 §32(5).
    """
    handling = await _load(tx, act, "accept")
    clock = await _acceptance(tx, handling)
    late = tx.at >= clock.due
    await _accept(tx, handling, at=tx.at, by=act.caller.ref, counted_from=clock.started_at if late else tx.at, deemed=late)
    await store.save_handlings(tx, [handling])
    return handling


async def not_accept(tx: RoutingTx, act: Act, *, ground: str, reason: str) -> Handling:
    """Refuse acceptance with its ground; in force when sealed, and then the case has ended.

    Law: 行政许可法 §32(1)(2).
    """
    handling = await _load(tx, act, "not_accept")
    clock = await _acceptance(tx, handling)
    notice = await _write(tx, handling, NoticeKind.NON_ACCEPTANCE, refusal_lines(ground=ground, reason=reason))
    handling.not_accept(at=tx.at, by=act.caller.ref, ground=ground, notice=notice, acceptance_due=clock.due)
    await clocks.meet(tx, handling.case_id, ClockKind.ACCEPTANCE, at=tx.at)
    await _record(tx, handling, EntryKind.NOT_ACCEPTED, by=act.caller.ref)
    await store.save_handlings(tx, [handling])
    return handling


async def correct(tx: RoutingTx, act: Act, *, defects: Sequence[tuple[DefectFound, str]]) -> Handling:
    """Tell the applicant once of all defects; each with its text. A later notice is flagged.

    Law: 行政许可法 §32(4).
    """
    handling = await _load(tx, act, "correct")
    clock = await _acceptance(tx, handling)
    found = tuple(defect for defect, _ in defects)
    handling.refuse_what_was_visible(found)
    lines = correction_lines([(defect.pointer, text) for defect, text in defects])
    notice = await _write(tx, handling, NoticeKind.CORRECTION, lines)
    await clocks.meet(tx, handling.case_id, ClockKind.ACCEPTANCE, at=tx.at)
    case = handling.case
    limit = OWN_LIMITS[ClockKind.SUPPLEMENT]
    wanted = Wanted(kind=ClockKind.SUPPLEMENT, limit=limit, at=tx.at, organ=case.receiving_organ, region=case.region)
    (supplement,) = await clocks.start(tx, case, wanted)
    handling.correct(at=tx.at, by=act.caller.ref, defects=found, notice=notice, acceptance_due=clock.due, supplement_due=supplement.due)
    rounds = len(handling.rounds)
    await _record(tx, handling, EntryKind.CORRECTION, by=act.caller.ref, facts={"defects": str(len(found)), "round": str(rounds)})
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


async def suspend(tx: RoutingTx, act: Act, *, ground: str, evidence: str, workdays: int) -> Handling:
    """Stop the decision clocks for what does not count, telling the applicant how long it is expected to take.

    Law: 行政许可法 §45.
    """
    handling = await _load(tx, act, "suspend")
    limit = Limit(amount=workdays, unit=Unit.WORKDAYS, basis="行政许可法 §45")
    wanted = Wanted(kind=ClockKind.SUSPENSION, limit=limit, at=tx.at, organ=handling.organ, region=handling.region)
    (clock,) = await clocks.start(tx, handling.case, wanted)
    handling.suspend(ground=ground, until=clock.due)
    zh, en = SUSPENSION_GROUNDS[ground]
    await clocks.stop(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at, ground=zh, law="行政许可法 §45")
    await _write(tx, handling, NoticeKind.SUSPENSION, suspension_lines(ground=(zh, en), evidence=evidence, until=show_due(clock.due)))
    await _record(tx, handling, EntryKind.SUSPENDED, by=act.caller.ref, facts={"ground": (zh, en)}, remark=evidence)
    await store.save_handlings(tx, [handling])
    return handling


async def resume(tx: RoutingTx, act: Act) -> Handling:
    """Let the decision clocks run again."""
    handling = await _load(tx, act, "resume")
    await clocks.meet(tx, handling.case_id, ClockKind.SUSPENSION, at=tx.at)
    running = await clocks.resume(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at)
    handling.resume(due=_promised(running, otherwise=tx.at))
    await _record(tx, handling, EntryKind.RESUMED, by=act.caller.ref, facts={"due": show_due(_promised(running, otherwise=tx.at))})
    await store.save_handlings(tx, [handling])
    return handling


async def extend(tx: RoutingTx, act: Act, *, reason: str) -> Handling:
    """Give the organ more time, once, by who may decide, with a notice.

    Law: 行政许可法 §42.
    """
    handling = await _load(tx, act, "decide")
    statutory = await clocks.current(tx, handling.case_id, ClockKind.DECISION_STATUTORY)
    more = handling.extend(at=tx.at, statutory_due=tx.at if statutory is None else statutory.due)
    running = await clocks.lengthen(tx, handling.case_id, *STOPPED_BY_SUSPENSION, by=more)
    due = show_due(_promised(running, otherwise=tx.at))
    handling.due = _promised(running, otherwise=tx.at)
    await _write(tx, handling, NoticeKind.EXTENSION, extension_lines(reason=reason, due=due))
    await _record(tx, handling, EntryKind.EXTENDED, by=act.caller.ref, facts={"due": due}, remark=reason)
    await store.save_handlings(tx, [handling])
    return handling


async def decide(
    tx: RoutingTx,
    act: Act,
    *,
    outcome: Outcome,
    grounds: tuple[str, ...],
    reason: str,
    conditions: str,
    valid_until: date | None,
) -> Handling:
    """Decide, by somebody who did nothing else on the case; in force when sealed.

    Law: 行政许可法 §37, §38.
    """
    handling = await _load(tx, act, "decide", needs_version=False)
    handling.refuse_decider(act.caller.ref)
    _check_version(handling, act)
    lines = decision_lines(
        outcome=OUTCOMES[outcome],
        grounds=_published_grounds(tx, handling, grounds),
        reason=reason,
        conditions=conditions,
        valid_until=valid_until,
        remedies=remedies_against(tx, handling.organ) if outcome is not Outcome.GRANTED else None,
    )
    notice = await _write(tx, handling, NoticeKind.DECISION, lines)
    handling.decide(at=tx.at, by=act.caller.ref, outcome=outcome, grounds=grounds, notice=notice, valid_until=valid_until)
    await clocks.meet(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at)
    await _record(tx, handling, EntryKind.DECIDED, by=act.caller.ref, facts={"outcome": OUTCOMES[outcome]})
    await store.save_handlings(tx, [handling])
    return handling


async def withdraw(tx: RoutingTx, case_id: CaseId, *, by: PersonRef | None) -> Handling | None:
    """Let the applicant take the application back, if nothing ended the matter before; ``None`` while nobody has signed for it."""
    handling = await store.get_handling(tx, case_id)
    if handling is not None:
        handling.withdraw(at=tx.at, by=by)
        await store.save_handlings(tx, [handling])
    return handling


async def give_back(tx: RoutingTx, case_id: CaseId) -> None:
    """End a handling whose case the organ gives back before acceptance."""
    handling = await store.get_handling(tx, case_id)
    if handling is None:
        raise NotOpened
    handling.terminate(at=tx.at)
    await store.save_handlings(tx, [handling])


async def deliver(tx: RoutingTx, case_id: CaseId, *, delivery_id: str, means: str, by: PersonRef | None) -> None:
    """Note that the result is in the applicant's hands; the handling has ended."""
    handling = await store.get_handling(tx, case_id)
    if handling is None:
        raise NotOpened
    handling.delivered(at=tx.at, delivery_id=delivery_id, means=means, by=by)
    await store.save_handlings(tx, [handling])


async def put_in_force(tx: RoutingTx, event: DecisionSealed) -> Handling | None:
    """Put a decision in force under its seal; ``None`` when this is not the decision that waits for one."""
    handling = await store.get_handling(tx, event.case_id)
    if handling is None or not await put_seal(tx, event.notice_id, seal=event.seal, at=event.at):
        return None
    credential = event.credential_id
    if not handling.decision_sealed(at=event.at, decision=event.decision, notice_id=event.notice_id, credential_id=credential):
        return None
    await _record(tx, handling, EntryKind.IN_FORCE, at=event.at)
    await store.save_handlings(tx, [handling])
    return handling


async def on_notice_sealed(tx: RoutingTx, event: NoticeSealed) -> None:
    """Put the act of a notice in force; a refusal of acceptance then ends the case."""
    if not await put_seal(tx, event.notice_id, seal=event.seal, at=event.at):
        return
    handling = await store.get_handling(tx, event.case_id)
    if handling is not None and handling.sealed(at=event.at, notice_id=event.notice_id):
        await store.save_handlings(tx, [handling])


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
    await give_card_for(tx, clock, OVERRUN[clock.kind.value])
    if handling.state is HandlingState.OPENED:
        await _accept(tx, handling, at=clock.due, by=None, counted_from=clock.started_at, deemed=True)
        await store.save_handlings(tx, [handling])


SUBSCRIPTIONS: Subscriptions = {CaseSupplemented: on_case_supplemented, NoticeSealed: on_notice_sealed}
TIMERS = timers_when_due({ClockKind.ACCEPTANCE: on_acceptance_overrun})


async def _load(tx: RoutingTx, act: Act, action: str, *, needs_version: bool = True) -> Handling:
    case = await find_case(tx, act.no)
    await lock(tx, case.root_case_id)
    handling = await store.get_handling(tx, case.case_id)
    row = store.row_of(handling) if handling is not None else store.row_before(case)
    permit(act.caller, "handling", action, row, regions=tx.context.catalogue, about=case.case_id)
    if handling is None:
        raise NotOpened
    handling.refuse_if_over()
    if needs_version:
        _check_version(handling, act)
    return handling


def _check_version(handling: Handling, act: Act) -> None:
    if handling.version != act.version:
        raise Stale(facts={"version": handling.version})


async def _acceptance(tx: RoutingTx, handling: Handling) -> Clock:
    clock = await clocks.current(tx, handling.case_id, ClockKind.ACCEPTANCE)
    if clock is None:
        raise NotOpened
    return clock


async def _accept(tx: RoutingTx, handling: Handling, *, at: datetime, by: PersonRef | None, counted_from: datetime, deemed: bool) -> None:
    case, item = handling.case, handling.item
    kinds = ((ClockKind.DECISION_PROMISED, item.promised_limit), (ClockKind.DECISION_STATUTORY, item.statutory_limit))
    wanted = [Wanted(kind=kind, limit=limit, at=counted_from, organ=handling.organ, region=handling.region) for kind, limit in kinds]
    await (clocks.cancel if deemed else clocks.meet)(tx, case.case_id, ClockKind.ACCEPTANCE, at=at)
    promised, statutory = await clocks.start(tx, case, *wanted)
    day = local_day(counted_from)
    lines = acceptance_lines(day=day, promised=show_due(promised.due), statutory=show_due(statutory.due), deemed=deemed)
    notice = await _write(tx, handling, NoticeKind.ACCEPTANCE, lines, at=at)
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
    await _record(tx, handling, kind, at=at, by=by, facts={"day": day.isoformat(), "due": show_due(promised.due)})


async def _write(tx: RoutingTx, handling: Handling, kind: NoticeKind, lines: Sequence[Line], *, at: datetime | None = None) -> Written:
    notice = await write_notice(
        tx,
        handling.case,
        kind,
        organ=handling.organ,
        region=handling.region,
        at=tx.at if at is None else at,
        item=handling.item.name,
        lines=lines,
    )
    return Written(notice_id=notice.notice_id, digest=notice.digest)


async def _record(
    tx: RoutingTx,
    handling: Handling,
    kind: EntryKind,
    *,
    at: datetime | None = None,
    by: PersonRef | None = None,
    facts: Mapping[str, str | tuple[str, str]] | None = None,
    remark: str = "",
) -> None:
    when = tx.at if at is None else at
    await record(tx, handling.case, kind, at=when, organ=handling.organ, region=handling.region, by=by, facts=facts, remark=remark)


def _published_grounds(tx: RoutingTx, handling: Handling, codes: tuple[str, ...]) -> list[tuple[str, str]]:
    parts = tx.context.catalogue.parts(handling.case.version_id)
    published = {} if parts is None else {code: (reason, law) for code, reason, law in parts.texts.denial_grounds}
    unknown = [code for code in codes if code not in published]
    if unknown:
        raise GroundsMissing(facts={"published": list[Json](published)})
    return [published[code] for code in codes]


def _promised(running: Sequence[Clock], *, otherwise: datetime) -> datetime:
    return next((clock.due for clock in running if clock.kind is ClockKind.DECISION_PROMISED), otherwise)
