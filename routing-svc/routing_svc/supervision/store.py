"""Cards and traces."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, ColumnElement, DateTime, Index, PrimaryKeyConstraint, Table, Text, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import where
from chassis.writing import Conflict, Rows
from contracts.codec import decode, encode_object
from contracts.values import PersonRef, RegionCode
from routing_svc.context import RoutingTx
from routing_svc.schema import METADATA
from routing_svc.supervision.domain import Card, Trace
from rules.access import Tree

CARDS = Table(
    "cards",
    METADATA,
    Column("card_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("colour", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_cards_at", "at", "card_id"),
    Index("ix_cards_case", "case_id"),
)

TRACES = Table(
    "traces",
    METADATA,
    Column("trace_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("caller", Text, nullable=False),
    Column("aggregate", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    # The id alone says nothing: it comes with the request, and whoever sends another's must not be hidden behind it.
    PrimaryKeyConstraint("trace_id", "aggregate", "action", "about", "caller", "at", name="pk_traces"),
    Index("ix_traces_about", "about", "at"),
)

_NEW_TRACES = Rows(TRACES, conflict=Conflict.IGNORE)

_COLUMNS: Mapping[str, ColumnElement[object]] = {
    name: CARDS.c[name] for name in ("case_id", "receiving_region", "receiving_organ", "handling_region", "handling_organ")
}


async def save_cards(tx: RoutingTx, cards: Sequence[Card]) -> frozenset[str]:
    """Keep cards; the ids of those that were new."""
    rows = [
        {
            "card_id": card.card_id,
            "case_id": card.case.case_id,
            "colour": card.colour.value,
            "organ": card.organ,
            "region": card.region,
            "at": card.at,
            "receiving_region": card.case.region,
            "receiving_organ": card.case.receiving_organ,
            "handling_region": card.case.handling_region,
            "handling_organ": card.case.handling_organ,
            "body": encode_object(card),
        }
        for card in cards
    ]
    made = await tx.execute(insert(CARDS).values(rows).on_conflict_do_nothing().returning(CARDS.c.card_id))
    return frozenset(row.card_id for row in made)


async def list_cards(
    tx: RoutingTx, tree: Tree, *, regions: frozenset[RegionCode] | None, after: tuple[datetime, str] | None, limit: int
) -> tuple[Card, ...]:
    """Cards that the tree lets through, newest first.

    Args:
        tx: The transaction.
        tree: The access rule.
        regions: Only cards charged to an organ of these.
        after: Instant and id of the last card of the page before.
        limit: Most.
    """
    statement = select(CARDS.c.body).where(where(tree, _COLUMNS)).order_by(CARDS.c.at.desc(), CARDS.c.card_id.desc()).limit(limit)
    if regions is not None:
        statement = statement.where(CARDS.c.region.in_(sorted(regions)))
    if after is not None:
        statement = statement.where(tuple_(CARDS.c.at, CARDS.c.card_id) < tuple_(*after))
    return tuple(decode(Card, body) for body in (await tx.execute(statement)).scalars())


async def save_traces(tx: RoutingTx, traces: Sequence[Trace]) -> None:
    """Keep traces; one heard twice is kept once."""
    for trace in traces:
        tx.write(_NEW_TRACES, encode_row(trace))


async def list_traces(tx: RoutingTx, tree: Tree, *, about: Sequence[str], limit: int) -> tuple[Trace, ...]:
    """Traces about any of these ids that the tree lets through, newest first."""
    statement = (
        select(TRACES)
        .where(where(tree, {"region": TRACES.c.region}), TRACES.c.about.in_(about))
        .order_by(TRACES.c.at.desc(), TRACES.c.trace_id)
        .limit(limit)
    )
    return tuple(
        Trace(
            trace_id=row.trace_id,
            at=row.at,
            caller=PersonRef(row.caller),
            aggregate=row.aggregate,
            action=row.action,
            about=row.about,
            region=RegionCode(row.region),
            rule_id=row.rule_id,
            purpose=row.purpose,
        )
        for row in await tx.execute(statement)
    )


def encode_row(trace: Trace) -> Mapping[str, object]:
    """A trace as its row."""
    return {
        "trace_id": trace.trace_id,
        "at": trace.at,
        "caller": trace.caller,
        "aggregate": trace.aggregate,
        "action": trace.action,
        "about": trace.about,
        "region": trace.region,
        "rule_id": trace.rule_id,
        "purpose": trace.purpose,
    }
