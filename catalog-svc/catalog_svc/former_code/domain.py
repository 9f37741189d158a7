"""A former code and the item that it stands for.

Codes of a platform that was given up are printed on receipts and stand in other systems for years, so they are never taken away or given anew.
Source: 「推动用户和事项的整体迁移」 (S-131).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from contracts.refusals import Conflict
from contracts.values import ItemId, OrganCode, RegionCode


class FormerCodeTaken(Conflict):
    """In this region the code stands for another item."""

    RULE: ClassVar[str] = "former-code.taken"
    ZH: ClassVar[str] = "原平台编码已对应另一事项"
    EN: ClassVar[str] = "The former code stands for another item"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerCode:
    """One code of one region's former platforms."""

    code: str
    """As it stood there, 1 to 80 characters."""
    region: RegionCode
    """Of the organ; two regions may have used the same code."""
    organ: OrganCode
    item_id: ItemId
