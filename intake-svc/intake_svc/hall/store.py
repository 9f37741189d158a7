"""Windows, officers and duties in intake's database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Table, Text, and_, any_, bindparam, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from chassis.database import Tx
from chassis.prepared import Prepared
from contracts.values import ItemCode, OrganCode, PersonRef, RegionCode, WindowId
from intake_svc.context import Intake
from intake_svc.hall.domain import EVERY_ITEM, Duty, Officer, Window
from intake_svc.schema import METADATA

LIST_LIMIT = 200
"""Windows shown of one region at most; no county's hall has more comprehensive windows."""

WINDOWS = Table(
    "windows",
    METADATA,
    Column("window", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("skills", ARRAY(Text), nullable=False),
    Column("open", Boolean, nullable=False),
    Index("ix_windows_region", "region", "window"),
)
OFFICERS = Table(
    "officers",
    METADATA,
    Column("officer", Text, primary_key=True),
    Column("organ", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)
DUTIES = Table(
    "duties",
    METADATA,
    Column("window", Text, ForeignKey("windows.window"), primary_key=True),
    Column("officer", Text, ForeignKey("officers.officer"), primary_key=True),
    Column("begins", DateTime(timezone=True), primary_key=True),
    Column("ends", DateTime(timezone=True)),
)


async def get_windows(
    tx: Tx[Intake], windows: Sequence[WindowId], *, officers: Sequence[PersonRef], at: datetime
) -> dict[WindowId, tuple[Window, list[Duty]]]:
    """Windows, open or closed, with the duties of these officers there, as far as active, that reach the instant; one query for all."""
    if not windows:
        return {}
    found: dict[WindowId, tuple[Window, list[Duty]]] = {}
    asked = {"windows": sorted(set(windows)), "officers": sorted(set(officers)), "at": at}
    for *columns, officer, begins, ends in await tx.fetch(_MANNED, asked):
        here = _window(columns)
        known, duties = found.setdefault(here.window, (here, []))
        if begins is not None:
            duties.append(Duty(window=known.window, officer=PersonRef(officer), begins=begins, ends=ends))
    return found


async def first_window(tx: Tx[Intake], region: RegionCode, *, item_code: ItemCode) -> Window | None:
    """The first open window of a region that takes the item in."""
    serves = WINDOWS.c.skills.overlap([EVERY_ITEM, item_code])
    row = (
        await tx.execute(select(WINDOWS).where(WINDOWS.c.region == region, WINDOWS.c.open, serves).order_by(WINDOWS.c.window).limit(1))
    ).first()
    return None if row is None else _window(row)


async def list_windows(tx: Tx[Intake], region: RegionCode) -> list[Window]:
    """Open windows of a region, by id, at most `LIST_LIMIT`."""
    rows = await tx.execute(select(WINDOWS).where(WINDOWS.c.region == region, WINDOWS.c.open).order_by(WINDOWS.c.window).limit(LIST_LIMIT))
    return [_window(row) for row in rows]


async def open_windows(
    tx: Tx[Intake], *, regions: Collection[RegionCode] | None, item: ItemCode | None, after: str, limit: int | None
) -> list[Window]:
    """Open windows by id.

    Args:
        tx: Open transaction.
        regions: Of these regions; ``None`` of all.
        item: That take this item in; ``None`` for whatever they take in.
        after: The id of the last one of the page before.
        limit: At most this many.
    """
    statement = select(WINDOWS).where(WINDOWS.c.open, WINDOWS.c.window > after)
    if regions is not None:
        statement = statement.where(WINDOWS.c.region == any_(literal(sorted(regions), ARRAY(Text))))
    if item is not None:
        statement = statement.where(WINDOWS.c.skills.overlap([EVERY_ITEM, item]))
    return [_window(row) for row in await tx.execute(statement.order_by(WINDOWS.c.window).limit(limit))]


async def save_windows(tx: Tx[Intake], windows: Sequence[Window]) -> None:
    """Add windows, or bring those that are there to this form."""
    rows = [
        {
            "window": window.window,
            "region": window.region,
            "organ": window.organ,
            "name": window.name,
            "name_en": window.name_en,
            "address": window.address,
            "skills": sorted(window.skills),
            "open": window.open,
        }
        for window in windows
    ]
    statement = insert(WINDOWS)
    changed = {column.name: statement.excluded[column.name] for column in WINDOWS.c if not column.primary_key}
    if rows:
        await tx.execute(statement.on_conflict_do_update(index_elements=["window"], set_=changed), rows)


async def save_officers(tx: Tx[Intake], officers: Sequence[Officer]) -> None:
    """Add officers, or bring those that are there to this form."""
    rows = [{"officer": officer.officer, "organ": officer.organ, "active": officer.active} for officer in officers]
    statement = insert(OFFICERS)
    changed = {"organ": statement.excluded.organ, "active": statement.excluded.active}
    if rows:
        await tx.execute(statement.on_conflict_do_update(index_elements=["officer"], set_=changed), rows)


async def save_duties(tx: Tx[Intake], duties: Sequence[Duty]) -> None:
    """Add duties, or set the end of those that are there."""
    rows = [{"window": duty.window, "officer": duty.officer, "begins": duty.begins, "ends": duty.ends} for duty in duties]
    statement = insert(DUTIES)
    changed = {"ends": statement.excluded.ends}
    if rows:
        await tx.execute(statement.on_conflict_do_update(index_elements=["window", "officer", "begins"], set_=changed), rows)


_at = bindparam("at", type_=DateTime(timezone=True))
_reaching = and_(
    DUTIES.c.window == WINDOWS.c.window,
    DUTIES.c.officer == any_(bindparam("officers", type_=ARRAY(Text))),
    DUTIES.c.begins <= _at,
    or_(DUTIES.c.ends.is_(None), DUTIES.c.ends > _at),
)
_MANNED = Prepared(
    select(WINDOWS, DUTIES.c.officer, DUTIES.c.begins, DUTIES.c.ends)
    .select_from(WINDOWS.outerjoin(DUTIES.join(OFFICERS, and_(OFFICERS.c.officer == DUTIES.c.officer, OFFICERS.c.active)), _reaching))
    .where(WINDOWS.c.window == any_(bindparam("windows", type_=ARRAY(Text))))
)


def _window(columns: Iterable[Any]) -> Window:
    """From the columns of `WINDOWS`, in their order."""
    window, region, organ, name, name_en, address, skills, is_open = columns
    return Window(
        window=WindowId(window),
        region=RegionCode(region),
        organ=OrganCode(organ),
        name=name,
        name_en=name_en,
        address=address,
        skills=frozenset(ItemCode(code) for code in skills),
        open=is_open,
    )
