"""A service with one defect planted into the chassis of its process: ``python -m tests.faults.checker.planted <defect> <package>``.

Each defect is a mistake that somebody could make in good faith; what it does to cases is what the checker has to name.
"""

import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import idempotency, inbox, outbox
from chassis.bus import Subscription
from chassis.crash import crash_point
from chassis.database import Tx
from chassis.hearing import WATERMARK, Heard
from chassis.idempotency import Claim, Kept
from chassis.inbox import Consumer
from chassis.outbox import Relay
from chassis.problems import IdempotencyInFlight
from contracts.refusals import Refusal

_enter, _send, _add_all = inbox._enter, Relay._send, idempotency.add_all


def forget_what_was_heard() -> None:
    """The inbox is off: a repeat counts as new."""

    async def enter(tx: Tx[Any], heard: Sequence[Heard]) -> tuple[set[str], set[tuple[str, str]]]:
        _, held = await _enter(tx, heard)
        return {each.event_id for each in heard}, held

    inbox._enter = enter


def mark_before_acknowledgement() -> None:
    """A row counts as sent before the log has it."""

    async def send(self: Relay, connection: AsyncConnection, rows: Sequence[outbox._Waiting]) -> None:
        await outbox._DONE.fetch(connection, {"positions": [row.position for row in rows]})
        crash_point("after-send-before-mark")
        await _send(self, connection, rows)

    Relay._send = send  # type: ignore[method-assign]


def swap_order() -> None:
    """The youngest row goes first."""

    async def send(self: Relay, connection: AsyncConnection, rows: Sequence[outbox._Waiting]) -> None:
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


def forget_what_was_answered() -> None:
    """Idempotency is off: the same key is a new call."""

    async def find_all(tx: Tx[Any], claims: Sequence[Claim]) -> list[Kept | Refusal | None]:
        return [None] * len(claims)

    async def add_all(tx: Tx[Any], answers: Sequence[tuple[Claim, Kept]]) -> None:
        with suppress(IdempotencyInFlight):
            await _add_all(tx, answers)

    idempotency.find_all, idempotency.add_all = find_all, add_all


DEFECTS: Mapping[str, Callable[[], None]] = {
    plant.__name__: plant
    for plant in (forget_what_was_heard, mark_before_acknowledgement, swap_order, commit_before_effect, forget_what_was_answered)
}

if __name__ == "__main__":
    defect, package = sys.argv[1:]
    DEFECTS[defect]()
    runpy.run_module(package, run_name="__main__", alter_sys=True)
