"""Cases over HTTP: received in one call, listed, opened, supplemented, asked for by number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, cast

import uuid_utils
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.database import Tx
from chassis.doors import READER, VERSION_IF_ANY, WRITER, Answer, Reader, Writer
from chassis.express import express
from chassis.gathering import Gathering, Outcome
from chassis.paging import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Limit, Pages
from chassis.parking import parked_keys
from contracts.caller import Caller, CallerKind
from contracts.codec import encode_object
from contracts.events import CASE_EVENTS
from contracts.refusals import Refusal
from contracts.values import (
    AgreementId,
    CaseId,
    CaseNo,
    Channel,
    Digest,
    Ending,
    ItemCode,
    ItemVersionId,
    JsonObject,
    Mode,
    NoticeId,
    OrganCode,
    PersonRef,
    RegionCode,
    WindowId,
)
from intake_svc.application.api import MAX_BODY, FormValues, MaterialNamed, NewCase
from intake_svc.application.domain import Named, Submission
from intake_svc.case import handlers, store
from intake_svc.case.domain import Case, CaseState
from intake_svc.context import Intake, PurposeMissing
from intake_svc.progress.domain import Stage

router = APIRouter(tags=["cases"])

No = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,40}$", description="办件编号或 id / case number or id")]
CaseRef = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
Purpose = Annotated[str, Query(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$", description="查阅目的 / what for")]


class Links(BaseModel):
    """Where to go on."""

    self: str
    timeline: str


class OrganShown(BaseModel):
    """An organ by code and name."""

    code: OrganCode
    name: str
    region: RegionCode


class CaseReceipt(BaseModel):
    """The receipt slip 收件凭证: the applicant's number and who will decide."""

    case_id: CaseId
    case_no: CaseNo
    state: CaseState
    received_at: datetime
    receiving_region: RegionCode
    receiving_organ: OrganCode
    handling_region: RegionCode
    handling_organ: OrganCode
    item_code: ItemCode
    version_id: ItemVersionId
    mode: Mode
    form_digest: Digest
    version: int
    links: Links


class SupplementReceipt(BaseModel):
    """What was given after a correction notice, and when."""

    case_id: CaseId
    case_no: CaseNo
    supplement: int
    notice_id: NoticeId
    at: datetime
    form_digest: Digest
    version: int
    links: Links


class SupplementGiven(BaseModel):
    """What a correction notice asked for."""

    model_config = ConfigDict(extra="forbid")

    notice_id: Annotated[NoticeId, Field(pattern=r"^[^\x00-\x1f]{1,100}$")]
    form: FormValues = Field(default_factory=dict)
    """Fields that replace those of the same name; null removes one."""
    materials: Annotated[list[MaterialNamed], Field(max_length=100)] = Field(default_factory=list)
    """Replace all materials of their codes."""


class SupplementShown(BaseModel):
    """A supplement that was given."""

    number: int
    notice_id: NoticeId
    at: datetime


class MaterialShown(BaseModel):
    """A material of the case; fetched by its id."""

    code: str
    material_id: str
    digest: Digest


class CaseBrief(BaseModel):
    """A case in a list; of the person only the masked name."""

    case_id: CaseId
    case_no: CaseNo | None
    state: CaseState
    stage: Stage
    item_code: ItemCode
    item_name: str
    applicant: str
    received_at: datetime
    receiving_organ: OrganShown
    handling_organ: OrganShown
    held_by: OrganShown | None
    answer_by: datetime | None
    awaiting_seal: bool
    attention: bool
    """Something that was heard about it could not take effect and waits for a person."""


class PersonShown(BaseModel):
    """Who applies and what the form says."""

    applicant: dict[str, object]
    agent: dict[str, object] | None
    facts: dict[str, object]
    form: dict[str, object]
    notes: str


class CaseShown(CaseBrief):
    """A case."""

    version_id: ItemVersionId
    situation: str
    mode: Mode
    agreement_id: AgreementId | None
    route_rule: str
    channel: Channel
    window: WindowId | None
    received_by: PersonRef | None
    materials: list[MaterialShown]
    supplements: list[SupplementShown]
    form_digest: Digest
    ending: Ending | None
    closed_at: datetime | None
    version: int
    person: PersonShown | None = None


class CaseList(BaseModel):
    """Cases, the latest received first."""

    items: list[CaseBrief]
    next: str | None = None
    """Cursor of the next page."""


