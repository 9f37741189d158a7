"""Handlings, one row per case, and the events they record."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, ColumnElement, DateTime, Index, Integer, Table, Text, collate, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import where
from chassis.outbox import Outgoing, put
from chassis.shelves import Shelf
from contracts.codec import decode, encode_object
from contracts.events import CaseReceived
from contracts.values import CaseId, OrganCode, PersonRef, TransferId
from routing_svc.context import RoutingTx
from routing_svc.handling.domain import WAITS, Handling, HandlingState
from routing_svc.schema import METADATA, of_a_case
from rules.access import Tree

_OPEN = text(f"state in ({', '.join(repr(state.value) for state in WAITS)})")
"""Said in the very words of the index, so that it is used whichever of these states are asked for."""

HANDLINGS = Table(
    "handlings",
    METADATA,
    Column("case_id", Text, primary_key=True),
    Column("case_no", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("item_code", Text, nullable=False),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("signed_by", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_handlings_queue", "handling_organ", "opened_at", "case_id"),
    Index("ix_handlings_open", "handling_organ", "opened_at", "case_id", postgresql_where=_OPEN),
    postgresql_with={"fillfactor": "80"},
)

_COLUMNS: Mapping[str, ColumnElement[object]] = {
    name: HANDLINGS.c[name] for name in ("case_id", "receiving_region", "receiving_organ", "handling_region", "handling_organ")
}


def row_of(handling: Handling) -> Mapping[str, object]:
    """The columns that access rules ask for."""
    return {
        "case_id": handling.case_id,
        "receiving_region": handling.case.region,
        "receiving_organ": handling.case.receiving_organ,
        "handling_region": handling.region,
        "handling_organ": handling.organ,
    }


def row_before(case: CaseReceived) -> Mapping[str, object]:
    """The same columns while nobody has signed: whose handling it would be."""
    return {
        "case_id": case.case_id,
        "receiving_region": case.region,
        "receiving_organ": case.receiving_organ,
        "handling_region": case.handling_region,
        "handling_organ": case.handling_organ,
    }


def _row(handling: Handling) -> Mapping[str, object]:
    body = encode_object(handling)
    del body["events"]
    return {
        **row_of(handling),
        "case_no": handling.case.case_no,
        "item_code": handling.case.item_code,
        "signed_by": handling.signed_by,
        "opened_at": handling.opened_at,
        "state": handling.state.value,
        "version": handling.version,
        "body": body,
    }


_AT_HAND = of_a_case(
    Shelf(HANDLINGS, key="case_id", identity=lambda handling: handling.case_id, row=_row, read=lambda body: decode(Handling, body))
)


async def save_handlings(tx: RoutingTx, handlings: Sequence[Handling]) -> None:
    """Keep handlings just opened and what happened to others, and send their events; the locks of their cases are held."""
    for handling in handlings:
        _AT_HAND.put(tx, handling.case_id, handling)
        await put(tx, _outgoing(handling))


async def get_handling(tx: RoutingTx, case_id: CaseId) -> Handling | None:
    """The handling of a case, once somebody signed for it."""
    return next(iter(await _AT_HAND.of(tx, case_id)), None)


async def list_handlings(
    tx: RoutingTx,
    tree: Tree,
    *,
    states: frozenset[HandlingState] | None,
    signed_by: PersonRef | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> tuple[Handling, ...]:
    """Handlings that the tree lets through, oldest first.

    Args:
        tx: The transaction.
        tree: The access rule.
        states: Only these.
        signed_by: Only those that this person signed for.
        after: Opening and case of the last one of the page before.
        limit: Most.
    """
    statement = select(HANDLINGS.c.body).where(where(tree, _COLUMNS)).order_by(HANDLINGS.c.opened_at, HANDLINGS.c.case_id).limit(limit)
    if states is not None:
        statement = statement.where(HANDLINGS.c.state.in_(sorted(states)))
        if states <= WAITS.keys():
            statement = statement.where(_OPEN)
    if signed_by is not None:
        statement = statement.where(HANDLINGS.c.signed_by == signed_by)
    if after is not None:
        statement = statement.where(tuple_(HANDLINGS.c.opened_at, HANDLINGS.c.case_id) > tuple_(*after))
    return tuple(decode(Handling, body) for body in (await tx.execute(statement)).scalars())


async def list_open_at(tx: RoutingTx, organs: Collection[OrganCode], *, after: TransferId | None, limit: int) -> list[TransferId]:
    """Of open handlings at these organs the hops that they were signed for by, by id.

    Args:
        tx: The transaction.
        organs: Whose.
        after: The last one of the page before.
        limit: Most.
    """
    name = collate(HANDLINGS.c.body["transfer_id"].astext, "C")
    statement = select(name).where(_OPEN, HANDLINGS.c.handling_organ.in_(sorted(organs))).order_by(name).limit(limit)
    if after is not None:
        statement = statement.where(name > after)
    return [TransferId(found) for found in (await tx.execute(statement)).scalars()]


def _outgoing(handling: Handling) -> list[Outgoing]:
    outgoing = []
    for event in handling.events:
        handling.sequence += 1
        outgoing.append(Outgoing(event=event, sequence=handling.sequence))
    handling.events.clear()
    return outgoing
