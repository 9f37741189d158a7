"""One run against one system: fed throughout, struck blow by blow, let come to rest, then judged from the outside."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.feeder import Feeder, feeding
from tests.faults.journal import Journal
from tests.faults.plan import more_kills
from tests.faults.poison import HEARING, parked
from tests.faults.rig import Rig
from tests.faults.strikes import Strike, Struck
from tests.faults.table import Blow
from tests.faults.watch import Watch
from tongban_local.processes import EngineFailed
from tongban_operations.checker import Difference, check

TELL = 8.0
"""Seconds between two lines for whoever waits."""

WARM = 3
"""Cases that must have ended before the first blow."""

Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a run."""

    blows: list[Blow] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=dict)
    fed: int = 0
    received: int = 0
    refused: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    promises: int = 0
    wrong: list[str] = field(default_factory=list)
    differences: Sequence[Difference] = ()
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    feeding: float = 0.0

    @property
    def holds(self) -> bool:
        """True when nothing was lost, doubled, disordered, wrong or late."""
        return not self.wrong and not self.differences and all(blow.holds for blow in self.blows)


@dataclass(slots=True, kw_only=True)
class Campaign:
    """A run while it runs."""

    rig: Rig
    feeder: Feeder
    watch: Watch
    say: Say
    bound: float
    """Seconds within which the line must be well again."""
    outcome: Outcome = field(default_factory=Outcome)
    doing: str = "warming up"

    async def strike(self, strike: Strike) -> None:
        """One blow, and until the line is well again."""
        self.doing = " + ".join(strike.faults)
        before = await self.watch.look()
        in_flight, began, failure = self.feeder.in_flight, time.monotonic(), ""
        try:
            back = await strike.act(Struck(self.rig, self.feeder))
        except (AssertionError, EngineFailed, TimeoutError, OSError) as error:
            back, failure = time.monotonic(), f"{type(error).__name__}: {error}"
        # Whether a case goes through is seen by one that begins now, also where nobody has a hand free for more.
        self.feeder.begin()
        recovery = await self.watch.recovered(back=back, before=before)
        for fault in strike.faults:
            self.outcome.blows.append(
                Blow(fault=fault, in_flight=in_flight, away=back - began, recovery=recovery, bound=self.bound, failure=failure)
            )
        well = "NOT WELL in time" if recovery is None else f"well after {recovery:.1f} s"
        self.say(f"        {self.doing}: {in_flight} under way, away {back - began:.1f} s, {well}{' — ' if failure else ''}{failure}")

    async def kill_up_to(self, wanted: int, *, chance: random.Random, until: float) -> None:
        """Kill at random until so many kills there were, or until an instant (monotonic seconds)."""
        while (left := wanted - sum(self.rig.kills.values())) > 0 and time.monotonic() < until:
            await self.strike(more_kills(chance, wanted=left))

    async def warm_up(self) -> None:
        """Wait until cases go through."""
        async with asyncio.timeout(120):
            while sum(self.feeder.ended.values()) < WARM:  # noqa: ASYNC110 - it counts what many lives do
                await asyncio.sleep(0.2)

    async def rest(self, *, quiet: float, poisoned: set[str]) -> None:
        """Stop feeding, wait for every end, judge."""
        self.doing = "coming to rest"
        began = time.monotonic()
        await self.feeder.finish(seconds=quiet)
        if not await self.watch.settled(seconds=max(10.0, quiet - (time.monotonic() - began))):
            self.outcome.wrong.append("something still waits to be sent")
        for service in HEARING:
            self.outcome.wrong += [
                f"{service}: event {parked_id} still parked: {why}" for parked_id, why in await parked(self.feeder.desk, service)
            ]
        # What was sent last must be heard, too.
        await asyncio.sleep(3)
        self.doing = "checking"
        report = await check(
            databases={name: self.rig.database(name) for name in HEARING},
            bootstrap=self.rig.bootstrap,
            log=None,
            journal=self.feeder.journal.path,
            parked=sorted(poisoned),
        )
        self.outcome.differences, self.outcome.counts = report.differences, dict(report.counts)

    def account(self, *, seconds: float) -> Outcome:
        """Everything counted."""
        feeder, outcome = self.feeder, self.outcome
        outcome.kills, outcome.fed, outcome.received = dict(self.rig.kills), feeder.fed, len(feeder.received)
        outcome.refused, outcome.ended, outcome.repeats = feeder.refused, dict(feeder.ended), feeder.desk.repeats
        outcome.promises, outcome.seconds = feeder.journal.answers, seconds
        outcome.wrong = feeder.wrong + outcome.wrong
        return outcome

    async def tell(self) -> None:
        """Say how it stands until cancelled."""
        began, told = time.monotonic(), 0
        while True:
            feeder = self.feeder
            for text in feeder.wrong[told : told + 5]:
                self.say(f"        WRONG {text[:300]}")
            told = len(feeder.wrong)
            self.say(
                f"{time.monotonic() - began:5.0f} s  {len(feeder.received)} received, {feeder.in_flight} under way, "
                f"{sum(feeder.ended.values())} ended, {len(feeder.wrong)} wrong, {sum(self.rig.kills.values())} kills; {self.doing}"
            )
            await asyncio.sleep(TELL)


@asynccontextmanager
async def campaign(
    rig: Rig, *, journal: Path, seed: int, per_second: float, at_most: int, bound: float, say: Say
) -> AsyncIterator[Campaign]:
    """Feed the system and start its dead services again while the block runs.

    Args:
        rig: A running system.
        journal: File for what is promised to callers.
        seed: Of what is fed.
        per_second: Cases.
        at_most: Cases under way at the same time.
        bound: Seconds within which the line must be well again after a blow.
        say: Takes a line for whoever waits.
    """
    kept = Journal(journal)
    async with feeding(rig.system.layout.url, journal=kept, seed=seed, per_second=per_second, at_most=at_most) as feeder:
        watch = Watch(rig, feeder)
        running = Campaign(rig=rig, feeder=feeder, watch=watch, say=say, bound=bound)
        tasks = [asyncio.create_task(rig.supervise()), asyncio.create_task(running.tell())]
        try:
            yield running
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await watch.close()
            kept.close()
