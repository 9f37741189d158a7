"""An hour at half of what the line holds: what grows, and what a case leaves behind."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.cases import Line
from bench.log import behind
from bench.meter import Meter, tell
from bench.rig import PREFIX, Rig
from tongban_local.layout import SERVICES

_SIZES = """
    select c.relname, pg_total_relation_size(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname = 'public'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A straight line through samples by least squares."""

    first: float
    last: float
    """Means of the first and the last tenth of the samples."""
    per_hour: float
    error: float
    """Standard error of the slope, per hour; neighbours resemble each other, so it is rather too small."""


@dataclass(slots=True, kw_only=True)
class Soak:
    """What was seen."""

    seconds: float = 0.0
    closed: int = 0
    given_up: int = 0
    at: list[float] = field(default_factory=list)
    """Seconds from the beginning, of each sample."""
    series: dict[str, list[float]] = field(default_factory=dict)
    """By what was sampled, e.g. ``MiB routing``."""
    bytes_per_case: dict[str, float] = field(default_factory=dict)
    """By ``<service>.<table>``, indexes and large values included, the free space in them too."""
    rows_per_case: dict[str, float] = field(default_factory=dict)
    log_bytes_per_case: float = 0.0
    cpu_ms_per_case: dict[str, float] = field(default_factory=dict)
    whole: list[tuple[float, float]] = field(default_factory=list)
    """When each case closed and how long it took, seconds."""


async def measure(rig: Rig, *, per_second: float, seconds: float, warm: float, every: float = 10.0) -> Soak:
    """Let cases arrive and be handled to the end.

    Args:
        rig: The system.
        per_second: How many arrive.
        seconds: For how long.
        warm: Seconds before that, which are not counted.
        every: Seconds between two samples.
    """
    found, stop = Soak(), asyncio.Event()
    async with Line(rig) as line:
        arriving = asyncio.create_task(line.arrive(per_second, stop))
        await asyncio.sleep(warm)
        before = await asyncio.to_thread(_tables, rig)
        log_before = _size(rig.kafka.data)
        shift, meter, began = line.shift, Meter(rig.pids), time.perf_counter()
        skipped, given_up = len(shift.closed), shift.failed.total()
        while (now := time.perf_counter() - began) < seconds:
            found.at.append(now)
            for name, value in (await _sample(rig, line)).items():
                found.series.setdefault(name, []).append(value)
            await asyncio.sleep(max(0.0, every * len(found.at) - (time.perf_counter() - began)))
        found.seconds, found.closed = meter.seconds, len(shift.closed) - skipped
        found.cpu_ms_per_case = meter.per(found.closed)
        found.given_up = shift.failed.total() - given_up
        after = await asyncio.to_thread(_tables, rig)
        found.log_bytes_per_case = (_size(rig.kafka.data) - log_before) / max(1, found.closed)
        found.whole = list(zip(shift.closed[skipped:], shift.whole[skipped:], strict=True))
        stop.set()
        await arriving
    for table, (size, rows) in after.items():
        old_size, old_rows = before.get(table, (0, 0))
        found.bytes_per_case[table] = (size - old_size) / max(1, found.closed)
        found.rows_per_case[table] = (rows - old_rows) / max(1, found.closed)
    return found


def slope(at: Sequence[float], values: Sequence[float]) -> Slope:
    """The line through samples; flat where there are fewer than three."""
    tenth = max(1, len(values) // 10)
    first, last = statistics.fmean(values[:tenth]), statistics.fmean(values[-tenth:])
    if len(values) < 3:  # noqa: PLR2004 - two points have no error
        return Slope(first=first, last=last, per_hour=0.0, error=0.0)
    fitted = statistics.linear_regression(at, values)
    middle = statistics.fmean(at)
    left = sum((y - fitted.intercept - fitted.slope * x) ** 2 for x, y in zip(at, values, strict=True))
    error = (left / (len(at) - 2) / sum((x - middle) ** 2 for x in at)) ** 0.5
    return Slope(first=first, last=last, per_hour=fitted.slope * 3600, error=error * 3600)


def show(found: Soak) -> list[str]:
    """Lines of Markdown."""
    half = len(found.at) // 2
    lines = [
        (
            f"**{found.closed / found.seconds:.1f} whole cases/s closed** ({found.closed} in {found.seconds / 60:.1f} min, {found.given_up} given up); "
            f"most connections {max(found.series['connections, all'], default=0):.0f}."
        ),
        "",
        f"- CPU ms per case: {tell(found.cpu_ms_per_case)}",
        f"- first upload to closed, p50 of the first and of the last tenth: {' → '.join(f'{value:.2f}' for value in _medians(found.whole))} s",
        "",
        "| what | first tenth | last tenth | per hour (± standard error) | per hour, second half only |",
        "|---|---|---|---|---|",
    ]
    for name, values in found.series.items():
        whole, later = slope(found.at, values), slope(found.at[half:], values[half:])
        lines.append(
            f"| {name} | {whole.first:.1f} | {whole.last:.1f} | {whole.per_hour:+.1f} ± {whole.error:.1f} | {later.per_hour:+.1f} ± {later.error:.1f} |"
        )
    total = sum(found.bytes_per_case.values())
    lines += [
        "",
        (
            f"A case leaves {total / 1024:.1f} KiB in the databases (tables, indexes, dead rows not yet reused), {sum(found.rows_per_case.values()):.1f} rows, "
            f"and {found.log_bytes_per_case / 1024:.1f} KiB on the log:"
        ),
        "",
        "| table | bytes per case | rows per case |",
        "|---|---|---|",
    ]
    ranked = sorted(found.bytes_per_case.items(), key=lambda each: -each[1])
    lines += [
        f"| {name} | {size:.0f} | {found.rows_per_case[name]:.2f} |" for name, size in ranked if size >= 1 or found.rows_per_case[name]
    ]
    return lines


def _medians(whole: Sequence[tuple[float, float]]) -> list[float]:
    tenth = max(1, len(whole) // 10)
    took = [seconds for _, seconds in whole]
    return [statistics.median(part) if part else 0.0 for part in (took[:tenth], took[-tenth:])]


async def _sample(rig: Rig, line: Line) -> dict[str, float]:
    found: dict[str, float] = {f"MiB {name}": sum(map(_memory, pids)) / 2**20 for name, pids in rig.pids.items()}
    connections = await asyncio.to_thread(
        rig.postgres.query, "select datname, count(*) from pg_stat_activity where datname is not null group by datname"
    )
    counts = {name: int(count) for name, count in (row.split("|") for row in connections.splitlines())}
    for name in SERVICES:
        found[f"connections, {name}"] = counts.get(f"{PREFIX}_{name}", 0)
    found["connections, all"] = sum(count for name, count in counts.items() if name.startswith(PREFIX))
    found |= {f"records not yet heard, {name}": count for name, count in (await behind(line.bus)).items()}
    found["outbox rows not yet sent"] = await asyncio.to_thread(rig.waiting)
    found["cases under way"] = line.under_way
    return found


def _memory(pid: int) -> float:
    """Bytes that a process and its children hold; what they share is counted once."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0.0
    return float(sum(map(_proportional, family)))


def _proportional(process: psutil.Process) -> int:
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def _tables(rig: Rig) -> Mapping[str, tuple[int, int]]:
    """Bytes and rows of every table of the services."""
    found = {}
    for service in SERVICES:
        for table, size in rig.rows(service, _SIZES):
            [[rows]] = rig.rows(service, f'select count(*) from "{table}"')  # noqa: S608 - the database itself gave the name
            found[f"{service}.{table}"] = (int(size), int(rows))
    return found


def _size(folder: Path) -> int:
    """Bytes of the records kept in a folder; segments are files that are not filled in advance."""
    return sum(file.stat().st_size for file in folder.rglob("*.log") if file.parent.name.rpartition("-")[2].isdigit())
