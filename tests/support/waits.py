"""What is waited for inside a service: conditions, never an amount of time."""

import asyncio
from typing import Any

from sqlalchemy import func, select, text

from chassis.context import Context
from chassis.gathering import Gathering
from tests.support.toy import RunningToy, Toy

_WAITING = select(func.count()).select_from(text("pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"))


async def until_one_waits_for_a_lock(context: Context) -> None:
    """Return when a transaction on this service's database waits for another one."""
    while True:
        async with context.database.consume(context) as tx:
            if (await tx.execute(_WAITING)).scalar_one() > 0:
                return
        await asyncio.sleep(0.02)


async def until_queue(toy: RunningToy, gathering: Gathering[Toy, Any], *, length: int) -> None:
    """Return when so many requests wait to ride together."""
    while len(toy.context.gathered[gathering].waiting) < length:  # noqa: ASYNC110 - a count sets no event
        await asyncio.sleep(0.01)
