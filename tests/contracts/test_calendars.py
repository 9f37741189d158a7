"""Calendars in layers against a slow, plain reading of their rows: whichever region lists a day last says whether it is worked."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import CalendarYear, Limit, Unit
from contracts.values import NATION, RegionCode
from rules.calendars import SHANGHAI, Calendar
from rules.workdays import WINDOW_HOURS, due, explain
from tests.contracts.builders import LIUYANG, YEAR_2026, days

HUNAN = RegionCode("430000")
FLOOD = CalendarYear(
    region=LIUYANG,
    year=2026,
    version="2026.1",
    workdays=(),
    holidays=(date(2026, 11, 24), date(2026, 11, 25)),
    source="防汛停工通知",
    official=True,
)
OF_2026 = st.integers(0, 364).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware


@st.composite
def a_row(draw: st.DrawFn, region: RegionCode) -> CalendarYear:
    listed = draw(st.lists(OF_2026, max_size=40, unique=True))
    parted = draw(st.integers(0, len(listed)))
    return CalendarYear(
        region=region,
        year=2026,
        version=f"2026.{draw(st.integers(1, 3))}",
        workdays=tuple(listed[:parted]),
        holidays=tuple(listed[parted:]),
        source=f"{region}的通知",
        official=draw(st.booleans()),
    )


LAYERS = st.tuples(a_row(NATION), a_row(HUNAN), a_row(LIUYANG)).flatmap(
    lambda rows: st.lists(st.booleans(), min_size=3, max_size=3).map(
        lambda there: [[row] if is_there else [] for row, is_there in zip(rows, there, strict=True)]
    )
)


def plainly_worked(layers: list[list[CalendarYear]], day: date) -> bool:
    for (row,) in (layer for layer in reversed(layers) if layer):
        if day in row.workdays or day in row.holidays:
            return day in row.workdays
    return day.weekday() < 5


@given(layers=LAYERS, start=INSTANTS, amount=st.integers(1, 40))
def test_a_date_in_a_region_is_that_of_counting_day_by_day(layers: list[list[CalendarYear]], start: datetime, amount: int) -> None:
    day, left = start.astimezone(SHANGHAI).date(), amount
    while left:
        day += timedelta(days=1)
        left -= plainly_worked(layers, day)

    found = due(Calendar(layers), start=start, limit=days(amount))

    assert found.last_day == day
    assert found.provisional is not (bool(layers[0]) and layers[0][0].official and day.year == 2026)


@given(layers=LAYERS, start=INSTANTS, amount=st.integers(1, 60))
def test_hours_in_a_region_are_those_of_counting_minute_by_minute(layers: list[list[CalendarYear]], start: datetime, amount: int) -> None:
    start = start.replace(second=0, microsecond=0)
    now, left = start.astimezone(SHANGHAI), amount * 60
    while left:
        at_window = any(opens <= now.time() < closes for opens, closes in WINDOW_HOURS)
        if not at_window or not plainly_worked(layers, now.date()):
            now += timedelta(minutes=30 if now.minute in {0, 30} and not at_window else 1)
            continue
        left -= 1
        now += timedelta(minutes=1)

    assert due(Calendar(layers), start=start, limit=Limit(amount=amount, unit=Unit.HOURS)).instant == now


@given(layers=LAYERS, day=OF_2026)
def test_a_closure_is_told_only_of_days_that_are_off_here_and_worked_above(layers: list[list[CalendarYear]], day: date) -> None:
    calendar = Calendar(layers)

    told = calendar.closure(day)

    assert bool(told) is (not plainly_worked(layers, day) and any(plainly_worked(layers[:depth], day) for depth in (1, 2)))


@given(layers=LAYERS, start=INSTANTS, amount=st.integers(1, 40))
def test_a_calendar_as_of_a_version_counts_as_it_did(layers: list[list[CalendarYear]], start: datetime, amount: int) -> None:
    before = Calendar([layers[0], layers[1], []])
    told = due(before, start=start, limit=days(amount))

    then = Calendar(layers).as_of(told.calendar_version)

    assert then is not None
    assert due(then, start=start, limit=days(amount)) == told


def test_a_version_that_was_replaced_cannot_be_counted_again() -> None:
    told = Calendar([[YEAR_2026], [FLOOD]]).version(date(2026, 11, 1), date(2026, 11, 30))

    assert told == "2026.1+430181-2026.1"
    assert Calendar([[YEAR_2026], [replace(FLOOD, version="2026.2")]]).as_of(told) is None
    assert Calendar([[YEAR_2026]]).as_of("none") is not None


def test_a_flood_moves_dates_and_is_named_in_both_languages() -> None:
    start, limit = datetime(2026, 11, 23, 2, tzinfo=UTC), days(3)
    found = due(Calendar([[YEAR_2026], [FLOOD]]), start=start, limit=limit)

    lines = explain(found, start=start, limit=limit, rule_id="calendar.asked")

    assert found.last_day == date(2026, 11, 30)
    assert "2026-11-24 – 2026-11-25 非工作时间,不计 2 日(防汛停工通知)" in [line.zh for line in lines]
    assert "2026-11-24 – 2026-11-25 not working time, days: 2 (防汛停工通知)" in [line.en for line in lines]
    assert lines[-1].zh == "工作日历版本 2026.1+430181-2026.1"


def test_two_hours_skip_a_flood_and_say_so() -> None:
    start, limit = datetime(2026, 11, 23, 9, tzinfo=UTC), Limit(amount=2, unit=Unit.HOURS, basis="即报即办")

    found = due(Calendar([[YEAR_2026], [FLOOD]]), start=start, limit=limit)

    assert found.instant == datetime(2026, 11, 26, 2, 30, tzinfo=UTC)
    assert [span.ground for span in found.spans if span.kind == "off"] == ["防汛停工通知"]


def test_minutes_run_around_the_clock_through_a_flood() -> None:
    found = due(Calendar([[YEAR_2026], [FLOOD]]), start=datetime(2026, 11, 24, 16, tzinfo=UTC), limit=Limit(amount=120, unit=Unit.MINUTES))

    assert found.instant == datetime(2026, 11, 24, 18, tzinfo=UTC)


@pytest.mark.parametrize("year", [2026, 2027])
def test_what_a_region_says_of_itself_makes_no_year_official(year: int) -> None:
    own = replace(FLOOD, year=year, version=f"{year}.1", holidays=(), official=True)

    calendar = Calendar([[YEAR_2026] if year == 2027 else [], [own]])

    assert calendar.known_until == (date(2026, 12, 31) if year == 2027 else None)
    assert not calendar.is_official(date(year, 6, 1))
