"""When a period ends, and why on that day.

Working days: counting starts the day after the act, the period ends at 24:00 Asia/Shanghai of its last working day. Hours:
those of the window day, counted from the instant of the act. Minutes: elapsed ones. While a clock is stopped nothing
counts: of working days, those after the day of the stop up to and with the day of the resumption (the day of an act never
starts a count, and a stop on the day of its resumption takes nothing away).

Law: 行政许可法 §42, §45, §82; that the day of a stop still counts and the day of its end does not is ours
(``docs/decisions/0011-days-around-a-stop.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from contracts.catalogue import Limit, Unit
from rules.calendars import SHANGHAI, Calendar

WINDOW_HOURS = ((time(9), time(12)), (time(13, 30), time(17, 30)))
"""The window day, where a region or item says nothing else; ours."""

MOST = 10_000
"""Largest amount of a limit, in its unit."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch in which a clock ran or stood still."""

    kind: Literal["running", "stopped"]
    start: datetime
    end: datetime | None
    """Exclusive; ``None`` while it lasts."""
    ground: str = ""
    """Why it stopped, e.g. ``hearing``."""
    law: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a period as it was counted."""

    kind: Literal["counted", "off", "stopped"]
    """``off``: weekend, holiday, or outside window hours."""
    start: datetime
    """UTC; for days local midnight."""
    end: datetime
    """UTC, exclusive."""
    days: int
    """Calendar days it touches."""
    ground: str = ""
    """Why the clock was stopped, or why a region does not work on a day on which the nation does."""
    law: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The end of a period and how it came about."""

    instant: datetime
    """UTC, exclusive: what happens at this instant is late."""
    last_day: date
    """Last day of the period, Asia/Shanghai."""
    provisional: bool
    """It rests on a year whose holiday notice is not out; it may still move later."""
    calendar_version: str
    """``none`` for elapsed minutes."""
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an explanation."""

    rule_id: str
    zh: str
    en: str


Hours = Sequence[tuple[time, time]]


def local_day(instant: datetime) -> date:
    """The day of an instant in Asia/Shanghai."""
    return instant.astimezone(SHANGHAI).date()


def day_start(day: date) -> datetime:
    """00:00 Asia/Shanghai of a day, as UTC; of the next day it is 24:00 of this one."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def due(calendar: Calendar, *, start: datetime, limit: Limit, hours: Hours = WINDOW_HOURS) -> Due:
    """When a period that is never stopped ends.

    Args:
        calendar: Of the region whose organ must act.
        start: The act that starts it; aware.
        limit: At most `MOST`. 0 working days end with the day of the act, or the next working day if it is none.
        hours: Window hours in order, for a limit in hours.

    Raises:
        ValueError: A naive start, a limit out of bounds, or no window hours.
    """
    return _measure(calendar, start=start, limit=limit, stops=(), hours=hours)


def due_with_stops(
    calendar: Calendar, *, start: datetime, limit: Limit, segments: Sequence[Segment], hours: Hours = WINDOW_HOURS
) -> Due | None:
    """When a period ends whose clock was stopped; ``None`` while it stands still and had not ended before.

    Args:
        calendar: As for `due`.
        start: As for `due`.
        limit: As for `due`.
        segments: In any order; running ones are ignored, they are what the stopped ones leave.
        hours: As for `due`.

    Raises:
        ValueError: As for `due`.
    """
    stopped = [segment for segment in segments if segment.kind == "stopped"]
    closed = _merged([one for one in stopped if one.end is not None])
    found = _measure(calendar, start=start, limit=limit, stops=closed, hours=hours)
    opened = [one.start for one in stopped if one.end is None]
    return None if opened and min(opened) < found.instant else found


def explain(found: Due, *, start: datetime, limit: Limit, rule_id: str) -> tuple[Line, ...]:
    """Say how a date came about: the limit with its law, every stretch, the end, the calendar."""
    began = start.astimezone(SHANGHAI)
    basis_zh, basis_en = (f"({limit.basis})", f" ({limit.basis})") if limit.basis else ("", "")
    begins_zh, begins_en = (
        ("的次日起算", "counted from the day after") if limit.unit is Unit.WORKDAYS and limit.amount else ("起算", "counted from")
    )
    unit_zh, unit_en = _UNITS[limit.unit]
    lines = [
        Line(
            rule_id=rule_id,
            zh=f"期限 {limit.amount} {unit_zh}{basis_zh},自 {began:%Y-%m-%d %H:%M} {begins_zh}",
            en=f"{limit.amount} {unit_en}{basis_en}, {begins_en} {began:%Y-%m-%d %H:%M}",
        )
    ]
    lines += [_line(span, rule_id=rule_id, whole_days=limit.unit is Unit.WORKDAYS) for span in found.spans]
    end = found.instant.astimezone(SHANGHAI)
    shown = f"{found.last_day} 24:00" if limit.unit is Unit.WORKDAYS else f"{end:%Y-%m-%d %H:%M}"
    lines.append(Line(rule_id=rule_id, zh=f"截止 {shown}(北京时间)", en=f"Ends {shown} (Beijing time)"))
    if limit.unit is not Unit.MINUTES:
        lines.append(
            Line(
                rule_id="calendar.provisional" if found.provisional else "calendar.official",
                zh=f"工作日历版本 {found.calendar_version}" + (",放假通知尚未公布,日期可能顺延" if found.provisional else ""),
                en=f"Working-day calendar {found.calendar_version}"
                + ("; the holiday notice is not out, the date may move later" if found.provisional else ""),
            )
        )
    return tuple(lines)


