"""What the checker found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tongban_operations.checker.rules import RULES

MOST_KEPT = 10_000
"""Differences kept with their facts; beyond them they are counted only, so that a lost topic does not fill the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place in which a rule does not hold."""

    rule: str
    """A name in `RULES`."""
    about: str
    """The case by its id, else the key, event or place concerned."""
    expected: str
    found: str

    @property
    def zh(self) -> str:
        """The rule in Chinese."""
        return RULES[self.rule][0]

    @property
    def en(self) -> str:
        """The rule in English."""
        return RULES[self.rule][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one check."""

    differences: tuple[Difference, ...]
    """In the order found; empty when everything holds."""
    by_rule: Mapping[str, int]
    """How many there are, those that are not kept too."""
    counts: Mapping[str, int]
    """What was looked at: ``cases``, ``closed``, ``events``, ``repeats``, ``promises`` and so on."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """Differences and counts while the check runs."""

    differences: list[Difference] = field(default_factory=list)
    by_rule: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def differ(self, rule: str, about: str, *, expected: object, found: object) -> None:
        """Note that a rule does not hold."""
        self.by_rule[rule] += 1
        if len(self.differences) < MOST_KEPT:
            self.differences.append(Difference(rule=rule, about=about, expected=str(expected), found=str(found)))

    def report(self) -> Report:
        """What was found."""
        return Report(differences=tuple(self.differences), by_rule=dict(self.by_rule), counts=dict(self.counts))
