"""Where a restored database stands: which of its service's positions it knows, and whether it is still learning of others.

The marks lie beside the positions that were heard, under a name that no service has: they come and go with the database, and one learning
that is cut short is gone on with where it was begun.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, bindparam, delete, func, select, union_all
from sqlalchemy.dialects.postgresql import insert

from chassis import sent
from chassis.database import Tx
from chassis.tables import OUTBOX, SEEN, SENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Positions as they were when the learning was begun for the first time."""

    floor: int
    """Those up to this one were sent before anything that the backup still lists."""
    known: int
    """The highest that the backup knows."""
    drawn: int
    """Whatever is written while it learns has a higher one."""


async def known_position(tx: Tx[Any]) -> int:
    """The highest of its service's positions that the database knows, or has learned to pass over; 0 when none."""
    return max(await sent.last_position(tx), (await _marks(tx)).get(_LEARNED, 0))


async def is_begun(tx: Tx[Any]) -> bool:
    """Whether a learning was begun and not ended: single positions above a gap are known, so the highest says nothing."""
    return _FLOOR in await _marks(tx)


async def begin(tx: Tx[Any], *, above: int) -> Begun:
    """Begin to learn, or go on where it was begun.

    Args:
        tx: Open transaction.
        above: What is written from here on stands above this position: two rows may never have one.
    """
    marks = await _marks(tx)
    if _FLOOR in marks:
        return Begun(floor=marks[_FLOOR], known=marks[_KNOWN], drawn=marks[_DRAWN])
    known = await known_position(tx)
    lowest = await tx.connection.scalar(_LOWEST)
    drawn = await tx.connection.scalar(_ADVANCE, {"position": max(above, known)})
    begun = Begun(floor=known if lowest is None else int(lowest) - 1, known=known, drawn=int(drawn or 0))
    for name, position in ((_FLOOR, begun.floor), (_KNOWN, begun.known), (_DRAWN, begun.drawn)):
        await tx.execute(_MARK, {"service": _MARKS, "key": name, "position": position})
    return begun


async def end(tx: Tx[Any], *, known: int, above: int) -> None:
    """Everything up to ``known`` was learned; the next position drawn is higher than ``above``."""
    await tx.execute(_ADVANCE, {"position": above})
    await tx.execute(_UNMARK)
    await tx.execute(_MARK, {"service": _MARKS, "key": _LEARNED, "position": known})


async def _marks(tx: Tx[Any]) -> dict[str, int]:
    return {row.key: row.position for row in await tx.execute(_MARKED)}


_MARKS = "restore"
_FLOOR, _KNOWN, _DRAWN, _LEARNED = "floor", "known", "drawn", "learned"
_MARKED = select(SEEN.c.key, SEEN.c.position).where(SEEN.c.service == _MARKS)
_UNMARK = delete(SEEN).where(SEEN.c.service == _MARKS)
_MARK = insert(SEEN)
_listed = union_all(select(SENT.c.position), select(OUTBOX.c.position)).subquery("listed")
_LOWEST = select(func.min(_listed.c.position))
_numbers = func.pg_get_serial_sequence(OUTBOX.name, OUTBOX.c.position.name)
_ADVANCE = select(func.setval(_numbers, func.greatest(func.pg_sequence_last_value(_numbers), bindparam("position", type_=BigInteger))))
