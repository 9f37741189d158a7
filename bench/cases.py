"""Whole cases, received to closed: the most the line holds while nobody waits for a look.

So many cases are under way at once, each in the hands of people who act as soon as the log says that they may; a case that closes makes
room for the next. The line cannot fall behind such clerks without their giving it less, so the rate is one that it holds.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from bench.load import percentiles
from bench.log import Ear, behind, listening
from bench.meter import Meter
from bench.meter import tell as tell_cpu
from bench.rig import MATERIAL, Applications, Rig, new_applicant, people
from bench.wire import JSON, Answer, Broken, Wires, fresh_key
from contracts.case_events import CaseClosed, CaseValidated, DecisionSealed, NoticeSealed
from contracts.event import Event
from tongban_local.sole_trader import MATERIALS, application, scan

AGAIN = frozenset({409, 503})
"""Answers after which a front end asks again by itself: somebody else was faster, or the service has not heard enough yet."""
TRIES = 5
MOST_PER_SECOND = 150
"""Applications prepared for each second; when they run out, the people upload."""
OPENED = 1
"""The version of a handling that was just opened."""
_SIGNED = orjson.dumps({"step": "signed_for"})
_GRANTED = orjson.dumps({"outcome": "granted"})
_HANDED = orjson.dumps({"means": "window"})


class Refused(RuntimeError):
    """A call was not let through."""


@dataclass(slots=True, kw_only=True)
class Shift:
    """What was done since it began."""

    began: float = field(default_factory=time.perf_counter)
    closed: list[float] = field(default_factory=list)
    """When each case was closed, in seconds from the beginning."""
    whole: list[float] = field(default_factory=list)
    """Seconds from the first call to the closing, of each."""
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Milliseconds of each call, by its name."""
    again: Counter[str] = field(default_factory=Counter)
    """How often a call was made again, by its name and the status before."""
    failed: Counter[str] = field(default_factory=Counter)
    """Cases given up, by the reason."""


