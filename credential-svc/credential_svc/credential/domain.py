"""The life of a credential 电子证照: issued with the seal of a decision, suspended, resumed, revoked, superseded; it expires by its date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from contracts.delegations import Authority
from contracts.events import (
    CredentialEvent,
    CredentialIssued,
    CredentialResumed,
    CredentialRevoked,
    CredentialSuspended,
)
from contracts.refusals import IllegalMove, NotFound, Stale
from contracts.values import CaseId, CredentialId, Digest, NoticeId, OrganCode, PersonRef, RegionCode

SHANGHAI = ZoneInfo("Asia/Shanghai")


class CredentialState(StrEnum):
    """States of a credential."""

    ISSUED = "issued"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


MOVES: Mapping[CredentialState, frozenset[CredentialState]] = {
    CredentialState.ISSUED: frozenset(
        {CredentialState.SUSPENDED, CredentialState.REVOKED, CredentialState.SUPERSEDED, CredentialState.EXPIRED}
    ),
    CredentialState.SUSPENDED: frozenset(
        {CredentialState.ISSUED, CredentialState.REVOKED, CredentialState.SUPERSEDED, CredentialState.EXPIRED}
    ),
    CredentialState.REVOKED: frozenset(),
    CredentialState.SUPERSEDED: frozenset(),
    CredentialState.EXPIRED: frozenset(),
}
"""What is not in it is refused. ``expired`` is reached by the date alone, without anybody's act."""


class SuspensionGround(StrEnum):
    """Why a credential is not to be relied on for now; a closed list, so that events name nobody."""

    INVESTIGATION = "investigation"
    """调查核实期间"""
    LOSS = "loss"
    """遗失或被盗用"""
    HOLDER_REQUEST = "holder_request"
    """持有人申请"""


class RevocationGround(StrEnum):
    """Why a credential holds no more.

    Law: 行政许可法 §69 (撤销), §70 (注销).
    """

    UNLAWFUL = "unlawful"
    """撤销: granted against the law (§69, first paragraph)."""
    DECEIT = "deceit"
    """撤销: obtained by deceit or bribery (§69, second paragraph)."""
    ENDED = "ended"
    """注销: the holder died, lost capacity or was dissolved, or what is licensed cannot be done any more (§70)."""
    HOLDER_REQUEST = "holder_request"
    """注销: the holder gave it up."""


class CredentialNotFound(NotFound):
    """No such credential, or not for this caller."""

    RULE = "credential.not-found"
    ZH = "未找到该证照"
    EN = "There is no such credential"


class CredentialMoved(IllegalMove):
    """The credential's state does not allow it."""

    RULE = "credential.move"
    ZH = "证照当前状态不允许此操作"
    EN = "The credential's present state does not allow this"


class CredentialChanged(Stale):
    """It was changed since the caller read it."""

    RULE = "credential.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who has to do with the case a credential comes from."""

    case_no: str
    receiving_region: RegionCode
    receiving_organ: OrganCode
    handling_region: RegionCode
    handling_organ: OrganCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """In whose name a credential stands.

    Law: 行政许可法 §24, §39.
    """

    organ: OrganCode
    """Its seal is on decision and code; it is not the handling organ where that acts in another's name."""
    region: RegionCode
    authority: Authority | None = None
    """The papers by which the handling organ acts, where it does not hold the power itself."""


@dataclass(slots=True, kw_only=True)
class IssuedCredential:
    """One credential; one per decision."""

    credential_id: CredentialId
    credential_no: str
    """On the paper: case number and decision."""
    case_id: CaseId
    decision: int
    notice_id: NoticeId
    parties: Parties
    issuer: Issuer
    credential_type: str
    holder: str
    """Masked."""
    issued_at: datetime
    valid_until: date | None
    list_id: int
    place: int
    content: Digest
    """Digest of what is sealed of the holder; stays when the data is destroyed."""
    state: CredentialState = CredentialState.ISSUED
    ground: SuspensionGround | RevocationGround | None = None
    """Why it is suspended or was revoked."""
    sequence: int = 0
    version: int = 0
    """0 until it was stored."""
    events: list[CredentialEvent] = field(default_factory=list)
    """Recorded, not yet in the outbox."""

    @property
    def row(self) -> dict[str, object]:
        """The columns that access rules read."""
        return {
            "case_id": self.case_id,
            "receiving_region": self.parties.receiving_region,
            "receiving_organ": self.parties.receiving_organ,
            "handling_region": self.parties.handling_region,
            "handling_organ": self.parties.handling_organ,
        }

    def state_at(self, at: datetime) -> CredentialState:
        """The state on that day; expiry needs no act and is never late."""
        alive = CredentialState.EXPIRED in MOVES[self.state]
        ended = self.valid_until is not None and at.astimezone(SHANGHAI).date() >= self.valid_until
        return CredentialState.EXPIRED if alive and ended else self.state

    def issue(self) -> None:
        """Say that it exists; the act that makes it is the decision's seal.

        Law: 行政许可法 §39.
        """
        self._record(CredentialIssued, at=self.issued_at, credential_type=self.credential_type, content=self.content)

    def suspend(self, *, ground: SuspensionGround, by: PersonRef, at: datetime) -> None:
        """Let nobody rely on it for now.

        Raises:
            CredentialMoved: It is not issued.
        """
        self._move(CredentialState.SUSPENDED, at=at)
        self.ground = ground
        self._record(CredentialSuspended, at=at, suspended_by=by, ground=ground.value)

    def resume(self, *, by: PersonRef, at: datetime) -> None:
        """Let it hold again.

        Raises:
            CredentialMoved: It is not suspended.
        """
        self._move(CredentialState.ISSUED, at=at)
        self.ground = None
        self._record(CredentialResumed, at=at, resumed_by=by)

    def revoke(self, *, ground: RevocationGround, by: PersonRef, at: datetime) -> None:
        """End it for ever.

        Law: 行政许可法 §69, §70.

        Raises:
            CredentialMoved: It has ended already.
        """
        self._move(CredentialState.REVOKED, at=at)
        self.ground = ground
        self._record(CredentialRevoked, at=at, revoked_by=by, ground=ground.value)

    def supersede(self, *, at: datetime) -> None:
        """Give way to the credential of a later decision of the same case.

        Raises:
            CredentialMoved: It has ended already.
        """
        self._move(CredentialState.SUPERSEDED, at=at)

    def _move(self, to: CredentialState, *, at: datetime) -> None:
        now = self.state_at(at)
        if to not in MOVES[now]:
            raise CredentialMoved(facts={"from": now.value, "to": to.value})
        self.state = to

    def _record(self, kind: type[CredentialEvent], *, at: datetime, **fields: object) -> None:
        self.sequence += 1
        about = {
            "credential_id": self.credential_id,
            "case_id": self.case_id,
            "region": self.issuer.region,
            "organ": self.issuer.organ,
        }
        self.events.append(kind(at=at, **about, **fields))  # type: ignore[arg-type]
