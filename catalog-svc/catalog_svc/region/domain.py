"""What makes a region row publishable, and what is answered about codes that are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from contracts.catalogue import Region
from contracts.refusals import Defect, Invalid, NotFound
from contracts.values import RegionCode


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


def check_regions(regions: Iterable[Region], *, known: Mapping[RegionCode, Region]) -> None:
    """Refuse regions whose parent or successors nobody knows.

    Args:
        regions: To be drafted.
        known: What is published or drafted together with them, by code.

    Raises:
        RegionUnsound: With a defect for each.
    """
    defects = [defect for region in regions for defect in _defects(region, known)]
    if defects:
        raise RegionUnsound(defects=tuple(defects[:100]))


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
