"""Service items and their versions in the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Index,
    Integer,
    Row,
    ScalarSelect,
    Select,
    Table,
    Text,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert

from catalog_svc.context import Catalog
from catalog_svc.item.domain import ItemContent, ItemVersionRecord, ItemVersionState
from catalog_svc.schema import METADATA, AtHand, write_rows
from chassis import outbox
from chassis.database import Tx
from contracts.catalogue import PartDigests
from contracts.codec import decode, encode_object
from contracts.values import Digest, ItemCode, ItemId, ItemVersionId, OrganCode, PersonRef, RegionCode

ITEMS = Table(
    "items",
    METADATA,
    Column("item_id", Text, primary_key=True),
    Column("item_code", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("last_number", Integer, nullable=False),
    Index("ix_items_item_code", "item_code", "region"),
    Index("ix_items_organ", "organ"),
)
"""Umbrellas: what survives versions, and the number of the newest."""

_SUCCEEDS = literal_column("(body -> 'succeeds')", JSONB)
_TAKES_A_PLACE = literal_column("(body ? 'succeeds')", Boolean)
"""Both written out as in the index, which holds only the few versions that take a place: no plan for whatever parameter could use it."""

VERSIONS = Table(
    "item_versions",
    METADATA,
    Column("version_id", Text, primary_key=True),
    Column("item_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("item_code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("effective_from", DateTime(timezone=True)),
    Column("effective_to", DateTime(timezone=True)),
    Column("author", Text, nullable=False),
    Column("reviewer", Text),
    Column("drafted_after", Integer),
    Column("published_as", Integer),
    Column("version", Integer, nullable=False),
    Column("parts", JSONB, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("uq_item_versions_number", "item_id", "number", unique=True),
    Index("ix_item_versions_region", "region", "item_code"),
    Index("ix_item_versions_item", "item_code", "version_id"),
    Index("ix_item_versions_checklist", literal_column("(parts ->> 'checklist')"), "version_id"),
    Index("ix_item_versions_situations", literal_column("(parts ->> 'situations')"), "version_id"),
    Index("ix_item_versions_organ", "organ"),
    Index("ix_item_versions_succeeds", _SUCCEEDS, postgresql_using="gin", postgresql_where=_TAKES_A_PLACE),
)
"""Every version that was ever drafted."""

_HEARD = (
    ItemVersionState.PUBLISHED.value,
    ItemVersionState.SUPERSEDED.value,
    ItemVersionState.SUSPENDED.value,
    ItemVersionState.WITHDRAWN.value,
)


async def keep_items(tx: Tx[Catalog], items: Mapping[ItemId, tuple[ItemCode, OrganCode, RegionCode, int]]) -> None:
    """Make umbrellas, or let those that are there know the number of their newest version; whose they are stays. The caller holds their locks."""
    statement = insert(ITEMS)
    rows = [
        {"item_id": item_id, "item_code": item_code, "organ": organ, "region": region, "last_number": last}
        for item_id, (item_code, organ, region, last) in items.items()
    ]
    if rows:
        numbered = {"last_number": func.greatest(ITEMS.c.last_number, statement.excluded.last_number)}
        await tx.execute(statement.on_conflict_do_update(index_elements=["item_id"], set_=numbered), rows)


async def find_item(tx: Tx[Catalog], *, organs: Sequence[OrganCode], item_code: ItemCode) -> ItemId | None:
    """The umbrella of an organ's item, its own or one that moved or will move to it or from it, before those of organs merged into it.

    Where there are several, that whose last version begins last.

    Args:
        tx: Any transaction.
        organs: The organ, then those merged into it.
        item_code: The base item.
    """
    held = _held(tx.at, organs=organs, codes=[item_code]).subquery()
    statement = select(held.c.item_id).order_by(
        (held.c.organ == organs[0]).desc(), _begins(held.c.item_id).desc().nulls_last(), held.c.item_id
    )
    found = (await tx.execute(statement.limit(1))).scalar_one_or_none()
    return None if found is None else ItemId(found)


async def get_item_code(tx: Tx[Catalog], item_id: ItemId) -> ItemCode | None:
    """The base code that all versions under an umbrella have."""
    found = (await tx.execute(select(ITEMS.c.item_code).where(ITEMS.c.item_id == item_id))).scalar_one_or_none()
    return None if found is None else ItemCode(found)


async def find_items(tx: Tx[Catalog], named: Collection[tuple[OrganCode, ItemCode]]) -> dict[tuple[OrganCode, ItemCode], ItemId]:
    """The same as `find_item` of many at once; those that there are."""
    if not named:
        return {}
    held = _held(tx.at, organs=sorted({organ for organ, _ in named}), codes=sorted({code for _, code in named})).subquery()
    # What comes last stands in the answer.
    rows = await tx.execute(select(held).order_by(_begins(held.c.item_id).asc().nulls_first(), held.c.item_id.desc()))
    found = {(OrganCode(row.organ), ItemCode(row.item_code)): ItemId(row.item_id) for row in rows}
    return {pair: item_id for pair, item_id in found.items() if pair in named}


async def move_item(tx: Tx[Catalog], item_id: ItemId, *, organ: OrganCode, region: RegionCode) -> None:
    """Say whose item it is at last; the caller holds the item's lock."""
    await tx.execute(update(ITEMS).where(ITEMS.c.item_id == item_id).values(organ=organ, region=region))


