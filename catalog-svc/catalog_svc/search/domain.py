"""What a search finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from contracts.values import ItemCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One item found."""

    item_code: ItemCode
    name: str
    score: float
    """0 to 1."""
    why: str
    """``name``, ``synonym``, ``pinyin``, ``initials``, ``characters`` or ``similar``."""


class Searching(Protocol):
    """The base directory, ready to be searched, in one edition."""

    edition: int
    """The directory's edition that it was built of."""

    def find(self, query: str, *, limit: int) -> list[Hit]:
        """The items that a query most likely means, best first."""
        ...
