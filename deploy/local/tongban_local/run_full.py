"""``make run-full``: the same system as five processes on Apache Kafka and a PostgreSQL server, until Ctrl-C."""

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
from tongban_local.layout import lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.processes import EngineFailed
from tongban_local.run import alone, announce, hear_signals, require_free, say
from tongban_local.system import System

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
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()
    data = chosen.data.resolve() / "full"
    stop = threading.Event()
    hear_signals(stop)
    try:
        with alone(data):
            require_free(chosen.port)
            _run(data, port=chosen.port, binaries=chosen.postgres, stop=stop, begun=begun)
    except EngineFailed as error:
        say(f"make run-full: {error}")
        return 1
    say("stopped")
    return 0


def _run(data: Path, *, port: int, binaries: str, stop: threading.Event, begun: float) -> None:
    def progress(line: str) -> None:
        say(f"  {line}")

    postgres = PostgresServer.start(data=data / "postgres", binaries=binaries, progress=progress)
    try:
        kafka = KafkaServer.start(data=data / "kafka", progress=progress)
        try:
            system = System(lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, port=port))
            try:
                system.start(progress=progress)
                announce(system.layout, begun=begun)
                while not stop.wait(WATCH):
                    gone = [name for name, service in system.services.items() if service.pid is None]
                    if gone:
                        raise EngineFailed(f"ended: {', '.join(gone)}; logs in {data / 'logs'}")
                say("stopping …")
            finally:
                system.stop()
        finally:
            kafka.stop()
    finally:
        postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
