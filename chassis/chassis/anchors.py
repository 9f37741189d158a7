"""What a write hangs on: the key it locks, found by what its caller named.

A door that is told the anchor takes the idempotency key, finds the row and takes the row's lock in one statement instead of three::

    BY_NO = Anchor(select(WIDGETS.c.order_id.label("key"), WIDGETS.c.id), by=WIDGETS.c.no)

    return await write(act, at=BY_NO.of(no))

The handler stays as it was: it asks the anchor for the row, which is at hand then, and takes the lock, which is held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, CTE, Column, Select, Text, bindparam, func, select, true

from chassis.database import Tx, hash_of
from chassis.prepared import Prepared


class Anchor:
    """A query for a row that never changes, with the key whose lock whoever writes about it must hold."""

    def __init__(self, query: Select[Any], *, by: Column[str]) -> None:
        """Take the query.

        Args:
            query: Its first column is called ``key`` and is the key to be locked. What it reads never changes: it is read before the lock
                is held.
            by: What names a row, one at most.
        """
        self._query = query.where(by == bindparam("named", type_=Text))
        self._find = Prepared(self._query)
        self._find_all = Prepared(query.add_columns(by.label("named")).where(by == func.any(bindparam("names", type_=ARRAY(Text)))))
        self._taking: dict[CTE, Prepared] = {}

    def of(self, named: str) -> "Anchored":
        """The row of this name."""
        return Anchored(self, named)

    async def find(self, tx: Tx[Any], named: str) -> tuple[Any, ...] | None:
        """The row of this name without its key, or None; no lock is taken."""
        known: dict[str, tuple[Any, ...] | None] = tx.at_hand.setdefault(self, {})
        if named not in known:
            found = await tx.fetch(self._find, {"named": named})
            known[named] = tuple(found[0])[1:] if found else None
        return known[named]

    async def find_all(self, tx: Tx[Any], names: Sequence[str]) -> Mapping[str, tuple[str, tuple[Any, ...]]]:
        """Key and row by name, of those that there are; all are at hand then, also that there is none of a name. No lock is taken."""
        rows = {row[-1]: tuple(row)[:-1] for row in await tx.fetch(self._find_all, {"names": sorted(set(names))})}
        found = {name: (str(key), tuple(others)) for name, (key, *others) in rows.items()}
        known: dict[str, tuple[Any, ...] | None] = tx.at_hand.setdefault(self, {})
        known |= {name: found[name][1] if name in found else None for name in names}
        return found

    def has(self, tx: Tx[Any], named: str) -> bool:
        """Whether this name was looked for in this transaction."""
        return named in tx.at_hand.get(self, {})

    def taking(self, first: CTE) -> Prepared:
        """The statement that takes the lock after a first part has given its one row; without that row nothing is locked.

        Its columns are the lock's, the key, and the others of the query; all null when there is no such row.
        """
        if first not in self._taking:
            found = self._query.subquery("anchor")
            # The lock stands in the outermost list: it is taken once the row of the first part is there, never before.
            whole = select(func.pg_advisory_xact_lock(hash_of(found.c.key)), *found.c).select_from(first.outerjoin(found, true()))
            self._taking[first] = Prepared(whole)
        return self._taking[first]

    def take(self, tx: Tx[Any], named: str, row: tuple[Any, ...]) -> None:
        """Have at hand what that statement gave.

        Raises:
            Held: The key waits for a person.
        """
        _, key, *others = row
        tx.at_hand.setdefault(self, {})[named] = None if key is None else tuple(others)
        if key is not None:
            tx.holds(key)


@dataclass(frozen=True, slots=True)
class Anchored:
    """A row by its name."""

    anchor: Anchor
    named: str
