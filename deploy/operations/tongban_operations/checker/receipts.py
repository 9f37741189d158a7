"""The signed receipts of a case: one of each step that was made, numbered without a gap, each naming the one before by its digest."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from tongban_operations.checker.database import Row
from tongban_operations.checker.report import Findings
from tongban_operations.checker.rows import CaseRows

_BROUGHT: Mapping[str, tuple[str, ...]] = {
    "offered": ("offered",),
    "delivered": ("offered", "delivered"),
}
"""Steps of a hop that is on its way, by its state; where it was validated all three were made."""

_VALIDATED = ("offered", "delivered", "validated")
_ENDS = frozenset({"returned", "expired"})
"""Ends that somebody signs a receipt of; an applicant who takes the case back signs none."""


def prove_receipts(findings: Findings, rows: CaseRows) -> None:
    """Find steps without their receipt, receipts without their step, and a chain that is broken."""
    kept = sorted(rows.of["receipts"], key=lambda row: int(row["number"]))
    findings.counts["receipts"] += len(kept)
    given = Counter((row["transfer_id"], row["step"]) for row in kept)
    made = Counter((hop["transfer_id"], step) for hop in rows.of["transfers"] for step in _steps(hop))
    for transfer_id, step in made - given:
        findings.differ("lost.receipt", rows.case_id, expected=f"a receipt of {transfer_id} {step}", found="none")
    for transfer_id, step in given - made:
        findings.differ("doubled.receipt", rows.case_id, expected=f"{made[transfer_id, step]} of {transfer_id} {step}", found="one more")
    numbers = [row["number"] for row in kept]
    if numbers != list(range(1, len(numbers) + 1)):
        findings.differ("lost.receipt", rows.case_id, expected="numbers 1, 2, … each once", found=numbers)
    _prove_chain(findings, rows, kept)


def _steps(hop: Row) -> tuple[str, ...]:
    made = _VALIDATED if hop["sign_by"] is not None else _BROUGHT.get(hop["state"], ())
    if hop["signed"]:
        made = (*made, "signed_for")
    return (*made, hop["state"]) if hop["state"] in _ENDS else made


def _prove_chain(findings: Findings, rows: CaseRows, kept: Sequence[Row]) -> None:
    before: str | None = None
    for row in kept:
        receipt = json.loads(row["body"])
        told = (receipt["case_id"], receipt["transfer_id"], receipt["step"], receipt["number"])
        if told != (rows.case_id, row["transfer_id"], row["step"], row["number"]):
            findings.differ("shown.receipt", rows.case_id, expected=f"receipt {row['number']} of {row['step']}", found=told)
        if receipt["previous"] != before:
            findings.differ("shown.receipt", rows.case_id, expected=f"receipt {row['number']} after {before}", found=receipt["previous"])
        whole = json.dumps(receipt, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        before = "sha256:" + hashlib.sha256(whole.encode()).hexdigest()
