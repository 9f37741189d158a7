"""Published agreements in the database."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, Integer, Table, Text, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, ends_within, write_next
from chassis import outbox
from chassis.database import Tx
from contracts.catalogue import Agreement
from contracts.codec import decode, encode_object
from contracts.values import AgreementId, RegionCode

AGREEMENTS = Table(
    "agreements",
    METADATA,
    Column("agreement_id", Text, primary_key=True),
    Column("receiving", ARRAY(Text), nullable=False),
    Column("handling", ARRAY(Text), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_agreements_receiving", "receiving", postgresql_using="gin"),
    Index("ix_agreements_handling", "handling", postgresql_using="gin"),
)
"""Every agreement that was ever published, expired ones too."""


async def get_agreement(tx: Tx[Catalog], agreement_id: AgreementId) -> tuple[Agreement, int] | None:
    """A published agreement with the version of its row."""
    row = (await tx.execute(select(AGREEMENTS).where(AGREEMENTS.c.agreement_id == agreement_id))).one_or_none()
    return None if row is None else (decode(Agreement, row.body), row.version)


async def get_agreements(tx: Tx[Catalog], ids: Sequence[AgreementId]) -> list[Agreement]:
    """The published agreements among these ids."""
    rows = await tx.execute(select(AGREEMENTS.c.body).where(AGREEMENTS.c.agreement_id.in_(ids)))
    return [decode(Agreement, row.body) for row in rows]


async def list_agreements(
    tx: Tx[Catalog], *, region: RegionCode | None, ending_within: int | None, after: str, limit: int
) -> list[Agreement]:
    """Agreements by id; those that name a region on either side, or all.

    Args:
        tx: Open transaction.
        region: On either side or a member.
        ending_within: In force today, and no longer so many days later.
        after: The id before the first.
        limit: Most.
    """
    table = AGREEMENTS
    statement = select(table.c.body).where(table.c.agreement_id > after).order_by(table.c.agreement_id).limit(limit)
    if region is not None:
        statement = statement.where(or_(table.c.receiving.contains([region]), table.c.handling.contains([region])))
    if ending_within is not None:
        statement = statement.where(ends_within(tx, table.c.body, days=ending_within))
    return [decode(Agreement, row.body) for row in await tx.execute(statement)]


async def save_agreements(tx: Tx[Catalog], agreements: Sequence[Agreement]) -> None:
    """Publish agreements: rows and documents; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction published one of them since.
    """
    await write_next(
        tx,
        AGREEMENTS,
        [
            {
                "agreement_id": one.agreement_id,
                "receiving": [*one.receiving, *one.alliance],
                "handling": [*one.handling, *one.alliance],
                "body": encode_object(one),
            }
            for one in agreements
        ],
    )
    await outbox.put_documents(tx, agreements)
