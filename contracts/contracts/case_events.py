"""What happened to a case: at its windows (intake), on its way and in its handling (routing), under its seals (credential)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from contracts.codec import ADDED
from contracts.delegations import Authority
from contracts.event import CaseEvent, Receipt, Seal, Submitted
from contracts.values import (
    AgreementId,
    CaseNo,
    Channel,
    CredentialId,
    DelegationId,
    Digest,
    Ending,
    ItemCode,
    ItemVersionId,
    Mode,
    NoticeId,
    OrganCode,
    Outcome,
    PersonRef,
    RegionCode,
    TransferId,
    WindowId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReceived(CaseEvent):
    """A window took an application in and the applicant holds a number. Receipt (收件) is not acceptance (受理).

    Law: 国办发〔2020〕35号 (收受分离).
    """

    TYPE: ClassVar[str] = "tongban.case.received.v1"

    case_no: CaseNo
    receiving_organ: OrganCode
    window: WindowId | None
    channel: Channel
    item_code: ItemCode
    version_id: ItemVersionId
    situation: str
    mode: Mode
    handling_region: RegionCode
    handling_organ: OrganCode
    agreement_id: AgreementId | None
    route_rule: str
    """Rule by which the handling organ is competent."""
    form_digest: Digest
    materials: tuple[Submitted, ...]
    check_digest: Digest
    """Digest of the verdict of `rules.check` that receipt was based on."""
    received_by: PersonRef | None
    """``None`` when the applicant submitted without a window."""
    helped_by: tuple[PersonRef, ...] = ()
    matter_region: RegionCode | None = field(default=None, metadata=ADDED)
    """The region that the matter belongs to, as it was asked for, where that is not the handling region itself."""
    delegations: tuple[DelegationId, ...] = field(default=(), metadata=ADDED)
    """The instruments through which the handling organ is competent, from the holder of the power downwards."""
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the handling organ acts; ``None`` where it needs no instrument, and in what was received before names were fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSupplemented(CaseEvent):
    """What the correction notice asked for was given.

    Law: 行政许可法 §32.
    """

    TYPE: ClassVar[str] = "tongban.case.supplemented.v1"

    supplement: int
    """Counts from 1."""
    notice_id: NoticeId
    form_digest: Digest
    materials: tuple[Submitted, ...]
    supplemented_by: PersonRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed(CaseEvent):
    """Nothing is left to do for the case at any window."""

    TYPE: ClassVar[str] = "tongban.case.closed.v1"

    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEvent(CaseEvent):
    """An event about one hop of a case."""

    transfer_id: TransferId
    hop: int
    """Counts from 1; a second hop means that the first bounced."""
    handling_region: RegionCode
    handling_organ: OrganCode

    @property
    def subject(self) -> str:
        """The transfer."""
        return self.transfer_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseValidated(TransferEvent):
    """The handling side has the case stored and its rules hold as of receipt; a person must now sign for it."""

    TYPE: ClassVar[str] = "tongban.case.validated.v1"

    sign_by: datetime
    """End of the period to sign for the case, UTC, exclusive."""
    receipts: tuple[Receipt, ...]
    """Offered, delivered, validated; all three when both places are hosted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSignedFor(TransferEvent):
    """A person at the handling organ took the case; the first receiver is accountable no longer."""

    TYPE: ClassVar[str] = "tongban.case.signed-for.v1"

    signed_by: PersonRef
    acceptance_due: datetime
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReturned(TransferEvent):
    """The hop ended without a signature; a new hop follows or the case goes back to the applicant."""

    TYPE: ClassVar[str] = "tongban.case.returned.v1"

    rule_id: str
    """Why: a rule that did not hold, ``returned-by-organ`` or ``not-signed-in-time``."""
    reason_digest: Digest | None
    offered_again: bool
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRehomed(CaseEvent):
    """Another organ stands in the place of the one that acted on a case; clocks, state and version stay (S-22)."""

    TYPE: ClassVar[str] = "tongban.case.re-homed.v1"

    transfer_id: TransferId | None
    """The hop, while nobody has signed for the case; ``None`` once it is handled."""
    former_organ: OrganCode
    handling_organ: OrganCode
    handling_region: RegionCode
    authority: Authority | None
    """In whose name it acts from now on; ``None`` for its own."""
    reason: str
    """``organ-merged``."""

    @property
    def subject(self) -> str:
        """The hop or the case."""
        return self.transfer_id or self.case_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectFound:
    """One line of a correction notice, without its text."""

    rule_id: str
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionNoticed(CaseEvent):
    """The handling organ told once everything to be supplied.

    Law: 行政许可法 §32(4).
    """

    TYPE: ClassVar[str] = "tongban.case.correction-noticed.v1"

    handling_organ: OrganCode
    notice_id: NoticeId
    notice_digest: Digest
    round: int
    """1 for the first; a second one is flagged (S-44)."""
    defects: tuple[DefectFound, ...]
    noticed_by: PersonRef
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the notice is sealed; ``None`` for the handling organ's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAccepted(CaseEvent):
    """The handling organ accepted the application, or is deemed to have.

    Law: 行政许可法 §32.
    """

    TYPE: ClassVar[str] = "tongban.case.accepted.v1"

    handling_organ: OrganCode
    effective_on: date
    """Day from which it counts, Asia/Shanghai; the day of receipt when deemed."""
    deemed: bool
    accepted_by: PersonRef | None
    notice_id: NoticeId
    notice_digest: Digest
    statutory_due: datetime
    promised_due: datetime
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the notice is sealed; ``None`` for the handling organ's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNotAccepted(CaseEvent):
    """The handling organ refused acceptance with its reason.

    Law: 行政许可法 §32.
    """

    TYPE: ClassVar[str] = "tongban.case.not-accepted.v1"

    handling_organ: OrganCode
    notice_id: NoticeId
    notice_digest: Digest
    ground: str
    refused_by: PersonRef
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the notice is sealed; ``None`` for the handling organ's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDecided(CaseEvent):
    """A person of the competent organ decided; in force when sealed.

    Law: 行政许可法 §37, §38.
    """

    TYPE: ClassVar[str] = "tongban.case.decided.v1"

    case_no: CaseNo
    handling_region: RegionCode
    handling_organ: OrganCode
    version_id: ItemVersionId
    situation: str
    decision: int
    """Counts from 1; an amendment is the next."""
    outcome: Outcome
    grounds: tuple[str, ...]
    """Codes of the grounds of a denial, from the item's texts."""
    decided_by: PersonRef
    notice_id: NoticeId
    notice_digest: Digest
    credential_type: str | None
    """What is to be issued; ``None`` for a denial or an item without a credential."""
    valid_until: date | None = None
    """First day on which the credential holds no more, Asia/Shanghai; ``None`` for one without an end."""
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the notice is sealed; ``None`` for the handling organ's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSuspended(CaseEvent):
    """The decision clocks stand still for what does not count; told in writing.

    Law: 行政许可法 §45.
    """

    TYPE: ClassVar[str] = "tongban.case.suspended.v1"

    handling_organ: OrganCode
    ground: str
    """Code of the ground."""
    suspended_by: PersonRef
    notice_id: NoticeId
    notice_digest: Digest
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the notice is sealed; ``None`` for the handling organ's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResumed(CaseEvent):
    """The decision clocks run again."""

    TYPE: ClassVar[str] = "tongban.case.resumed.v1"

    handling_organ: OrganCode
    resumed_by: PersonRef
    statutory_due: datetime
    promised_due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseExtended(CaseEvent):
    """The organ has more time, once, with a written reason.

    Law: 行政许可法 §42.
    """

    TYPE: ClassVar[str] = "tongban.case.extended.v1"

    handling_organ: OrganCode
    extended_by: PersonRef
    statutory_due: datetime
    promised_due: datetime
    notice_id: NoticeId
    notice_digest: Digest
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the notice is sealed; ``None`` for the handling organ's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRedated(CaseEvent):
    """A date that was told as provisional is final, and another: the holiday notice for its year is out.

    Law: 行政许可法 §82.
    """

    TYPE: ClassVar[str] = "tongban.case.redated.v1"

    handling_organ: OrganCode
    was: datetime
    """The date that was told, UTC, exclusive."""
    due: datetime
    """The one that takes its place."""
    calendar_version: str
    """What it was reckoned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWithdrawn(CaseEvent):
    """The applicant took the application back before a decision."""

    TYPE: ClassVar[str] = "tongban.case.withdrawn.v1"

    withdrawn_by: PersonRef | None
    """The clerk who entered it; ``None`` when the applicant did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDelivered(CaseEvent):
    """The result is in the applicant's hands.

    Law: 行政许可法 §44.
    """

    TYPE: ClassVar[str] = "tongban.case.result-delivered.v1"

    delivery_id: str
    means: str
    """``window`` or ``electronic``."""
    delivered_by: PersonRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlingEnded(CaseEvent):
    """Routing has nothing more to do; intake closes the case."""

    TYPE: ClassVar[str] = "tongban.handling.ended.v1"

    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSealed(CaseEvent):
    """A notice carries the organ's seal; the act is in force."""

    TYPE: ClassVar[str] = "tongban.notice.sealed.v1"

    notice_id: NoticeId
    seal: Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSealed(CaseEvent):
    """A decision carries the organ's seal and, for a grant, its credential is issued.

    Law: 行政许可法 §39.
    """

    TYPE: ClassVar[str] = "tongban.decision.sealed.v1"

    decision: int
    notice_id: NoticeId
    seal: Seal
    credential_id: CredentialId | None
