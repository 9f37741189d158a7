"""Enquiries over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.database import Tx
from chassis.doors import PUBLIC_READER, READER, Reader
from chassis.express import express
from contracts.codec import encode_object
from contracts.refusals import Forbidden, Refusal
from contracts.values import CaseId, CaseNo
from intake_svc.application.domain import Person, SealedPerson
from intake_svc.case import handlers as cases
from intake_svc.case.domain import Case, CaseNotFound, CaseState
from intake_svc.case.views import CaseList, OrganShown, show_briefs
from intake_svc.context import Intake
from intake_svc.enquiry import handlers
from intake_svc.enquiry.domain import count_wrong, is_shut
from intake_svc.progress.domain import Stage
from rules.workdays import local_day

router = APIRouter(tags=["enquiries"], max_body_size=16 * 1024)

AT_ONCE = 50
"""Cases whose persons are given in one answer, at most."""

MOST_DAYS = 400
"""Days looked ahead for working days left."""


class PersonAsked(BaseModel):
    """Whose cases are looked for."""

    model_config = ConfigDict(extra="forbid")

    id_type: Annotated[str, Field(min_length=1, max_length=40)]
    id_number: Annotated[str, Field(min_length=1, max_length=40)]
    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = "window"


class PersonsAsked(BaseModel):
    """Of which cases a service wants the persons, and what for."""

    model_config = ConfigDict(extra="forbid")

    cases: Annotated[list[Annotated[CaseId, Field(pattern=r"^[0-9A-Za-z-]{1,40}$")]], Field(min_length=1, max_length=AT_ONCE)]
    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class ApplicantShown(BaseModel):
    """Who applies and what the form says."""

    applicant: dict[str, object]
    form: dict[str, object]


class PersonOpened(BaseModel):
    """What is given of one case."""

    case_id: CaseId
    person: ApplicantShown | None
    refused: str | None
    """Rule by which there is no person, the same as when the case is asked for alone."""


class PersonsOpened(BaseModel):
    """One for each case that was asked for, in that order; a case named twice stands once."""

    items: list[PersonOpened]


class ProgressAsked(BaseModel):
    """What an applicant has in hand: the number on the slip and the own identity number."""

    model_config = ConfigDict(extra="forbid")

    case_no: Annotated[str, Field(pattern=r"^[0-9]{20}[0-9Xx]$")]
    id_last_six: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{6}$")]


class ProgressShown(BaseModel):
    """Where a case stands; nothing of the person."""

    case_no: CaseNo
    state: CaseState
    stage: Stage
    item_name: str
    held_by: OrganShown | None
    answer_by: datetime | None
    workdays_left: int | None
    """Working days until the holder must have answered, today not counted; None where no such date is known."""
    clock_stopped: bool
    """The time to decide stands still (期限中止计算); it has a date again when it runs again."""


@router.post("/v1/cases:find", operation_id="findCases", response_model=CaseList)
async def find_cases(read: Annotated[Reader[Intake], READER], body: PersonAsked) -> Response:
    """A person's cases, of those the caller may see. Leaves a trace, also when nothing is found."""
    rights = handlers.permit_search(read.tx, caller=read.caller)
    read.trace(aggregate="case", action="find", about="person", purpose=body.purpose)
    found = await cases.find_cases(read.tx, rights, id_type=body.id_type, id_number=body.id_number)
    return read.answer(CaseList(items=await show_briefs(read.tx, found)))


@router.post("/v1/cases:persons", operation_id="getApplicants", response_model=PersonsOpened, openapi_extra={"x-internal": True})
@express
async def get_persons(read: Annotated[Reader[Intake], READER], body: PersonsAsked) -> Response:
    """Who applies and what the forms say in many cases, for a purpose; leaves a trace for each. For other services only."""
    handlers.permit_many(read.tx, caller=read.caller)
    found = await handlers.find_persons(read.tx, body.cases, caller=read.caller)
    allowed = {case_id: one for case_id, one in found.items() if not isinstance(one, Refusal)}
    for case_id in allowed:
        read.trace(aggregate="case", action="view_person", about=case_id, purpose=body.purpose)
    for one in found.values():
        if isinstance(one, Forbidden):
            read.trace_refusal(one)
    persons = await cases.open_persons(read.tx, allowed)
    items = [_given(case_id, one, person=persons.get(case_id)) for case_id, one in found.items()]
    return read.answer(PersonsOpened(items=items), headers={"cache-control": "private, no-store"})


@router.post("/v1/progress", operation_id="askProgress", response_model=ProgressShown)
async def ask_progress(read: Annotated[Reader[Intake], PUBLIC_READER], body: ProgressAsked) -> Response:
    """Where a case stands, for whoever holds its number and the end of the identity number; wrong and unknown look alike.

    After ten wrong ends within an hour a number looks unknown to everybody until the hour is over.
    """
    tries, case_no = read.context.wrong_tries, body.case_no.upper()
    # Asked for in any case, so that a number that is shut takes as long as one that is not.
    shut = is_shut(tries, case_no, at=read.tx.at)
    try:
        case = await cases.ask_progress(read.tx, case_no, last_six=body.id_last_six)
    except CaseNotFound:
        count_wrong(tries, case_no, at=read.tx.at)
        raise
    if shut:
        raise CaseNotFound
    [brief] = await show_briefs(read.tx, [case])
    shown = ProgressShown(
        case_no=CaseNo(case_no),
        state=brief.state,
        stage=brief.stage,
        item_name=brief.item_name,
        held_by=brief.held_by,
        answer_by=brief.answer_by,
        workdays_left=_workdays_left(read.tx, case),
        clock_stopped=brief.stage is Stage.SUSPENDED,
    )
    return read.answer(shown, headers={"cache-control": "no-store"})


def _workdays_left(tx: Tx[Intake], case: Case) -> int | None:
    if case.answer_by is None:
        return None
    calendar, today = tx.context.catalogue.calendar(case.received.handling_region), local_day(tx.at)
    # The instant is exclusive: midnight ends the day before it.
    last = min(local_day(case.answer_by - timedelta(microseconds=1)), today + timedelta(days=MOST_DAYS))
    return sum(calendar.is_workday(today + timedelta(days=after)) for after in range(1, (last - today).days + 1))


def _given(case_id: CaseId, found: SealedPerson | Refusal, *, person: Person | None) -> PersonOpened:
    if person is None:
        rule = found.RULE if isinstance(found, Refusal) else CaseNotFound.RULE
        return PersonOpened(case_id=case_id, person=None, refused=rule)
    applicant = {**encode_object(person.applicant), "name_of_firm": person.name_of_firm}
    return PersonOpened(case_id=case_id, person=ApplicantShown(applicant=applicant, form=dict(person.form)), refused=None)
