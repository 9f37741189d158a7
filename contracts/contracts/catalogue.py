"""What the catalogue publishes on its three compacted topics, as every service reads it.

A version is small (at most 1 KB); what many versions share (form, situations, checklist, texts) are parts, named by the
digest of their content. Field names follow GB/T 39554 where it has one (see ``docs/glossary.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from contracts.agreements import Agreement, AgreementAction, OpenCases, TransferLimits
from contracts.codec import ADDED
from contracts.elements import Bundle, Fee, FourDo, GrassRootsLevel, GrassRootsList, Limit, MaterialNeed, Step, StopGround, TrustLevel, Unit
from contracts.values import (
    Digest,
    ItemCode,
    ItemId,
    ItemVersionId,
    JsonObject,
    Mode,
    OrganCode,
    RegionCode,
    Way,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region 行政区划 (GB/T 2260) with its validity; on ``catalog.rules.v1`` as ``region/<code>``."""

    code: RegionCode
    name: str
    level: Literal["nation", "province", "city", "county", "town", "village"]
    parent: RegionCode | None
    kind: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    """First day on which the code is no longer in force."""
    successors: tuple[RegionCode, ...] = ()

    def is_valid(self, on: date) -> bool:
        """Whether the code is in force on a day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organ:
    """An organ 机构; on ``catalog.rules.v1`` as ``organ/<code>``."""

    code: OrganCode
    name: str
    region: RegionCode
    hosted: bool
    """Its officers work in this installation."""
    reconsideration_organ: str
    """Where a decision may be taken to reconsideration 行政复议."""
    court: str
    """Where a suit may be brought 行政诉讼."""
    telephone: str = ""
    merged_into: OrganCode | None = field(default=None, metadata=ADDED)
    """The organ that took its place 机构合并; ``None`` while it stands."""
    merged_at: datetime | None = field(default=None, metadata=ADDED)
    """First instant at which the other stands in its place; set with the publication, never changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarYear:
    """Working days of one year in one region; on ``catalog.rules.v1`` as ``calendar/<region>-<year>``.

    Law: 行政许可法 §82; the State Council's annual holiday notice (调休).
    """

    region: RegionCode
    year: int
    version: str
    """E.g. ``2026.1``; written on every date computed with it."""
    workdays: tuple[date, ...]
    """Saturdays and Sundays that are worked."""
    holidays: tuple[date, ...]
    """Mondays to Fridays that are not."""
    source: str
    official: bool
    """False while the notice for the year is not out: dates in it are provisional."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDigests:
    """The parts one version uses."""

    form: Digest
    situations: Digest
    checklist: Digest
    texts: Digest


class VersionState(StrEnum):
    """States of a published version that other services hear of."""

    PUBLISHED = "published"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class ProjectType(StrEnum):
    """办件类型 projectType of GB/T 39554."""

    INSTANT = "instant"
    """即办件"""
    PROMISED = "promised"
    """承诺件"""


class ApprovalType(StrEnum):
    """证照分离: what is left of the approval decides the workflow (S-42)."""

    NONE = "none"
    FILING = "filing"
    COMMITMENT = "commitment"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemVersion:
    """One organ's service item 实施清单 in one version; on ``catalog.versions.v1`` under its version id."""

    version_id: ItemVersionId
    item_id: ItemId
    version: int
    item_code: ItemCode
    task_code: str
    """实施编码, 31 characters."""
    name: str
    organ: OrganCode
    region: RegionCode
    state: VersionState
    modes: tuple[Mode, ...]
    service_objects: tuple[Literal["natural", "legal"], ...]
    project_type: ProjectType
    approval_type: ApprovalType
    effective_from: datetime
    effective_to: datetime | None
    """Exclusive; ``None`` while no later version is published."""
    acceptance_limit: Limit
    statutory_limit: Limit
    promised_limit: Limit
    extension_limit: Limit | None
    delivery_limit: Limit
    credential_type: str | None
    parts: PartDigests
    kind: str = field(default="", metadata=ADDED)
    """事项类型 taskType of the base item, e.g. ``01`` for a permit; empty in versions from before it was told."""
    four_do: tuple[FourDo, ...] = field(default=(), metadata=ADDED)
    """四办属性 as declared."""
    lists: tuple[tuple[GrassRootsLevel, GrassRootsList], ...] = field(default=(), metadata=ADDED)
    """Level × list of the grass roots on which the item stands."""
    ways: tuple[Way, ...] = field(default=(Way.MOVED_DOWN,), metadata=ADDED)
    """City-wide ways 全市通办 that it declares; records from before the field go on being received at every window below."""
    succeeds: tuple[ItemId, ...] = field(default=(), metadata=ADDED)
    """Items whose place this one took when they were split or merged; their open cases finish under their own versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    """The handling county's own form: JSON Schema 2020-12.

    ``x-label`` (zh), ``x-label-en`` and ``x-order`` are what screens and messages show. ``x-options`` (values with their names) and ``x-lookup``
    (a number by which a person, a firm or an account can be found) are for screens alone: services pass them on and hold nothing to them.
    ``x-fact`` names what a field asks for, the same in every form, so that it is asked once in a matter (S-36). ``x-when`` of a
    field at the top is the condition, over the situation, the facts and the form, under which it is asked for at all.
    ``x-merged`` marks what the base form or members bring and is taken anew for every draft; ``x-required``: the item itself requires it.
    """

    schema: JsonObject
    kind: Literal["form"] = "form"
    base_form: str = field(default="", metadata=ADDED)
    """Code of the base form 基础表单 whose fields were merged in when the version was drafted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A situation 办理情形 and the condition over the facts under which it is the one."""

    situation_id: str
    name: str
    name_en: str
    when: JsonObject
    """Condition tree of `rules.conditions` over facts."""
    promised_limit: Limit | None = field(default=None, metadata=ADDED)
    """Where this situation is decided sooner than the item promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A question of the guide.

    Of those that can still change what comes out, the one that leaves the fewest situations is asked, in the order of the list where that
    is equal.
    """

    name: str
    question: str
    question_en: str
    kind: Literal["boolean", "choice", "date", "number", "text"]
    choices: tuple[tuple[str, str, str], ...] = ()
    """``(value, zh, en)`` for kind ``choice``."""
    merged: bool = field(default=False, metadata=ADDED)
    """A member of the bundle asks it, not the bundle itself (also of materials and rules): it is taken anew whenever one is drafted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationsPart:
    """The decision table of an item: every path ends in exactly one situation."""

    facts: tuple[Fact, ...]
    situations: tuple[Situation, ...]
    kind: Literal["situations"] = "situations"
    bundle: Bundle | None = field(default=None, metadata=ADDED)
    """What the item consists of when it is a bundle 一件事; which members run, the same facts say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialRule:
    """A material 材料 of the checklist."""

    code: str
    name: str
    name_en: str
    when: JsonObject
    """Condition over ``situation``, facts and ``form.<field>``; ``{"always": true}`` for every case."""
    required: bool
    source: Literal["applicant", "government", "intermediary"]
    media_types: tuple[str, ...]
    max_bytes: int
    original_seen: bool
    """The window compares the original (核验原件)."""
    basis: str
    copies: int = 1
    sample: str = ""
    nature: Literal["document", "certificate"] = field(default="document", metadata=ADDED)
    """``certificate``: a proof 证明 that somebody else must write; only what the certificate list names may be asked for (清单外无证明)."""
    certificate: str = field(default="", metadata=ADDED)
    """Row of the certificate list 证明事项清单; empty for what is no certificate."""
    deferral: Limit | None = field(default=None, metadata=ADDED)
    """容缺: may be supplied until then, counted from receipt; ``None`` for a core material."""
    valid_days: int = field(default=0, metadata=ADDED)
    """Days after its date for which it is good, by the calendar; 0 when nothing lapses."""
    replaced_by: tuple[str, ...] = field(default=(), metadata=ADDED)
    """Credential types any of which satisfies it (S-99)."""
    by_commitment: bool = field(default=False, metadata=ADDED)
    """A signed commitment 告知承诺 may stand for it."""
    trust: TrustLevel = field(default="D", metadata=ADDED)
    """Least trust that is enough."""
    issuer: str = field(default="", metadata=ADDED)
    """来源渠道说明: who writes it, in words."""
    intermediary: str = field(default="", metadata=ADDED)
    """中介服务事项 whose report it is; such a report says how long it is good (``valid_days``)."""
    merged: bool = field(default=False, metadata=ADDED)
    needed_by: tuple[MaterialNeed, ...] = field(default=(), metadata=ADDED)
    """Members of a bundle that it is handed in for; empty for an item alone, and for what the bundle itself asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRule:
    """A rule over the application that a machine can check; when ``when`` holds, it is a defect."""

    rule_id: str
    when: JsonObject
    pointer: str
    """JSON Pointer into the application, e.g. ``/form/registered_capital``."""
    message: str
    message_en: str
    basis: str
    merged: bool = field(default=False, metadata=ADDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistPart:
    """Materials and rules that pre-check and handling side check alike."""

    materials: tuple[MaterialRule, ...]
    rules: tuple[CheckRule, ...]
    kind: Literal["checklist"] = "checklist"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsPart:
    """What people read of an item, and by which steps, grounds and fees it is handled; no condition stands here."""

    conditions: tuple[str, ...]
    """受理条件"""
    legal_basis: tuple[str, ...]
    """设定依据"""
    steps: tuple[str, ...]
    """办理流程"""
    result_name: str
    fees: str
    denial_grounds: tuple[tuple[str, str, str], ...]
    """``(code, reason, law)`` from which a denial cites."""
    kind: Literal["texts"] = "texts"
    chain: tuple[Step, ...] = field(default=(), metadata=ADDED)
    """多层办理: the hops in their order; empty when the deciding organ does all of it."""
    stops: tuple[StopGround, ...] = field(default=(), metadata=ADDED)
    """Grounds that stop a clock of this item; those of 行政许可法 §45 hold beside them."""
    fee_lines: tuple[Fee, ...] = field(default=(), metadata=ADDED)
    result_type: Literal["", "licence", "approval", "certificate", "report", "filing", "other"] = field(default="", metadata=ADDED)
    """resultType; empty when not said."""
    result_template: str = field(default="", metadata=ADDED)
    """Code of the template that the result is written with."""
    acceptance_standard: tuple[str, ...] = field(default=(), metadata=ADDED)
    """受理标准 acceptStand, line by line."""
    quantity_limit: str = field(default="", metadata=ADDED)
    """数量限制 limitExplain"""
    visits: int | None = field(default=None, metadata=ADDED)
    """到办事现场次数 limitSceneNum"""


Part = FormPart | SituationsPart | ChecklistPart | TextsPart
"""What stands on ``catalog.parts.v1`` under its digest."""

__all__ = [
    "Agreement",
    "AgreementAction",
    "ApprovalType",
    "Bundle",
    "CalendarYear",
    "CheckRule",
    "ChecklistPart",
    "Fact",
    "Fee",
    "FormPart",
    "ItemVersion",
    "Limit",
    "MaterialRule",
    "OpenCases",
    "Organ",
    "Part",
    "PartDigests",
    "ProjectType",
    "Region",
    "Situation",
    "SituationsPart",
    "Step",
    "StopGround",
    "TextsPart",
    "TransferLimits",
    "Unit",
    "VersionState",
]
