"""The timeline and the supplements of a case: each thing stands there as often as it happened."""

import json
from collections.abc import Mapping

from tongban_operations.checker.database import Row
from tongban_operations.checker.report import Findings
from tongban_operations.checker.rows import CaseRows


def prove_entries(findings: Findings, rows: CaseRows, case: Row) -> None:
    """The timeline names each thing as often as it happened, and nothing else."""
    counted = rows.only("entries")
    entries: dict[str, int] = {} if counted is None else json.loads(counted["kinds"])
    happened = {**_on_the_way(rows), **_in_the_handling(rows), "closed": int(case["state"] == "closed")}
    given, taken = len(json.loads(case["supplements"])), happened["supplemented"]
    happened["supplement_late"] = max(given - taken, 0)
    for kind in sorted(happened.keys() | entries.keys()):
        number, found = happened.get(kind, 0), entries.get(kind, 0)
        if found != number:
            rule = "doubled.entry" if found > number else "lost.entry"
            findings.differ(rule, rows.case_id, expected=f"{kind}: {number}", found=found)


def prove_supplements(findings: Findings, rows: CaseRows, case: Row) -> None:
    """One correction notice is answered once; none is waited for that was given, and none is taken that was not asked for."""
    handling = rows.only("handlings")
    asked = [] if handling is None else json.loads(handling["asked"])
    given = json.loads(case["supplements"])
    answered = [each["notice_id"] for each in given]
    if [each["number"] for each in given] != list(range(1, len(given) + 1)):
        findings.differ("lost.supplement", rows.case_id, expected="supplements 1, 2, …", found=[each["number"] for each in given])
    for notice_id in sorted({each for each in answered if answered.count(each) > 1}):
        findings.differ("doubled.supplement", rows.case_id, expected=f"one answer to {notice_id}", found=answered.count(notice_id))
    for notice_id in sorted(set(answered) - set(asked)):
        findings.differ("doubled.supplement", rows.case_id, expected=f"{notice_id} at routing", found="an answer to no notice")
    # The last notice may wait, or be waited for in vain: the applicant took the case back.
    waits = handling is not None and handling["state"] in {"correcting", "withdrawn"}
    for notice_id in asked[:-1] if waits else asked:
        if notice_id not in answered:
            findings.differ("lost.supplement", rows.case_id, expected=f"an answer to {notice_id}", found="none at intake")
    if handling is not None and handling["supplements"] > len(given):
        findings.differ("lost.supplement", rows.case_id, expected=f"{handling['supplements']} as routing took", found=len(given))


def _on_the_way(rows: CaseRows) -> Mapping[str, int]:
    clocked, cards = rows.only("clocked"), rows.only("cards")
    return {
        "received": 1,
        "waiting": 0 if clocked is None else clocked["waits"],
        "validated": sum(row["sign_by"] is not None for row in rows.of["transfers"]),
        "signed_for": rows.number("transfers", signed=True),
        "returned": rows.number("transfers", state="returned"),
        "not_signed": rows.number("transfers", state="expired"),
        "offered_again": sum(row["hop"] > 1 for row in rows.of["transfers"]),
        "card": 0 if cards is None else cards["number"],
    }


def _in_the_handling(rows: CaseRows) -> Mapping[str, int]:
    handling = rows.only("handlings")
    stops = rows.number("notices", kind="suspension")
    taken_back = rows.number("transfers", state="recalled") + rows.number("handlings", state="withdrawn")
    accepted = 0 if handling is None else int(handling["accepted"])
    deemed = 0 if handling is None else int(handling["deemed"])
    return {
        "correction": 0 if handling is None else handling["rounds"],
        "supplemented": 0 if handling is None else handling["supplements"],
        "accepted": accepted - deemed,
        "deemed_accepted": deemed,
        "not_accepted": rows.number("notices", kind="non_acceptance"),
        "suspended": stops,
        "resumed": stops if handling is None else stops - int(handling["stands_still"]),
        "extended": 0 if handling is None else int(handling["extended"]),
        "decided": 0 if handling is None else handling["decision"],
        "sealed": rows.number("notices", state="sealed"),
        "in_force": len(rows.of["deliveries"]),
        "withdrawn": taken_back,
        "delivered": rows.number("deliveries", state="done"),
    }
