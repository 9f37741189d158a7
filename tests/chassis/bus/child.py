"""A process of its own for tests that kill or stop it: the line's relay and consumer, or one member of a group.

``child.py line {"kind", "address", "database_url", "topic", "crash"}``: works until it is killed.
``child.py member {"kind", "address", "topic"}``: takes one batch, says its offsets, waits for a line, commits and says what came of it.
"""

import asyncio
import json
import sys
from typing import Any

from chassis import crash
from chassis.bus import LeaseLost, Received
from tests.chassis.bus.line import hearing, make_bus, make_line, relaying


def say(*words: object) -> None:
    """Tell the test."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def work(job: dict[str, Any]) -> None:
    """Relay and hear until killed."""
    bus = make_bus(job["kind"], job["address"])
    await bus.start()
    line = make_line(database_url=job["database_url"], bus=bus, topic=job["topic"])
    crash.arm(job["crash"])
    async with relaying(line), hearing(line):
        say("ready")
        await asyncio.Event().wait()


async def hold(job: dict[str, Any]) -> None:
    """Take a batch, wait to be told, commit."""
    bus = make_bus(job["kind"], job["address"])
    await bus.start()
    member = await bus.subscribe(job["topic"], [job["topic"]])
    say("joined")
    batch: list[Received] = []
    while not batch:
        batch = await member.batch()
    say("took", *(each.offset for each in batch))
    await asyncio.to_thread(sys.stdin.readline)
    try:
        await member.commit()
        say("committed")
    except LeaseLost:
        say("lease lost")
    await member.close()
    await bus.stop()


if __name__ == "__main__":
    asyncio.run({"line": work, "member": hold}[sys.argv[1]](json.loads(sys.argv[2])))
