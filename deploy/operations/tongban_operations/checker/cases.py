"""The proof on one case: its rows in three databases, held against each other and against what the log tells."""

from collections.abc import Mapping

from tongban_operations.checker.database import Row
from tongban_operations.checker.materials import prove_materials
from tongban_operations.checker.notices import prove_decisions, prove_notices
from tongban_operations.checker.receipts import prove_receipts
from tongban_operations.checker.report import Findings
from tongban_operations.checker.rows import CaseRows
from tongban_operations.checker.timeline import prove_entries, prove_supplements
from tongban_operations.checker.told import Telling
from tongban_operations.checker.waits import find_ending, prove_waits

_OPEN_HOPS = frozenset({"waiting", "offered", "delivered", "validated", "signed_for"})

_STAGES: Mapping[str, str] = {
    "correcting": "correcting",
    "accepted": "accepted",
    "suspended": "suspended",
    "not_accepted": "not_accepted",
    "withdrawn": "withdrawn",
    "terminated": "returned",
}
"""State of the handling, and the stage that intake shows of it."""

_HOP_STAGES: Mapping[str, str] = {
    "waiting": "received",
    "validated": "validated",
    "returned": "returned",
    "recalled": "withdrawn",
    "expired": "offered_again",
}
"""The same of the last transfer while there is no handling."""

_DATED: Mapping[str, str] = {"signed_for": "acceptance", "accepted": "decision_promised"}
"""Stage, and the kind of the clock whose end is the date that intake shows with it."""


def prove_case(findings: Findings, rows: CaseRows, telling: Telling) -> None:
    """Find everything that does not hold of a case; what the log tells of it is taken out of ``telling``."""
    told = telling.tell_of(rows.case_id)
    for row in rows.of["credentials"]:
        _, told[row["credential_id"]] = telling.credentials.pop(row["credential_id"], ("", 0))
    case = rows.only("case")
    if case is None:
        found = ", ".join(name for name, kept in rows.of.items() if kept)
        findings.differ("lost.case", rows.case_id, expected="a case at intake", found=f"rows elsewhere only: {found}")
        return
    findings.counts["cases"] += 1
    findings.counts["closed"] += case["state"] == "closed"
    _prove_told(findings, rows, told, intake=case["sequence"], whole=telling.knows_whole(rows.case_id))
    _prove_known(findings, rows, case)
    prove_materials(findings, rows, case)
    if not rows.of["transfers"]:
        findings.differ("lost.transfer", rows.case_id, expected="a transfer", found="none")
        return
    _prove_once(findings, rows)
    prove_receipts(findings, rows)
    prove_supplements(findings, rows, case)
    prove_notices(findings, rows, case)
    prove_decisions(findings, rows)
    prove_entries(findings, rows, case)
    _prove_shown(findings, rows, case)
    prove_waits(findings, rows)


def _prove_told(findings: Findings, rows: CaseRows, told: Mapping[str, int], *, intake: int, whole: bool) -> None:
    """Every event that a row counts is told, and no other."""
    counted: dict[str, int] = {"intake": intake, "credential": rows.number("sealings", state="sealed")}
    counted["handling"] = sum(row["sequence"] for row in rows.of["handlings"])
    counted |= {row["transfer_id"]: row["sequence"] for row in rows.of["transfers"]}
    counted |= {row["credential_id"]: row["sequence"] for row in rows.of["credentials"]}
    for aggregate in sorted(counted.keys() | told.keys()):
        in_rows, on_log = counted.get(aggregate, 0), told.get(aggregate, 0)
        if in_rows > on_log and (whole or told.get(aggregate)):
            findings.differ("lost.event", rows.case_id, expected=f"{aggregate}: {in_rows} events on the log", found=on_log)
        if in_rows < on_log:
            findings.differ(
                "ahead.log", rows.case_id, expected=f"{aggregate}: {in_rows} events as its row counts", found=f"{on_log} on the log"
            )


def _prove_known(findings: Findings, rows: CaseRows, case: Row) -> None:
    """What others keep of the receipt is what intake has."""
    parties = ("case_no", "receiving_organ", "handling_organ")
    for name, service, names in (("known", "routing", (*parties, "version_id")), ("received", "credential", parties)):
        kept = rows.only(name)
        expected = " ".join(case[each] for each in names)
        found = "nothing" if kept is None else " ".join(str(kept[each]) for each in names)
        if found != expected:
            findings.differ("shown.case", rows.case_id, expected=f"{service}: {expected}", found=found)


def _prove_once(findings: Findings, rows: CaseRows) -> None:
    transfers = sorted(rows.of["transfers"], key=lambda row: row["hop"])
    hops = [row["hop"] for row in transfers]
    still_open = [row["transfer_id"] for row in transfers if row["state"] in _OPEN_HOPS]
    if hops != list(range(1, len(hops) + 1)):
        findings.differ("doubled.transfer", rows.case_id, expected="hops 1, 2, … each once", found=hops)
    if len(still_open) > 1:
        findings.differ("doubled.transfer", rows.case_id, expected="one that is open", found=still_open)
    if any(row["state"] == "signed_for" for row in transfers) and not rows.of["handlings"]:
        findings.differ("lost.handling", rows.case_id, expected="a handling", found="none")


def _prove_shown(findings: Findings, rows: CaseRows, case: Row) -> None:
    ending = find_ending(rows)
    if ending is not None and case["state"] != "closed":
        findings.differ("lost.end", rows.case_id, expected=f"closed, {ending}", found=case["state"])
    elif (case["state"] == "closed", case["ending"]) != (ending is not None, ending):
        findings.differ("shown.state", rows.case_id, expected=f"ended: {ending}", found=f"{case['state']}, {case['ending']}")
    expected = _stage(rows)
    if case["stage"] != expected:
        findings.differ("shown.stage", rows.case_id, expected=expected, found=case["stage"])
    else:
        _prove_date(findings, rows, case)


def _prove_date(findings: Findings, rows: CaseRows, case: Row) -> None:
    """The date that intake shows is the one by which the organ must act, where a date is shown with the stage."""
    stage = case["stage"]
    if stage == "validated":
        due = rows.last_hop()["sign_by"]
    elif kind := _DATED.get(stage):
        due = max((clock["due"] for clock in rows.of["clocks"] if clock["kind"] == kind), default=None)
    else:
        return
    # Without its clock there is nothing to hold it against; that is said of the clock.
    if due is not None and case["answer_by"] != due:
        findings.differ("shown.date", rows.case_id, expected=f"{stage}: {due}", found=case["answer_by"])


def _stage(rows: CaseRows) -> str:
    handling = rows.only("handlings")
    if handling is None:
        last = rows.last_hop()
        return _HOP_STAGES.get(last["state"], str(last["state"]))
    if handling["state"] == "opened":
        return "supplemented" if handling["rounds"] else "signed_for"
    if handling["state"] == "decided":
        return "delivered" if handling["ending"] else "decided"
    return _STAGES[handling["state"]]
