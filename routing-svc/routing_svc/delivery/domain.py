"""Delivery 送达: a decision in force is handed over, at a window or electronically.

Law: 行政许可法 §44.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from contracts.events import CaseReceived
from contracts.refusals import Conflict
from contracts.values import CaseId, CredentialId, NoticeId, OrganCode, PersonRef, RegionCode


class DeliveryState(StrEnum):
    """States of a delivery."""

    OPEN = "open"
    DONE = "done"


MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = MappingProxyType(
    {
        DeliveryState.OPEN: frozenset({DeliveryState.DONE}),
        DeliveryState.DONE: frozenset(),
    }
)
"""Every move there is; what is not here is refused."""


class Means(StrEnum):
    """How a result reaches the applicant."""

    WINDOW = "window"
    ELECTRONIC = "electronic"


MEANS: Mapping[Means, tuple[str, str]] = MappingProxyType(
    {Means.WINDOW: ("窗口领取", "at the window"), Means.ELECTRONIC: ("电子送达", "electronically")}
)
"""Means in Chinese and English."""


class HandedOver(Conflict):
    """The result was handed over before."""

    RULE = "delivery.done"
    ZH = "结果已送达"
    EN = "The result was handed over before"


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What is to be handed over of one decision."""

    delivery_id: str
    """Case and number of the decision."""
    case: CaseReceived
    region: RegionCode
    organ: OrganCode
    """The handling organ."""
    decision: int
    notice_id: NoticeId
    credential_id: CredentialId | None
    opened_at: datetime
    state: DeliveryState = DeliveryState.OPEN
    means: Means | None = None
    delivered_at: datetime | None = None
    delivered_by: PersonRef | None = None
    version: int = 0

    @property
    def case_id(self) -> CaseId:
        """The case."""
        return self.case.case_id

    def hand_over(self, *, at: datetime, means: Means, by: PersonRef | None) -> None:
        """Note that the applicant has the result.

        Raises:
            HandedOver: It was handed over before.
        """
        if DeliveryState.DONE not in MOVES[self.state]:
            raise HandedOver(facts={"state": self.state.value})
        self.state, self.means, self.delivered_at, self.delivered_by = DeliveryState.DONE, means, at, by


def delivery_id(case_id: CaseId, decision: int) -> str:
    """The id of the delivery of one decision."""
    return f"{case_id}-d{decision}"
