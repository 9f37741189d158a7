"""What a step of the guide says: who is asked what and why, or what the answers lead to, each line with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from catalog_svc.guide.domain.fields import FieldTold
from catalog_svc.guide.domain.organs import Named, OrganShown
from contracts.catalogue import ApprovalType, ProjectType
from contracts.elements import Fee, FourDo, Limit, Step, StopGround, TrustLevel, Unit
from contracts.values import ItemCode, ItemId, ItemVersionId, JsonObject, Mode, OrganCode, RegionCode, Way
from rules.guidance import Question, Why
from rules.parts import Parts
from rules.workdays import Line as Explained

LimitName: TypeAlias = Literal["acceptance", "statutory", "promised", "extension", "delivery"]
CountedFrom: TypeAlias = Literal["receipt", "acceptance", "decision", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationNamed:
    """A situation 办理情形."""

    situation_id: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistLine:
    """A material to hand in, with everything that can be said of it before it is there."""

    code: str
    name: str
    name_en: str
    necessity: Literal["required", "optional"]
    certain: bool
    """False while the form decides."""
    why: Why
    basis: str
    """The law that lets it be asked for."""
    certificate: str
    """Row of the certificate list 证明事项清单, read at ``/v1/certificates/<id>``; empty for what is no certificate."""
    source: Literal["applicant", "government", "intermediary"]
    issuer: str
    intermediary: str
    core: bool
    """False for what may follow 容缺."""
    deferral: Limit | None
    deferred_until: date | None
    """Last day for it, where a start was given."""
    replaced_by: tuple[str, ...]
    """Credential types any of which stands for it."""
    by_commitment: bool
    valid_days: int
    original_seen: bool
    copies: int
    trust: TrustLevel
    media_types: tuple[str, ...]
    max_bytes: int
    sample: str
    for_items: tuple[Named, ...]
    """Members of a bundle that the one file serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedLine:
    """A material of the item that this application does not need, and why."""

    code: str
    name: str
    name_en: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class FormShown:
    """The one form: base form and the item's own fields, each once."""

    title: str
    base_form: str
    json_schema: JsonObject
    """Whole, as the version publishes it and the check reads it, whatever the answers are."""
    prefilled: JsonObject
    """Fields that the answers fill already."""
    fields: tuple[FieldTold, ...]
    """Every field of the schema, in the order of screens, and how it stands by the answers: what is not asked for is left out of the screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """When a limit would end for the start that was given."""

    start: datetime
    due: datetime
    """UTC, exclusive."""
    last_day: date
    provisional: bool
    """It rests on a year whose holiday notice is not out."""
    calendar_version: str
    explanation: tuple[Explained, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTold:
    """One limit of the item in words."""

    name: LimitName
    zh: str
    en: str
    limit: Limit
    counted_from: CountedFrom
    """``end``: an extension begins where the statutory limit ends."""
    example: Example | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What is left of the approval, and what that means for whoever applies (S-42)."""

    type: ApprovalType
    application: bool
    """False where nothing has to be applied for."""
    zh: str
    en: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the applicant gets."""

    name: str
    type: str
    template: str
    credential_type: str | None
    """Type of the e-credential that is issued; ``None`` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Where and how it is handed in and handled."""

    project_type: ProjectType
    modes: tuple[Mode, ...]
    ways: tuple[Way, ...]
    four_do: tuple[FourDo, ...]
    visits: int | None
    steps: tuple[str, ...]
    chain: tuple[Step, ...]
    """Hops with their law; a step at a window says whether a second officer looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberShown:
    """One item of a bundle and what becomes of it in this matter."""

    item_code: ItemCode
    name: str
    stand: Literal["runs", "exempt", "not_part", "open"]
    turn: int
    """1 begins at once; 0 does not run."""
    after: tuple[ItemCode, ...]
    reason: str
    reason_en: str
    reference: str
    """The document that an exemption rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the answers lead to."""

    approval: Approval
    form: FormShown | None
    """None where nothing has to be applied for."""
    checklist: tuple[ChecklistLine, ...]
    limits: tuple[LimitTold, ...]
    stops: tuple[StopGround, ...]
    """Grounds that stop a clock of this item; those of 行政许可法 §45 hold beside them."""
    fees: str
    fee_lines: tuple[Fee, ...]
    result: Result
    handling: Handling
    bundle: tuple[MemberShown, ...]
    """Empty for an item alone."""
    partial: bool
    """Of a bundle, some members may be granted while others are refused."""
    skipped: tuple[SkippedLine, ...] | None
    """Told when asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideStep:
    """One step of the guide."""

    version_id: ItemVersionId
    item_id: ItemId
    version: int
    item_code: ItemCode
    name: str
    region: RegionCode
    region_name: str
    organ: OrganCode
    organ_name: str
    deciding: OrganShown
    """More of this organ: in whose name it decides, by which papers, and the remedies."""
    valid_from: datetime
    valid_until: datetime | None
    """Of the version, exclusive; None while no end is known."""
    facts: JsonObject
    """The answers, to be handed in with the application."""
    remaining: tuple[SituationNamed, ...]
    question: Question | None
    """None when nothing more can matter."""
    situation: SituationNamed | None
    """Known as soon as one is left."""
    outcome: Outcome | None
    """With the last answer that matters."""


APPROVALS: Mapping[ApprovalType, Approval] = {
    one.type: one
    for one in (
        Approval(
            type=ApprovalType.NONE,
            application=False,
            zh="已取消审批：无需申请，不收取材料，也不作出决定",
            en="The approval is abolished: nothing is applied for, handed in or decided",
            basis="行政许可法 §32",
        ),
        Approval(
            type=ApprovalType.FILING,
            application=True,
            zh="审批改为备案：材料齐全即予备案，不作审查决定",
            en="A filing: what is complete is put on file; nobody decides whether it may be done",
            basis="国发〔2021〕7号",
        ),
        Approval(
            type=ApprovalType.COMMITMENT,
            application=True,
            zh="实行告知承诺：书面承诺符合条件即作出决定，事后核查；承诺不实的，撤销决定",
            en="By commitment: decided on a signed promise and checked afterwards; a false promise undoes the decision",
            basis="国发〔2021〕7号",
        ),
        Approval(
            type=ApprovalType.NORMAL,
            application=True,
            zh="审查后在期限内作出准予或者不予的书面决定",
            en="Examined, then granted or refused in writing within the limit",
            basis="行政许可法 §37–38",
        ),
    )
}

_UNITS: Mapping[Unit, tuple[str, str, str]] = {
    Unit.WORKDAYS: ("个工作日", "working day", "working days"),
    Unit.HOURS: ("个工作小时", "window hour", "window hours"),
    Unit.MINUTES: ("分钟", "minute", "minutes"),
}


def limit_in_words(limit: Limit) -> tuple[str, str]:
    """A limit as people say it, in Chinese and English."""
    if limit.amount == 0 and limit.unit is Unit.WORKDAYS:
        return "当日（即办）", "the same day"
    zh, one, many = _UNITS[limit.unit]
    return f"{limit.amount} {zh}", f"{limit.amount} {one if limit.amount == 1 else many}"


def result_of(parts: Parts) -> Result:
    """What a version says of its result."""
    texts = parts.texts
    return Result(
        name=texts.result_name, type=texts.result_type, template=texts.result_template, credential_type=parts.version.credential_type
    )


def handling_of(parts: Parts) -> Handling:
    """What a version says of where and how it is handled."""
    version, texts = parts.version, parts.texts
    return Handling(
        project_type=version.project_type,
        modes=version.modes,
        ways=version.ways,
        four_do=version.four_do,
        visits=texts.visits,
        steps=texts.steps,
        chain=texts.chain,
    )


def limits_of(parts: Parts, *, promised: Limit) -> tuple[tuple[LimitName, Limit], ...]:
    """The limits that a version has, in the order of a case's life; ``promised`` as the situation has it."""
    version = parts.version
    rows: tuple[tuple[LimitName, Limit | None], ...] = (
        ("acceptance", version.acceptance_limit),
        ("statutory", version.statutory_limit),
        ("promised", promised),
        ("extension", version.extension_limit),
        ("delivery", version.delivery_limit),
    )
    return tuple((name, limit) for name, limit in rows if limit is not None)
