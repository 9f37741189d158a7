"""What happened: the events that services tell each other.

Past tense; type ``tongban.<noun>.<past>.v<n>``; the domain records these very objects. No personal data: ids, codes,
digests, instants; officers by issuer and account, applicants never. A new field has a default; anything else is a new
``.vN`` class. The document ``contracts/asyncapi.yaml`` is made from this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from contracts.case_events import (
    CaseAccepted,
    CaseClosed,
    CaseDecided,
    CaseExtended,
    CaseNotAccepted,
    CaseReceived,
    CaseRedated,
    CaseRehomed,
    CaseResumed,
    CaseReturned,
    CaseSignedFor,
    CaseSupplemented,
    CaseSuspended,
    CaseValidated,
    CaseWithdrawn,
    CorrectionNoticed,
    DecisionSealed,
    DefectFound,
    HandlingEnded,
    NoticeSealed,
    ResultDelivered,
    TransferEvent,
)
from contracts.event import ACCESS_EVENTS, CASE_EVENTS, CREDENTIAL_EVENTS, CaseEvent, Event, Receipt, Seal, Submitted
from contracts.values import CaseId, CredentialId, Digest, OrganCode, PersonRef, RegionCode, digest


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
        CaseRehomed,
        CorrectionNoticed,
        CaseAccepted,
        CaseNotAccepted,
        CaseDecided,
        CaseSuspended,
        CaseResumed,
        CaseExtended,
        CaseRedated,
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

__all__ = [
    "ACCESS_EVENTS",
    "CASE_EVENTS",
    "CREDENTIAL_EVENTS",
    "EVENTS",
    "AccessEvent",
    "AccessRefused",
    "CaseAccepted",
    "CaseClosed",
    "CaseDecided",
    "CaseEvent",
    "CaseExtended",
    "CaseNotAccepted",
    "CaseReceived",
    "CaseRedated",
    "CaseRehomed",
    "CaseResumed",
    "CaseReturned",
    "CaseSignedFor",
    "CaseSupplemented",
    "CaseSuspended",
    "CaseValidated",
    "CaseWithdrawn",
    "CorrectionNoticed",
    "CredentialEvent",
    "CredentialIssued",
    "CredentialResumed",
    "CredentialRevoked",
    "CredentialSuspended",
    "DecisionSealed",
    "DefectFound",
    "Event",
    "HandlingEnded",
    "NoticeSealed",
    "PersonalDataRead",
    "Receipt",
    "ResultDelivered",
    "Seal",
    "Submitted",
    "TransferEvent",
]
