"""Asks the services, many events at a time, whether what the log tells took effect."""

from collections import defaultdict
from collections.abc import Mapping

from tongban_operations.checker.database import AT_ONCE, Snapshot
from tongban_operations.checker.report import Findings

_NOT_IN_INBOX = """select id, about from unnest($1::text[], $2::text[]) as told (id, about)
    where not exists (select from inbox where consumer = $3 and event_id = id)"""
_NOT_TRACED = """select n, w, action, about
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as told (n, w, action, about, caller, at)
    where not exists (select from traces t
        where t.trace_id = n and t.aggregate = w and t.action = told.action and t.about = told.about
          and t.caller = told.caller and t.at = told.at::timestamptz)"""
_TRACES = "select count(*) from traces"

Trace = tuple[str, str, str, str, str, str]
"""Id, kind of what was opened, what was done, about what, by whom and when."""


class Unheard:
    """Events that must have taken effect."""

    def __init__(self, findings: Findings, snapshots: Mapping[str, Snapshot]) -> None:
        """Begin with none."""
        self._findings = findings
        self._snapshots = snapshots
        self._waiting: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._traces: list[Trace] = []
        self.full = False
        """True once it is time to `ask`."""

    def expect(self, service: str, event_id: str, about: str) -> None:
        """An event that must have taken effect at a service; ``about`` is its key and its type."""
        waiting = self._waiting[service]
        waiting.append((event_id, about))
        self.full = self.full or len(waiting) >= AT_ONCE

    def expect_trace(self, trace: Trace) -> None:
        """A trace that routing must have kept."""
        self._traces.append(trace)
        self.full = self.full or len(self._traces) >= AT_ONCE

    async def ask(self) -> None:
        """Note those that did not."""
        for service, waiting in self._waiting.items():
            ids, about = [each[0] for each in waiting], [each[1] for each in waiting]
            for row in await self._snapshots[service].rows(_NOT_IN_INBOX, ids, about, service):
                key, _, type_ = row["about"].partition(" ")
                self._findings.differ(
                    "lost.effect", key, expected=f"{type_} took effect at {service}", found=f"{row['id']} not in its inbox"
                )
            self._findings.counts["effects"] += len(waiting)
            waiting.clear()
        if self._traces:
            for row in await self._snapshots["routing"].rows(_NOT_TRACED, *(list(column) for column in zip(*self._traces, strict=True))):
                self._findings.differ("lost.trace", row["about"], expected=f"trace {row['n']} of {row['action']}", found="none at routing")
            self._findings.counts["traces"] += len(self._traces)
            self._traces.clear()
        self.full = False


async def prove_traces(findings: Findings, snapshots: Mapping[str, Snapshot], *, told: int, whole: bool) -> None:
    """No trace stands at routing that nobody told; ``told`` counts different ones on the log."""
    kept = await snapshots["routing"].value(_TRACES)
    if whole and kept > told:
        findings.differ("ahead.trace", "traces", expected=f"{told}, as told on the log", found=kept)
