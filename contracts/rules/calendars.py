"""The working-day calendar of a region: official rows, overrides below the nation, plain weeks beyond.

Law: 行政许可法 §82 (limits in working days); the State Council's annual holiday notice (调休).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta, timezone

from contracts.catalogue import CalendarYear
from contracts.values import NATION

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The one zone of all limits; without summer time since 1991, so no zone table is needed."""

_SATURDAY = 5


class Calendar:
    """Which days are worked. Immutable; a new row makes a new calendar.

    Args:
        layers: Years from the nation down to the region; a day listed by a later layer wins. Only the first layer, which is the nation's,
            says which years are official: a region that closes for two days of next year does not stand in for the notice.
    """

    __slots__ = ("_closures", "_days", "_known_until", "_layers", "_official", "_rows")

    def __init__(self, layers: Sequence[Sequence[CalendarYear]]) -> None:
        self._layers = layers
        self._days: dict[date, bool] = {}
        self._closures: dict[date, str] = {}
        self._rows: dict[int, list[CalendarYear]] = {}
        self._official = frozenset(row.year for row in next(iter(layers), ()) if row.official)
        for depth, layer in enumerate(layers):
            for row in sorted(layer, key=lambda year: year.year):
                if depth:
                    self._closures |= {day: row.source for day in row.holidays if self.is_workday(day)}
                self._days |= dict.fromkeys(row.workdays, True) | dict.fromkeys(row.holidays, False)
                self._rows.setdefault(row.year, []).append(row)
        self._known_until = self._last_known()

    def _last_known(self) -> date | None:
        if not self._official:
            return None
        last = min(self._official)
        while last + 1 in self._official:
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

    def closure(self, day: date) -> str:
        """Why a day that the nation works is not worked here, as the row's source says; empty for every other day."""
        return "" if self.is_workday(day) else self._closures.get(day, "")

    def is_official(self, day: date) -> bool:
        """Whether the notice for the day's year is out, in the layer that every region shares."""
        return day.year in self._official

    def version(self, first: date, last: date) -> str:
        """The versions of all rows that two days and those between rest on; ``none`` without a row.

        The nation's by themselves, those of regions behind their codes: ``2026.1+430181-2026.2``.
        """
        names = (label_of(row) for year in range(first.year, last.year + 1) for row in self._rows.get(year, ()))
        return "+".join(dict.fromkeys(names)) or "none"

    def as_of(self, version: str) -> Calendar | None:
        """The calendar with no other rows than a version names; ``None`` when one of these was replaced since.

        A version written before rows of regions were named says less than it rests on (``2026.1`` for the nation's row and a region's of that
        number): whoever explains a date with this calendar compares what it makes with the date.
        """
        named = frozenset(() if version == "none" else version.split("+"))
        layers = [tuple(row for row in layer if label_of(row) in named) for layer in self._layers]
        return Calendar(layers) if {label_of(row) for layer in layers for row in layer} == named else None


def label_of(row: CalendarYear) -> str:
    """How a row is named on the dates that rest on it."""
    return row.version if row.region == NATION else f"{row.region}-{row.version}"
