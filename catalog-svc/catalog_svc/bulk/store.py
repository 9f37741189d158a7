"""Runs, their rows and their files in the database."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from catalog_svc.bulk.domain.refusals import FileCut
from catalog_svc.bulk.domain.runs import READING, WORKING, FilePart, RowState, Run, RunRow, RunState
from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, write_rows
from chassis.database import Tx, where
from contracts.codec import decode, encode_object
from contracts.values import JsonObject, PersonRef
from rules.access import ALWAYS, Tree

_WORKING = [state.value for state in sorted(WORKING)]

RUNS = Table(
    "bulk_runs",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("touched", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_bulk_runs_region", "region", "run_id"),
    Index("ix_bulk_runs_touched", "state", "touched"),
)

ROWS = Table(
    "bulk_rows",
    METADATA,
    Column("run_id", Text, ForeignKey("bulk_runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("version_id", Text),
    Index("ix_bulk_rows_state", "run_id", "state", "number"),
    Index("ix_bulk_rows_version", "version_id"),
)

FILES = Table(
    "bulk_files",
    METADATA,
    Column("run_id", Text, ForeignKey("bulk_runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""Files in pieces: ``sent``, what was uploaded; ``written``, an export; ``returned``, rows given back. One on its way has a name of its own."""

AT_ONCE = 16
"""Pieces that are read at a time."""


async def get_run(tx: Tx[Catalog], run_id: str, *, seen: Tree = ALWAYS) -> Run | None:
    """A run, where the caller may see it."""
    row = (await tx.execute(select(RUNS).where(RUNS.c.run_id == run_id, where(seen, {"region": RUNS.c.region})))).one_or_none()
    return None if row is None else _run(row)


async def list_runs(tx: Tx[Catalog], *, kind: str, seen: Tree, before: str, limit: int) -> list[Run]:
    """Runs of one kind that the caller may see, newest first."""
    statement = select(RUNS).where(RUNS.c.kind == kind, where(seen, {"region": RUNS.c.region})).order_by(RUNS.c.run_id.desc()).limit(limit)
    if before:
        statement = statement.where(RUNS.c.run_id < before)
    return [_run(row) for row in await tx.execute(statement)]


async def next_run(tx: Tx[Catalog], states: Collection[RunState]) -> Run | None:
    """The run in one of these states that waited longest."""
    waiting = select(RUNS).where(RUNS.c.state.in_(sorted(state.value for state in states))).order_by(RUNS.c.touched, RUNS.c.run_id).limit(1)
    row = (await tx.execute(waiting)).one_or_none()
    return None if row is None else _run(row)


async def put_behind(tx: Tx[Catalog], author: PersonRef) -> None:
    """Let the files of all others go before those of this officer."""
    files = sorted(state.value for state in READING)
    await tx.execute(update(RUNS).where(RUNS.c.author == author, RUNS.c.state.in_(files)).values(touched=tx.at))


async def count_open(tx: Tx[Catalog], author: PersonRef) -> int:
    """Runs of an officer that are at work."""
    asked = select(func.count()).select_from(RUNS).where(RUNS.c.state.in_(_WORKING), RUNS.c.author == author)
    return int((await tx.execute(asked)).scalar_one())


async def save_run(tx: Tx[Catalog], run: Run) -> None:
    """Keep a run as it is now.

    Raises:
        StaleVersion: Another transaction changed it since it was read.
    """
    run.version += 1
    run.touched = tx.at
    await write_rows(
        tx,
        RUNS,
        [
            {
                "run_id": run.run_id,
                "kind": run.kind,
                "region": run.region,
                "state": run.state.value,
                "author": run.author,
                "at": run.at,
                "touched": run.touched,
                "version": run.version,
                "body": encode_object(run),
            }
        ],
    )


async def put_rows(tx: Tx[Catalog], run_id: str, rows: Sequence[RunRow]) -> None:
    """Keep rows, new or changed."""
    if not rows:
        return
    statement = insert(ROWS)
    changed = {name: statement.excluded[name] for name in ("state", "body", "version_id")}
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["run_id", "number"], set_=changed),
        [
            {"run_id": run_id, "number": row.number, "state": row.state.value, "body": encode_object(row), "version_id": row.version_id}
            for row in rows
        ],
    )


async def list_rows(tx: Tx[Catalog], run_id: str, *, states: Sequence[str], after: int, limit: int) -> list[RunRow]:
    """Rows of a run in some states, in order."""
    statement = select(ROWS.c.body).where(ROWS.c.run_id == run_id, ROWS.c.number > after).order_by(ROWS.c.number).limit(limit)
    if states:
        statement = statement.where(ROWS.c.state.in_(states))
    return [decode(RunRow, row.body) for row in await tx.execute(statement)]


