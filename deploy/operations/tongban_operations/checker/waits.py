"""What a case waits for: whoever must act has a clock, and the clock a timer; what has ended has none."""

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tongban_operations.checker.report import Findings
from tongban_operations.checker.rows import CaseRows

WAITS: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        ("transfer", "waiting"): frozenset({"transfer_waiting", "transfer_delivered", "transfer_validated"}),
        ("transfer", "validated"): frozenset({"transfer_sign", "transfer_lapse"}),
        ("handling", "opened"): frozenset({"acceptance"}),
        ("handling", "correcting"): frozenset({"supplement"}),
        ("handling", "accepted"): frozenset({"decision_promised", "decision_statutory"}),
        ("handling", "suspended"): frozenset({"suspension"}),
    }
)
"""Kinds of clocks of which one runs at least while a handling, or the last transfer before there is one, is in a state."""

_ENDED_BY_TRANSFER: Mapping[str, str] = {"returned": "returned", "recalled": "withdrawn"}


def find_ending(rows: CaseRows) -> str | None:
    """How routing says that a case ended; None while it has not."""
    handling = rows.only("handlings")
    if handling is not None:
        ending: str | None = handling["ending"]
        return ending
    last = rows.last_hop()
    return _ENDED_BY_TRANSFER.get(last["state"])


def prove_waits(findings: Findings, rows: CaseRows) -> None:
    """Find waits without a clock, clocks without a timer, and clocks that outlived their case."""
    for clock in rows.of["clocks"]:
        findings.counts["clocks"] += 1
        if clock["state"] == "running" and clock["timer"] != clock["due"]:
            findings.differ("clock.timer", rows.case_id, expected=f"{clock['clock_id']}: a timer at {clock['due']}", found=clock["timer"])
    running = Counter(clock["kind"] for clock in rows.of["clocks"])
    if find_ending(rows) is not None:
        if running:
            findings.differ("clock.left", rows.case_id, expected="no clock", found=", ".join(sorted(running)))
        return
    awaited = rows.number("notices", state="awaiting_seal")
    most = {"seal": awaited, "delivery": rows.number("deliveries", state="open")}
    for kind, number in sorted(running.items()):
        if number > most.get(kind, 1):
            findings.differ("doubled.clock", rows.case_id, expected=f"{kind}: {most.get(kind, 1)} at most", found=number)
    if running["seal"] < awaited:
        findings.differ("clock.missing", rows.case_id, expected=f"{awaited} notices awaiting their seal: seal", found=running["seal"])
    waits = dict(_waits(rows))
    if not waits:
        findings.differ("stuck.case", rows.case_id, expected="somebody who must act", found=_state(rows))
    for what, kinds in waits.items():
        if not kinds & running.keys():
            findings.differ("clock.missing", rows.case_id, expected=f"{what}: {' or '.join(sorted(kinds))}", found=sorted(running))


def _waits(rows: CaseRows) -> Iterator[tuple[str, frozenset[str]]]:
    handling = rows.only("handlings")
    if handling is None:
        last = rows.last_hop()
        if kinds := WAITS.get(("transfer", last["state"])):
            yield f"transfer {last['state']}", kinds
        return
    if kinds := WAITS.get(("handling", handling["state"])):
        yield f"handling {handling['state']}", kinds
    if handling["awaiting_seal"] is not None:
        yield f"{handling['awaiting_seal']} awaiting its seal", frozenset({"seal"})
    if any(delivery["state"] == "open" for delivery in rows.of["deliveries"]):
        yield "delivery open", frozenset({"delivery"})


def _state(rows: CaseRows) -> str:
    handling = rows.only("handlings")
    transfers = ", ".join(f"hop {row['hop']} {row['state']}" for row in rows.of["transfers"])
    return transfers if handling is None else f"handling {handling['state']}"