async def _receive(tx: Tx[Intake], handed_in: Sequence[tuple[Submission, Caller]]) -> list[Outcome]:
    return [
        case
        if isinstance(case, Refusal)
        else Answer(status=201, body=_receipt(case), headers={"location": f"/v1/cases/{case.received.case_no}"})
        for case in await handlers.receive_cases(tx, handed_in)
    ]


RECEIPTS: Gathering[Intake, tuple[Submission, Caller]] = Gathering(_receive, key=lambda handed_in: handed_in[0].case_id)
"""Applications that come in at the same moment are received in one transaction."""


@router.post("/v1/cases", operation_id="receiveCase", status_code=201, response_model=CaseReceipt, max_body_size=MAX_BODY)
@express
async def receive_case(write: Annotated[Writer[Intake], WRITER], body: NewCase) -> Response:
    """Take an application in, whole: checked, numbered, stored and told to the competent organ, or refused with nothing stored."""
    return await RECEIPTS(write, (body.submission(write.caller, case_id=CaseId(str(uuid_utils.uuid7()))), write.caller))


@router.get("/v1/cases", operation_id="listCases", response_model=CaseList)
@express
async def list_cases(
    read: Annotated[Reader[Intake], READER],
    state: CaseState | None = None,
    stage: Stage | None = None,
    item: Annotated[str | None, Query(pattern=r"^[0-9A-Za-z]{1,31}$")] = None,
    case: Annotated[list[CaseRef], Query(max_length=MAX_LIMIT, description="只列这些办件 / only these cases")] = [],  # noqa: B006 - FastAPI copies it
    after: Cursor = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The cases that the caller may see."""
    pages = Pages(vault=read.context.vault, scope=("cases", state or "", stage or "", item or "", *case))
    position = pages.position(after)
    found = await store.list_cases(
        read.tx,
        handlers.rights(read.tx, caller=read.caller, action="view"),
        state=state,
        stage=stage,
        item_code=item,
        case_ids=case,
        position=None if position is None else (datetime.fromisoformat(str(position[0])), str(position[1])),
        limit=limit + 1,
    )
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else pages.cursor((last.received.received_at.isoformat(), last.case_id))
    return read.answer(CaseList(items=await show_briefs(read.tx, found[:limit]), next=following))


@router.get("/v1/cases/{no}", operation_id="getCase", response_model=CaseShown)
@express
async def get_case(
    read: Annotated[Reader[Intake], READER], no: No, expand: Literal["person"] | None = None, purpose: Purpose | None = None
) -> Response:
    """One case; with ``expand=person`` who applies and the form, which takes a purpose of an officer and leaves a trace."""
    case = await handlers.see_case(read.tx, no, caller=read.caller)
    [brief] = await show_briefs(read.tx, [case])
    shown = _case(case, brief, staff=read.caller.kind is not CallerKind.PERSON)
    if expand is None:
        return read.answer(shown, etag=case.version)
    await handlers.see_case(read.tx, no, caller=read.caller, action="view_person")
    shown.person = await _person(read, case, purpose=purpose)
    return read.answer(shown, headers={"cache-control": "private, no-store"})


@router.get("/v1/cases/{no}/person", operation_id="getApplicant", response_model=PersonShown)
@express
async def get_person(read: Annotated[Reader[Intake], READER], no: No, purpose: Purpose) -> Response:
    """Who applies and what the form says, for a purpose; leaves a trace."""
    case = await handlers.see_case(read.tx, no, caller=read.caller, action="view_person")
    return read.answer(await _person(read, case, purpose=purpose), headers={"cache-control": "private, no-store"})


@router.post(
    "/v1/cases/{no}/supplements",
    operation_id="supplementCase",
    status_code=201,
    response_model=SupplementReceipt,
    max_body_size=MAX_BODY,
)
async def supplement_case(
    write: Annotated[Writer[Intake], WRITER], version: Annotated[int | None, VERSION_IF_ANY], no: No, body: SupplementGiven
) -> Response:
    """Give what a correction notice asked for; ``If-Match`` is looked at when it is sent."""

    async def act(tx: Tx[Intake]) -> Answer:
        case = await handlers.supplement_case(
            tx,
            no,
            caller=write.caller,
            notice_id=body.notice_id,
            form=cast("JsonObject", body.form),
            materials=[Named(code=one.code, material_id=one.material_id) for one in body.materials],
            version=version,
        )
        return Answer(status=201, body=_supplement(case))

    return await write(act)


def _links(case: Case) -> Links:
    here = f"/v1/cases/{case.received.case_no}"
    return Links(self=here, timeline=f"{here}/timeline")


def _receipt(case: Case) -> CaseReceipt:
    kept = case.received
    return CaseReceipt(
        case_id=case.case_id,
        case_no=kept.case_no,
        state=case.state,
        received_at=kept.received_at,
        receiving_region=kept.receiving_region,
        receiving_organ=kept.receiving_organ,
        handling_region=kept.handling_region,
        handling_organ=kept.handling_organ,
        item_code=kept.item_code,
        version_id=kept.version_id,
        mode=kept.mode,
        form_digest=case.form_digest,
        version=case.version,
        links=_links(case),
    )


def _supplement(case: Case) -> SupplementReceipt:
    given = case.supplements[-1]
    return SupplementReceipt(
        case_id=case.case_id,
        case_no=case.received.case_no,
        supplement=given.number,
        notice_id=given.notice_id,
        at=given.at,
        form_digest=case.form_digest,
        version=case.version,
        links=_links(case),
    )


async def show_briefs(tx: Tx[Intake], cases: Sequence[Case]) -> list[CaseBrief]:
    """Cases as lists show them."""
    troubled = await parked_keys(tx, topic=CASE_EVENTS, keys=[case.root_case_id for case in cases])
    return [_brief(tx.context, case, attention=case.root_case_id in troubled) for case in cases]


def _brief(context: Intake, case: Case, *, attention: bool) -> CaseBrief:
    kept = case.received
    version = context.catalogue.version(kept.version_id)
    return CaseBrief(
        case_id=case.case_id,
        case_no=kept.case_no,
        state=case.state,
        stage=case.stage,
        item_code=kept.item_code,
        item_name="" if version is None else version.name,
        applicant=kept.applicant_label,
        received_at=kept.received_at,
        receiving_organ=_organ(context, kept.receiving_organ, region=kept.receiving_region),
        handling_organ=_organ(context, kept.handling_organ, region=kept.handling_region),
        held_by=_holder(context, case),
        answer_by=case.answer_by,
        awaiting_seal=case.progress.awaiting_seal,
        attention=attention,
    )


def _case(case: Case, brief: CaseBrief, *, staff: bool) -> CaseShown:
    kept = case.received
    return CaseShown(
        **dict(brief),
        version_id=kept.version_id,
        situation=kept.situation,
        mode=kept.mode,
        agreement_id=kept.agreement_id,
        route_rule=kept.route_rule,
        channel=kept.channel,
        window=kept.window,
        received_by=kept.received_by if staff else None,
        materials=[MaterialShown(code=one.code, material_id=one.material_id, digest=one.digest) for one in case.materials],
        supplements=[SupplementShown(number=one.number, notice_id=one.notice_id, at=one.at) for one in case.supplements],
        form_digest=case.form_digest,
        ending=case.progress.ending,
        closed_at=case.closed_at,
        version=case.version,
    )


async def _person(read: Reader[Intake], case: Case, *, purpose: str | None) -> PersonShown:
    """Opened for a purpose and with a trace, unless it is the applicant who looks."""
    if read.caller.kind is not CallerKind.PERSON:
        if purpose is None:
            raise PurposeMissing
        read.trace(aggregate="case", action="view_person", about=case.case_id, purpose=purpose)
    person = await handlers.open_person(read.tx, case)
    return PersonShown(
        applicant={**encode_object(person.applicant), "name_of_firm": person.name_of_firm},
        agent=None if person.agent is None else dict(encode_object(person.agent)),
        facts=dict(person.facts),
        form=dict(person.form),
        notes=person.notes,
    )


def _organ(context: Intake, code: OrganCode, *, region: RegionCode) -> OrganShown:
    known = context.catalogue.organ(code)
    return OrganShown(code=code, name="" if known is None else known.name, region=region)


def _holder(context: Intake, case: Case) -> OrganShown | None:
    kept, holder = case.received, case.held_by
    if holder is None:
        return None
    return _organ(context, holder, region=kept.receiving_region if holder == kept.receiving_organ else kept.handling_region)
