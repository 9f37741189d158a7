"""The line that defects are planted into, started once for this folder."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.checker.ground import READY, Ground, People
from tongban_local.layout import ALL, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import System
from tongban_local.visitor import Visitor


@pytest.fixture(scope="package")
async def ground(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, project: Path) -> AsyncIterator[Ground]:
    """Five processes at rest, with nothing wrong."""
    running = System(lay_out(data=tmp_path_factory.mktemp("ground"), postgres=postgres, prefix="planted"))
    visitors: list[Visitor] = []
    try:
        await asyncio.to_thread(_start, running)
        visitors += [
            await Visitor.sign_in(name, url=running.layout.url) for name in ("tonggu-clerk", "liuyang-reviewer", "liuyang-approver")
        ]
        clerk, reviewer, approver = visitors
        people = People(clerk=clerk, reviewer=reviewer, approver=approver)
        yield Ground(system=running, postgres=postgres, people=people, root=project)
    finally:
        await asyncio.gather(*(visitor.close() for visitor in visitors))
        await asyncio.to_thread(running.stop)


def _start(system: System) -> None:
    """As `System.start`, but with the patience of a fixture that takes its turn among whatever else the machine does."""
    for names in (ALL[:1], ALL[1:]):
        for name in names:
            system[name].start()
        for name in names:
            system[name].wait_ready(seconds=READY)
