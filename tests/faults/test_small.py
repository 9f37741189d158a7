"""The same program as `make faults`, small: a dozen kills, an engine away, poison; what it must find holds, and what it must see it sees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(1800)
def test_a_struck_line_loses_and_doubles_nothing(project: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--scale", "small", "--rate", "2", "--at-most", "30"],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
        timeout=1740,
    )

    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-3000:]
    assert "nothing lost, nothing doubled, all well in time" in ran.stdout.splitlines()[-1]
