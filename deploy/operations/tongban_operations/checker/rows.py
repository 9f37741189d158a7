"""The rows of every case, from all three databases, case by case: each statement is one stream sorted by case, and they are read in step."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tongban_operations.checker.database import Row, Snapshot

STATEMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "case": (
            "intake",
            """select case_id, case_no, state, stage, receiving_organ, handling_organ, version_id, sequence,
                body -> 'progress' ->> 'ending' as ending, body -> 'progress' ->> 'notice_id' as notice_id,
                coalesce(body -> 'progress' -> 'sealed' ? (body -> 'progress' ->> 'notice_id'), false) as notice_sealed,
                jsonb_array_length(body -> 'supplements') as supplements
            from cases""",
        ),
        "known": ("routing", "select case_id, case_no, receiving_organ, handling_organ, body ->> 'version_id' as version_id from cases"),
        "transfers": ("routing", "select case_id, transfer_id, hop, state, (body ->> 'sequence')::bigint as sequence from transfers"),
        "handlings": (
            "routing",
            """select case_id, state, (body ->> 'sequence')::bigint as sequence, (body ->> 'decision')::int as decision,
                jsonb_array_length(body -> 'rounds') as rounds, body ->> 'accepted_on' is not null as accepted,
                body ->> 'awaiting_seal' as awaiting_seal, body ->> 'ending' as ending, body ->> 'credential_id' as credential_id
            from handlings""",
        ),
        "clocks": (
            "routing",
            """select c.case_id, c.clock_id, c.kind, c.state, c.due, t.due as timer
            from clocks c left join timers t on t.timer_id = c.clock_id || '/due' where c.state in ('running', 'stopped', 'overrun')""",
        ),
        "notices": ("routing", "select case_id, notice_id, kind, state, body -> 'seal' ->> 'signature' as signature from notices"),
        "deliveries": (
            "routing",
            """select case_id, delivery_id, state, (body ->> 'decision')::int as decision, body ->> 'credential_id' as credential_id
            from deliveries""",
        ),
        "receipts": (
            "routing",
            """select case_id, count(*) as number, max(number) as last, count(distinct transfer_id || ' ' || step) as steps
            from receipts group by case_id""",
        ),
        "entries": (
            "routing",
            """select case_id, jsonb_object_agg(kind, number)::text as kinds
            from (select case_id, kind, count(*) as number from timeline_entries group by case_id, kind) as counted group by case_id""",
        ),
        "received": ("credential", "select case_id, case_no, organ as receiving_organ, handling_organ from receipts"),
        "sealings": (
            "credential",
            """select case_id, notice_id, state, decision, body -> 'seal' ->> 'signature' as signature,
                body -> 'decided' ->> 'credential_type' is not null as issues
            from sealings""",
        ),
        "credentials": (
            "credential",
            "select case_id, credential_id, decision, state, (body ->> 'sequence')::bigint as sequence from credentials",
        ),
    }
)
"""Name, whose database, and the statement that gives the rows of every case, in no order."""


@dataclass(frozen=True, slots=True)
class CaseRows:
    """Everything that stands of one case."""

    case_id: str
    of: Mapping[str, Sequence[Row]]
    """By the names of `STATEMENTS`; a name without a row gives none."""

    def only(self, name: str) -> Row | None:
        """The one row of a name."""
        rows = self.of[name]
        return rows[0] if rows else None


async def read_cases(snapshots: Mapping[str, Snapshot]) -> AsyncIterator[CaseRows]:
    """Every case that any service has a row of, in the order of their ids."""
    streams = {name: snapshots[service].stream(_sorted(statement)) for name, (service, statement) in STATEMENTS.items()}
    heads = {name: await anext(stream, None) for name, stream in streams.items()}
    while waiting := [head["case_id"] for head in heads.values() if head is not None]:
        case_id = min(waiting)
        of: dict[str, list[Row]] = {}
        for name, stream in streams.items():
            rows = of[name] = []
            head = heads[name]
            while head is not None and head["case_id"] == case_id:
                rows.append(head)
                head = await anext(stream, None)
            heads[name] = head
        yield CaseRows(case_id, of)


def _sorted(statement: str) -> str:
    # By code point, as Python compares: a database may sort otherwise.
    return f'select * from ({statement}) as rows order by case_id collate "C"'  # noqa: S608 - our own statements
