"""The checker reads row by row: a crowd of cases takes it time, not memory."""

import json
import os

import pytest

from tests.faults.checker.crowd import make_crowd
from tests.faults.checker.ground import Ground, tongban

CASES = int(os.environ.get("TONGBAN_CHECK_CASES", "2000"))
"""100,000 take some minutes to make: nobody waits for them in a run of all tests."""

PER_CASE = 16.0
"""KiB by which the whole command may grow with each case. Two thirds of it are what the first few thousand need once, rows read ahead of each
table and a partition's keys; the rows of every case, were they kept, would be as much again."""


_MEASURED = """
import sys
from pathlib import Path
from tongban_operations.__main__ import main
code = main(sys.argv[1:])
print([line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0].split()[1], file=sys.stderr)
sys.exit(code)
"""
"""The command, and then how much memory it ever had; resource.getrusage would count that of the process it was forked from."""


@pytest.mark.timeout(3600)
async def test_a_crowd_of_cases_is_checked_in_bounded_memory(ground: Ground) -> None:
    case = ground.case_id(await ground.live())
    await ground.check()
    few = CASES // 5

    make_crowd(ground, case_id=case, number=few)
    less = _measure(ground, at_least=few)
    make_crowd(ground, case_id=case, number=CASES - few, after=few)
    more = _measure(ground, at_least=CASES)

    growth = (more - less) / (CASES - few)
    print(f"{growth:.2f} KiB a case")  # noqa: T201 - the figure
    assert growth < PER_CASE


def _measure(ground: Ground, *, at_least: int) -> int:
    """KiB that a check takes which finds nothing."""
    done = tongban(ground, "check", "--json", program=("-c", _MEASURED))
    told = json.loads(done.stdout)[0]
    memory = int(done.stderr.splitlines()[-1])
    print(f"{told['counts']['cases']} cases: {memory // 1024} MiB, {done.stderr.splitlines()[-2]}")  # noqa: T201 - the figures
    assert {each["about"] for each in told["differences"]} <= ground.spoiled, told["rules"]
    assert told["counts"]["closed"] > at_least
    return memory
