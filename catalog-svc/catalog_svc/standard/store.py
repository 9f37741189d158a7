"""Layers of regions in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import Column, Index, Integer, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, AtHand, write_next
from catalog_svc.standard.domain import Standard
from chassis.database import Tx
from contracts.codec import decode, encode_object
from contracts.values import ItemCode, RegionCode

STANDARDS = Table(
    "standards",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("item_code", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_standards_item", "item_code", "region"),
)
"""What regions have fixed; asked for by this service alone, so it is on no topic."""


async def get_standard(tx: Tx[Catalog], key: str) -> tuple[Standard, int] | None:
    """One layer with the version of its row."""
    row = (await tx.execute(select(STANDARDS).where(STANDARDS.c.key == key))).one_or_none()
    return None if row is None else (decode(Standard, row.body), row.version)


async def _read(tx: Tx[Catalog], items: Collection[ItemCode]) -> dict[ItemCode, list[Standard]]:
    found: dict[ItemCode, list[Standard]] = {}
    for row in await tx.execute(select(STANDARDS.c.body).where(STANDARDS.c.item_code.in_(sorted(items)))):
        layer = decode(Standard, row.body)
        found.setdefault(layer.item_code, []).append(layer)
    return found


_LAYERS = AtHand(_read)


async def list_standards(tx: Tx[Catalog], items: Collection[ItemCode]) -> list[Standard]:
    """Every region's layer of these items."""
    return [layer for of_item in (await _LAYERS.of(tx, items)).values() for layer in of_item]


async def list_layers(tx: Tx[Catalog], *, region: RegionCode | None, item: ItemCode | None, after: str, limit: int) -> list[Standard]:
    """Layers by key, of one region, one item, or all."""
    table = STANDARDS.c
    statement = select(table.body).where(table.key > after).order_by(table.key).limit(limit)
    if region is not None:
        statement = statement.where(table.region == region)
    if item is not None:
        statement = statement.where(table.item_code == item)
    return [decode(Standard, row.body) for row in await tx.execute(statement)]


async def save_standards(tx: Tx[Catalog], layers: Sequence[Standard]) -> None:
    """Keep layers; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction changed one of them since.
    """
    await write_next(
        tx,
        STANDARDS,
        [
            {
                "key": one.key,
                "item_code": one.item_code,
                "region": one.region,
                "body": encode_object(one),
            }
            for one in layers
        ],
    )
    _LAYERS.forget(tx)