async def get_version(tx: Tx[Catalog], version_id: ItemVersionId) -> ItemVersionRecord | None:
    """One version."""
    row = (await tx.execute(select(VERSIONS).where(VERSIONS.c.version_id == version_id))).one_or_none()
    return None if row is None else _record(row)


async def get_versions(tx: Tx[Catalog], item_id: ItemId) -> list[ItemVersionRecord]:
    """All versions of an item, newest first."""
    rows = await tx.execute(select(VERSIONS).where(VERSIONS.c.item_id == item_id).order_by(VERSIONS.c.number.desc()))
    return [_record(row) for row in rows]


async def get_versions_of(tx: Tx[Catalog], item_ids: Collection[ItemId]) -> dict[ItemId, list[ItemVersionRecord]]:
    """The same of many items; those without one are left out."""
    table = VERSIONS.c
    asked = select(VERSIONS).where(table.item_id.in_(sorted(item_ids))).order_by(table.item_id, table.number.desc())
    found: dict[ItemId, list[ItemVersionRecord]] = {}
    for row in await tx.execute(asked) if item_ids else ():
        found.setdefault(ItemId(row.item_id), []).append(_record(row))
    return found


_HELD = AtHand(get_versions_of)


async def get_held_versions(tx: Tx[Catalog], item_ids: Collection[ItemId]) -> dict[ItemId, list[ItemVersionRecord]]:
    """The same of items whose locks the caller holds: read once, until a version of theirs is saved."""
    return await _HELD.of(tx, item_ids)


async def get_told(tx: Tx[Catalog], item_ids: Collection[ItemId], *, at: datetime) -> dict[ItemId, ItemVersionRecord]:
    """Of each item the version that an officer goes by who says nothing else; items of which none was ever accepted are left out.

    The newest that is in force at an instant or will be; else one that was published and is not taken back; else the newest that waits;
    else the newest that ever was published.
    """
    table, told = VERSIONS.c, VERSIONS.c.effective_from.is_not(None)
    withdrawn = table.state == ItemVersionState.WITHDRAWN.value
    rank = case((and_(told, *_not_over(at)), 0), (told & ~withdrawn, 1), (~withdrawn, 2), else_=3)
    newest = (
        select(VERSIONS)
        .where(table.item_id.in_(sorted(item_ids)), or_(told, ~withdrawn))
        .order_by(table.item_id, rank, table.number.desc())
        .ext(distinct_on(table.item_id))
    )
    return {ItemId(row.item_id): _record(row) for row in await tx.execute(newest)} if item_ids else {}


