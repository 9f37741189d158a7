"""How the line stands, seen around the services: what was not sent yet, how far the consumers are behind, whether a case came through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from chassis.bus import BusTrouble
from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from tests.faults.feeder import Feeder
from tests.faults.rig import Rig
from tongban_local.layout import SERVICES

EVERY = 0.25
PATIENCE = 3.0
"""Seconds for one look; an engine that takes longer is not back."""

LONGEST = 180.0
"""Seconds after which nobody waits any more for the line to be well."""

GROUPS = ("intake", "routing", "credential")
CASES = "case.events.v1"
OLDEST = 5.0
"""Seconds that a row may wait to be sent in a line that is well."""

STEADY = 300
"""Records behind that a line fed at a few cases a second always may be: offsets are committed once a second."""

ROUTED = "select 1 from transfers where case_id = $1 and state not in ('waiting', 'offered')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look."""

    unsent: Mapping[str, int]
    """The oldest position in each outbox, 0 when it is empty."""
    lag: int
    """Records on the topic of cases that the slowest group has not committed."""


class Watch:
    """Looks at a rig."""

    def __init__(self, rig: Rig, feeder: Feeder) -> None:
        self._rig = rig
        self._feeder = feeder
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}
        self._bus: KafkaBus | None = None
        self._since: dict[str, tuple[int, float]] = {}

    async def look(self) -> Sample | None:
        """How it stands now; None where an engine does not answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                unsent = {name: int(str(await self._ask(name, "select coalesce(min(position), 0) from outbox"))) for name in SERVICES}
                return Sample(unsent=unsent, lag=await self._lag())
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, BusTrouble):
            await self.close()
            return None

    async def recovered(self, *, back: float, before: Sample | None) -> float | None:
        """Seconds from an instant until a case received after it is routed, nothing waits long to be sent, and the lag goes down.

        None when that was not so within `LONGEST`.
        """
        most, routed = 0, False
        self._since.clear()
        usual = max(STEADY, 2 * before.lag if before else 0)
        while time.monotonic() < back + LONGEST:
            routed = routed or await self._routed(after=back)
            sample = await self.look()
            if sample is not None:
                most = max(most, sample.lag)
                if routed and self._oldest(sample) < OLDEST and (sample.lag <= usual or sample.lag < most / 2):
                    return time.monotonic() - back
            await asyncio.sleep(EVERY)
        return None

    async def settled(self, *, seconds: float) -> bool:
        """Wait until nothing waits to be sent; false when something still does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sample = await self.look()
            if sample is not None and not any(sample.unsent.values()):
                return True
            await asyncio.sleep(EVERY)
        return False

    async def close(self) -> None:
        """Give the connections back."""
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            connection.terminate()
        bus, self._bus = self._bus, None
        if bus is not None:
            with suppress(TimeoutError, OSError, BusTrouble):
                async with asyncio.timeout(PATIENCE):
                    await bus.stop()

    def _oldest(self, sample: Sample) -> float:
        """Seconds for which the row that waits longest was seen to wait; clocks of rows may have been moved."""
        now = time.monotonic()
        for name, position in sample.unsent.items():
            if self._since.get(name, (0, 0.0))[0] != position:
                self._since[name] = (position, now)
        return max((now - since for position, since in self._since.values() if position), default=0.0)

    async def _routed(self, *, after: float) -> bool:
        case_id = next((case_id for asked, case_id in self._feeder.received if asked > after), None)
        if case_id is None:
            return False
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask("routing", ROUTED, case_id) is not None
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self.close()
            return False

    async def _ask(self, service: str, statement: str, *given: object) -> object:
        if service not in self._connections:
            address = self._rig.database(service).replace("+asyncpg", "")
            self._connections[service] = await asyncpg.connect(address, timeout=PATIENCE)
        return await self._connections[service].fetchval(statement, *given)

    async def _lag(self) -> int:
        if self._bus is None:
            bus = KafkaBus(KafkaAddress(bootstrap=self._rig.bootstrap))
            self._bus = bus
            await bus.start()
        ends = await self._bus.ends([CASES])
        behind = []
        for group in GROUPS:
            committed = await self._bus.committed(group)
            behind.append(sum(end - committed.get(place, 0) for place, end in ends.items()))
        return max(behind)
