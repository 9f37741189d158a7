"""Dates of open cases when calendars are published: what was told stands and explains itself; a closure counts for cases received after."""

from dataclasses import replace
from datetime import date

from contracts.catalogue import CalendarYear
from tests.contracts.builders import LIUYANG
from tests.routing.builders import Service, publish

FLOOD = CalendarYear(
    region=LIUYANG,
    year=2026,
    version="2026.1",
    workdays=(),
    holidays=(date(2026, 11, 24), date(2026, 11, 25)),
    source="防汛停工通知",
    official=True,
)


async def test_a_closure_counts_for_cases_accepted_after_it_and_leaves_dates_that_were_told(service: Service) -> None:
    before = await service.accepted()
    publish(service.context, FLOOD)
    after = await service.accepted()

    told, moved = [(await service.running(case))["decision_promised"] for case in (before, after)]

    assert (told["last_day"], moved["last_day"]) == ("2026-11-26", "2026-11-30")
    assert [line["zh"] for line in told["explanation"]][-2:] == [
        "工作日历版本 2026.1",
        "此后公布的工作日历版本 2026.1+430181-2026.1 不改变已告知的日期",
    ]
    assert not any("防汛" in line["zh"] for line in told["explanation"])
    assert moved["calendar_version"] == "2026.1+430181-2026.1"
    assert "2026-11-24 – 2026-11-25 非工作时间,不计 2 日(防汛停工通知)" in [line["zh"] for line in moved["explanation"]]


async def test_a_date_whose_closure_was_replaced_since_says_what_it_was_reckoned_with(service: Service) -> None:
    publish(service.context, FLOOD)
    case = await service.accepted()

    publish(service.context, replace(FLOOD, version="2026.2", holidays=(date(2026, 11, 24),)))

    clock = (await service.running(case))["decision_promised"]
    assert clock["last_day"] == "2026-11-30"
    assert [(line["rule"], line["zh"]) for line in clock["explanation"]] == [
        ("clock.decision_promised", "截止 2026-11-30 24:00(北京时间),按当时的工作日历版本 2026.1+430181-2026.1 计算"),
        ("calendar.later", "此后公布的工作日历版本 2026.1+430181-2026.2 不改变已告知的日期"),
    ]
