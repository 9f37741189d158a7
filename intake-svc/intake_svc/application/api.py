"""Applications over HTTP: what one looks like, and the check before it is handed in."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chassis.doors import READER, Reader
from chassis.express import express
from contracts.caller import Caller, CallerKind
from contracts.values import (
    AgreementId,
    CaseId,
    Channel,
    Digest,
    ItemCode,
    ItemVersionId,
    Json,
    JsonObject,
    Mode,
    OrganCode,
    RegionCode,
    WindowId,
    person_ref,
)
from intake_svc.application import handlers
from intake_svc.application.domain import Named, Person, Submission
from intake_svc.context import Intake
from rules.check import Agent, Applicant, verdict_digest

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


class DefectShown(BaseModel):
    """One thing wrong, in the words of the rule; never the value."""

    rule: str
    pointer: str
    detail: str
    detail_en: str
    basis: str


class RouteShown(BaseModel):
    """Who would decide, as of now."""

    version_id: ItemVersionId
    handling_region: RegionCode
    handling_organ: OrganCode
    mode: Mode
    agreement_id: AgreementId | None
    rule: str


class Verdict(BaseModel):
    """What a machine finds in an application."""

    verdict: Literal["clean", "defects"]
    defects: list[DefectShown]
    verdict_digest: Digest
    route: RouteShown


@router.post("/v1/cases:check", operation_id="checkCase", response_model=Verdict, max_body_size=MAX_BODY)
@express
async def check_case(read: Annotated[Reader[Intake], READER], body: NewCase) -> Response:
    """Find every defect that a machine can find, by the handling organ's own rules; nothing is stored."""
    submission = body.submission(read.caller, case_id=CaseId(""))
    checked = await handlers.precheck(read.tx, submission, caller=read.caller)
    route = checked.route
    found = [
        DefectShown(rule=one.rule_id, pointer=one.pointer, detail=one.message, detail_en=one.message_en, basis=one.basis)
        for one in checked.defects
    ]
    return read.answer(
        Verdict(
            verdict="defects" if found else "clean",
            defects=found,
            verdict_digest=verdict_digest(checked.parts, defects=checked.defects),
            route=RouteShown(
                version_id=route.version_id,
                handling_region=route.handling_region,
                handling_organ=route.handling_organ,
                mode=route.mode,
                agreement_id=route.agreement_id,
                rule=route.rule,
            ),
        )
    )
