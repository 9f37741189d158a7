"""Published regions in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import Column, Date, Index, Integer, Table, Text, bindparam, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, AtHand, write_next
from chassis import outbox
from chassis.database import Tx
from chassis.prepared import Prepared
from contracts.catalogue import Region
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

MOST_LEVELS = 12
"""More than there are between a village and the nation."""

REGIONS = Table(
    "regions",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent", Text),
    Column("valid_to", Date),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_regions_parent", "parent", "code"),
)
"""Every region that was ever published, abolished ones with their successors."""


async def get_regions(tx: Tx[Catalog], codes: Sequence[RegionCode]) -> dict[RegionCode, Region]:
    """The published regions among these codes."""
    rows = await tx.execute(select(REGIONS.c.body).where(REGIONS.c.code.in_(codes)))
    return {region.code: region for region in (decode(Region, row.body) for row in rows)}


async def get_region(tx: Tx[Catalog], code: RegionCode) -> tuple[Region, int] | None:
    """A published region with the version of its row."""
    row = (await tx.execute(select(REGIONS).where(REGIONS.c.code == code))).one_or_none()
    return None if row is None else (decode(Region, row.body), row.version)


async def list_regions(tx: Tx[Catalog], *, parent: RegionCode | None, text: str, after: str, limit: int) -> list[Region]:
    """Regions by code; those right below a parent, those whose name holds a text, or both."""
    statement = select(REGIONS.c.body).where(REGIONS.c.code > after).order_by(REGIONS.c.code).limit(limit)
    if parent is not None:
        statement = statement.where(REGIONS.c.parent == parent)
    if text:
        statement = statement.where(REGIONS.c.name.contains(text, autoescape=True))
    return [decode(Region, row.body) for row in await tx.execute(statement)]


async def get_below(tx: Tx[Catalog], code: RegionCode) -> frozenset[RegionCode]:
    """The region itself and all below it; empty for an unknown code."""
    return (await _BELOW.of(tx, [code]))[code]


async def get_line(tx: Tx[Catalog], code: RegionCode) -> tuple[RegionCode, ...]:
    """The region itself and all above it, upwards; empty for an unknown code."""
    return (await _LINE.of(tx, [code]))[code]


async def get_right_below(tx: Tx[Catalog], codes: Collection[RegionCode]) -> list[Region]:
    """The published regions whose parent is one of these."""
    rows = await tx.execute(select(REGIONS.c.body).where(REGIONS.c.parent.in_(codes)))
    return [decode(Region, row.body) for row in rows]


async def get_parents(tx: Tx[Catalog], codes: Collection[RegionCode]) -> dict[RegionCode, RegionCode | None]:
    """Of each known region among these the one above it."""
    rows = await tx.execute(select(REGIONS.c.code, REGIONS.c.parent).where(REGIONS.c.code.in_(codes)))
    return {RegionCode(row.code): None if row.parent is None else RegionCode(row.parent) for row in rows}


async def save_regions(tx: Tx[Catalog], regions: Sequence[Region]) -> None:
    """Publish regions: rows and documents; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction published one of them since.
    """
    await write_next(tx, REGIONS, [_row(one) for one in regions])
    _BELOW.forget(tx)
    _LINE.forget(tx)
    await outbox.put_documents(tx, regions)


def _row(region: Region) -> dict[str, object]:
    return {
        "code": region.code,
        "name": region.name,
        "parent": region.parent,
        "valid_to": region.valid_to,
        "body": encode_object(region),
    }


def _tree() -> Prepared:
    tree = select(REGIONS.c.code).where(REGIONS.c.code == bindparam("code", type_=Text)).cte("below", recursive=True)
    # UNION, not UNION ALL: a ring of parents would never end.
    tree = tree.union(select(REGIONS.c.code).join(tree, REGIONS.c.parent == tree.c.code))
    return Prepared(select(tree.c.code))


def _upwards() -> Prepared:
    own = select(REGIONS.c.code, REGIONS.c.parent, literal(0).label("steps")).where(REGIONS.c.code == bindparam("code", type_=Text))
    line = own.cte("line", recursive=True)
    above = select(REGIONS.c.code, REGIONS.c.parent, line.c.steps + 1).join(line, REGIONS.c.code == line.c.parent)
    # Bounded, since a ring of parents would never end.
    line = line.union_all(above.where(line.c.steps < MOST_LEVELS))
    return Prepared(select(line.c.code).order_by(line.c.steps))


_TREE, _UPWARDS = _tree(), _upwards()


async def _read_below(tx: Tx[Catalog], codes: Collection[RegionCode]) -> dict[RegionCode, frozenset[RegionCode]]:
    return {code: frozenset(RegionCode(found) for (found,) in await tx.fetch(_TREE, {"code": code})) for code in codes}


async def _read_line(tx: Tx[Catalog], codes: Collection[RegionCode]) -> dict[RegionCode, tuple[RegionCode, ...]]:
    return {code: tuple(dict.fromkeys(RegionCode(found) for (found,) in await tx.fetch(_UPWARDS, {"code": code}))) for code in codes}


_BELOW, _LINE = AtHand(_read_below), AtHand(_read_line)
