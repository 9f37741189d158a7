"""The proof on one case: its rows in three databases, held against each other and against what the log tells."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from tongban_operations.checker.database import Row
from tongban_operations.checker.report import Findings
from tongban_operations.checker.rows import CaseRows
from tongban_operations.checker.told import Telling
from tongban_operations.checker.waits import find_ending, prove_waits

_OPEN_HOPS = frozenset({"waiting", "offered", "delivered", "validated", "signed_for"})
_LIVE_CREDENTIALS = frozenset({"issued", "suspended"})
_UNSEALED_KINDS = frozenset({"return"})
"""Notices in force without a seal."""

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


def prove_case(findings: Findings, rows: CaseRows, telling: Telling) -> None:
    """Find everything that does not hold of a case; what the log tells of it is taken out of ``telling``."""
    told = telling.cases.pop(rows.case_id, {})
    for row in rows.of["credentials"]:
        _, told[row["credential_id"]] = telling.credentials.pop(row["credential_id"], ("", 0))
    case = rows.only("case")
    if case is None:
        found = ", ".join(name for name, kept in rows.of.items() if kept)
        findings.differ("lost.case", rows.case_id, expected="a case at intake", found=f"rows elsewhere only: {found}")
        return
    findings.counts["cases"] += 1
    findings.counts["closed"] += case["state"] == "closed"
    _prove_told(findings, rows, told, intake=case["sequence"], whole=telling.whole)
    _prove_known(findings, rows, case)
    if not rows.of["transfers"]:
        findings.differ("lost.transfer", rows.case_id, expected="a transfer", found="none")
        return
    _prove_once(findings, rows)
    _prove_notices(findings, rows, case)
    _prove_decisions(findings, rows)
    _prove_entries(findings, rows, case)
    _prove_shown(findings, rows, case)
    prove_waits(findings, rows)


def _prove_told(findings: Findings, rows: CaseRows, told: Mapping[str, int], *, intake: int, whole: bool) -> None:
    """Every event that a row counts is told, and no other."""
    counted: dict[str, int] = {"intake": intake, "credential": sum(row["state"] == "sealed" for row in rows.of["sealings"])}
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
    for name, service in (("known", "routing"), ("received", "credential")):
        kept = rows.only(name)
        names = ("case_no", "receiving_organ", "handling_organ")
        expected = " ".join(case[each] for each in names)
        found = "nothing" if kept is None else " ".join(kept[each] for each in names)
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
    receipts = rows.only("receipts")
    if receipts is not None and not receipts["number"] == receipts["last"] == receipts["steps"]:
        found = f"{receipts['number']} receipts of {receipts['steps']} steps, the last of number {receipts['last']}"
        findings.differ("doubled.receipt", rows.case_id, expected="one of each step, numbered 1, 2, …", found=found)


def _prove_notices(findings: Findings, rows: CaseRows, case: Row) -> None:
    handling = rows.only("handlings")
    written = Counter(row["kind"] for row in rows.of["notices"])
    acts = {
        "correction": 0 if handling is None else handling["rounds"],
        "acceptance": 0 if handling is None else int(handling["accepted"]),
        "non_acceptance": 0 if handling is None else int(handling["state"] == "not_accepted"),
        "decision": 0 if handling is None else handling["decision"],
    }
    for kind, number in acts.items():
        if written[kind] != number:
            rule = "doubled.notice" if written[kind] > number else "lost.notice"
            findings.differ(rule, rows.case_id, expected=f"{kind}: {number}", found=written[kind])
    seals = {row["notice_id"]: row for row in rows.of["sealings"]}
    for notice in rows.of["notices"]:
        seal = seals.pop(notice["notice_id"], None)
        if notice["kind"] in _UNSEALED_KINDS:
            continue
        if seal is None:
            findings.differ("lost.sealing", rows.case_id, expected=f"{notice['notice_id']} to be sealed", found="unknown at credential")
        elif seal["signature"] != notice["signature"]:
            found = f"{notice['state']} at routing, {seal['state']} at credential"
            findings.differ("shown.seal", rows.case_id, expected=f"{notice['notice_id']}: one seal", found=found)
        if notice["notice_id"] == case["notice_id"] and case["notice_sealed"] != (notice["state"] == "sealed"):
            found = "sealed" if case["notice_sealed"] else "awaiting its seal"
            findings.differ("shown.seal", rows.case_id, expected=f"intake: {notice['notice_id']} {notice['state']}", found=found)
    for notice_id in sorted(seals):
        findings.differ("shown.seal", rows.case_id, expected=f"{notice_id} at routing", found="a sealing without its notice")


def _prove_decisions(findings: Findings, rows: CaseRows) -> None:
    handling = rows.only("handlings")
    made = 0 if handling is None else handling["decision"]
    for name, rule in (("sealings", "doubled.sealing"), ("credentials", "doubled.credential"), ("deliveries", "doubled.delivery")):
        of_decisions = Counter(row["decision"] for row in rows.of[name] if row["decision"] is not None)
        for decision, number in sorted(of_decisions.items()):
            if number > 1 or not 1 <= decision <= made:
                found = f"{number} of decision {decision}"
                findings.differ(rule, rows.case_id, expected=f"one of each of {made} decisions", found=found)
    live = [row["credential_id"] for row in rows.of["credentials"] if row["state"] in _LIVE_CREDENTIALS]
    if len(live) > 1:
        findings.differ("doubled.credential", rows.case_id, expected="one that holds", found=live)
    issued = {row["decision"]: row["credential_id"] for row in rows.of["credentials"]}
    for seal in rows.of["sealings"]:
        if seal["state"] == "sealed" and seal["issues"] and seal["decision"] not in issued:
            findings.differ("lost.credential", rows.case_id, expected=f"a credential of decision {seal['decision']}", found="none")
    for delivery in rows.of["deliveries"]:
        _prove_named(findings, rows, delivery, issued.get(delivery["decision"]), who="delivery")
    if handling is not None and handling["state"] == "decided" and handling["awaiting_seal"] is None:
        _prove_named(findings, rows, handling, issued.get(made), who="handling")
        if made not in {row["decision"] for row in rows.of["deliveries"]}:
            findings.differ("lost.delivery", rows.case_id, expected=f"a delivery of decision {made}", found="none")


def _prove_named(findings: Findings, rows: CaseRows, row: Row, issued: str | None, *, who: str) -> None:
    if row["credential_id"] != issued:
        findings.differ("shown.credential", rows.case_id, expected=f"{who}: {issued}", found=row["credential_id"])


def _prove_entries(findings: Findings, rows: CaseRows, case: Row) -> None:
    """The timeline names each thing as often as it happened."""
    handling = rows.only("handlings")
    counted = rows.only("entries")
    entries: dict[str, int] = {} if counted is None else json.loads(counted["kinds"])
    entries["accepted"] = entries.get("accepted", 0) + entries.pop("deemed_accepted", 0)
    happened = {
        "received": 1,
        "signed_for": len(rows.of["handlings"]),
        "accepted": 0 if handling is None else int(handling["accepted"]),
        "not_accepted": _number(rows.of["notices"], kind="non_acceptance"),
        "correction": 0 if handling is None else handling["rounds"],
        "decided": 0 if handling is None else handling["decision"],
        "sealed": _number(rows.of["notices"], state="sealed"),
        "in_force": len(rows.of["deliveries"]),
        "delivered": _number(rows.of["deliveries"], state="done"),
        "closed": int(case["state"] == "closed"),
    }
    for kind, number in happened.items():
        found = entries.get(kind, 0)
        if found != number:
            rule = "doubled.entry" if found > number else "lost.entry"
            findings.differ(rule, rows.case_id, expected=f"{kind}: {number}", found=found)


def _prove_shown(findings: Findings, rows: CaseRows, case: Row) -> None:
    ending = find_ending(rows)
    if ending is not None and case["state"] != "closed":
        findings.differ("lost.end", rows.case_id, expected=f"closed, {ending}", found=case["state"])
    elif (case["state"] == "closed", case["ending"]) != (ending is not None, ending):
        findings.differ("shown.state", rows.case_id, expected=f"ended: {ending}", found=f"{case['state']}, {case['ending']}")
    expected = _stage(rows)
    if case["stage"] != expected:
        findings.differ("shown.stage", rows.case_id, expected=expected, found=case["stage"])


def _stage(rows: CaseRows) -> str:
    handling = rows.only("handlings")
    if handling is None:
        last = max(rows.of["transfers"], key=lambda row: int(row["hop"]))
        return _HOP_STAGES.get(last["state"], str(last["state"]))
    if handling["state"] == "opened":
        return "supplemented" if handling["rounds"] else "signed_for"
    if handling["state"] == "decided":
        return "delivered" if handling["ending"] else "decided"
    return _STAGES[handling["state"]]


def _number(rows: Sequence[Row], **wanted: str) -> int:
    return sum(all(row[name] == value for name, value in wanted.items()) for row in rows)
