"""Published delegations in the database."""

from collections.abc import Sequence

from sqlalchemy import Column, Index, Integer, Table, Text, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, ends_within, write_next
from chassis import outbox
from chassis.database import Tx
from contracts.codec import decode, encode_object
from contracts.delegations import Delegation
from contracts.values import DelegationId, ItemCode, OrganCode, RegionCode

DELEGATIONS = Table(
    "delegations",
    METADATA,
    Column("delegation_id", Text, primary_key=True),
    Column("delegator", Text, nullable=False),
    Column("delegate", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("items", ARRAY(Text), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_delegations_delegator", "delegator", "delegation_id"),
    Index("ix_delegations_delegate", "delegate", "delegation_id"),
    Index("ix_delegations_region", "region", "delegation_id"),
    Index("ix_delegations_items", "items", postgresql_using="gin"),
)
"""Every delegation that was ever published, ended and revoked ones too."""


async def get_delegation(tx: Tx[Catalog], delegation_id: DelegationId) -> tuple[Delegation, int] | None:
    """A published delegation with the version of its row."""
    row = (await tx.execute(select(DELEGATIONS).where(DELEGATIONS.c.delegation_id == delegation_id))).one_or_none()
    return None if row is None else (decode(Delegation, row.body), row.version)


async def list_sharing(tx: Tx[Catalog], items: Sequence[ItemCode], *, but: DelegationId) -> list[Delegation]:
    """Every published delegation that shares an item with these, but one."""
    table = DELEGATIONS.c
    statement = select(table.body).where(table["items"].overlap(list(items)), table.delegation_id != but).order_by(table.delegation_id)
    return [decode(Delegation, row.body) for row in await tx.execute(statement)]


async def list_delegations(
    tx: Tx[Catalog],
    *,
    organ: OrganCode | None,
    region: RegionCode | None,
    item: ItemCode | None,
    ending_within: int | None,
    after: str,
    limit: int,
) -> list[Delegation]:
    """Delegations by id.

    Args:
        tx: Open transaction.
        organ: On either side.
        region: Exactly the one it holds for.
        item: One of those it hands on.
        ending_within: In force today and not revoked, and no longer so many days later.
        after: The id before the first.
        limit: Most.
    """
    table = DELEGATIONS.c
    statement = select(table.body).where(table.delegation_id > after).order_by(table.delegation_id).limit(limit)
    if organ is not None:
        statement = statement.where(or_(table.delegator == organ, table.delegate == organ))
    if region is not None:
        statement = statement.where(table.region == region)
    if item is not None:
        statement = statement.where(table["items"].contains([item]))
    if ending_within is not None:
        statement = statement.where(ends_within(tx, table.body, days=ending_within), table.body["revoked_from"].astext.is_(None))
    return [decode(Delegation, row.body) for row in await tx.execute(statement)]


async def save_delegation(tx: Tx[Catalog], delegation: Delegation) -> None:
    """Publish a delegation: row and document; the caller holds its lock.

    Raises:
        StaleVersion: Another transaction published it since.
    """
    row = {
        "delegation_id": delegation.delegation_id,
        "delegator": delegation.delegator,
        "delegate": delegation.delegate,
        "region": delegation.region,
        "items": list(delegation.items),
        "body": encode_object(delegation),
    }
    await write_next(tx, DELEGATIONS, [row])
    await outbox.put_documents(tx, [delegation])
