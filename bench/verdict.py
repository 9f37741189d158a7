"""What does not hold of what was measured: failed calls, cases given up, what grows though nothing more arrives. Speed is told, not judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.cases import Held
from bench.load import Result
from bench.registration import Cell
from bench.soak import Soak, slope

MOVES = 2_000
"""Records or rows more that still count as the same: offsets are committed once a second, and that is what the line writes in two or three."""

SETTLED = 30.0
"""Seconds after the last answer within which a backlog must be gone."""

CONNECTIONS = 80
"""To the database, of all processes together."""

STEEPER = 0.1
"""Part of its size that a process may seem to grow by in an hour, once it has its caches: less cannot be told from chance."""

SURE = 3
"""Standard errors beyond which a slope is no chance."""


def of_calls(results: Iterable[Result]) -> list[str]:
    """Calls that got no good answer."""
    return [
        f"{each.name}, {each.clients} clients: {each.failed} of {each.calls} calls failed"
        for each in results
        if each.failed or not each.calls
    ]


def of_registrations(cells: Sequence[Cell]) -> list[str]:
    """Failed calls, and backlogs that stay."""
    late = [cell for cell in cells if cell.settled > SETTLED]
    return of_calls(cell.result for cell in cells) + [
        f"{cell.result.clients} clients: what they left behind was done only {cell.settled:.0f} s later" for cell in late
    ]


def of_cases(held: Held) -> list[str]:
    """Cases given up, and lag that grows."""
    before, after = held.lag
    found = _given_up(held.shift.failed.total(), closed=len(held.shift.closed))
    found += [f"{name}: records not yet heard {before[name]} → {after[name]}" for name in before if after[name] > before[name] + MOVES]
    if held.waiting[1] > held.waiting[0] + MOVES:
        found.append(f"outbox rows not yet sent {held.waiting[0]} → {held.waiting[1]}")
    return found


def of_soak(soak: Soak) -> list[str]:
    """Cases given up, lag or memory that grows, connections without end."""
    found = _given_up(soak.given_up, closed=soak.closed)
    half = len(soak.at) // 2
    for name, values in soak.series.items():
        whole, later = slope(soak.at, values), slope(soak.at[half:], values[half:])
        if name.startswith(("records not yet heard", "outbox rows")) and whole.last > whole.first + MOVES:
            found.append(f"{name}: {whole.first:.0f} → {whole.last:.0f}")
        if name.startswith("MiB ") and later.per_hour > max(STEEPER * whole.last, SURE * later.error):
            found.append(f"{name}: {later.per_hour:+.0f} ± {later.error:.0f} an hour in the second half")
    most = max(soak.series.get("connections, all", ()), default=0)
    return [*found, f"{most:.0f} connections"] if most > CONNECTIONS else found


def of_clerks(failed: Mapping[str, int]) -> list[str]:
    """Cases that clerks did not finish, by what was refused."""
    return [f"not finished: {times} × {reason}" for reason, times in failed.items() if times > 0]


def _given_up(count: int, *, closed: int) -> list[str]:
    return [f"{count} cases given up, {closed} closed"] if count or not closed else []
