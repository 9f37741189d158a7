"""The one clock of everything durable."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.now import ClockIsFixed, Now


def test_it_is_real_time_in_utc() -> None:
    before = datetime.now(UTC)

    now = Now().now()

    assert now.utcoffset() == timedelta()
    assert before <= now <= datetime.now(UTC)


def test_in_development_it_can_stand_ahead() -> None:
    now = Now(development=True)

    now.set_offset(3 * 86400)

    assert now.offset == timedelta(days=3)
    assert now.now() > datetime.now(UTC) + timedelta(days=2)


def test_it_never_goes_back() -> None:
    now = Now(development=True)
    now.set_offset(100)

    now.set_offset(50)

    assert now.offset == timedelta(seconds=100)


def test_elsewhere_it_cannot_be_moved() -> None:
    now = Now()

    with pytest.raises(ClockIsFixed):
        now.set_offset(1)

    assert now.offset == timedelta()


def test_a_late_clock_stays_late_when_days_pass() -> None:
    now = Now(development=True, behind=3)

    now.set_offset(100)

    assert timedelta(seconds=96) < now.now() - datetime.now(UTC) < timedelta(seconds=98)
