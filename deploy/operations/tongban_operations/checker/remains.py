"""What a system at rest has no more of: unsent rows, parked events, timers without a clock."""

from collections.abc import Collection, Mapping

from tongban_operations.checker.database import Snapshot
from tongban_operations.checker.report import Findings

_UNSENT = "select key, type, position from outbox order by position limit 1000"
_PARKED = "select consumer, key, type, event_id, reason from parked where state = 'parked' order by parked_id"
_SETTLED = "select state, count(*) as number from parked where state <> 'parked' group by state"
_TIMERS = """select timer_id, key from timers
    where kind like 'clock.%' and not exists (select from clocks where clock_id = regexp_replace(timer_id, '/[a-z]+$', ''))"""


async def prove_rest(findings: Findings, snapshots: Mapping[str, Snapshot], *, parked: Collection[str]) -> None:
    """Find what is left over; ``parked`` names the ids or keys of events that were put aside on purpose."""
    for service, snapshot in snapshots.items():
        for row in await snapshot.rows(_UNSENT):
            findings.differ("left.outbox", row["key"], expected="sent", found=f"{row['type']} at {service}, position {row['position']}")
        for row in await snapshot.rows(_PARKED):
            findings.counts["parked"] += 1
            if not {row["event_id"], row["key"]} & set(parked):
                found = f"{row['type'] or row['event_id']} at {row['consumer']}: {row['reason']}"
                findings.differ("left.parked", row["key"], expected="nothing parked", found=found)
        for row in await snapshot.rows(_SETTLED):
            findings.counts[row["state"]] += row["number"]
    for row in await snapshots["routing"].rows(_TIMERS):
        findings.differ("left.timer", row["key"], expected="a clock", found=row["timer_id"])
