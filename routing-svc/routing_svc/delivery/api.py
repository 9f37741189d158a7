"""Routes of delivery: what waits to be handed over, and handing it over."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from chassis.doors import READER, WRITER, Answer, Reader, Writer, write_etag
from chassis.errands import Errand
from chassis.express import express
from chassis.paging import DEFAULT_LIMIT, Cursor, Limit, Pages
from contracts.refusals import NotFound
from routing_svc.context import PUBLIC_ID, Routing, RoutingTx
from routing_svc.delivery import handlers, store
from routing_svc.delivery.domain import Delivery, DeliveryState, Means
from routing_svc.timeline.handlers import ACTS, find_case, seen_by
from rules.access import tree

router = APIRouter(tags=["deliveries"])


class HandOver(BaseModel):
    """Hand the result over."""

    model_config = ConfigDict(extra="forbid")

    means: Means


class DeliveryShown(BaseModel):
    """A delivery."""

    delivery_id: str
    case_id: str
    case_no: str
    state: str
    decision: int
    notice_id: str
    credential_id: str | None
    receiving_organ: str
    handling_organ: str
    opened_at: datetime
    means: str | None
    delivered_at: datetime | None
    version: int


class DeliveriesShown(BaseModel):
    """A page of deliveries, oldest first."""

    items: list[DeliveryShown]
    next: str | None
    """Cursor of the next page; null on the last."""


@router.get("/deliveries", operation_id="listDeliveries", response_model=DeliveriesShown)
@express
async def list_deliveries(
    read: Annotated[Reader[Routing], READER],
    state: DeliveryState | None = None,
    case: Annotated[str | None, Query(max_length=60, pattern=PUBLIC_ID)] = None,
    limit: Limit = DEFAULT_LIMIT,
    after: Cursor = "",
) -> Response:
    """What waits to be handed over, and what was."""
    pages = Pages(vault=read.context.vault, scope=("deliveries", state or "", case or ""))
    position = pages.position(after)
    if case is not None:
        try:
            case = (await find_case(read.tx, case)).case_id
        except NotFound:
            return read.answer(DeliveriesShown(items=[], next=None))
    found = await store.list_deliveries(
        read.tx,
        tree(read.caller, "delivery", "view", regions=read.context.catalogue),
        state=state,
        case=None if case is None else await _id_of(read, case),
        after=None if position is None else (datetime.fromisoformat(str(position[0])), str(position[1])),
        limit=limit + 1,
    )
    page = found[:limit]
    more = pages.cursor((page[-1].opened_at.isoformat(), page[-1].delivery_id)) if len(found) > limit else None
    return read.answer(DeliveriesShown(items=[_show(each) for each in page], next=more))


async def _id_of(read: Reader[Routing], case: str) -> str:
    """The id behind a number; what nobody knows stays what it is and finds nothing."""
    try:
        return (await find_case(read.tx, case)).case_id
    except NotFound:
        return case


@router.post("/deliveries/{delivery_id}/handover", operation_id="handOver", response_model=DeliveryShown)
@express
async def hand_over(
    delivery_id: Annotated[str, Path(max_length=80, pattern=PUBLIC_ID)], body: HandOver, write: Annotated[Writer[Routing], WRITER]
) -> Response:
    """送达 / hand the result over: at the window by a clerk, or electronically by the applicant's own receipt."""

    async def act(tx: RoutingTx) -> Answer:
        delivery = await handlers.hand_over(tx, delivery_id, means=body.means, caller=write.caller)
        return Answer(status=200, body=_show(delivery), headers={"ETag": write_etag(delivery.version)})

    return await ACTS(write, Errand(act, store.anchored(delivery_id, seen=seen_by(write, "delivery"))))


def _show(delivery: Delivery) -> DeliveryShown:
    return DeliveryShown(
        delivery_id=delivery.delivery_id,
        case_id=delivery.case_id,
        case_no=delivery.case.case_no,
        state=delivery.state.value,
        decision=delivery.decision,
        notice_id=delivery.notice_id,
        credential_id=delivery.credential_id,
        receiving_organ=delivery.case.receiving_organ,
        handling_organ=delivery.organ,
        opened_at=delivery.opened_at,
        means=None if delivery.means is None else delivery.means.value,
        delivered_at=delivery.delivered_at,
        version=delivery.version,
    )
