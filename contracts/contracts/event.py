"""An event and the topics that events go out on; what every kind of event is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from contracts.values import CaseId, Digest, OrganCode, PersonRef, RegionCode, TransferId

CASE_EVENTS = "case.events.v1"
CREDENTIAL_EVENTS = "credential.events.v1"
ACCESS_EVENTS = "access.events.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(ABC):
    """Something that happened, at an instant, in the order of a key."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    at: datetime
    """Instant of the act, UTC."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What the order is kept for."""

    @property
    def subject(self) -> str:
        """Id of the aggregate that it happened to."""
        return self.key

    @property
    @abstractmethod
    def place(self) -> str:
        """Region that stands in the source; never changes for one key."""


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
class Seal:
    """An organ's seal over a digest."""

    organ: OrganCode
    kid: str
    digest: Digest
    sealed_at: datetime
    signature: str
    """Ed25519 over the canonical JSON of the other fields, base64url without padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """A sender's word that everything it sent before an instant stands before this record, in this partition of this topic."""

    TYPE: ClassVar[str] = "tongban.relay.watermark.v1"
    TOPICS: ClassVar[tuple[str, ...]] = (CASE_EVENTS, CREDENTIAL_EVENTS, ACCESS_EVENTS)
    """Where it is found; by `key` and ``subject`` it belongs to its service."""

    until: datetime
    """UTC, exclusive."""
    partitions: int
    """Of the topic, as the sender counts them; at least 1."""
