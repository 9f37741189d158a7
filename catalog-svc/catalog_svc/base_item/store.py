"""Base items in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, Column, Integer, Table, Text, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.base_item.domain import BaseItem
from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, AtHand, write_next
from chassis.database import Tx
from contracts.codec import decode, encode_object
from contracts.values import ItemCode

BASE_ITEMS = Table(
    "base_items",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
)
"""The base directory; no other service asks for it, so it is on no topic."""


async def _read(tx: Tx[Catalog], codes: Collection[ItemCode]) -> dict[ItemCode, BaseItem]:
    rows = await tx.execute(select(BASE_ITEMS.c.body).where(BASE_ITEMS.c.code.in_(sorted(codes))))
    return {item.code: item for item in (decode(BaseItem, row.body) for row in rows)}


_ITEMS = AtHand(_read)


async def get_base_items(tx: Tx[Catalog], codes: Collection[ItemCode]) -> dict[ItemCode, BaseItem]:
    """The base items among these codes."""
    return await _ITEMS.of(tx, codes)


async def get_base_item(tx: Tx[Catalog], code: ItemCode) -> tuple[BaseItem, int] | None:
    """A base item with the version of its row."""
    row = (await tx.execute(select(BASE_ITEMS).where(BASE_ITEMS.c.code == code))).one_or_none()
    return None if row is None else (decode(BaseItem, row.body), row.version)


async def list_base_items(tx: Tx[Catalog], *, after: str, limit: int | None) -> list[BaseItem]:
    """Base items by code."""
    statement = select(BASE_ITEMS.c.body).where(BASE_ITEMS.c.code > after).order_by(BASE_ITEMS.c.code).limit(limit)
    return [decode(BaseItem, row.body) for row in await tx.execute(statement)]


async def get_edition(tx: Tx[Catalog]) -> int:
    """A number that rises with every change of the directory."""
    found = await tx.execute(select(func.coalesce(func.sum(cast(BASE_ITEMS.c.version, BigInteger)), 0)))
    return int(found.scalar_one())


async def save_base_items(tx: Tx[Catalog], items: Sequence[BaseItem]) -> None:
    """Keep base items; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction changed one of them since.
    """
    await write_next(tx, BASE_ITEMS, [{"code": one.code, "name": one.name, "body": encode_object(one)} for one in items])
    _ITEMS.forget(tx)
