"""Figures of one service, in a registry of its own: five services may share a process.

Paths are counted by route template, never as sent: a path can hold a number that belongs to a person.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# A second series beside each counter that says when it began: Prometheus sees that by itself.
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What a service counts; the bus side registers its own figures by `counter` and `gauge`."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        # CPU, memory, open files: of the process, so the same for services that share one.
        ProcessCollector(registry=self.registry)
        self._service = service
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self.requests = Histogram(
            "http_server_request_duration_seconds",
            "Seconds from the first byte of a request to the last of its answer",
            ("service", "method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(self._service, method, route, str(status)).observe(seconds)

    def counter(self, name: str, help_text: str, *, labels: tuple[str, ...] = ()) -> Counter:
        """The counter of this name, made at its first use."""
        found = self._counters.get(name)
        if found is None:
            found = self._counters[name] = Counter(name, help_text, labels, registry=self.registry)
        return found

    def gauge(self, name: str, help_text: str, *, labels: tuple[str, ...] = ()) -> Gauge:
        """The gauge of this name, made at its first use."""
        found = self._gauges.get(name)
        if found is None:
            found = self._gauges[name] = Gauge(name, help_text, labels, registry=self.registry)
        return found

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
