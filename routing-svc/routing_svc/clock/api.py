"""Reading the clocks of a case."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel

from chassis.doors import READER, Reader
from chassis.express import express
from contracts.values import JsonObject
from routing_svc.clock import store
from routing_svc.clock.domain import NAMES, Clock, ClockState, show_limit
from routing_svc.context import PUBLIC_ID, Routing
from routing_svc.timeline.handlers import find_case_for

router = APIRouter(tags=["clocks"])


class LineShown(BaseModel):
    """One line of why a date is that date."""

    rule: str
    zh: str
    en: str


class SegmentShown(BaseModel):
    """A stretch in which a clock ran or stood still."""

    kind: str
    start: datetime
    end: datetime | None
    ground: str
    law: str


class ClockShown(BaseModel):
    """A clock of a case."""

    clock_id: str
    kind: str
    name: str
    name_en: str
    holder: str
    """Organ that must act."""
    region: str
    state: str
    started_at: datetime
    limit: JsonObject
    due: datetime | None
    """UTC, exclusive; null while it stands still."""
    last_day: date | None
    provisional: bool
    calendar_version: str
    unknown_since: datetime | None
    """It is past its date, and not yet everything is known that could have stopped it in time."""
    ended_at: datetime | None
    explanation: list[LineShown]
    segments: list[SegmentShown]


class ClocksShown(BaseModel):
    """The clocks of a case."""

    case_id: str
    case_no: str
    now: datetime
    clocks: list[ClockShown]


@router.get("/cases/{no}/clocks", operation_id="readClocks", response_model=ClocksShown)
@express
async def read_clocks(no: Annotated[str, Path(max_length=60, pattern=PUBLIC_ID)], read: Annotated[Reader[Routing], READER]) -> Response:
    """Every clock of a case with the reason of its date, for both counties and the applicant."""
    case = await find_case_for(read.tx, no, caller=read.caller, aggregate="timeline", action="view")
    clocks = await store.all_clocks(read.tx, case.case_id)
    shown = [_show(clock, context=read.context, now=read.tx.at) for clock in clocks]
    return read.answer(ClocksShown(case_id=case.case_id, case_no=case.case_no, now=read.tx.at, clocks=shown))


def _show(clock: Clock, *, context: Routing, now: datetime) -> ClockShown:
    calendar = context.catalogue.calendar(clock.region)
    stands = clock.state is ClockState.STOPPED
    zh, en = NAMES[clock.kind]
    return ClockShown(
        clock_id=clock.clock_id,
        kind=clock.kind.value,
        name=zh,
        name_en=en,
        holder=clock.organ,
        region=clock.region,
        state=clock.state.value,
        started_at=clock.started_at,
        limit=show_limit(clock.limit),
        due=None if stands else clock.due,
        last_day=None if stands else clock.last_day,
        provisional=clock.provisional,
        calendar_version=clock.calendar_version,
        unknown_since=clock.due if clock.state is ClockState.RUNNING and now >= clock.due else None,
        ended_at=clock.ended_at,
        explanation=[LineShown(rule=line.rule_id, zh=line.zh, en=line.en) for line in clock.explain(calendar)],
        segments=[
            SegmentShown(kind=each.kind, start=each.start, end=each.end, ground=each.ground, law=each.law) for each in clock.segments()
        ],
    )
