"""Base forms in the database."""

from sqlalchemy import Column, Integer, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.base_form.domain import BaseForm
from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, write_next
from chassis.database import Tx
from contracts.codec import decode, encode_object

BASE_FORMS = Table(
    "base_forms",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("region", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
)
"""Merged into versions when they are drafted, so no other service asks for one and it is on no topic."""


async def get_base_form(tx: Tx[Catalog], code: str) -> tuple[BaseForm, int] | None:
    """A base form with the version of its row."""
    row = (await tx.execute(select(BASE_FORMS).where(BASE_FORMS.c.code == code))).one_or_none()
    return None if row is None else (decode(BaseForm, row.body), row.version)


async def list_base_forms(tx: Tx[Catalog], *, after: str, limit: int) -> list[BaseForm]:
    """Base forms by code."""
    statement = select(BASE_FORMS.c.body).where(BASE_FORMS.c.code > after).order_by(BASE_FORMS.c.code).limit(limit)
    return [decode(BaseForm, row.body) for row in await tx.execute(statement)]


async def save_base_form(tx: Tx[Catalog], form: BaseForm) -> None:
    """Keep a base form; the caller holds its lock.

    Raises:
        StaleVersion: Another transaction changed it since.
    """
    await write_next(tx, BASE_FORMS, [{"code": form.code, "region": form.region, "body": encode_object(form)}])
