"""What waits for an organ's seal, and the act of sealing.

A person's act (acceptance, correction notice, suspension, decision) stands at the instant of the act; it is in force when its notice carries the seal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from contracts.codec import encode_object
from contracts.events import CaseDecided, CredentialRevoked, CredentialSuspended, DecisionSealed, Event, NoticeSealed, Seal
from contracts.refusals import IllegalMove, NotFound
from contracts.values import CaseId, CredentialId, Digest, JsonObject, NoticeId, OrganCode, RegionCode

INSTALLATION = "installation"
"""Owner of the key that signs trust list and status lists, beside the organs' own."""

RETRY_FIRST = timedelta(seconds=2)
RETRY_LAST = timedelta(seconds=60)
TRIES_UNSEEN = 5
"""Tries, over about a minute, after which somebody should look why a seal does not come; ours."""


class SealKind(StrEnum):
    """What kind of notice waits."""

    ACCEPTANCE = "acceptance"
    NON_ACCEPTANCE = "non_acceptance"
    CORRECTION = "correction"
    SUSPENSION = "suspension"
    EXTENSION = "extension"
    DECISION = "decision"


class SealState(StrEnum):
    """States of a sealing."""

    AWAITING = "awaiting"
    SEALED = "sealed"


MOVES: Mapping[SealState, frozenset[SealState]] = {
    SealState.AWAITING: frozenset({SealState.SEALED}),
    SealState.SEALED: frozenset(),
}
"""What is not in it is refused."""


class WaitingFor(StrEnum):
    """What a sealing waits for; shown with the case."""

    SEAL = "seal"
    """Its turn, a matter of moments."""
    PERSON = "person"
    """The holder's data, which intake keeps and could not be asked for."""
    ORGAN = "organ"
    """The organ's document, or that the organ be hosted here: no seal key is kept for others."""


class SealNotFound(NotFound):
    """No notice of that number was ever to be sealed here."""

    RULE = "seal.not-found"
    ZH = "未找到该文书的签章"
    EN = "There is no seal for this notice"


class SealMoved(IllegalMove):
    """The notice carries its seal already."""

    RULE = "seal.move"
    ZH = "该文书已签章"
    EN = "The notice is sealed already"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the log says came of a decision, where the database came back from a backup: it is made again as it was, and not told again."""

    seal: Seal
    credential_id: CredentialId
    held: CredentialSuspended | None = None
    """How it was suspended, where it is."""
    ended: CredentialRevoked | None = None
    """How it was revoked, where it was."""


@dataclass(slots=True, kw_only=True)
class Sealing:
    """One notice on its way to its organ's seal."""

    notice_id: NoticeId
    case_id: CaseId
    root_case_id: CaseId
    region: RegionCode
    """Region of receipt, for the source of the events."""
    organ: OrganCode
    """In whose name the notice speaks; its seal is put on."""
    kind: SealKind
    notice_digest: Digest
    since: datetime
    """Instant of the act, UTC."""
    decided: CaseDecided | None = None
    """The decision, for kind ``decision``."""
    state: SealState = SealState.AWAITING
    tries: int = 0
    next_try: datetime
    waiting_for: WaitingFor = WaitingFor.SEAL
    seal: Seal | None = None
    done: Done | None = None
    """What is to be made again; None where nothing was done yet, or all of it is known."""
    version: int = 0
    """0 until it was stored."""
    sealed_before: int = 0
    """Notices of its case that carried their seal when this was read: the events told of the case so far."""
    events: list[Event] = field(default_factory=list)
    """Recorded, not yet in the outbox."""

    @property
    def issues(self) -> bool:
        """True when sealing it issues a credential."""
        return self.decided is not None and self.decided.credential_type is not None

    @property
    def needs_attention(self) -> bool:
        """True when it was tried so often that it will hardly come by itself."""
        return self.state is SealState.AWAITING and self.tries >= TRIES_UNSEEN

    def postpone(self, *, reason: WaitingFor, at: datetime) -> None:
        """Try again later: after 2 s, then twice as long each time, at most a minute."""
        self.waiting_for = reason
        self.next_try = at + min(RETRY_FIRST * 2 ** min(self.tries, 8), RETRY_LAST)
        self.tries += 1

    def apply(self, seal: Seal, *, credential_id: CredentialId | None = None) -> None:
        """Put the seal on the notice.

        Raises:
            SealMoved: It carries one.
        """
        if SealState.SEALED not in MOVES[self.state]:
            raise SealMoved(facts={"from": self.state.value, "to": SealState.SEALED.value})
        self.state, self.seal = SealState.SEALED, seal
        if self.done is not None:
            return
        case = {"at": seal.sealed_at, "case_id": self.case_id, "root_case_id": self.root_case_id, "region": self.region}
        if self.decided is None:
            self.events.append(NoticeSealed(**case, notice_id=self.notice_id, seal=seal))  # type: ignore[arg-type]
        else:
            self.events.append(
                DecisionSealed(
                    **case,  # type: ignore[arg-type]
                    decision=self.decided.decision,
                    notice_id=self.notice_id,
                    seal=seal,
                    credential_id=credential_id,
                )
            )


def sealed_content(*, organ: OrganCode, kid: str, notice_digest: Digest, sealed_at: datetime) -> JsonObject:
    """What a seal's signature covers: every field of the seal but the signature."""
    content = encode_object(Seal(organ=organ, kid=kid, digest=notice_digest, sealed_at=sealed_at, signature=""))
    del content["signature"]
    return content
