"""The families of tests: which run first when one after the other, and which share a worker when several run side by side."""

from collections.abc import Sequence
from pathlib import PurePath

import pytest
from xdist.scheduler import LoadScopeScheduling

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

BULK = ("test_bulk.py", "test_bulk_equality.py", "test_bulk_files.py", "test_bulk_lives.py", "test_bulk_steps.py", "test_bulk_worker.py")
"""The half of the catalogue's tests that are about files of many rows."""

LONGEST_FIRST = (
    ("operations",),
    ("journeys", "watching", "access", "fuzz"),
    ("deploy",),
    ("bus",),
    ("bench",),
    ("checker",),
    BULK,
    ("catalog",),
    ("faults",),
    ("chassis",),
    ("upgrade",),
    ("contracts",),
    ("local",),
    ("routing",),
    ("credential",),
    ("house",),
    ("intake",),
    ("gateway",),
)
"""What shares a worker, folders or files of one: what uses the same running system, for a worker has engines and a system of its own. The
long ones begin first and small ones are left for the end, so that no worker is alone with a long one then."""


class SideBySide(LoadScopeScheduling):
    """Gives whole families to workers: whoever is done takes the next one."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(PurePath(nodeid.partition("::")[0]).parts)


def in_order(items: Sequence[pytest.Item], *, side_by_side: bool) -> list[pytest.Item]:
    """The same tests, family by family; inside a family as collected.

    Args:
        items: What was collected.
        side_by_side: Whether workers share them: then the longest families come first.
    """
    if side_by_side:
        return sorted(items, key=lambda item: (_turn(item.path.parts), _place(item.path.parts)))
    return sorted(items, key=lambda item: _place(item.path.parts))


def _place(folders: Sequence[str]) -> int:
    return min((place for place, name in enumerate(FAMILIES) if name in folders), default=len(FAMILIES))


def _turn(folders: Sequence[str]) -> int:
    depths = {name: depth for depth, name in enumerate(folders)}
    found = [(depths[name], turn) for turn, names in enumerate(LONGEST_FIRST) for name in names if name in depths]
    return max(found)[1] if found else len(LONGEST_FIRST)


def _shared(folders: Sequence[str]) -> str:
    turn = _turn(folders)
    return LONGEST_FIRST[turn][0] if turn < len(LONGEST_FIRST) else folders[1]