_UNITS = {
    Unit.WORKDAYS: ("个工作日", "working days"),
    Unit.HOURS: ("个工作小时", "window hours"),
    Unit.MINUTES: ("分钟", "minutes"),
}
_KINDS = {"counted": ("计入", "counted"), "off": ("非工作时间,不计", "not working time"), "stopped": ("中止,不计", "stopped")}


def _line(span: Span, *, rule_id: str, whole_days: bool) -> Line:
    zh, en = _KINDS[span.kind]
    why_zh = f"({'，'.join(text for text in (span.ground, span.law) if text)})" if span.ground or span.law else ""
    why_en = f" ({', '.join(text for text in (span.ground, span.law) if text)})" if why_zh else ""
    if whole_days:
        first, last = local_day(span.start), local_day(span.end - timedelta(microseconds=1))
        shown = f"{first}" if first == last else f"{first} – {last}"
        return Line(rule_id=rule_id, zh=f"{shown} {zh} {span.days} 日{why_zh}", en=f"{shown} {en}, days: {span.days}{why_en}")
    shown = f"{span.start.astimezone(SHANGHAI):%Y-%m-%d %H:%M} – {span.end.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return Line(rule_id=rule_id, zh=f"{shown} {zh}{why_zh}", en=f"{shown} {en}{why_en}")


def _measure(calendar: Calendar, *, start: datetime, limit: Limit, stops: Sequence[Segment], hours: Hours) -> Due:
    if start.tzinfo is None:
        raise ValueError("a naive datetime starts no period")
    if not 0 <= limit.amount <= MOST:
        raise ValueError(f"a limit is from 0 to {MOST}")
    start = start.astimezone(UTC)
    match limit.unit:
        case Unit.WORKDAYS:
            return _workdays(calendar, start=start, amount=limit.amount, stops=stops)
        case Unit.HOURS:
            if not hours:
                raise ValueError("no window hours")
            return _hours(calendar, start=start, left=timedelta(hours=limit.amount), stops=stops, hours=hours)
        case Unit.MINUTES:
            return _minutes(start=start, left=timedelta(minutes=limit.amount), stops=stops)


def _workdays(calendar: Calendar, *, start: datetime, amount: int, stops: Sequence[Segment]) -> Due:
    first = local_day(start)
    covers = _stopped_on(stops, instant=amount == 0)
    day, left = (first, 1) if amount == 0 else (first + _DAY, amount)
    kinds: list[tuple[date, Literal["counted", "off", "stopped"], Segment | None]] = []
    while True:
        stop = covers(day) if calendar.is_workday(day) else None
        kind: Literal["counted", "off", "stopped"]
        kind = "stopped" if stop else "counted" if calendar.is_workday(day) else "off"
        kinds.append((day, kind, stop))
        left -= kind == "counted"
        if left == 0:
            break
        day += _DAY
    spans: list[Span] = []
    for at, kind, stop in kinds:
        ground, law = (stop.ground, stop.law) if stop else (calendar.closure(at), "")
        former = spans[-1] if spans else None
        if former and (former.kind, former.ground, former.law) == (kind, ground, law):
            spans[-1] = Span(kind=kind, start=former.start, end=day_start(at + _DAY), days=former.days + 1, ground=ground, law=law)
        else:
            spans.append(Span(kind=kind, start=day_start(at), end=day_start(at + _DAY), days=1, ground=ground, law=law))
    return _due(calendar, instant=day_start(day + _DAY), first=first, last=day, spans=spans)


def _stopped_on(stops: Sequence[Segment], *, instant: bool) -> Callable[[date], Segment | None]:
    """Which stop takes a day away; for a same-day limit, the days whose end finds the clock standing."""
    days = [(local_day(one.start), local_day(one.end), one) for one in stops if one.end is not None]

    def find(day: date) -> Segment | None:
        for first, last, one in days:
            if (first <= day < last) if instant else (first < day <= last):
                return one
        return None

    return find


