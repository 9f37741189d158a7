"""Tables ``sealings`` and ``seal_keys``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Column, DateTime, Index, Integer, LargeBinary, Table, Text, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis import outbox
from chassis.database import Tx
from chassis.prepared import Prepared
from chassis.writing import Conflict, Rows
from contracts.codec import decode, encode
from contracts.events import CaseDecided, Seal
from contracts.values import CaseId, CredentialId, Digest, NoticeId, OrganCode, RegionCode
from credential_svc.schema import METADATA
from credential_svc.seal.domain import Done, Sealing, SealKind, SealState, WaitingFor

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

_INSTANT = DateTime(timezone=True)

SEALINGS = Table(
    "sealings",
    METADATA,
    Column("notice_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("root_case_id", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("decision", Integer),
    Column("next_try", _INSTANT),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
)
Index("ix_sealings_next_try", SEALINGS.c.next_try, postgresql_where=SEALINGS.c.state == SealState.AWAITING.value)
Index("ix_sealings_case_id", SEALINGS.c.case_id)
Index("uq_sealings_decision", SEALINGS.c.case_id, SEALINGS.c.decision, unique=True)

_ASKED = Rows(SEALINGS, conflict=Conflict.IGNORE, name="asked_sealings")
_CHANGED = Rows(SEALINGS, conflict=Conflict.VERSION)

_READ = tuple(SEALINGS.c[name] for name in ("notice_id", "case_id", "root_case_id", "organ", "state", "next_try", "version", "body"))
_others = SEALINGS.alias("others")
_sealed_before = select(func.count()).where(_others.c.case_id == SEALINGS.c.case_id, _others.c.state == SealState.SEALED.value)
_BY_NOTICES = Prepared(
    select(*_READ, _sealed_before.scalar_subquery()).where(SEALINGS.c.notice_id == any_(bindparam("notices", type_=ARRAY(Text))))
)
_DUE = Prepared(
    select(*_READ)
    .where(SEALINGS.c.state == literal_column(f"'{SealState.AWAITING.value}'"), SEALINGS.c.next_try <= bindparam("at", type_=_INSTANT))
    .order_by(SEALINGS.c.next_try)
    .limit(bindparam("most", type_=Integer))
)
"""The state is spelled out, or a plan made for any state would not use the index of those that wait."""

SEAL_KEYS = Table(
    "seal_keys",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("kid", Text, nullable=False, unique=True),
    Column("region", Text),
    Column("public_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", _INSTANT, nullable=False),
)
"""``sealed`` is the secret half under the vault's key of ``seal-key/<owner>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key as it lies in the table."""

    owner: str
    kid: str
    region: RegionCode | None
    """Region of the organ; None for the installation's own."""
    public_key: bytes
    sealed: bytes
    at: datetime


async def add_sealings(tx: Tx[Any], sealings: Sequence[Sealing]) -> None:
    """Write what is to be sealed; what is there already, by notice or by decision, stays as it is."""
    for sealing in sealings:
        tx.write(_ASKED, _row(sealing) | {"version": 1})


async def save_sealings(tx: Tx[Any], sealings: Sequence[Sealing]) -> None:
    """Write changed sealings and what they recorded; the caller holds the locks of their root cases since before they were read.

    Raises:
        StaleVersion: One was changed since it was read; in whatever writes them.
    """
    outgoing: list[outbox.Outgoing] = []
    counts = {sealing.case_id: sealing.sealed_before for sealing in sealings}
    for sealing in sealings:
        sealing.version += 1
        tx.write(_CHANGED, _row(sealing) | {"version": sealing.version})
        for event in sealing.events:
            counts[sealing.case_id] += 1
            outgoing.append(outbox.Outgoing(event=event, sequence=counts[sealing.case_id]))
        sealing.events.clear()
    await outbox.put(tx, outgoing)


async def get_sealings(tx: Tx[Any], notice_ids: Sequence[NoticeId]) -> list[Sealing]:
    """Sealings by notice, in no order, each with how many of its case are sealed; absent ones are left out."""
    found = []
    for *columns, sealed_before in await tx.fetch(_BY_NOTICES, {"notices": list(notice_ids)}):
        sealing = _sealing(*columns)
        sealing.sealed_before = sealed_before
        found.append(sealing)
    return found


async def due_sealings(tx: Tx[Any], *, at: datetime, limit: int) -> list[Sealing]:
    """What waits and may be tried now, the longest waiting first."""
    return [_sealing(*row) for row in await tx.fetch(_DUE, {"at": at, "most": limit})]


