"""The projection of a handling at intake: a stage, who must answer by when, what waits for a seal.

Facts of one service order themselves by their position there, and seals need no order: whatever way the facts of two
services come in between each other, the same is shown in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from contracts.codec import ADDED
from contracts.events import (
    CaseAccepted,
    CaseDecided,
    CaseEvent,
    CaseExtended,
    CaseNotAccepted,
    CaseRedated,
    CaseResumed,
    CaseReturned,
    CaseSignedFor,
    CaseSuspended,
    CaseValidated,
    CaseWithdrawn,
    CorrectionNoticed,
    DecisionSealed,
    HandlingEnded,
    NoticeSealed,
    ResultDelivered,
)
from contracts.values import Ending, NoticeId


class Stage(StrEnum):
    """What a case shows of its handling; never a guard of anything legal."""

    RECEIVED = "received"
    VALIDATED = "validated"
    """The handling side has it; a person must sign for it."""
    OFFERED_AGAIN = "offered_again"
    """A hop ended without a signature; the next is on its way."""
    SIGNED_FOR = "signed_for"
    CORRECTING = "correcting"
    SUPPLEMENTED = "supplemented"
    """Intake's own: the supplement that a correction notice asked for was given."""
    ACCEPTED = "accepted"
    SUSPENDED = "suspended"
    """Accepted, and the time to decide stands still: there is no date until it runs again."""
    NOT_ACCEPTED = "not_accepted"
    DECIDED = "decided"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What was heard of a handling so far."""

    stage: Stage = Stage.RECEIVED
    position: int = 0
    """Routing's position of the fact shown; one with a lower position comes late and changes nothing."""
    answer_by: datetime | None = None
    """When the holder must have answered, UTC, exclusive."""
    notice_id: NoticeId | None = None
    """The notice of the act shown."""
    asked: tuple[str, ...] = ()
    """Places in the application, as JSON Pointers, that the correction notice shown names."""
    ending: Ending | None = None
    """Set when routing has nothing more to do."""
    sealed: frozenset[NoticeId] = frozenset()
    """Notices heard to be under seal."""
    decided_at: datetime | None = field(default=None, metadata=ADDED)
    """Instant of the first decision; also ``None`` for what was decided before this was kept."""
    collected: tuple[datetime, ...] = field(default=(), metadata=ADDED)
    """Instants at which a result was handed over at a window."""

    @property
    def awaiting_seal(self) -> bool:
        """True while the act shown was made but its notice is not heard to be under seal."""
        return self.notice_id is not None and self.notice_id not in self.sealed

    def hear(self, event: CaseEvent, *, position: int) -> Progress:
        """What is shown after a fact; the same object when the fact comes late or is not one that is shown.

        Args:
            event: What another service reported.
            position: Its position at that service.
        """
        if isinstance(event, NoticeSealed | DecisionSealed):
            return self if event.notice_id in self.sealed else replace(self, sealed=self.sealed | {event.notice_id})
        if isinstance(event, CaseRedated):
            moved = position > self.position and self.answer_by == event.was
            return replace(self, position=position, answer_by=event.due) if moved else self
        kept = self._keep(event)
        shown = _show(event) if position > self.position else None
        if shown is None:
            return kept
        return replace(shown, position=position, sealed=kept.sealed, decided_at=kept.decided_at, collected=kept.collected)

    def _keep(self, event: CaseEvent) -> Progress:
        """With what stays known of a fact whatever is shown after it, in whatever order it comes; the same object when that is nothing."""
        if isinstance(event, CaseDecided) and (self.decided_at is None or event.at < self.decided_at):
            return replace(self, decided_at=event.at)
        if isinstance(event, ResultDelivered) and event.means == _AT_A_WINDOW and event.at not in self.collected:
            return replace(self, collected=tuple(sorted({*self.collected, event.at})))
        return self


_AT_A_WINDOW = "window"
"""What `ResultDelivered.means` says of a result that somebody came for."""

_ENDED_AS: Mapping[Ending, Stage] = MappingProxyType(
    {
        Ending.GRANTED: Stage.DELIVERED,
        Ending.PARTLY: Stage.DELIVERED,
        Ending.DENIED: Stage.DELIVERED,
        Ending.NOT_ACCEPTED: Stage.NOT_ACCEPTED,
        Ending.WITHDRAWN: Stage.WITHDRAWN,
        Ending.RETURNED: Stage.RETURNED,
        Ending.TERMINATED: Stage.TERMINATED,
    }
)


def _show(event: CaseEvent) -> Progress | None:
    match event:
        case CaseValidated():
            return Progress(stage=Stage.VALIDATED, answer_by=event.sign_by)
        case CaseSignedFor():
            return Progress(stage=Stage.SIGNED_FOR, answer_by=event.acceptance_due)
        case CaseReturned():
            return Progress(stage=Stage.OFFERED_AGAIN if event.offered_again else Stage.RETURNED)
        case CaseWithdrawn():
            return Progress(stage=Stage.WITHDRAWN)
        case ResultDelivered():
            return Progress(stage=Stage.DELIVERED)
        case HandlingEnded():
            return Progress(stage=_ENDED_AS[event.ending], ending=event.ending)
        case _:
            return _show_act(event)


def _show_act(event: CaseEvent) -> Progress | None:
    """What an officer of the handling organ did, most of it by a notice."""
    match event:
        case CorrectionNoticed():
            asked = tuple(dict.fromkeys(defect.pointer for defect in event.defects))
            return Progress(stage=Stage.CORRECTING, notice_id=event.notice_id, asked=asked)
        case CaseAccepted() | CaseExtended():
            return Progress(stage=Stage.ACCEPTED, notice_id=event.notice_id, answer_by=event.promised_due)
        case CaseSuspended():
            return Progress(stage=Stage.SUSPENDED, notice_id=event.notice_id)
        case CaseResumed():
            return Progress(stage=Stage.ACCEPTED, answer_by=event.promised_due)
        case CaseNotAccepted():
            return Progress(stage=Stage.NOT_ACCEPTED, notice_id=event.notice_id)
        case CaseDecided():
            return Progress(stage=Stage.DECIDED, notice_id=event.notice_id)
        case _:
            return None


SHOWN: tuple[type[CaseEvent], ...] = (
    CaseValidated,
    CaseSignedFor,
    CaseReturned,
    CorrectionNoticed,
    CaseAccepted,
    CaseNotAccepted,
    CaseSuspended,
    CaseResumed,
    CaseExtended,
    CaseRedated,
    CaseDecided,
    CaseWithdrawn,
    NoticeSealed,
    DecisionSealed,
    ResultDelivered,
    HandlingEnded,
)
"""Facts of which something is shown."""
