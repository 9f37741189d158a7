"""What processes cost while something runs: their processor time, the bench's own included."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import psutil

DRIVER = "driver"
"""The bench itself: clients and the reading of the log."""


class Meter:
    """Processor time of each process from the moment it is made, or of its last `restart`."""

    def __init__(self, pids: Mapping[str, Sequence[int]]) -> None:
        """Start.

        Args:
            pids: Processes by name, each counted with its children, those that ended included.
        """
        self._pids = dict(pids)
        self.restart()

    def restart(self) -> None:
        """Count from now on."""
        self._began = time.perf_counter()
        self._before = self._now()

    @property
    def seconds(self) -> float:
        """How long it has counted."""
        return time.perf_counter() - self._began

    def spent(self) -> dict[str, float]:
        """Seconds of processor time by process, `DRIVER` last."""
        return {name: value - self._before[name] for name, value in self._now().items()}

    def per(self, count: int) -> dict[str, float]:
        """Milliseconds for each of so many."""
        return {name: value * 1000 / max(1, count) for name, value in self.spent().items()}

    def _now(self) -> dict[str, float]:
        return {name: sum(map(_processor_seconds, pids)) for name, pids in self._pids.items()} | {DRIVER: time.process_time()}


def tell(milliseconds: Mapping[str, float], *, digits: int = 2) -> str:
    """``12.30 (intake 4.10, …; driver 1.20 more)``: the sum is that of the system under test."""
    parts = {name: value for name, value in milliseconds.items() if name != DRIVER}
    listed = ", ".join(f"{name} {value:.{digits}f}" for name, value in parts.items())
    return f"{sum(parts.values()):.{digits}f} ({listed}; driver {milliseconds.get(DRIVER, 0.0):.{digits}f} more)"


def _processor_seconds(pid: int) -> float:
    try:
        root = psutil.Process(pid)
        times = root.cpu_times()
        # A database server's connections come and go: what ended ones took is in the server's own account of its children.
        total = float(times.user + times.system + times.children_user + times.children_system)
        for child in root.children(recursive=True):
            try:
                times = child.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system
    except psutil.Error:
        return 0.0
    return total
