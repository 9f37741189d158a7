"""A base item 基本目录事项: what organs write their service items for; fields it locks are the same everywhere.

Source: GB/T 39554.1 (codes); 国办发〔2020〕35号, 国办发〔2022〕34号 (lists of cross-province items).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from contracts.codec import ADDED
from contracts.refusals import Defect, Invalid, NotFound
from contracts.values import ItemCode, Mode
from rules.standards import Element, layer_defects


class BaseItemUnknown(NotFound):
    """No base item has this code."""

    RULE: ClassVar[str] = "base-item.unknown"
    ZH: ClassVar[str] = "基本目录中没有此事项"
    EN: ClassVar[str] = "There is no base item with this code"


class BaseItemUnsound(Invalid):
    """A base item that names others that are not there."""

    RULE: ClassVar[str] = "base-item.unsound"
    ZH: ClassVar[str] = "基本目录事项数据不正确"
    EN: ClassVar[str] = "The base item's data is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseItem:
    """One row of the base directory."""

    code: ItemCode
    name: str
    """Locked: a service item bears this very name (四级四同)."""
    kind: str
    """事项类型: 01 permit, 05 benefit, 07 confirmation, 10 other, 20 public service."""
    ministry: str
    batch: str
    source: Literal["found", "recalled"]
    """Whether the name was found in a public text or is remembered."""
    listed: Literal["list", "high", "service"]
    """``list``: a text says it is on the national list; ``high``: remembered as on it; ``service``: not claimed."""
    locked_modes: tuple[Mode, ...] = ()
    """Locked: modes that every service item must declare."""
    part_of: ItemCode | None = None
    """The item under which organs publish it together with others."""
    elements: tuple[Element, ...] = field(default=(), metadata=ADDED)
    """What the nation fixes of every service item of it, element by element: locked, narrowable or free."""

    @property
    def on_national_list(self) -> bool:
        """Whether it is taken to be on the list of cross-province items."""
        return self.listed != "service"


def check_base_items(items: Sequence[BaseItem], *, known: Mapping[ItemCode, BaseItem]) -> None:
    """Refuse items that are part of one nobody knows, or that fix elements that there are not.

    Raises:
        BaseItemUnsound: With a defect for each.
    """
    defects = tuple(
        Defect(
            rule_id="base-item.part-of",
            pointer="/part_of",
            message="所属合并事项不存在",
            message_en="The item it is part of is unknown",
        )
        for item in items
        if item.part_of is not None and (item.part_of not in known or item.part_of == item.code)
    )
    defects += tuple(defect for item in items for defect in layer_defects(item.elements, above={}))
    if defects:
        raise BaseItemUnsound(defects=defects[:100])
