"""`make faults`: kill anything, lose nothing; writes ``bench/results/<date>-faults.md`` and exits 0 only when all holds."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.faults import plan, strikes
from tests.faults.campaign import Outcome, campaign
from tests.faults.disks import may_mount
from tests.faults.plan import FULL, SMALL, Scale
from tests.faults.rig import Wanted, running
from tests.faults.table import BOUND, HEADER, kinds, rows
from tests.faults.toxics import install
from tongban_local.processes import EngineFailed

RESULTS = Path(__file__).parents[2] / "bench" / "results"
THREE = "one of 3 brokers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was asked for."""

    seed: int
    scale: Scale
    only: str
    per_second: float
    at_most: int
    minutes: float
    """After which no more strikes are begun; what was drawn and not struck is told."""

    def takes(self, fault: str) -> bool:
        """True when a fault is among those asked for."""
        return not self.only or any(part.strip() in fault for part in self.only.split(","))


def say(line: str) -> None:
    """One line, now."""
    print(line, flush=True)  # noqa: T201 - a program that talks to a terminal


def strike_one(chosen: Chosen, *, folder: Path, disks: bool, left_out: list[str]) -> Outcome:
    """Everything but the loss of one of three brokers, against one system; what there was no time for is added to ``left_out``."""
    scale, began = chosen.scale, time.monotonic()
    poisoned: set[str] = set()
    wanted = Wanted(network=bool(scale.network), disks=disks, seed=chosen.seed)
    with running(wanted, progress=say) as rig:
        chance = random.Random(chosen.seed)
        found, last = plan.draw(scale, chance=chance, poisoned=poisoned)
        drawn = [strike for strike in found if any(map(chosen.takes, strike.faults)) and (disks or "disk full" not in strike.faults[0])]
        kills = scale.kills if chosen.takes("kill -9 at random") else 0
        until = began + chosen.minutes * 60

        async def run() -> Outcome:
            async with campaign(
                rig,
                journal=folder / "one.journal",
                seed=chosen.seed,
                per_second=chosen.per_second,
                at_most=chosen.at_most,
                bound=scale.bound,
                say=say,
            ) as running_campaign:
                await running_campaign.warm_up()
                for number, strike in enumerate(drawn):
                    if time.monotonic() > until:
                        left_out.extend(fault for each in drawn[number:] for fault in each.faults)
                        break
                    await running_campaign.strike(strike)
                    # Kills go on between all the rest, so that none of it meets a system that was left in peace.
                    share = (kills - scale.kills_while_away) * (number + 1) // len(drawn)
                    await running_campaign.kill_up_to(share, chance=chance, until=until)
                if chosen.takes(last.faults[0]) and time.monotonic() <= until:
                    running_campaign.feeder.at_most += scale.more_while_away
                    await running_campaign.strike(last)
                elif chosen.takes(last.faults[0]):
                    left_out.extend(last.faults)
                await running_campaign.kill_up_to(kills, chance=chance, until=until)
                if (missing := kills - rig.kills.total()) > 0:
                    left_out.append(f"{missing} of {kills} kills")
                await running_campaign.rest(quiet=scale.quiet, poisoned=poisoned)
                return running_campaign.account(seconds=time.monotonic() - began)

        return asyncio.run(run())


def strike_three(chosen: Chosen, *, folder: Path) -> Outcome:
    """The loss of one of three brokers, against a system of its own."""
    began = time.monotonic()
    with running(Wanted(brokers=3, crashed_first=False, seed=chosen.seed), progress=say) as rig:

        async def run() -> Outcome:
            async with campaign(
                rig,
                journal=folder / "three.journal",
                seed=chosen.seed + 1,
                per_second=chosen.per_second,
                at_most=chosen.at_most,
                bound=chosen.scale.bound,
                say=say,
            ) as running_campaign:
                await running_campaign.warm_up()
                for broker in (3, 2):
                    await running_campaign.strike(strikes.broker_away(20.0, of=3, broker=broker))
                await running_campaign.rest(quiet=chosen.scale.quiet, poisoned=set())
                return running_campaign.account(seconds=time.monotonic() - began)

        return asyncio.run(run())


