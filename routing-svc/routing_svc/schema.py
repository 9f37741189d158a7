"""The one metadata of routing's tables, each defined in its room's store; and what of them a transaction has at hand of its cases."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, MetaData, Table

from chassis.shelves import Shelf, fetch
from chassis.tables import define
from contracts.event import Event
from routing_svc.context import RoutingTx
from rules.access import columns

METADATA = MetaData()
"""All tables of the service; migrations are compared with it."""

define(METADATA)

T = TypeVar("T")

_OF_A_CASE: list[Shelf[object]] = []


def of_a_case(shelf: Shelf[T]) -> Shelf[T]:
    """Have a table's rows at hand whenever a case is worked on; they hang on its id."""
    _OF_A_CASE.append(shelf)  # type: ignore[arg-type]
    return shelf


def access_columns(table: Table) -> Mapping[str, Column[Any]]:
    """Where a table keeps what access rules ask for; whose case it is never changes."""
    return {name: table.c[name] for name in sorted(columns("case"))}


async def have_at_hand(tx: RoutingTx, case_ids: Sequence[str], *, secrets: Sequence[str] = ()) -> None:
    """Read all there is of cases, in one query, with the secret keys that will be needed; their locks are held."""
    await fetch(tx, _OF_A_CASE, case_ids, secrets=secrets)


async def prepare(tx: RoutingTx, events: Sequence[Event]) -> None:
    """Have at hand the cases that a batch of events is about."""
    await have_at_hand(tx, [event.case_id for event in events if hasattr(event, "case_id")])
