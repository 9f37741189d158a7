"""A closed-loop load over HTTP and what it cost: rate, latency, CPU time of each process."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import psutil

Call = tuple[str, str, Any, Mapping[str, str]]
"""Method, path, JSON body or None, headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One cell of a table."""

    name: str
    clients: int
    seconds: float
    calls: int
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms_per_call: dict[str, float] = field(default_factory=dict)
    """By process; children included; the load generator is not in it."""

    @property
    def per_second(self) -> float:
        """Successful calls per second."""
        return (self.calls - self.failed) / self.seconds

    def row(self) -> str:
        """The cell as a line of Markdown."""
        cpu = ", ".join(f"{name} {value:.2f}" for name, value in self.cpu_ms_per_call.items())
        total = sum(self.cpu_ms_per_call.values())
        return (
            f"| {self.name} | {self.clients} | {self.per_second:.0f} | {self.p50_ms:.1f} / {self.p95_ms:.1f} / {self.p99_ms:.1f} "
            f"| {total:.2f} ({cpu}) | {self.failed} |"
        )


HEADER = "| what | clients | per second | p50 / p95 / p99 ms | CPU ms per call, all processes | failed |\n|---|---|---|---|---|---|"


def percentiles(values: Sequence[float]) -> list[float]:
    """The 50th, 95th and 99th; zeros when there are not two values."""
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else [0.0] * 99
    return [cuts[49], cuts[94], cuts[98]]


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children so far."""
    try:
        process = psutil.Process(pid)
        total = 0.0
        for each in (process, *process.children(recursive=True)):
            try:
                times = each.cpu_times()
                total += times.user + times.system
            except psutil.Error:
                continue
    except psutil.Error:
        return 0.0
    return total


class Load:
    """Clients that each send the next call when the last was answered."""

    def __init__(self, url: str, *, pids: Mapping[str, int]) -> None:
        self._url = url
        self._pids = dict(pids)

    async def run(
        self, name: str, *, clients: int, seconds: float, make: Callable[[], Call | None], expect: tuple[int, ...] = (200, 201)
    ) -> Result:
        """Run for so many seconds after a warm-up of a fifth of it; shorter when ``make`` has nothing left."""
        connector = aiohttp.TCPConnector(limit=clients)
        waits: list[float] = []
        failed = 0
        async with aiohttp.ClientSession(connector=connector) as http:

            async def client(until: float, *, counted: bool) -> None:
                nonlocal failed
                while time.perf_counter() < until and (call := make()) is not None:
                    method, path, body, headers = call
                    begun = time.perf_counter()
                    async with http.request(
                        method,
                        self._url + path,
                        data=None if body is None else orjson.dumps(body),
                        headers={"content-type": "application/json", **headers},
                    ) as answer:
                        await answer.read()
                        status = answer.status
                    if counted:
                        waits.append((time.perf_counter() - begun) * 1000)
                        failed += status not in expect

            warm = time.perf_counter() + seconds / 5
            await asyncio.gather(*(client(warm, counted=False) for _ in range(clients)))
            before = {process: cpu_seconds(pid) for process, pid in self._pids.items()}
            begun = time.perf_counter()
            await asyncio.gather(*(client(begun + seconds, counted=True) for _ in range(clients)))
            took = time.perf_counter() - begun
        spent = {process: (cpu_seconds(pid) - before[process]) * 1000 / max(1, len(waits)) for process, pid in self._pids.items()}
        p50, p95, p99 = percentiles(waits)
        return Result(
            name=name,
            clients=clients,
            seconds=took,
            calls=len(waits),
            failed=failed,
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            cpu_ms_per_call=spent,
        )
