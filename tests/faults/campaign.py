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
from tongban_local.layout import SERVICES
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
    idle: list[str] = field(default_factory=list)
    """Strikes that did nothing; they are no blows."""
    seen: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """By fault and what was counted: how often each strike of it was seen to strike."""
    given_up: int = 0
    """Starts that services gave up for want of a database that was away, and made again."""
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
        """True when nothing was lost, doubled, disordered, wrong or late, and every strike struck."""
        return not (self.wrong or self.differences or self.idle) and all(blow.holds for blow in self.blows)


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
        in_flight, began, failure, landed = self.feeder.in_flight, time.monotonic(), "", None
        self.rig.without_database = strike.without_database
        try:
            landed = await strike.act(Struck(self.rig, self.feeder))
        except (AssertionError, EngineFailed, TimeoutError, OSError) as error:
            failure = f"{type(error).__name__}: {error}"
        back = time.monotonic() if landed is None else landed.back
        # Whether a case goes through is seen by one that begins now, also where nobody has a hand free for more.
        self.feeder.begin()
        recovery = await self.watch.recovered(back=back, before=before)
        self.rig.without_database = False
        if landed is not None and not landed.times:
            self.outcome.idle.append(f"{self.doing}: did nothing (counted: {landed.seen})")
            self.say(f"        {self.doing}: DID NOTHING and is not counted ({landed.seen}: 0)")
            return
        for fault in strike.faults:
            self.outcome.blows.append(
                Blow(fault=fault, in_flight=in_flight, away=back - began, recovery=recovery, bound=self.bound, failure=failure)
            )
        if landed is not None:
            for fault in strike.faults:
                self.outcome.seen.setdefault((fault, landed.seen), []).append(landed.times // len(strike.faults))
        well = "NOT WELL in time" if recovery is None else f"well after {recovery:.1f} s"
        proof = failure if landed is None else f"{landed.seen}: {landed.times}"
        self.say(f"        {self.doing}: {in_flight} under way, away {back - began:.1f} s, {well} — {proof}")

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
            databases={name: self.rig.database(name) for name in SERVICES},
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
        outcome.given_up = self.rig.given_up.total()
        outcome.wrong = feeder.wrong + feeder.desk.failures + self.rig.wrong + outcome.wrong
        return outcome

    async def tell(self) -> None:
        """Say how it stands until cancelled."""
        began, told = time.monotonic(), 0
        while True:
            feeder = self.feeder
            wrong = [*feeder.wrong, *feeder.desk.failures, *self.rig.wrong]
            for text in wrong[told : told + 5]:
                self.say(f"        WRONG {text[:300]}")
            told = len(wrong)
            self.say(
                f"{time.monotonic() - began:5.0f} s  {len(feeder.received)} received, {feeder.in_flight} under way, "
                f"{sum(feeder.ended.values())} ended, {len(wrong)} wrong, {sum(self.rig.kills.values())} kills; {self.doing}"
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
        tasks = [asyncio.create_task(each) for each in (rig.supervise(), running.tell(), watch.run())]
        try:
            yield running
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await watch.close()
            kept.close()
