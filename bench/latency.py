"""How long a case that was received takes to be known elsewhere, at a steady rate that the line holds easily.

The instants are those of the databases (`track_commit_timestamp`): when a transaction began by the service's clock, when it was committed by
PostgreSQL's. One machine, one clock.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp
import orjson

from bench.load import percentiles
from bench.rig import Applications, Rig, fresh_key, people

_INTAKE = """
    select c.case_id, extract(epoch from pg_xact_commit_timestamp(k.xmin)), extract(epoch from pg_xact_commit_timestamp(c.xmin))
    from cases c join secret_keys k on k.owner = 'case:' || c.case_id
    where c.stage = 'validated' and extract(epoch from c.received_at) >= {since}
"""
_ROUTING = """
    select case_id, extract(epoch from opened_at), extract(epoch from pg_xact_commit_timestamp(xmin))
    from transfers where extract(epoch from opened_at) >= {since}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Milliseconds, p50, p95 and p99 of each."""

    cases: int
    per_second: float
    answered: list[float]
    """The call itself, for the clerk."""
    heard: list[float]
    """Commit at intake until routing's transaction began, the event in its hand."""
    routed: list[float]
    """Commit at intake until routing committed the transfer, offered, delivered and validated with three signed receipts."""
    shown: list[float]
    """Commit at intake until intake committed that its window sees the transfer validated."""

    def rows(self) -> list[str]:
        """Lines of Markdown."""
        named = {
            "the call, for the clerk": self.answered,
            "committed at intake → heard by routing (its transaction began)": self.heard,
            "committed at intake → validated at routing (committed, three receipts signed)": self.routed,
            "committed at intake → shown as validated at the receiving window (committed)": self.shown,
        }
        return [f"| {what} | {' / '.join(f'{value:.1f}' for value in values)} |" for what, values in named.items()]


async def measure(rig: Rig, *, per_second: float, seconds: float) -> Latencies:
    """Receive cases at this rate, whatever the answers take."""
    waits: list[float] = []
    async with people(rig, "tonggu-clerk") as [clerk]:
        applications = Applications()
        await applications.prepare(rig, clerk, count=int(per_second * seconds))
        since = time.time()
        async with aiohttp.ClientSession(rig.url, headers={**clerk, "Content-Type": "application/json"}) as http:

            async def receive() -> None:
                began = time.perf_counter()
                async with http.post("/v1/cases", data=orjson.dumps(applications.take()), headers=fresh_key()) as answer:
                    await answer.read()
                    answer.raise_for_status()
                waits.append((time.perf_counter() - began) * 1000)

            began = time.perf_counter()
            calls = []
            for number in range(len(applications)):
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
                calls.append(asyncio.create_task(receive()))
            await asyncio.gather(*calls)
            took = time.perf_counter() - began
    await rig.settle()
    await asyncio.sleep(1)
    received = {row[0]: (float(row[1]), float(row[2])) for row in rig.rows("intake", _INTAKE.format(since=since))}
    routed = {row[0]: (float(row[1]), float(row[2])) for row in rig.rows("routing", _ROUTING.format(since=since))}
    both = sorted(received.keys() & routed.keys())
    return Latencies(
        cases=len(both),
        per_second=len(waits) / took,
        answered=percentiles(waits),
        heard=percentiles([(routed[one][0] - received[one][0]) * 1000 for one in both]),
        routed=percentiles([(routed[one][1] - received[one][0]) * 1000 for one in both]),
        shown=percentiles([(received[one][1] - received[one][0]) * 1000 for one in both]),
    )
