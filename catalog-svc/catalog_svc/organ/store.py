"""Published organs in the database."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, Integer, Table, Text, select, text
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, write_next
from chassis import outbox
from chassis.database import Tx
from contracts.catalogue import Organ
from contracts.codec import decode, encode_object
from contracts.values import OrganCode, RegionCode

ORGANS = Table(
    "organs",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("merged_into", Text),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_organs_region", "region", "code"),
    Index("ix_organs_merged_into", "merged_into", postgresql_where=text("merged_into is not null")),
)
"""Every organ that was ever published."""


async def get_organs(tx: Tx[Catalog], codes: Sequence[OrganCode]) -> dict[OrganCode, Organ]:
    """The published organs among these codes."""
    rows = await tx.execute(select(ORGANS.c.body).where(ORGANS.c.code.in_(codes)))
    return {organ.code: organ for organ in (decode(Organ, row.body) for row in rows)}


async def get_organ(tx: Tx[Catalog], code: OrganCode) -> tuple[Organ, int] | None:
    """A published organ with the version of its row."""
    row = (await tx.execute(select(ORGANS).where(ORGANS.c.code == code))).one_or_none()
    return None if row is None else (decode(Organ, row.body), row.version)


async def list_merged_into(tx: Tx[Catalog], takers: Sequence[OrganCode]) -> list[OrganCode]:
    """The organs that were merged into one of these, each by itself."""
    rows = await tx.execute(select(ORGANS.c.code).where(ORGANS.c.merged_into.in_(takers)).order_by(ORGANS.c.code))
    return [OrganCode(row.code) for row in rows]


async def list_takers(tx: Tx[Catalog], codes: Sequence[OrganCode]) -> dict[OrganCode, OrganCode]:
    """Of these organs those that were merged, each with the one that it was merged into."""
    columns = ORGANS.c
    rows = await tx.execute(select(columns.code, columns.merged_into).where(columns.code.in_(codes), columns.merged_into.is_not(None)))
    return {OrganCode(row.code): OrganCode(row.merged_into) for row in rows}


async def list_organs(tx: Tx[Catalog], *, region: RegionCode | None, after: str, limit: int) -> list[Organ]:
    """Organs by code, of one region or of all."""
    statement = select(ORGANS.c.body).where(ORGANS.c.code > after).order_by(ORGANS.c.code).limit(limit)
    if region is not None:
        statement = statement.where(ORGANS.c.region == region)
    return [decode(Organ, row.body) for row in await tx.execute(statement)]


async def save_organs(tx: Tx[Catalog], organs: Sequence[Organ]) -> None:
    """Publish organs: rows and documents; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction published one of them since.
    """
    rows = [{"code": one.code, "region": one.region, "merged_into": one.merged_into, "body": encode_object(one)} for one in organs]
    await write_next(tx, ORGANS, rows)
    await outbox.put_documents(tx, organs)
