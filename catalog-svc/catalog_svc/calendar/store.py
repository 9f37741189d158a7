"""Published calendars in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, write_next
from chassis import outbox
from chassis.database import Tx
from contracts.catalogue import CalendarYear
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

CALENDARS = Table(
    "calendars",
    METADATA,
    Column("region", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("region", "year", name="pk_calendars"),
)
"""One year of one region; the nation's stands under its own code."""


async def get_calendar(tx: Tx[Catalog], *, region: RegionCode, year: int) -> tuple[CalendarYear, int] | None:
    """A published year with the version of its row."""
    found = await tx.execute(select(CALENDARS).where(CALENDARS.c.region == region, CALENDARS.c.year == year))
    row = found.one_or_none()
    return None if row is None else (decode(CalendarYear, row.body), row.version)


async def get_layers(tx: Tx[Catalog], *, regions: Collection[RegionCode], years: Collection[int]) -> list[CalendarYear]:
    """What these regions published of these years, in no order."""
    found = await tx.execute(select(CALENDARS.c.body).where(CALENDARS.c.region.in_(regions), CALENDARS.c.year.in_(years)))
    return [decode(CalendarYear, body) for body in found.scalars()]


async def save_calendars(tx: Tx[Catalog], calendars: Sequence[CalendarYear]) -> None:
    """Publish years: rows and documents; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction published one of them since.
    """
    await write_next(tx, CALENDARS, [{"region": one.region, "year": one.year, "body": encode_object(one)} for one in calendars])
    await outbox.put_documents(tx, calendars)
