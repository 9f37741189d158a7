"""How long a case that was received takes to be known elsewhere, at a steady rate that the line holds easily.

The instants are those of the databases (`track_commit_timestamp`): when a transaction began by the service's clock, when it was committed by
PostgreSQL's. One machine, one clock.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from bench.load import OK, percentiles
from bench.meter import Meter
from bench.registration import settle
from bench.rig import Applications, Rig, people
from bench.wire import JSON, Broken, Wires, fresh_key

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
    failed: int
    cpu_ms_per_case: dict[str, float]
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
    failed = 0
    [clerk] = await people(rig, "tonggu-clerk")
    applications = Applications()
    await applications.prepare(rig, clerk, count=int(per_second * seconds))
    since, wires = time.time(), Wires(rig.url)
    meter = Meter(rig.pids)

    async def receive() -> None:
        nonlocal failed
        began = time.perf_counter()
        try:
            answer = await wires.call("POST", "/v1/cases", headers=clerk | JSON | fresh_key(), body=applications.take() or b"")
        except Broken:
            failed += 1
            return
        failed += answer.status not in OK
        waits.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    calls = []
    for number in range(applications.left):
        await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
        calls.append(asyncio.create_task(receive()))
    await asyncio.gather(*calls)
    took, spent = time.perf_counter() - began, meter.per(len(waits))
    wires.close()
    await settle(rig)
    received = {row[0]: (float(row[1]), float(row[2])) for row in rig.rows("intake", _INTAKE.format(since=since))}
    routed = {row[0]: (float(row[1]), float(row[2])) for row in rig.rows("routing", _ROUTING.format(since=since))}
    both = sorted(received.keys() & routed.keys())
    return Latencies(
        cases=len(both),
        per_second=len(waits) / took,
        failed=failed,
        cpu_ms_per_case=spent,
        answered=percentiles(waits),
        heard=percentiles([(routed[one][0] - received[one][0]) * 1000 for one in both]),
        routed=percentiles([(routed[one][1] - received[one][0]) * 1000 for one in both]),
        shown=percentiles([(received[one][1] - received[one][0]) * 1000 for one in both]),
    )
