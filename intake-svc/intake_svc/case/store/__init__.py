"""Cases in intake's database: the row, what is sealed of the person, and the events, always in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Index,
    Integer,
    Interval,
    LargeBinary,
    Table,
    Text,
    any_,
    bindparam,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy import Sequence as NumberSequence
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError

from chassis.database import StaleVersion, Tx, where
from chassis.outbox import Outgoing, put
from chassis.paging import after
from chassis.prepared import Prepared
from chassis.tables import SECRET_KEYS
from chassis.writing import Conflict, Rows, table_taken
from contracts.codec import decode, encode_object
from contracts.values import CaseId, Digest, ItemId, ItemVersionId, JsonObject, RegionCode
from intake_svc.application.domain import SealedPerson
from intake_svc.case.domain import NOBODY, Case, CaseAlreadyReceived, CaseState, Handed, Receipt, Supplement
from intake_svc.context import Intake
from intake_svc.progress.domain import Progress, Stage
from intake_svc.schema import METADATA
from rules import case_numbers
from rules.access import Tree

NUMBERS_AT_ONCE = 100
"""Numbers one process takes ahead; what it does not use stays a gap."""

NUMBERS = NumberSequence("case_numbers", start=1, increment=NUMBERS_AT_ONCE, metadata=METADATA)
"""Gives the first of a block; no number is promised to follow another."""

_LAST_NUMBER = select(func.pg_sequence_last_value(NUMBERS.name))

_ITEM = "split_part(version_id, '-v', 1)"
"""The umbrella of the item that a version is of. Written out, not bound, as is the next: an index is on the expression itself."""
_OPEN = f"state = '{CaseState.RECEIVED.value}'"

CASES = Table(
    "cases",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("root_case_id", Text, nullable=False),
    Column("case_no", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("item_code", Text, nullable=False),
    Column("version_id", Text, nullable=False),
    Column("applicant_key", Text, nullable=False),
    Column("applicant_label", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("version", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_cases_receiving", "receiving_organ", "received_at", "case_id"),
    Index("ix_cases_handling", "handling_organ", "received_at", "case_id"),
    Index("ix_cases_receiving_region", "receiving_region", "received_at", "case_id"),
    Index("ix_cases_handling_region", "handling_region", "received_at", "case_id"),
    Index("ix_cases_applicant", "applicant_key", "received_at", "case_id"),
    Index("ix_cases_version", "version_id", "received_at"),
    Index("ix_cases_open", literal_column(f"({_ITEM})"), "version_id", "handling_region", postgresql_where=literal_column(_OPEN)),
    # A projection rewrites the row some ten times: room for the new form on the same page.
    postgresql_with={"fillfactor": "80"},
)
_READ = tuple(CASES.c[name] for name in ("case_id", "root_case_id", "state", "closed_at", "version", "sequence", "body"))
"""What a case is made of; what is sealed of the person is read where somebody may see it, and nowhere else."""
_BY_IDS = Prepared(select(*_READ).where(CASES.c.case_id == any_(bindparam("ids", type_=ARRAY(Text)))))
_BY_NO = Prepared(select(*_READ).where(CASES.c.case_no == bindparam("no", type_=Text)))
_ACCESS = {
    name: CASES.c[name] for name in ("case_id", "receiving_region", "receiving_organ", "handling_region", "handling_organ", "applicant_key")
}
_SEALED = Prepared(select(CASES.c.sealed, *_ACCESS.values()).where(CASES.c.case_id == any_(bindparam("ids", type_=ARRAY(Text)))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """What is kept of a case without being asked for by SQL; nothing of a person."""

    receipt: Receipt
    form_digest: Digest
    materials: tuple[Handed, ...]
    supplements: tuple[Supplement, ...] = ()
    progress: Progress


async def take_numbers(tx: Tx[Intake]) -> range:
    """The next block of sequence numbers; a rollback does not give it back."""
    first = int((await tx.execute(select(NUMBERS.next_value()))).scalar_one())
    return range(first, first + NUMBERS_AT_ONCE)


async def pass_number(tx: Tx[Intake], sequence: int) -> None:
    """Never give out a number again that was given out before the database came back from a backup."""
    last = int((await tx.execute(_LAST_NUMBER)).scalar_one() or 0)
    passed = last - last % case_numbers.LAST_SEQUENCE + sequence
    if passed < last - case_numbers.LAST_SEQUENCE // 2:
        passed += case_numbers.LAST_SEQUENCE
    # The next block begins one step after what is set here.
    await tx.execute(select(func.setval(NUMBERS.name, max(last, passed), True)))


async def get_case(tx: Tx[Intake], no: str) -> Case | None:
    """A case by its id or its number."""
    if "-" in no:
        rows = await tx.fetch(_BY_IDS, {"ids": [no.lower()]})
    else:
        rows = await tx.fetch(_BY_NO, {"no": no.upper()})
    return _case(*rows[0]) if rows else None


async def get_sealed(tx: Tx[Intake], case_ids: Sequence[CaseId]) -> dict[CaseId, SealedPerson]:
    """What is sealed of the persons and the forms of those cases that there are."""
    rows = await tx.fetch(_SEALED, {"ids": list(case_ids)})
    return {CaseId(row[0]): SealedPerson(row=dict(zip(_ACCESS, row, strict=True)), sealed=bytes(sealed)) for sealed, *row in rows}


async def list_cases(
    tx: Tx[Intake],
    tree: Tree,
    *,
    state: str | None = None,
    stage: str | None = None,
    item_code: str | None = None,
    applicant_key: str | None = None,
    case_ids: Sequence[str] = (),
    position: tuple[datetime, str] | None = None,
    limit: int,
) -> list[Case]:
    """Cases that the tree lets through, the latest received first.

    Args:
        tx: Open transaction.
        tree: The caller's rights.
        state: Only this state.
        stage: Only this stage.
        item_code: Only this item.
        applicant_key: Only this person's.
        case_ids: Only these; all when empty.
        position: Instant of receipt and id of the last one shown.
        limit: At most this many.
    """
    asked: list[ColumnElement[bool]] = [where(tree, _ACCESS)]
    wanted = {"state": state, "stage": stage, "item_code": item_code, "applicant_key": applicant_key}
    asked += [CASES.c[name] == value for name, value in wanted.items() if value is not None]
    if case_ids:
        asked.append(CASES.c.case_id == any_(literal(list(case_ids), ARRAY(Text))))
    if position is not None:
        asked.append(after((CASES.c.received_at, CASES.c.case_id), position, descending=True))
    query = select(*_READ).where(*asked).order_by(CASES.c.received_at.desc(), CASES.c.case_id.desc()).limit(limit)
    rows: Iterable[Any] = await tx.execute(query)
    return [_case(*row) for row in rows]


async def count_open(
    tx: Tx[Intake],
    tree: Tree,
    *,
    items: Collection[ItemId],
    versions: Collection[ItemVersionId],
    position: tuple[str, str] | None,
    limit: int,
) -> list[tuple[ItemVersionId, RegionCode, int]]:
    """Open cases that the tree lets through by version of these items and handling region, in that order; no closed one is looked at.

    Args:
        tx: Open transaction.
        tree: The caller's rights.
        items: Umbrella ids.
        versions: Only these; all of the items when empty.
        position: Version and region of the last row shown.
        limit: At most this many rows.
    """
    by = (CASES.c.version_id, CASES.c.handling_region)
    asked = [literal_column(_ITEM, Text) == any_(literal(sorted(items), ARRAY(Text))), literal_column(_OPEN, Boolean), where(tree, _ACCESS)]
    if versions:
        asked.append(CASES.c.version_id == any_(literal(sorted(versions), ARRAY(Text))))
    if position is not None:
        asked.append(after(by, position))
    query = (
        select(CASES.c.version_id, CASES.c.handling_region, func.count().label("cases"))
        .where(*asked)
        .group_by(*by)
        .order_by(*by)
        .limit(limit)
    )
    rows = await tx.execute(query)
    return [(ItemVersionId(row.version_id), RegionCode(row.handling_region), row.cases) for row in rows]


async def list_lost(tx: Tx[Intake], *, since: datetime) -> list[Case]:
    """Cases received since then of which nobody knows any more who applies, the oldest first."""
    query = select(*_READ).where(CASES.c.applicant_key == NOBODY, CASES.c.received_at >= since).order_by(CASES.c.received_at)
    rows: Iterable[Any] = await tx.execute(query)
    return [_case(*row) for row in rows]


async def sample_open(tx: Tx[Intake], *, ages: Sequence[timedelta], rows: int) -> list[tuple[Stage, int, float]]:
    """Open cases by stage and by how many of the ages, ascending, they have reached; for whoever watches.

    All of them in a table of up to ``rows`` rows; of a larger one the pages of a random part of about that size, multiplied, so that
    watching costs the same however many cases there are, and no index that every step of every case would have to move.
    """
    known = float((await tx.execute(_ROWS)).scalar_one())
    share = min(1.0, rows / max(known, 1.0))
    part = CASES.tablesample(func.system(bindparam("percent", share * 100, type_=REAL)))
    age = bindparam("at", tx.at, type_=DateTime(timezone=True)) - part.c.received_at
    reached = func.width_bucket(age, bindparam("ages", list(ages), type_=ARRAY(Interval)))
    standing = select(part.c.stage, reached.label("reached")).where(part.c.state == CaseState.RECEIVED.value).limit(rows * 2).subquery()
    query = select(standing.c.stage, standing.c.reached, func.count().label("cases")).group_by(standing.c.stage, standing.c.reached)
    return [(Stage(row.stage), row.reached, row.cases / share) for row in await tx.execute(query)]


async def add_cases(tx: Tx[Intake], received: Sequence[tuple[Case, bytes]]) -> None:
    """Store received cases, each with what is sealed, and their events; written with what follows, under `refuse_known`."""
    for case, sealed in sorted(received, key=lambda one: one[0].case_id):
        case.version = 1
        tx.write(_NEW, {**_row(case), "version": case.version, "sealed": sealed})
    await _put_events(tx, [case for case, _ in received])


@contextmanager
def refuse_known() -> Iterator[None]:
    """Say what it means when cases that were added cannot be written.

    Raises:
        CaseAlreadyReceived: One of the ids or numbers names a case already.
    """
    try:
        yield
    except DBAPIError as error:
        raise CaseAlreadyReceived if table_taken(error) in {CASES.name, SECRET_KEYS.name} else error from error


async def save_cases(tx: Tx[Intake], cases: Sequence[Case], *, sealed: bytes | None = None) -> None:
    """Store changed cases with their events; the caller holds the lock on their root cases.

    Args:
        tx: Open transaction.
        cases: As changed.
        sealed: The sealed value, where it changed, and with it perhaps who applies; for a single case.

    Raises:
        StaleVersion: One of them was changed since it was read.
    """
    for case in cases:
        names = _CHANGING if sealed is None else _CHANGING | _OF_PERSON
        changed: dict[str, object] = {name: value for name, value in _row(case).items() if name in names}
        changed["version"] = case.version + 1
        if sealed is not None:
            changed["sealed"] = sealed
        statement = update(CASES).where(CASES.c.case_id == bindparam("id"), CASES.c.version == bindparam("read"))
        done = await tx.execute(statement.values(changed), {"id": case.case_id, "read": case.version})
        if done.rowcount != 1:
            raise StaleVersion
        case.version += 1
    await _put_events(tx, cases)


async def have_at_hand(tx: Tx[Intake], case_ids: Collection[str]) -> None:
    """Read the cases that a batch of events is about, in one query; the locks on their root cases are held."""
    at_hand: dict[str, Case] = tx.at_hand.setdefault(_SHOWN, {})
    wanted = sorted(set(case_ids) - at_hand.keys())
    if wanted:
        at_hand |= {case.case_id: case for case in (_case(*row) for row in await tx.fetch(_BY_IDS, {"ids": wanted}))}


async def get_at_hand(tx: Tx[Intake], case_id: CaseId) -> Case | None:
    """A case under its lock; the same object for every event of a transaction."""
    await have_at_hand(tx, [case_id])
    found: Case | None = tx.at_hand[_SHOWN].get(case_id)
    return found


async def show_case(tx: Tx[Intake], case: Case) -> None:
    """Keep what a case at hand shows now, and its events; written with all others of the transaction, where plans never scan a table.

    Raises:
        StaleVersion: It was changed since it was read; in whatever writes it.
    """

    def make() -> Mapping[str, object]:
        # Made when it is written: however many events changed it meanwhile, that is one more version.
        case.version += 1
        row = _row(case)
        return {"case_id": case.case_id, "version": case.version, **{name: row[name] for name in _CHANGING}}

    tx.pending.write(_SHOWN, case.case_id, make)
    await _put_events(tx, [case])


_CHANGING = frozenset({"state", "stage", "closed_at", "sequence", "body"})
_OF_PERSON = frozenset({"applicant_key", "applicant_label"})
_CLASSES = table("pg_class", column("oid"), column("reltuples", REAL))
_ROWS = select(func.coalesce(func.sum(_CLASSES.c.reltuples), 0)).where(_CLASSES.c.oid == func.to_regclass(CASES.name))
"""What the server believes: good enough to choose a share, and free. Below zero before it was ever counted."""
_NEW = Rows(CASES, conflict=Conflict.REFUSE, name="new_cases")
_SHOWN = Rows(CASES, conflict=Conflict.ABSENT, columns=("case_id", "version", *sorted(_CHANGING)))


async def _put_events(tx: Tx[Intake], cases: Sequence[Case]) -> None:
    await put(tx, [Outgoing(event=event, sequence=sequence) for case in cases for sequence, event in case.events])
    for case in cases:
        case.events.clear()


def _row(case: Case) -> dict[str, object]:
    receipt = case.received
    body = _Body(
        receipt=receipt,
        form_digest=case.form_digest,
        materials=case.materials,
        supplements=case.supplements,
        progress=case.progress,
    )
    return {
        "case_id": case.case_id,
        "root_case_id": case.root_case_id,
        "case_no": receipt.case_no,
        "state": case.state.value,
        "stage": case.stage.value,
        "receiving_region": receipt.receiving_region,
        "receiving_organ": receipt.receiving_organ,
        "handling_region": receipt.handling_region,
        "handling_organ": receipt.handling_organ,
        "item_code": receipt.item_code,
        "version_id": receipt.version_id,
        "applicant_key": receipt.applicant_key,
        "applicant_label": receipt.applicant_label,
        "received_at": receipt.received_at,
        "closed_at": case.closed_at,
        "sequence": case.sequence,
        "body": encode_object(body),
    }


def _case(
    case_id: str,
    root_case_id: str,
    state: str,
    closed_at: datetime | None,
    version: int,
    sequence: int,
    kept: JsonObject,
    /,
) -> Case:
    body = decode(_Body, kept)
    return Case(
        case_id=CaseId(case_id),
        root_case_id=CaseId(root_case_id),
        state=CaseState(state),
        receipt=body.receipt,
        closed_at=closed_at,
        form_digest=body.form_digest,
        materials=body.materials,
        supplements=body.supplements,
        progress=body.progress,
        version=version,
        sequence=sequence,
    )
