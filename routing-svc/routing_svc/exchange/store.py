"""Receipts by case, and the exchange key of each organ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, DateTime, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.outbox import put_document
from chassis.shelves import Shelf
from contracts.codec import decode, encode_object
from contracts.documents import PublicKey
from contracts.events import Receipt
from contracts.values import CaseId, OrganCode
from routing_svc.context import RoutingTx
from routing_svc.schema import METADATA, of_a_case

RECEIPTS = Table(
    "receipts",
    METADATA,
    Column("case_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("transfer_id", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("case_id", "number", name="pk_receipts"),
)

KEYS = Table(
    "exchange_keys",
    METADATA,
    Column("organ", Text, primary_key=True),
    Column("kid", Text, nullable=False, unique=True),
    Column("public_key", Text, nullable=False),
    Column("private_sealed", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An organ's exchange key as it is kept."""

    organ: OrganCode
    kid: str
    public_pem: str
    private_sealed: bytes


def _row(receipt: Receipt) -> Mapping[str, object]:
    return {
        "case_id": receipt.case_id,
        "number": receipt.number,
        "transfer_id": receipt.transfer_id,
        "step": receipt.step,
        "body": encode_object(receipt),
    }


_others = RECEIPTS.alias("others")
_LAST = of_a_case(
    Shelf(
        RECEIPTS,
        key="case_id",
        # Of all cases of a batch: by their numbers alone the receipts of one case would be written over those of another.
        identity=lambda receipt: receipt.receipt_id,
        row=_row,
        read=lambda body: decode(Receipt, body),
        only=RECEIPTS.c.number
        == select(func.max(_others.c.number)).where(_others.c.case_id == RECEIPTS.c.case_id).scalar_subquery().correlate(RECEIPTS),
    )
)
"""Of those kept before a transaction only the last one is at hand."""


async def last_receipt(tx: RoutingTx, case_id: CaseId) -> Receipt | None:
    """The receipt that the next one of a case names."""
    return max(await _LAST.of(tx, case_id), key=lambda receipt: receipt.number, default=None)


async def get_receipts(tx: RoutingTx, case_id: CaseId) -> tuple[Receipt, ...]:
    """All receipts of a case, in order."""
    statement = select(RECEIPTS.c.body).where(RECEIPTS.c.case_id == case_id).order_by(RECEIPTS.c.number)
    return tuple(decode(Receipt, body) for body in (await tx.execute(statement)).scalars())


async def save_receipts(tx: RoutingTx, receipts: Sequence[Receipt]) -> None:
    """Keep receipts; the case's lock is held, so numbers cannot meet."""
    for receipt in receipts:
        _LAST.put(tx, receipt.case_id, receipt)


async def get_keys(tx: RoutingTx, organs: Sequence[OrganCode]) -> tuple[StoredKey, ...]:
    """The exchange keys of organs that have one."""
    found = await tx.execute(select(KEYS).where(KEYS.c.organ.in_(organs)))
    return tuple(
        StoredKey(organ=OrganCode(row.organ), kid=row.kid, public_pem=row.public_key, private_sealed=row.private_sealed) for row in found
    )


async def add_key(tx: RoutingTx, key: StoredKey) -> None:
    """Keep a new key and publish its public half; the lock on ``exchange/<organ>`` is held."""
    row = {"organ": key.organ, "kid": key.kid, "public_key": key.public_pem, "private_sealed": key.private_sealed, "made_at": tx.at}
    await tx.execute(insert(KEYS).values(row))
    await put_document(tx, PublicKey(kid=key.kid, owner=key.organ, use="exchange", algorithm="Ed25519", public_key=key.public_pem))
