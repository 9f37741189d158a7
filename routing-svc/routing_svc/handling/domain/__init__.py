"""The handling of a case: its states and moves, its refusals, the aggregate."""

from routing_svc.handling.domain.aggregate import Handling
from routing_svc.handling.domain.dates import show_other_end
from routing_svc.handling.domain.parts import Act, CorrectionRound, Written, next_date, refuse_suspension
from routing_svc.handling.domain.refusals import (
    AwaitingSeal,
    CaseIsOver,
    DeemedAccepted,
    DefectUnknown,
    ExtensionRefused,
    FilingDenied,
    GroundsMissing,
    GroundUnknown,
    NothingToStop,
    NotOpened,
    OrganMissing,
    SamePerson,
    ToldOnce,
    ValidityPast,
)
from routing_svc.handling.domain.states import MOVES, OUTCOMES, SUSPENSION_GROUNDS, WAITS, WINNERS, HandlingState

__all__ = [
    "MOVES",
    "OUTCOMES",
    "SUSPENSION_GROUNDS",
    "WAITS",
    "WINNERS",
    "Act",
    "AwaitingSeal",
    "CaseIsOver",
    "CorrectionRound",
    "DeemedAccepted",
    "DefectUnknown",
    "ExtensionRefused",
    "FilingDenied",
    "GroundUnknown",
    "GroundsMissing",
    "Handling",
    "HandlingState",
    "NotOpened",
    "NothingToStop",
    "OrganMissing",
    "SamePerson",
    "ToldOnce",
    "ValidityPast",
    "Written",
    "next_date",
    "refuse_suspension",
    "show_other_end",
]
