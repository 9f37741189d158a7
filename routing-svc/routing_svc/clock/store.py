"""Clocks by case."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import StaleVersion
from contracts.codec import decode, encode_object
from contracts.values import CaseId
from routing_svc.clock.domain import LIVE, Clock, ClockKind
from routing_svc.context import RoutingTx
from routing_svc.schema import METADATA

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

_UPDATE = (
    update(CLOCKS)
    .where(CLOCKS.c.clock_id == bindparam("of_clock_id"), CLOCKS.c.version == bindparam("of_version"))
    .values(state=bindparam("new_state"), due=bindparam("new_due"), version=bindparam("new_version"), body=bindparam("new_body"))
)


async def add_clocks(tx: RoutingTx, clocks: Sequence[Clock]) -> None:
    """Keep clocks just started."""
    for clock in clocks:
        clock.version = 1
    await tx.execute(insert(CLOCKS), [_row(clock) for clock in clocks])


async def save_clocks(tx: RoutingTx, clocks: Sequence[Clock]) -> None:
    """Keep what happened to clocks.

    Raises:
        StaleVersion: One was changed since it was read.
    """
    for clock in clocks:
        clock.version += 1
        row = _row(clock)
        done = await tx.execute(
            _UPDATE,
            {
                "of_clock_id": clock.clock_id,
                "of_version": clock.version - 1,
                "new_state": row["state"],
                "new_due": row["due"],
                "new_version": clock.version,
                "new_body": row["body"],
            },
        )
        if done.rowcount != 1:
            raise StaleVersion


async def get_clock(tx: RoutingTx, clock_id: str) -> Clock | None:
    """One clock."""
    body = (await tx.execute(select(CLOCKS.c.body).where(CLOCKS.c.clock_id == clock_id))).scalar_one_or_none()
    return None if body is None else decode(Clock, body)


async def get_clocks(tx: RoutingTx, case_id: CaseId, *, kinds: frozenset[ClockKind] | None = None, live: bool = False) -> tuple[Clock, ...]:
    """The clocks of a case, in the order they were started.

    Args:
        tx: The transaction.
        case_id: The case.
        kinds: Only these.
        live: Only those that still wait for an act.
    """
    statement = select(CLOCKS.c.body).where(CLOCKS.c.case_id == case_id)
    if kinds is not None:
        statement = statement.where(CLOCKS.c.kind.in_([kind.value for kind in kinds]))
    if live:
        statement = statement.where(CLOCKS.c.state.in_([state.value for state in LIVE]))
    found = [decode(Clock, body) for body in (await tx.execute(statement)).scalars()]
    return tuple(sorted(found, key=lambda clock: (clock.started_at, clock.kind.value, clock.number)))


async def count_clocks(tx: RoutingTx, case_id: CaseId) -> Mapping[ClockKind, int]:
    """How many clocks of each kind a case had so far."""
    statement = select(CLOCKS.c.kind, func.count().label("had")).where(CLOCKS.c.case_id == case_id).group_by(CLOCKS.c.kind)
    return {ClockKind(row.kind): row.had for row in await tx.execute(statement)}


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
