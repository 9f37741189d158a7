"""Start, stop and end clocks, each with its timers; what follows when one runs out is done by the room that owns the matter."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chassis.timers import Timer, TimerKind, cancel_timer, list_timers, set_timer
from chassis.watermarks import heard_until
from contracts.catalogue import Limit
from contracts.events import CASE_EVENTS, CaseReceived
from contracts.values import CaseId, OrganCode, RegionCode
from routing_svc.clock import store
from routing_svc.clock.domain import HEARD_FROM, REDATED, WARNED, Clock, ClockKind, ClockState, start_clock
from routing_svc.context import Routing, RoutingTx
from rules.workdays import day_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A clock to be started."""

    kind: ClockKind
    limit: Limit
    at: datetime
    """The act that starts it."""
    organ: OrganCode
    region: RegionCode
    met_at: datetime | None = None
    """When the act came, for a clock that is kept only to show whether it came in time."""


async def start(tx: RoutingTx, case: CaseReceived, *wanted: Wanted) -> tuple[Clock, ...]:
    """Start clocks of a case and set the timers of those that wait; in the order asked for."""
    had = await store.count_clocks(tx, case.case_id)
    clocks = tuple(
        start_clock(
            each.kind,
            case=case,
            number=had.get(each.kind, 0) + 1,
            region=each.region,
            organ=each.organ,
            limit=each.limit,
            at=each.at,
            calendar=tx.context.catalogue.calendar(each.region),
        )
        for each in wanted
    )
    for clock, each in zip(clocks, wanted, strict=True):
        if each.met_at is not None:
            clock.meet(at=each.met_at)
    await store.save_clocks(tx, clocks)
    for clock in clocks:
        if clock.state is ClockState.RUNNING:
            await _set_timers(tx, clock)
    return clocks


async def meet(tx: RoutingTx, case_id: CaseId, *kinds: ClockKind, at: datetime) -> tuple[Clock, ...]:
    """End the clocks of these kinds: the act came."""
    clocks = await store.get_clocks(tx, case_id, kinds=frozenset(kinds))
    for clock in clocks:
        if clock.state is ClockState.STOPPED:
            clock.resume(at=at, calendar=tx.context.catalogue.calendar(clock.region))
        clock.meet(at=at)
    await _end(tx, clocks)
    return clocks


async def meet_one(tx: RoutingTx, clock_id: str, *, at: datetime) -> None:
    """End one clock: the act came; nothing when it ended before."""
    clock = await store.get_clock(tx, clock_id)
    if clock is not None:
        clock.meet(at=at)
        await _end(tx, (clock,))


async def cancel(tx: RoutingTx, case_id: CaseId, *kinds: ClockKind, at: datetime) -> None:
    """End the clocks of these kinds, of all kinds when none is named: nothing is left to do in time."""
    clocks = await store.get_clocks(tx, case_id, kinds=frozenset(kinds) if kinds else None)
    for clock in clocks:
        clock.cancel(at=at)
    await _end(tx, clocks)


async def stop(tx: RoutingTx, case_id: CaseId, *kinds: ClockKind, at: datetime, ground: str, law: str) -> None:
    """Let the running clocks of these kinds stand still."""
    clocks = await _running(tx, case_id, kinds)
    for clock in clocks:
        clock.stop(at=at, ground=ground, law=law)
        await _take_timers(tx, clock)
    await store.save_clocks(tx, clocks)


async def resume(tx: RoutingTx, case_id: CaseId, *kinds: ClockKind, at: datetime) -> tuple[Clock, ...]:
    """Let the standing clocks of these kinds run again; with their new dates."""
    live = await store.get_clocks(tx, case_id, kinds=frozenset(kinds))
    clocks = tuple(clock for clock in live if clock.state is ClockState.STOPPED)
    for clock in clocks:
        clock.resume(at=at, calendar=tx.context.catalogue.calendar(clock.region))
        await _set_timers(tx, clock)
    await store.save_clocks(tx, clocks)
    return clocks


async def lengthen(tx: RoutingTx, case_id: CaseId, *kinds: ClockKind, by: Limit, at: datetime) -> tuple[Clock, ...]:
    """Give the clocks of these kinds more time, also those that ran out; with their new dates."""
    clocks = await store.get_clocks(tx, case_id, kinds=frozenset(kinds))
    for clock in clocks:
        clock.lengthen(by=by, at=at, calendar=tx.context.catalogue.calendar(clock.region))
        if clock.state is ClockState.RUNNING:
            await _set_timers(tx, clock)
    await store.save_clocks(tx, clocks)
    return clocks


async def hand_over(tx: RoutingTx, case_id: CaseId, *, former: OrganCode, organ: OrganCode, region: RegionCode) -> None:
    """Let an organ meet the clocks of a case that another was to meet, whose place it took."""
    clocks = [clock for clock in await store.get_clocks(tx, case_id) if clock.organ == former]
    for clock in clocks:
        clock.hand_over(organ, region)
    await store.save_clocks(tx, clocks)


