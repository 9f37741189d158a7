"""Notices, their seals, and what a sealed decision brings: each act has one, once, in every service."""

from collections import Counter

from tongban_operations.checker.database import Row
from tongban_operations.checker.report import Findings
from tongban_operations.checker.rows import CaseRows

_LIVE_CREDENTIALS = frozenset({"issued", "suspended"})
_UNSEALED_KINDS = frozenset({"return"})
"""Notices in force without a seal."""
_BY_ORGAN = "returned-by-organ"
"""Why a hop was given back where an officer did it, who writes a notice of it."""


def prove_notices(findings: Findings, rows: CaseRows, case: Row) -> None:
    """Find acts without their notice, or with two, and seals that are not where they belong."""
    _prove_acts(findings, rows)
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
        if notice["state"] != "sealed" and case["state"] == "closed":
            findings.differ("left.sealing", rows.case_id, expected=f"{notice['notice_id']} sealed", found=notice["state"])
        if notice["notice_id"] == case["notice_id"] and case["notice_sealed"] != (notice["state"] == "sealed"):
            found = "sealed" if case["notice_sealed"] else "awaiting its seal"
            findings.differ("shown.seal", rows.case_id, expected=f"intake: {notice['notice_id']} {notice['state']}", found=found)
    for notice_id in sorted(seals):
        findings.differ("shown.seal", rows.case_id, expected=f"{notice_id} at routing", found="a sealing without its notice")


def _prove_acts(findings: Findings, rows: CaseRows) -> None:
    handling, clocked = rows.only("handlings"), rows.only("clocked")
    written = Counter(row["kind"] for row in rows.of["notices"])
    acts = {
        "correction": 0 if handling is None else handling["rounds"],
        "acceptance": 0 if handling is None else int(handling["accepted"]),
        "non_acceptance": 0 if handling is None else int(handling["state"] == "not_accepted"),
        "decision": 0 if handling is None else handling["decision"],
        "extension": 0 if handling is None else int(handling["extended"]),
        "suspension": 0 if clocked is None else clocked["stops"],
        "return": rows.number("transfers", state="returned", ended_rule=_BY_ORGAN),
    }
    for kind in sorted(acts.keys() | written.keys()):
        number = acts.get(kind, 0)
        if written[kind] != number:
            rule = "doubled.notice" if written[kind] > number else "lost.notice"
            findings.differ(rule, rows.case_id, expected=f"{kind}: {number}", found=written[kind])


def prove_decisions(findings: Findings, rows: CaseRows) -> None:
    """Find decisions without what follows from their seal, or with it twice."""
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
        if delivery["state"] != "done" and handling is not None and handling["ending"] is not None:
            findings.differ("shown.delivery", rows.case_id, expected=f"{delivery['delivery_id']} done", found=delivery["state"])
    if handling is not None and handling["state"] == "decided" and handling["awaiting_seal"] is None:
        _prove_named(findings, rows, handling, issued.get(made), who="handling")
        if made not in {row["decision"] for row in rows.of["deliveries"]}:
            findings.differ("lost.delivery", rows.case_id, expected=f"a delivery of decision {made}", found="none")


def _prove_named(findings: Findings, rows: CaseRows, row: Row, issued: str | None, *, who: str) -> None:
    if row["credential_id"] != issued:
        findings.differ("shown.credential", rows.case_id, expected=f"{who}: {issued}", found=row["credential_id"])
