"""What stands, read when somebody looks at ``/metrics``: how much waits and since when. A service that nobody watches pays nothing for it.

Counters (`chassis.metrics`) say what this process did. These say how things are, so every process of a service tells the same of its
database: whoever looks takes the highest, and misses nothing when a process dies.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chassis.logs import get_logger
from chassis.metrics import Metrics

KEPT_FOR = 5.0
"""Seconds a reading is shown again, so that two who watch cost no more than one."""

PATIENCE = 2.0
"""Seconds for one look: a scrape is answered while the database hangs, too."""

MOST = 10_000
"""Rows that a look counts; a figure that stands there means at least as many."""

Reading: TypeAlias = Mapping[tuple[str, ...], float]
"""Values by the values of the labels, ``{(): 1.0}`` where there are none."""

_log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A gauge as Prometheus names it."""

    name: str
    text: str
    """One sentence with its unit, shown as HELP and in ``docs/watching.md``."""
    labels: tuple[str, ...] = ()
    """Few values each: never an id, never a place of thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Figures that are read together."""

    name: str
    figures: tuple[Figure, ...]
    read: Callable[[], Awaitable[Mapping[str, Reading]]]
    """Readings by figure; asks for no more than `MOST` rows, by index."""


UNREAD = Figure(name="figures_unread", text="1 when the figures of this look could not be read at this scrape, else 0", labels=("look",))


class Board(Collector):
    """The newest readings of one service, in its registry."""

    def __init__(self, metrics: Metrics, looks: Sequence[Look]) -> None:
        self._looks = tuple(looks)
        self._figures = {figure.name: figure for figure in (UNREAD, *(figure for look in looks for figure in look.figures))}
        self._readings: dict[str, Reading] = {}
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        metrics.registry.register(self)

    async def look(self) -> None:
        """Read what is older than `KEPT_FOR`; what cannot be read is left out and said so."""
        async with self._looking:
            if monotonic() - self._looked_at < KEPT_FOR:
                return
            found = await asyncio.gather(*(_read(look) for look in self._looks))
            self._readings = {name: reading for readings in found if readings is not None for name, reading in readings.items()}
            self._readings[UNREAD.name] = {(look.name,): float(readings is None) for look, readings in zip(self._looks, found, strict=True)}
            self._looked_at = monotonic()

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Every figure, without a value."""
        for figure in self._figures.values():
            yield GaugeMetricFamily(figure.name, figure.text, labels=figure.labels)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every figure with its newest values."""
        for family in self.describe():
            for labels, value in self._readings.get(family.name, {}).items():
                family.add_metric(labels, value)
            yield family


async def _read(look: Look) -> Mapping[str, Reading] | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await look.read()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other figures must be shown
        _log.warning("figures.unread", name=look.name, error=type(error).__name__)
        return None
