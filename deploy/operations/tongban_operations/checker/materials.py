"""What was handed in with a case is there: every material that it names is its own, of the bytes named, with all pieces and its key."""

import json

from tongban_operations.checker.database import Row
from tongban_operations.checker.report import Findings
from tongban_operations.checker.rows import CaseRows

_PIECE = 256 * 1024
"""Plain bytes of a piece; the last one has the rest."""


def prove_materials(findings: Findings, rows: CaseRows, case: Row) -> None:
    """Find materials that are lost, in part or whole, and such as a case has and does not name."""
    kept = {row["material_id"]: row for row in rows.of["materials"]}
    findings.counts["materials"] += len(kept)
    # After a restore some are known by their digest alone: they went with the database.
    named = {each["material_id"]: each["digest"] for each in json.loads(case["materials"]) if each["material_id"]}
    for material_id, digest in named.items():
        row = kept.get(material_id)
        found = "no claim" if row is None else _flaw(row, digest)
        if found:
            findings.differ("lost.material", rows.case_id, expected=f"{material_id} as handed in", found=found)
    others = kept.keys() - named.keys()
    for material_id in sorted(others):
        if found := _flaw(kept[material_id], kept[material_id]["digest"]):
            findings.differ("lost.material", rows.case_id, expected=f"{material_id} as claimed", found=found)
    # A supplement puts others in their place; they stay the case's.
    if others and not json.loads(case["supplements"]):
        findings.differ("doubled.material", rows.case_id, expected="materials that the case names", found=sorted(others))


def _flaw(row: Row, digest: str | None) -> str:
    if row["digest"] is None or row["digest"] != digest:
        return f"bytes of {row['digest']}"
    pieces = -(-row["size"] // _PIECE)
    if (row["pieces"], row["last"]) != (pieces, pieces - 1):
        return f"{row['pieces']} pieces of {pieces}"
    return "" if row["has_key"] else "no key"