async def list_in_force(
    tx: Tx[Catalog],
    *,
    at: datetime,
    item_code: ItemCode | None,
    region: RegionCode | None,
    organ: OrganCode | None,
    text: str,
    after: str,
    limit: int,
) -> list[ItemVersionRecord]:
    """Versions in force at an instant, by their id."""
    table = VERSIONS.c
    statement = select(VERSIONS).where(table.version_id > after, *_in_force(at)).order_by(table.version_id).limit(limit)
    for column, value in ((table.item_code, item_code), (table.region, region), (table.organ, organ)):
        if value is not None:
            statement = statement.where(column == value)
    if text:
        statement = statement.where(table.name.contains(text, autoescape=True))
    return [_record(row) for row in await tx.execute(statement)]


async def list_with_part(
    tx: Tx[Catalog],
    kind: Literal["checklist", "situations"],
    digests: Collection[Digest],
    *,
    at: datetime | None,
    after: str = "",
    limit: int | None = None,
) -> list[ItemVersionRecord]:
    """Versions with one of these parts that are in force at an instant or will be, by their id; all that were ever published for None."""
    # The kind is written out, not bound: the index is on the expression.
    named = literal_column(f"(parts ->> '{kind}')", Text).in_(sorted(digests))
    told = (VERSIONS.c.effective_from.is_not(None),) if at is None else _not_over(at)
    statement = select(VERSIONS).where(named, VERSIONS.c.version_id > after, *told)
    rows = await tx.execute(statement.order_by(VERSIONS.c.version_id).limit(limit))
    return [_record(row) for row in rows]


async def list_members(
    tx: Tx[Catalog], codes: Collection[ItemCode], *, regions: Collection[RegionCode], at: datetime
) -> list[ItemVersionRecord]:
    """Versions of these base items that are in force at an instant in one of these regions, by their id."""
    table = VERSIONS.c
    named = (table.item_code.in_(sorted(codes)), table.region.in_(sorted(regions)))
    return [_record(row) for row in await tx.execute(select(VERSIONS).where(*named, *_in_force(at)).order_by(table.version_id))]


async def list_pairs_in_force(
    tx: Tx[Catalog], *, organs: Collection[OrganCode], codes: Collection[ItemCode], at: datetime
) -> frozenset[tuple[OrganCode, ItemCode]]:
    """Which of these organs have which of these base items in force at an instant."""
    table = VERSIONS.c
    named = (table.organ.in_(sorted(organs)), table.item_code.in_(sorted(codes)))
    rows = await tx.execute(select(table.organ, table.item_code).where(*named, *_in_force(at)).distinct())
    return frozenset((OrganCode(row.organ), ItemCode(row.item_code)) for row in rows)


async def _read_successors(tx: Tx[Catalog], item_ids: Collection[ItemId]) -> dict[ItemId, list[ItemVersionRecord]]:
    found: dict[ItemId, list[ItemVersionRecord]] = {}
    for row in await tx.execute(successors_query(item_ids)):
        record = _record(row)
        for item_id in record.content.succeeds:
            found.setdefault(item_id, []).append(record)
    return found


_SUCCESSORS = AtHand(_read_successors)


def successors_query(item_ids: Collection[ItemId]) -> Select[Any]:
    """What `list_successors` asks, of one item at least; for the test that it is answered by the index whatever the parameters are."""
    named = or_(*(_SUCCEEDS.contains([item_id]) for item_id in sorted(item_ids)))
    return select(VERSIONS).where(_TAKES_A_PLACE, named)


async def list_successors(tx: Tx[Catalog], item_ids: Collection[ItemId]) -> list[ItemVersionRecord]:
    """Every version, of whatever item and state, that takes the place of one of these items, whose locks the caller holds."""
    found = {one.version_id: one for of_item in (await _SUCCESSORS.of(tx, item_ids)).values() for one in of_item}
    return [found[version_id] for version_id in sorted(found)]


