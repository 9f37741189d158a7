"""A bad network between the services and their engines: toxiproxy, built once from its Go module into ``.engines``."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tongban_local.jars import ENGINES
from tongban_local.ports import LOOPBACK, free_port, free_ports
from tongban_local.processes import EngineFailed, Progress

MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
PROGRAM = ENGINES / "toxiproxy-2.12.0"
PATIENCE = 60.0
"""Seconds for a change to all connections; the five that httpx gives were not enough once, on a busy machine."""

BUILDING = 600.0
"""Seconds the build may take."""

STARTING = 20.0

SLOW: Mapping[str, tuple[str, float, dict[str, int]]] = {
    "latency 200±100 ms": ("latency", 1.0, {"latency": 200, "jitter": 100}),
    "bandwidth 100 kB/s": ("bandwidth", 1.0, {"rate": 100}),
    "connections reset": ("reset_peer", 0.5, {"timeout": 1500}),
    "nothing comes through, then closed": ("timeout", 0.5, {"timeout": 3000}),
    "slow to close": ("slow_close", 1.0, {"delay": 2000}),
}
"""What may be wrong with the network: toxic, the part of the connections that has it, its attributes (milliseconds, kB/s)."""


def install() -> Path:
    """The proxy's program, built when it is not there.

    Raises:
        EngineFailed: There is no Go, or it could not build it; the text says what to install.
    """
    if PROGRAM.exists():
        return PROGRAM
    go = shutil.which("go")
    if go is None:
        raise EngineFailed("The slow network needs toxiproxy, and that a Go compiler (1.23 or newer): apt-get install golang-go")
    ENGINES.mkdir(exist_ok=True)
    folder = ENGINES / "toxiproxy.new"
    built = subprocess.run(
        [go, "install", MODULE], env={**os.environ, "GOBIN": str(folder)}, check=False, capture_output=True, text=True, timeout=BUILDING
    )
    if built.returncode != 0:
        raise EngineFailed(f"toxiproxy could not be built: {built.stderr.strip()[-600:]}")
    (folder / "server").rename(PROGRAM)
    folder.rmdir()
    return PROGRAM


TRIALS = 6
"""Connections on each way that show whether it is bad."""

NOTICED = 0.05
"""Seconds more than the usual that count as bad: ten thousand bytes at 100 kB/s take twice that."""

_HOLD = 2.0
"""Seconds that such a connection is left open: longer than one that is to be reset lives."""

_ASKS_FOR_TLS = struct.pack(">II", 8, 80877103)
_LONG_AND_WRONG = struct.pack(">II", 9_900, 0) + bytes(9_892)
"""The longest beginning that PostgreSQL reads; it is refused, and the connection ended."""


class Network:
    """The way from the services to PostgreSQL and to Kafka."""

    def __init__(self, api: str, *, ports: Mapping[str, int], around: Mapping[str, int]) -> None:
        self._api = api
        self._around = around
        self.ports = ports
        """Where each engine is reached, by its name."""

    def spoil(self, name: str) -> None:
        """Make the way to every engine as `SLOW` says."""
        kind, part, attributes = SLOW[name]
        for engine in self.ports:
            for stream in ("upstream", "downstream"):
                body: dict[str, Any] = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "toxicity": part}
                httpx.post(
                    f"{self._api}/proxies/{engine}/toxics", json=body | {"attributes": attributes}, timeout=PATIENCE
                ).raise_for_status()

    async def felt(self) -> int:
        """How many of some connections to PostgreSQL made now break on this way, or take longer on it than every one that goes around it."""
        here, around = (asyncio.gather(*(_try(port) for _ in range(TRIALS))) for port in (self.ports["postgres"], self._around["postgres"]))
        usual = max((each for each in await around if each is not None), default=math.inf)
        return sum(1 for each in await here if each is None or each > usual + NOTICED)

    def mend(self) -> None:
        """Let everything through again."""
        httpx.post(f"{self._api}/reset", timeout=PATIENCE).raise_for_status()


@contextmanager
def between(engines: Mapping[str, int], *, ports: Mapping[str, int], log: Path, progress: Progress) -> Iterator[Network]:
    """Stand between the services and engines.

    Args:
        engines: Port of each engine by its name.
        ports: Where services shall reach each.
        log: What the proxy says.
        progress: Told while it is built.

    Raises:
        EngineFailed: It cannot be built or started.
    """
    if not PROGRAM.exists():
        progress("toxiproxy: building it from its Go module …")
    program, api_port = install(), free_port()
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [program, "-host", LOOPBACK, "-port", str(api_port)], stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
    api = f"http://{LOOPBACK}:{api_port}"
    try:
        end = time.monotonic() + STARTING
        while not _answers(api):
            if time.monotonic() > end or process.poll() is not None:
                raise EngineFailed(f"toxiproxy did not start; see {log}")
            time.sleep(0.1)
        for name, port in engines.items():
            proxy = {"name": name, "listen": f"{LOOPBACK}:{ports[name]}", "upstream": f"{LOOPBACK}:{port}", "enabled": True}
            httpx.post(f"{api}/proxies", json=proxy).raise_for_status()
        yield Network(api, ports=ports, around=engines)
    finally:
        process.kill()
        process.wait()


async def _try(port: int) -> float | None:
    """Seconds that a connection needs for two answers and its end; None when it breaks."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(4 * _HOLD):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(_ASKS_FOR_TLS)
            await reader.readexactly(1)
            await asyncio.sleep(_HOLD)
            writer.write(_LONG_AND_WRONG)
            refused = await reader.read()
            writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None
    return time.monotonic() - began if refused else None


def _answers(api: str) -> bool:
    try:
        return httpx.get(f"{api}/version", timeout=1).is_success
    except httpx.TransportError:
        return False


__all__ = ["SLOW", "Network", "between", "free_ports", "install"]