async def count_rows(tx: Tx[Catalog], run_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Number of these runs' rows in each state."""
    table = ROWS.c
    counted = select(table.run_id, table.state, func.count().label("counted")).where(table.run_id.in_(sorted(run_ids)))
    found: dict[str, dict[str, int]] = {run_id: {} for run_id in run_ids}
    for row in await tx.execute(counted.group_by(table.run_id, table.state)):
        found[row.run_id][str(row.state)] = int(row.counted)
    return found


async def held_versions(tx: Tx[Catalog], version_ids: Collection[str], *, besides: str) -> set[str]:
    """Those of these versions that a row of another run drafted and may still carry on; a run that is published reviews nothing more."""
    version = ROWS.c.version_id
    stands = case((ROWS.c.state == RowState.REFUSED.value, ROWS.c.body["was"].astext), else_=ROWS.c.state)
    drafted = and_(stands == RowState.DRAFTED.value, RUNS.c.state != RunState.PUBLISHED.value)
    goes_on = or_(stands == RowState.REVIEWED.value, drafted)
    of_others = (version.in_(sorted(version_ids)), ROWS.c.run_id != besides)
    held = select(version).join(RUNS, RUNS.c.run_id == ROWS.c.run_id).where(*of_others, goes_on)
    return {str(row.version_id) for row in await tx.execute(held.distinct())} if version_ids else set()


async def try_again(tx: Tx[Catalog], run_id: str, *, was: RowState) -> int:
    """Take up again the rows that were refused in this state; how many."""
    changed: JsonObject = {"state": was.value, "was": None, "flaws": []}
    again = update(ROWS).where(ROWS.c.run_id == run_id, ROWS.c.state == RowState.REFUSED.value, ROWS.c.body["was"].astext == was.value)
    done = await tx.execute(again.values(state=was.value, body=ROWS.c.body.concat(cast(changed, JSONB))))
    return int(done.rowcount)


async def set_aside(tx: Tx[Catalog], run_id: str, *, state: RowState, flaw: JsonObject) -> None:
    """Refuse every row that is still in this state."""
    changed: JsonObject = {"state": RowState.REFUSED.value, "was": state.value, "flaws": [flaw]}
    aside = update(ROWS).where(ROWS.c.run_id == run_id, ROWS.c.state == state.value)
    await tx.execute(aside.values(state=RowState.REFUSED.value, body=ROWS.c.body.concat(cast(changed, JSONB))))


async def drop_rows(tx: Tx[Catalog], run_id: str) -> None:
    """Forget the rows of a run."""
    await tx.execute(delete(ROWS).where(ROWS.c.run_id == run_id))


async def put_pieces(tx: Tx[Catalog], run_id: str, role: str, pieces: Mapping[int, bytes]) -> None:
    """Keep pieces of a file; a piece that is there already is replaced."""
    statement = insert(FILES)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["run_id", "role", "number"], set_={"content": statement.excluded.content}),
        [{"run_id": run_id, "role": role, "number": number, "content": piece} for number, piece in pieces.items()],
    )


async def read_pieces(tx: Tx[Catalog], run_id: str, role: str) -> AsyncIterator[bytes]:
    """The pieces of a file in order, a few at a time."""
    after = -1
    while True:
        of_file = (FILES.c.run_id == run_id, FILES.c.role == role, FILES.c.number > after)
        rows = (await tx.execute(select(FILES.c.number, FILES.c.content).where(*of_file).order_by(FILES.c.number).limit(AT_ONCE))).all()
        for row in rows:
            yield bytes(row.content)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].number


async def swap_file(tx: Tx[Catalog], run_id: str, role: str, part: FilePart | None) -> None:
    """Put a file that is whole in the place of the one before; None: there is none any more.

    Raises:
        FileCut: Pieces of it are missing.
    """
    await drop_file(tx, run_id, role)
    if part is not None:
        of_part = (FILES.c.run_id == run_id, FILES.c.role == part.name)
        moved = await tx.execute(update(FILES).where(*of_part).values(role=role))
        if moved.rowcount != part.pieces:
            raise FileCut
    await tx.execute(delete(FILES).where(FILES.c.run_id == run_id, FILES.c.role.startswith(f"{role}/", autoescape=True)))


async def drop_file(tx: Tx[Catalog], run_id: str, role: str) -> None:
    """Forget a file."""
    await tx.execute(delete(FILES).where(FILES.c.run_id == run_id, FILES.c.role == role))


async def drop_files(tx: Tx[Catalog], run_id: str) -> None:
    """Forget every file of a run, and what was begun of one."""
    await tx.execute(delete(FILES).where(FILES.c.run_id == run_id))


async def list_old(tx: Tx[Catalog], *, before: datetime, limit: int) -> list[Run]:
    """Runs that nobody touched for long and that still have rows or files."""
    has_rows = select(ROWS.c.number).where(ROWS.c.run_id == RUNS.c.run_id).limit(1).exists()
    has_file = select(FILES.c.number).where(FILES.c.run_id == RUNS.c.run_id).limit(1).exists()
    old = select(RUNS).where(RUNS.c.touched < before, RUNS.c.state.not_in(_WORKING), or_(has_rows, has_file))
    return [_run(row) for row in await tx.execute(old.order_by(RUNS.c.touched).limit(limit))]


def _run(row: Row[Any]) -> Run:
    run = decode(Run, row.body)
    run.version, run.touched, run.state = row.version, row.touched, RunState(row.state)
    return run
