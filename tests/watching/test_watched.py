"""What rules, dashboards and the guide name exists on a running system; what they say is complete."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from chassis.context import Context
from chassis.jobs import Job, Rounds
from tests.support.figures import alerts, fires, samples_of
from tongban_local.layout import ALL, SERVICES
from tongban_local.openapi import applications
from tongban_local.system import System
from tongban_operations.alerts import MANIFEST, manifest
from tongban_operations.dashboards import dashboards

OF_PROMETHEUS = {"up"}
"""Figures that Prometheus makes itself."""

OF_THE_LIBRARY = ("process_", "python_")

WORDS = {"sum", "max", "min", "rate", "increase", "histogram_quantile", "topk", "unless", "or", "offset"}
"""Words of its language."""


PATIENCE = 60.0
"""Seconds for one scrape."""

Shown = dict[str, tuple[str, str, set[str]]]
"""Figures by name: kind, sentence, the services that show them."""


@pytest.fixture(scope="module")
async def shown() -> Shown:
    """Every figure that the four services show, from applications that are made and not started."""
    found: Shown = {}
    for service, application in applications().items():
        context: Any = application.state.context
        # What a job counts is made when it begins.
        job = asyncio.create_task(Rounds(Job(name="watched", every=1, run=nothing), context).run())
        await asyncio.sleep(0)
        job.cancel()
        collect(context.metrics.exposition().decode(), service=service, found=found)
    return found


async def nothing(_context: Context) -> int:
    return 0


def collect(text: str, *, service: str, found: Shown) -> None:
    """Add what one scrape shows."""
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.setdefault(name, (family.type, family.documentation, set()))[2].add(service)


def named(expression: str) -> set[str]:
    """The figures that an expression names."""
    bare = re.sub(r"\{[^}]*\}|\bby \([^)]*\)|\[\w+\]", " ", expression)
    return set(re.findall(r"\b[a-z_]{2,}\b", bare)) - WORDS - OF_PROMETHEUS


def expressions(folder: Path) -> Iterator[tuple[str, str]]:
    """Every expression with where it stands."""
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for board in yaml.safe_load((folder / "dashboards.yaml").read_text(encoding="utf-8")):
        for row in board["rows"]:
            for panel in row["panels"]:
                for query in panel["queries"]:
                    yield f"{board['uid']}: {panel['title']}", query["expr"]


def test_every_figure_that_is_watched_is_shown_by_a_running_system(system: System, project: Path) -> None:
    found: Shown = {}
    for service in ALL:
        collect(httpx.get(f"{system.layout.service_url(service)}/metrics", timeout=PATIENCE).text, service=service, found=found)
    there = {f"{name}{part}" for name in found for part in ("", "_count", "_bucket", "_sum")}

    missing = {
        (where, name)
        for where, expression in expressions(project / "deploy" / "watching")
        for name in named(expression)
        if name not in there
    }

    assert missing == set()


def test_a_running_system_that_does_nothing_raises_no_alert(system: System) -> None:
    raised = {
        (service, rule["alert"])
        for service in ALL
        for rule in alerts()
        if evaluable(rule["expr"])
        and fires(rule["alert"], samples_of(httpx.get(f"{system.layout.service_url(service)}/metrics", timeout=PATIENCE).text))
    }

    assert raised == set()


def evaluable(expression: str) -> bool:
    """Whether it is about one figure as it stands."""
    return not any(word in expression for word in ("rate(", "increase(", " / ", "up{"))


def test_the_guide_lists_every_figure_with_its_meaning(shown: Shown, project: Path) -> None:
    rows = [
        f"| `{name}` | {kind} | {'all' if len(services) == len(SERVICES) else ', '.join(sorted(services))} | {text} |"
        for name, (kind, text, services) in sorted(shown.items())
        if not name.startswith(OF_THE_LIBRARY)
    ]
    guide = (project / "docs" / "watching.md").read_text(encoding="utf-8")

    assert [line for line in guide.splitlines() if line.startswith("| `")] == rows


def test_every_alert_is_explained_in_both_languages_and_in_the_guide(project: Path) -> None:
    headings = re.findall(r"^### (\w+)$", (project / "docs" / "watching.md").read_text(encoding="utf-8"), re.MULTILINE)

    for rule in alerts():
        notes = rule["annotations"]
        assert " / " in notes["summary"], rule["alert"]
        assert " / " in notes["look"], rule["alert"]
        assert notes["runbook"] == f"docs/watching.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
    assert headings == [rule["alert"] for rule in alerts()]


def test_the_dashboards_are_those_of_the_list(project: Path) -> None:
    folder = project / "deploy" / "watching"

    written = {path.name: path.read_text(encoding="utf-8") for path in (folder / "dashboards").iterdir()}

    assert written == dashboards((folder / "dashboards.yaml").read_text(encoding="utf-8"))


def test_the_operators_rules_are_those_of_the_file(project: Path) -> None:
    rules = (project / "deploy" / "watching" / "rules.yml").read_text(encoding="utf-8")

    assert (project / "deploy" / MANIFEST).read_text(encoding="utf-8") == manifest(rules)


def test_processes_are_asked_under_the_name_by_which_the_rules_know_them(project: Path) -> None:
    """Whoever asks names its targets himself; a rule about ``up`` sees none where that is another name."""
    deploy = project / "deploy"
    named = {word for rule in alerts() for word in re.findall(r'up\{job="(\w+)"\}', rule["expr"])}
    [asked] = yaml.safe_load((deploy / "watching" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    monitor = yaml.safe_load((deploy / "kubernetes" / "overlays" / "watched" / "pods.yaml").read_text(encoding="utf-8"))
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    relabelled = {each["targetLabel"]: each.get("replacement") for each in endpoint["relabelings"]}

    assert named == {asked["job_name"]} == {relabelled["job"]}
