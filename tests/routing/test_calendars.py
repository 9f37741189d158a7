"""Dates of open cases when calendars are published: what was told stands and explains itself; a closure counts for cases received after."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import text

from contracts.catalogue import CalendarYear, Limit, Unit
from contracts.events import CaseReceived, CaseRedated, CaseSignedFor
from contracts.values import NATION
from routing_svc.handling.jobs import redate_provisional
from rules.catalogue import Catalogue
from tests.contracts.builders import LIUYANG, LIUYANG_MARKET
from tests.routing.builders import PUBLISHED, REVIEWER, TONGGU_HALL, VERSION, Service, applicant, publish

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


NOTICE = CalendarYear(
    region=NATION,
    year=2027,
    version="2027.1",
    workdays=(),
    holidays=(date(2027, 1, 1), date(2027, 1, 4)),
    source="国务院办公厅通知",
    official=True,
)


async def over_new_year(service: Service) -> CaseReceived:
    """A case whose promise ends in a year that nobody knows yet: three working days from 30 December."""
    service.pass_until("2026-12-30T10:00:00")
    return await service.accepted(at=service.context.now.now())


async def read(service: Service, case: CaseReceived) -> list[dict[str, Any]]:
    """What the applicant reads of dates that moved."""
    entries = (await service.shown(f"/v1/cases/{case.case_no}/timeline", by=applicant(case.case_id)))["entries"]
    return [entry for entry in entries if entry["kind"] == "redated"]


async def test_a_provisional_date_is_reckoned_anew_when_the_notice_is_out_and_everybody_is_told(service: Service) -> None:
    case = await over_new_year(service)
    before = (await service.running(case))["decision_promised"]

    publish(service.context, NOTICE)
    moved = await redate_provisional(service.context)

    after = (await service.running(case))["decision_promised"]
    (told,) = [event for event in await service.events(case) if isinstance(event, CaseRedated)]
    assert (before["last_day"], before["provisional"]) == ("2027-01-04", True)
    assert (moved, after["last_day"], after["provisional"], after["calendar_version"]) == (1, "2027-01-06", False, "2026.1+2027.1")
    assert (told.was.isoformat(), told.due.isoformat()) == ("2027-01-04T16:00:00+00:00", "2027-01-06T16:00:00+00:00")
    assert (await service.shown(f"/v1/handlings/{case.case_no}", by=REVIEWER))["due"] == "2027-01-06T16:00:00Z"
    assert (await service.running(case))["decision_statutory"]["provisional"] is False
    promised, statutory = await read(service, case)
    assert promised["zh"] == "放假通知已公布,按工作日历 2026.1+2027.1 重新计算:承诺办结期限由 2027-01-04 24:00 变为 2027-01-06 24:00"
    assert promised["en"].startswith("The holiday notice is out")
    assert "法定办结期限由 2027-01-27 24:00 变为 2027-01-29 24:00" in statutory["zh"]


async def test_a_clock_runs_out_by_its_new_date_and_not_by_the_one_before(service: Service) -> None:
    case = await over_new_year(service)
    publish(service.context, NOTICE)
    await redate_provisional(service.context)

    service.pass_until("2027-01-05T09:00:00")
    await service.heard_all()
    await service.fire()
    early = await service.cards(case)
    service.pass_until("2027-01-07T09:00:00")
    await service.heard_all()
    await service.fire()

    assert ("yellow", "clock.decision_promised", LIUYANG_MARKET) not in early
    assert ("yellow", "clock.decision_promised", LIUYANG_MARKET) in await service.cards(case)


async def test_dates_are_reckoned_anew_once_however_often_and_by_how_many_it_is_tried(service: Service) -> None:
    case = await over_new_year(service)
    nothing_is_out = await redate_provisional(service.context)
    publish(service.context, NOTICE)

    await asyncio.gather(*(redate_provisional(service.context) for _ in range(3)))
    service.context.redated = None
    again = await redate_provisional(service.context)

    assert (nothing_is_out, again) == (0, 0)
    assert (await service.told(case)).count("CaseRedated") == 1


async def test_a_final_date_does_not_move_and_one_that_stands_still_gets_its_own_when_it_runs_again(service: Service) -> None:
    final = await service.accepted()
    stopped = await over_new_year(service)
    await service.moved(stopped, "suspension", {"ground": "hearing", "evidence": "听证", "workdays": 5}, by=REVIEWER)

    publish(service.context, NOTICE)
    await redate_provisional(service.context)
    service.pass_until("2026-12-31T10:00:00")
    await service.moved(stopped, "resumption", by=REVIEWER)

    resumed = (await service.running(stopped))["decision_promised"]
    assert "CaseRedated" not in [*await service.told(final), *await service.told(stopped)]
    assert (resumed["last_day"], resumed["provisional"]) == ("2027-01-07", False)


WORKED = replace(NOTICE, workdays=(date(2027, 1, 2), date(2027, 1, 3)), holidays=(date(2027, 1, 1), date(2027, 2, 5)))
"""A weekend worked in exchange: what rests on it ends sooner than plain weeks say."""


async def test_a_notice_that_works_a_weekend_takes_no_day_from_an_applicant_who_was_told_a_date(service: Service) -> None:
    service.pass_until("2026-12-30T10:00:00")
    case = await service.signed(at=service.context.now.now())
    defects = {"defects": [{"pointer": "/materials/premises", "text": "请补交"}]}
    await service.moved(case, "correction-notice", defects, by=REVIEWER)
    await service.seal(case)
    before = (await service.running(case))["supplement"]

    publish(service.context, WORKED)
    moved = await redate_provisional(service.context)

    after = (await service.running(case))["supplement"]
    assert (before["last_day"], before["provisional"]) == ("2027-01-20", True)
    assert (moved, after["last_day"], after["provisional"]) == (0, "2027-01-20", False)
    assert [line["zh"] for line in after["explanation"]][-3:] == [
        "截止 2027-01-20 24:00(北京时间)",
        "工作日历版本 2026.1",
        "此后公布的工作日历版本 2026.1+2027.1 不改变已告知的日期",
    ]
    assert "CaseRedated" not in await service.told(case)
    assert await read(service, case) == []


async def test_a_clock_that_runs_again_after_a_notice_ends_no_earlier_than_was_told(service: Service) -> None:
    case = await over_new_year(service)
    before = (await service.running(case))["decision_promised"]
    await service.moved(case, "suspension", {"ground": "hearing", "evidence": "听证", "workdays": 5}, by=REVIEWER)

    publish(service.context, WORKED)
    await service.moved(case, "resumption", by=REVIEWER)

    after = (await service.running(case))["decision_promised"]
    assert (before["provisional"], after["provisional"]) == (True, False)
    assert after["due"] == before["due"]


async def test_an_organ_that_has_until_the_evening_is_not_late_because_the_notice_came_in_the_morning(service: Service) -> None:
    service.pass_until("2026-12-28T10:00:00")
    case = await service.signed(at=service.context.now.now())
    before = (await service.running(case))["acceptance"]["last_day"]
    service.pass_until("2027-01-04T09:00:00")

    publish(service.context, WORKED)
    await redate_provisional(service.context)
    await service.heard_all()
    await service.fire()

    assert (before, (await service.running(case))["acceptance"]["last_day"]) == ("2027-01-04", "2027-01-04")
    assert (await service.moved(case, "acceptance", by=REVIEWER))["state"] == "accepted"
    assert "deemed_accepted" not in await service.timeline(case)


async def test_a_date_that_moves_before_anybody_signed_is_read_by_everybody_and_is_the_one_told_at_the_signature(service: Service) -> None:
    service.pass_until("2026-12-30T10:00:00")
    case = await service.received(at=service.context.now.now())

    publish(service.context, NOTICE)
    assert await redate_provisional(service.context) == 1

    (entry,) = await read(service, case)
    assert "受理决定期限由 2027-01-06 24:00 变为 2027-01-08 24:00" in entry["zh"]
    assert "time to decide acceptance ends 2027-01-08 24:00 instead of 2027-01-06 24:00" in entry["en"]
    await service.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=REVIEWER)
    signed = next(event for event in await service.events(case) if isinstance(event, CaseSignedFor))
    assert signed.acceptance_due.isoformat() == "2027-01-08T16:00:00+00:00"


async def test_a_date_of_delivery_that_moves_is_read_by_everybody_and_moves_nothing_of_the_decided_case(service: Service) -> None:
    service.pass_until("2026-12-28T10:00:00")
    case = await service.decided(at=service.context.now.now())
    await service.seal(case)
    version = await service.version(case)

    publish(service.context, NOTICE)
    assert await redate_provisional(service.context) == 1

    (entry,) = await read(service, case)
    assert (entry["organ"], "送达期限由 2027-01-11 24:00 变为 2027-01-13 24:00" in entry["zh"]) == (TONGGU_HALL, True)
    assert "CaseRedated" not in await service.told(case)
    assert await service.version(case) == version


async def test_an_officer_who_read_a_case_acts_on_it_though_dates_became_final_that_did_not_move(service: Service) -> None:
    case = await over_new_year(service)
    version = await service.version(case)

    publish(service.context, replace(NOTICE, holidays=()))
    moved = await redate_provisional(service.context)

    clock = (await service.running(case))["decision_promised"]
    assert (moved, clock["last_day"], clock["provisional"], clock["calendar_version"]) == (0, "2027-01-04", False, "2026.1+2027.1")
    assert await service.version(case) == version


async def test_a_promise_that_moves_onto_the_laws_date_stays_the_promise_though_the_laws_date_moves_on(service: Service) -> None:
    publish(service.context, replace(VERSION, statutory_limit=Limit(amount=5, unit=Unit.WORKDAYS, basis="行政许可法 §42")))
    case = await over_new_year(service)
    before = await service.running(case)

    publish(service.context, NOTICE)
    await redate_provisional(service.context)

    assert [before[kind]["last_day"] for kind in ("decision_promised", "decision_statutory")] == ["2027-01-04", "2027-01-06"]
    assert (await service.shown(f"/v1/handlings/{case.case_no}", by=REVIEWER))["due"] == "2027-01-06T16:00:00Z"
    assert (await service.told(case)).count("CaseRedated") == 1


LATER = replace(NOTICE, year=2028, version="2028.1", holidays=(date(2028, 1, 3),))


async def test_the_notices_of_two_years_that_become_known_together_make_the_dates_of_both_final(service: Service) -> None:
    case = await over_new_year(service)

    publish(service.context, NOTICE, LATER)

    assert await redate_provisional(service.context) == 1
    assert (await service.running(case))["decision_promised"]["last_day"] == "2027-01-06"


async def test_a_date_that_another_process_told_before_it_knew_of_the_notice_becomes_final_in_minutes(service: Service) -> None:
    publish(service.context, NOTICE)
    service.pass_until("2026-12-30T10:00:00")
    await redate_provisional(service.context)
    known = service.context.catalogue
    service.context.catalogue = Catalogue()
    publish(service.context, *PUBLISHED)
    case = await service.accepted(at=service.context.now.now())
    service.context.catalogue = known

    at_once = await redate_provisional(service.context)
    service.pass_time(minutes=10)
    later = await redate_provisional(service.context)

    assert (at_once, later) == (0, 1)
    assert (await service.running(case))["decision_promised"]["provisional"] is False


async def test_every_page_of_dates_is_reckoned_anew_and_each_case_once(service: Service) -> None:
    cases = [await over_new_year(service) for _ in range(3)]
    publish(service.context, NOTICE)

    assert await redate_provisional(service.context, at_once=2) == len(cases)
    assert [(await service.told(case)).count("CaseRedated") for case in cases] == [1, 1, 1]


async def written_before_regions_were_named(service: Service, case: CaseReceived) -> dict[str, Any]:
    """The promise of a case as the first release kept it: one number for the rows of the nation and the region."""
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text("update clocks set body = jsonb_set(body, '{calendar_version}', '\"2026.1\"')"))
    return (await service.running(case))["decision_promised"]


async def test_a_date_that_an_older_release_reckoned_with_a_closure_is_explained_with_the_closure(service: Service) -> None:
    publish(service.context, FLOOD)
    case = await service.accepted()

    clock = await written_before_regions_were_named(service, case)

    told = [line["zh"] for line in clock["explanation"]]
    assert clock["last_day"] == "2026-11-30"
    assert "2026-11-24 – 2026-11-25 非工作时间,不计 2 日(防汛停工通知)" in told
    assert told[-2:] == ["截止 2026-11-30 24:00(北京时间)", "工作日历版本 2026.1+430181-2026.1"]


async def test_a_date_of_an_older_release_that_no_rows_make_any_more_says_only_what_it_was_reckoned_with(service: Service) -> None:
    publish(service.context, FLOOD)
    case = await service.accepted()
    publish(service.context, replace(FLOOD, version="2026.2", holidays=(date(2026, 11, 24),)))

    clock = await written_before_regions_were_named(service, case)

    assert [line["zh"] for line in clock["explanation"]] == [
        "截止 2026-11-30 24:00(北京时间),按当时的工作日历版本 2026.1 计算",
        "此后公布的工作日历版本 2026.1+430181-2026.2 不改变已告知的日期",
    ]
