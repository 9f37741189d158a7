"""Five services in processes of their own, one or several of each: started, watched, killed, started again, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import chain
from pathlib import Path
from threading import Event

from tongban_local.layout import ALL, Layout
from tongban_local.processes import EngineFailed, Progress, last_lines, quiet

PACKAGES = {
    "catalog": "catalog_svc",
    "intake": "intake_svc",
    "routing": "routing_svc",
    "credential": "credential_svc",
    "gateway": "gateway",
}
ROOTS = ("contracts", "chassis", "gateway", "catalog-svc", "intake-svc", "routing-svc", "credential-svc")
"""Folders of the project in which Python finds the packages that a service is made of."""
START = 300.0
"""Seconds a service may take until it is ready."""
STOP = 20.0
"""Seconds a service may take to finish what it began."""


class ServiceProcess:
    """One process of a service; ``python -m <package>`` with its settings in the environment."""

    def __init__(self, name: str, *, layout: Layout, log: Path, process: int = 0, code: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            name: The service.
            layout: Its ports and settings.
            log: What it prints is appended here.
            process: Which of the service's processes, counted from 0.
            code: Root of another version of the project, run in this environment instead of the present one.
        """
        self.name = name
        self.log = log
        self._code = code
        self.url = layout.service_url(name, process=process)
        """Its address."""
        self._layout = layout
        self._number = process
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended: a status, or a signal's number below zero; None while it runs and before its first start."""
        return None if self._process is None else self._process.poll()

    def start(self, extra: Mapping[str, str] | None = None) -> None:
        """Start it; ``extra`` settings by their lower-case name, e.g. ``{"crash_point": "in-sealing"}``."""
        told = {f"TONGBAN_{self.name.upper()}_{key.upper()}": value for key, value in (extra or {}).items()}
        environment = os.environ | self._layout.environment(self.name, process=self._number) | told
        if self._code is not None:
            environment["PYTHONPATH"] = os.pathsep.join(str(self._code / package) for package in ROOTS)
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", PACKAGES[self.name]],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, *, seconds: float = START, asked: Event | None = None) -> None:
        """Wait until it says that it is ready, or until ``asked`` is set.

        Raises:
            EngineFailed: It ended or was not ready in time; with the end of its log.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.pid is None:
                break
            if asked is not None and asked.is_set():
                return
            if self.says_ready():
                return
            time.sleep(0.1)
        raise EngineFailed(f"{self.name} is not ready:\n{last_lines(self.log, count=25)}")

    def says_ready(self) -> bool:
        """Whether it says so now."""
        # By hand: a client of httpx takes 20 ms to make, which ten times a second is a fifth of a core taken from the start waited for.
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL, now."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait_gone(self, *, seconds: float = 30.0) -> bool:
        """Wait for it to end by itself; false when it still runs after so many seconds."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal, e.g. SIGSTOP and SIGCONT."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def ask_to_stop(self) -> None:
        """SIGTERM: finish what was begun and end."""
        self.tell(signal.SIGTERM)

    def stop(self) -> None:
        """Ask to stop, and insist when it does not."""
        self.ask_to_stop()
        if not self.wait_gone(seconds=STOP):
            self.kill()


class System:
    """All five, each in as many processes as the layout has ports for it."""

    def __init__(self, layout: Layout) -> None:
        logs = layout.data / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.layout = layout
        self.processes = {
            name: [
                ServiceProcess(name, layout=layout, log=logs / (f"{name}-{number + 1}.log" if number else f"{name}.log"), process=number)
                for number in range(len(layout.ports[name]))
            ]
            for name in ALL
        }

    @property
    def services(self) -> dict[str, ServiceProcess]:
        """The first process of each service; the only one where nobody asked for more."""
        return {name: processes[0] for name, processes in self.processes.items()}

    def __getitem__(self, name: str) -> ServiceProcess:
        return self.processes[name][0]

    def __iter__(self) -> Iterator[ServiceProcess]:
        return chain.from_iterable(self.processes.values())

    def start(self, *, progress: Progress = quiet, extra: Mapping[str, str] | None = None, asked: Event | None = None) -> None:
        """Start all and wait until each is ready; the catalogue first, so that the others find what its seed published.

        Args:
            progress: Told of each that is ready.
            extra: More for their environment.
            asked: Whoever sets it wants to stop: nothing more is started or waited for.

        Raises:
            EngineFailed: One is not.
        """
        for names in (ALL[:1], ALL[1:]):
            starting = [process for name in names for process in self.processes[name]]
            for process in starting:
                process.start(extra)
            for process in starting:
                process.wait_ready(asked=asked)
                if asked is not None and asked.is_set():
                    return
                progress(f"{process.name}: ready on port {process.url.rpartition(':')[2]}")

    def stop(self) -> None:
        """Stop the gateway first, so that nobody is turned away half-way, then the others together."""
        for process in self.processes["gateway"]:
            process.stop()
        others = [process for process in self if process.name != "gateway"]
        for process in others:
            process.ask_to_stop()
        for process in others:
            process.stop()
