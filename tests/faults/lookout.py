"""Who sees how the cases stand: one call for a hundred of them, so that three thousand waiting cases do not ask one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tests.faults.desk import Away, Desk

AT_ONCE = 100
EVERY = 0.4
"""Seconds between two looks, longer when a look takes long."""

Brief = dict[str, Any]
"""A case as intake lists it."""


@dataclass(slots=True)
class Watched:
    """A case somebody waits for."""

    brief: Brief | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Lookout:
    """Looks at all cases under way as the receiving window sees them."""

    def __init__(self, desk: Desk, *, who: str) -> None:
        self._desk = desk
        self._who = who
        self._watched: dict[str, Watched] = {}

    def watch(self, case_id: str) -> Watched:
        """Look at this one, too."""
        return self._watched.setdefault(case_id, Watched())

    def forget(self, case_id: str) -> None:
        """It ended."""
        self._watched.pop(case_id, None)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            began = time.monotonic()
            for ids in _chunks(list(self._watched)):
                asked = "&".join(f"case={case_id}" for case_id in ids)
                try:
                    answer = await self._desk.call(self._who, "GET", f"/cases?limit={AT_ONCE}&{asked}")
                except Away:
                    continue
                if answer.good:
                    for brief in answer.body["items"]:
                        self._show(brief)
            await asyncio.sleep(max(EVERY, 2 * (time.monotonic() - began)))

    def _show(self, brief: Brief) -> None:
        watched = self._watched.get(brief["case_id"])
        if watched is not None and _shown(watched.brief) != _shown(brief):
            watched.brief = brief
            watched.changed.set()


def _shown(brief: Brief | None) -> tuple[object, ...]:
    return () if brief is None else (brief["state"], brief["stage"], brief["awaiting_seal"], brief["attention"])


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    left = iter(ids)
    while chunk := list(islice(left, AT_ONCE)):
        yield chunk
