"""Powers lists in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Index, Integer, Select, Table, Text, and_, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from catalog_svc.context import Catalog
from catalog_svc.power.domain import Power, PowerKind
from catalog_svc.schema import METADATA, write_next
from chassis.database import Tx
from contracts.codec import decode, encode_object
from contracts.values import ItemCode, JsonObject, OrganCode, RegionCode

POWERS = Table(
    "powers",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("applied_for", Boolean, nullable=False),
    Column("organs", ARRAY(Text), nullable=False),
    Column("item_codes", ARRAY(Text), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_powers_region", "region", "key"),
    Index("ix_powers_kind", "region", "kind", "key"),
    # Most of a list is penalties and inspections, which the report of what no item exercises would read for nothing.
    Index("ix_powers_applied_for", "region", "key", postgresql_where=text("applied_for")),
    # Seldom written, asked for with each item: nothing waits beside the index to be gone through.
    Index("ix_powers_link", "organs", "item_codes", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
)
"""Every power that was ever published, cancelled ones too; asked for by this service alone, so it is on no topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for on a list; None leaves open."""

    region: RegionCode
    organ: OrganCode | None = None
    kind: PowerKind | None = None
    linked: bool | None = None
    """Whether it names an item."""
    listed: bool = True
    """Whether it stands there, else was taken off."""


async def get_power(tx: Tx[Catalog], key: str) -> tuple[Power, int] | None:
    """A power with its version."""
    row = (await tx.execute(select(POWERS.c.body, POWERS.c.version).where(POWERS.c.key == key))).one_or_none()
    return None if row is None else (decode(Power, row.body), row.version)


def list_query(sought: Sought, *, after: str, limit: int) -> Select[tuple[JsonObject]]:
    """What `list_powers` asks."""
    table = POWERS.c
    statement = select(table.body).where(table.region == sought.region, table.listed == sought.listed, table.key > after)
    if sought.organ is not None:
        statement = statement.where(table.organs.contains([sought.organ]))
    if sought.kind is not None:
        statement = statement.where(table.kind == sought.kind.value)
    if sought.linked is not None:
        statement = statement.where((func.cardinality(table.item_codes) > 0) == sought.linked)
    return statement.order_by(table.key).limit(limit)


async def list_powers(tx: Tx[Catalog], sought: Sought, *, after: str, limit: int) -> list[Power]:
    """A region's list, by key."""
    return [decode(Power, row.body) for row in await tx.execute(list_query(sought, after=after, limit=limit))]


def applied_for_query(region: RegionCode, *, after: str, limit: int) -> Select[tuple[JsonObject]]:
    """What `list_applied_for` asks."""
    table = POWERS.c
    return select(table.body).where(table.region == region, table.applied_for, table.key > after).order_by(table.key).limit(limit)


async def list_applied_for(tx: Tx[Catalog], region: RegionCode, *, after: str, limit: int) -> list[Power]:
    """Those of a region's list that are exercised when somebody applies, by key."""
    return [decode(Power, row.body) for row in await tx.execute(applied_for_query(region, after=after, limit=limit))]


def behind_query(exercised: Mapping[ItemCode, Collection[OrganCode]], *, after: str, limit: int) -> Select[tuple[JsonObject]]:
    """What `list_behind` asks."""
    table = POWERS.c
    named = or_(*(and_(table.organs.overlap(sorted(own)), table.item_codes.contains([item])) for item, own in exercised.items()))
    return select(table.body).where(named, table.listed, table.key > after).order_by(table.key).limit(limit)


async def list_behind(tx: Tx[Catalog], exercised: Mapping[ItemCode, Collection[OrganCode]], *, after: str, limit: int) -> list[Power]:
    """The powers that are exercised through one of these items by one of its organs, on whatever list, by key."""
    return [decode(Power, row.body) for row in await tx.execute(behind_query(exercised, after=after, limit=limit))]


def pairs_query(organs: Collection[OrganCode], *, items: Collection[ItemCode]) -> Select[tuple[str, str]]:
    """What `list_pairs` asks."""
    table = POWERS.c
    organ, item = (func.unnest(column).table_valued("code").render_derived() for column in (table.organs, table.item_codes))
    wanted = (table.organs.overlap(sorted(organs)), table.item_codes.overlap(sorted(items)), table.listed)
    each = select(organ.c.code.label("organ"), item.c.code.label("item")).select_from(POWERS).join(organ, true()).join(item, true())
    return each.where(*wanted, organ.c.code.in_(sorted(organs)), item.c.code.in_(sorted(items))).distinct()


async def list_pairs(
    tx: Tx[Catalog], organs: Collection[OrganCode], *, items: Collection[ItemCode]
) -> frozenset[tuple[OrganCode, ItemCode]]:
    """Which of these organs exercise a power through which of these items."""
    return frozenset((OrganCode(row.organ), ItemCode(row.item)) for row in await tx.execute(pairs_query(organs, items=items)))


async def save_powers(tx: Tx[Catalog], powers: Sequence[Power]) -> None:
    """Publish powers; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction published one of them since.
    """
    await write_next(
        tx,
        POWERS,
        [
            {
                "key": one.key,
                "region": one.region,
                "kind": one.kind.value,
                "listed": one.listed,
                "applied_for": one.applied_for,
                "organs": list(one.organs),
                "item_codes": list(one.items),
                "body": encode_object(one),
            }
            for one in powers
        ],
    )
