"""Clocks by case."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from chassis.shelves import Shelf
from contracts.codec import decode, encode_object
from contracts.values import CaseId
from routing_svc.clock.domain import LIVE, Clock, ClockKind
from routing_svc.context import RoutingTx
from routing_svc.schema import METADATA, of_a_case

CLOCKS = Table(
    "clocks",
    METADATA,
    Column("clock_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("organ", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_clocks_case", "case_id"),
    postgresql_with={"fillfactor": "80"},
)


def _row(clock: Clock) -> Mapping[str, object]:
    return {
        "clock_id": clock.clock_id,
        "case_id": clock.case_id,
        "kind": clock.kind.value,
        "organ": clock.organ,
        "region": clock.region,
        "state": clock.state.value,
        "due": clock.due,
        "version": clock.version,
        "body": encode_object(clock),
    }


_AT_HAND = of_a_case(Shelf(CLOCKS, key="case_id", identity=lambda clock: clock.clock_id, row=_row, read=lambda body: decode(Clock, body)))


async def save_clocks(tx: RoutingTx, clocks: Sequence[Clock]) -> None:
    """Keep clocks just started, and what happened to others; the locks of their cases are held."""
    for clock in clocks:
        _AT_HAND.put(tx, clock.case_id, clock)


async def get_clock(tx: RoutingTx, clock_id: str) -> Clock | None:
    """One clock."""
    case_id = clock_id.split(":", 1)[0]
    return next((clock for clock in await _AT_HAND.of(tx, case_id) if clock.clock_id == clock_id), None)


async def get_clocks(tx: RoutingTx, case_id: CaseId, *, kinds: frozenset[ClockKind] | None = None, live: bool = False) -> tuple[Clock, ...]:
    """The clocks of a case, in the order they were started.

    Args:
        tx: The transaction.
        case_id: The case.
        kinds: Only these.
        live: Only those that still wait for an act.
    """
    found = [
        clock for clock in await _AT_HAND.of(tx, case_id) if (kinds is None or clock.kind in kinds) and (not live or clock.state in LIVE)
    ]
    return tuple(sorted(found, key=lambda clock: (clock.started_at, clock.kind.value, clock.number)))


async def count_clocks(tx: RoutingTx, case_id: CaseId) -> Mapping[ClockKind, int]:
    """How many clocks of each kind a case had so far."""
    return Counter(clock.kind for clock in await _AT_HAND.of(tx, case_id))
