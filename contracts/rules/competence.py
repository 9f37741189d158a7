"""Which organ must decide: one pure answer, explained step by step.

`decide` looks at region, published version, mode and agreement as they stand at one instant, so that a case pinned to that
instant gets the same answer again. The organ of the very region is competent; where none there publishes the item, that of
the region above it is, up to the province.

::

    NoRoute (Conflict)
    ├── RegionUnknown          ├── ModeNotDeclared
    ├── RegionAbolished        ├── NoAgreement
    ├── NoOrganThere           ├── AgreementExpired
    ├── NoVersionInForce       └── AgreementNotInForce
    └── SeveralOrgans

Law: 国办发〔2020〕35号 (收受分离: authority does not move), 行政许可法 §32(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from contracts.catalogue import Agreement, Region, TransferLimits, VersionState
from contracts.refusals import Conflict
from contracts.values import AgreementId, ItemCode, ItemVersionId, Json, Mode, OrganCode, RegionCode
from rules.catalogue import Catalogue, Published, covers
from rules.workdays import local_day


class NoRoute(Conflict):
    """No organ is competent for this, or nobody may receive it here."""

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
    """No organ of the region, its city or its province publishes the item; ``facts``: ``region``, ``name``, ``item``."""

    RULE: ClassVar[str] = "route.no-organ"
    ZH: ClassVar[str] = "该地区没有机关发布此事项"
    EN: ClassVar[str] = "No organ there publishes this item"


class NoVersionInForce(NoRoute):
    """The item is published there but not in force; ``facts``: ``states``, ``next_from`` (instant or null)."""

    RULE: ClassVar[str] = "route.no-version-in-force"
    ZH: ClassVar[str] = "该事项的实施清单当前未生效"
    EN: ClassVar[str] = "No version of this item is in force there"


class SeveralOrgans(NoRoute):
    """Two organs of one region publish the item at once; the catalogue must say which; ``facts``: ``organs``."""

    RULE: ClassVar[str] = "route.several-organs"
    ZH: ClassVar[str] = "同一地区有多个机关发布此事项,无法确定办理机关"
    EN: ClassVar[str] = "Several organs of the region publish this item"


class ModeNotDeclared(NoRoute):
    """The item may not be handled between places so; ``facts``: ``declared`` modes."""

    RULE: ClassVar[str] = "route.mode-not-declared"
    ZH: ClassVar[str] = "该事项未声明此通办方式"
    EN: ClassVar[str] = "The item does not declare this mode"


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


@dataclass(frozen=True, slots=True)
class Considered:
    """One step of the decision."""

    rule: str
    outcome: str
    """``holds`` or ``passed_over``."""
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who decides, on what ground, as of an instant."""

    item_code: ItemCode
    version_id: ItemVersionId
    receiving_region: RegionCode
    handling_region: RegionCode
    """Region of the organ; above the one asked for when the item is decided there."""
    handling_organ: OrganCode
    mode: Mode
    agreement_id: AgreementId | None
    limits: TransferLimits | None
    """How long each step of the transfer may take; ``None`` without an agreement."""
    rule: str
    """``route.own-region``, ``route.county``, ``route.city`` or ``route.province``: whose organ it is."""
    considered: tuple[Considered, ...]
    instant: datetime


_CLIMB = ("county", "city", "province")


def decide(
    catalogue: Catalogue,
    *,
    item_code: ItemCode,
    receiving_region: RegionCode,
    handling_region: RegionCode,
    mode: Mode | None,
    at: datetime,
) -> Route:
    """Name the organ that must decide.

    Args:
        catalogue: The index.
        item_code: Base code of the item.
        receiving_region: Where the application is handed in.
        handling_region: The region that the matter belongs to.
        mode: How it is to be handled; ``None`` takes the first declared mode that an agreement in force covers.
        at: Instant of receipt; days are those of Asia/Shanghai.

    Raises:
        NoRoute: One of its kinds, which see.
    """
    on = local_day(at)
    considered: list[Considered] = []
    receiver = _region_in_force(catalogue, receiving_region, on=on, side="receiving")
    handler = _region_in_force(catalogue, handling_region, on=on, side="handling")
    version, rule = _version(catalogue, item_code, handler, at=at, considered=considered)
    within = any(region.code == version.region for region in catalogue.ancestors(receiving_region))
    if within:
        chosen, agreement = Mode.LOCAL, None
        considered.append(
            Considered(
                "route.local", "holds", "收件地在办理机关辖区内,无需通办协议", "Received in the organ's own region; no agreement is needed"
            )
        )
    else:
        chosen, agreement = _agreed(catalogue, version, receiver, handler, mode=mode, on=on, considered=considered)
    return Route(
        item_code=item_code,
        version_id=version.version_id,
        receiving_region=receiving_region,
        handling_region=version.region,
        handling_organ=version.organ,
        mode=chosen,
        agreement_id=None if agreement is None else agreement.agreement_id,
        limits=None if agreement is None else agreement.limits,
        rule=rule,
        considered=tuple(considered),
        instant=at,
    )


