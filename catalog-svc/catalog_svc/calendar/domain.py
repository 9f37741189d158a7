"""What makes a year of working days publishable.

Law: 行政许可法 §82; the State Council's annual holiday notice (调休).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from contracts.catalogue import CalendarYear
from contracts.refusals import Defect, Invalid, NotFound

_SATURDAY = 5


class CalendarUnknown(NotFound):
    """No calendar was published for this region and year; the region above it counts."""

    RULE: ClassVar[str] = "calendar.unknown"
    ZH: ClassVar[str] = "没有该地区该年度的工作日历"
    EN: ClassVar[str] = "There is no calendar of this region for this year"


class CalendarUnsound(Invalid):
    """A calendar whose days are not what they are said to be."""

    RULE: ClassVar[str] = "calendar.unsound"
    ZH: ClassVar[str] = "工作日历数据不正确"
    EN: ClassVar[str] = "The calendar's data is wrong"


def check_calendar(calendar: CalendarYear, *, region_known: bool) -> None:
    """Refuse a year with days that change nothing, that lie outside it, or for a region nobody knows.

    Raises:
        CalendarUnsound: With a defect for each.
    """
    defects = tuple(_defects(calendar, region_known=region_known))
    if defects:
        raise CalendarUnsound(defects=defects[:100])


def _defects(calendar: CalendarYear, *, region_known: bool) -> Iterable[Defect]:
    if not region_known:
        yield Defect(rule_id="calendar.region", pointer="/region", message="行政区划不存在", message_en="The region is unknown")
    for name, days, weekend in (("workdays", calendar.workdays, True), ("holidays", calendar.holidays, False)):
        for index, day in enumerate(days):
            if day.year != calendar.year:
                yield Defect(
                    rule_id="calendar.year", pointer=f"/{name}/{index}", message="日期不在该年度内", message_en="The day is of another year"
                )
            elif (day.weekday() >= _SATURDAY) is not weekend:
                yield Defect(
                    rule_id="calendar.needless",
                    pointer=f"/{name}/{index}",
                    message="调休上班日应为周末,放假日应为周一至周五",
                    message_en="A day worked instead is a weekend day, a day off is a weekday",
                )
