"""The working-day calendar of a region: official rows, overrides below the nation, plain weeks beyond.

Law: 行政许可法 §82 (limits in working days); the State Council's annual holiday notice (调休).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta, timezone

from contracts.catalogue import CalendarYear

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The one zone of all limits; without summer time since 1991, so no zone table is needed."""

_SATURDAY = 5


class Calendar:
    """Which days are worked. Immutable; a new row makes a new calendar.

    Args:
        layers: Years from the nation down to the region; a day listed by a later layer wins.
    """

    __slots__ = ("_days", "_known_until", "_rows")

    def __init__(self, layers: Sequence[Sequence[CalendarYear]]) -> None:
        self._days: dict[date, bool] = {}
        self._rows: dict[int, list[CalendarYear]] = {}
        for layer in layers:
            for row in sorted(layer, key=lambda year: year.year):
                self._days |= dict.fromkeys(row.workdays, True) | dict.fromkeys(row.holidays, False)
                self._rows.setdefault(row.year, []).append(row)
        self._known_until = self._last_known()

    def _last_known(self) -> date | None:
        official = {year for year, rows in self._rows.items() if rows[0].official}
        if not official:
            return None
        last = min(official)
        while last + 1 in official:
            last += 1
        return date(last, 12, 31)

    @property
    def known_until(self) -> date | None:
        """Last day up to which every year is official without a gap; ``None`` when no year is."""
        return self._known_until

    def is_workday(self, day: date) -> bool:
        """Whether a day is worked; Mondays to Fridays where no row says otherwise."""
        listed = self._days.get(day)
        return day.weekday() < _SATURDAY if listed is None else listed

    def is_official(self, day: date) -> bool:
        """Whether the notice for the day's year is out, in the lowest layer that every region shares."""
        rows = self._rows.get(day.year, [])
        return bool(rows) and rows[0].official

    def version(self, first: date, last: date) -> str:
        """The versions of all rows that two days and those between rest on, e.g. ``2026.1``; ``none`` without a row."""
        names = (row.version for year in range(first.year, last.year + 1) for row in self._rows.get(year, ()))
        return "+".join(dict.fromkeys(names)) or "none"
