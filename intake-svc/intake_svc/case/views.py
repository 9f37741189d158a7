"""What is shown of cases: in a list, opened, and what a check of an application found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis.database import Tx
from chassis.parking import parked_keys
from contracts.events import CASE_EVENTS
from contracts.values import (
    AgreementId,
    CaseId,
    CaseNo,
    Channel,
    Digest,
    Ending,
    ItemCode,
    ItemVersionId,
    Mode,
    NoticeId,
    OrganCode,
    PersonRef,
    RegionCode,
    WindowId,
)
from intake_svc.application.handlers import Checked
from intake_svc.case.domain import Case, CaseState
from intake_svc.context import Intake
from intake_svc.progress.domain import Stage
from rules.check import verdict_digest


class OrganShown(BaseModel):
    """An organ by code and name."""

    code: OrganCode
    name: str
    region: RegionCode


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


async def show_briefs(tx: Tx[Intake], cases: Sequence[Case]) -> list[CaseBrief]:
    """Cases as lists show them."""
    troubled = await parked_keys(tx, topic=CASE_EVENTS, keys=[case.root_case_id for case in cases])
    return [_brief(tx.context, case, attention=case.root_case_id in troubled) for case in cases]


def show_case(case: Case, brief: CaseBrief, *, staff: bool) -> CaseShown:
    """A case as it is opened; to an applicant without the account that received it."""
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


def show_verdict(checked: Checked) -> Verdict:
    """What a check found, with a digest of it."""
    route = checked.route
    return Verdict(
        verdict="defects" if checked.defects else "clean",
        defects=[
            DefectShown(rule=one.rule_id, pointer=one.pointer, detail=one.message, detail_en=one.message_en, basis=one.basis)
            for one in checked.defects
        ],
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


def _organ(context: Intake, code: OrganCode, *, region: RegionCode) -> OrganShown:
    acting = context.catalogue.organs.acting(code, at=context.now.now())
    known = context.catalogue.organ(acting)
    return OrganShown(
        code=acting, name="" if known is None else known.name, region=region if known is None or acting == code else known.region
    )


def _holder(context: Intake, case: Case) -> OrganShown | None:
    kept, holder = case.received, case.held_by
    if holder is None:
        return None
    return _organ(context, holder, region=kept.receiving_region if holder == kept.receiving_organ else kept.handling_region)
