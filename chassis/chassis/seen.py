"""Reading your own write across services: the header ``Tongban-Seen``.

A write answers where its last events stand, ``<service>/<key>/<position>``; whoever sends that back waits here, for a second at most (``seen_wait``), until
this service has heard so far. A service is never behind of itself, nor of one whose events it does not hear; only a route that answers
from what the service follows of its own topics waits for those as well.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import select, tuple_

from chassis.context import Context
from chassis.tables import SEEN

HEADER = "Tongban-Seen"

REMEMBERED = 4_000
"""Keys of which a process remembers what it heard: those of the last half minute at full speed. Of others the database is asked."""

_MOST = 20
"""Positions of one header that are looked at."""

_FORM = re.compile(r"\A([a-z][a-z0-9-]{0,30})/([!-+\--~]{1,200})/([0-9]{1,18})\Z")
_RESTS = (0.005, 0.01, 0.02, 0.04)


@dataclass(frozen=True, slots=True)
class Position:
    """Where an event stands in its service's outbox."""

    service: str
    key: str
    position: int


def write(service: str, positions: Mapping[str, int]) -> str:
    """The header of an answer that wrote these positions; empty when it wrote none."""
    written = [f"{service}/{key}/{position}" for key, position in positions.items()]
    return ", ".join(each for each in written if _FORM.match(each))


def read(header: str) -> list[Position]:
    """The positions of a header; what does not have the form is passed over."""
    found = (_FORM.match(part.strip()) for part in header.split(",", _MOST)[:_MOST])
    return [Position(each[1], each[2], int(each[3])) for each in found if each]


async def caught_up(context: Context, header: str, *, own: bool = False) -> bool:
    """Wait until this service has heard all positions of the header; False when that took too long.

    Args:
        context: The running service.
        header: As it was sent.
        own: Wait for what this service wrote itself and follows, and for nothing else.
    """
    others = context.hears - {context.name}
    waiting = [each for each in read(header) if (each.service == context.name if own else each.service in others)]
    until = monotonic() + context.settings.seen_wait
    tries = 0
    while waiting:
        waiting = await _unheard(context, waiting)
        if not waiting:
            return True
        if monotonic() >= until:
            return False
        await asyncio.sleep(_RESTS[min(tries, len(_RESTS) - 1)])
        tries += 1
    return True


def remember(context: Context, heard: Mapping[tuple[str, str], int]) -> None:
    """Know in this process what it has heard and committed: who asks for it then need not wait for the database."""
    known = context.positions
    for place, position in heard.items():
        # Taken out and put in anew: the first in the order is the one that was not heard of for longest.
        known[place] = max(position, known.pop(place, -1))
    while len(known) > REMEMBERED:
        del known[next(iter(known))]


async def _unheard(context: Context, wanted: list[Position]) -> list[Position]:
    wanted = [each for each in wanted if context.positions.get((each.service, each.key), -1) < each.position]
    if not wanted:
        return []
    places = [(each.service, each.key) for each in wanted]
    statement = select(SEEN.c.service, SEEN.c.key, SEEN.c.position).where(tuple_(SEEN.c.service, SEEN.c.key).in_(places))
    async with context.database.read(context) as tx:
        heard = {(row.service, row.key): row.position for row in await tx.execute(statement)}
    return [each for each in wanted if heard.get((each.service, each.key), -1) < each.position]
