"""Former codes in the database."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, Table, Text, select
from sqlalchemy.dialects.postgresql import insert

from catalog_svc.context import Catalog
from catalog_svc.former_code.domain import FormerCode
from catalog_svc.schema import METADATA
from chassis.database import Tx
from contracts.values import ItemId, OrganCode, RegionCode

FORMER_CODES = Table(
    "former_codes",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("organ", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Index("ix_former_codes_item", "item_id"),
)
"""Never changed."""

MOST = 100
"""Regions that may be shown for one code."""


async def find(tx: Tx[Catalog], codes: Sequence[str], *, region: RegionCode | None) -> list[FormerCode]:
    """What these codes stand for, in one region or everywhere."""
    known = select(FORMER_CODES).where(FORMER_CODES.c.code.in_(codes)).order_by(FORMER_CODES.c.code, FORMER_CODES.c.region)
    statement = known.limit(MOST) if region is None else known.where(FORMER_CODES.c.region == region)
    return [
        FormerCode(code=row.code, region=RegionCode(row.region), organ=OrganCode(row.organ), item_id=ItemId(row.item_id))
        for row in await tx.execute(statement)
    ]


async def of_items(tx: Tx[Catalog], item_ids: Sequence[ItemId]) -> dict[str, list[str]]:
    """The former codes of items, in order."""
    found: dict[str, list[str]] = {}
    asked = select(FORMER_CODES.c.item_id, FORMER_CODES.c.code).where(FORMER_CODES.c.item_id.in_(item_ids))
    for row in await tx.execute(asked.order_by(FORMER_CODES.c.code)):
        found.setdefault(row.item_id, []).append(row.code)
    return found


async def add(tx: Tx[Catalog], codes: Sequence[FormerCode]) -> None:
    """Keep codes that are not there yet; whoever is there first stays."""
    rows = [{"code": one.code, "region": one.region, "organ": one.organ, "item_id": one.item_id} for one in codes]
    await tx.execute(insert(FORMER_CODES).on_conflict_do_nothing(), rows)