def _region_in_force(catalogue: Catalogue, code: RegionCode, *, on: date, side: str) -> Region:
    region = catalogue.region(code)
    if region is None:
        raise RegionUnknown(facts={"side": side})
    if not catalogue.is_valid(code, on):
        successors: list[Json] = [{"code": one.code, "name": one.name} for one in catalogue.successors(code, on)]
        raise RegionAbolished(facts={"side": side, "region": code, "name": region.name, "successors": successors})
    return region


def _version(
    catalogue: Catalogue, item_code: ItemCode, region: Region, *, at: datetime, considered: list[Considered]
) -> tuple[Published, str]:
    for asked in catalogue.ancestors(region.code):
        if asked.code != region.code and asked.level not in _CLIMB:
            break
        # A version withdrawn is as if the organ had never published: the organ above may have taken the item back.
        versions = [
            one for one in catalogue.versions_of(item_code, asked.code) if one.shape.state is not VersionState.WITHDRAWN or one.in_force(at)
        ]
        rule = "route.own-region" if asked.code == region.code else f"route.{asked.level}"
        if not versions:
            considered.append(
                Considered(rule, "passed_over", f"{asked.name}没有机关发布此事项", f"No organ of {asked.name} publishes the item")
            )
            continue
        version = _in_force(versions, at=at)
        considered.append(
            Considered(
                rule,
                "holds",
                f"{asked.name}的机关发布了此事项,版本 {version.version} 有效",
                f"An organ of {asked.name} publishes the item; version {version.version} is in force",
            )
        )
        return version, rule
    raise NoOrganThere(facts={"region": region.code, "name": region.name, "item": item_code})


def _in_force(versions: Sequence[Published], *, at: datetime) -> Published:
    current: dict[OrganCode, Published] = {}
    for one in versions:
        if one.in_force(at):
            current[one.organ] = one  # oldest first: the latest that has begun stays
    if len(current) == 1:
        return next(iter(current.values()))
    if current:
        raise SeveralOrgans(facts={"organs": list[Json](sorted(current))})
    coming = [one.effective_from for one in versions if one.effective_from > at]
    states: list[Json] = [state.value for state in sorted({one.shape.state for one in versions})]
    raise NoVersionInForce(facts={"states": states, "next_from": min(coming).isoformat() if coming else None})


def _agreed(
    catalogue: Catalogue,
    version: Published,
    receiver: Region,
    handler: Region,
    *,
    mode: Mode | None,
    on: date,
    considered: list[Considered],
) -> tuple[Mode, Agreement]:
    declared = [one for one in version.shape.modes if one is not Mode.LOCAL]
    asked = declared if mode is None else [mode]
    if not asked or asked[0] not in declared:
        raise ModeNotDeclared(facts={"declared": list[Json](one.value for one in declared)})
    item, between = version.shape.item_code, catalogue.agreements_of(receiver.code, handler.code)
    for one in asked:
        covering = [agreement for agreement in between if covers(agreement, item=item, mode=one)]
        in_force = [agreement for agreement in covering if agreement.valid_from <= on < agreement.valid_to]
        if in_force:
            agreement = in_force[-1]
            considered.append(
                Considered(
                    "route.agreement",
                    "holds",
                    f"通办协议《{agreement.name}》有效,涵盖此事项及方式",
                    f"Agreement {agreement.name} is in force and covers item and mode",
                )
            )
            return one, agreement
    first = [agreement for agreement in between if covers(agreement, item=item, mode=asked[0])]
    raise _not_agreed(first, receiver, handler, on=on)


def _not_agreed(covering: Sequence[Agreement], receiver: Region, handler: Region, *, on: date) -> NoRoute:
    if not covering:
        sides: dict[str, Json] = {"receiving": receiver.code, "handling": handler.code}
        return NoAgreement(facts={**sides, "receiving_name": receiver.name, "handling_name": handler.name})
    last = covering[-1]
    named: dict[str, Json] = {"agreement": last.agreement_id, "name": last.name}
    if last.valid_from > on:
        return AgreementNotInForce(facts={**named, "valid_from": last.valid_from.isoformat()})
    return AgreementExpired(facts={**named, "valid_to": last.valid_to.isoformat()})
