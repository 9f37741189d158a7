"""What moves the dates of a decision: what does not count, and more time."""

from collections.abc import Sequence
from datetime import datetime

from contracts.catalogue import Limit, Unit
from routing_svc.clock import handlers as clocks
from routing_svc.clock.domain import STOPPED_BY_SUSPENSION, Clock, ClockKind, show_due
from routing_svc.clock.handlers import Wanted
from routing_svc.context import RoutingTx
from routing_svc.handling import store
from routing_svc.handling.domain import SUSPENSION_GROUNDS, Act, Handling
from routing_svc.handling.handlers.desk import load, record_act, write
from routing_svc.notice.domain import NoticeKind, extension_lines, suspension_lines
from routing_svc.timeline.domain import EntryKind


async def suspend(tx: RoutingTx, act: Act, *, ground: str, evidence: str, workdays: int) -> Handling:
    """Stop the decision clocks for what does not count, telling the applicant how long it is expected to take.

    Law: 行政许可法 §45.
    """
    handling = await load(tx, act, "suspend")
    limit = Limit(amount=workdays, unit=Unit.WORKDAYS, basis="行政许可法 §45")
    wanted = Wanted(kind=ClockKind.SUSPENSION, limit=limit, at=tx.at, organ=handling.organ, region=handling.region)
    (clock,) = await clocks.start(tx, handling.case, wanted)
    handling.suspend(ground=ground, until=clock.due)
    zh, en = SUSPENSION_GROUNDS[ground]
    await clocks.stop(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at, ground=zh, law="行政许可法 §45")
    await write(tx, handling, NoticeKind.SUSPENSION, suspension_lines(ground=(zh, en), evidence=evidence, until=show_due(clock.due)))
    await record_act(tx, handling, EntryKind.SUSPENDED, by=act.caller.ref, facts={"ground": (zh, en)}, remark=evidence)
    await store.save_handlings(tx, [handling])
    return handling


async def resume(tx: RoutingTx, act: Act) -> Handling:
    """Let the decision clocks run again."""
    handling = await load(tx, act, "resume")
    await clocks.meet(tx, handling.case_id, ClockKind.SUSPENSION, at=tx.at)
    running = await clocks.resume(tx, handling.case_id, *STOPPED_BY_SUSPENSION, at=tx.at)
    handling.resume(due=_promised(running, otherwise=tx.at))
    await record_act(tx, handling, EntryKind.RESUMED, by=act.caller.ref, facts={"due": show_due(_promised(running, otherwise=tx.at))})
    await store.save_handlings(tx, [handling])
    return handling


async def extend(tx: RoutingTx, act: Act, *, reason: str) -> Handling:
    """Give the organ more time, once, by who may decide, with a notice.

    Law: 行政许可法 §42.
    """
    handling = await load(tx, act, "decide")
    statutory = await clocks.current(tx, handling.case_id, ClockKind.DECISION_STATUTORY)
    more = handling.extend(at=tx.at, statutory_due=tx.at if statutory is None else statutory.due)
    running = await clocks.lengthen(tx, handling.case_id, *STOPPED_BY_SUSPENSION, by=more)
    due = show_due(_promised(running, otherwise=tx.at))
    handling.due = _promised(running, otherwise=tx.at)
    await write(tx, handling, NoticeKind.EXTENSION, extension_lines(reason=reason, due=due))
    await record_act(tx, handling, EntryKind.EXTENDED, by=act.caller.ref, facts={"due": due}, remark=reason)
    await store.save_handlings(tx, [handling])
    return handling


def _promised(running: Sequence[Clock], *, otherwise: datetime) -> datetime:
    return next((clock.due for clock in running if clock.kind is ClockKind.DECISION_PROMISED), otherwise)
