"""The closing line that machines read."""

import pytest


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
