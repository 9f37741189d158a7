"""Materials, their sealed pieces and their claims in intake's database.

A claim is a row of its own under the material's id: claiming twice is impossible, and claiming writes no material.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    any_,
    bindparam,
    delete,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from chassis.database import Tx
from chassis.prepared import Prepared
from chassis.writing import Conflict, Rows, table_taken
from contracts.values import CaseId, Digest, OrganCode
from intake_svc.context import Intake
from intake_svc.material.domain import Claim, Material, MaterialClaimed
from intake_svc.schema import METADATA

MATERIALS = Table(
    "materials",
    METADATA,
    Column("material_id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("uploader", Text, nullable=False),
    Column("organ", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_materials_at", "at"),
)
CHUNKS = Table(
    "material_chunks",
    METADATA,
    Column("material_id", Text, ForeignKey("materials.material_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
CLAIMS = Table(
    "material_claims",
    METADATA,
    Column("material_id", Text, ForeignKey("materials.material_id"), primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("applicant_key", Text, nullable=False),
    Index("ix_material_claims_case", "case_id"),
)
_NEW = Rows(MATERIALS, conflict=Conflict.REFUSE)
_PIECES = Rows(CHUNKS, conflict=Conflict.REFUSE)
_CLAIM = Rows(CLAIMS, conflict=Conflict.REFUSE)
_CLAIMED = select(CLAIMS.c.material_id).where(CLAIMS.c.material_id == MATERIALS.c.material_id).exists()
_known = select(MATERIALS).where(MATERIALS.c.material_id == any_(bindparam("material_ids", type_=ARRAY(Text))))
_unclaimed = _known.where(~_CLAIMED)
_KNOWN, _UNCLAIMED = Prepared(_known), Prepared(_unclaimed)
_HELD = Prepared(_unclaimed.with_for_update(read=True, key_share=True, of=MATERIALS))


async def get_materials(tx: Tx[Intake], material_ids: Sequence[str]) -> dict[str, Material]:
    """Materials by id; ids of none are left out."""
    return await _get(tx, _KNOWN, material_ids)


async def get_unclaimed(tx: Tx[Intake], material_ids: Sequence[str], *, keep: bool) -> dict[str, Material]:
    """Of these materials the ones that no case has.

    Args:
        tx: Open transaction.
        material_ids: What is looked for.
        keep: Hold them until the commit, so that none goes before it is claimed.
    """
    return await _get(tx, _HELD if keep else _UNCLAIMED, material_ids)


async def get_claim(tx: Tx[Intake], material_id: str) -> Claim | None:
    """The case that a material belongs to; None while it has none."""
    row = (await tx.execute(select(CLAIMS).where(CLAIMS.c.material_id == material_id))).first()
    return None if row is None else _claim(row)


async def read_chunks(tx: Tx[Intake], material_id: str) -> AsyncIterator[tuple[int, bytes]]:
    """The sealed pieces of a material in order, a few at a time."""
    after, size = -1, 8
    while True:
        rows = (
            await tx.execute(
                select(CHUNKS.c.number, CHUNKS.c.sealed)
                .where(CHUNKS.c.material_id == material_id, CHUNKS.c.number > after)
                .order_by(CHUNKS.c.number)
                .limit(size)
            )
        ).all()
        for row in rows:
            yield row.number, row.sealed
        if len(rows) < size:
            return
        after = rows[-1].number


async def save_materials(tx: Tx[Intake], materials: Sequence[tuple[Material, Sequence[bytes]]]) -> None:
    """Add materials with their sealed pieces."""
    for material, pieces in materials:
        tx.write(
            _NEW,
            {
                "material_id": material.material_id,
                "digest": material.digest,
                "size": material.size,
                "media_type": material.media_type,
                "uploader": material.uploader,
                "organ": material.organ,
                "at": material.at,
            },
        )
        for number, piece in enumerate(pieces):
            tx.write(_PIECES, {"material_id": material.material_id, "number": number, "sealed": piece})


async def save_claims(tx: Tx[Intake], claims: Sequence[Claim]) -> None:
    """Give materials to their cases, and write whatever else is yet to be written.

    Raises:
        MaterialClaimed: One of them has a case already.
    """
    for claim in sorted(claims, key=lambda one: one.material_id):
        tx.write(
            _CLAIM,
            {
                "material_id": claim.material_id,
                "case_id": claim.case_id,
                "receiving_region": claim.receiving_region,
                "receiving_organ": claim.receiving_organ,
                "handling_region": claim.handling_region,
                "handling_organ": claim.handling_organ,
                "applicant_key": claim.applicant_key,
            },
        )
    try:
        await tx.flush()
    except DBAPIError as error:
        raise MaterialClaimed if table_taken(error) == CLAIMS.name else error from error


async def find_unclaimed(tx: Tx[Intake], *, before: datetime, limit: int) -> list[str]:
    """Ids of materials uploaded before the instant that no case has; locked, those that somebody holds left out."""
    rows = await tx.execute(
        select(MATERIALS.c.material_id)
        .where(MATERIALS.c.at < before, ~_CLAIMED)
        .order_by(MATERIALS.c.at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=MATERIALS)
    )
    return [row.material_id for row in rows]


async def delete_materials(tx: Tx[Intake], material_ids: Sequence[str]) -> None:
    """Remove materials with their pieces."""
    if material_ids:
        await tx.execute(delete(MATERIALS).where(MATERIALS.c.material_id == any_(literal(list(material_ids), ARRAY(Text)))))


async def _get(tx: Tx[Intake], query: Prepared, material_ids: Sequence[str]) -> dict[str, Material]:
    rows = await tx.fetch(query, {"material_ids": list(material_ids)}) if material_ids else ()
    return {row[0]: _material(*row) for row in rows}


def _material(material_id: str, digest: str, size: int, media_type: str, uploader: str, organ: str | None, at: datetime, /) -> Material:
    return Material(
        material_id=material_id,
        digest=Digest(digest),
        size=size,
        media_type=media_type,
        uploader=uploader,
        organ=None if organ is None else OrganCode(organ),
        at=at,
    )


def _claim(row: Row[tuple[object, ...]]) -> Claim:
    return Claim(
        material_id=row.material_id,
        case_id=CaseId(row.case_id),
        receiving_region=row.receiving_region,
        receiving_organ=row.receiving_organ,
        handling_region=row.handling_region,
        handling_organ=row.handling_organ,
        applicant_key=row.applicant_key,
    )
