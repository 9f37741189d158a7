"""How a story is told on a terminal: steps, who acts, what each sees, and waiting with a sign of life."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tongban_local.visitor import Reply, Unexpected, Visitor

CHINA = ZoneInfo("Asia/Shanghai")
PATIENCE = 60.0
"""Seconds to wait for something the system does by itself."""


class Teller:
    """Prints a story and counts what held."""

    def __init__(self) -> None:
        self._step = 0
        self.held = 0
        self._begun = time.perf_counter()
        self._colour = sys.stdout.isatty()

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def step(self, zh: str, en: str) -> None:
        """A new step of the story."""
        self._step += 1
        print(f"\n{self._paint(f'{self._step:>2}. {zh}', '1;36')}\n    {self._paint(en, '2')}", flush=True)

    def tell(self, line: str) -> None:
        """One line of what is seen."""
        print(f"    {line}", flush=True)

    def act(self, who: Visitor, what: str) -> None:
        """Who does what."""
        print(f"    {self._paint(f'[{who.name}]', '33')} {what}", flush=True)

    def holds(self, fact: bool, text: str) -> None:  # noqa: FBT001 - reads as a sentence: holds(x == y, "…")
        """A fact the story claims.

        Raises:
            Unexpected: It does not hold.
        """
        if not fact:
            raise Unexpected(f"does not hold: {text}")
        self.held += 1
        print(f"    {self._paint('✓', '32')} {text}", flush=True)

    def refused(self, reply: Reply, *, status: int, rule: str) -> None:
        """A refusal the story expects, as a person would read it.

        Raises:
            Unexpected: It was not refused, or for another reason.
        """
        if reply.status != status or not reply.rule.startswith(rule):
            raise Unexpected(f"expected {status} {rule}, got {reply.status}: {reply.content[:800].decode(errors='replace')}")
        self.held += 1
        print(f"    {self._paint('✗', '31')} {reply.status} {reply.rule}: {reply['detail']} / {reply['detail_en']}", flush=True)
        for defect in reply.body.get("errors") or []:
            self.tell(f"   · {defect['pointer']}  {defect['detail']}  [{defect['rule']}]")
        for name, value in (reply.body.get("facts") or {}).items():
            self.tell(f"   → {name}: {value}")

    async def until(self, what: str, ask: Callable[[], Awaitable[Any]], *, patience: float = PATIENCE, every: float = 0.1) -> Any:
        """Wait until asking gives something; a line of progress after two seconds.

        Raises:
            Unexpected: Nothing came in time.
        """
        begun = time.perf_counter()
        told = 2.0
        while True:
            found = await ask()
            waited = time.perf_counter() - begun
            if found:
                if waited > 2:  # noqa: PLR2004 - what a person notices
                    self.tell(f"… {what}: {waited:.1f} s")
                return found
            if waited > patience:
                raise Unexpected(f"still waiting for: {what} ({waited:.0f} s)")
            if waited > told:
                self.tell(f"… {what} ({waited:.0f} s)")
                told += 5
            await asyncio.sleep(every)

    def end(self, name: str) -> None:
        """The one line that sums up."""
        print(f"\ndemo {name}: {self._step} steps, {self.held} facts held, {time.perf_counter() - self._begun:.1f} s", flush=True)


def local(instant: str | None) -> str:
    """An instant as people in China read it."""
    if instant is None:
        return "—"
    return datetime.fromisoformat(instant).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
