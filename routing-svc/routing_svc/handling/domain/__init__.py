"""The handling of a case: its states and moves, its refusals, the aggregate."""

from routing_svc.handling.domain.aggregate import Act, CorrectionRound, Handling, Written
from routing_svc.handling.domain.refusals import (
    AwaitingSeal,
    CaseIsOver,
    DeemedAccepted,
    ExtensionRefused,
    GroundsMissing,
    GroundUnknown,
    NotOpened,
    SamePerson,
    ToldOnce,
)
from routing_svc.handling.domain.states import MOVES, OUTCOMES, SUSPENSION_GROUNDS, WAITS, HandlingState

__all__ = [
    "MOVES",
    "OUTCOMES",
    "SUSPENSION_GROUNDS",
    "WAITS",
    "Act",
    "AwaitingSeal",
    "CaseIsOver",
    "CorrectionRound",
    "DeemedAccepted",
    "ExtensionRefused",
    "GroundUnknown",
    "GroundsMissing",
    "Handling",
    "HandlingState",
    "NotOpened",
    "SamePerson",
    "ToldOnce",
    "Written",
]
