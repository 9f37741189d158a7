"""``make run-full``: the same system in processes of its services' own on Apache Kafka and a PostgreSQL server, until Ctrl-C."""

from __future__ import annotations

import signal

if __name__ == "__main__":
    # Nothing is started yet: Ctrl-C while the imports below still run just ends the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tongban_local.kafka import KafkaServer
from tongban_local.layout import SERVICES, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.processes import EngineFailed
from tongban_local.run import INTERRUPTED, alone, announce, hear_signals, require_free, say
from tongban_local.system import System

MOST = 4
"""Processes of a service: a topic's partitions are shared among them."""
WATCH = 0.5
"""Seconds between two looks at the processes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the engines and the services, watch them, stop them in the other order."""
    parser = argparse.ArgumentParser(
        prog="make run-full", description="Five processes on Kafka and PostgreSQL / 五进程,Kafka 与 PostgreSQL"
    )
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--postgres", choices=("wheel", "system"), default="wheel")
    parser.add_argument("--processes", type=int, default=1, help="of each service; the gateway is one / 每个服务的进程数")
    chosen = parser.parse_args(arguments)
    if not 1 <= chosen.processes <= MOST:
        parser.error(f"--processes: 1 to {MOST}")
    begun = time.monotonic()
    data = chosen.data.resolve() / "full"
    stop = threading.Event()
    hear_signals(stop)
    try:
        with alone(data):
            require_free(chosen.port)
            ran = _run(data, port=chosen.port, binaries=chosen.postgres, processes=chosen.processes, stop=stop, begun=begun)
    except EngineFailed as error:
        if stop.is_set():
            # Ctrl-C reaches the programs that make the data, too; that they failed is what was asked for.
            say("stopped")
            return INTERRUPTED
        say(f"make run-full: {error}")
        return 1
    say("stopped")
    return 0 if ran else INTERRUPTED


def _run(data: Path, *, port: int, binaries: str, processes: int, stop: threading.Event, begun: float) -> bool:
    """Run until asked to stop, which is looked at after every step; false when that was before all were ready."""

    def progress(line: str) -> None:
        say(f"  {line}")

    postgres = PostgresServer.start(data=data / "postgres", binaries=binaries, progress=progress)
    try:
        if stop.is_set():
            return False
        kafka = KafkaServer.start(data=data / "kafka", progress=progress)
        try:
            if stop.is_set():
                return False
            counts = dict.fromkeys(SERVICES, processes)
            system = System(lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, port=port, processes=counts))
            try:
                system.start(progress=progress, asked=stop)
                if stop.is_set():
                    return False
                announce(system.layout, begun=begun)
                while not stop.wait(WATCH):
                    gone = [process.log.stem for process in system if process.pid is None]
                    if gone:
                        raise EngineFailed(f"ended: {', '.join(gone)}; logs in {data / 'logs'}")
                say("stopping …")
                return True
            finally:
                system.stop()
        finally:
            kafka.stop()
    finally:
        postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
