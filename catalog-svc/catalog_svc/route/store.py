"""The route key in the database."""

from sqlalchemy import Column, DateTime, LargeBinary, Table, Text, insert, select

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA
from chassis.database import Tx

ROUTE_KEYS = Table(
    "route_keys",
    METADATA,
    Column("kid", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""Signing keys, sealed each under a key of its own that the vault wraps; the newest signs, all are published."""


async def get_keys(tx: Tx[Catalog]) -> list[tuple[str, bytes]]:
    """Every key, newest first."""
    rows = await tx.execute(select(ROUTE_KEYS.c.kid, ROUTE_KEYS.c.sealed).order_by(ROUTE_KEYS.c.at.desc(), ROUTE_KEYS.c.kid))
    return [(row.kid, row.sealed) for row in rows]


async def add_key(tx: Tx[Catalog], kid: str, *, sealed: bytes) -> None:
    """Keep a new key."""
    await tx.execute(insert(ROUTE_KEYS).values(kid=kid, sealed=sealed, at=tx.at))
