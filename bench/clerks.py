"""Twenty clerks who take whole cases from the search to the hand-over, while other cases arrive and are handled beside them."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.cases import Line
from bench.load import OK, percentiles
from bench.meter import Meter
from bench.rig import MATERIAL, Rig, new_applicant, people
from bench.wire import JSON, Broken, Wires, fresh_key
from tongban_local.sole_trader import ITEM, LIUYANG, MATERIALS, TONGGU, application, scan

LOOK = 1.0
"""Seconds between two looks for what the system does by itself, as a front end would look."""
PATIENCE = 60.0
AGAIN = 3
"""How often a move is tried that another change of the same case overtook."""
STALE = 412


class Refused(RuntimeError):
    """A call of a clerk was not let through."""


@dataclass(slots=True, kw_only=True)
class Day:
    """What the clerks did."""

    seconds: float = 0.0
    cases: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Cases that were not finished, by what was refused."""
    beside: int = 0
    """Cases closed by others meanwhile."""
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds of each call, by its name, in the order of a case's life."""
    cpu_ms_per_second: dict[str, float] = field(default_factory=dict)
    """Of the whole machine: clerks, cases beside and all."""

    def rows(self) -> list[str]:
        """Lines of Markdown: call, how often, p50, p95, p99."""
        return [
            f"| {name} | {len(waits)} | {' / '.join(f'{value:.1f}' for value in percentiles(waits))} |"
            for name, waits in self.waits.items()
            if waits
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerks:
    """The people at both ends, calling through the gateway."""

    wires: Wires
    clerk: dict[str, str]
    reviewer: dict[str, str]
    approver: dict[str, str]
    think: float
    """Seconds between two calls, on average."""
    day: Day
    counting: asyncio.Event

    async def call(self, name: str, method: str, path: str, who: Mapping[str, str], *, body: Any = None, **headers: str) -> Any:
        """One call, counted under its name, after a while of thinking; ``body`` is JSON, or the bytes of a scan."""
        if self.think:
            await asyncio.sleep(random.uniform(0.5, 1.5) * self.think)  # noqa: S311 - nobody guesses how long a clerk thinks
        sent = {**who, **JSON, **headers} | (fresh_key() if method == "POST" else {})
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        began = time.perf_counter()
        answer = await self.wires.call(method, f"/v1{path}", headers=sent, body=content)
        waits = self.day.waits[name]
        if self.counting.is_set():
            waits.append((time.perf_counter() - began) * 1000)
        if answer.status not in OK:
            raise Refused(f"{name}: {answer.status} {orjson.loads(answer.body or b'{}').get('rule', '')}")
        found = orjson.loads(answer.body)
        tag = answer.headers.get(b"etag", b"").decode().strip('"')
        return {"version": tag} | found if tag else found

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
                    self.day.waits[f"(wait for {what}, looking every second)"].append((time.perf_counter() - began) * 1000)
                return found
            await asyncio.sleep(LOOK)
        raise Refused(f"never came: {what}")

    async def whole_case(self) -> None:
        """From the search to the hand-over."""
        await self.call("search", "GET", "/search?q=%E4%B8%AA%E4%BD%93%E6%88%B7%E5%BC%80%E4%B8%9A", self.clerk)
        route = await self.call("route", "GET", f"/routes?item={ITEM}&region={LIUYANG}&from={TONGGU}", self.clerk)
        guide = f"/service-items/{route['route']['item_id']}/guide?fact.matter=open&fact.by_agent=false"
        await self.call("guide", "GET", guide, self.clerk)
        named = []
        for place, code in enumerate(MATERIALS):
            kept = await self.call("upload", "POST", "/materials", self.clerk, body=scan(place), **MATERIAL)
            named.append({"code": code, "material_id": kept["material_id"]})
        filled_in = application(named, applicant=new_applicant())
        await self.call("check", "POST", "/cases:check", self.clerk, body=filled_in)
        no = (await self.call("receive", "POST", "/cases", self.clerk, body=filled_in))["case_no"]
        await self.call("list cases", "GET", "/cases?limit=20", self.clerk)

        async def validated() -> Any:
            found = await self.call("transfers of the case", "GET", f"/transfers?case={no}", self.reviewer)
            return [one for one in found["items"] if one["state"] == "validated"]

        [transfer] = await self.until("the transfer", validated)
        await self.call("sign", "POST", f"/transfers/{transfer['transfer_id']}/receipts", self.reviewer, body={"step": "signed_for"})
        await self.call("list handlings", "GET", "/handlings?state=opened&limit=20", self.reviewer)
        await self._move("accept", f"/handlings/{no}/acceptance", self.reviewer, at=f"/handlings/{no}")
        await self.until("the seal of the acceptance", lambda: self._sealed(no))
        await self.call("get case", "GET", f"/cases/{no}", self.clerk)
        await self.call("timeline", "GET", f"/cases/{no}/timeline", self.clerk)
        await self.call("clocks", "GET", f"/cases/{no}/clocks", self.clerk)
        await self._move("decide", f"/handlings/{no}/decision", self.approver, at=f"/handlings/{no}", body={"outcome": "granted"})

        async def delivery() -> Any:
            found = await self.call("list deliveries", "GET", "/deliveries?state=open&limit=200", self.clerk)
            return [one for one in found["items"] if one["case_no"] == no]

        [opened] = await self.until("the delivery", delivery)
        await self.call("hand over", "POST", f"/deliveries/{opened['delivery_id']}/handover", self.clerk, body={"means": "window"})

    async def _move(self, name: str, path: str, who: Mapping[str, str], *, at: str, body: Any = None) -> None:
        """Read the handling and move it at the version that was read."""
        for tried in range(1, AGAIN + 1):
            found = await self.call("get handling", "GET", at, who)
            try:
                await self.call(name, "POST", path, who, body=body, **{"If-Match": f'"{found["version"]}"'})
            except Refused as error:
                if f" {STALE} " not in str(error) or tried == AGAIN:
                    raise
            else:
                return

    async def _sealed(self, no: str) -> Any:
        found = await self.call("get handling", "GET", f"/handlings/{no}", self.approver)
        return found["awaiting_seal"] is None and found["state"] == "accepted"


async def measure(rig: Rig, *, clerks: int, beside: float, think: float, seconds: float, warm: float) -> Day:
    """A day of so many clerks.

    Args:
        rig: The system.
        clerks: How many.
        beside: Cases per second that others receive and handle to the end meanwhile.
        think: Seconds a clerk waits before each call, on average; 0 for a clerk that is a machine.
        seconds: What is counted.
        warm: Seconds before that.
    """
    day, counting, stop = Day(), asyncio.Event(), asyncio.Event()
    clerk, reviewer, approver = await people(rig, "tonggu-clerk", "liuyang-reviewer", "liuyang-approver")
    wires = Wires(rig.url)
    group = Clerks(wires=wires, clerk=clerk, reviewer=reviewer, approver=approver, think=think, day=day, counting=counting)

    async def work() -> None:
        while not stop.is_set():
            try:
                await group.whole_case()
                day.cases += counting.is_set()
            except (Refused, Broken) as error:
                day.failed[str(error)] += counting.is_set()
                await asyncio.sleep(1)

    async with Line(rig) as line:
        others = asyncio.create_task(line.arrive(beside, stop))
        working = [asyncio.create_task(work()) for _ in range(clerks)]
        await asyncio.sleep(warm)
        counting.set()
        meter, closed = Meter(rig.pids), len(line.shift.closed)
        await asyncio.sleep(seconds)
        day.seconds, day.beside = meter.seconds, len(line.shift.closed) - closed
        day.cpu_ms_per_second = {name: value * 1000 / day.seconds for name, value in meter.spent().items()}
        counting.clear()
        stop.set()
        await asyncio.gather(others, *working)
    wires.close()
    return day
