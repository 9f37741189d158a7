"""What a column of an office's table is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog_svc.bulk.domain.exact import Shape
from contracts.values import Json


class Missing:
    """There is no value for an empty cell."""


MISSING = Missing()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column."""

    name: str
    """Its heading in Chinese."""
    code: str
    """Its heading in the standard."""
    at: Sequence[str]
    """Where its value stands in the body of ``POST /service-items``; empty for what is beside it."""
    shape: Shape
    default: Json | Missing = MISSING
    """What an empty cell means; without it the cell must say something."""
    keeps: bool = False
    """Whether an empty cell leaves what the item's newest version says, and the default is for new items alone."""
    came_later: bool = False
    """Whether it stood in 其他属性 before it had a column: a file that has that one alone says there all there is, and keeps nothing."""
    aliases: Sequence[str] = ()
    beneath: Sequence[str] = ()
    """Headings of a second level, where its name stands over several columns."""
    example: str = ""
    note: str = ""
    note_en: str = ""
