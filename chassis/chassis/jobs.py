"""Work that is not asked for by anybody: in rounds, by one process at a time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import C
from chassis.logs import get_logger
from chassis.tracing import traced

_REST = 1.0
"""Seconds after a failed round, and between two tries to become the runner."""

_RARE = 60.0
"""Seconds from which on a job gives its connection back between two rounds: held for an hour it would serve nobody."""

_log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Generic[C]):
    """A round of work, repeated."""

    name: str
    """Unique in its service."""
    every: float
    """Real seconds between two rounds that found nothing more to do."""
    run: Callable[[C], Awaitable[int]]
    """One round; how many things were done, 0 when nothing is left. Opens its own transactions, and none while it calls out."""
    wake: Callable[[C], asyncio.Event] | None = None
    """The event of the context that starts the next round at once; cleared before the round."""


async def run_job(job: Job[C], context: C) -> None:
    """Run a job until cancelled, in this process or waiting while another one does."""
    rare = job.wake is None and job.every >= _RARE
    failures = context.metrics.counter("job_failures", "Rounds of a job that failed", labels=("name",))
    while True:
        rest = job.every if rare else _REST
        try:
            async with context.database.hold(f"job {job.name}") as connection:
                if connection is not None:
                    await _rounds(job, context, connection, rare=rare)
        except Exception as error:  # noqa: BLE001 - a job goes on whatever befell one round
            _log.error("job.failed", job=job.name, exc_info=error)
            failures.labels(job.name).inc()
            rest = _REST
        await asyncio.sleep(rest)


async def _rounds(job: Job[C], context: C, connection: AsyncConnection, *, rare: bool) -> None:
    """One round after another; of a rare job until nothing is left."""
    while True:
        # The lock lives as long as this connection: who lost it must not go on.
        await connection.execute(text("select 1"))
        await connection.rollback()
        event = job.wake(context) if job.wake is not None else None
        if event is not None:
            event.clear()
        with traced(service=context.name):
            done = await job.run(context)
        if done == 0 and rare:
            return
        if done == 0:
            await _rest(event, job.every)


async def _rest(event: asyncio.Event | None, seconds: float) -> None:
    if event is None:
        await asyncio.sleep(seconds)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
