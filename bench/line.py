"""`make bench`: the figures of the line, beside the limits of the machine; a file ``bench/results/<date>-<part>.md`` for each part."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench import cases, clerks, latency, limits, profile, registration, soak, verdict
from bench.load import HEADER, Result
from bench.meter import tell
from bench.report import RESULTS, Section
from bench.rig import PREFIX, Rig, running
from tongban_local.layout import ALL

CLIENTS = (1, 8, 40)
CLERKS = 20
BESIDE = 5.0
"""Cases per second that others handle while the clerks are measured."""
RATES = (30.0, 88.0)
"""Cases per second while latencies are taken; 88 a second is what the whole country receives in its business hours."""

UPLOADING = 0.2
"""Cases: how long uploads are measured as well, as a part of how long they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: the system, what was asked for, and what a later part holds its figures against."""

    rig: Rig
    chosen: argparse.Namespace
    bare: list[Result] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What does not hold."""


Part = Callable[[Run, Section], Coroutine[None, None, None]]


async def _limits(run: Run, section: Section) -> None:
    rig, chosen = run.rig, run.chosen
    name = f"{PREFIX}_bare"
    rig.postgres.create_database(name)
    with tempfile.TemporaryDirectory(prefix="tongban-nginx-") as folder:
        pids = {"postgres": rig.pids["postgres"]}
        found = await limits.bare_http(rig.postgres.url(name), pids=pids, clients=CLIENTS, seconds=chosen.seconds, folder=Path(folder))
    run.bare.extend(found)
    run.wrong.extend(verdict.of_calls(found))
    log = await limits.bare_log(rig.kafka.bootstrap)
    section.say(HEADER, *(result.row() for result in found), "")
    if len(found) == len(CLIENTS):
        section.say("nginx is not installed here, so there is no figure for a proxy before the bare application.", "")
    section.say(
        f"Bare Kafka, 100 records/s, produced with acks=all → in the consumer's hand: p50 / p95 / p99 {log['p50_ms']:.1f} / "
        f"{log['p95_ms']:.1f} / {log['p99_ms']:.1f} ms."
    )


