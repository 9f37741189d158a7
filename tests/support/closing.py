"""The order of test families and the closing line that machines read."""

from collections.abc import Sequence

import pytest

FAMILIES = (
    "house",
    "contracts",
    "chassis",
    "local",
    "gateway",
    "catalog",
    "intake",
    "routing",
    "credential",
    "journeys",
    "upgrade",
    "watching",
    "access",
    "fuzz",
    "bench",
    "faults",
)
"""Cheap and telling first: a broken rule of the house shows before a journey of minutes."""


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The same tests, family by family; inside a family as collected."""

    def family(item: pytest.Item) -> int:
        folders = item.path.parts
        return min((place for place, name in enumerate(FAMILIES) if name in folders), default=len(FAMILIES))

    return sorted(items, key=family)


def closing_line(config: pytest.Config) -> str | None:
    """``N passed, N failed`` (``, N skipped``): one line, whatever the output options; None where nothing was run.

    A test that fails while it is set up or torn down counts as failed.
    """
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly:
        return None
    counts = {outcome: len(reporter.stats.get(outcome, ())) for outcome in ("passed", "failed", "error", "skipped")}
    line = f"{counts['passed']} passed, {counts['failed'] + counts['error']} failed"
    return f"{line}, {counts['skipped']} skipped" if counts["skipped"] else line
