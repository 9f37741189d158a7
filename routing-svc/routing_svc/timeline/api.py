"""Reading the timeline of a case."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel

from chassis.doors import READER, Reader
from chassis.express import express
from routing_svc.context import PUBLIC_ID, Routing
from routing_svc.timeline import store
from routing_svc.timeline.domain import Audience, audience_of
from routing_svc.timeline.handlers import find_case_for

router = APIRouter(tags=["timeline"])


class EntryShown(BaseModel):
    """One line of a timeline."""

    at: datetime
    kind: str
    zh: str
    en: str
    organ: str
    region: str
    by: str | None = None
    """The officer as ``issuer|account``; shown to staff only."""
    audience: list[str]
    remark: str
    """What the person who acted wrote, such as the reason of a return."""


class TimelineShown(BaseModel):
    """What happened to a case, oldest first."""

    case_id: str
    case_no: str
    entries: list[EntryShown]


@router.get("/cases/{no}/timeline", operation_id="readTimeline", response_model=TimelineShown)
@express
async def read_timeline(no: Annotated[str, Path(max_length=60, pattern=PUBLIC_ID)], read: Annotated[Reader[Routing], READER]) -> Response:
    """The one timeline that both counties and the applicant see, each within their rights."""
    case = await find_case_for(read.tx, no, caller=read.caller, aggregate="timeline", action="view")
    audience = audience_of(read.caller)
    shown = [
        EntryShown(
            at=entry.at,
            kind=entry.kind.value,
            zh=entry.zh,
            en=entry.en,
            organ=entry.organ,
            region=entry.region,
            by=entry.by if audience is Audience.STAFF else None,
            audience=sorted(entry.audience),
            remark=entry.remark,
        )
        for entry in await store.get_entries(read.tx, case.case_id, audience=audience)
    ]
    return read.answer(TimelineShown(case_id=case.case_id, case_no=case.case_no, entries=shown))