async def _registration(run: Run, section: Section) -> None:
    rig, chosen = run.rig, run.chosen
    quiet = await registration.idle(rig, seconds=chosen.seconds)
    uploads = await registration.upload(rig, clients=8, seconds=chosen.seconds)
    seconds = [chosen.hold if count == max(CLIENTS) else chosen.seconds for count in CLIENTS]
    cells = await registration.measure(rig, clients=CLIENTS, seconds=seconds)
    run.wrong.extend(verdict.of_registrations(cells) + verdict.of_calls([uploads]))
    section.say(HEADER, *(cell.result.row() for cell in cells), uploads.row(), "")
    section.say(f"- nobody calls: {sum(quiet.values()):.0f} % of one core ({', '.join(f'{name} {quiet[name]:.1f}' for name in quiet)})")
    for cell in cells:
        result = cell.result
        rates = " ".join(f"{count / 10:.0f}" for count in result.by_period[: int(result.seconds // 10)])
        section.say(
            f"- {result.clients} clients for {result.seconds:.0f} s{', until the applications ran out' if cell.exhausted else ''}: "
            f"{cell.most_waiting} outbox rows unsent at the last answer; {cell.settled:.1f} s later every outbox was empty and intake, "
            f"routing and credential had heard everything{f'; per second by 10 s: {rates}' if rates else ''}"
        )
        held_against = [limit for limit in run.bare if limit.clients == result.clients]
        section.say(*(f"  - {result.per_second / limit.per_second:.0%} of {limit.name} in the same run" for limit in held_against))


async def _latency(run: Run, section: Section) -> None:
    rig, chosen = run.rig, run.chosen
    for rate in RATES:
        found = await latency.measure(rig, per_second=rate, seconds=chosen.seconds * 6)
        if found.failed or not found.cases:
            run.wrong.append(f"at {rate:.0f}/s {found.failed} of {found.cases + found.failed} registrations failed")
        section.say(
            f"## Received at {found.per_second:.0f}/s of {rate:.0f}/s asked ({found.cases} cases, open loop, {found.failed} failed)", ""
        )
        section.say("| from → to | p50 / p95 / p99 ms |", "|---|---|", *found.rows(), "")
        section.say(f"CPU ms per registration: {tell(found.cpu_ms_per_case)}.", "")


async def _clerks(run: Run, section: Section) -> None:
    rig, chosen = run.rig, run.chosen
    for think in (1.0, 0.0):
        seconds = chosen.seconds * (18 if think else 6)
        day = await clerks.measure(rig, clerks=CLERKS, beside=BESIDE, think=think, seconds=seconds, warm=min(40.0, seconds / 3))
        how = f"who think {think:g} s before each call" if think else "without a pause"
        section.say(f"## {CLERKS} clerks {how}, {BESIDE:g} cases/s arriving beside them", "")
        calls = sum(len(waits) for name, waits in day.waits.items() if not name.startswith("("))
        section.say(
            f"{day.cases} of their cases finished in {day.seconds:.0f} s, {day.failed.total()} not; {day.beside} cases of others closed; "
            f"{calls / day.seconds:.0f} clerks' calls/s; CPU ms per second {tell(day.cpu_ms_per_second, digits=0)}.",
            "",
        )
        run.wrong.extend(verdict.of_clerks(day.failed))
        if +day.failed:
            section.say(*(f"- not finished: {times} × {reason}" for reason, times in (+day.failed).items()), "")
        section.say("| call | times | p50 / p95 / p99 ms |", "|---|---|---|", *day.rows(), "")


async def _cases(run: Run, section: Section) -> None:
    rig, chosen = run.rig, run.chosen
    for uploads in (False, True):
        seconds = chosen.minutes * 60 * (UPLOADING if uploads else 1)
        held = await cases.measure(rig, at_once=chosen.at_once, seconds=seconds, warm=chosen.warm, uploads=uploads)
        run.wrong.extend(verdict.of_cases(held))
        which = "the same and three uploads before" if uploads else "five calls: receive, sign, accept, decide, hand over"
        section.say(f"## {which}; {chosen.processes} process(es) of each of intake, routing and credential", "", *cases.tell(held), "")


async def _profile(run: Run, section: Section) -> None:
    rig, chosen = run.rig, run.chosen
    first = {name: pids[0] for name, pids in rig.pids.items() if name in ALL}
    with tempfile.TemporaryDirectory(prefix="tongban-profile-") as folder:

        async def watch() -> dict[str, profile.Profile]:
            await asyncio.sleep(chosen.warm)
            return await profile.record(first, seconds=chosen.minutes * 60, folder=Path(folder))

        watching = asyncio.create_task(watch())
        held = await cases.measure(rig, at_once=chosen.at_once, seconds=chosen.minutes * 60, warm=chosen.warm)
        found = await watching
    run.wrong.extend(verdict.of_cases(held))
    section.say("## While a profiler looks on", "", *cases.tell(held), *profile.tell(found))


async def _soak(run: Run, section: Section) -> None:
    rig, chosen = run.rig, run.chosen
    found = await soak.measure(rig, per_second=chosen.rate / 2, seconds=chosen.minutes * 60, warm=chosen.warm)
    run.wrong.extend(verdict.of_soak(found))
    section.say(f"## {chosen.rate / 2:g} whole cases/s, half of {chosen.rate:g}", "", *soak.show(found))


PARTS: dict[str, tuple[str, Part]] = {
    "limits": ("The limits of this machine", _limits),
    "registration": ("Registrations through the gateway", _registration),
    "latency": ("From county to county", _latency),
    "clerks": ("The calls of clerks", _clerks),
    "cases": ("Whole cases", _cases),
    "profile": ("Where the time of whole cases goes", _profile),
    "soak": ("An hour at half speed", _soak),
}
"""By name: title and what is done, in the order they are done."""

ASKED_FOR = frozenset({"profile", "soak"})
"""Parts that are run by name only."""


def main() -> int:
    """Measure and write it down."""
    parser = argparse.ArgumentParser(prog="make bench", description="Figures of the line / 全流程性能")
    parser.add_argument("--only", default="", help=f"of {', '.join(PARTS)}, separated by commas")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a short cell; the others follow from it")
    parser.add_argument("--hold", type=float, default=180.0, help="registration: seconds with the most clients")
    parser.add_argument("--minutes", type=float, default=10.0, help="cases, profile, soak: how long the rate is held")
    parser.add_argument("--rate", type=float, default=30.0, help="soak: whole cases per second that the line holds; half of it is given")
    parser.add_argument("--volume", type=int, default=0, help="cases registered before anything is measured")
    parser.add_argument("--at-once", type=int, default=480, help="cases, profile: how many are under way at the same time")
    parser.add_argument("--warm", type=float, default=20.0, help="cases, profile, soak: seconds before the counting")
    parser.add_argument("--processes", type=int, default=1, help="of each service that hears events")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the files")
    chosen = parser.parse_args()
    wanted = chosen.only.split(",") if chosen.only else PARTS.keys() - ASKED_FOR
    if unknown := sorted(set(wanted) - PARTS.keys()):
        parser.error(f"no such part: {', '.join(unknown)}")
    parts = [part for part in PARTS if part in wanted]
    # What was started is stopped also when somebody ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command = " ".join(["python -m bench.line", *sys.argv[1:]])
    with running(processes=chosen.processes) as rig, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if chosen.volume:
            runner.run(registration.fill(rig, count=chosen.volume, clients=max(CLIENTS)))
        run = Run(rig=rig, chosen=chosen)
        for part in parts:
            title, measure = PARTS[part]
            name = part if chosen.processes == 1 else f"{part}-{chosen.processes}-processes"
            section = Section(rig, part=name, title=title, command=command)
            before = len(run.wrong)
            runner.run(measure(run, section))
            if len(run.wrong) > before:
                section.say("", "What does not hold:", "", *(f"- {text}" for text in run.wrong[before:]))
            section.finish(chosen.results)
    print(f"bench: {', '.join(parts)}: {'; '.join(run.wrong) or 'nothing failed, was given up or grew'}", flush=True)
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
