"""The certificate list in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import Column, Index, Integer, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, write_next
from chassis import outbox
from chassis.database import Tx
from contracts.certificates import Certificate, CertificateState
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

CERTIFICATES = Table(
    "certificates",
    METADATA,
    Column("certificate_id", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_certificates_region", "region", "certificate_id"),
)
"""Every row that was ever published, cancelled ones too."""


async def get_certificate(tx: Tx[Catalog], certificate_id: str) -> tuple[Certificate, int] | None:
    """A row of the list with its version."""
    row = (await tx.execute(select(CERTIFICATES).where(CERTIFICATES.c.certificate_id == certificate_id))).one_or_none()
    return None if row is None else (decode(Certificate, row.body), row.version)


async def get_certificates(tx: Tx[Catalog], ids: Collection[str]) -> dict[str, Certificate]:
    """The rows among these ids."""
    rows = await tx.execute(select(CERTIFICATES.c.body).where(CERTIFICATES.c.certificate_id.in_(sorted(ids))))
    return {one.certificate_id: one for one in (decode(Certificate, row.body) for row in rows)}


async def list_certificates(
    tx: Tx[Catalog], *, region: RegionCode | None, state: CertificateState | None, after: str, limit: int
) -> list[Certificate]:
    """Rows by id; of one region's own list, or all."""
    table = CERTIFICATES.c
    statement = select(table.body).where(table.certificate_id > after).order_by(table.certificate_id).limit(limit)
    if region is not None:
        statement = statement.where(table.region == region)
    if state is not None:
        statement = statement.where(table.state == state.value)
    return [decode(Certificate, row.body) for row in await tx.execute(statement)]


async def save_certificates(tx: Tx[Catalog], rows: Sequence[Certificate]) -> None:
    """Publish rows; the caller holds the lock on each.

    Raises:
        StaleVersion: Another transaction published one of them since.
    """
    await write_next(
        tx,
        CERTIFICATES,
        [
            {
                "certificate_id": one.certificate_id,
                "region": one.region,
                "state": one.state.value,
                "body": encode_object(one),
            }
            for one in rows
        ],
    )
    await outbox.put_documents(tx, rows)
