"""Routes of transfers: the hops of a case, signing for it, giving it back, and taking an application back."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.doors import READER, WRITER, Answer, Reader, Writer, write_etag
from chassis.errands import Errand
from chassis.express import express
from contracts.caller import CallerKind
from contracts.codec import encode_object
from contracts.events import Receipt
from contracts.refusals import NotFound
from contracts.values import JsonObject, TransferId
from routing_svc.context import PUBLIC_ID, Routing, RoutingTx
from routing_svc.exchange.handlers import receipts_of
from routing_svc.timeline.handlers import ACTS, anchored, find_case_for, seen_by
from routing_svc.transfer import handlers, store
from routing_svc.transfer.domain import Transfer
from rules.access import permit

router = APIRouter(tags=["transfers"])

_FOR_APPLICANTS = ("receipt_id", "transfer_id", "hop", "number", "step", "organ", "at", "facts")
"""Fields of a receipt that name no officer."""

TransferNo = Annotated[str, Path(max_length=60, pattern=PUBLIC_ID)]
Read = Annotated[Reader[Routing], READER]
Write = Annotated[Writer[Routing], WRITER]


class Asked(BaseModel):
    """A request body; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class SignFor(Asked):
    """Make the receipt of a step."""

    step: Literal["signed_for"]


class GiveBack(Asked):
    """Give a case back to the applicant."""

    ground: Literal["not_competent", "duplicate", "unreadable"]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class Withdraw(Asked):
    """Take an application back."""

    reason: Annotated[str, Field(max_length=2000)] = ""


class TransferShown(BaseModel):
    """One hop of a case."""

    transfer_id: str
    case_id: str
    case_no: str
    hop: int
    state: str
    receiving_region: str
    receiving_organ: str
    handling_region: str
    handling_organ: str
    opened_at: datetime
    waits_for: str
    sign_by: datetime | None
    signed_at: datetime | None
    signed_by: str | None
    """The officer; shown to staff only."""
    ended_rule: str | None
    version: int
    receipts: list[JsonObject]
    """With signature and officer for staff; without for applicants."""


class TransfersShown(BaseModel):
    """The hops of a case, in order."""

    case_id: str
    case_no: str
    items: list[TransferShown]


class TransferMoved(BaseModel):
    """What a move answers, with its signed receipt."""

    transfer_id: str
    case_id: str
    case_no: str
    state: str
    version: int
    receipt: JsonObject


class CaseWithdrawn(BaseModel):
    """What a withdrawal answers."""

    case_id: str
    case_no: str
    state: str


@router.get("/transfers", operation_id="listTransfers", response_model=TransfersShown)
@express
async def list_transfers(case: Annotated[str, Query(max_length=60, pattern=PUBLIC_ID)], read: Read) -> Response:
    """The hops of a case with their receipts."""
    found = await find_case_for(read.tx, case, caller=read.caller, aggregate="transfer", action="view")
    receipts = await receipts_of(read.tx, found.case_id)
    shown = [_show(each, receipts=receipts, read=read) for each in await store.get_transfers(read.tx, found.case_id)]
    return read.answer(TransfersShown(case_id=found.case_id, case_no=found.case_no, items=shown))


@router.get("/transfers/{transfer_id}", operation_id="readTransfer", response_model=TransferShown)
async def read_transfer(transfer_id: TransferNo, read: Read) -> Response:
    """One hop with its receipts."""
    place = await store.find_place(read.tx, TransferId(transfer_id))
    transfer = None if place is None else await store.get_transfer(read.tx, place[0], TransferId(transfer_id))
    if transfer is None:
        raise NotFound
    permit(read.caller, "transfer", "view", store.row_of(transfer), regions=read.context.catalogue, about=transfer.case_id)
    receipts = await receipts_of(read.tx, transfer.case_id)
    return read.answer(_show(transfer, receipts=receipts, read=read), etag=transfer.version)


@router.post("/transfers/{transfer_id}/receipts", operation_id="signForCase", response_model=TransferMoved, status_code=201)
@express
async def sign_for(transfer_id: TransferNo, _body: SignFor, write: Write) -> Response:
    """签收 / take the case in one's own name; its handling opens."""

    async def act(tx: RoutingTx) -> Answer:
        transfer, receipt = await handlers.sign_for(tx, TransferId(transfer_id), caller=write.caller)
        return _moved(transfer, receipt=receipt, status=201)

    return await ACTS(write, Errand(act, store.anchored(TransferId(transfer_id), seen=seen_by(write, "transfer"))))


@router.post("/transfers/{transfer_id}/return", operation_id="returnCase", response_model=TransferMoved)
async def give_back(transfer_id: TransferNo, body: GiveBack, write: Write) -> Response:
    """退回 / give the case back to the applicant before acceptance, with its reason."""

    async def act(tx: RoutingTx) -> Answer:
        transfer, receipt = await handlers.give_back(
            tx, TransferId(transfer_id), caller=write.caller, ground=body.ground, reason=body.reason
        )
        return _moved(transfer, receipt=receipt, status=200)

    return await ACTS(write, Errand(act, store.anchored(TransferId(transfer_id), seen=seen_by(write, "transfer"))))


@router.post("/cases/{no}/withdrawal", operation_id="withdrawCase", response_model=CaseWithdrawn)
async def withdraw(no: Annotated[str, Path(max_length=60, pattern=PUBLIC_ID)], body: Withdraw, write: Write) -> Response:
    """撤回申请 / take the application back, unless a decision or another end came first."""

    async def act(tx: RoutingTx) -> Answer:
        case = await handlers.withdraw(tx, no, caller=write.caller, reason=body.reason)
        return Answer(status=200, body=CaseWithdrawn(case_id=case.case_id, case_no=case.case_no, state="withdrawn"))

    return await ACTS(write, Errand(act, anchored(no, seen=seen_by(write, "case"))))


def _moved(transfer: Transfer, *, receipt: Receipt, status: int) -> Answer:
    moved = TransferMoved(
        transfer_id=transfer.transfer_id,
        case_id=transfer.case_id,
        case_no=transfer.case.case_no,
        state=transfer.state.value,
        version=transfer.version,
        receipt=encode_object(receipt),
    )
    return Answer(status=status, body=moved, headers={"ETag": write_etag(transfer.version)})


def _show(transfer: Transfer, *, receipts: tuple[Receipt, ...], read: Reader[Routing]) -> TransferShown:
    return TransferShown(
        transfer_id=transfer.transfer_id,
        case_id=transfer.case_id,
        case_no=transfer.case.case_no,
        hop=transfer.hop,
        state=transfer.state.value,
        receiving_region=transfer.case.region,
        receiving_organ=transfer.case.receiving_organ,
        handling_region=transfer.region,
        handling_organ=transfer.organ,
        opened_at=transfer.opened_at,
        waits_for=transfer.waits_for,
        sign_by=transfer.sign_by,
        signed_at=transfer.signed_at,
        signed_by=transfer.signed_by if read.caller.kind is not CallerKind.PERSON else None,
        ended_rule=transfer.ended_rule,
        version=transfer.version,
        receipts=[_receipt(each, read=read) for each in receipts if each.transfer_id == transfer.transfer_id],
    )


def _receipt(receipt: Receipt, *, read: Reader[Routing]) -> JsonObject:
    """Staff get the signed whole; an applicant what happened, since the signature covers the officer's name."""
    whole = encode_object(receipt)
    return whole if read.caller.kind is not CallerKind.PERSON else {name: whole[name] for name in _FOR_APPLICANTS}
