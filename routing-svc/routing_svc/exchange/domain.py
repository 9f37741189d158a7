"""Receipts: what an organ signs for each step of a transfer, numbered per case and chained by digest.

Anyone who holds the public keys can check a case's receipts without asking: one left out, put in or changed is found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.codec import encode_object
from contracts.events import Receipt
from contracts.values import CaseId, Digest, OrganCode, PersonRef, TransferId, canonical_json, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that a receipt is asked for."""

    transfer_id: TransferId
    hop: int
    name: str
    """As `Receipt.step`."""
    organ: OrganCode
    """For whom it was made, and under whose exchange key it is signed."""
    by: PersonRef | None
    at: datetime
    facts: Digest


def draft_receipt(step: Step, *, case_id: CaseId, kid: str, previous: Receipt | None) -> Receipt:
    """The next receipt of a case, still without its signature."""
    number = 1 if previous is None else previous.number + 1
    return Receipt(
        receipt_id=f"{case_id}-r{number}",
        case_id=case_id,
        transfer_id=step.transfer_id,
        hop=step.hop,
        step=step.name,
        organ=step.organ,
        by=step.by,
        at=step.at,
        facts=step.facts,
        number=number,
        previous=None if previous is None else receipt_digest(previous),
        kid=kid,
        signature="",
    )


def signed_bytes(receipt: Receipt) -> bytes:
    """What is signed: the canonical JSON of all fields but the signature."""
    body = encode_object(receipt)
    del body["signature"]
    return canonical_json(body)


def signed(receipt: Receipt, *, signature: str) -> Receipt:
    """The receipt with its signature."""
    return replace(receipt, signature=signature)


def receipt_digest(receipt: Receipt) -> Digest:
    """Names a receipt, its signature included."""
    return digest(encode_object(receipt))


def is_whole(receipts: Sequence[Receipt]) -> bool:
    """Whether receipts are all of a case's from the first on, in order, each naming the one before."""
    previous: Receipt | None = None
    for receipt in receipts:
        expected = None if previous is None else receipt_digest(previous)
        if receipt.number != (1 if previous is None else previous.number + 1) or receipt.previous != expected:
            return False
        previous = receipt
    return True
