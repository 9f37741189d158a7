"""Table ``status_places``: one row per credential, keyed by its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    bindparam,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Tx
from chassis.prepared import Prepared
from contracts.values import CredentialId
from credential_svc.schema import METADATA
from credential_svc.status.domain import Place, Status

STATUS_PLACES = Table(
    "status_places",
    METADATA,
    Column("list_id", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("credential_id", Text, nullable=False, unique=True),
    Column("status", SmallInteger, nullable=False),
    PrimaryKeyConstraint("list_id", "place", name="pk_status_places"),
)
Index("ix_status_places_not_valid", STATUS_PLACES.c.list_id, postgresql_where=STATUS_PLACES.c.status != Status.VALID.value)


_drawn = (
    func.unnest(
        bindparam("lists", type_=ARRAY(Integer)), bindparam("places", type_=ARRAY(Integer)), bindparam("credentials", type_=ARRAY(Text))
    )
    .table_valued("list_id", "place", "credential_id", name="drawn")
    .render_derived()
)
_TAKE = Prepared(
    insert(STATUS_PLACES)
    .from_select(
        ["list_id", "place", "credential_id", "status"],
        # In one order, so that two transactions that draw the same places never wait for each other in a ring.
        select(_drawn.c.list_id, _drawn.c.place, _drawn.c.credential_id, literal(Status.VALID.value)).order_by(
            _drawn.c.list_id, _drawn.c.place
        ),
    )
    .on_conflict_do_nothing(index_elements=["list_id", "place"])
    .returning(STATUS_PLACES.c.credential_id)
)


async def take_places(tx: Tx[Any], drawn: Mapping[CredentialId, Place]) -> frozenset[CredentialId]:
    """Take places that are free; the credentials that got theirs."""
    columns = {
        "lists": [place.list_id for place in drawn.values()],
        "places": [place.index for place in drawn.values()],
        "credentials": list(drawn),
    }
    return frozenset(CredentialId(credential_id) for (credential_id,) in await tx.fetch(_TAKE, columns))


async def last_list(tx: Tx[Any]) -> int | None:
    """Number of the list begun last."""
    number: int | None = await tx.connection.scalar(select(func.max(STATUS_PLACES.c.list_id)))
    return number


async def save_status(tx: Tx[Any], credential_id: CredentialId, *, status: Status) -> None:
    """Let another status stand at a credential's place."""
    row = STATUS_PLACES.c.credential_id == credential_id
    await tx.execute(update(STATUS_PLACES).where(row).values(status=status.value))


async def get_status(tx: Tx[Any], place: Place) -> Status | None:
    """What stands at a place; None where no credential has it."""
    row = (STATUS_PLACES.c.list_id == place.list_id, STATUS_PLACES.c.place == place.index)
    found = await tx.connection.scalar(select(STATUS_PLACES.c.status).where(*row))
    return None if found is None else Status(found)


async def not_valid(tx: Tx[Any], list_id: int) -> dict[int, Status]:
    """Places of a list where something else than valid stands."""
    rows = (STATUS_PLACES.c.list_id == list_id, STATUS_PLACES.c.status != Status.VALID.value)
    found = await tx.execute(select(STATUS_PLACES.c.place, STATUS_PLACES.c.status).where(*rows))
    return {row.place: Status(row.status) for row in found}
