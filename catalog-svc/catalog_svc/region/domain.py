"""What makes a region row publishable, and what is answered about codes that are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import ClassVar

from contracts.catalogue import Region
from contracts.refusals import Defect, Invalid, NotFound
from contracts.values import OrganCode, RegionCode


class RegionUnknown(NotFound):
    """No region, past or present, has this code."""

    RULE: ClassVar[str] = "region.unknown"
    ZH: ClassVar[str] = "行政区划代码不存在"
    EN: ClassVar[str] = "There is no region with this code"


class RegionUnsound(Invalid):
    """A region that does not fit into the tree."""

    RULE: ClassVar[str] = "region.unsound"
    ZH: ClassVar[str] = "行政区划数据不正确"
    EN: ClassVar[str] = "The region does not fit into the tree"


@dataclass(frozen=True, slots=True)
class Subtree:
    """One region's subtree as read from the table: what the access rule asks for, never behind."""

    code: RegionCode
    below: frozenset[RegionCode]

    def subtree(self, code: RegionCode, /) -> frozenset[RegionCode]:
        """The region itself and all below it; empty for any other region."""
        return self.below if code == self.code else frozenset()

    def one_with(self, code: OrganCode, /) -> frozenset[OrganCode]:
        """The code alone: rights in the catalogue go by regions."""
        return frozenset({code})


LEVELS = ("nation", "province", "city", "county", "town", "village")
"""From the highest down; a level may be left out (a city without counties, a county right below its province)."""


def check_regions(
    regions: Sequence[Region],
    *,
    known: Mapping[RegionCode, Region],
    chains: Mapping[RegionCode, Sequence[RegionCode]],
    below: Sequence[Region],
) -> None:
    """Refuse regions that nobody knows the parent or successors of, and those that would stand beside or above their parent.

    Args:
        regions: To be drafted or published together.
        known: What is published or put together with them, by code.
        chains: Of the parents that are published, themselves and all above them, upwards.
        below: The published regions right below these.

    Raises:
        RegionUnsound: With a defect for each.
    """
    defects = [defect for region in regions for defect in _defects(region, known)]
    defects += [defect for region in regions for defect in _misplaced(region, known, below)]
    parents = {lower: upper for chain in chains.values() for lower, upper in pairwise(chain)}
    parents |= {region.code: region.parent for region in regions if region.parent is not None}
    defects += [_circle() for region in regions if region.parent != region.code and _is_above_itself(region.code, parents)]
    if defects:
        raise RegionUnsound(defects=tuple(defects[:100]))


def check_changes(regions: Sequence[Region], *, former: Mapping[RegionCode, Region], today: date) -> None:
    """Refuse what would make untrue where matters belonged until today: a region keeps no history, and routes are asked again as of receipt.

    A region that is in force stays where it is and what it is. A change of either is a new code, which begins when the old one ends and
    is named as its successor; the old one ends tomorrow at the earliest, for good.

    Args:
        regions: To be drafted or published.
        former: What is published under their codes.
        today: In Asia/Shanghai.

    Raises:
        RegionUnsound: With a defect for each.

    Law: 行政区划管理条例 (国务院令第704号); GB/T 2260.
    """
    defects = [defect for one in regions if one.code in former for defect in _untrue(one, former[one.code], today)]
    if defects:
        raise RegionUnsound(defects=tuple(defects[:100]))


def _untrue(region: Region, former: Region, today: date) -> Iterable[Defect]:
    if former.valid_from is not None and former.valid_from > today:
        return
    for name in ("level", "parent", "valid_from"):
        if getattr(region, name) != getattr(former, name):
            yield Defect(
                rule_id="region.begun",
                pointer=f"/{name}",
                message="行政区划已生效,隶属、级别和生效日期不再变更;请以新代码另行发布,并终止原代码、列明后继",
                message_en="The region is in force: publish the changed one under its new code, and end this one with that as its successor",
                basis="GB/T 2260",
            )
    ends = (region.valid_to, former.valid_to)
    if ends[0] != ends[1] and any(end is not None and end <= today for end in ends):
        yield Defect(
            rule_id="region.ended-before",
            pointer="/valid_to",
            message="失效日期最早为次日;已失效的不再变更",
            message_en="It ends tomorrow at the earliest, and what has ended stays so",
        )


def _is_above_itself(code: RegionCode, parents: Mapping[RegionCode, RegionCode]) -> bool:
    seen, above = {code}, parents.get(code)
    while above is not None and above not in seen:
        seen.add(above)
        above = parents.get(above)
    return above == code


def _circle() -> Defect:
    return Defect(
        rule_id="region.circle",
        pointer="/parent",
        message="上级行政区划位于本行政区划之内",
        message_en="The parent lies within the region itself",
    )


def _misplaced(region: Region, known: Mapping[RegionCode, Region], below: Sequence[Region]) -> Iterable[Defect]:
    level = LEVELS.index(region.level)
    above = None if region.parent is None else known.get(region.parent)
    if above is not None and above.code != region.code and LEVELS.index(above.level) >= level:
        yield Defect(
            rule_id="region.level",
            pointer="/parent",
            message="上级行政区划的级别应当更高",
            message_en="The parent is not of a higher level",
        )
    children = (known.get(one.code, one) for one in below)
    if any(one.parent == region.code and LEVELS.index(one.level) <= level for one in children):
        yield Defect(
            rule_id="region.level",
            pointer="/level",
            message="级别应当高于其下级行政区划",
            message_en="What lies below it is not of a lower level",
        )


def _defects(region: Region, known: Mapping[RegionCode, Region]) -> Iterable[Defect]:
    if region.parent is not None and (region.parent not in known or region.parent == region.code):
        yield Defect(
            rule_id="region.parent-unknown", pointer="/parent", message="上级行政区划不存在", message_en="The parent is no known region"
        )
    if region.parent is None and region.level != "nation":
        yield Defect(rule_id="region.parent-missing", pointer="/parent", message="缺少上级行政区划", message_en="The parent is missing")
    if region.valid_from is not None and region.valid_to is not None and region.valid_to <= region.valid_from:
        yield Defect(
            rule_id="region.validity", pointer="/valid_to", message="失效日期应当晚于生效日期", message_en="It ends before it begins"
        )
    for index, successor in enumerate(region.successors):
        if successor not in known or successor == region.code:
            yield Defect(
                rule_id="region.successor-unknown",
                pointer=f"/successors/{index}",
                message="后继行政区划不存在",
                message_en="The successor is no known region",
            )
