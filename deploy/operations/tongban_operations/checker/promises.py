"""What callers were answered is there: by the journal of whoever fed the system, and by the answers that the services themselves kept."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tongban_operations.checker.database import Snapshot, in_batches
from tongban_operations.checker.instants import is_older
from tongban_operations.checker.journal import Ended, LetGo, Promise, read_journal
from tongban_operations.checker.report import Findings

_THERE: Mapping[str, tuple[str, str]] = {
    "case_no": (
        "intake",
        "select case_id || '/' || case_no from cases where case_id = any(select split_part(n, '/', 1) from unnest($1::text[]) n)",
    ),
    "material_id": ("intake", "select material_id from materials where material_id = any($1)"),
    "supplement": (
        "intake",
        """select n from unnest($1::text[]) n join cases on case_id = split_part(n, '/', 1)
           where jsonb_array_length(body -> 'supplements') >= split_part(n, '/', 2)::int""",
    ),
    "notice_id": ("routing", "select notice_id from notices where notice_id = any($1)"),
    "transfer_id": ("routing", "select transfer_id from transfers where transfer_id = any($1)"),
    "delivery_id": ("routing", "select delivery_id from deliveries where delivery_id = any($1)"),
    "receipt": (
        "routing",
        """select n from unnest($1::text[]) n
           join receipts on case_id = split_part(n, '/', 1) and number = split_part(n, '/', 2)::int""",
    ),
}
"""Kind of promise: whose database, and the statement that finds those of ``$1`` which are kept."""

_ENDED = """select case_no, state, body -> 'progress' ->> 'ending' as ending from cases where case_no = any($1)"""

_KEPT_ANSWERS = """select count(*) from idempotency where status = 201 and route like '%/v1/cases'"""
_BROKEN_ANSWERS = """select answer ->> 'case_id' as case_id, answer ->> 'case_no' as case_no
    from (select convert_from(body, 'UTF8')::jsonb as answer from idempotency where status = 201 and route like '%/v1/cases') as kept
    where not exists (select from cases where case_id = answer ->> 'case_id' and case_no = answer ->> 'case_no')"""
_CASES = "select case_id, case_no from cases"
_NOT_ANSWERED = """with answered as materialized (
        select convert_from(body, 'UTF8')::jsonb ->> 'case_id' as case_id from idempotency where status = 201 and route like '%/v1/cases')
    select case_id, case_no, number from cases
        left join (select case_id, count(*) as number from answered group by case_id) as promised using (case_id)
    where number is distinct from 1 and applicant_key <> ''"""
"""Of a case that was learned again from the log, after a restore, neither the applicant nor the answer is known."""
_ANSWERS_KEPT_FOR = timedelta(days=6)
"""Less than services keep them."""


async def prove_promises(findings: Findings, snapshots: Mapping[str, Snapshot], *, journal: Path | None) -> None:
    """Find every promise that is not kept."""
    intake = snapshots["intake"]
    findings.counts["answers"] += await intake.value(_KEPT_ANSWERS)
    for row in await intake.rows(_BROKEN_ANSWERS):
        findings.differ("lost.promise", row["case_id"], expected=f"case {row['case_no']} as answered", found="no such row")
    if journal is None:
        await _prove_answered(findings, intake)
        return
    promised, received, ended = _read(journal)
    for kind, names in sorted(promised.items()):
        service, statement = _THERE[kind]
        findings.counts["promises"] += len(names)
        for batch in in_batches(sorted(names)):
            for name in await snapshots[service].missing(statement, batch):
                findings.differ("lost.promise", name.split("/")[0], expected=f"{kind} {name} as answered", found=f"not in {service}")
    await _prove_wanted(findings, intake, promised["case_no"])
    for name, number in received.items():
        if number > 1:
            findings.differ("doubled.case", name.split("/")[0], expected="the answer to one call", found=f"to {number}")
    await _prove_ends(findings, intake, ended)


def _read(journal: Path) -> tuple[Mapping[str, Collection[str]], Counter[str], Mapping[str, str]]:
    """What is promised by its kind, how often each receipt was answered, and the ends that were told."""
    promised: dict[str, set[str]] = defaultdict(set)
    received: Counter[str] = Counter()
    ended: dict[str, str] = {}
    for entry in read_journal(journal):
        match entry:
            case Promise(kind="received"):
                received[entry.name] += 1
            case Promise():
                promised[entry.kind].add(entry.name)
            case LetGo():
                promised["material_id"].discard(entry.material_id)
            case Ended():
                ended[entry.case_no] = entry.ending
    return promised, received, ended


async def _prove_wanted(findings: Findings, intake: Snapshot, promised: Collection[str]) -> None:
    """Nobody was given a case that stands in no journal: it is a second one of somebody's, or nobody's at all."""
    async for row in intake.stream(_CASES):
        if f"{row['case_id']}/{row['case_no']}" not in promised:
            findings.differ("doubled.case", row["case_id"], expected="a case that somebody was promised", found=f"{row['case_no']}: nobody")


async def _prove_answered(findings: Findings, intake: Snapshot) -> None:
    horizon = datetime.now(UTC) - _ANSWERS_KEPT_FOR
    async for row in intake.stream(_NOT_ANSWERED):
        if not is_older(row["case_id"], horizon):
            found = f"{row['case_no']}: {row['number'] or 0} answers"
            findings.differ("doubled.case", row["case_id"], expected="one answer that tells of it", found=found)


async def _prove_ends(findings: Findings, intake: Snapshot, ended: Mapping[str, str]) -> None:
    findings.counts["lives"] += len(ended)
    for batch in in_batches(sorted(ended)):
        rows = {row["case_no"]: row for row in await intake.rows(_ENDED, batch)}
        for case_no in batch:
            row = rows.get(case_no)
            found = "no such case" if row is None else f"{row['state']}, {row['ending']}"
            if found != f"closed, {ended[case_no]}":
                findings.differ("lost.life", case_no, expected=f"closed, {ended[case_no]}", found=found)
