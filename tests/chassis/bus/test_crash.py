"""Processes that die or stand still, on both logs: nothing is lost, nothing happens twice, and who lost its lease commits nothing."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from chassis.bus import Bus, Received
from chassis.tables import INBOX, OUTBOX
from contracts.envelope import Record
from tests.chassis.bus.conftest import Log
from tests.chassis.bus.line import PATIENCE, Line, until_effects

StartChild = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start_child(project: Path) -> AsyncIterator[StartChild]:
    """Starts processes; those that still live are killed at the end."""
    children: list[Process] = []

    async def start(what: str, **job: str) -> Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("child.py")),
            what,
            json.dumps(job),
            stdin=PIPE,
            stdout=PIPE,
            env=dict(os.environ, PYTHONPATH=str(project)),
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def says(child: Process) -> str:
    """The next line that a process writes, logs passed over."""
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while True:
            line = (await child.stdout.readline()).decode().strip()
            if not line.startswith("{"):
                return line


@pytest.mark.parametrize(
    "crash", ["relay-handover", "after-commit-before-send:3", "after-send-before-mark:3", "after-effect-before-offset:2"]
)
async def test_a_process_killed_anywhere_loses_nothing_and_doubles_nothing(
    log: Log, line: Line, start_child: StartChild, crash: str
) -> None:
    job = {"kind": log.kind, "address": log.address, "database_url": line.settings.database_url, "topic": line.topic}
    keys = ("a", "b", "c", "d")
    victim = await start_child("line", **job, crash=crash)
    assert await says(victim) == "ready"
    number = 0

    async def tell() -> None:
        nonlocal number
        number += 1
        for key in keys:
            await line.tell(key, number)

    async with asyncio.timeout(PATIENCE):
        while victim.returncode is None:
            await tell()
            await asyncio.sleep(0.02)
    waiting = len(await line.rows(OUTBOX))
    for _ in range(5):
        await tell()
    await start_child("line", **job, crash="")
    await until_effects(line, number * len(keys))

    assert await victim.wait() == -signal.SIGKILL
    # Whoever was killed between the effect and the offset may just have sent everything.
    assert waiting > 0 or crash.startswith("after-effect")
    for key in keys:
        assert await line.numbers(key) == list(range(1, number + 1))
    assert len(await line.rows(INBOX)) == number * len(keys)


async def test_an_owner_that_lost_its_lease_cannot_commit(log: Log, bus: Bus, topic: str, start_child: StartChild) -> None:
    await bus.append(topic, 0, [Record(key="k", value=str(n).encode()) for n in range(5)])
    sleeper = await start_child("member", kind=log.kind, address=log.address, topic=topic)
    assert await says(sleeper) == "joined"
    assert await says(sleeper) == "took 0 1 2 3 4"

    sleeper.send_signal(signal.SIGSTOP)
    successor = await bus.subscribe(topic, [topic])
    taken: list[Received] = []
    async with asyncio.timeout(PATIENCE):
        while not taken:
            taken = await successor.batch(limit=2)
    await successor.commit()
    sleeper.send_signal(signal.SIGCONT)
    assert sleeper.stdin is not None
    sleeper.stdin.write(b"go on\n")
    await sleeper.stdin.drain()
    said = await says(sleeper)
    await sleeper.wait()
    async with asyncio.timeout(PATIENCE):
        while len(taken) < 5:
            taken += await successor.batch(limit=2)
    await successor.close()

    assert said == "lease lost"
    assert sorted({each.offset for each in taken}) == [0, 1, 2, 3, 4]


async def test_the_share_of_a_killed_member_goes_to_the_others(log: Log, bus: Bus, topic: str, start_child: StartChild) -> None:
    victim = await start_child("member", kind=log.kind, address=log.address, topic=topic)
    assert await says(victim) == "joined"
    # Written by another process, after the member looked last.
    await asyncio.sleep(0.2)
    await bus.append(topic, 0, [Record(key="k", value=b"1")])
    assert await says(victim) == "took 0"

    victim.kill()
    await victim.wait()
    successor = await bus.subscribe(topic, [topic])
    taken: list[Received] = []
    async with asyncio.timeout(PATIENCE):
        while not taken:
            taken = await successor.batch()
    await successor.close()

    assert [each.offset for each in taken] == [0]
