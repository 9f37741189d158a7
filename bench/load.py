"""A closed-loop load over HTTP and what it cost: rate, latency, processor time of each process."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.meter import Meter, tell
from bench.wire import Broken, Wires

Call = tuple[str, str, bytes, Mapping[str, str]]
"""Method, path, body, headers."""

OK = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One cell of a table."""

    name: str
    clients: int
    seconds: float
    calls: int
    failed: int
    waits: list[float]
    """Milliseconds, p50, p95 and p99."""
    by_period: list[int]
    """Calls answered in each 10 s, the last period cut."""
    cpu_ms_per_call: dict[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Successful calls per second."""
        return (self.calls - self.failed) / self.seconds

    def row(self) -> str:
        """The cell as a line of Markdown under `HEADER`."""
        waits = " / ".join(f"{value:.1f}" for value in self.waits)
        return f"| {self.name} | {self.clients} | {self.per_second:.0f} | {waits} | {tell(self.cpu_ms_per_call)} | {self.failed} |"


HEADER = "| what | clients | per second | p50 / p95 / p99 ms | CPU ms per call, all processes | failed |\n|---|---|---|---|---|---|"

PERIOD = 10.0

WARM = 5.0
"""Seconds of warm-up at most; a fifth of what is measured where that is less."""


def percentiles(values: Sequence[float]) -> list[float]:
    """The 50th, 95th and 99th; zeros when there are not two values."""
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else [0.0] * 99
    return [cuts[49], cuts[94], cuts[98]]


async def run(
    url: str, name: str, *, pids: Mapping[str, Sequence[int]], clients: int, seconds: float, make: Callable[[], Call | None]
) -> Result:
    """Clients that each send the next call when the last was answered.

    Args:
        url: Of the server.
        name: Of the cell.
        pids: Whose processor time is counted.
        clients: How many.
        seconds: For how long, after the warm-up; shorter when ``make`` has nothing left.
        make: Gives the next call.
    """
    wires = Wires(url)
    waits: list[float] = []
    failed = 0
    periods: Counter[int] = Counter()

    async def client(began: float, until: float, *, counted: bool) -> None:
        nonlocal failed
        while time.perf_counter() < until and (call := make()) is not None:
            method, path, body, headers = call
            sent = time.perf_counter()
            try:
                status = (await wires.call(method, path, headers=headers, body=body)).status
            except Broken:
                status = 0
            if counted:
                answered = time.perf_counter()
                waits.append((answered - sent) * 1000)
                failed += status not in OK
                periods[int((answered - began) // PERIOD)] += 1

    now = time.perf_counter()
    await asyncio.gather(*(client(now, now + min(WARM, seconds / 5), counted=False) for _ in range(clients)))
    meter, began = Meter(pids), time.perf_counter()
    await asyncio.gather(*(client(began, began + seconds, counted=True) for _ in range(clients)))
    took, spent = meter.seconds, meter.per(len(waits))
    wires.close()
    return Result(
        name=name,
        clients=clients,
        seconds=took,
        calls=len(waits),
        failed=failed,
        waits=percentiles(waits),
        by_period=[periods[number] for number in range(max(periods, default=-1) + 1)],
        cpu_ms_per_call=spent,
    )
