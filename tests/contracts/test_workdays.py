"""Due dates against a plain reference, and the examples people argue about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import CalendarYear, Limit, Unit
from contracts.values import NATION
from rules.workdays import SHANGHAI, Calendar, Segment, day_start, due, due_with_stops, explain, local_day
from tests.contracts.builders import LIUYANG, YEAR_2026, days

CALENDAR = Calendar([[YEAR_2026]])


def shanghai(day: str, time: str = "10:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}+08:00")


def a_stop(start: datetime, end: datetime | None, *, ground: str = "hearing") -> Segment:
    return Segment(kind="stopped", start=start, end=end, ground=ground, law="行政许可法 §45")


def last_day(start: datetime, amount: int, *stops: Segment) -> date | None:
    found = due_with_stops(CALENDAR, start=start, limit=days(amount), segments=stops)
    return None if found is None else found.last_day


INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware
STOPS = st.lists(
    st.tuples(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=20))).map(lambda one: a_stop(one[0], one[0] + one[1])),
    max_size=3,
)


def plain_workday(day: date) -> bool:
    if day in YEAR_2026.workdays:
        return True
    return day.weekday() < 5 and day not in YEAR_2026.holidays


def plain_last_day(start: datetime, amount: int, stops: list[Segment]) -> date:
    """By the definition: the amount-th working day after the act that lies in no stop."""
    day = start.astimezone(SHANGHAI).date()
    while amount:
        day += timedelta(days=1)
        stopped = any(one.end and one.start.astimezone(SHANGHAI).date() < day <= one.end.astimezone(SHANGHAI).date() for one in stops)
        amount -= plain_workday(day) and not stopped
    return day


@given(start=INSTANTS, amount=st.integers(1, 30), stops=STOPS)
def test_working_days_are_counted_as_by_hand(start: datetime, amount: int, stops: list[Segment]) -> None:
    found = due_with_stops(CALENDAR, start=start, limit=days(amount), segments=stops)

    assert found is not None
    assert found.last_day == plain_last_day(start, amount, stops)
    assert found.instant == day_start(found.last_day + timedelta(days=1))


@given(start=INSTANTS, amount=st.integers(0, 2000), stops=STOPS)
def test_minutes_are_elapsed_ones_outside_stops(start: datetime, amount: int, stops: list[Segment]) -> None:
    limit = Limit(amount=amount, unit=Unit.MINUTES)

    found = due_with_stops(CALENDAR, start=start, limit=limit, segments=stops)

    assert found is not None
    counted = sum((span.end - span.start for span in found.spans if span.kind == "counted"), timedelta())
    assert counted == timedelta(minutes=amount)
    for span in found.spans:
        for stop in stops:
            assert stop.end is not None
            assert span.kind != "counted" or stop.end <= span.start or span.end <= stop.start


@given(start=INSTANTS, amount=st.integers(0, 30), stops=STOPS)
def test_hours_are_those_of_the_window_day(start: datetime, amount: int, stops: list[Segment]) -> None:
    limit = Limit(amount=amount, unit=Unit.HOURS)

    found = due_with_stops(CALENDAR, start=start, limit=limit, segments=stops)

    assert found is not None
    counted = [span for span in found.spans if span.kind == "counted"]
    assert sum((span.end - span.start for span in counted), timedelta()) == timedelta(hours=amount)
    for span in counted:
        begin, end = span.start.astimezone(SHANGHAI), span.end.astimezone(SHANGHAI)
        assert plain_workday(begin.date())
        assert begin.date() == end.date()
        assert 9 <= begin.hour + begin.minute / 60 < 17.5


@given(
    start=INSTANTS,
    amount=st.integers(0, 20),
    unit=st.sampled_from(Unit),
    stops=STOPS,
    more=STOPS,
)
def test_a_further_stop_never_brings_the_end_nearer(
    start: datetime, amount: int, unit: Unit, stops: list[Segment], more: list[Segment]
) -> None:
    limit = Limit(amount=amount, unit=unit)

    few = due_with_stops(CALENDAR, start=start, limit=limit, segments=stops)
    many = due_with_stops(CALENDAR, start=start, limit=limit, segments=[*more, *stops])

    assert few is not None
    assert many is not None
    assert few.instant <= many.instant


@given(start=INSTANTS, amount=st.integers(0, 30), unit=st.sampled_from(Unit))
def test_spans_tell_the_whole_period_without_a_hole(start: datetime, amount: int, unit: Unit) -> None:
    found = due(CALENDAR, start=start, limit=Limit(amount=amount, unit=unit))

    assert all(one.end == next_.start for one, next_ in zip(found.spans, found.spans[1:], strict=False))
    assert not found.spans or found.spans[-1].end == found.instant


@pytest.mark.parametrize(
    ("start", "amount", "last"),
    [
        ("2026-11-23", 5, "2026-11-30"),  # Monday: Tuesday is the first
        ("2026-11-20", 1, "2026-11-23"),  # Friday: Monday
        ("2026-11-21", 1, "2026-11-23"),  # Saturday: Monday
        ("2026-09-18", 1, "2026-09-20"),  # a Sunday that is worked
        ("2026-09-30", 3, "2026-10-10"),  # the holiday and the Saturday after it, worked
        ("2026-11-23", 0, "2026-11-23"),  # 即办: the same day
        ("2026-11-21", 0, "2026-11-23"),  # 即办 on a Saturday: the next working day
    ],
)
def test_known_dates_come_out(start: str, amount: int, last: str) -> None:
    assert last_day(shanghai(start), amount) == date.fromisoformat(last)


def test_a_day_ends_at_midnight_in_shanghai() -> None:
    found = due(CALENDAR, start=shanghai("2026-11-23"), limit=days(1))

    assert found.instant == datetime(2026, 11, 24, 16, tzinfo=UTC)
    assert local_day(found.instant - timedelta(microseconds=1)) == date(2026, 11, 24)


def test_the_day_of_an_act_is_that_of_shanghai() -> None:
    late_in_utc = datetime(2026, 11, 23, 17, tzinfo=UTC)

    assert last_day(late_in_utc, 1) == date(2026, 11, 25)


def test_the_days_after_a_stop_up_to_its_end_do_not_count() -> None:
    stop = a_stop(shanghai("2026-11-25"), shanghai("2026-11-27"))

    assert last_day(shanghai("2026-11-23"), 5, stop) == date(2026, 12, 2)


def test_a_stop_within_one_day_takes_nothing_away() -> None:
    stop = a_stop(shanghai("2026-11-25", "09:00"), shanghai("2026-11-25", "17:00"))

    assert last_day(shanghai("2026-11-23"), 5, stop) == date(2026, 11, 30)


def test_overlapping_stops_are_taken_once() -> None:
    one = a_stop(shanghai("2026-11-25"), shanghai("2026-11-27"))
    other = a_stop(shanghai("2026-11-26"), shanghai("2026-11-27"), ground="inspection")

    assert last_day(shanghai("2026-11-23"), 5, one, other) == last_day(shanghai("2026-11-23"), 5, one)


def test_while_a_clock_stands_still_there_is_no_end() -> None:
    assert last_day(shanghai("2026-11-23"), 5, a_stop(shanghai("2026-11-25"), None)) is None


def test_a_stop_that_comes_too_late_changes_nothing() -> None:
    assert last_day(shanghai("2026-11-23"), 1, a_stop(shanghai("2026-11-26"), None)) == date(2026, 11, 24)


def test_hours_go_over_lunch_and_night() -> None:
    limit = Limit(amount=8, unit=Unit.HOURS)

    found = due(CALENDAR, start=shanghai("2026-11-20", "11:00"), limit=limit)

    assert found.instant == shanghai("2026-11-23", "12:00")


def test_a_region_overrides_the_nation() -> None:
    closed = CalendarYear(
        region=LIUYANG,
        year=2026,
        version="2026.1",
        workdays=(),
        holidays=(date(2026, 11, 24),),
        source="台风停工通知",
        official=True,
    )
    calendar = Calendar([[YEAR_2026], [closed]])

    found = due(calendar, start=shanghai("2026-11-23"), limit=days(1))

    assert found.last_day == date(2026, 11, 25)
    assert found.calendar_version == "2026.1+430181-2026.1"
    assert calendar.is_workday(date(2026, 10, 10))


def test_past_the_last_notice_a_date_is_provisional() -> None:
    inside = due(CALENDAR, start=shanghai("2026-12-01"), limit=days(5))
    beyond = due(CALENDAR, start=shanghai("2026-12-30"), limit=days(5))

    assert CALENDAR.known_until == date(2026, 12, 31)
    assert (inside.provisional, beyond.provisional) == (False, True)


def test_known_until_stops_before_the_first_gap() -> None:
    def year(number: int, *, official: bool = True) -> CalendarYear:
        return CalendarYear(region=NATION, year=number, version=str(number), workdays=(), holidays=(), source="", official=official)

    assert Calendar([[year(2025), year(2026), year(2027, official=False)]]).known_until == date(2026, 12, 31)
    assert Calendar([[year(2025), year(2027)]]).known_until == date(2025, 12, 31)
    assert Calendar([]).known_until is None


def test_an_explanation_names_limit_law_stretches_end_and_calendar() -> None:
    limit = Limit(amount=5, unit=Unit.WORKDAYS, basis="行政许可法 §32")
    start = shanghai("2026-11-23")
    stop = a_stop(shanghai("2026-11-25"), shanghai("2026-11-27"))
    found = due_with_stops(CALENDAR, start=start, limit=limit, segments=[stop])
    assert found is not None

    lines = explain(found, start=start, limit=limit, rule_id="clock.acceptance")

    assert [line.zh for line in lines] == [
        "期限 5 个工作日(行政许可法 §32),自 2026-11-23 10:00 的次日起算",
        "2026-11-24 – 2026-11-25 计入 2 日",
        "2026-11-26 – 2026-11-27 中止,不计 2 日(hearing，行政许可法 §45)",
        "2026-11-28 – 2026-11-29 非工作时间,不计 2 日",
        "2026-11-30 – 2026-12-02 计入 3 日",
        "截止 2026-12-02 24:00(北京时间)",
        "工作日历版本 2026.1",
    ]
    assert all(line.en for line in lines)
    assert lines[0].rule_id == "clock.acceptance"


@pytest.mark.parametrize(
    ("start", "amount"),
    [(datetime(2026, 1, 1), 1), (shanghai("2026-01-01"), -1), (shanghai("2026-01-01"), 10_001)],  # noqa: DTZ001 - naive on purpose
)
def test_a_naive_start_and_a_limit_out_of_bounds_are_errors(start: datetime, amount: int) -> None:
    with pytest.raises(ValueError, match=r"naive|limit"):
        due(CALENDAR, start=start, limit=days(amount))
