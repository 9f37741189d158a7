"""Clocks: a limit that runs, may stand still, and ends by an act or by running out; each can say why its date is that date.

Law: 行政许可法 §32, §42, §44, §45, §82. Limits come from the item's version and the agreement, never from here, but for
those of our own that no law or agreement sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType

from contracts.catalogue import Limit, Unit
from contracts.events import CaseReceived
from contracts.refusals import IllegalMove
from contracts.values import CaseId, Json, OrganCode, RegionCode
from rules.calendars import SHANGHAI, Calendar
from rules.workdays import Due, Line, Segment, due_with_stops, explain, local_day


class ClockKind(StrEnum):
    """What a clock limits."""

    TRANSFER_WAITING = "transfer_waiting"
    TRANSFER_DELIVERED = "transfer_delivered"
    TRANSFER_VALIDATED = "transfer_validated"
    TRANSFER_SIGN = "transfer_sign"
    TRANSFER_LAPSE = "transfer_lapse"
    ACCEPTANCE = "acceptance"
    SUPPLEMENT = "supplement"
    DECISION_PROMISED = "decision_promised"
    DECISION_STATUTORY = "decision_statutory"
    SUSPENSION = "suspension"
    SEAL = "seal"
    DELIVERY = "delivery"


NAMES: Mapping[ClockKind, tuple[str, str]] = MappingProxyType(
    {
        ClockKind.TRANSFER_WAITING: ("等待事项版本", "waiting for the item's version"),
        ClockKind.TRANSFER_DELIVERED: ("送达办理地时限", "time to bring the case over"),
        ClockKind.TRANSFER_VALIDATED: ("校验时限", "time to validate the case"),
        ClockKind.TRANSFER_SIGN: ("签收期限", "time to sign for the case"),
        ClockKind.TRANSFER_LAPSE: ("转办有效期", "time until the offer lapses"),
        ClockKind.ACCEPTANCE: ("受理决定期限", "time to decide acceptance"),
        ClockKind.SUPPLEMENT: ("补正期限", "time to supplement"),
        ClockKind.DECISION_PROMISED: ("承诺办结期限", "promised time to decide"),
        ClockKind.DECISION_STATUTORY: ("法定办结期限", "statutory time to decide"),
        ClockKind.SUSPENSION: ("中止事由预计时间", "time told for what stops the clock"),
        ClockKind.SEAL: ("用印期限", "time to seal"),
        ClockKind.DELIVERY: ("送达期限", "time to deliver"),
    }
)
"""Clocks in Chinese and English."""

OWN_LIMITS: Mapping[ClockKind, Limit] = MappingProxyType(
    {
        ClockKind.TRANSFER_WAITING: Limit(amount=30, unit=Unit.MINUTES),
        ClockKind.SUPPLEMENT: Limit(amount=15, unit=Unit.WORKDAYS),
        ClockKind.SEAL: Limit(amount=10, unit=Unit.MINUTES),
    }
)
"""Limits of ours, where neither law nor agreement sets one; when they run out somebody is told, nobody loses a right."""

STOPPED_BY_SUSPENSION = frozenset({ClockKind.DECISION_PROMISED, ClockKind.DECISION_STATUTORY})
"""What does not count while a hearing, test or the like runs.

