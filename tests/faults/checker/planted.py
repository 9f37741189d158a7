"""A service with one defect planted into the chassis of its process: ``python -m tests.faults.checker.planted <defect> <package>``.

Each defect is a mistake that somebody could make in good faith; what it does to cases is what the checker has to name.
"""

import runpy
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import inbox, outbox
from chassis.bus import Subscription
from chassis.crash import crash_point
from chassis.database import Tx
from chassis.hearing import WATERMARK
from chassis.inbox import Consumer
from chassis.outbox import Relay

_enter, _send = inbox._enter, Relay._send


def forget_what_was_heard() -> None:
    """The inbox is off: a repeat counts as new."""

    async def enter(tx: Tx[Any], event_ids: Iterable[str]) -> Iterable[str]:
        heard = list(event_ids)
        await _enter(tx, heard)
        return heard

    inbox._enter = enter


def mark_before_acknowledgement() -> None:
    """A row counts as sent before the log has it."""

    async def send(self: Relay, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
        await connection.execute(outbox._DONE, {"positions": [row.position for row in rows]})
        crash_point("after-send-before-mark")
        await _send(self, connection, rows)

    Relay._send = send  # type: ignore[method-assign]


def swap_order() -> None:
    """The youngest row goes first."""

    async def send(self: Relay, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
        await _send(self, connection, rows[::-1])

    Relay._send = send  # type: ignore[method-assign]


def commit_before_effect() -> None:
    """The group has read an event before it took effect."""

    async def hear(self: Consumer[Any], subscription: Subscription) -> None:
        while True:
            batch = await subscription.batch(limit=inbox.AT_ONCE)
            await subscription.commit()
            if any(dict(record.headers).get("ce_type") != WATERMARK.encode() for record in batch):
                crash_point("after-effect-before-offset")
            await self.take(batch)

    Consumer._hear = hear  # type: ignore[method-assign]


DEFECTS: Mapping[str, Callable[[], None]] = {
    plant.__name__: plant for plant in (forget_what_was_heard, mark_before_acknowledgement, swap_order, commit_before_effect)
}

if __name__ == "__main__":
    defect, package = sys.argv[1:]
    DEFECTS[defect]()
    runpy.run_module(package, run_name="__main__", alter_sys=True)
