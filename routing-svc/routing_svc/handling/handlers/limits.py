"""What moves the dates of a decision: what does not count, more time, and a holiday notice that comes out."""

from chassis.database import lock
from contracts.catalogue import Limit, Unit
from contracts.refusals import IllegalMove
from contracts.values import CaseId
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import NAMES, STOPPED_BY_SUSPENSION, Clock, ClockKind, show_due
from routing_svc.clock.handlers import Wanted
from routing_svc.context import RoutingTx
from routing_svc.handling import store
from routing_svc.handling.domain import SUSPENSION_GROUNDS, Act, Handling, HandlingState, next_date, refuse_suspension, show_other_end
from routing_svc.handling.handlers.desk import load, record_act, write
from routing_svc.notice.domain import NoticeKind, extension_lines, suspension_lines
from routing_svc.schema import have_at_hand
from routing_svc.timeline.domain import EntryKind
from routing_svc.timeline.handlers import find_case, record


async def suspend(tx: RoutingTx, act: Act, *, ground: str, evidence: str, workdays: int) -> Handling:
    """Stop the decision clocks for what does not count, telling the applicant how long it is expected to take.

    A promise that ran out before is not stopped: what is late stays late.

    Law: 行政许可法 §45.
    """
    handling = await load(tx, act, "suspend")
    statutory = await clocks.current(tx, handling.case_id, ClockKind.DECISION_STATUTORY)
    refuse_suspension(ground, at=tx.at, statutory_due=None if statutory is None else statutory.due)
    limit = Limit(amount=workdays, unit=Unit.WORKDAYS, basis="行政许可法 §45")
    wanted = Wanted(kind=ClockKind.SUSPENSION, limit=limit, at=tx.at, organ=handling.organ, region=handling.region)
    (clock,) = await clocks.start(tx, handling.case, wanted)
    zh, en = SUSPENSION_GROUNDS[ground]
    lines = suspension_lines(ground=(zh, en), evidence=evidence, until=show_due(clock.due))
    notice = await write(tx, handling, NoticeKind.SUSPENSION, lines)
    handling.suspend(at=tx.at, by=act.caller.ref, ground=ground, notice=notice, until=clock.due)
    await clocks.stop(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at, ground=zh, law="行政许可法 §45")
    await record_act(tx, handling, EntryKind.SUSPENDED, by=act.caller.ref, facts={"ground": (zh, en)}, remark=evidence)
    await store.save_handlings(tx, [handling])
    return handling


async def resume(tx: RoutingTx, act: Act) -> Handling:
    """Let the decision clocks run again."""
    handling = await load(tx, act, "resume")
    await clocks.meet(tx, handling.case_id, ClockKind.SUSPENSION, at=tx.at)
    await clocks.resume(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at)
    promised, statutory = await _dates(tx, handling)
    handling.resume(at=tx.at, by=act.caller.ref, statutory_due=statutory.due, promised_due=promised.due)
    due = show_due(next_date(tx.at, promised=promised.due, statutory=statutory.due))
    await record_act(tx, handling, EntryKind.RESUMED, by=act.caller.ref, facts={"due": due})
    await store.save_handlings(tx, [handling])
    return handling


async def extend(tx: RoutingTx, act: Act, *, reason: str) -> Handling:
    """Give the organ more time, once, by who may decide, with a notice of the new dates.

    Law: 行政许可法 §42.
    """
    handling = await load(tx, act, "extend")
    _, statutory = await _dates(tx, handling)
    more = handling.more_time(at=tx.at, statutory_due=statutory.due)
    await clocks.lengthen(tx, handling.case_id, *STOPPED_BY_SUSPENSION, by=more, at=tx.at)
    promised, statutory = await _dates(tx, handling)
    kept = show_due(promised.due) if promised.due > tx.at else None
    lines = extension_lines(reason=reason, statutory=show_due(statutory.due), promised=kept)
    notice = await write(tx, handling, NoticeKind.EXTENSION, lines)
    handling.extend(at=tx.at, by=act.caller.ref, notice=notice, statutory_due=statutory.due, promised_due=promised.due)
    due = show_due(next_date(tx.at, promised=promised.due, statutory=statutory.due))
    await record_act(tx, handling, EntryKind.EXTENDED, by=act.caller.ref, facts={"due": due}, remark=reason)
    await store.save_handlings(tx, [handling])
    return handling


async def redate(tx: RoutingTx, case_id: CaseId, *, root: CaseId) -> bool:
    """Put final dates in the place of provisional ones, once the holiday notice is out; False when none moved.

    Both counties and the applicant read of every date that moved, signed for or not; whoever shows the case is told of the one to be met now.
    """
    await lock(tx, root)
    await have_at_hand(tx, [case_id])
    moved = await clocks.redate(tx, case_id)
    if not moved:
        return False
    case, handling = await find_case(tx, case_id), await store.get_handling(tx, case_id)
    for clock, was in moved:
        moves = {"was": show_due(was), "due": show_due(clock.due), "calendar": clock.calendar_version}
        facts: dict[str, str | tuple[str, str]] = {"clock": NAMES[clock.kind], **moves}
        await record(tx, case, EntryKind.REDATED, at=tx.at, organ=clock.organ, region=clock.region, facts=facts)
    if handling is not None and show_other_end(handling, moved, at=tx.at):
        await store.save_handlings(tx, [handling])
    return True


async def _dates(tx: RoutingTx, handling: Handling) -> tuple[Clock, Clock]:
    """The clocks of the promise and of the law, whatever became of them."""
    promised = await clocks.current(tx, handling.case_id, ClockKind.DECISION_PROMISED)
    statutory = await clocks.current(tx, handling.case_id, ClockKind.DECISION_STATUTORY)
    if promised is None or statutory is None:
        raise IllegalMove(facts={"from": handling.state.value, "to": HandlingState.ACCEPTED.value})
    return promised, statutory
