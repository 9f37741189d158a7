"""Re-entry over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.database import Tx
from chassis.doors import VERSION_IF_ANY, WRITER, Answer, Writer
from contracts.values import CaseId, CaseNo, Digest, JsonObject
from intake_svc.application.domain import Named, Person
from intake_svc.case.api import MAX_BODY, ApplicantGiven, FormValues, MaterialNamed, No, PersonGiven
from intake_svc.context import Intake
from intake_svc.reentry import handlers
from rules.check import Agent, Applicant

router = APIRouter(tags=["cases"])


class ApplicationAgain(BaseModel):
    """An application as it was handed in: the same form and, uploaded anew, the same files."""

    model_config = ConfigDict(extra="forbid")

    applicant: ApplicantGiven
    agent: PersonGiven | None = None
    facts: FormValues = Field(default_factory=dict)
    """Answers to the guide's questions."""
    form: FormValues = Field(default_factory=dict)
    """As it stood last, with what was supplemented."""
    materials: Annotated[list[MaterialNamed], Field(max_length=100)] = Field(default_factory=list)
    """Those that were lost, byte by byte."""
    notes: Annotated[str, Field(max_length=2000)] = ""

    def person(self) -> Person:
        """The same, as it is kept."""
        return Person(
            applicant=Applicant(**self.applicant.model_dump(exclude={"name_of_firm"})),
            name_of_firm=self.applicant.name_of_firm,
            agent=None if self.agent is None else Agent(**self.agent.model_dump()),
            facts=cast("JsonObject", self.facts),
            form=cast("JsonObject", self.form),
            notes=self.notes,
        )


class Reentered(BaseModel):
    """The case is whole again."""

    case_id: CaseId
    case_no: CaseNo
    at: datetime
    form_digest: Digest
    """The one that was kept."""
    version: int


@router.post("/v1/cases/{no}/re-entry", operation_id="reenterCase", response_model=Reentered, max_body_size=MAX_BODY)
async def reenter_case(
    write: Annotated[Writer[Intake], WRITER], version: Annotated[int | None, VERSION_IF_ANY], no: No, body: ApplicationAgain
) -> Response:
    """Enter again what a restore from a backup lost of a case, the same as it was handed in; ``If-Match`` is looked at when it is sent."""

    async def act(tx: Tx[Intake]) -> Answer:
        named = [Named(code=one.code, material_id=one.material_id) for one in body.materials]
        case = await handlers.enter_again(tx, no, caller=write.caller, person=body.person(), materials=named, version=version)
        return Answer(
            status=200,
            body=Reentered(
                case_id=case.case_id, case_no=case.received.case_no, at=tx.at, form_digest=case.form_digest, version=case.version
            ),
        )

    return await write(act)