async def awaiting_of_case(tx: Tx[Any], case_id: CaseId) -> list[Sealing]:
    """What still waits of one case."""
    waiting = (SEALINGS.c.case_id == case_id, SEALINGS.c.state == SealState.AWAITING.value)
    return await _read(tx, select(*_READ).where(*waiting).order_by(SEALINGS.c.notice_id))


async def list_awaiting(tx: Tx[Any], *, limit: int) -> list[Sealing]:
    """What waits, the next to be tried first."""
    waiting = SEALINGS.c.state == SealState.AWAITING.value
    return await _read(tx, select(*_READ).where(waiting).order_by(SEALINGS.c.next_try).limit(limit))


async def of_credential(tx: Tx[Any], case_id: CaseId, credential_id: CredentialId) -> Sealing | None:
    """What is to be made again of a credential; None when there is nothing."""
    rows = await _read(tx, select(*_READ).where(SEALINGS.c.case_id == case_id))
    return next((found for found in rows if found.done is not None and found.done.credential_id == credential_id), None)


async def get_key(tx: Tx[Any], owner: str) -> StoredKey | None:
    """The key of an owner."""
    row = (await tx.execute(select(SEAL_KEYS).where(SEAL_KEYS.c.owner == owner))).first()
    return None if row is None else _key(row)


async def get_key_by_kid(tx: Tx[Any], kid: str) -> StoredKey | None:
    """The key of a name."""
    row = (await tx.execute(select(SEAL_KEYS).where(SEAL_KEYS.c.kid == kid))).first()
    return None if row is None else _key(row)


async def all_keys(tx: Tx[Any]) -> list[StoredKey]:
    """Every key, by owner."""
    return [_key(row) for row in await tx.execute(select(SEAL_KEYS).order_by(SEAL_KEYS.c.owner))]


async def add_key(tx: Tx[Any], key: StoredKey) -> None:
    """Store a new key; the caller holds the lock of its owner."""
    await tx.execute(
        insert(SEAL_KEYS).values(owner=key.owner, kid=key.kid, region=key.region, public_key=key.public_key, sealed=key.sealed, at=key.at)
    )


def _row(sealing: Sealing) -> dict[str, object]:
    return {
        "notice_id": sealing.notice_id,
        "case_id": sealing.case_id,
        "root_case_id": sealing.root_case_id,
        "organ": sealing.organ,
        "state": sealing.state.value,
        "decision": None if sealing.decided is None else sealing.decided.decision,
        "next_try": sealing.next_try if sealing.state is SealState.AWAITING else None,
        "body": {
            "region": sealing.region,
            "kind": sealing.kind.value,
            "notice_digest": sealing.notice_digest,
            "since": encode(sealing.since),
            "tries": sealing.tries,
            "waiting_for": sealing.waiting_for.value,
            "decided": encode(sealing.decided),
            "seal": encode(sealing.seal),
            "done": encode(sealing.done),
        },
    }


async def _read(tx: Tx[Any], query: Select[Any]) -> list[Sealing]:
    rows: Iterable[Any] = await tx.execute(query)
    return [_sealing(*row) for row in rows]


def _sealing(
    notice_id: str, case_id: str, root_case_id: str, organ: str, state: str, next_try: datetime | None, version: int, body: Any, /
) -> Sealing:
    since = decode(datetime, body["since"])
    return Sealing(
        notice_id=NoticeId(notice_id),
        case_id=CaseId(case_id),
        root_case_id=CaseId(root_case_id),
        region=RegionCode(body["region"]),
        organ=OrganCode(organ),
        kind=SealKind(body["kind"]),
        notice_digest=Digest(body["notice_digest"]),
        since=since,
        decided=None if body["decided"] is None else decode(CaseDecided, body["decided"]),
        state=SealState(state),
        tries=body["tries"],
        next_try=next_try or since,
        waiting_for=WaitingFor(body["waiting_for"]),
        seal=None if body["seal"] is None else decode(Seal, body["seal"]),
        # A row of the version before has no such member.
        done=None if body.get("done") is None else decode(Done, body["done"]),
        version=version,
    )


def _key(row: Row[Any]) -> StoredKey:
    return StoredKey(owner=row.owner, kid=row.kid, region=row.region, public_key=row.public_key, sealed=row.sealed, at=row.at)
