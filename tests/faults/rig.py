"""The system under fire: engines, the bad network between, five services that somebody starts again whenever they die."""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson

from tests.faults.engines import Engines
from tests.faults.toxics import Network, between
from tongban_local.layout import ALL, SERVICES, lay_out
from tongban_local.ports import LOOPBACK, free_ports
from tongban_local.processes import EngineFailed, Progress, last_lines
from tongban_local.system import ServiceProcess, System

PREFIX = "faults"
LOOK = 0.1
"""Seconds between two looks of whoever starts dead services again."""

REST = (0.5, 2.0)
"""Seconds until a dead service is started again, at least and at most, as under a supervisor."""

START = 300.0
"""Seconds that the first start of a service may take."""

STARTS = 3


@dataclass(slots=True, kw_only=True)
class Rig:
    """What a strike may reach."""

    engines: Engines
    system: System
    network: Network | None
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    """SIGKILLs of services, by the crash point they came from or why they were sent."""
    crashes: Counter[str] = field(default_factory=Counter)
    """How often each service died at a crash point."""
    wrong: list[str] = field(default_factory=list)
    """Deaths that nobody meant."""
    given_up: Counter[str] = field(default_factory=Counter)
    """How often each service ended because it could not start without its database, while that was away."""
    without_database: bool = False
    """Whether what is struck keeps services from their database: one that starts then may give up."""
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """More settings by service, for every start from now on."""
    armed: dict[str, str] = field(default_factory=dict)
    """Crash point by service, for its next start alone."""
    started: dict[str, float] = field(default_factory=dict)
    """When each service was last started, monotonic seconds."""
    _dies_at: dict[str, str] = field(default_factory=dict)
    _meant: set[str] = field(default_factory=set)
    """Services that we ended ourselves and nobody has started again."""

    @property
    def bootstrap(self) -> str:
        """Where Kafka's clients go."""
        return f"{LOOPBACK}:{self.network.ports['kafka']}" if self.network else self.engines.kafka.bootstrap

    def database(self, service: str) -> str:
        """Address of a service's database, around the bad network."""
        return self.engines.postgres.url(f"{PREFIX}_{service}")

    def start(self, name: str) -> None:
        """Start a service, with its crash point when one is armed."""
        self._meant.discard(name)
        point = self.armed.pop(name, "")
        self._dies_at[name] = point
        self.system[name].start(self.settings.get(name, {}) | ({"crash_point": point} if point else {}))
        self.started[name] = time.monotonic()

    def kill(self, name: str, *, why: str) -> bool:
        """Kill -9 a service; false when it is dead already."""
        if self.system[name].pid is None:
            return False
        self._meant.add(name)
        self.system[name].kill()
        self.kills[why] += 1
        return True

    async def restart(self, name: str, **settings: str) -> None:
        """Kill a service so that it comes back with other settings, which stay; returns when it is ready."""
        self.settings[name] = self.settings.get(name, {}) | settings
        since = time.monotonic()
        self.kill(name, why="for other settings")
        await self.started_since(name, since)
        await self.ready(name)

    async def ready(self, name: str, *, seconds: float = START) -> None:
        """Wait until a service says that it is.

        Raises:
            TimeoutError: It did not.
        """
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=2) as http:
            while True:
                with suppress(httpx.HTTPError):
                    if (await http.get(f"{self.system[name].url}/readyz")).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(LOOK)

    def log_size(self, name: str) -> int:
        """Bytes of what a service has said so far."""
        return self.system[name].log.stat().st_size

    def logged(self, name: str, event: str, *, kind: str, after: int) -> int:
        """The sum of the counts that a service's log tells of an event, after so many bytes."""
        with self.system[name].log.open("rb") as file:
            file.seek(after)
            lines = [orjson.loads(line) for line in file if event.encode() in line and line.endswith(b"}\n")]
        return sum(int(line["count"]) for line in lines if line.get("kind") == kind)

    async def started_since(self, name: str, since: float, *, seconds: float = 180.0) -> float:
        """Wait until a service was started after an instant; when that was.

        Raises:
            TimeoutError: It was not.
        """
        async with asyncio.timeout(seconds):
            while self.started.get(name, 0.0) <= since:  # noqa: ASYNC110 - a look costs nothing
                await asyncio.sleep(LOOK)
        return self.started[name]

    async def supervise(self) -> None:
        """Start dead services again until cancelled."""
        await asyncio.gather(*(self._mind(process) for process in self.system))

    async def _mind(self, process: ServiceProcess) -> None:
        while True:
            if process.pid is None:
                self._died(process)
                await asyncio.sleep(self.chance.uniform(*REST))
                self.start(process.name)
            await asyncio.sleep(LOOK)

    def _died(self, process: ServiceProcess) -> None:
        """Put a death down: ours, that of a crash point, a start given up while there was no database, or wrong."""
        name, code = process.name, process.exit_code
        point = self._dies_at.pop(name, "")
        if name in self._meant:
            return
        if point and code == -signal.SIGKILL:
            self.kills[point.partition(":")[0]] += 1
            self.crashes[name] += 1
        elif self.without_database and code is not None and code >= 0:
            self.given_up[name] += 1
        else:
            armed = f", {point} armed" if point else ""
            self.wrong.append(f"{name} ended by itself with {code}{armed}: {last_lines(process.log, count=5)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a rig is made of."""

    brokers: int = 1
    network: bool = False
    """Something that can be bad stands between services and engines; with a single broker only."""
    disks: bool = False
    """The engines' disks are small enough to be filled."""
    crashed_first: bool = True
    """The first start of each service with a database dies in the migration of an empty one."""
    seed: int = 0


@contextmanager
def running(wanted: Wanted, *, progress: Progress) -> Iterator[Rig]:
    """Start everything; stop and remove it at the end."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tongban-faults-", ignore_cleanup_errors=True)))
        port, to_kafka, to_postgres = free_ports(3)
        engines = Engines.start(
            data,
            stack=stack,
            brokers=wanted.brokers,
            ports=(port, to_kafka if wanted.network else None),
            disks=wanted.disks,
            progress=progress,
        )
        network = None
        if wanted.network:
            ways = between(
                {"kafka": port, "postgres": engines.postgres.port},
                ports={"kafka": to_kafka, "postgres": to_postgres},
                log=data / "toxiproxy.log",
                progress=progress,
            )
            network = stack.enter_context(ways)
        bootstrap = f"{LOOPBACK}:{to_kafka}" if wanted.network else engines.kafka.bootstrap
        system = System(lay_out(data=data, postgres=engines.postgres, kafka_bootstrap=bootstrap, prefix=PREFIX))
        stack.callback(system.stop)
        rig = Rig(engines=engines, system=system, network=network, chance=random.Random(wanted.seed))
        if network is not None:
            for name in SERVICES:
                there = rig.database(name).replace(f":{engines.postgres.port}/", f":{to_postgres}/")
                rig.settings[name] = {"database_url": there}
        _start(rig, crashed_first=wanted.crashed_first, progress=progress)
        yield rig


def _start(rig: Rig, *, crashed_first: bool, progress: Progress) -> None:
    if crashed_first:
        # The second passing: the first migration has done its work and nothing of it is committed.
        rig.armed |= dict.fromkeys(SERVICES, "in-migration:2")
        for name in SERVICES:
            rig.start(name)
        for name in SERVICES:
            process = rig.system[name]
            if not process.wait_gone(seconds=START) or process.exit_code != -signal.SIGKILL:
                raise EngineFailed(f"{name} did not die in its migration ({process.exit_code}): {last_lines(process.log, count=10)}")
            rig.kills["in-migration"] += 1
    for names in (ALL[:1], ALL[1:]):
        for name in names:
            rig.start(name)
        for name in names:
            _wait_ready(rig, name)
            progress(f"{name}: ready")


def _wait_ready(rig: Rig, name: str) -> None:
    """Wait for a service's first start; one that gives up over a slow machine is started again, as it would be anywhere."""
    for attempt in range(1, STARTS + 1):
        try:
            rig.system[name].wait_ready(seconds=START)
        except EngineFailed:
            if attempt == STARTS:
                raise
            rig.system[name].stop()
            rig.start(name)
        else:
            return
