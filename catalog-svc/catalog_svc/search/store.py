"""What people looked for in vain, in the database: the words alone, with counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Column, DateTime, Index, Integer, PrimaryKeyConstraint, Table, Text, delete, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA
from catalog_svc.search.domain import Miss
from chassis.database import Tx
from contracts.values import RegionCode

SEARCH_MISSES = Table(
    "search_misses",
    METADATA,
    Column("region", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("times", Integer, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("region", "words", name="pk_search_misses"),
    Index("ix_search_misses_last_at", "last_at"),
)
"""Searches that found nothing likely, without who asked and when each was asked."""


async def add_miss(tx: Tx[Catalog], words: str, *, region: RegionCode, most: int, below: int) -> None:
    """Count a search in vain.

    Args:
        tx: The caller's transaction.
        words: As they may be kept.
        region: The region that was named, or the nation.
        most: At most so many are kept; beyond, a new one takes the place of one that is seldom asked, or is not kept.
        below: Asked less often than this is seldom; the oldest of these goes first.
    """
    known = await tx.execute(select(SEARCH_MISSES.c.times).where(SEARCH_MISSES.c.region == region, SEARCH_MISSES.c.words == words))
    if known.one_or_none() is None and int((await tx.execute(select(func.count()).select_from(SEARCH_MISSES))).scalar_one()) >= most:
        key = tuple_(SEARCH_MISSES.c.region, SEARCH_MISSES.c.words)
        seldom = select(SEARCH_MISSES.c.region, SEARCH_MISSES.c.words).where(SEARCH_MISSES.c.times < below)
        oldest = seldom.order_by(SEARCH_MISSES.c.last_at).limit(1)
        gone = await tx.execute(delete(SEARCH_MISSES).where(key.in_(oldest)))
        if not gone.rowcount:
            return
    row = {"region": region, "words": words, "times": 1, "first_at": tx.at, "last_at": tx.at}
    statement = insert(SEARCH_MISSES).values(row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["region", "words"],
            set_={"times": SEARCH_MISSES.c.times + 1, "last_at": statement.excluded.last_at},
        )
    )


async def forget_misses(tx: Tx[Catalog], *, before: datetime, below: int | None = None) -> None:
    """Drop what nobody looked for since; with ``below`` only what was looked for less often than that."""
    seldom = SEARCH_MISSES.c.times < below if below is not None else true()
    await tx.execute(delete(SEARCH_MISSES).where(SEARCH_MISSES.c.last_at < before, seldom))


async def list_misses(
    tx: Tx[Catalog], *, regions: Sequence[RegionCode] | None, least: int, after: tuple[int, str, str] | None, limit: int
) -> list[Miss]:
    """Searches in vain, the most frequent first.

    Args:
        tx: The caller's transaction.
        regions: Of these regions; ``None`` of all.
        least: Asked so often at least.
        after: Times, region and words of the last one of the page before.
        limit: At most so many.
    """
    times, region, words = SEARCH_MISSES.c.times, SEARCH_MISSES.c.region, SEARCH_MISSES.c.words
    statement = select(SEARCH_MISSES).where(times >= least)
    if regions is not None:
        statement = statement.where(region.in_(regions))
    if after is not None:
        statement = statement.where(tuple_(-times, region, words) > tuple_(-after[0], after[1], after[2]))
    rows = await tx.execute(statement.order_by(times.desc(), region, words).limit(limit))
    return [
        Miss(
            region=RegionCode(row.region),
            words=row.words,
            times=row.times,
            first_at=cast("datetime", row.first_at),
            last_at=cast("datetime", row.last_at),
        )
        for row in rows
    ]
