"""The states of a handling and its moves; `docs/states.md` is made from them.

Law: 行政许可法 §32, §37, §45.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from contracts.values import Outcome


class HandlingState(StrEnum):
    """Legal states of a case."""

    OPENED = "opened"
    """A person signed for it; acceptance is to be decided."""
    CORRECTING = "correcting"
    """The applicant was told everything to be supplied."""
    ACCEPTED = "accepted"
    SUSPENDED = "suspended"
    """A hearing, test or the like runs, which does not count."""
    NOT_ACCEPTED = "not_accepted"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    TERMINATED = "terminated"
    """Given back before acceptance."""


MOVES: Mapping[HandlingState, frozenset[HandlingState]] = MappingProxyType(
    {
        HandlingState.OPENED: frozenset(
            {
                HandlingState.CORRECTING,
                HandlingState.ACCEPTED,
                HandlingState.NOT_ACCEPTED,
                HandlingState.WITHDRAWN,
                HandlingState.TERMINATED,
            }
        ),
        HandlingState.CORRECTING: frozenset({HandlingState.OPENED, HandlingState.WITHDRAWN}),
        HandlingState.ACCEPTED: frozenset({HandlingState.SUSPENDED, HandlingState.DECIDED, HandlingState.WITHDRAWN}),
        HandlingState.SUSPENDED: frozenset({HandlingState.ACCEPTED, HandlingState.WITHDRAWN}),
        HandlingState.NOT_ACCEPTED: frozenset(),
        HandlingState.DECIDED: frozenset(),
        HandlingState.WITHDRAWN: frozenset(),
        HandlingState.TERMINATED: frozenset(),
    }
)
"""Every move there is; what is not here is refused."""

WAITS: Mapping[HandlingState, frozenset[str]] = MappingProxyType(
    {
        HandlingState.OPENED: frozenset({"acceptance"}),
        HandlingState.CORRECTING: frozenset({"supplement"}),
        HandlingState.ACCEPTED: frozenset({"decision_promised", "decision_statutory"}),
        HandlingState.SUSPENDED: frozenset({"suspension"}),
    }
)
"""Kinds of clocks of which one at least runs in a state that waits for somebody."""

SUSPENSION_GROUNDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "hearing": ("听证", "hearing"),
        "tender": ("招标", "tender"),
        "auction": ("拍卖", "auction"),
        "inspection": ("检验", "inspection"),
        "testing": ("检测", "testing"),
        "quarantine": ("检疫", "quarantine"),
        "appraisal": ("鉴定", "appraisal"),
        "expert_review": ("专家评审", "expert review"),
    }
)
"""What stops the decision clocks, in Chinese and English.

Law: 行政许可法 §45.
"""

OUTCOMES: Mapping[Outcome, tuple[str, str]] = MappingProxyType(
    {
        Outcome.GRANTED: ("准予", "granted"),
        Outcome.PARTLY: ("部分准予", "granted in part"),
        Outcome.DENIED: ("不予许可", "denied"),
    }
)
"""Outcomes in Chinese and English."""

WINNERS: Mapping[HandlingState, str] = MappingProxyType(
    {
        HandlingState.DECIDED: "decision",
        HandlingState.WITHDRAWN: "withdrawal",
        HandlingState.NOT_ACCEPTED: "non_acceptance",
        HandlingState.TERMINATED: "return",
    }
)
"""What ended a matter, by the state that it left; the loser of a race is told it."""
