"""Deliveries, one per decision."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, ColumnElement, DateTime, Index, Integer, Table, Text, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from chassis.anchors import Anchor, Anchored
from chassis.database import where
from chassis.shelves import Shelf
from contracts.codec import decode, encode_object
from contracts.values import CaseId
from routing_svc.context import RoutingTx
from routing_svc.delivery.domain import Delivery, DeliveryState
from routing_svc.schema import METADATA, access_columns, of_a_case
from rules.access import Tree

_OPEN = text(f"state = '{DeliveryState.OPEN.value}'")
"""Said in the very words of the index, so that it is used also by a plan that does not look at what is asked for."""

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("delivery_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_deliveries_case", "case_id"),
    Index("ix_deliveries_queue", "receiving_organ", "opened_at", "delivery_id"),
    Index("ix_deliveries_open", "receiving_organ", "opened_at", "delivery_id", postgresql_where=_OPEN),
    postgresql_with={"fillfactor": "80"},
)

_COLUMNS: Mapping[str, ColumnElement[object]] = {
    name: DELIVERIES.c[name] for name in ("case_id", "receiving_region", "receiving_organ", "handling_region", "handling_organ")
}


def row_of(delivery: Delivery) -> Mapping[str, object]:
    """The columns that access rules ask for."""
    return {
        "case_id": delivery.case_id,
        "receiving_region": delivery.case.region,
        "receiving_organ": delivery.case.receiving_organ,
        "handling_region": delivery.region,
        "handling_organ": delivery.organ,
    }


def _row(delivery: Delivery) -> Mapping[str, object]:
    return {
        **row_of(delivery),
        "delivery_id": delivery.delivery_id,
        "opened_at": delivery.opened_at,
        "state": delivery.state.value,
        "version": delivery.version,
        "body": encode_object(delivery),
    }


_AT_HAND = of_a_case(
    Shelf(DELIVERIES, key="case_id", identity=lambda delivery: delivery.delivery_id, row=_row, read=lambda body: decode(Delivery, body))
)


_root = DELIVERIES.c.body["case"]["root_case_id"].astext
_place = select(_root.label("key"), DELIVERIES.c.case_id, _root.label("root_case_id"))
_BY_ID = Anchor(_place, by=DELIVERIES.c.delivery_id, shown=access_columns(DELIVERIES))


def anchored(delivery_id: str, *, seen: Tree) -> Anchored:
    """A delivery: what is written about it holds its case's lock, which is taken where it is seen."""
    return _BY_ID.of(delivery_id, seen=seen)


async def add_delivery(tx: RoutingTx, delivery: Delivery) -> bool:
    """Keep a delivery just opened; False when the decision has one already. The case's lock is held."""
    if await get_delivery(tx, delivery.case_id, delivery.delivery_id) is not None:
        return False
    _AT_HAND.put(tx, delivery.case_id, delivery)
    return True


async def save_deliveries(tx: RoutingTx, deliveries: Sequence[Delivery]) -> None:
    """Keep what happened to deliveries; the locks of their cases are held."""
    for delivery in deliveries:
        _AT_HAND.put(tx, delivery.case_id, delivery)


async def find_place(tx: RoutingTx, delivery_id: str) -> tuple[CaseId, CaseId] | None:
    """Case and root case of a delivery, which never change: what has to be known before the lock is taken."""
    row = await _BY_ID.find(tx, delivery_id)
    return None if row is None else (CaseId(row[0]), CaseId(row[1]))


async def get_delivery(tx: RoutingTx, case_id: CaseId, delivery_id: str) -> Delivery | None:
    """One delivery of a case."""
    return next((delivery for delivery in await _AT_HAND.of(tx, case_id) if delivery.delivery_id == delivery_id), None)


async def list_deliveries(
    tx: RoutingTx, tree: Tree, *, state: DeliveryState | None, case: str | None, after: tuple[datetime, str] | None, limit: int
) -> tuple[Delivery, ...]:
    """Deliveries that the tree lets through, oldest first.

    Args:
        tx: The transaction.
        tree: The access rule.
        state: Only these.
        case: Only those of this case, by id.
        after: Opening and id of the last one of the page before.
        limit: Most.
    """
    statement = (
        select(DELIVERIES.c.body).where(where(tree, _COLUMNS)).order_by(DELIVERIES.c.opened_at, DELIVERIES.c.delivery_id).limit(limit)
    )
    if state is not None:
        statement = statement.where(_OPEN if state is DeliveryState.OPEN else DELIVERIES.c.state == state.value)
    if case is not None:
        statement = statement.where(DELIVERIES.c.case_id == case)
    if after is not None:
        statement = statement.where(tuple_(DELIVERIES.c.opened_at, DELIVERIES.c.delivery_id) > tuple_(*after))
    return tuple(decode(Delivery, body) for body in (await tx.execute(statement)).scalars())
