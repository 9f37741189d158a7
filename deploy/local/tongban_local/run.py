"""``make run``: the whole system in one process on a bare machine, until Ctrl-C.

Five servers on loopback share one event loop; PostgreSQL is a private server whose programs come with a wheel (or from the
machine); the event log lies in that PostgreSQL. After ``kill -9`` the next start finds the same cases.
"""

from __future__ import annotations

import signal

if __name__ == "__main__":
    # Nothing is started yet: Ctrl-C while the imports below still run just ends the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import asyncio
import fcntl
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from types import FrameType

import httpx
import uvicorn
from fastapi import FastAPI

from chassis.serving import has_ended, server_config
from chassis.starting import starting
from tongban_local.layout import ALL, SERVICES, Layout, lay_out
from tongban_local.people import logins
from tongban_local.postgres import PostgresServer
from tongban_local.processes import EngineFailed
from tongban_local.system import PACKAGES

INTERRUPTED = 130
"""Exit status of a start that was broken off, as shells have it."""

READY_WITHIN = 120.0
"""Seconds; the first start brings in the catalogue."""


class Server(uvicorn.Server):
    """A server that leaves the signals to whoever runs all five."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Touch no signal handler: five servers would each take Ctrl-C from the others."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Whether it is time to stop; a service that must not serve says so itself."""
        return await super().on_tick(counter) or has_ended(self.config.app)


def say(line: str) -> None:
    """One line for the person at the terminal, whatever standard output is redirected to."""
    print(line, file=sys.__stdout__, flush=True)


def applications(layout: Layout) -> dict[str, FastAPI]:
    """The five applications with the settings of this layout; imported here, while the engine already starts."""
    for name in ALL:
        os.environ.update(layout.environment(name))
    found = {}
    with starting():
        for name in ALL:
            module = import_module(f"{PACKAGES[name]}.app")
            found[name] = module.create_app(module.Settings())
    return found


def hear_signals(asked: threading.Event) -> None:
    """Let Ctrl-C and SIGTERM only be noted: an engine that is just starting would be left running by whoever is torn out of waiting."""

    def note(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)


async def serve(layout: Layout, *, begun: float, asked: threading.Event) -> None:
    """Run all five until a signal comes; one that was noted in ``asked`` before counts.

    Raises:
        EngineFailed: A server ended before it was ready, or was not ready in time.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if asked.is_set():
        return
    servers = {name: Server(server_config(app, host="127.0.0.1", port=layout.ports[name][0])) for name, app in applications(layout).items()}
    tasks: dict[str, asyncio.Task[None]] = {}
    stopping = asyncio.create_task(stop.wait())
    try:
        # The catalogue first, so that the others find what its seed published.
        for names in (ALL[:1], ALL[1:]):
            tasks |= {name: asyncio.create_task(servers[name].serve(), name=name) for name in names}
            ready = asyncio.create_task(until_ready(layout, names))
            await asyncio.wait({ready, stopping, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                ready.cancel()
                break
            ready.result()
        else:
            announce(layout, begun=begun)
            await asyncio.wait({stopping, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise EngineFailed(f"a server ended; its log: {layout.data / 'logs'}")
        say("stopping …")
    finally:
        await _drain(servers, tasks)
        stopping.cancel()


async def _drain(servers: dict[str, Server], tasks: dict[str, asyncio.Task[None]]) -> None:
    """The gateway first: whoever is inside still gets an answer, nobody new comes in."""
    for names in (("gateway",), SERVICES):
        running = [name for name in names if name in tasks]
        for name in running:
            servers[name].should_exit = True
        await asyncio.gather(*(tasks[name] for name in running), return_exceptions=True)


async def until_ready(layout: Layout, names: Sequence[str]) -> None:
    """Wait until these services say that they are ready, with a sign of life on long waits.

    Raises:
        EngineFailed: One is not ready in time.
    """
    begun = time.monotonic()
    waiting = list(names)
    told = 3.0
    async with httpx.AsyncClient(timeout=3) as http:
        while waiting:
            for name in list(waiting):
                try:
                    answer = await http.get(f"{layout.service_url(name)}/readyz")
                except httpx.TransportError:
                    continue
                if answer.status_code == httpx.codes.OK:
                    waiting.remove(name)
            waited = time.monotonic() - begun
            if waiting and waited > READY_WITHIN:
                raise EngineFailed(f"not ready after {waited:.0f} s: {', '.join(waiting)}")
            if waiting and waited > told:
                say(f"  … {', '.join(waiting)} ({waited:.0f} s)")
                told += 3
            await asyncio.sleep(0.05)


def announce(layout: Layout, *, begun: float) -> None:
    """Say where it is and who may sign in."""
    say(f"\n  通办 Tongban  {layout.url}")
    say(f"  API documents  {layout.url}/docs    logs  {layout.data / 'logs'}\n")
    for line in logins():
        say(f"  {line}")
    say("\n  make demo tells a case from 铜鼓 to 浏阳; Ctrl-C stops everything")
    say(f"ready in {time.monotonic() - begun:.1f} s")


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the folder for this process.

    Raises:
        EngineFailed: Another run has it.
    """
    data.mkdir(parents=True, exist_ok=True)
    with (data / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineFailed(f"another run uses {data} / 该数据目录正被另一个进程使用") from error
        yield


def require_free(port: int) -> None:
    """See that nobody listens on the port.

    Raises:
        EngineFailed: Somebody does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise EngineFailed(f"port {port} is taken; choose another: make run PORT=8090 / 端口 {port} 已被占用") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, run, stop."""
    parser = argparse.ArgumentParser(prog="make run", description="The whole system in one process / 单进程运行整个系统")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--postgres", choices=("wheel", "system"), default="wheel")
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()
    data = chosen.data.resolve()
    asked = threading.Event()
    hear_signals(asked)
    try:
        with alone(data):
            require_free(chosen.port)
            postgres = PostgresServer.start(data=data / "postgres", binaries=chosen.postgres, progress=lambda line: say(f"  {line}"))
            try:
                if not asked.is_set():
                    _serve(data, postgres=postgres, port=chosen.port, begun=begun, asked=asked)
            finally:
                # The event loop took the signals and left the ones of the interpreter: Ctrl-C again must not interrupt the stop.
                hear_signals(asked)
                postgres.stop()
    except EngineFailed as error:
        if asked.is_set():
            # Ctrl-C reaches the programs that make the data, too; that they failed is what was asked for.
            say("stopped")
            return INTERRUPTED
        say(f"make run: {error}")
        return 1
    except SystemExit:
        # A server that cannot start ends the process by itself.
        say(f"make run: a server could not start; its log: {data / 'logs' / 'run.log'}")
        return 1
    say("stopped")
    return INTERRUPTED if asked.is_set() else 0


def _serve(data: Path, *, postgres: PostgresServer, port: int, begun: float, asked: threading.Event) -> None:
    layout = lay_out(data=data, postgres=postgres, port=port)
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    say("  services: starting …")
    with (logs / "run.log").open("a", encoding="utf-8") as log, redirect_stdout(log):
        asyncio.run(serve(layout, begun=begun, asked=asked))


if __name__ == "__main__":
    sys.exit(main())
