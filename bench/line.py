"""`make bench`: the figures of the line, beside the limits of the machine in the same run; writes ``bench/results/<date>-line.md``."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import clerks, latency, limits, machine, registration
from bench.load import HEADER, Result
from bench.rig import PREFIX, Rig, running

RESULTS = Path(__file__).parent / "results"
PARTS = ("limits", "registration", "latency", "clerks")
CLIENTS = (1, 8, 40)
CLERKS = 20
OPEN_LOOP = 30.0
"""Cases per second while latencies are taken."""


class Report:
    """Lines of Markdown, shown while they are found."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, *lines: str) -> None:
        """Add lines."""
        for line in lines:
            print(line, flush=True)
            self.lines.append(line)


async def _limits(rig: Rig, report: Report, *, seconds: float) -> dict[int, Result]:
    name = f"{PREFIX}_bare"
    rig.postgres.create_database(name)
    found = await limits.bare_http(rig.postgres.url(name), clients=CLIENTS, seconds=seconds)
    log = await limits.bare_log(rig.kafka.bootstrap)
    report.say("", "## Limits of this machine", "", HEADER, *(result.row() for result in found), "")
    report.say(
        f"Bare Kafka, 100 records/s, produced with acks=all → in the consumer's hand: p50 / p95 / p99 {log['p50_ms']:.1f} / "
        f"{log['p95_ms']:.1f} / {log['p99_ms']:.1f} ms."
    )
    report.say(
        "nginx: installed, not measured." if shutil.which("nginx") else "nginx: not installed, so there is no figure for a bare proxy."
    )
    return {result.clients: result for result in found}


async def _registration(rig: Rig, report: Report, *, seconds: float, bare: dict[int, Result]) -> None:
    idle = await registration.idle(rig, seconds=seconds / 2)
    cells = await registration.measure(rig, clients=CLIENTS, seconds=seconds)
    report.say("", "## Registrations through the gateway", "", HEADER, *(result.row() for result, _ in cells), "")
    quiet = ", ".join(f"{name} {value:.1f}" for name, value in idle.items())
    report.say(f"- nobody calls: {sum(idle.values()):.0f} % of one core ({quiet})")
    for result, settled in cells:
        limit = bare.get(result.clients)
        ratio = f"{result.per_second / limit.per_second:.0%} of the bare rate; " if limit else ""
        report.say(
            f"- {result.clients} clients: {ratio}routing had everything and every outbox was empty {settled:.1f} s after the last answer"
        )


async def _latency(rig: Rig, report: Report, *, seconds: float) -> None:
    found = await latency.measure(rig, per_second=OPEN_LOOP, seconds=seconds * 2)
    report.say("", f"## From county to county at {found.per_second:.0f} cases/s (open loop, {found.cases} cases)", "")
    report.say("| from → to | p50 / p95 / p99 ms |", "|---|---|", *found.rows())


async def _clerks(rig: Rig, report: Report, *, seconds: float) -> None:
    day = await clerks.measure(rig, clerks=CLERKS, seconds=seconds * 2)
    report.say("", f"## Whole cases by {CLERKS} clerks without a pause", "")
    cpu = ", ".join(f"{name} {value:.1f}" for name, value in day.cpu_ms_per_case.items())
    report.say(
        f"{day.cases / day.seconds:.1f} whole cases/s ({day.cases} in {day.seconds:.0f} s, {day.failed} not finished), "
        f"{sum(map(len, day.waits.values())) / day.seconds:.0f} clerks' calls/s beside the looks for what is awaited; "
        f"CPU ms per case {sum(day.cpu_ms_per_case.values()):.0f} ({cpu}).",
        "",
        "| call | times | p50 / p95 / p99 ms |",
        "|---|---|---|",
        *day.rows(),
    )


async def measure(rig: Rig, report: Report, *, seconds: float, parts: tuple[str, ...]) -> None:
    """Everything that was asked for, in one run."""
    bare: dict[int, Result] = {}
    for part in parts:
        before = machine.load()
        if part == "limits":
            bare = await _limits(rig, report, seconds=seconds / 2)
        elif part == "registration":
            await _registration(rig, report, seconds=seconds, bare=bare)
        elif part == "latency":
            await _latency(rig, report, seconds=seconds)
        else:
            await _clerks(rig, report, seconds=seconds)
        report.say("", f"Load average before: {before}; after: {machine.load()}.")


def main() -> int:
    """Measure and write it down."""
    parser = argparse.ArgumentParser(prog="make bench", description="Figures of the line / 全流程性能")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each cell of registrations; the others follow from it")
    parser.add_argument("--only", default="", help=f"of {', '.join(PARTS)}, separated by commas")
    chosen = parser.parse_args()
    parts = tuple(part for part in PARTS if not chosen.only or part in chosen.only.split(","))
    # What was started is stopped also when somebody ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = datetime.now(UTC)
    report = Report()
    report.say(f"# The line, {began:%Y-%m-%d %H:%M} UTC", "")
    with running() as rig:
        report.say(*machine.describe(rig), f"- command: `python -m bench.line --seconds {chosen.seconds:g} --only {','.join(parts)}`")
        asyncio.run(measure(rig, report, seconds=chosen.seconds, parts=parts))
        report.say("", f"Data at the end: {machine.volume(rig)}.")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{began:%Y-%m-%d}-line.md").write_text("\n".join(report.lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
