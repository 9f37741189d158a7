"""What a scrape reads, for tests."""

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

Figures = Mapping[tuple[str, ...], float]
"""Values by name and values of the labels, these in the order of the labels' names."""


async def scrape(client: httpx.AsyncClient) -> Figures:
    """Everything that ``/metrics`` shows now."""
    answer = await client.get("/metrics")
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
