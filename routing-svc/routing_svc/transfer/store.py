"""Transfers, one row per hop, and the events they record."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB

from chassis.outbox import Outgoing, put
from chassis.shelves import Shelf
from contracts.codec import decode, encode_object
from contracts.values import CaseId, TransferId
from routing_svc.context import RoutingTx
from routing_svc.schema import METADATA, of_a_case
from routing_svc.transfer.domain import Transfer, TransferState

TRANSFERS = Table(
    "transfers",
    METADATA,
    Column("transfer_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("hop", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("receiving_region", Text, nullable=False),
    Column("receiving_organ", Text, nullable=False),
    Column("handling_region", Text, nullable=False),
    Column("handling_organ", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_transfers_case", "case_id", "hop", unique=True),
    Index("ix_transfers_waiting", "opened_at", postgresql_where="state = 'waiting'"),
    postgresql_with={"fillfactor": "80"},
)


def row_of(transfer: Transfer) -> Mapping[str, object]:
    """The columns that access rules ask for."""
    return {
        "case_id": transfer.case_id,
        "receiving_region": transfer.case.region,
        "receiving_organ": transfer.case.receiving_organ,
        "handling_region": transfer.region,
        "handling_organ": transfer.organ,
    }


def _row(transfer: Transfer) -> Mapping[str, object]:
    return {
        **row_of(transfer),
        "transfer_id": transfer.transfer_id,
        "hop": transfer.hop,
        "opened_at": transfer.opened_at,
        "state": transfer.state.value,
        "version": transfer.version,
        "body": _body(transfer),
    }


def _body(transfer: Transfer) -> Mapping[str, object]:
    body = encode_object(transfer)
    del body["events"]
    return body


_AT_HAND = of_a_case(
    Shelf(TRANSFERS, key="case_id", identity=lambda transfer: transfer.transfer_id, row=_row, read=lambda body: decode(Transfer, body))
)


_PLACE = select(TRANSFERS.c.case_id, TRANSFERS.c.body["case"]["root_case_id"].astext.label("root_case_id")).where(
    TRANSFERS.c.transfer_id == bindparam("transfer_id", type_=Text)
)


async def save_transfers(tx: RoutingTx, transfers: Sequence[Transfer]) -> None:
    """Keep hops just opened and what happened to others, and send their events; the locks of their cases are held."""
    for transfer in transfers:
        _AT_HAND.put(tx, transfer.case_id, transfer)
        await put(tx, _outgoing(transfer))


async def find_place(tx: RoutingTx, transfer_id: TransferId) -> tuple[CaseId, CaseId] | None:
    """Case and root case of a hop, which never change: what has to be known before the lock is taken."""
    row = (await tx.execute(_PLACE, {"transfer_id": transfer_id})).one_or_none()
    return None if row is None else (CaseId(row.case_id), CaseId(row.root_case_id))


async def get_transfer(tx: RoutingTx, case_id: CaseId, transfer_id: TransferId) -> Transfer | None:
    """One hop of a case."""
    return next((transfer for transfer in await _AT_HAND.of(tx, case_id) if transfer.transfer_id == transfer_id), None)


async def get_transfers(tx: RoutingTx, case_id: CaseId) -> tuple[Transfer, ...]:
    """The hops of a case, in order."""
    return tuple(sorted(await _AT_HAND.of(tx, case_id), key=lambda transfer: transfer.hop))


async def last_transfer(tx: RoutingTx, case_id: CaseId) -> Transfer | None:
    """The newest hop of a case."""
    return max(await _AT_HAND.of(tx, case_id), key=lambda transfer: transfer.hop, default=None)


async def list_waiting(tx: RoutingTx, *, limit: int) -> tuple[TransferId, ...]:
    """Hops that wait for what their route rests on, oldest first."""
    statement = (
        select(TRANSFERS.c.transfer_id).where(TRANSFERS.c.state == TransferState.WAITING.value).order_by(TRANSFERS.c.opened_at).limit(limit)
    )
    return tuple(TransferId(each) for each in (await tx.execute(statement)).scalars())


async def count_waiting(tx: RoutingTx, *, limit: int) -> tuple[int, datetime | None]:
    """How many hops wait for what their route rests on, ``limit`` at most, and since when the oldest does."""
    waiting = select(TRANSFERS.c.opened_at).where(TRANSFERS.c.state == TransferState.WAITING.value).order_by(TRANSFERS.c.opened_at)
    oldest = waiting.limit(limit).subquery()
    row = (await tx.execute(select(func.count().label("waiting"), func.min(oldest.c.opened_at).label("since")))).one()
    return row.waiting, row.since


def _outgoing(transfer: Transfer) -> list[Outgoing]:
    outgoing = []
    ends = 0
    for event in transfer.events:
        if event.subject == transfer.transfer_id:
            transfer.sequence += 1
            outgoing.append(Outgoing(event=event, sequence=transfer.sequence))
        else:
            # About the case itself, which has no handling then and never will: these are its only events from here.
            ends += 1
            outgoing.append(Outgoing(event=event, sequence=ends))
    transfer.events.clear()
    return outgoing