async def redate(tx: RoutingTx, case_id: CaseId) -> Sequence[tuple[Clock, datetime]]:
    """Make the provisional dates of a case final; the clocks that end later for it, each with the date it had, in the order they began."""
    moved: list[tuple[Clock, datetime]] = []
    for clock in await _running(tx, case_id, tuple(REDATED)):
        was = clock.due
        if clock.provisional and clock.redate(calendar=tx.context.catalogue.calendar(clock.region)):
            await store.save_clocks(tx, [clock])
            if clock.due != was:
                await _set_timers(tx, clock)
                moved.append((clock, was))
    return moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what waits for a holiday notice."""

    cases: Mapping[CaseId, CaseId]
    """Cases with a provisional date that can be final now, each with its root."""
    last: Timer | None
    """Where the next page goes on; ``None`` when this is the last."""


async def waiting_for_notice(tx: RoutingTx, *, until: date, after: Timer | None, limit: int) -> Page:
    """Cases with a provisional date in the days for which the notices are out by now, the next dates first.

    Args:
        tx: The transaction.
        until: Last day for which the notices are out.
        after: The end of the page before.
        limit: Most dates to look at.
    """
    kinds = [f"{_PREFIX}{kind.value}" for kind in sorted(REDATED)]
    ends = day_start(until + timedelta(days=1))
    timers = await list_timers(tx, kinds=kinds, since=tx.at, until=ends, after=after, limit=limit)
    roots = {_clock_of(timer): CaseId(timer.key) for timer in timers}
    found = await store.list_provisional(tx, list(roots))
    return Page(cases={case_id: roots[clock_id] for clock_id, case_id in found}, last=timers[-1] if len(timers) == limit else None)


async def current(tx: RoutingTx, case_id: CaseId, kind: ClockKind) -> Clock | None:
    """The last clock of a kind, whatever became of it."""
    return await store.last_clock(tx, case_id, kind)


async def overrun(tx: RoutingTx, timer: Timer) -> Clock | None:
    """The clock of a timer that is due, noted as run out; ``None`` when it ended or moved meanwhile."""
    clock = await store.get_clock(tx, _clock_of(timer))
    if clock is None or clock.state is not ClockState.RUNNING or clock.due > timer.due:
        return None
    clock.run_out()
    await store.save_clocks(tx, [clock])
    return clock


async def about(tx: RoutingTx, timer: Timer) -> Clock | None:
    """The clock that a warning is about; ``None`` when it does not run any more or ends later."""
    clock = await store.get_clock(tx, _clock_of(timer))
    return clock if clock is not None and clock.state is ClockState.RUNNING and _warned_at(clock) <= timer.due else None


async def facts_are_in(tx: RoutingTx, timer: Timer) -> bool:
    """Whether everything that could have stopped the clock in time was heard."""
    kind = ClockKind(timer.kind.removeprefix(_PREFIX))
    for service in sorted(HEARD_FROM[kind]):
        until = await heard_until(tx, service=service, topic=CASE_EVENTS, key=timer.key)
        if until is None or until < timer.due:
            return False
    return True


Fire = Callable[[RoutingTx, Timer], Awaitable[None]]


def timers_when_due(effects: Mapping[ClockKind, Fire]) -> tuple[TimerKind[Routing], ...]:
    """The timers of clocks that run out, each with what its room does then."""
    return tuple(TimerKind(kind=f"{_PREFIX}{kind.value}", fire=fire, gate=facts_are_in) for kind, fire in effects.items())


def timers_of_warnings(fire: Fire) -> tuple[TimerKind[Routing], ...]:
    """The timers of clocks whose last day begins."""
    return tuple(TimerKind(kind=f"{_PREFIX}{kind.value}{_WARNING}", fire=fire) for kind in sorted(WARNED))


_PREFIX = "clock."
_WARNING = ".warn"


async def _running(tx: RoutingTx, case_id: CaseId, kinds: tuple[ClockKind, ...]) -> tuple[Clock, ...]:
    live = await store.get_clocks(tx, case_id, kinds=frozenset(kinds))
    return tuple(clock for clock in live if clock.state is ClockState.RUNNING)


async def _end(tx: RoutingTx, clocks: tuple[Clock, ...]) -> None:
    for clock in clocks:
        await _take_timers(tx, clock)
    await store.save_clocks(tx, clocks)


async def _set_timers(tx: RoutingTx, clock: Clock) -> None:
    key, kind = clock.root_case_id, f"{_PREFIX}{clock.kind.value}"
    await set_timer(tx, timer_id=f"{clock.clock_id}/due", kind=kind, key=key, due=clock.due)
    warned_at = _warned_at(clock)
    if clock.kind in WARNED and warned_at > clock.started_at:
        await set_timer(tx, timer_id=f"{clock.clock_id}/warn", kind=f"{kind}{_WARNING}", key=key, due=warned_at)


def _clock_of(timer: Timer) -> str:
    return timer.timer_id.rsplit("/", 1)[0]


async def _take_timers(tx: RoutingTx, clock: Clock) -> None:
    await cancel_timer(tx, f"{clock.clock_id}/due")
    if clock.kind in WARNED:
        await cancel_timer(tx, f"{clock.clock_id}/warn")


def _warned_at(clock: Clock) -> datetime:
    return day_start(clock.last_day)
