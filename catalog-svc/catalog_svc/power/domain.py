"""A power 行政职权 on a region's powers list 权责清单, and what makes it publishable.

It tells on whose authority an item stands (S-24): no route, check or decision reads it, and what an organ does unasked is listed and not done here.

Law: 中办发〔2015〕21号 (lists of powers, ten kinds, each with its basis and its organ).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from contracts.catalogue import Organ
from contracts.refusals import Defect, Invalid, NotFound
from contracts.values import ItemCode, OrganCode, RegionCode

PUBLIC_SERVICE = "20"
"""The kind of items that no power stands behind."""


class PowerKind(StrEnum):
    """权力类型, by the same numbers as the kinds of items (GB/T 39554)."""

    PERMIT = "01"
    PENALTY = "02"
    COERCION = "03"
    LEVY = "04"
    BENEFIT = "05"
    INSPECTION = "06"
    CONFIRMATION = "07"
    REWARD = "08"
    ADJUDICATION = "09"
    OTHER = "10"


KINDS: Mapping[PowerKind, tuple[str, str]] = {
    PowerKind.PERMIT: ("行政许可", "permit"),
    PowerKind.PENALTY: ("行政处罚", "penalty"),
    PowerKind.COERCION: ("行政强制", "coercive measure"),
    PowerKind.LEVY: ("行政征收", "levy"),
    PowerKind.BENEFIT: ("行政给付", "benefit"),
    PowerKind.INSPECTION: ("行政检查", "inspection"),
    PowerKind.CONFIRMATION: ("行政确认", "confirmation"),
    PowerKind.REWARD: ("行政奖励", "reward"),
    PowerKind.ADJUDICATION: ("行政裁决", "adjudication"),
    PowerKind.OTHER: ("其他行政权力", "other power"),
}

UNASKED = frozenset({PowerKind.PENALTY, PowerKind.COERCION, PowerKind.LEVY, PowerKind.INSPECTION})
"""Exercised by the organ of its own accord: nobody applies, so there is no item."""


class PowerUnknown(NotFound):
    """No powers list has this code in this region."""

    RULE: ClassVar[str] = "power.unknown"
    ZH: ClassVar[str] = "权责清单中没有此职权"
    EN: ClassVar[str] = "The powers list has no such power"


class PowerUnsound(Invalid):
    """A power without a law or an organ, or exercised by what cannot exercise it."""

    RULE: ClassVar[str] = "power.unsound"
    ZH: ClassVar[str] = "职权数据不正确"
    EN: ClassVar[str] = "The power is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """One row of a region's list."""

    code: str
    """As the list numbers it, 3 to 40 capital letters, digits and hyphens; the same code on the lists of two levels is the same power."""
    region: RegionCode
    """On whose list it stands; its officers write it."""
    name: str
    kind: PowerKind
    organs: tuple[OrganCode, ...]
    """Who exercises it 行使主体."""
    legal_basis: tuple[str, ...]
    items: tuple[ItemCode, ...] = ()
    """Base items through which it is exercised for those who apply."""
    verbatim: bool
    """False where name and basis stand here in words of our own."""
    cancelled_by: str = ""
    """The document that took it off the list; empty while it stands there."""

    @property
    def key(self) -> str:
        """Names it among the powers of all lists."""
        return f"{self.code}@{self.region}"

    @property
    def listed(self) -> bool:
        """Whether it stands on the list today."""
        return not self.cancelled_by

    @property
    def applied_for(self) -> bool:
        """Whether it stands and there should be an item through which people apply."""
        return self.listed and self.kind not in UNASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What powers name, as it is published."""

    regions: frozenset[RegionCode]
    organs: Mapping[OrganCode, Organ]
    lines: Mapping[RegionCode, Sequence[RegionCode]]
    """Of the organs' regions each with all above it, upwards."""
    kinds: Mapping[ItemCode, str]
    """Of the base items."""


def check_power(power: Power, *, around: Around) -> None:
    """Refuse a power that the list may not hold; of one that leaves the list what it names may be over, but was there.

    Raises:
        PowerUnsound: With a defect for each field, a hundred at most.
    """
    defects = [*_of_list(power, around), *_of_organs(power, around), *_of_items(power, around)]
    if defects:
        raise PowerUnsound(defects=tuple(defects[:100]))


def twice(pointer: str) -> PowerUnsound:
    """The refusal of what stands a second time in a list that was handed in."""
    return PowerUnsound(defects=(_twice(pointer),))


def _twice(pointer: str) -> Defect:
    return _defect("power.twice", pointer, "重复列出", "It is named twice")


def _of_list(power: Power, around: Around) -> Iterator[Defect]:
    if power.region not in around.regions:
        yield _defect("power.region-unknown", "/region", "行政区划不存在", "There is no such region")
    if not power.legal_basis:
        yield _defect("power.basis-missing", "/legal_basis", "职权应当列明设定依据", "A power names its legal basis")
    for field, named in (("organs", power.organs), ("items", power.items)):
        for place, one in enumerate(named):
            if one in named[:place]:
                yield _twice(f"/{field}/{place}")


def _of_organs(power: Power, around: Around) -> Iterator[Defect]:
    for place, code in enumerate(power.organs):
        organ = around.organs.get(code)
        if organ is None or (power.listed and organ.merged_into is not None):
            yield _defect(
                "power.organ-unknown", f"/organs/{place}", "没有此机构，或者已并入其他机构", "There is no such organ, or no longer"
            )
        elif power.listed and power.region not in around.lines.get(organ.region, ()):
            yield _defect(
                "power.organ-elsewhere",
                f"/organs/{place}",
                "行使主体不属于本清单所在地区",
                "The organ is not of the list's region or below it",
            )


def _of_items(power: Power, around: Around) -> Iterator[Defect]:
    if power.listed and power.kind in UNASKED and power.items:
        zh, en = KINDS[power.kind]
        yield _defect(
            "power.unasked",
            "/items",
            f"{zh}由机关依职权行使，只列入清单，不关联申请事项",
            f"Nobody applies for it ({en}): it is listed, and no item exercises it",
        )
    for place, code in enumerate(power.items):
        if code not in around.kinds:
            yield _defect("power.item-unknown", f"/items/{place}", "基本目录中没有此事项", "There is no base item with this code")
        elif not power.listed:
            continue
        elif around.kinds[code] == PUBLIC_SERVICE:
            yield _defect("power.public-service", f"/items/{place}", "公共服务事项不行使行政职权", "A public service exercises no power")
        elif around.kinds[code] != power.kind and power.kind not in UNASKED:
            yield _defect(
                "power.kind-differs",
                f"/items/{place}",
                "事项类型与权力类型不一致",
                "The base item is of another kind than the power",
            )


def _defect(rule_id: str, pointer: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)
