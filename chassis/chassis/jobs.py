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


class Rounds(Generic[C]):
    """A job in this process: it works, or waits while another process does."""

    def __init__(self, job: Job[C], context: C) -> None:
        self.job = job
        self._context = context
        self.trouble: str | None = None
        """What made its last round fail, for the health page; None once a round went well."""

    async def run(self) -> None:
        """Work until cancelled; whatever befell a round, there is a next one."""
        job, context = self.job, self._context
        rare = job.wake is None and job.every >= _RARE
        failures = context.metrics.counter("job_failures", "Rounds of a job that failed", labels=("name",))
        while True:
            rest = job.every if rare else _REST
            try:
                async with context.database.hold(f"job {job.name}") as connection:
                    if connection is not None:
                        await self._rounds(connection, rare=rare)
                    self.trouble = None
            except (Exception, asyncio.CancelledError) as error:
                if is_told_to_end(error):
                    raise
                self.trouble = type(error).__name__
                _log.error("job.failed", job=job.name, exc_info=error)
                failures.labels(job.name).inc()
                rest = _REST
            await asyncio.sleep(rest)

    async def _rounds(self, connection: AsyncConnection, *, rare: bool) -> None:
        """One round after another; of a rare job until nothing is left."""
        job, context = self.job, self._context
        while True:
            # The lock lives as long as this connection: who lost it must not go on.
            await connection.execute(text("select 1"))
            await connection.rollback()
            event = job.wake(context) if job.wake is not None else None
            if event is not None:
                event.clear()
            with traced(service=context.name):
                done = await job.run(context)
            self.trouble = None
            if done == 0 and rare:
                return
            if done == 0:
                await _rest(event, job.every)


def is_told_to_end(error: BaseException) -> bool:
    """Whether the running task itself was cancelled: a cancellation that leaked out of something it awaited must not end it."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def _rest(event: asyncio.Event | None, seconds: float) -> None:
    if event is None:
        await asyncio.sleep(seconds)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
