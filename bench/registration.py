"""Registrations through the gateway: rate, latency and what each process spends on one, everything downstream keeping up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

from bench.load import Call, Load, Result, cpu_seconds
from bench.rig import Applications, Rig, fresh_key, people

MOST_PER_SECOND = 900
"""Applications prepared for each second measured with many clients; more cannot be used."""


async def idle(rig: Rig, *, seconds: float) -> dict[str, float]:
    """Percent of one core that each process takes while nobody calls."""
    before = {name: cpu_seconds(pid) for name, pid in rig.pids.items()}
    await asyncio.sleep(seconds)
    return {name: (cpu_seconds(pid) - before[name]) / seconds * 100 for name, pid in rig.pids.items()}


async def measure(rig: Rig, *, clients: Sequence[int], seconds: float) -> list[tuple[Result, float]]:
    """One cell for each number of clients, each with the seconds that the rest of the line then needed to have it all."""
    cells = []
    async with people(rig, "tonggu-clerk") as [clerk]:
        for count in clients:
            applications = Applications()
            await applications.prepare(rig, clerk, count=int(seconds * 1.3 * min(MOST_PER_SECOND, 150 * count)))
            load = Load(rig.url, pids=rig.pids)

            def make(ready: Applications = applications, headers: Mapping[str, str] = clerk) -> Call | None:
                body = ready.take()
                return None if body is None else ("POST", "/v1/cases", body, {**headers, **fresh_key()})

            result = await load.run("registration, three materials", clients=count, seconds=seconds, make=make)
            cells.append((result, await rig.settle()))
            if not len(applications):
                print(f"{count} clients: ran out of applications", file=sys.stderr)
    return cells
