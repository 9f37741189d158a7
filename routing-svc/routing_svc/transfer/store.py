"""Transfers, one row per hop, and the events they record."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, collate, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from chassis.anchors import Anchor, Anchored
from chassis.outbox import Outgoing, put
from chassis.shelves import Shelf
from contracts.codec import decode, encode_object
from contracts.values import AgreementId, CaseId, DelegationId, ItemVersionId, OrganCode, RegionCode, TransferId
from routing_svc.context import RoutingTx
from routing_svc.schema import METADATA, access_columns, of_a_case
from routing_svc.transfer.domain import OPEN, Needs, Transfer, TransferState
from rules.access import Tree

_OPEN = text(f"state in ({', '.join(repr(state.value) for state in sorted(OPEN))})")
"""Said in the very words of the index, so that it is used."""

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
    Index("ix_transfers_open", "handling_organ", "transfer_id", postgresql_where=_OPEN),
    Index("ix_transfers_waiting", "opened_at", postgresql_where="state = 'waiting'"),
    postgresql_with={"fillfactor": "80"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A hop that waits, as far as it must be known to see whether it can go on."""

    transfer_id: TransferId
    opened_at: datetime
    needs: Needs


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


_root = TRANSFERS.c.body["case"]["root_case_id"].astext
_place = select(_root.label("key"), TRANSFERS.c.case_id, _root.label("root_case_id"))
_BY_ID = Anchor(_place, by=TRANSFERS.c.transfer_id, shown=access_columns(TRANSFERS))


def anchored(transfer_id: TransferId, *, seen: Tree) -> Anchored:
    """A hop: what is written about it holds its case's lock, which is taken where it is seen."""
    return _BY_ID.of(transfer_id, seen=seen)


async def save_transfers(tx: RoutingTx, transfers: Sequence[Transfer]) -> None:
    """Keep hops just opened and what happened to others, and send their events; the locks of their cases are held."""
    for transfer in transfers:
        _AT_HAND.put(tx, transfer.case_id, transfer)
        await put(tx, _outgoing(transfer))


async def find_place(tx: RoutingTx, transfer_id: TransferId) -> tuple[CaseId, CaseId] | None:
    """Case and root case of a hop, which never change: what has to be known before the lock is taken."""
    row = await _BY_ID.find(tx, transfer_id)
    return None if row is None else (CaseId(row[0]), CaseId(row[1]))


async def get_transfer(tx: RoutingTx, case_id: CaseId, transfer_id: TransferId) -> Transfer | None:
    """One hop of a case."""
    return next((transfer for transfer in await _AT_HAND.of(tx, case_id) if transfer.transfer_id == transfer_id), None)


async def get_transfers(tx: RoutingTx, case_id: CaseId) -> tuple[Transfer, ...]:
    """The hops of a case, in order."""
    return tuple(sorted(await _AT_HAND.of(tx, case_id), key=lambda transfer: transfer.hop))


async def last_transfer(tx: RoutingTx, case_id: CaseId) -> Transfer | None:
    """The newest hop of a case."""
    return max(await _AT_HAND.of(tx, case_id), key=lambda transfer: transfer.hop, default=None)


async def list_waiting(tx: RoutingTx, *, after: Waiting | None, limit: int) -> tuple[Waiting, ...]:
    """Hops that wait for what their route rests on, oldest first.

    Args:
        tx: The transaction.
        after: The last hop of the page before.
        limit: Most.
    """
    case = TRANSFERS.c.body["case"]
    place = (TRANSFERS.c.opened_at, TRANSFERS.c.transfer_id)
    statement = (
        select(
            *place,
            TRANSFERS.c.receiving_region,
            TRANSFERS.c.handling_region,
            TRANSFERS.c.handling_organ,
            case["version_id"].astext.label("version_id"),
            case["agreement_id"].astext.label("agreement_id"),
            case["matter_region"].astext.label("matter_region"),
            case["delegations"].label("delegations"),
        )
        .where(TRANSFERS.c.state == TransferState.WAITING.value)
        .order_by(*place)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(*place) > tuple_(after.opened_at, after.transfer_id))
    return tuple(
        Waiting(
            transfer_id=TransferId(row.transfer_id),
            opened_at=row.opened_at,
            needs=Needs(
                version_id=ItemVersionId(row.version_id),
                receiving_region=RegionCode(row.receiving_region),
                handling_region=RegionCode(row.handling_region),
                handling_organ=OrganCode(row.handling_organ),
                agreement_id=None if row.agreement_id is None else AgreementId(row.agreement_id),
                matter_region=None if row.matter_region is None else RegionCode(row.matter_region),
                delegations=tuple(DelegationId(one) for one in row.delegations or ()),
            ),
        )
        for row in await tx.execute(statement)
    )


async def list_open_at(tx: RoutingTx, organs: Collection[OrganCode], *, after: TransferId | None, limit: int) -> list[TransferId]:
    """Hops to these organs that were validated and that nobody has signed for yet, by id.

    Args:
        tx: The transaction.
        organs: Asked to handle them.
        after: The last one of the page before.
        limit: Most.
    """
    name = collate(TRANSFERS.c.transfer_id, "C")
    validated = TRANSFERS.c.state != TransferState.WAITING.value
    statement = select(name).where(_OPEN, validated, TRANSFERS.c.handling_organ.in_(sorted(organs))).order_by(name).limit(limit)
    if after is not None:
        statement = statement.where(name > after)
    return [TransferId(found) for found in (await tx.execute(statement)).scalars()]


async def list_open_under(tx: RoutingTx, agreements: Collection[AgreementId], *, after: TransferId | None, limit: int) -> list[TransferId]:
    """Hops that rest on these agreements and that nobody has signed for yet, by id."""
    resting = TRANSFERS.c.body["case"]["agreement_id"].astext.in_(sorted(agreements))
    statement = select(TRANSFERS.c.transfer_id).where(_OPEN, resting).order_by(TRANSFERS.c.transfer_id).limit(limit)
    if after is not None:
        statement = statement.where(TRANSFERS.c.transfer_id > after)
    return [TransferId(name) for name in (await tx.execute(statement)).scalars()]


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