Law: 行政许可法 §45.
"""

WARNED = frozenset({ClockKind.ACCEPTANCE, ClockKind.DECISION_PROMISED, ClockKind.DECISION_STATUTORY})
"""Clocks whose owner is told when the last day begins."""

HEARD_FROM: Mapping[ClockKind, frozenset[str]] = MappingProxyType(
    {kind: frozenset({"intake", "credential"}) if kind is ClockKind.SEAL else frozenset({"intake"}) for kind in ClockKind}
)
"""Services whose facts could have stopped the clock in time: it acts only once all of theirs up to its end are known."""


class ClockState(StrEnum):
    """States of a clock."""

    RUNNING = "running"
    STOPPED = "stopped"
    MET = "met"
    """The act came."""
    CANCELLED = "cancelled"
    """There is nothing left to do in time."""
    OVERRUN = "overrun"
    """It ran out, and what follows from that was done."""


MOVES: Mapping[ClockState, frozenset[ClockState]] = MappingProxyType(
    {
        ClockState.RUNNING: frozenset({ClockState.STOPPED, ClockState.MET, ClockState.CANCELLED, ClockState.OVERRUN}),
        ClockState.STOPPED: frozenset({ClockState.RUNNING, ClockState.CANCELLED}),
        ClockState.OVERRUN: frozenset({ClockState.RUNNING, ClockState.MET, ClockState.CANCELLED}),
        ClockState.MET: frozenset(),
        ClockState.CANCELLED: frozenset(),
    }
)
"""Every move there is; what is not here is refused. A clock that ran out still waits for the act, and runs again when it is given more time."""

REDATED = frozenset(
    {ClockKind.ACCEPTANCE, ClockKind.SUPPLEMENT, ClockKind.DECISION_PROMISED, ClockKind.DECISION_STATUTORY, ClockKind.DELIVERY}
)
"""Clocks whose provisional dates are reckoned anew; those of a hop are a few days and end as they were told."""

LIVE = frozenset({ClockState.RUNNING, ClockState.STOPPED, ClockState.OVERRUN})
"""States in which an act is still waited for."""


@dataclass(slots=True, kw_only=True)
class Clock:
    """One clock of one case."""

    case_id: CaseId
    root_case_id: CaseId
    kind: ClockKind
    number: int
    """Counts the clocks of this kind of the case, from 1."""
    region: RegionCode
    """Whose calendar counts."""
    organ: OrganCode
    """Who must act."""
    limit: Limit
    started_at: datetime
    state: ClockState = ClockState.RUNNING
    stops: tuple[Segment, ...] = ()
    due: datetime
    """UTC, exclusive; while it stands still, the date it had before."""
    provisional: bool = False
    calendar_version: str = "none"
    ended_at: datetime | None = None
    version: int = 0

    @property
    def clock_id(self) -> str:
        """Made of case, kind and number, so that a clock is started once whatever is heard twice."""
        return clock_id(self.case_id, self.kind, self.number)

    @property
    def last_day(self) -> date:
        """The last day on which the act is in time, Asia/Shanghai."""
        return local_day(self.due - timedelta(microseconds=1))

    def stop(self, *, at: datetime, ground: str, law: str) -> None:
        """Let it stand still.

        Raises:
            IllegalMove: It does not run.
        """
        self._move(ClockState.STOPPED)
        self.stops = (*self.stops, Segment(kind="stopped", start=at, end=None, ground=ground, law=law))

    def resume(self, *, at: datetime, calendar: Calendar) -> None:
        """Let it run again; its date moves by what did not count.

        Raises:
            IllegalMove: It does not stand still.
        """
        self._move(ClockState.RUNNING)
        self.stops = (*self.stops[:-1], replace(self.stops[-1], end=at))
        self._date_later(calendar)

    def lengthen(self, *, by: Limit, at: datetime, calendar: Calendar) -> None:
        """Give more time of the same unit; its date moves, and one that had run out runs again if the new date is to come.

        Raises:
            IllegalMove: It stands still or has ended, or the units differ.
        """
        if self.state not in {ClockState.RUNNING, ClockState.OVERRUN} or by.unit is not self.limit.unit:
            raise IllegalMove(facts={"from": self.state.value, "to": ClockState.RUNNING.value})
        basis = ",".join(text for text in (self.limit.basis, by.basis) if text)
        self.limit = replace(self.limit, amount=self.limit.amount + by.amount, basis=basis)
        self._date_later(calendar)
        if self.state is ClockState.OVERRUN and self.due > at:
            self._move(ClockState.RUNNING)

    def redate(self, *, calendar: Calendar) -> bool:
        """Make a provisional date final once the notice for its years is out, later where the notice makes it later; True when it is final now.

        One that the notice would make earlier ends as it was told, as does one that would be provisional still.

        Raises:
            IllegalMove: It does not run, or its date is final.
        """
        if self.state is not ClockState.RUNNING or not self.provisional:
            raise IllegalMove(facts={"from": self.state.value, "to": self.state.value, "clock": self.kind.value})
        found = self.measure(calendar)
        if found is None or found.provisional:
            return False
        if found.instant >= self.due:
            self._date(calendar)
        self.provisional = False
        return True

    def meet(self, *, at: datetime) -> None:
        """The act came, in time or late.

        Raises:
            IllegalMove: It has ended.
        """
        self._move(ClockState.MET)
        self.ended_at = at

    def cancel(self, *, at: datetime) -> None:
        """Nothing is left to do in time.

        Raises:
            IllegalMove: It has ended.
        """
        self._move(ClockState.CANCELLED)
        self.ended_at = at

    def hand_over(self, organ: OrganCode, region: RegionCode) -> None:
        """Let another organ meet it; the date that was told stays until something moves it."""
        self.organ, self.region = organ, region

    def run_out(self) -> None:
        """Note that it ran out, as of the instant it was due.

        Raises:
            IllegalMove: It does not run.
        """
        self._move(ClockState.OVERRUN)

    def measure(self, calendar: Calendar) -> Due | None:
        """Its date by a calendar; ``None`` while it stands still."""
        return due_with_stops(calendar, start=self.started_at, limit=self.limit, segments=self.stops)

    def explain(self, calendar: Calendar) -> tuple[Line, ...]:
        """Why its date is that date: by the rows that it was reckoned with, whatever was published since.

        What is told always ends on that date; where no rows that are known here make it, only their version is named.

        Args:
            calendar: Of the region, as it is now.
        """
        found = self.measure(calendar)
        if found is None:
            stop = self.stops[-1]
            return (
                Line(rule_id="clock.stopped", zh=f"期限中止({stop.ground},{stop.law})", en=f"Time is stopped ({stop.ground}, {stop.law})"),
            )
        rule = f"clock.{self.kind.value}"
        stands, same_rows = found.instant == self.due, found.calendar_version == self.calendar_version
        then = calendar.as_of(self.calendar_version)
        told = None if then is None else self.measure(then)
        if stands and (same_rows or (told is not None and told.instant != self.due)):
            # The other rows: written before rows of regions were named, and then they make another date than the one told.
            return explain(found, start=self.started_at, limit=self.limit, rule_id=rule)
        if told is None or told.instant != self.due:
            return _replaced(self) if same_rows else (*_replaced(self), _later(found.calendar_version))
        # The rows of then know nothing of the notice that made the date final without moving it.
        told = replace(told, provisional=self.provisional)
        return (*explain(told, start=self.started_at, limit=self.limit, rule_id=rule), _later(found.calendar_version))

    def segments(self) -> tuple[Segment, ...]:
        """What ran and what stood still, in order."""
        told: list[Segment] = []
        since = self.started_at
        for stop in self.stops:
            told += [Segment(kind="running", start=since, end=stop.start), stop]
            if stop.end is None:
                return tuple(told)
            since = stop.end
        return (*told, Segment(kind="running", start=since, end=self.ended_at))

    def _date(self, calendar: Calendar) -> None:
        found = self.measure(calendar)
        if found is not None:
            self.due, self.provisional, self.calendar_version = found.instant, found.provisional, found.calendar_version

    def _date_later(self, calendar: Calendar) -> None:
        """Reckon anew, and keep the date that was told where what was published since would make it earlier."""
        told = self.due
        self._date(calendar)
        self.due = max(self.due, told)

    def _move(self, to: ClockState) -> None:
        if to not in MOVES[self.state]:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value, "clock": self.kind.value})
        self.state = to


def _replaced(clock: Clock) -> tuple[Line, ...]:
    """What can still be said of a date whose calendar was replaced since."""
    shown = show_due(clock.due)
    return (
        Line(
            rule_id=f"clock.{clock.kind.value}",
            zh=f"截止 {shown}(北京时间),按当时的工作日历版本 {clock.calendar_version} 计算",
            en=f"Ends {shown} (Beijing time), reckoned with the working-day calendar {clock.calendar_version} of that time",
        ),
    )


def _later(version: str) -> Line:
    return Line(
        rule_id="calendar.later",
        zh=f"此后公布的工作日历版本 {version} 不改变已告知的日期",
        en=f"The working-day calendar {version}, published since, does not move a date that was told",
    )


def start_clock(
    kind: ClockKind,
    *,
    case: CaseReceived,
    number: int,
    region: RegionCode,
    organ: OrganCode,
    limit: Limit,
    at: datetime,
    calendar: Calendar,
) -> Clock:
    """A clock that runs from an act."""
    clock = Clock(
        case_id=case.case_id,
        root_case_id=case.root_case_id,
        kind=kind,
        number=number,
        region=region,
        organ=organ,
        limit=limit,
        started_at=at,
        due=at,
    )
    found = clock.measure(calendar)
    if found is not None:
        clock.due, clock.provisional, clock.calendar_version = found.instant, found.provisional, found.calendar_version
    return clock


def clock_id(case_id: CaseId, kind: ClockKind, number: int) -> str:
    """The id of a clock."""
    return f"{case_id}:{kind.value}:{number}"


def show_limit(limit: Limit) -> dict[str, Json]:
    """A limit as answers show it."""
    return {"amount": limit.amount, "unit": limit.unit.value, "basis": limit.basis}


def show_due(due: datetime) -> str:
    """An end in Beijing time as people write it; midnight is 24:00 of the day before."""
    local = due.astimezone(SHANGHAI)
    if local.time() == time():
        return f"{local.date() - timedelta(days=1)} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"
