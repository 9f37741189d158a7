"""A steady stream of whole cases, bad input among them, that does not care what breaks."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.rig import id_number
from tests.faults.desk import Desk
from tests.faults.journal import Journal
from tests.faults.lives import CLERK, Life, Wrong, hand_in_badly
from tests.faults.lookout import Lookout

MIX = {"granted": 60, "denied": 12, "corrected": 12, "withdrawn": 8, "left": 8}
"""What is meant for a hundred cases."""

BUSY = 8
"""Calls waiting for a free hand with which no new life begins."""

BAD = 6
"""One of so many lives is preceded by input that must be refused."""


@dataclass(slots=True, kw_only=True)
class Feeder:
    """All lives of a run."""

    desk: Desk
    lookout: Lookout
    journal: Journal
    seed: int
    per_second: float
    at_most: int
    """Lives under way at the same time; while there are so many, none begins: as many people have no hand free."""
    chance: random.Random
    fed: int = 0
    """Lives begun."""
    refused: int = 0
    """Bad inputs refused as they must be."""
    ended: Counter[str] = field(default_factory=Counter)
    """Lives that ended as was meant, by what was meant."""
    wrong: list[str] = field(default_factory=list)
    received: list[tuple[float, str]] = field(default_factory=list)
    """When each receipt was asked for (monotonic seconds), and the case."""
    lives: set[Life] = field(default_factory=set)
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def in_flight(self) -> int:
        """Cases that were handed in and have not ended."""
        return sum(1 for life in self.lives if life.case_id)

    async def run(self) -> None:
        """Begin lives at the rate until told to stop, whatever becomes of those before."""
        due = time.monotonic()
        while not self._stop.is_set():
            due = max(due + 1 / self.per_second, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            # A window takes the next applicant when it has a hand free; otherwise a slow machine would only ever begin.
            if not self._stop.is_set() and len(self.lives) < self.at_most and self.desk.waiting < BUSY:
                self.begin()

    def begin(self) -> None:
        """Begin one life now, however many are under way."""
        self.fed += 1
        [meant] = self.chance.choices(list(MIX), weights=list(MIX.values()))
        life = Life(
            name=f"f{self.seed}-{self.fed}",
            number=self.fed,
            meant=meant,
            desk=self.desk,
            lookout=self.lookout,
            journal=self.journal,
            leave=self.leave,
        )
        self.lives.add(life)
        task = asyncio.create_task(self._live(life))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, *, seconds: float) -> None:
        """Begin no more, leave none alone, and wait for those under way."""
        self._stop.set()
        self.leave.clear()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        self.wrong += [f"{life.name} ({life.meant}, {life.case_no or 'not received'}) never ended: {life.stage}" for life in self.lives]
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, life: Life) -> None:
        try:
            number = id_number(self.seed * 100_000 + life.number)
            if life.number % BAD == 0:
                await hand_in_badly(self.desk, name=life.name, number=life.number // BAD, id_number=number)
                self.refused += 1
            asked = time.monotonic()
            await life.receive(number)
            self.received.append((asked, life.case_id))
            await life.live()
            self.ended[life.meant] += 1
        except Wrong as error:
            self.wrong.append(str(error))
        except Exception as error:  # noqa: BLE001 - a mistake of ours must be seen, too
            self.wrong.append(f"{life.name} at {life.stage}: {type(error).__name__}: {error}")
        self.lives.discard(life)


@asynccontextmanager
async def feeding(url: str, *, journal: Journal, seed: int, per_second: float, at_most: int) -> AsyncIterator[Feeder]:
    """Feed while the block runs; what is under way at its end goes on until `Feeder.finish`."""
    async with Desk(url) as desk:
        lookout = Lookout(desk, who=CLERK)
        feeder = Feeder(
            desk=desk, lookout=lookout, journal=journal, seed=seed, per_second=per_second, at_most=at_most, chance=random.Random(seed)
        )
        looking, running = asyncio.create_task(lookout.run()), asyncio.create_task(feeder.run())
        try:
            yield feeder
        finally:
            for task in (running, looking):
                task.cancel()
            await asyncio.gather(running, looking, return_exceptions=True)
