"""Clocks by case."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast as as_clock

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from chassis.shelves import Shelf
from contracts.codec import decode, encode_object
from contracts.values import CaseId, Json
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


@dataclass(frozen=True, slots=True)
class _Ended:
    """A clock that waits for nothing any more: what later clocks must know of it."""

    clock_id: str
    version: int = 0
    """Never written again."""

    @property
    def kind(self) -> ClockKind:
        """Which."""
        return ClockKind(self.clock_id.split(":")[1])

    @property
    def number(self) -> int:
        """Which of its kind."""
        return int(self.clock_id.split(":")[2])


def _read(found: Json) -> Clock | _Ended:
    return _Ended(found) if isinstance(found, str) else decode(Clock, found)


def _live() -> ColumnElement[bool]:
    return or_(*(CLOCKS.c.state == literal_column(f"'{state.value}'") for state in sorted(LIVE)))


_AT_HAND: Shelf[Clock | _Ended] = of_a_case(
    Shelf(
        CLOCKS,
        key="case_id",
        identity=lambda clock: clock.clock_id,
        row=lambda clock: _row(as_clock("Clock", clock)),
        read=_read,
        # Most of a case's clocks have ended: their ids are enough, and reading their bodies was a third of what reading a case costs.
        body=case((_live(), cast(CLOCKS.c.body, Text)), else_=cast(func.to_json(CLOCKS.c.clock_id), Text)),
    )
)


async def save_clocks(tx: RoutingTx, clocks: Sequence[Clock]) -> None:
    """Keep clocks just started, and what happened to others; the locks of their cases are held."""
    for clock in clocks:
        _AT_HAND.put(tx, clock.case_id, clock)


async def get_clock(tx: RoutingTx, clock_id: str) -> Clock | None:
    """One clock that still waits for an act."""
    live = await get_clocks(tx, CaseId(clock_id.split(":", 1)[0]))
    return next((clock for clock in live if clock.clock_id == clock_id), None)


async def get_clocks(tx: RoutingTx, case_id: CaseId, *, kinds: frozenset[ClockKind] | None = None) -> tuple[Clock, ...]:
    """The clocks of a case that still wait for an act, in the order they were started.

    Args:
        tx: The transaction.
        case_id: The case.
        kinds: Only these.
    """
    at_hand = await _AT_HAND.of(tx, case_id)
    live = [clock for clock in at_hand if isinstance(clock, Clock) and clock.state in LIVE and (kinds is None or clock.kind in kinds)]
    return tuple(sorted(live, key=_started))


async def last_clock(tx: RoutingTx, case_id: CaseId, kind: ClockKind) -> Clock | None:
    """The newest clock of a kind, whatever became of it."""
    of_kind = [clock for clock in await _AT_HAND.of(tx, case_id) if clock.kind is kind]
    last = max(of_kind, key=lambda clock: clock.number, default=None)
    if isinstance(last, _Ended):
        body = (await tx.execute(select(CLOCKS.c.body).where(CLOCKS.c.clock_id == last.clock_id))).scalar_one()
        return decode(Clock, body)
    return last


async def all_clocks(tx: RoutingTx, case_id: CaseId) -> tuple[Clock, ...]:
    """Every clock of a case, in the order they were started; to be read only."""
    bodies = await tx.execute(select(CLOCKS.c.body).where(CLOCKS.c.case_id == case_id))
    return tuple(sorted((decode(Clock, body) for body in bodies.scalars()), key=_started))


async def count_clocks(tx: RoutingTx, case_id: CaseId) -> Mapping[ClockKind, int]:
    """How many clocks of each kind a case had so far."""
    return Counter(clock.kind for clock in await _AT_HAND.of(tx, case_id))


async def list_provisional(tx: RoutingTx, clock_ids: Sequence[str]) -> list[tuple[str, CaseId]]:
    """Of these clocks those that run towards a provisional date, each with its case.

    What is provisional is in the body: no index may hold the body, or every write of a clock would write to it.
    """
    statement = select(CLOCKS.c.clock_id, CLOCKS.c.case_id).where(
        CLOCKS.c.clock_id == func.any(bindparam("clocks", type_=ARRAY(Text))), CLOCKS.c.body["provisional"].astext == "true"
    )
    return [(row.clock_id, CaseId(row.case_id)) for row in await tx.execute(statement, {"clocks": list(clock_ids)})]


def _started(clock: Clock) -> tuple[datetime, str, int]:
    return clock.started_at, clock.kind.value, clock.number
