"""Routes of calendars."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from catalog_svc.calendar import handlers
from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    FAR_AHEAD,
    LONG_AGO,
    PUBLIC_FOR_A_WHILE,
    Body,
    ProposalAnswer,
    RegionPath,
    RegionText,
    ShortText,
    answer_draft,
    draft,
    review,
)
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from contracts.catalogue import CalendarYear, Limit, Unit
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

router = APIRouter(prefix="/v1/calendars", tags=["calendars"])

MOST_ASKED = 1_000
"""Of a period that somebody asks about."""

Year = Annotated[int, Path(ge=2000, le=2100)]


class CalendarBody(Body):
    """A year of a region as it is drafted: only the days that differ from the week."""

    region: RegionText
    year: Annotated[int, Field(ge=2000, le=2100)]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}\.[0-9]{1,3}$")]
    workdays: Annotated[list[date], Field(max_length=110)]
    holidays: Annotated[list[date], Field(max_length=270)]
    source: ShortText
    official: bool


class DueLine(BaseModel):
    """One line of why a date is that date."""

    rule: str
    zh: str
    en: str


class DueShown(BaseModel):
    """When a period ends that nothing stops, and why."""

    region: str
    start: datetime
    amount: int
    unit: Unit
    due: datetime
    """UTC, exclusive."""
    last_day: date
    """Asia/Shanghai."""
    provisional: bool
    """It rests on a year whose holiday notice is not out; it may still move."""
    known_until: date | None
    """Last day up to which the nation's notices are out."""
    calendar_version: str
    explanation: list[DueLine]


@router.get("/{region}/due-date", operation_id="findDueDate", response_model=DueShown)
async def find_due_date(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    region: RegionPath,
    start: Annotated[
        AwareDatetime, Query(alias="from", ge=LONG_AGO, le=FAR_AHEAD, description="起算的行为发生时刻 / the act that starts it")
    ],
    amount: Annotated[int, Query(ge=0, le=MOST_ASKED)],
    unit: Annotated[Unit, Query(description="workdays 工作日 · hours 工作时间内的小时 · minutes 自然时间的分钟")] = Unit.WORKDAYS,
) -> Response:
    """When so many working days, window hours or elapsed minutes from an instant end in a region, counted day by day."""
    shown = handlers.find_due(read.context.catalogue, region=RegionCode(region), start=start, limit=Limit(amount=amount, unit=unit))
    lines = [DueLine(rule=line.rule_id, zh=line.zh, en=line.en) for line in shown.lines]
    body = DueShown(
        region=region,
        start=start,
        amount=amount,
        unit=unit,
        due=shown.due.instant,
        last_day=shown.due.last_day,
        provisional=shown.due.provisional,
        known_until=shown.known_until,
        calendar_version=shown.due.calendar_version,
        explanation=lines,
    )
    return read.answer(body, headers=PUBLIC_FOR_A_WHILE)


@router.get("/{region}/{year}", operation_id="getCalendar", response_model=CalendarBody)
async def get_calendar(read: Annotated[Reader[Catalog], PUBLIC_READER], region: RegionPath, year: Year) -> Response:
    """The days of one year that a region itself changed; the nation's stand under 100000.

    404 where it has none of its own: those above it hold, at last the nation's, else plain weeks. `GET /v1/calendars/{region}/due-date`
    counts by what holds.
    """
    calendar, version = await handlers.get_calendar(read.tx, region=RegionCode(region), year=year)
    return read.answer(encode_object(calendar), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.post("", operation_id="draftCalendar", status_code=201, response_model=ProposalAnswer)
async def draft_calendar(
    write: Annotated[Writer[Catalog], WRITER], body: CalendarBody, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft a year; the same content again changes nothing, over another's draft it goes with that one's tag."""
    calendar = decode(CalendarYear, body.model_dump(mode="json"))

    key = handlers.key_of(region=calendar.region, year=calendar.year)
    return await draft(write, lambda tx: handlers.propose_calendars(tx, [calendar], by=write.caller, over=over), key=key)


@router.get("/{region}/{year}/draft", operation_id="getCalendarDraft", response_model=CalendarBody)
async def get_calendar_draft(read: Annotated[Reader[Catalog], READER], region: RegionPath, year: Year) -> Response:
    """The draft of a year that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, handlers.key_of(region=region, year=year))


@router.post("/{region}/{year}/review", operation_id="publishCalendar", response_model=ProposalAnswer)
async def publish_calendar(
    write: Annotated[Writer[Catalog], WRITER], region: RegionPath, year: Year, version: Annotated[int, VERSION]
) -> Response:
    """Let a second officer put a drafted year in force, just as it was read: ``If-Match`` is the draft's tag."""
    key = handlers.key_of(region=region, year=year)
    return await review(write, lambda tx: handlers.publish_calendars(tx, [key], by=write.caller, version=version))