class Line:
    """The people of both counties at their desks."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.shift = Shift()
        self.under_way = 0
        self._applications = Applications()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        kinds: dict[type[Event], str | None] = {CaseValidated: None, NoticeSealed: "routing", DecisionSealed: "routing", CaseClosed: None}
        self.bus = await self._stack.enter_async_context(listening(self.rig.kafka.bootstrap))
        self._ear = await self._stack.enter_async_context(Ear(self.bus, kinds))
        self._wires = Wires(self.rig.url)
        self._stack.callback(self._wires.close)
        self._clerk, self._reviewer, self._approver = await people(self.rig, "tonggu-clerk", "liuyang-reviewer", "liuyang-approver")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def prepare(self, count: int) -> None:
        """Have the materials of so many applications there already; who finds none uploads."""
        await self._applications.prepare(self.rig, self._clerk, count=count)

    async def work(self, stop: asyncio.Event) -> None:
        """One case after the other until told to stop; the one in hand is finished."""
        while not stop.is_set():
            await self._try()

    async def arrive(self, per_second: float, stop: asyncio.Event) -> None:
        """So many new cases per second, however long each takes, until told to stop; those under way are finished."""
        began, number = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                group.create_task(self._try())
                number += 1
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))

    async def _try(self) -> None:
        self.under_way += 1
        try:
            await self.whole_case()
        except (Refused, Broken, TimeoutError) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            if not self.shift.failed[reason]:
                print(f"  given up: {reason}", flush=True)
            self.shift.failed[reason] += 1
            await asyncio.sleep(1)
        finally:
            self.under_way -= 1

    async def whole_case(self) -> None:
        """Upload what is not there yet, receive, sign, accept, decide, hand over, and see it closed.

        Raises:
            Refused: A call was not let through.
            Broken: A call got no answer.
            TimeoutError: What the line does by itself did not happen.
        """
        began = time.perf_counter()
        body = self._applications.take() or await self._upload()
        received = await self._call("receive", "/cases", self._clerk | JSON, body)
        case = received["case_id"]
        try:
            await self._handle(case)
        finally:
            self._ear.forget(case)
        ended = time.perf_counter()
        self.shift.closed.append(ended - self.shift.began)
        self.shift.whole.append(ended - began)

    async def _upload(self) -> bytes:
        named = []
        for place, code in enumerate(MATERIALS):
            kept = await self._call("upload", "/materials", self._clerk | MATERIAL, scan(place))
            named.append({"code": code, "material_id": kept["material_id"]})
        return orjson.dumps(application(named, applicant=new_applicant()))

    async def _handle(self, case: str) -> None:
        transfer = await self._ear.hear(case, CaseValidated)
        await self._call("sign", f"/transfers/{transfer}/receipts", self._reviewer | JSON, _SIGNED)
        accepted = await self._call("accept", f"/handlings/{case}/acceptance", self._reviewer | JSON | _version(OPENED))
        await self._ear.hear(case, NoticeSealed)
        decider = self._approver | JSON | _version(accepted["version"] + 1)
        await self._call("decide", f"/handlings/{case}/decision", decider, _GRANTED)
        await self._ear.hear(case, DecisionSealed)
        await self._call("hand over", f"/deliveries/{case}-d1/handover", self._clerk | JSON, _HANDED)
        await self._ear.hear(case, CaseClosed)

    async def _call(self, name: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Any:
        keyed = {**headers, **fresh_key()}
        answer = Answer()
        for _ in range(TRIES):
            began = time.perf_counter()
            answer = await self._wires.call("POST", f"/v1{path}", headers=keyed, body=body)
            self.shift.waits[name].append((time.perf_counter() - began) * 1000)
            if answer.status not in AGAIN:
                break
            self.shift.again[f"{name} {answer.status}"] += 1
            await asyncio.sleep(0.2)
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - what HTTP calls successful
            raise Refused(f"{name}: {answer.status} {orjson.loads(answer.body or b'{}').get('rule', '')}")
        return orjson.loads(answer.body)


def _version(number: int) -> dict[str, str]:
    return {"If-Match": f'"{number}"'}


@dataclass(slots=True, kw_only=True)
class Held:
    """A rate that was held."""

    seconds: float
    at_once: int
    """Cases under way at the same time."""
    shift: Shift
    cpu_ms_per_case: dict[str, float]
    lag: tuple[dict[str, int], dict[str, int]]
    """Records not yet heard, by service, when the counting began and when it ended."""
    waiting: tuple[int, int]
    """Outbox rows not yet sent, likewise."""

    @property
    def per_second(self) -> float:
        """Whole cases per second."""
        return len(self.shift.closed) / self.seconds

    def rates(self, period: float) -> list[float]:
        """Whole cases per second in each whole period of so many seconds."""
        counts = Counter(int(at // period) for at in self.shift.closed)
        return [counts[number] / period for number in range(int(self.seconds // period))]


async def measure(rig: Rig, *, at_once: int, seconds: float, warm: float, uploads: bool = False) -> Held:
    """Let so many cases be under way for so long.

    Args:
        rig: The system.
        at_once: Cases under way at the same time.
        seconds: How long is counted.
        warm: Seconds before that, in which cases begin one after the other.
        uploads: Whether each case's materials are uploaded in the measured time, or were before.
    """
    async with Line(rig) as line:
        if not uploads:
            await line.prepare(int((warm + seconds) * MOST_PER_SECOND))
        stop = asyncio.Event()
        working = []
        for _ in range(at_once):
            working.append(asyncio.create_task(line.work(stop)))
            await asyncio.sleep(warm / 2 / at_once)
        await asyncio.sleep(warm / 2)
        lag, waiting = await behind(line.bus), await asyncio.to_thread(rig.waiting)
        line.shift = shift = Shift()
        meter = Meter(rig.pids)
        await asyncio.sleep(seconds)
        held, spent = meter.seconds, meter.per(len(shift.closed))
        # What closes from here on belongs to nobody.
        line.shift = Shift()
        ends = await behind(line.bus), await asyncio.to_thread(rig.waiting)
        stop.set()
        await asyncio.gather(*working)
    return Held(seconds=held, at_once=at_once, shift=shift, cpu_ms_per_case=spent, lag=(lag, ends[0]), waiting=(waiting, ends[1]))


def tell(held: Held) -> list[str]:
    """Lines of Markdown."""
    shift, (before, after) = held.shift, held.lag
    whole = percentiles([seconds * 1000 for seconds in shift.whole])
    calls = sum(map(len, shift.waits.values()))
    return [
        (
            f"**{held.per_second:.1f} whole cases/s** ({len(shift.closed)} in {held.seconds:.0f} s, {sum(shift.failed.values())} given up), "
            f"{held.at_once} under way at once, {calls / held.seconds:.0f} calls/s."
        ),
        "",
        f"- cases/s by minute: {_join(held.rates(60), '.1f')}; by 10 s: {_join(held.rates(10), '.0f')}",
        f"- CPU ms per case: {tell_cpu(held.cpu_ms_per_case)}",
        (
            f"- records not yet heard, begin → end: {', '.join(f'{name} {before[name]} → {after[name]}' for name in before)}; "
            f"outbox rows not yet sent {held.waiting[0]} → {held.waiting[1]}"
        ),
        f"- from the first call to closed: p50 / p95 / p99 {_join(whole, '.0f', ' / ')} ms",
        f"- asked again: {dict(shift.again) or 'nothing'}; given up: {dict(shift.failed) or 'nothing'}",
        "",
        "| call | times | p50 / p95 / p99 ms |",
        "|---|---|---|",
        *(f"| {name} | {len(waits)} | {_join(percentiles(waits), '.1f', ' / ')} |" for name, waits in shift.waits.items()),
    ]


def _join(values: Sequence[float], form: str, between: str = " ") -> str:
    return between.join(format(value, form) for value in values)
