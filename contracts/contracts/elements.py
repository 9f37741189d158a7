"""Elements 要素 of an item that the national standard lacks or that its parts carry in lists of their own.

Steps, grounds that stop a clock, fees and the members of a bundle: each with the law it rests on, so that what has none
can be refused. Field names follow GB/T 39554 where it has one (see ``docs/glossary.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from contracts.codec import ADDED
from contracts.values import ItemCode, JsonObject, OrganCode


class Unit(StrEnum):
    """What a limit counts."""

    WORKDAYS = "workdays"
    """Ends at 24:00 Asia/Shanghai of its last working day; the first day counted is the one after the act."""
    HOURS = "hours"
    """Hours of the window day."""
    MINUTES = "minutes"
    """Elapsed minutes, day and night: transport between machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A period of time set by law, promise or agreement."""

    amount: int
    """At least 0; 0 working days means the same day (即办)."""
    unit: Unit
    basis: str = ""
    """The rule it comes from, e.g. ``行政许可法 §42``; empty for what an agreement sets."""


class FourDo(StrEnum):
    """四办属性: what an organ declares of an item (S-28); what is achieved is counted from cases."""

    AT_ONCE = "at_once"
    """马上办: decided while the applicant waits."""
    ONLINE = "online"
    """网上办: from the application to the result without a visit."""
    NEARBY = "nearby"
    """就近办: received at a town's or village's window too."""
    ONE_VISIT = "one_visit"
    """一次办: one visit at most."""


class GrassRootsLevel(StrEnum):
    """Levels whose windows have lists of their own."""

    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    VILLAGE = "village"


class GrassRootsList(StrEnum):
    """四个清单 of the grass roots (S-33): a point sees exactly the items of its level's lists."""

    NEARBY = "nearby"
    """就近办清单"""
    PROACTIVE = "proactive"
    """主动办清单"""
    MOBILE = "mobile"
    """掌上网上办清单"""
    ASSISTED = "assisted"
    """帮代办清单"""


ClockStopped = Literal["acceptance", "decision", "delivery"]
"""Clocks of a handling that a ground may stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopGround:
    """A ground on which a clock of the item stands still 特别程序.

    Law: 行政许可法 §45, or the special law that ``basis`` names.
    """

    code: str
    """E.g. ``hearing``, ``expert_review``."""
    name: str
    name_en: str
    clocks: tuple[ClockStopped, ...]
    basis: str
    """A ground without one cannot be published."""
    limit: Limit | None = None
    """How long at most; ``None`` when the law sets no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A charge 收费项目; items without any charge nothing.

    Source: GB/T 39554.2: feeName, feeStand, byLaw, isDesc, descExplain.
    """

    code: str
    name: str
    standard: str
    """收费标准 in words, e.g. 每证 10 元."""
    basis: str
    amount_fen: int | None = None
    """Where it is one fixed sum, in fen (1/100 yuan); never a float."""
    reducible: bool = False
    """可否减免"""
    reduction: str = ""


class StepAct(StrEnum):
    """What is done in one step of a chain."""

    RECEIVE = "receive"
    """收件"""
    ACCEPT = "accept"
    """受理"""
    EXAMINE = "examine"
    """审核"""
    INSPECT = "inspect"
    """现场核查"""
    ENTER = "enter"
    """录入"""
    DECIDE = "decide"
    """决定"""
    DELIVER = "deliver"
    """送达"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One hop of an item's chain, in the order of the list: who does what, by when, by which law (S-90).

    A step without a legal basis is an approval that somebody invented and cannot be published (S-129).
    """

    step_id: str
    name: str
    name_en: str
    act: StepAct
    organ_role: str
    """Who does it as the chain names it, e.g. ``subdistrict_office`` 街道办事处, ``market_station`` 市场监管所."""
    basis: str
    level: Literal["nation", "province", "city", "county", "town", "village"] = "county"
    organ: OrganCode | None = None
    """One organ everywhere; ``None`` where it is found by role and level for the case's place."""
    limit: Limit | None = None
    """Time of this hop; ``None`` when the item's own limit is the only one."""
    at_window: bool = False
    """Done at a window, where a second officer may cross-check 窗口交叉审核."""
    second_officer: bool = False
    """A second officer looks before the step is done; only of a step at a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """When a member of a bundle need not be applied for 豁免, and why (S-85)."""

    when: JsonObject
    """Condition over the bundle's facts."""
    reason: str
    reason_en: str
    reference: str
    """The document that it rests on, e.g. an area assessment 区域评估."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleMember:
    """One item of a bundle 一件事 and its place in the order."""

    item_code: ItemCode
    after: tuple[ItemCode, ...] = ()
    """Members that must have been granted before its turn comes; none: at once, beside the others."""
    when: JsonObject = field(default_factory=lambda: {"always": True})
    """Condition under which it belongs to the applicant's matter."""
    exemptions: tuple[Exemption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The items that make one matter 一件事: one form, one set of materials, one number (S-75).

    The form and checklist of the bundle's own version are the merged ones of its members.
    """

    members: tuple[BundleMember, ...]
    partial: bool = True
    """Some members may be granted while others are refused (S-76)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialNeed:
    """Which member of a bundle a material is handed in for, and when: the same file serves all of them."""

    item_code: ItemCode
    when: JsonObject
    """Condition over the bundle's facts; the material's own is that any of these holds."""


TrustLevel = Literal["A", "B", "C", "D"]
"""Trust 可信等级 that a material must have: A from the issuing organ's own data or credential, B original compared at a window,
C a copy that the applicant vouches for with an electronic signature, D uploaded as it is. The letters are ours."""

__all__ = [
    "ADDED",
    "Bundle",
    "BundleMember",
    "ClockStopped",
    "Exemption",
    "Fee",
    "FourDo",
    "GrassRootsLevel",
    "GrassRootsList",
    "Limit",
    "MaterialNeed",
    "Step",
    "StepAct",
    "StopGround",
    "TrustLevel",
    "Unit",
]
