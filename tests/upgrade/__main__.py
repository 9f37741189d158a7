"""``make upgrade``: the upgrade under load at full length, on engines of its own, with a table of what happened."""

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from tests.upgrade.drill import Drill
from tests.upgrade.released import releases
from tongban_local.kafka import KafkaServer
from tongban_local.postgres import PostgresServer


def main() -> int:
    """Upgrade once; status 1 when somebody noticed."""
    parser = argparse.ArgumentParser(prog="make upgrade", description="Old beside new under load / 新旧版本并行升级演练")
    parser.add_argument("--clerks", type=int, default=12, help="cases under way at any time")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each step")
    chosen = parser.parse_args()
    # Ended from outside it still takes its engines along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="tongban-upgrade-") as folder:
        data = Path(folder)
        postgres = PostgresServer.start(data=data / "postgres")
        try:
            kafka = KafkaServer.start(data=data / "kafka")
            try:
                drill = Drill.prepare(data, postgres=postgres, kafka=kafka, prefix="upgrade")
                outcome = asyncio.run(drill.run(clerks=chosen.clerks, seconds=chosen.seconds, say=_say))
            finally:
                kafka.remove()
        finally:
            postgres.remove()
    _say(f"\nfrom {releases()[-1].version} to the working tree, {chosen.clerks} cases under way")
    _say("| step | calls answered |\n|---|---|")
    for step, calls in outcome.calls.items():
        _say(f"| {step} | {calls} |")
    _say(f"\ncases closed {outcome.cases}, not finished {outcome.unfinished.total()}")
    _say(f"calls failed {outcome.failed.total()}, events parked {outcome.parked}, differences {len(outcome.differences)}")
    troubles = [*outcome.failed, *outcome.unfinished, *outcome.differences]
    for line in troubles[:20]:
        _say(f"  {line}")
    return 1 if troubles or outcome.parked else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for the person at the terminal


if __name__ == "__main__":
    sys.exit(main())