def describe(outcomes: Sequence[Outcome], *, chosen: Chosen, command: str, began: datetime, left_out: Sequence[str]) -> list[str]:
    """The results as Markdown."""
    blows = [blow for outcome in outcomes for blow in outcome.blows]
    killed: dict[str, int] = {}
    for outcome in outcomes:
        for why, count in outcome.kills.items():
            killed[why] = killed.get(why, 0) + count
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    received, seconds = sum(each.received for each in outcomes), sum(each.seconds for each in outcomes)
    wrong = [text for each in outcomes for text in each.wrong]
    differences = [difference for each in outcomes for difference in each.differences]
    given_up = sum(each.given_up for each in outcomes)
    late = [blow for blow in blows if not blow.holds]
    ended, asked_again = sum(sum(each.ended.values()) for each in outcomes), sum(each.repeats for each in outcomes)
    machine = f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores for everything, the feeder included"
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GiB; load average at the end {os.getloadavg()[0]:.1f}"
    more = f" ({chosen.at_most + chosen.scale.more_while_away} while the broker is longest away)" if chosen.scale.more_while_away else ""
    fed = f"{chosen.per_second:g} whole cases/s wanted, at most {chosen.at_most} under way{more}; {received} received in {seconds:.0f} s"
    bad = f"{sum(each.refused for each in outcomes)} bad inputs refused"
    looked_at = ", ".join(f"{name} {count}" for name, count in _added(outcomes).items())
    verdict = (
        f"{len(differences)} differences (lost, doubled, out of order, unfinished), {len(wrong)} wrong answers or lives without an end"
    )
    lines = [
        f"# The line under fire, {began:%Y-%m-%d %H:%M} UTC",
        "",
        f"- command: `{command}`, seed {chosen.seed}",
        f"- processor: {machine}; memory {memory}",
        f"- fed: {fed}, {ended} ended as was meant, {bad}, {asked_again} calls asked again",
        f"- killed: {sum(killed.values())} times with SIGKILL ({kinds(killed)}), engines not counted",
        f"- judged by `tongban check`: {looked_at}; {sum(each.promises for each in outcomes)} answers that said yes, each looked for",
        f"- **{verdict}, {len(late)} strikes after which the line was not well within {BOUND:g} s**",
        *(f"- left out: {what}" for what in left_out),
        *(f"- {text}" for outcome in outcomes for text in outcome.idle),
        *([f"- starts given up for want of a database, and made again: {given_up}"] if given_up else []),
        "",
        *HEADER,
        *rows(blows),
        "",
        "How each is known to have struck (a strike that did nothing is not counted):",
        "",
        *(
            f"- {fault}: {what}, {sum(times)}{f', at least {min(times)} each' if len(times) > 1 else ''}"
            for fault, what, times in _seen(outcomes)
        ),
        "",
        "Well again: a case received after the thing was back is validated at routing, no outbox row waits 5 s, and the consumers' lag is at",
        "its usual level or below half of its peak. *Away* counts from the blow until the engine answers or the process is started again.",
    ]
    if late or wrong or differences:
        lines += ["", "## What does not hold", ""]
        lines += [f"- {blow.fault}: {blow.failure or 'not well in time'}, {blow.recovery} s" for blow in late]
        lines += [f"- {text[:400]}" for text in wrong[:40]]
        lines += [f"- {each.rule} {each.about}: expected {each.expected}, found {each.found}"[:400] for each in differences[:60]]
    return lines


def _seen(outcomes: Sequence[Outcome]) -> list[tuple[str, str, list[int]]]:
    """By fault, sorted: what was counted, and how often at each strike."""
    found: dict[tuple[str, str], list[int]] = {}
    for outcome in outcomes:
        for key, times in outcome.seen.items():
            found.setdefault(key, []).extend(times)
    return [(*key, times) for key, times in sorted(found.items())]


def _added(outcomes: Sequence[Outcome]) -> dict[str, int]:
    added: dict[str, int] = {}
    for outcome in outcomes:
        for name, count in outcome.counts.items():
            added[name] = added.get(name, 0) + count
    return added


def main() -> int:
    """Strike, judge, write down."""
    parser = argparse.ArgumentParser(prog="make faults", description="Kill anything, lose nothing / 故障注入")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--only", default="", help="parts of faults' names, separated by commas")
    parser.add_argument("--scale", choices=("full", "small"), default="full")
    parser.add_argument("--rate", type=float, default=5.0, help="whole cases per second")
    parser.add_argument("--at-most", type=int, default=150, help="cases under way at the same time")
    parser.add_argument("--minutes", type=float, default=120.0, help="after which no more strikes are begun")
    given = parser.parse_args()
    chosen = Chosen(
        seed=given.seed,
        scale=FULL if given.scale == "full" else SMALL,
        only=given.only,
        per_second=given.rate,
        at_most=given.at_most,
        minutes=given.minutes,
    )
    # What was started is stopped also when somebody ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, started = datetime.now(UTC), time.monotonic()
    left_out: list[str] = []
    disks = bool(chosen.scale.disk_full) and chosen.takes("disk full")
    outcomes = []
    try:
        if chosen.scale.network:
            install()
        if disks and not may_mount():
            disks, left_out = False, ["full disks: no file system can be mounted here"]
        with tempfile.TemporaryDirectory(prefix="tongban-faults-journal-") as folder:
            if chosen.only != THREE:
                outcomes.append(strike_one(chosen, folder=Path(folder), disks=disks, left_out=left_out))
            if chosen.scale is FULL and chosen.takes(THREE) and time.monotonic() > started + chosen.minutes * 60:
                left_out.append(THREE)
            elif chosen.scale is FULL and chosen.takes(THREE):
                outcomes.append(strike_three(chosen, folder=Path(folder)))
    except EngineFailed as error:
        say(f"make faults: {error}")
        return 1
    minutes = f" MINUTES={chosen.minutes:g}" if chosen.minutes != parser.get_default("minutes") else ""
    command = f"make faults SEED={chosen.seed}{f' ONLY={chosen.only!r}' if chosen.only else ''}{minutes}"
    lines = describe(outcomes, chosen=chosen, command=command, began=began, left_out=left_out)
    say("\n".join(lines))
    if chosen.scale is FULL:
        name = f"{began:%Y-%m-%d}-faults{'-part' if chosen.only else ''}.md"
        (RESULTS / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    holds = all(outcome.holds for outcome in outcomes) and not left_out
    blows = sum(len(outcome.blows) for outcome in outcomes)
    kills = sum(sum(outcome.kills.values()) for outcome in outcomes)
    say(
        f"faults: {blows} strikes, {kills} kills, {'nothing lost, nothing doubled, all well in time' if holds else 'something does not hold'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
