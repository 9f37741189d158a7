"""What a question for the competent organ ends in: a route with its reasons, or a named refusal.

::

    NoRoute (Conflict)
    ├── RegionUnknown          ├── ModeNotDeclared
    ├── RegionAbolished        ├── WayNotDeclared
    ├── NoOrganThere           ├── NoAgreement
    ├── NoVersionInForce       ├── AgreementExpired
    ├── SeveralOrgans          └── AgreementNotInForce
    └── SeveralInstruments
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple

from contracts.catalogue import TransferLimits
from contracts.refusals import Conflict
from contracts.values import AgreementId, DelegationId, Direction, ItemCode, ItemVersionId, Mode, OrganCode, RegionCode, Way


class NoRoute(Conflict):
    """No organ is competent for this, or nobody may receive it here; ``considered``: the steps until there, as a `Route` tells them."""

    RULE: ClassVar[str] = "route.none"
    ZH: ClassVar[str] = "无法确定办理机关"
    EN: ClassVar[str] = "No competent organ can be named"


class RegionUnknown(NoRoute):
    """A region code is in no table; ``facts``: ``side`` (receiving or handling)."""

    RULE: ClassVar[str] = "route.region-unknown"
    ZH: ClassVar[str] = "行政区划代码不存在"
    EN: ClassVar[str] = "There is no region with this code"


class RegionAbolished(NoRoute):
    """A region is not in force on the day; ``facts``: ``side``, ``region``, ``name``, ``successors`` (code and name)."""

    RULE: ClassVar[str] = "route.region-abolished"
    ZH: ClassVar[str] = "该行政区划已撤销或尚未生效,请使用其后继区划"
    EN: ClassVar[str] = "This region is not in force; use one of its successors"


class NoOrganThere(NoRoute):
    """No organ of the region, or of one above it up to its province, publishes the item; ``facts``: ``region``, ``name``, ``item``."""

    RULE: ClassVar[str] = "route.no-organ"
    ZH: ClassVar[str] = "该地区没有机关发布此事项"
    EN: ClassVar[str] = "No organ there publishes this item"


class NoVersionInForce(NoRoute):
    """The item is published there or above but not in force; ``facts``: ``states``, ``next_from`` (instant or null)."""

    RULE: ClassVar[str] = "route.no-version-in-force"
    ZH: ClassVar[str] = "该事项的实施清单当前未生效"
    EN: ClassVar[str] = "No version of this item is in force there"


class SeveralOrgans(NoRoute):
    """Two organs of one region publish the item at once; the catalogue must say which; ``facts``: ``organs``."""

    RULE: ClassVar[str] = "route.several-organs"
    ZH: ClassVar[str] = "同一地区有多个机关发布此事项,无法确定办理机关"
    EN: ClassVar[str] = "Several organs of the region publish this item"


class SeveralInstruments(NoRoute):
    """Organs that became one had handed the item on differently for one region; ``facts``: ``organ``, ``region``, ``delegations`` (ids).

    The organ that they became revokes all but one.
    """

    RULE: ClassVar[str] = "route.several-instruments"
    ZH: ClassVar[str] = "合并后的机构就同一事项、同一区域有相互矛盾的委托或者下放,请撤销其一"
    EN: ClassVar[str] = "The merged organ has papers that hand the item on differently for one region; revoke all but one"


class ModeNotDeclared(NoRoute):
    """The item may not be handled between places so; ``facts``: ``declared`` modes."""

    RULE: ClassVar[str] = "route.mode-not-declared"
    ZH: ClassVar[str] = "该事项未声明此通办方式"
    EN: ClassVar[str] = "The item does not declare this mode"


class WayNotDeclared(NoRoute):
    """Both places are of one city, but the item is not received so; ``facts``: ``way`` it would take, ``declared`` ways."""

    RULE: ClassVar[str] = "route.way-not-declared"
    ZH: ClassVar[str] = "该事项未声明此同城通办方式"
    EN: ClassVar[str] = "The item does not declare this city-wide way"


class NoAgreement(NoRoute):
    """The two regions never agreed on this item and mode; ``facts``: ``receiving``, ``handling``."""

    RULE: ClassVar[str] = "route.no-agreement"
    ZH: ClassVar[str] = "两地未签订涵盖此事项的通办协议"
    EN: ClassVar[str] = "The two regions have no agreement that covers this item"


class AgreementExpired(NoRoute):
    """The agreement holds no more; ``facts``: ``agreement``, ``name``, ``valid_to`` (first day without it)."""

    RULE: ClassVar[str] = "route.agreement-expired"
    ZH: ClassVar[str] = "通办协议已到期"
    EN: ClassVar[str] = "The agreement has expired"


class AgreementNotInForce(NoRoute):
    """The agreement does not hold yet; ``facts``: ``agreement``, ``name``, ``valid_from``."""

    RULE: ClassVar[str] = "route.agreement-not-in-force"
    ZH: ClassVar[str] = "通办协议尚未生效"
    EN: ClassVar[str] = "The agreement is not in force yet"


class Considered(NamedTuple):
    """One step of the decision."""

    rule: str
    outcome: str
    """``holds`` or ``passed_over``."""
    zh: str
    en: str


class Route(NamedTuple):
    """Who decides, on what ground, as of an instant."""

    item_code: ItemCode
    version_id: ItemVersionId
    receiving_region: RegionCode
    matter_region: RegionCode
    """The region that the matter belongs to, as it was asked for; the same question is asked again with it."""
    handling_region: RegionCode
    """Region of the organ; above the one asked for when the item is decided there."""
    handling_organ: OrganCode
    """Decides; the holder of the power or whoever it was handed to."""
    sealed_as: OrganCode
    """In whose name the decision is sealed."""
    delegations: tuple[DelegationId, ...]
    """The instruments from the holder of the power to the organ that decides, in their order; empty when it decides itself."""
    assisting: tuple[OrganCode, ...]
    """Organs that receive and assist and do not decide, by code."""
    direction: Direction
    way: Way | None
    """The city-wide way by which it is received away from home without an agreement."""
    mode: Mode
    agreement_id: AgreementId | None
    limits: TransferLimits | None
    """How long each step of the transfer may take; ``None`` without an agreement."""
    rule: str
    """``route.own-region``, ``route.town``, ``route.county``, ``route.city`` or ``route.province``: whose organ it is; ``route.transfer`` or
    ``route.delegation``: what last handed it on."""
    considered: tuple[Considered, ...]
    instant: datetime
