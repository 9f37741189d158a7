"""The table of a run: fault by fault, how often, how many cases were under way, how long the line needed to be well again."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BOUND = 60.0
"""Seconds within which the line must be well once what was taken away is back."""

HEADER = (
    "| fault | times | cases under way at the blow, p50 / max | well again after, s, p50 / max | away, s, longest |",
    "|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """One strike and what came of it."""

    fault: str
    in_flight: int
    away: float
    """Seconds from the blow until the thing was back."""
    recovery: float | None
    """Seconds from then until the line was well; None when that was not seen, or the strike itself failed."""
    bound: float = BOUND
    """Seconds that it may need."""
    failure: str = ""

    @property
    def holds(self) -> bool:
        """True when the line was well in time."""
        return self.recovery is not None and self.recovery <= self.bound and not self.failure


def rows(blows: Sequence[Blow]) -> list[str]:
    """Lines of Markdown, in the order in which the faults first struck."""
    by_fault: dict[str, list[Blow]] = {}
    for blow in blows:
        by_fault.setdefault(blow.fault, []).append(blow)
    lines = []
    for fault, all_of_it in sorted(by_fault.items()):
        flight = [blow.in_flight for blow in all_of_it]
        seen = [blow.recovery for blow in all_of_it if blow.recovery is not None]
        never = len(all_of_it) - len(seen)
        recovery = f"{statistics.median(seen):.1f} / {max(seen):.1f}" if seen else "–"
        lines.append(
            f"| {fault} | {len(all_of_it)} | {statistics.median(flight):.0f} / {max(flight)} "
            f"| {recovery}{f', {never} never' if never else ''} | {max(blow.away for blow in all_of_it):.1f} |"
        )
    return lines


def kinds(kills: Mapping[str, int]) -> str:
    """The kills by their reason, in one line."""
    return ", ".join(f"{why} {count}" for why, count in sorted(kills.items()))
