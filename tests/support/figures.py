"""What a scrape reads, for tests, and whether an alert would fire on it."""

import asyncio
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

Figures = Mapping[tuple[str, ...], float]
"""Values by name and values of the labels, these in the order of the labels' names."""

Group = tuple[tuple[str, str], ...]
"""Labels and their values, sorted."""

RULES = Path(__file__).resolve().parents[2] / "deploy" / "watching" / "rules.yml"

_AGGREGATES: Mapping[str, Callable[[Iterable[float]], float]] = {"sum": sum, "max": max, "min": min}
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {">": operator.gt, "<": operator.lt, "==": operator.eq}
_SELECTOR = re.compile(r"(\w+)(?:\{(.*)\})?")
_MATCHER = re.compile(r'(\w+)(=|!=)"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One line of a scrape."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples_of(text: str) -> list[Sample]:
    """The lines of a scrape."""
    return [
        Sample(name=each.name, labels=each.labels, value=each.value)
        for family in text_string_to_metric_families(text)
        for each in family.samples
    ]


async def samples(client: httpx.AsyncClient, *, needs: str = "") -> list[Sample]:
    """Everything that ``/metrics`` shows.

    Args:
        client: At the service.
        needs: A figure; asked again until it is there, for a machine that stands still makes the look for it late.
    """
    while True:
        found = samples_of((await client.get("/metrics")).text)
        if not needs or any(each.name == needs for each in found):
            return found
        await asyncio.sleep(0.5)


async def scrape(client: httpx.AsyncClient, *, needs: str = "") -> Figures:
    """The same by name and labels."""
    found = await samples(client, needs=needs)
    return {(each.name, *(each.labels[label] for label in sorted(each.labels))): each.value for each in found}


def alerts() -> list[dict[str, Any]]:
    """Every alert of ``deploy/watching/rules.yml``."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def fires(name: str, found: Sequence[Sample]) -> bool:
    """Whether the alert's condition holds on these samples, however long it must hold; for conditions on one figure, without rates."""
    (expression,) = (rule["expr"] for rule in alerts() if rule["alert"] == name)
    left, compared, bound = expression.rsplit(" ", 2)
    return any(_COMPARISONS[compared](value, float(bound)) for value in _values(left, found=found).values())


def _values(expression: str, *, found: Sequence[Sample]) -> dict[Group, float]:
    aggregated = re.fullmatch(r"(sum|max|min) by \(([^)]*)\) \((.*)\)", expression)
    if aggregated is None:
        return _selected(expression, found=found)
    aggregate, labels, inner = aggregated.groups()
    kept = {label.strip() for label in labels.split(",")}
    groups: dict[Group, list[float]] = {}
    for group, value in _values(inner, found=found).items():
        groups.setdefault(tuple((label, text) for label, text in group if label in kept), []).append(value)
    return {group: _AGGREGATES[aggregate](values) for group, values in groups.items()}


def _selected(selector: str, *, found: Sequence[Sample]) -> dict[Group, float]:
    matched = _SELECTOR.fullmatch(selector)
    assert matched is not None, f"not a figure: {selector}"
    wanted = [(label, how == "=", text) for label, how, text in _MATCHER.findall(matched[2] or "")]
    return {
        tuple(sorted(each.labels.items())): each.value
        for each in found
        if each.name == matched[1] and all((each.labels.get(label) == text) is same for label, same, text in wanted)
    }
