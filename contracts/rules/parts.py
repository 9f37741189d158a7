"""A published version with its parts: what a check, a guide and a clock look at."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.catalogue import ChecklistPart, FormPart, ItemVersion, SituationsPart, TextsPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All that one version says, together."""

    version: ItemVersion
    form: FormPart
    situations: SituationsPart
    checklist: ChecklistPart
    """What is asked for today: without the materials whose certificate was cancelled since."""
    texts: TextsPart
    dropped: frozenset[str] = frozenset()
    """Codes of the materials that left the checklist; handed in, they are no defect."""
