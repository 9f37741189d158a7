"""Tables ``sealings`` and ``seal_keys``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis import outbox
from chassis.database import Tx
from chassis.writing import Conflict, Rows
from contracts.codec import decode, encode
from contracts.events import CaseDecided, Seal
from contracts.values import CaseId, CredentialId, Digest, NoticeId, OrganCode, RegionCode
from credential_svc.schema import METADATA
from credential_svc.seal.domain import Done, Sealing, SealKind, SealState, WaitingFor

if TYPE_CHECKING:
    from sqlalchemy import Row

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
    """Write changed sealings and what they recorded; the caller holds the locks of their root cases.

    Raises:
        StaleVersion: One was changed since it was read; in whatever writes them.
    """
    outgoing: list[outbox.Outgoing] = []
    counts = await _sealed_counts(tx, [sealing.case_id for sealing in sealings if sealing.events])
    for sealing in sealings:
        sealing.version += 1
        tx.write(_CHANGED, _row(sealing) | {"version": sealing.version})
        for event in sealing.events:
            counts[sealing.case_id] = counts.get(sealing.case_id, 0) + 1
            outgoing.append(outbox.Outgoing(event=event, sequence=counts[sealing.case_id]))
        sealing.events.clear()
    await outbox.put(tx, outgoing)


async def get_sealings(tx: Tx[Any], notice_ids: Sequence[NoticeId]) -> list[Sealing]:
    """Sealings by notice, in no order; absent ones are left out."""
    rows = await tx.execute(select(SEALINGS).where(SEALINGS.c.notice_id.in_(notice_ids)))
    return [_sealing(row) for row in rows]


async def due_sealings(tx: Tx[Any], *, at: datetime, limit: int) -> list[Sealing]:
    """What waits and may be tried now, the longest waiting first."""
    waiting = (SEALINGS.c.state == SealState.AWAITING.value, SEALINGS.c.next_try <= at)
    rows = await tx.execute(select(SEALINGS).where(*waiting).order_by(SEALINGS.c.next_try).limit(limit))
    return [_sealing(row) for row in rows]


async def awaiting_of_case(tx: Tx[Any], case_id: CaseId) -> list[Sealing]:
    """What still waits of one case."""
    waiting = (SEALINGS.c.case_id == case_id, SEALINGS.c.state == SealState.AWAITING.value)
    return [_sealing(row) for row in await tx.execute(select(SEALINGS).where(*waiting).order_by(SEALINGS.c.notice_id))]


async def list_awaiting(tx: Tx[Any], *, limit: int) -> list[Sealing]:
    """What waits, the next to be tried first."""
    waiting = SEALINGS.c.state == SealState.AWAITING.value
    return [_sealing(row) for row in await tx.execute(select(SEALINGS).where(waiting).order_by(SEALINGS.c.next_try).limit(limit))]


async def of_credential(tx: Tx[Any], case_id: CaseId, credential_id: CredentialId) -> Sealing | None:
    """What is to be made again of a credential; None when there is nothing."""
    rows = await tx.execute(select(SEALINGS).where(SEALINGS.c.case_id == case_id))
    return next((found for found in map(_sealing, rows) if found.done is not None and found.done.credential_id == credential_id), None)


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


async def _sealed_counts(tx: Tx[Any], case_ids: Sequence[CaseId]) -> dict[str, int]:
    if not case_ids:
        return {}
    sealed = (SEALINGS.c.case_id.in_(case_ids), SEALINGS.c.state == SealState.SEALED.value)
    rows = await tx.execute(select(SEALINGS.c.case_id, func.count().label("sealed")).where(*sealed).group_by(SEALINGS.c.case_id))
    return {row.case_id: row.sealed for row in rows}


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


def _sealing(row: Row[Any]) -> Sealing:
    body = row.body
    since = decode(datetime, body["since"])
    return Sealing(
        notice_id=NoticeId(row.notice_id),
        case_id=CaseId(row.case_id),
        root_case_id=CaseId(row.root_case_id),
        region=RegionCode(body["region"]),
        organ=OrganCode(row.organ),
        kind=SealKind(body["kind"]),
        notice_digest=Digest(body["notice_digest"]),
        since=since,
        decided=None if body["decided"] is None else decode(CaseDecided, body["decided"]),
        state=SealState(row.state),
        tries=body["tries"],
        next_try=row.next_try or since,
        waiting_for=WaitingFor(body["waiting_for"]),
        seal=None if body["seal"] is None else decode(Seal, body["seal"]),
        # A row of the version before has no such member.
        done=None if body.get("done") is None else decode(Done, body["done"]),
        version=row.version,
    )


def _key(row: Row[Any]) -> StoredKey:
    return StoredKey(owner=row.owner, kid=row.kid, region=row.region, public_key=row.public_key, sealed=row.sealed, at=row.at)
