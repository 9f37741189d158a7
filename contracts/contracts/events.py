"""What happened: the events that services tell each other.

Past tense; type ``tongban.<noun>.<past>.v<n>``; the domain records these very objects. No personal data: ids, codes,
digests, instants; officers by issuer and account, applicants never. A new field has a default; anything else is a new
``.vN`` class. The document ``contracts/asyncapi.yaml`` is made from this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from contracts.values import (
    AgreementId,
    CaseId,
    CaseNo,
    Channel,
    CredentialId,
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
    digest,
)

CASE_EVENTS = "case.events.v1"
CREDENTIAL_EVENTS = "credential.events.v1"
ACCESS_EVENTS = "access.events.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, at an instant, in the order of a key."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    at: datetime
    """Instant of the act, UTC."""

    @property
    def key(self) -> str:
        """What the order is kept for."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        """Id of the aggregate that it happened to."""
        return self.key

    @property
    def place(self) -> str:
        """Region that stands in the source; never changes for one key."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent(Event):
    """An event about one case; parent and branches of a bundle share their order by the root case."""

    TOPIC: ClassVar[str] = CASE_EVENTS

    case_id: CaseId
    root_case_id: CaseId
    region: RegionCode
    """Region of receipt."""

    @property
    def key(self) -> str:
        """The root case."""
        return self.root_case_id

    @property
    def subject(self) -> str:
        """The case."""
        return self.case_id

    @property
    def place(self) -> str:
        """The region of receipt."""
        return self.region


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """One material as handed in."""

    code: str
    """Code in the checklist."""
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A signed receipt of one step of a transfer.

    The signature covers the canonical JSON of all other fields; ``number`` counts the receipts of the case and
    ``previous`` is the digest of the receipt before it, so a receipt left out or changed is found.
    """

    receipt_id: str
    case_id: CaseId
    transfer_id: TransferId
    hop: int
    step: str
    """``offered``, ``delivered``, ``validated``, ``signed_for``, ``returned`` or ``expired``."""
    organ: OrganCode
    """For whom the step was made."""
    by: PersonRef | None
    """The person, where a person acted."""
    at: datetime
    facts: Digest
    """Digest of what the step was about: form, materials, version, route."""
    number: int
    previous: Digest | None
    kid: str
    signature: str
    """Ed25519, base64url without padding."""


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
class Seal:
    """An organ's seal over a digest."""

    organ: OrganCode
    kid: str
    digest: Digest
    sealed_at: datetime
    signature: str
    """Ed25519 over the canonical JSON of the other fields, base64url without padding."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialEvent(Event):
    """An event in the life of one credential."""

    TOPIC: ClassVar[str] = CREDENTIAL_EVENTS

    credential_id: CredentialId
    case_id: CaseId
    region: RegionCode
    """Region of the issuing organ."""
    organ: OrganCode

    @property
    def key(self) -> str:
        """The credential."""
        return self.credential_id

    @property
    def place(self) -> str:
        """The region of the issuing organ."""
        return self.region


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialIssued(CredentialEvent):
    """A credential exists and its status is published."""

    TYPE: ClassVar[str] = "tongban.credential.issued.v1"

    credential_type: str
    content: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSuspended(CredentialEvent):
    """A credential is not to be relied on for now."""

    TYPE: ClassVar[str] = "tongban.credential.suspended.v1"

    suspended_by: PersonRef
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialResumed(CredentialEvent):
    """A suspended credential holds again."""

    TYPE: ClassVar[str] = "tongban.credential.resumed.v1"

    resumed_by: PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRevoked(CredentialEvent):
    """A credential holds no more, for ever.

    Law: 行政许可法 §69, §70.
    """

    TYPE: ClassVar[str] = "tongban.credential.revoked.v1"

    revoked_by: PersonRef
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEvent(Event):
    """A read of personal data or a refusal worth a trace."""

    TOPIC: ClassVar[str] = ACCESS_EVENTS

    trace_id: str
    caller: PersonRef
    aggregate: str
    action: str
    about: str
    """Id of what was called for, e.g. a case id."""
    region: RegionCode

    @property
    def key(self) -> str:
        """A digest of what it is about, so that the topic's keys name nobody."""
        return digest(self.about.encode())

    @property
    def subject(self) -> str:
        """The trace."""
        return self.trace_id

    @property
    def place(self) -> str:
        """The region of the caller."""
        return self.region


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRefused(AccessEvent):
    """Somebody who may see a thing tried what they may not do."""

    TYPE: ClassVar[str] = "tongban.access.refused.v1"

    rule_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataRead(AccessEvent):
    """Somebody opened personal data, for a purpose.

    Law: 个人信息保护法.
    """

    TYPE: ClassVar[str] = "tongban.personal-data.read.v1"

    purpose: str


EVENTS: dict[str, type[Event]] = {
    kind.TYPE: kind
    for kind in (
        CaseReceived,
        CaseSupplemented,
        CaseClosed,
        CaseValidated,
        CaseSignedFor,
        CaseReturned,
        CorrectionNoticed,
        CaseAccepted,
        CaseNotAccepted,
        CaseDecided,
        CaseWithdrawn,
        ResultDelivered,
        HandlingEnded,
        NoticeSealed,
        DecisionSealed,
        CredentialIssued,
        CredentialSuspended,
        CredentialResumed,
        CredentialRevoked,
        AccessRefused,
        PersonalDataRead,
    )
}
"""Every event by its type."""
