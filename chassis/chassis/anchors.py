"""What a write hangs on: the key it locks, found by what its caller named.

A door that is told the anchor takes the idempotency key, finds the row and takes the row's lock in one statement instead of three::

    BY_NO = Anchor(select(WIDGETS.c.order_id.label("key"), WIDGETS.c.id), by=WIDGETS.c.no, shown={"organ": WIDGETS.c.organ})

    return await write(act, at=BY_NO.of(no, seen=tree(write.caller, "widget", "view", regions=…)))

The handler stays as it was: it asks the anchor for the row, which is at hand then, and takes the lock, which is held. What is hidden from the
caller is as if it were not there: its lock is not waited for, so a stranger neither learns that it is at work nor holds anybody up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

from sqlalchemy import ARRAY, CTE, Column, Select, Text, bindparam, func, select, true

from chassis.database import Tx, hash_of, where
from chassis.prepared import Prepared
from rules.access import ALWAYS, All, Always, AnyOf, Before, Eq, In, Never, Tree

_NOTHING: Mapping[str, Column[Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row that was found without its lock."""

    key: str
    row: tuple[Any, ...]
    shown: Mapping[str, object]
    """What access rules ask for."""


class Anchor:
    """A query for a row that never changes, with the key whose lock whoever writes about it must hold."""

    def __init__(self, query: Select[Any], *, by: Column[str], shown: Mapping[str, Column[Any]] = _NOTHING) -> None:
        """Take the query.

        Args:
            query: Its first column is called ``key`` and is the key to be locked. What it reads never changes: it is read before the lock
                is held.
            by: What names a row, one at most.
            shown: The columns that access rules ask for; they never change either.
        """
        self._by, self._shown, self._whole = by, shown, query
        self._query = query.where(by == bindparam("named", type_=Text))
        self._find = Prepared(self._query)
        all_of_them = query.add_columns(by.label("named"), *(column.label(f"shown_{name}") for name, column in shown.items()))
        self._find_all = Prepared(all_of_them.where(by == func.any(bindparam("names", type_=ARRAY(Text)))))
        self._taking: dict[tuple[CTE, str], Prepared] = {}

    def of(self, named: str, *, seen: Tree = ALWAYS) -> "Anchored":
        """The row of this name.

        Args:
            named: As the caller names it.
            seen: Which rows are not hidden from the caller.
        """
        return Anchored(self, named, seen)

    async def find(self, tx: Tx[Any], named: str) -> tuple[Any, ...] | None:
        """The row of this name without its key, or None; no lock is taken."""
        known: dict[str, tuple[Any, ...] | None] = tx.at_hand.setdefault(self, {})
        if named not in known:
            found = await tx.fetch(self._find, {"named": named})
            known[named] = tuple(found[0])[1:] if found else None
        return known[named]

    async def find_all(self, tx: Tx[Any], names: Sequence[str]) -> Mapping[str, Found]:
        """Rows by name, of those that there are; all are at hand then, also that there is none of a name. No lock is taken."""
        width = len(self._whole.selected_columns)
        found: dict[str, Found] = {}
        for row in await tx.fetch(self._find_all, {"names": sorted(set(names))}):
            key, *others = row[:width]
            name, *shown = row[width:]
            found[name] = Found(key=str(key), row=tuple(others), shown=dict(zip(self._shown, shown, strict=True)))
        known: dict[str, tuple[Any, ...] | None] = tx.at_hand.setdefault(self, {})
        known |= {name: found[name].row if name in found else None for name in names}
        return found

    def has(self, tx: Tx[Any], named: str) -> bool:
        """Whether this name was looked for in this transaction."""
        return named in tx.at_hand.get(self, {})

    def taking(self, first: CTE, *, seen: Tree = ALWAYS) -> tuple[Prepared, Mapping[str, object]]:
        """The statement that takes the lock after a first part has given its one row; without that row nothing is locked.

        Its columns are the lock's, the key, and the others of the query; all null when there is no such row, or none that is seen.

        Args:
            first: The first part.
            seen: Which rows are not hidden.

        Returns:
            The statement, one for every shape of a rule, and the parameters that stand for the rule's values.
        """
        given: list[object] = []
        place = (first, _read(seen, given))
        if place not in self._taking:
            numbers = count()
            condition = where(seen, self._shown, bind=lambda _, type_: bindparam(f"seen_{next(numbers)}", type_=type_))
            found = self._query.where(condition).subquery("anchor")
            # The lock stands in the outermost list: it is taken once the row of the first part is there, never before.
            whole = select(func.pg_advisory_xact_lock(hash_of(found.c.key)), *found.c).select_from(first.outerjoin(found, true()))
            self._taking[place] = Prepared(whole)
        return self._taking[place], {f"seen_{number}": value for number, value in enumerate(given)}

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
    seen: Tree = ALWAYS
    """Which rows are not hidden from whoever asks."""


def _read(tree: Tree, given: list[object]) -> str:
    """The shape of a rule without its values, which are added in the order in which `where` asks for parameters."""
    match tree:
        case Always() | Never():
            return type(tree).__name__
        case Eq(column, value):
            given.append(value)
            return f"{column} ="
        case In(column, among):
            given.append(sorted(among))
            return f"{column} in"
        case Before(column, instant):
            given.append(instant)
            return f"{column} <"
        case All(trees) | AnyOf(trees):
            return f"{type(tree).__name__}({', '.join(_read(part, given) for part in trees)})"
