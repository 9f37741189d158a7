"""A window 受理点 of a hall, its skills, its officers and their duties.

Who may receive what, where and when is asked here, in one verb: `Window.admit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from contracts.refusals import Conflict, Forbidden, NotFound
from contracts.values import ItemCode, OrganCode, PersonRef, RegionCode, WindowId

EVERY_ITEM = ItemCode("*")
"""The skill of a comprehensive window 综合窗口: it takes every item in."""


class WindowUnknown(NotFound):
    """No window of that id is open."""

    RULE = "window.unknown"
    ZH = "受理点不存在或已停用"
    EN = "There is no such window, or it is closed"


class NoWindowHere(Conflict):
    """No open window of the region takes this item in."""

    RULE = "window.none-here"
    ZH = "该行政区划没有受理此事项的窗口"
    EN = "No window of this region receives this item"


class OfficerNotOnDuty(Forbidden):
    """The officer is not assigned to the window at this instant.

    Law: 国办发〔2020〕35号 (专窗专岗).
    """

    RULE = "window.not-on-duty"
    ZH = "您当前不在该窗口值岗,不能在此收件"
    EN = "You are not on duty at this window, so you cannot receive here"


class WindowLacksSkill(Conflict):
    """The window does not take this item in."""

    RULE = "window.item-not-served"
    ZH = "该窗口不受理此事项"
    EN = "This window does not receive this item"


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """Somebody who works in a hall; named as the identity provider names them."""

    officer: PersonRef
    organ: OrganCode
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """An officer's time at one window."""

    window: WindowId
    officer: PersonRef
    begins: datetime
    """UTC, inclusive."""
    ends: datetime | None = None
    """UTC, exclusive; ``None`` until somebody sets it."""

    def covers(self, at: datetime) -> bool:
        """True when the officer is on duty at the instant."""
        return self.begins <= at and (self.ends is None or at < self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window of a hall."""

    AGGREGATE: ClassVar[str] = "window"

    window: WindowId
    region: RegionCode
    organ: OrganCode
    name: str
    name_en: str
    address: str
    skills: frozenset[ItemCode]
    """Base codes taken in; `EVERY_ITEM` for all."""
    open: bool = True

    def serves(self, item_code: ItemCode) -> bool:
        """True when the window takes the item in."""
        return self.open and not self.skills.isdisjoint({EVERY_ITEM, item_code})

    def admit(self, officer: PersonRef, *, duties: Sequence[Duty], item_code: ItemCode, at: datetime) -> None:
        """Let the officer receive this item here now.

        Args:
            officer: Who wants to receive.
            duties: The officer's duties at this window.
            item_code: What is to be received.
            at: Instant of receipt.

        Raises:
            WindowUnknown: The window is closed.
            OfficerNotOnDuty: None of the duties covers the instant.
            WindowLacksSkill: The window does not take this item in.
        """
        if not self.open:
            raise WindowUnknown
        if not any(duty.window == self.window and duty.officer == officer and duty.covers(at) for duty in duties):
            raise OfficerNotOnDuty(facts={"aggregate": "case", "action": "receive", "about": self.window})
        if not self.serves(item_code):
            raise WindowLacksSkill