def _hours(calendar: Calendar, *, start: datetime, left: timedelta, stops: Sequence[Segment], hours: Hours) -> Due:
    spans: list[Span] = []
    instant = start
    for opens, closes in _windows(calendar, start=start, hours=hours):
        if not left:
            break
        for begin, end in _free(opens, closes, stops=stops):
            taken = min(left, end - begin)
            if taken:
                instant, left = begin + taken, left - taken
                spans.append(Span(kind="counted", start=begin, end=instant, days=1))
    return _due(
        calendar, instant=instant, first=local_day(start), last=local_day(instant), spans=_gaps(spans, stops=stops, calendar=calendar)
    )


def _windows(calendar: Calendar, *, start: datetime, hours: Hours) -> Iterator[tuple[datetime, datetime]]:
    day = local_day(start)
    while True:
        if calendar.is_workday(day):
            for opens, closes in hours:
                begin = max(start, datetime.combine(day, opens, SHANGHAI).astimezone(UTC))
                end = datetime.combine(day, closes, SHANGHAI).astimezone(UTC)
                if begin < end:
                    yield begin, end
        day += _DAY


def _minutes(*, start: datetime, left: timedelta, stops: Sequence[Segment]) -> Due:
    spans: list[Span] = []
    instant = start
    for begin, end in _free(start, datetime.max.replace(tzinfo=UTC), stops=stops):
        taken = min(left, end - begin)
        if taken:
            instant, left = begin + taken, left - taken
            spans.append(Span(kind="counted", start=begin, end=instant, days=1))
        if not left:
            break
    return Due(
        instant=instant,
        last_day=local_day(instant),
        provisional=False,
        calendar_version="none",
        spans=tuple(_gaps(spans, stops=stops, calendar=None)),
    )


def _free(begin: datetime, end: datetime, *, stops: Sequence[Segment]) -> Iterator[tuple[datetime, datetime]]:
    """What stops leave of a stretch; stops are sorted and apart."""
    for stop in stops:
        if stop.end is None or stop.end <= begin or stop.start >= end:
            continue
        if stop.start > begin:
            yield begin, stop.start.astimezone(UTC)
        begin = max(begin, stop.end.astimezone(UTC))
    if begin < end:
        yield begin, end


def _gaps(spans: Sequence[Span], *, stops: Sequence[Segment], calendar: Calendar | None) -> list[Span]:
    """Put between counted stretches why the time between them did not count."""
    told: list[Span] = []
    for span in spans:
        if told and told[-1].end < span.start:
            begin = told[-1].end
            stop = next((one for one in stops if one.end and one.start < span.start and one.end > begin), None)
            told.append(
                Span(
                    kind="stopped" if stop else "off",
                    start=begin,
                    end=span.start,
                    days=(local_day(span.start) - local_day(begin)).days + 1,
                    ground=stop.ground if stop else _closed_between(calendar, begin, span.start),
                    law=stop.law if stop else "",
                )
            )
        told.append(span)
    return told


def _closed_between(calendar: Calendar | None, begin: datetime, end: datetime) -> str:
    """Why a region did not work on a day of a gap; empty where the week and the nation say so."""
    if calendar is None:
        return ""
    first = local_day(begin)
    days = (first + _DAY * n for n in range((local_day(end) - first).days))
    return next((why for day in days if (why := calendar.closure(day))), "")


def _merged(stops: Sequence[Segment]) -> list[Segment]:
    """Closed stops in order and apart; where two overlap the earlier one's ground is told."""
    merged: list[Segment] = []
    for stop in sorted(stops, key=lambda one: (one.start, one.ground)):
        former = merged[-1] if merged else None
        if former and former.end and stop.end and stop.start <= former.end:
            merged[-1] = Segment(
                kind="stopped",
                start=former.start,
                end=max(former.end, stop.end),
                ground=former.ground,
                law=former.law,
            )
        else:
            merged.append(stop)
    return merged


def _due(calendar: Calendar, *, instant: datetime, first: date, last: date, spans: Sequence[Span]) -> Due:
    return Due(
        instant=instant,
        last_day=last,
        provisional=not all(calendar.is_official(date(year, 1, 1)) for year in range(first.year, last.year + 1)),
        calendar_version=calendar.version(first, last),
        spans=tuple(spans),
    )


__all__ = [
    "MOST",
    "SHANGHAI",
    "WINDOW_HOURS",
    "Calendar",
    "Due",
    "Hours",
    "Line",
    "Segment",
    "Span",
    "day_start",
    "due",
    "due_with_stops",
    "explain",
    "local_day",
]
