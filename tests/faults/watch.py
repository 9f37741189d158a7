"""How the line stands, seen around the services: what was not sent yet, how far the consumers are behind, whether a case came through."""

from __future__ import annotations

import asyncio
import time
from collections import deque
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
    oldest: float
    """Seconds for which the row that waits longest has waited, as far as was seen."""
    lag: int
    """Records on the topic of cases that the slowest group has not committed."""


class Watch:
    """Looks at a rig."""

    def __init__(self, rig: Rig, feeder: Feeder) -> None:
        self._rig = rig
        self._feeder = feeder
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}
        self._bus: KafkaBus | None = None
        self._alone = asyncio.Lock()
        self._seen: dict[str, deque[tuple[int, float]]] = {name: deque() for name in SERVICES}
        """Of each outbox: highest positions, and when each was first seen; those below the oldest row are forgotten."""

    async def run(self) -> None:
        """Look until cancelled, also while an engine is away: a row that waits goes on waiting then."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> Sample | None:
        """How it stands now; None where an engine does not answer."""
        async with self._alone:
            try:
                async with asyncio.timeout(PATIENCE):
                    unsent = {name: await self._head(name) for name in SERVICES}
                    return Sample(unsent=unsent, oldest=self._oldest(unsent), lag=await self._lag())
            except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, BusTrouble):
                await self.close()
                return None

    async def recovered(self, *, back: float, before: Sample | None) -> float | None:
        """Seconds from an instant until a case received after it is routed, nothing waits long to be sent, and the lag goes down.

        None when that was not so within `LONGEST`.
        """
        most, routed = 0, False
        usual = max(STEADY, 2 * before.lag if before else 0)
        while time.monotonic() < back + LONGEST:
            routed = routed or await self._routed(after=back)
            sample = await self.look()
            if sample is not None:
                most = max(most, sample.lag)
                if routed and sample.oldest < OLDEST and (sample.lag <= usual or sample.lag < most / 2):
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

    async def _head(self, service: str) -> int:
        """The oldest position in an outbox; keeps when how far the positions went."""
        row = await self._row(service, "select coalesce(min(position), 0) as head, coalesce(max(position), 0) as last from outbox")
        head, last = int(row["head"]), int(row["last"])
        seen = self._seen[service]
        while len(seen) > 1 and seen[0][0] < head:
            seen.popleft()
        if last and (not seen or last > seen[-1][0]):
            seen.append((last, time.monotonic()))
        return head

    def _oldest(self, unsent: Mapping[str, int]) -> float:
        """How long the row that waits longest has waited: it was there when positions were first seen to have reached its own.

        Clocks of rows may have been moved, so theirs say nothing.
        """
        now = time.monotonic()
        first = [next(at for last, at in self._seen[name] if last >= head) for name, head in unsent.items() if head]
        return max((now - at for at in first), default=0.0)

    async def _routed(self, *, after: float) -> bool:
        case_id = next((case_id for asked, case_id in self._feeder.received if asked > after), None)
        if case_id is None:
            return False
        async with self._alone:
            try:
                async with asyncio.timeout(PATIENCE):
                    connection = await self._connection("routing")
                    return await connection.fetchval(ROUTED, case_id) is not None
            except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self.close()
                return False

    async def _connection(self, service: str) -> asyncpg.Connection[asyncpg.Record]:
        if service not in self._connections:
            address = self._rig.database(service).replace("+asyncpg", "")
            self._connections[service] = await asyncpg.connect(address, timeout=PATIENCE)
        return self._connections[service]

    async def _row(self, service: str, statement: str) -> asyncpg.Record:
        row = await (await self._connection(service)).fetchrow(statement)
        assert row is not None
        return row

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
