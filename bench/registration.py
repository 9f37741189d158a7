"""Registrations through the gateway: rate, latency and what each process spends on one, everything downstream keeping up."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load import WARM, Call, Result, run
from bench.log import behind, listening
from bench.meter import DRIVER, Meter
from bench.rig import MATERIAL, Applications, Rig, people
from bench.wire import JSON, Wires, fresh_key
from contracts.event import CASE_EVENTS, CREDENTIAL_EVENTS
from tongban_local.sole_trader import scan

MOST_PER_SECOND = 650
"""Applications prepared for each second with many clients; a machine that takes more has the cell end early, and the report says so."""
EACH = 150
"""The same for each client, where there are few."""
PATIENCE = 600.0
"""Seconds that the rest of the line may need; more is no backlog but a standstill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of clients."""

    result: Result
    settled: float
    """Seconds after the last answer until every outbox was empty and intake, routing and credential had heard everything."""
    most_waiting: int
    """Outbox rows that were still to be sent when the last answer came."""
    exhausted: bool
    """Whether the applications ran out."""


async def idle(rig: Rig, *, seconds: float) -> dict[str, float]:
    """Percent of one core that each process takes while nobody calls."""
    meter = Meter(rig.pids)
    await asyncio.sleep(seconds)
    return {name: value / seconds * 100 for name, value in meter.spent().items() if name != DRIVER}


async def measure(rig: Rig, *, clients: Sequence[int], seconds: Sequence[float]) -> list[Cell]:
    """One cell for each number of clients, each for so many seconds."""
    cells = []
    [clerk] = await people(rig, "tonggu-clerk")
    applications = Applications()
    for count, period in zip(clients, seconds, strict=True):
        await applications.prepare(rig, clerk, count=int((period + min(WARM, period / 5)) * min(MOST_PER_SECOND, EACH * count)))

        def make(headers: dict[str, str] = clerk) -> Call | None:
            body = applications.take()
            return None if body is None else ("POST", "/v1/cases", body, headers | JSON | fresh_key())

        result = await run(rig.url, "registration, three materials", pids=rig.pids, clients=count, seconds=period, make=make)
        ended = time.perf_counter()
        waiting = await asyncio.to_thread(rig.waiting)
        await settle(rig)
        settled = time.perf_counter() - ended
        cells.append(Cell(result=result, settled=settled, most_waiting=waiting, exhausted=not applications.left))
    return cells


async def fill(rig: Rig, *, count: int, clients: int) -> None:
    """Register so many cases, so that what is measured afterwards does not lie in empty tables."""
    [clerk] = await people(rig, "tonggu-clerk")
    applications = Applications()
    await applications.prepare(rig, clerk, count=count)
    wires = Wires(rig.url)

    async def register() -> None:
        while (body := applications.take()) is not None:
            await wires.call("POST", "/v1/cases", headers=clerk | JSON | fresh_key(), body=body)

    await asyncio.gather(*(register() for _ in range(clients)))
    wires.close()
    await settle(rig)


async def upload(rig: Rig, *, clients: int, seconds: float) -> Result:
    """Uploads alone: three of them go before each registration."""
    [clerk] = await people(rig, "tonggu-clerk")
    scans = itertools.cycle([scan(number) for number in range(256)])

    def make() -> Call:
        return "POST", "/v1/materials", next(scans), clerk | MATERIAL | fresh_key()

    return await run(rig.url, "upload of one material", pids=rig.pids, clients=clients, seconds=seconds, make=make)


async def settle(rig: Rig) -> None:
    """Wait until every outbox is empty and the services have heard all that was sent, what follows from it included.

    Raises:
        TimeoutError: They never did.
    """
    async with listening(rig.kafka.bootstrap) as bus, asyncio.timeout(PATIENCE):
        while True:
            received = await asyncio.to_thread(rig.rows, "intake", "select count(*) from cases")
            routed = await asyncio.to_thread(rig.rows, "routing", "select count(distinct case_id) from transfers")
            if received == routed and await asyncio.to_thread(rig.waiting) == 0:
                break
            await asyncio.sleep(0.25)
        ends = await bus.ends((CASE_EVENTS, CREDENTIAL_EVENTS))
        while any((await behind(bus, ends)).values()):  # noqa: ASYNC110 - the brokers know, and nobody tells
            await asyncio.sleep(0.1)
