"""A version as its author hands it in, and what the routes answer."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError

from catalog_svc.agreement.api import LimitBody
from catalog_svc.item.domain import ItemContent, ItemDraft, ItemParts, ItemVersionRecord
from catalog_svc.proposal.api import Body, Condition, FormSchema, ItemText, KeyText, NameText, OrganText, ShortText
from chassis.doors import Answer
from chassis.problems import malformed
from contracts.catalogue import ApprovalType, ChecklistPart, FormPart, ItemVersion, ProjectType, SituationsPart, TextsPart
from contracts.codec import decode
from contracts.elements import ClockStopped, FourDo, GrassRootsLevel, GrassRootsList, StepAct, TrustLevel
from contracts.values import Mode, Way

LongText = Annotated[str, StringConstraints(max_length=2000)]
CodeText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$")]
RuleText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$")]
"""A rule that a bundle takes over from a member begins with the member's base code."""
UmbrellaText = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{31}$")]
TypeCode = Annotated[str, StringConstraints(pattern=r"^([A-Za-z][A-Za-z0-9_.-]{0,79})?$")]


class VersionBody(Body):
    """What an author decides of a version, besides its parts."""

    item_code: ItemText
    name: NameText
    organ: OrganText
    modes: Annotated[list[Mode], Field(min_length=1, max_length=4)]
    service_objects: Annotated[list[Literal["natural", "legal"]], Field(min_length=1, max_length=2)]
    project_type: ProjectType
    approval_type: ApprovalType
    acceptance_limit: LimitBody
    statutory_limit: LimitBody
    promised_limit: LimitBody
    extension_limit: LimitBody | None = None
    delivery_limit: LimitBody
    credential_type: CodeText | None = None
    kind: Literal["", "01", "05", "07", "08", "09", "10", "20"] = ""
    four_do: Annotated[list[FourDo], Field(default_factory=list, max_length=4)]
    lists: Annotated[list[tuple[GrassRootsLevel, GrassRootsList]], Field(default_factory=list, max_length=16)]
    ways: Annotated[list[Way], Field(default_factory=lambda: [Way.MOVED_DOWN], max_length=3)]
    succeeds: Annotated[list[UmbrellaText], Field(default_factory=list, max_length=20)]


class SituationBody(Body):
    """A situation and its condition."""

    situation_id: CodeText
    name: NameText
    name_en: NameText
    when: Condition
    promised_limit: LimitBody | None = None


class FactBody(Body):
    """A question of the guide."""

    name: CodeText
    question: ShortText
    question_en: ShortText
    kind: Literal["boolean", "choice", "date", "number", "text"]
    choices: Annotated[list[tuple[CodeText, NameText, NameText]], Field(default_factory=list, max_length=50)]
    merged: bool = False


class ExemptionBody(Body):
    """When a member of a bundle need not be applied for."""

    when: Condition
    reason: ShortText
    reason_en: ShortText
    reference: ShortText


class MemberBody(Body):
    """One item of a bundle."""

    item_code: ItemText
    after: Annotated[list[ItemText], Field(default_factory=list, max_length=30)]
    when: Annotated[Condition, Field(default_factory=lambda: {"always": True})]
    exemptions: Annotated[list[ExemptionBody], Field(default_factory=list, max_length=10)]


class BundleBody(Body):
    """The items that make one matter."""

    members: Annotated[list[MemberBody], Field(min_length=2, max_length=30)]
    partial: bool = True


class SituationsBody(Body):
    """The decision table."""

    facts: Annotated[list[FactBody], Field(max_length=30)]
    situations: Annotated[list[SituationBody], Field(min_length=1, max_length=50)]
    bundle: BundleBody | None = None


class NeedBody(Body):
    """Which member of a bundle a material is handed in for, and when; written by the merging."""

    item_code: ItemText
    when: Condition


class MaterialBody(Body):
    """A material of the checklist."""

    code: CodeText
    name: NameText
    name_en: NameText
    when: Condition
    required: bool
    source: Literal["applicant", "government", "intermediary"]
    media_types: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=10)]
    max_bytes: Annotated[int, Field(gt=0, le=104_857_600)]
    original_seen: bool
    basis: ShortText
    copies: Annotated[int, Field(ge=0, le=20)] = 1
    sample: ShortText = ""
    nature: Literal["document", "certificate"] = "document"
    certificate: KeyText | Literal[""] = ""
    deferral: LimitBody | None = None
    valid_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    replaced_by: Annotated[list[CodeText], Field(default_factory=list, max_length=10)]
    by_commitment: bool = False
    trust: TrustLevel = "D"
    issuer: ShortText = ""
    intermediary: ShortText = ""
    merged: bool = False
    needed_by: Annotated[list[NeedBody], Field(default_factory=list, max_length=30)]


