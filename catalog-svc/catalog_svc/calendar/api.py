"""Routes of calendars."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field, StringConstraints

from catalog_svc.calendar import handlers
from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    Body,
    ProposalAnswer,
    RegionPath,
    RegionText,
    ShortText,
    answer_proposed,
    answer_published,
)
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, WRITER, Answer, Reader, Writer
from contracts.catalogue import CalendarYear
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

router = APIRouter(prefix="/v1/calendars", tags=["calendars"])

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


@router.get("/{region}/{year}", operation_id="getCalendar", response_model=CalendarBody)
async def get_calendar(read: Annotated[Reader[Catalog], PUBLIC_READER], region: RegionPath, year: Year) -> Response:
    """The working days of one year; the nation's stand under 100000."""
    calendar, version = await handlers.get_calendar(read.tx, region=RegionCode(region), year=year)
    return read.answer(encode_object(calendar), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.post("", operation_id="draftCalendar", status_code=201, response_model=ProposalAnswer)
async def draft_calendar(write: Annotated[Writer[Catalog], WRITER], body: CalendarBody) -> Response:
    """Draft a year; the same content again changes nothing."""
    calendar = decode(CalendarYear, body.model_dump(mode="json"))

    async def act(tx: Tx[Catalog]) -> Answer:
        proposed = await handlers.propose_calendars(tx, [calendar], by=write.caller)
        return answer_proposed(proposed, key=handlers.key_of(region=calendar.region, year=calendar.year))

    return await write(act)


@router.post("/{region}/{year}/review", operation_id="publishCalendar", response_model=ProposalAnswer)
async def publish_calendar(write: Annotated[Writer[Catalog], WRITER], region: RegionPath, year: Year) -> Response:
    """Let a second officer put a drafted year in force."""

    async def act(tx: Tx[Catalog]) -> Answer:
        key = handlers.key_of(region=region, year=year)
        return answer_published(await handlers.publish_calendars(tx, [key], by=write.caller))

    return await write(act)
