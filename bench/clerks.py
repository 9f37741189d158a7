"""Twenty clerks who take whole cases from the search to the hand-over, each as fast as the system lets them."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from bench.load import cpu_seconds, percentiles
from bench.rig import Applications, Body, Rig, fresh_key, people
from tongban_local.sole_trader import ITEM, LIUYANG, TONGGU

LOOK = 0.3
"""Seconds between two looks for what the system does by itself."""
PATIENCE = 30.0
OK = range(200, 300)


class Refused(RuntimeError):
    """A call of a clerk was not let through."""


@dataclass(slots=True, kw_only=True)
class Day:
    """What the clerks did."""

    seconds: float = 0.0
    cases: int = 0
    failed: int = 0
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds of each call, by its name, in the order of a case's life."""
    cpu_ms_per_case: dict[str, float] = field(default_factory=dict)

    def rows(self) -> list[str]:
        """Lines of Markdown: call, how often, p50, p95, p99."""
        return [
            f"| {name} | {len(waits)} | {' / '.join(f'{value:.1f}' for value in percentiles(waits))} |"
            for name, waits in self.waits.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerks:
    """The people at both ends, calling through the gateway."""

    http: aiohttp.ClientSession
    clerk: Mapping[str, str]
    reviewer: Mapping[str, str]
    approver: Mapping[str, str]
    day: Day
    counting: asyncio.Event

    async def call(self, name: str, method: str, path: str, who: Mapping[str, str], *, body: Body | None = None, **headers: str) -> Any:
        """One call; counted under its name unless that is empty."""
        sent = {**who, **headers, "Content-Type": "application/json"} | (fresh_key() if method == "POST" else {})
        began = time.perf_counter()
        async with self.http.request(method, f"/v1{path}", data=None if body is None else orjson.dumps(body), headers=sent) as answer:
            content = await answer.read()
            tag = answer.headers.get("etag", "")
            status = answer.status
        if name and self.counting.is_set():
            self.day.waits[name].append((time.perf_counter() - began) * 1000)
        if status not in OK:
            raise Refused(f"{name or 'look'} {method} {path}: {status} {content[:300].decode(errors='replace')}")
        return orjson.loads(content) | {"etag": tag}

    async def until(self, what: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Look until it is there."""
        began = time.perf_counter()
        while time.perf_counter() < began + PATIENCE:
            try:
                found = await ask()
            except Refused:
                found = None
            if found:
                if self.counting.is_set():
                    self.day.waits[f"(wait for {what})"].append((time.perf_counter() - began) * 1000)
                return found
            await asyncio.sleep(LOOK)
        raise Refused(f"never came: {what}")

    async def whole_case(self, application: Body) -> None:
        """From the search to the hand-over."""
        await self.call("search", "GET", "/search?q=个体户开业", self.clerk)
        route = await self.call("route", "GET", f"/routes?item={ITEM}&region={LIUYANG}&from={TONGGU}", self.clerk)
        await self.call(
            "guide", "GET", f"/service-items/{route['route']['item_id']}/guide?fact.matter=open&fact.by_agent=false", self.clerk
        )
        await self.call("check", "POST", "/cases:check", self.clerk, body=application)
        no = (await self.call("receive", "POST", "/cases", self.clerk, body=application))["case_no"]
        await self.call("list", "GET", "/cases?limit=20", self.clerk)

        async def validated() -> Any:
            found = await self.call("", "GET", f"/transfers?case={no}", self.reviewer)
            return [one for one in found["items"] if one["state"] == "validated"]

        [transfer] = await self.until("the transfer", validated)
        await self.call("sign", "POST", f"/transfers/{transfer['transfer_id']}/receipts", self.reviewer, body={"step": "signed_for"})
        await self.call("get", "GET", f"/cases/{no}", self.clerk)
        handling = await self.call("get handling", "GET", f"/handlings/{no}", self.reviewer)
        await self.call("accept", "POST", f"/handlings/{no}/acceptance", self.reviewer, **{"If-Match": handling["etag"]})
        sealed = await self.until("the seal of the acceptance", lambda: self._sealed(no))
        await self.call("timeline", "GET", f"/cases/{no}/timeline", self.clerk)
        await self.call("clocks", "GET", f"/cases/{no}/clocks", self.clerk)
        decision = {"outcome": "granted"}
        await self.call("decide", "POST", f"/handlings/{no}/decision", self.approver, body=decision, **{"If-Match": sealed["etag"]})

        async def delivery() -> Any:
            found = await self.call("", "GET", "/deliveries?state=open&limit=200", self.clerk)
            return [one for one in found["items"] if one["case_no"] == no]

        [opened] = await self.until("the delivery", delivery)
        await self.call("deliver", "POST", f"/deliveries/{opened['delivery_id']}/handover", self.clerk, body={"means": "window"})

    async def _sealed(self, no: str) -> Any:
        found = await self.call("", "GET", f"/handlings/{no}", self.approver)
        return found if found["awaiting_seal"] is None and found["state"] == "accepted" else None


async def measure(rig: Rig, *, clerks: int, seconds: float) -> Day:
    """A day of so many clerks, after a warm-up of a third of it."""
    day, counting = Day(), asyncio.Event()
    async with people(rig, "tonggu-clerk", "liuyang-reviewer", "liuyang-approver") as [clerk, reviewer, approver]:
        applications = Applications()
        await applications.prepare(rig, clerk, count=int(seconds * 2 * 100))
        timeout = aiohttp.ClientTimeout(total=40)
        async with aiohttp.ClientSession(rig.url, connector=aiohttp.TCPConnector(limit=clerks), timeout=timeout) as http:
            group = Clerks(http=http, clerk=clerk, reviewer=reviewer, approver=approver, day=day, counting=counting)
            stop = asyncio.Event()

            async def work() -> None:
                while not stop.is_set() and (application := applications.take()) is not None:
                    try:
                        await group.whole_case(application)
                        day.cases += counting.is_set()
                    except Refused as error:
                        day.failed += counting.is_set()
                        print(f"  {error}")

            working = [asyncio.create_task(work()) for _ in range(clerks)]
            await asyncio.sleep(seconds / 3)
            counting.set()
            before, began = {name: cpu_seconds(pid) for name, pid in rig.pids.items()}, time.perf_counter()
            await asyncio.sleep(seconds)
            day.seconds = time.perf_counter() - began
            spent = {name: cpu_seconds(pid) - before[name] for name, pid in rig.pids.items()}
            day.cpu_ms_per_case = {name: value * 1000 / max(1, day.cases) for name, value in spent.items()}
            counting.clear()
            stop.set()
            await asyncio.gather(*working)
    return day
