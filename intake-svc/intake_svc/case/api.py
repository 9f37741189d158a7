"""Cases over HTTP: received in one call, listed, opened, supplemented; and an application checked before it is handed in."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, cast

import uuid_utils
from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chassis.database import Tx
from chassis.doors import READER, VERSION_IF_ANY, WRITER, Answer, Reader, Writer
from chassis.express import express
from chassis.gathering import Gathering, Outcome
from chassis.paging import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Limit, Pages
from contracts.caller import Caller, CallerKind
from contracts.codec import encode_object
from contracts.refusals import Refusal
from contracts.values import (
    CaseId,
    CaseNo,
    Channel,
    Digest,
    ItemCode,
    ItemVersionId,
    Json,
    JsonObject,
    Mode,
    NoticeId,
    OrganCode,
    RegionCode,
    WindowId,
    person_ref,
)
from intake_svc.application.domain import Named, Person
from intake_svc.application.handlers import Submission, precheck
from intake_svc.case import handlers, store
from intake_svc.case.domain import Case, CaseState
from intake_svc.case.views import CaseList, CaseShown, PersonShown, Verdict, show_briefs, show_case, show_verdict
from intake_svc.context import Intake, PurposeMissing
from intake_svc.progress.domain import Stage
from rules.check import Agent, Applicant

router = APIRouter(tags=["cases"])

MAX_BODY = 512 * 1024
"""Bytes of an application; its materials were uploaded before."""

MOST_DEPTH = 16
"""Objects and lists inside each other in a form."""

MOST_VALUES = 5000
"""Values in a form, at all depths."""

UUID7 = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
REGION = r"^[1-9][0-9]{5}$"

_INTEGERS = 2**63
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no table, document or printed form can hold: control characters but tab and line ends, halves of a pair."""

No = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,40}$", description="办件编号或 id / case number or id")]
CaseRef = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
Purpose = Annotated[str, Query(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$", description="查阅目的 / what for")]


def _plain(value: JsonObject) -> JsonObject:
    """Refuse what a form never holds and what not every reader of JSON can keep: deep nesting, NaN, huge integers, broken text."""
    left, open_ = MOST_VALUES, [(cast("Json", value), 0)]
    while open_:
        one, depth = open_.pop()
        left -= 1
        if left < 0 or depth > MOST_DEPTH:
            raise ValueError("too deep or too many values")
        match one:
            case dict():
                open_ += [(inner, depth + 1) for pair in one.items() for inner in pair]
            case list():
                open_ += [(inner, depth + 1) for inner in one]
            case float() if not math.isfinite(one):
                raise ValueError("no number")
            case int() if not -_INTEGERS < one < _INTEGERS:
                raise ValueError("no integer of 64 bits")
            case str() if _NO_TEXT.search(one):
                raise ValueError("no text")
            case _:
                pass
    return value


FormValues = Annotated[dict[str, object], AfterValidator(_plain)]
"""An object whose shape the item's own form decides."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PersonGiven(_Body):
    """A person who acts for the applicant."""

    name: Annotated[str, Field(max_length=200)]
    id_type: Annotated[str, Field(max_length=40)]
    id_number: Annotated[str, Field(max_length=40)]
    phone: Annotated[str, Field(max_length=40)]


class ApplicantGiven(PersonGiven):
    """Who applies."""

    type: Literal["natural", "legal"]
    name_of_firm: Annotated[str, Field(max_length=200)] | None = None


class MaterialNamed(_Body):
    """A material uploaded before."""

    code: Annotated[str, Field(pattern=CODE)]
    """Code in the item's checklist."""
    material_id: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


class NewCase(_Body):
    """An application, whole: what is checked is what is received."""

    case_id: Annotated[CaseId, Field(pattern=UUID7)] | None = None
    """UUIDv7 made by the client, so that the same application is never received twice; made here when absent."""
    item_code: Annotated[ItemCode, Field(pattern=r"^[0-9A-Za-z]{1,31}$")]
    handling_region: Annotated[RegionCode, Field(pattern=REGION)]
    receiving_region: Annotated[RegionCode, Field(pattern=REGION)] | None = None
    """Only for applicants without a window."""
    version_id: Annotated[ItemVersionId, Field(pattern=CODE)] | None = None
    mode: Mode | None = None
    window: Annotated[WindowId, Field(pattern=CODE)] | None = None
    channel: Channel | None = None
    situation: Annotated[str, Field(pattern=CODE)]
    facts: FormValues = Field(default_factory=dict)
    """Answers to the guide's questions."""
    applicant: ApplicantGiven
    agent: PersonGiven | None = None
    form: FormValues = Field(default_factory=dict)
    materials: Annotated[list[MaterialNamed], Field(max_length=100)] = Field(default_factory=list)
    helper: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")] | None = None
    """Account, at the caller's own issuer, of an officer who helped to fill in; may not decide the case."""
    notes: Annotated[str, Field(max_length=2000)] = ""

    def submission(self, caller: Caller, *, case_id: CaseId) -> Submission:
        """The same, as the rules read it."""
        # Only an officer may name one: whoever helped may not decide, so an applicant could shut a decider out.
        helped = self.helper is not None and caller.kind is CallerKind.STAFF
        return Submission(
            case_id=self.case_id or case_id,
            item_code=self.item_code,
            handling_region=self.handling_region,
            receiving_region=self.receiving_region,
            version_id=self.version_id,
            mode=self.mode,
            window=self.window,
            channel=self.channel,
            situation=self.situation,
            person=Person(
                applicant=Applicant(**self.applicant.model_dump(exclude={"name_of_firm"})),
                name_of_firm=self.applicant.name_of_firm,
                agent=None if self.agent is None else Agent(**self.agent.model_dump()),
                facts=cast("JsonObject", self.facts),
                form=cast("JsonObject", self.form),
                notes=self.notes,
            ),
            materials=tuple(Named(code=one.code, material_id=one.material_id) for one in self.materials),
            has_own_id=self.case_id is not None,
            helpers=(person_ref(issuer=caller.issuer, account=str(self.helper)),) if helped else (),
        )


class Links(BaseModel):
    """Where to go on."""

    self: str
    timeline: str


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


@router.post("/v1/cases:check", operation_id="checkCase", response_model=Verdict, max_body_size=MAX_BODY)
@express
async def check_case(read: Annotated[Reader[Intake], READER], body: NewCase) -> Response:
    """Find every defect that a machine can find, by the handling organ's own rules; nothing is stored."""
    return read.answer(show_verdict(await precheck(read.tx, body.submission(read.caller, case_id=CaseId("")), caller=read.caller)))


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
    shown = show_case(case, brief, staff=read.caller.kind is not CallerKind.PERSON)
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
