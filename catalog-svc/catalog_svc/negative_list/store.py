"""Negative lists in the database: the editions as documents, their entries as rows that are looked up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Column, ColumnElement, Date, ForeignKey, Index, Integer, Select, Table, Text, delete, insert, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from catalog_svc.context import Catalog
from catalog_svc.negative_list.domain import Edition, Entry, grams, searched
from catalog_svc.schema import METADATA, write_next
from chassis.database import Tx
from contracts.codec import decode, encode_object
from contracts.values import JsonObject, RegionCode

EDITIONS = Table(
    "negative_lists",
    METADATA,
    Column("edition_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_negative_lists_kind", "region", "kind"),
)
"""Every edition that was ever published, with its entries; asked for by this service alone, so it is on no topic."""

ENTRIES = Table(
    "negative_list_entries",
    METADATA,
    Column("edition_id", Text, ForeignKey("negative_lists.edition_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("grams", ARRAY(Text), nullable=False),
    Column("body", JSONB, nullable=False),
    # Seldom written, often looked up: nothing waits beside the index to be gone through by every search.
    Index("ix_negative_list_entries_grams", "grams", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
)
"""The entries of the published editions; characters and their pairs find a Chinese word where trigrams do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for; None leaves open."""

    words: tuple[str, ...] = ()
    """As `searched` gives them; each must occur."""
    kind: str | None = None
    edition_id: str | None = None
    region: RegionCode | None = None
    day: date | None = None
    """On which it is in force."""


async def get_edition(tx: Tx[Catalog], edition_id: str) -> tuple[Edition, int] | None:
    """An edition with its version."""
    row = (await tx.execute(select(EDITIONS.c.body, EDITIONS.c.version).where(EDITIONS.c.edition_id == edition_id))).one_or_none()
    return None if row is None else (decode(Edition, row.body), row.version)


async def get_editions(tx: Tx[Catalog], ids: Sequence[str]) -> list[Edition]:
    """The editions among these ids."""
    rows = await tx.execute(select(EDITIONS.c.body).where(EDITIONS.c.edition_id.in_(sorted(ids))))
    return [decode(Edition, row.body) for row in rows]


async def editions_of(tx: Tx[Catalog], *, kind: str, region: RegionCode) -> list[Edition]:
    """Every published edition of a region's list."""
    rows = await tx.execute(select(EDITIONS.c.body).where(EDITIONS.c.region == region, EDITIONS.c.kind == kind))
    return [decode(Edition, row.body) for row in rows]


async def list_editions(tx: Tx[Catalog], sought: Sought, *, after: str, limit: int) -> list[Edition]:
    """Editions by id."""
    statement = select(EDITIONS.c.body).where(EDITIONS.c.edition_id > after, *_of_edition(sought))
    rows = await tx.execute(statement.order_by(EDITIONS.c.edition_id).limit(limit))
    return [decode(Edition, row.body) for row in rows]


def entries_query(sought: Sought, *, after: tuple[str, int], limit: int) -> Select[tuple[str, JsonObject]]:
    """Edition and body of entries, found by their characters and then by their words."""
    table = ENTRIES.c
    found = select(table.edition_id, table.body).join(EDITIONS, EDITIONS.c.edition_id == table.edition_id)
    found = found.where(tuple_(table.edition_id, table.number) > after, *_of_edition(sought))
    for word in sought.words:
        found = found.where(table.grams.contains(sorted(grams(word))), table.text.contains(word, autoescape=True))
    return found.order_by(table.edition_id, table.number).limit(limit)


async def find_entries(tx: Tx[Catalog], sought: Sought, *, after: tuple[str, int], limit: int) -> list[tuple[Edition, Entry]]:
    """Entries by edition and number, each with the edition that it stands in."""
    rows = (await tx.execute(entries_query(sought, after=after, limit=limit))).all()
    editions = {one.edition_id: one for one in await get_editions(tx, sorted({row.edition_id for row in rows}))}
    return [(editions[row.edition_id], decode(Entry, row.body)) for row in rows]


async def save_editions(tx: Tx[Catalog], editions: Sequence[Edition]) -> None:
    """Publish editions with just these entries; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction published one of them since.
    """
    await write_next(
        tx,
        EDITIONS,
        [
            {
                "edition_id": one.edition_id,
                "kind": one.kind,
                "region": one.region,
                "valid_from": one.valid_from,
                "valid_to": one.valid_to,
                "body": encode_object(one),
            }
            for one in editions
        ],
    )
    await tx.execute(delete(ENTRIES).where(ENTRIES.c.edition_id.in_([one.edition_id for one in editions])))
    await tx.execute(insert(ENTRIES), [_row(edition, entry) for edition in editions for entry in edition.entries])


def _of_edition(sought: Sought) -> list[ColumnElement[bool]]:
    table = EDITIONS.c
    wanted = ((table.kind, sought.kind), (table.edition_id, sought.edition_id), (table.region, sought.region))
    where = [column == value for column, value in wanted if value is not None]
    if sought.day is not None:
        where += [table.valid_from <= sought.day, or_(table.valid_to.is_(None), table.valid_to > sought.day)]
    return where


def _row(edition: Edition, entry: Entry) -> dict[str, object]:
    text = "\n".join(searched(part) for part in (entry.field, entry.measure, *entry.industries))
    return {
        "edition_id": edition.edition_id,
        "number": entry.number,
        "text": text,
        "grams": sorted(grams(text)),
        "body": encode_object(entry),
    }
