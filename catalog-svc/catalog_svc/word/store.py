"""Everyday words in the database: a list of entries that only grows; what holds is the newest entry about a word."""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Identity,
    Index,
    Subquery,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA
from catalog_svc.word.domain import Word
from chassis.database import Tx
from contracts.values import ItemCode, PersonRef, RegionCode

WORD_ENTRIES = Table(
    "word_entries",
    METADATA,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    Column("region", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("item", Text, nullable=False, server_default=""),
    Column("means", Text, nullable=False, server_default=""),
    Column("holds", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_word_entries_newest", "region", "word", "item", "means", "entry_id"),
)
"""Who gave or gave up which word, in order; never changed."""


async def get_edition(tx: Tx[Catalog]) -> int:
    """A number that rises with every entry."""
    return int((await tx.execute(select(func.coalesce(func.max(WORD_ENTRIES.c.entry_id), 0)))).scalar_one())


async def count_words(tx: Tx[Catalog]) -> int:
    """How many words hold."""
    newest = _newest()
    return int((await tx.execute(select(func.count()).select_from(newest).where(newest.c.holds))).scalar_one())


async def list_words(tx: Tx[Catalog], *, after: int, limit: int | None) -> list[tuple[int, Word]]:
    """The words that hold, with the number of their entry, by that number."""
    newest = _newest()
    rows = await tx.execute(select(newest).where(newest.c.holds, newest.c.entry_id > after).order_by(newest.c.entry_id).limit(limit))
    return [
        (
            row.entry_id,
            Word(
                word=row.word,
                item=ItemCode(row.item) if row.item else None,
                means=row.means or None,
                region=RegionCode(row.region),
            ),
        )
        for row in rows
    ]


async def newest_entries(tx: Tx[Catalog], words: Sequence[Word], *, holds: bool) -> set[Word]:
    """Those of these words whose newest entry says that they hold, or that they hold no more."""
    newest = _newest(WORD_ENTRIES.c.word.in_([one.word for one in words]))
    rows = (await tx.execute(select(newest).where(newest.c.holds.is_(holds)))).all()
    kept = {(row.region, row.word, row.item, row.means) for row in rows}
    return {one for one in words if (one.region, one.word, one.item or "", one.means or "") in kept}


async def add_entries(tx: Tx[Catalog], words: Sequence[Word], *, holds: bool, by: PersonRef) -> None:
    """Write down that words hold, or no more."""
    if not words:
        return
    rows = [
        {
            "region": one.region,
            "word": one.word,
            "item": one.item or "",
            "means": one.means or "",
            "holds": holds,
            "by": by,
            "at": tx.at,
        }
        for one in words
    ]
    await tx.execute(insert(WORD_ENTRIES), rows)


def _newest(*where: ColumnElement[bool]) -> Subquery:
    about = (WORD_ENTRIES.c.region, WORD_ENTRIES.c.word, WORD_ENTRIES.c.item, WORD_ENTRIES.c.means)
    entries = select(WORD_ENTRIES).where(*where).ext(distinct_on(*about))
    return entries.order_by(*about, WORD_ENTRIES.c.entry_id.desc()).subquery()
