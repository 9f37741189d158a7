"""What makes a year of working days publishable: the nation's by its notice, a region's as an override of what stands above it.

Law: 行政许可法 §82; the State Council's annual holiday notice (调休).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import ClassVar

from contracts.catalogue import CalendarYear
from contracts.refusals import Conflict, Defect, Invalid, NotFound
from contracts.values import NATION
from rules.calendars import Calendar

_SATURDAY = 5


class CalendarUnknown(NotFound):
    """The region has no days of its own for this year: those above it hold, at last the nation's, else plain weeks; as ``due-date`` counts."""

    RULE: ClassVar[str] = "calendar.unknown"
    ZH: ClassVar[str] = "该地区该年度没有自己的日历：适用上级直至国家（100000）的日历，未公布的按周计；见 due-date"
    EN: ClassVar[str] = (
        "It has no days of its own for this year: those above it hold, at last the nation's (100000), else plain weeks; see due-date"
    )


class CalendarUnsound(Invalid):
    """A calendar whose days are not what they are said to be."""

    RULE: ClassVar[str] = "calendar.unsound"
    ZH: ClassVar[str] = "工作日历数据不正确"
    EN: ClassVar[str] = "The calendar's data is wrong"


class CalendarTaken(Conflict):
    """Another content has this version already; ``facts.newest`` is the highest so far, and whoever goes beyond it knows of it."""

    RULE: ClassVar[str] = "calendar.version-taken"
    ZH: ClassVar[str] = "该版本号已被使用，请先查看他人已起草或已发布的内容，再以更高版本号提交"
    EN: ClassVar[str] = "This version is taken: look at what somebody else has drafted or published, then hand in a higher one"


def check_calendar(calendar: CalendarYear, *, above: Calendar | None, former: CalendarYear | None, today: date) -> None:
    """Refuse a year with days that change nothing, that lie outside it or are over, or for a region nobody knows.

    Args:
        calendar: As it is handed in.
        above: The working days of the region above it, with no row of the region's own; of plain weeks for the nation; ``None`` for a
            region that nobody knows.
        former: What is in force of the same region and year.
        today: In Asia/Shanghai. A region below the nation changes no day before it: dates that were told rest on those days.

    Raises:
        CalendarUnsound: With a defect for each.
    """
    defects = tuple(_defects(calendar, above=above, former=former, today=today))
    if defects:
        raise CalendarUnsound(defects=defects[:100])


def check_version(calendar: CalendarYear, *, newest: CalendarYear | None) -> None:
    """Refuse another content under a version that is not higher than the newest one drafted or published.

    Raises:
        CalendarTaken: Somebody else was there first.
    """
    if newest is None or newest == calendar:
        return
    if _counted(calendar.version) <= _counted(newest.version):
        raise CalendarTaken(facts={"newest": newest.version})


def _counted(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))


def _defects(calendar: CalendarYear, *, above: Calendar | None, former: CalendarYear | None, today: date) -> Iterable[Defect]:
    if above is None:
        yield Defect(rule_id="calendar.region", pointer="/region", message="行政区划不存在", message_en="The region is unknown")
        return
    own = calendar.region != NATION
    in_force = () if former is None else (*former.workdays, *former.holidays)
    for name, days, worked in (("workdays", calendar.workdays, True), ("holidays", calendar.holidays, False)):
        for index, day in enumerate(days):
            if (rule := _wrong(calendar, day, days[:index], worked=worked, above=above)) or (
                rule := "calendar.past" if own and day < today and day not in in_force else ""
            ):
                zh, en = _TEXTS[rule]
                yield Defect(rule_id=rule, pointer=f"/{name}/{index}", message=zh, message_en=en)
    if own and any(day < today and day not in (*calendar.workdays, *calendar.holidays) for day in in_force):
        zh, en = _TEXTS["calendar.past"]
        yield Defect(rule_id="calendar.past", pointer="/holidays", message=zh, message_en=en)


def _wrong(calendar: CalendarYear, day: date, before: Sequence[date], *, worked: bool, above: Calendar) -> str:
    """The rule that a listed day breaks; empty for none."""
    if day.year != calendar.year:
        return "calendar.year"
    if day in before:
        return "calendar.twice"
    if worked and day in calendar.holidays:
        return "calendar.both"
    if worked and day.weekday() < _SATURDAY and not above.is_workday(day):
        return "calendar.statutory"
    return "calendar.needless" if above.is_workday(day) is worked else ""


_TEXTS: Mapping[str, tuple[str, str]] = {
    "calendar.year": ("日期不在该年度内", "The day is of another year"),
    "calendar.twice": ("同一日期列出两次", "The day is listed twice"),
    "calendar.both": ("同一日期不能既上班又放假", "A day cannot be worked and off at once"),
    "calendar.statutory": ("下级地区不得取消法定节假日", "A region does not work on a holiday of the nation"),
    "calendar.needless": (
        "调休上班日应为休息日,放假日应为工作日(以上级日历为准)",
        "A day worked instead is one that the calendar above has off, a day off is one that it works",
    ),
    "calendar.past": ("已过去的日期不得更改,已告知的期限以其为准", "A day that is over stays as it was: dates that were told rest on it"),
}
