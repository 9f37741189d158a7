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
                (body -> 'progress' ->> 'answer_by')::timestamptz as answer_by,
                (body -> 'supplements')::text as supplements, (body -> 'materials')::text as materials
            from cases""",
        ),
        "materials": (
            "intake",
            """select c.case_id, c.material_id, m.digest, m.size, k.number as pieces, k.last,
                exists (select from secret_keys where owner = 'material:' || c.material_id) as has_key
            from material_claims c left join materials m using (material_id)
            left join lateral (select count(*) as number, max(number) as last from material_chunks where material_id = c.material_id) k on true""",
        ),
        "known": ("routing", "select case_id, case_no, receiving_organ, handling_organ, body ->> 'version_id' as version_id from cases"),
        "transfers": (
            "routing",
            """select case_id, transfer_id, hop, state, (body ->> 'sequence')::bigint as sequence, body ->> 'ended_rule' as ended_rule,
                (body ->> 'sign_by')::timestamptz as sign_by, body ->> 'signed_at' is not null as signed
            from transfers""",
        ),
        "handlings": (
            "routing",
            """select case_id, state, (body ->> 'sequence')::bigint as sequence, (body ->> 'decision')::int as decision,
                jsonb_path_query_array(body, '$.rounds[*].notice_id')::text as asked, jsonb_array_length(body -> 'rounds') as rounds,
                (body ->> 'supplements')::int as supplements, body ->> 'accepted_on' is not null as accepted,
                (body ->> 'deemed')::boolean as deemed, (body ->> 'extended')::boolean as extended,
                body ->> 'suspended_for' is not null as stands_still,
                body ->> 'awaiting_seal' as awaiting_seal, body ->> 'ending' as ending, body ->> 'credential_id' as credential_id
            from handlings""",
        ),
        "clocks": (
            "routing",
            """select c.case_id, c.clock_id, c.kind, c.state, c.due, t.due as timer
            from clocks c left join timers t on t.timer_id = c.clock_id || '/due' where c.state in ('running', 'stopped', 'overrun')""",
        ),
        "clocked": (
            "routing",
            """select case_id, count(*) filter (where kind = 'transfer_waiting') as waits, count(*) filter (where kind = 'suspension') as stops
            from clocks where kind in ('transfer_waiting', 'suspension') group by case_id""",
        ),
        "notices": ("routing", "select case_id, notice_id, kind, state, body -> 'seal' ->> 'signature' as signature from notices"),
        "deliveries": (
            "routing",
            """select case_id, delivery_id, state, (body ->> 'decision')::int as decision, body ->> 'credential_id' as credential_id
            from deliveries""",
        ),
        "receipts": ("routing", "select case_id, number, transfer_id, step, body::text as body from receipts"),
        "entries": (
            "routing",
            """select case_id, jsonb_object_agg(kind, number)::text as kinds
            from (select case_id, kind, count(*) as number from timeline_entries group by case_id, kind) as counted group by case_id""",
        ),
        "cards": ("routing", "select case_id, count(*) as number from cards group by case_id"),
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

    def last_hop(self) -> Row:
        """The last transfer; there is one."""
        return max(self.of["transfers"], key=lambda row: int(row["hop"]))

    def number(self, name: str, **wanted: object) -> int:
        """How many rows of a name have these values."""
        return sum(all(row[column] == value for column, value in wanted.items()) for row in self.of[name])


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