async def list_published(tx: Tx[Catalog], organs: Sequence[OrganCode], *, items: Sequence[ItemCode]) -> list[tuple[ItemCode, RegionCode]]:
    """Of these items those that one of these organs has published and not taken back, with the region of each version."""
    table = VERSIONS.c
    states = (ItemVersionState.PUBLISHED.value, ItemVersionState.SUSPENDED.value)
    statement = select(table.item_code, table.region).where(table.organ.in_(organs), table.item_code.in_(items), table.state.in_(states))
    return [(ItemCode(row.item_code), RegionCode(row.region)) for row in await tx.execute(statement.distinct())]


async def save_versions(tx: Tx[Catalog], records: Sequence[ItemVersionRecord]) -> None:
    """Keep versions as they are now; those that other services hear of go out, in this order. The caller holds the item's lock.

    Raises:
        StaleVersion: Another transaction changed one of them since it was read.
    """
    for record in records:
        record.version += 1
    await write_rows(tx, VERSIONS, [_row(record) for record in records])
    heard = [one.document() for one in records if one.effective_from is not None and one.state.value in _HEARD]
    await outbox.put_documents(tx, heard)
    _HELD.forget(tx, {one.item_id for one in records})
    if any(one.content.succeeds for one in records):
        _SUCCESSORS.forget(tx)


def _held(at: datetime, *, organs: Sequence[OrganCode], codes: Sequence[ItemCode]) -> CompoundSelect[Any]:
    """Items with the organs that have them at last, and with those that have them now or will."""
    kept, table = ITEMS.c, VERSIONS.c
    at_last = select(kept.item_id, kept.organ, kept.item_code).where(kept.organ.in_(organs), kept.item_code.in_(codes))
    holding = select(table.item_id, table.organ, table.item_code).where(table.organ.in_(organs), table.item_code.in_(codes), *_not_over(at))
    return at_last.union(holding)


def _begins(item_id: ColumnElement[Any]) -> ScalarSelect[Any]:
    """When the last version of an item begins; those that were taken back before never do."""
    table = VERSIONS.c
    begin = or_(table.effective_to.is_(None), table.effective_to > table.effective_from)
    return select(func.max(table.effective_from)).where(table.item_id == item_id, begin).scalar_subquery()


def _in_force(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (VERSIONS.c.effective_from <= at, *_not_over(at))


def _not_over(at: datetime) -> tuple[ColumnElement[bool], ...]:
    table = VERSIONS.c
    return (
        table.state.in_((ItemVersionState.PUBLISHED.value, ItemVersionState.SUPERSEDED.value)),
        or_(table.effective_to.is_(None), and_(table.effective_to > at, table.effective_to > table.effective_from)),
    )


def _row(record: ItemVersionRecord) -> dict[str, object]:
    return {
        "version_id": record.version_id,
        "item_id": record.item_id,
        "number": record.number,
        "item_code": record.content.item_code,
        "name": record.content.name,
        "organ": record.content.organ,
        "region": record.region,
        "state": record.state.value,
        "effective_from": record.effective_from,
        "effective_to": record.effective_to,
        "author": record.author,
        "reviewer": record.reviewer,
        "drafted_after": record.drafted_after,
        "published_as": record.published_as,
        "version": record.version,
        "parts": encode_object(record.parts),
        "body": encode_object(record.content),
    }


def _record(row: Row[Any]) -> ItemVersionRecord:
    return ItemVersionRecord(
        version_id=ItemVersionId(row.version_id),
        item_id=ItemId(row.item_id),
        number=row.number,
        region=RegionCode(row.region),
        content=decode(ItemContent, row.body),
        parts=decode(PartDigests, row.parts),
        state=ItemVersionState(row.state),
        author=PersonRef(row.author),
        reviewer=None if row.reviewer is None else PersonRef(row.reviewer),
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        drafted_after=row.drafted_after,
        published_as=row.published_as,
        version=row.version,
    )
