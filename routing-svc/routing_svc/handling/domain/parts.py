"""Small parts of a handling: who acts, what was told, what was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from contracts.caller import Caller
from contracts.catalogue import ApprovalType
from contracts.delegations import Authority
from contracts.events import DefectFound
from contracts.values import CaseId, Digest, Json, NoticeId, OrganCode, Outcome, PersonRef, RegionCode
from routing_svc.handling.domain.refusals import FilingDenied, GroundsMissing, GroundUnknown, NothingToStop
from routing_svc.handling.domain.states import SUSPENSION_GROUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRound:
    """One correction notice."""

    notice_id: NoticeId
    defects: tuple[DefectFound, ...]
    noticed_by: PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Somebody acts on the handling of a case that they have read."""

    no: str
    """Number or id of the case."""
    caller: Caller
    version: int
    """Of the handling, as the caller read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A notice as the register keeps it: its number and the digest of its text."""

    notice_id: NoticeId
    digest: Digest


class CaseFacts(TypedDict):
    """What every event of a case says."""

    at: datetime
    case_id: CaseId
    root_case_id: CaseId
    region: RegionCode


class ActFacts(CaseFacts):
    """What every event of an act says that is told in a notice."""

    handling_organ: OrganCode
    authority: Authority | None
    notice_id: NoticeId
    notice_digest: Digest


def under(pointer: str, ancestor: str) -> bool:
    """Whether a JSON Pointer names a place or something inside it."""
    return pointer == ancestor or pointer.startswith(ancestor.rstrip("/") + "/")


def next_date(at: datetime, *, promised: datetime, statutory: datetime) -> datetime:
    """The date that counts for a decision now: the promise while it can be kept, then the law's."""
    return promised if promised > at else statutory


def refuse_outcome(outcome: Outcome, approval: ApprovalType, *, grounds: Sequence[str]) -> None:
    """What may come out of a decision: a denial has grounds and a grant none, and what was accepted for filing is filed.

    Raises:
        FilingDenied: A filing would be denied, also in part.
        GroundsMissing: The grounds do not go with the outcome.
    """
    if outcome is not Outcome.GRANTED and approval is ApprovalType.FILING:
        raise FilingDenied
    if (outcome is not Outcome.GRANTED) != bool(grounds):
        raise GroundsMissing


def refuse_suspension(ground: str, *, at: datetime, statutory_due: datetime | None) -> None:
    """Only the law's grounds stop time, and only time that is left.

    Raises:
        GroundUnknown: The law does not stop the clock for this.
        NothingToStop: The statutory time ran out.
    """
    if ground not in SUSPENSION_GROUNDS:
        raise GroundUnknown(facts={"grounds": list[Json](SUSPENSION_GROUNDS)})
    if statutory_due is not None and at >= statutory_due:
        raise NothingToStop
