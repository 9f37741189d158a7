"""Decision tables written out: every combination of answers with the one situation that it makes.

A published table has at most `MOST_COMBINATIONS` of them and exactly one situation for each (`rules.situations.check_table`), so
what is left after some answers, and which question still matters, is read off and never guessed.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import chain, product
from math import prod
from typing import TypeAlias

from contracts.catalogue import Fact, SituationsPart
from rules.conditions import ConditionMalformed, Facts, Truth, compiled, evaluate

MOST_COMBINATIONS = 4096
"""Combinations of answers that a table may have, so that all of them can be tried at review."""

Value: TypeAlias = str | bool
Row: TypeAlias = tuple[tuple[Value, ...], int]
"""Answers in the order of `Table.names`, and the number of the situation that they make."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of which every combination makes one situation."""

    names: tuple[str, ...]
    """The facts that its conditions use, in the order of the part's list."""
    values: tuple[tuple[Value, ...], ...]
    """What each may be answered."""
    made: array[int]
    """The number of the situation that each combination makes, the last fact changing fastest. Two bytes each: a hundred times less than with its answers."""

    @property
    def rows(self) -> list[Row]:
        """Every combination with its situation."""
        return list(zip(product(*self.values), self.made, strict=True))

    def left(self, facts: Facts) -> Table | None:
        """The table that the known answers leave, each of them the only one of its fact; ``None`` when one is none of those offered."""
        values, made = list(self.values), self.made
        for place, name in enumerate(self.names):
            given = facts.get(name)
            if given is None:
                continue
            if not isinstance(given, str | bool) or given not in values[place]:
                return None
            made = array("H", chain.from_iterable(_slices(made, values, place)[values[place].index(given)]))
            values[place] = (given,)
        return Table(names=self.names, values=tuple(values), made=made)

    def next_name(self) -> str | None:
        """The fact to ask for: of those that can still change the situation the one that leaves the fewest on average, else the first.

        Returns:
            ``None`` when one situation is left, whatever is answered.
        """
        best: tuple[Fraction, int] | None = None
        for place, values in enumerate(self.values):
            slices = _slices(self.made, self.values, place)
            # An answer that can change nothing leaves, whatever the others are, the situation that each other answer leaves.
            if all(one == slices[0] for one in slices[1:]):
                continue
            score = (Fraction(sum(len(set(chain.from_iterable(one))) for one in slices), len(values)), place)
            best = score if best is None else min(best, score)
        return None if best is None else self.names[best[1]]


def _slices(made: array[int], values: Sequence[Sequence[Value]], place: int) -> list[list[array[int]]]:
    """For each answer to a fact the situations that it leaves, in the order of the other answers, piece by piece."""
    size = prod(len(one) for one in values[place + 1 :])
    if size == 1:
        return [[made[start :: len(values[place])]] for start in range(len(values[place]))]
    starts = range(0, size * len(values[place]), size)
    return [[made[at : at + size] for at in range(start, len(made), size * len(values[place]))] for start in starts]


_tables: OrderedDict[int, tuple[SituationsPart, Table | None]] = OrderedDict()
_REMEMBERED = 250
"""Tables remembered, those asked for last: half of what `rules.packed` keeps unpacked of all kinds."""


def tabulated(part: SituationsPart) -> Table | None:
    """A part's table written out, remembered for this very object; ``None`` for one that could not be published."""
    known = _tables.get(id(part))
    if known is not None:
        _tables.move_to_end(id(part))
        return known[1]
    table = _written_out(part)
    if len(_tables) >= _REMEMBERED:
        _tables.popitem(last=False)
    # The part is kept beside its table, so that its id cannot be given to another object meanwhile.
    _tables[id(part)] = (part, table)
    return table


def values_of(fact: Fact) -> tuple[Value, ...]:
    """What a question may be answered with; empty where anybody may answer anything."""
    if fact.kind == "boolean":
        return (True, False)
    return tuple(value for value, _, _ in fact.choices) if fact.kind == "choice" else ()


def combinations(values: Mapping[str, tuple[Value, ...]]) -> int:
    """How many combinations of answers there are."""
    return prod(len(choices) for choices in values.values())


def _written_out(part: SituationsPart) -> Table | None:
    try:
        conditions = [compiled(one.when) for one in part.situations]
    except ConditionMalformed:
        return None
    used = {name for condition in conditions for name in condition.facts}
    values = {fact.name: values_of(fact) for fact in part.facts if fact.name in used}
    if used - values.keys() or not 0 < combinations(values) <= MOST_COMBINATIONS:
        return None
    made = array("H")
    for answers in product(*values.values()):
        facts = dict(zip(values, answers, strict=True))
        # Ages are asked of dates, which no table may use: the day does not matter.
        held = [place for place, condition in enumerate(conditions) if evaluate(condition, facts, at=date.min).truth is Truth.TRUE]
        if len(held) != 1:
            return None
        made.append(held[0])
    return Table(names=tuple(values), values=tuple(values.values()), made=made)


__all__ = ["MOST_COMBINATIONS", "Row", "Table", "Value", "combinations", "tabulated", "values_of"]
