"""A region's layer over a base item: what its organs' service items of that item have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from contracts.refusals import Invalid, NotFound
from contracts.values import ItemCode, RegionCode
from rules.standards import Element


class StandardUnknown(NotFound):
    """No region has fixed anything of such an item."""

    RULE: ClassVar[str] = "standard.unknown"
    ZH: ClassVar[str] = "该地区没有此事项的统一标准"
    EN: ClassVar[str] = "The region has no standard for this item"


class StandardUnsound(Invalid):
    """A layer that changes what is fixed above it, or names what nobody knows."""

    RULE: ClassVar[str] = "standard.unsound"
    ZH: ClassVar[str] = "事项统一标准不正确"
    EN: ClassVar[str] = "The standard is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """One region's layer of one item; the nation's is the base item itself."""

    item_code: ItemCode
    region: RegionCode
    elements: tuple[Element, ...]

    @property
    def key(self) -> str:
        """Names it among all layers."""
        return f"{self.item_code}@{self.region}"
