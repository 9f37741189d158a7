"""Merged areas of a sheet: what stands in the first cell of one counts for every cell that it covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from catalog_svc.sheet.domain.cells import EMPTY, Cell


@dataclass(frozen=True, slots=True)
class Area:
    """A merged area; rows and columns from 1, both ends included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Filling:
    """One way down a sheet: the areas still below, and those that reach into the row at hand."""

    below: list[Area]
    """The next one last."""
    here: list[tuple[Area, Cell]] = field(default_factory=list)

    @classmethod
    def of(cls, areas: Iterable[Area]) -> Filling:
        """From the top of a sheet."""
        return cls(below=sorted(areas, key=lambda area: area.top, reverse=True))

    def fill(self, number: int, cells: Sequence[Cell]) -> Sequence[Cell]:
        """The cells of a row with those that areas cover; rows are given in their order.

        An area whose first cell holds nothing, or whose first row was not given, covers nothing.
        """
        while self.below and self.below[-1].top <= number:
            area = self.below.pop()
            if area.top == number and area.left <= len(cells):
                self.here.append((area, cells[area.left - 1]))
        if not self.here:
            return cells
        self.here = [(area, cell) for area, cell in self.here if area.bottom >= number]
        filled = list(cells)
        for area, cell in self.here:
            filled.extend([EMPTY] * (area.right - len(filled)))
            filled[area.left - 1 : area.right] = [cell] * (area.right - area.left + 1)
        return filled