class CheckRuleBody(Body):
    """A rule that a machine can check."""

    rule_id: RuleText
    when: Condition
    pointer: Annotated[str, StringConstraints(pattern=r"^(/[^/]{1,80}){1,8}$")]
    message: ShortText
    message_en: ShortText
    basis: ShortText
    merged: bool = False


class ChecklistBody(Body):
    """Materials and rules."""

    materials: Annotated[list[MaterialBody], Field(max_length=200)]
    rules: Annotated[list[CheckRuleBody], Field(max_length=200)]


class StepBody(Body):
    """One hop of a chain."""

    step_id: CodeText
    name: NameText
    name_en: NameText
    act: StepAct
    organ_role: CodeText
    basis: ShortText
    level: Literal["nation", "province", "city", "county", "town", "village"] = "county"
    organ: OrganText | None = None
    limit: LimitBody | None = None
    at_window: bool = False
    second_officer: bool = False


class StopBody(Body):
    """A ground that stops a clock."""

    code: CodeText
    name: NameText
    name_en: NameText
    clocks: Annotated[list[ClockStopped], Field(min_length=1, max_length=3)]
    basis: ShortText
    limit: LimitBody | None = None


class FeeBody(Body):
    """A charge."""

    code: CodeText
    name: NameText
    standard: ShortText
    basis: ShortText
    amount_fen: Annotated[int, Field(ge=0, le=100_000_000_000)] | None = None
    reducible: bool = False
    reduction: ShortText = ""


class TextsBody(Body):
    """What people read, and the steps, grounds and fees of the item."""

    conditions: Annotated[list[LongText], Field(max_length=50)]
    legal_basis: Annotated[list[LongText], Field(max_length=50)]
    steps: Annotated[list[LongText], Field(max_length=50)]
    result_name: NameText
    fees: LongText
    denial_grounds: Annotated[list[tuple[CodeText, ShortText, ShortText]], Field(max_length=50)]
    chain: Annotated[list[StepBody], Field(default_factory=list, max_length=20)]
    stops: Annotated[list[StopBody], Field(default_factory=list, max_length=30)]
    fee_lines: Annotated[list[FeeBody], Field(default_factory=list, max_length=30)]
    result_type: Literal["", "licence", "approval", "certificate", "report", "filing", "other"] = ""
    result_template: TypeCode = ""
    acceptance_standard: Annotated[list[LongText], Field(default_factory=list, max_length=50)]
    quantity_limit: ShortText = ""
    visits: Annotated[int, Field(ge=0, le=20)] | None = None


class DraftBody(Body):
    """A version as its author hands it in."""

    item_id: UmbrellaText | None = None
    """The item it is the next version of, where that is not this organ's by its code: an item moves to another organ this way."""
    version: VersionBody
    form: FormSchema
    base_form: KeyText | Literal[""] = ""
    """A base form 基础表单 whose fields go before the item's own."""
    situations: SituationsBody
    checklist: ChecklistBody
    texts: TextsBody

    def draft(self) -> ItemDraft:
        """In the words of the domain."""
        sent = self.model_dump(mode="json")
        return ItemDraft(
            content=decode(ItemContent, {"extension_limit": None, "credential_type": None} | sent["version"]),
            parts=ItemParts(
                form=FormPart(schema=sent["form"], base_form=self.base_form),
                situations=decode(SituationsPart, sent["situations"]),
                checklist=decode(ChecklistPart, sent["checklist"]),
                texts=decode(TextsPart, sent["texts"]),
            ),
        )


def read_draft(sent: object) -> ItemDraft:
    """A body that did not come over HTTP, held to the same bounds.

    Raises:
        Malformed: With every place that is wrong.
    """
    try:
        return DraftBody.model_validate(sent).draft()
    except ValidationError as error:
        raise malformed(error.errors(include_url=False, include_input=False)) from error


class VersionAnswer(BaseModel):
    """Where a version stands."""

    version_id: str
    item_id: str
    state: str
    effective_from: datetime | None = None
    effective_to: datetime | None = None


class VersionShown(BaseModel):
    """A version with its parts."""

    version: ItemVersion
    state: str
    form: FormPart
    situations: SituationsPart
    checklist: ChecklistPart
    """Without what is no longer asked for."""
    texts: TextsPart
    dropped: list[str]
    """Materials of the version that are no longer asked for, since their certificate was cancelled."""


class VersionList(BaseModel):
    """A page of versions in force."""

    items: list[ItemVersion]
    next: str | None
    """Value of ``after`` for the next page."""


def answer_version(record: ItemVersionRecord, *, status: int = 200) -> Answer:
    """Where a version stands after a write."""
    body = VersionAnswer(
        version_id=record.version_id,
        item_id=record.item_id,
        state=record.state.value,
        effective_from=record.effective_from,
        effective_to=record.effective_to,
    )
    return Answer(status=status, body=body)
