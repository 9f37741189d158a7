"""Which organ must decide: one pure answer, explained step by step.

`decide` looks at region, published version, delegations, city-wide ways, mode and agreements as they stand at one instant, so
that a case pinned to that instant gets the same answer again. The organ of the very region holds the power; where none there
publishes the item, that of the region above it does (`rules.climb`). What the holder handed on (`rules.powers`) another organ decides.

Law: 国办发〔2020〕35号 (收受分离: authority does not move), 行政许可法 §24, §32(2).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from contracts.catalogue import Agreement, ItemVersion, Region
from contracts.values import Direction, ItemCode, Json, Mode, RegionCode, Way
from rules.agreements import covers, lets_route
from rules.catalogue import Catalogue, Published
from rules.climb import find_version, rule_of
from rules.places import Place
from rules.powers import Holder, hand_on, holding_now
from rules.routes import (
    AgreementExpired,
    AgreementNotInForce,
    Considered,
    ModeNotDeclared,
    NoAgreement,
    NoOrganThere,
    NoRoute,
    NoVersionInForce,
    RegionAbolished,
    RegionUnknown,
    Route,
    SeveralInstruments,
    SeveralOrgans,
    WayNotDeclared,
)
from rules.workdays import local_day

__all__ = [
    "AgreementExpired",
    "AgreementNotInForce",
    "Considered",
    "ModeNotDeclared",
    "NoAgreement",
    "NoOrganThere",
    "NoRoute",
    "NoVersionInForce",
    "RegionAbolished",
    "RegionUnknown",
    "Route",
    "SeveralInstruments",
    "SeveralOrgans",
    "WayNotDeclared",
    "decide",
    "find_holder",
    "find_way",
    "holder_of",
    "place_in_force",
]

_AT_HOME = Considered("route.local", "holds", "收件地即办理机关所在地,无需通办协议", "Received where the organ is; no agreement is needed")
_ASSISTED = Considered(
    "route.assist-receives", "holds", "收件地机构受托受理或帮代办,无需通办协议", "An organ of the place assists; no agreement is needed"
)
_BY_WAY = {
    way: Considered(f"route.way.{way.value}", "holds", "同城通办,事项已声明此方式", "Within the city, by a way that the item declares")
    for way in Way
}
_NO_SUCH_WAY = {
    way: Considered(f"route.way.{way.value}", "passed_over", "事项未声明此同城通办方式", "The item does not declare this city-wide way")
    for way in Way
}
_LEVELS = ("nation", "province", "city", "county", "town", "village")


def decide(
    catalogue: Catalogue,
    *,
    item_code: ItemCode,
    receiving_region: RegionCode,
    handling_region: RegionCode,
    mode: Mode | None,
    at: datetime,
    situation: str | None = None,
) -> Route:
    """Name the organ that must decide.

    Args:
        catalogue: The index.
        item_code: Base code of the item.
        receiving_region: Where the application is handed in.
        handling_region: The region that the matter belongs to.
        mode: How it is to be handled; ``None`` takes the first declared mode that an agreement in force covers.
        at: Instant of receipt; days are those of Asia/Shanghai.
        situation: Id of the situation; while it is ``None``, what was handed on for some situations only is passed over.

    Raises:
        NoRoute: One of its kinds, which see.
    """
    on = local_day(at)
    considered: list[Considered] = []
    receiver = place_in_force(catalogue, receiving_region, on=on, side="receiving")
    handler = place_in_force(catalogue, handling_region, on=on, side="handling")
    try:
        version, holder = find_holder(catalogue, item_code, handler, at=at, on=on, situation=situation, considered=considered)
        chosen, agreement, way = _received(catalogue, version, holder, receiver, handler, mode=mode, on=on, considered=considered)
    except NoRoute as refused:
        refused.considered = tuple(considered)
        raise
    return Route(
        item_code=item_code,
        version_id=version.version_id,
        receiving_region=receiving_region,
        matter_region=handling_region,
        handling_region=holder.region,
        handling_organ=holder.organ,
        sealed_as=holder.sealed_as,
        delegations=holder.delegations,
        assisting=holder.assisting,
        direction=_direction(catalogue, receiver, holder.region),
        way=way,
        mode=chosen,
        agreement_id=None if agreement is None else agreement.agreement_id,
        limits=None if agreement is None else agreement.limits,
        rule=holder.rule,
        considered=tuple(considered),
        instant=at,
    )


def find_holder(
    catalogue: Catalogue,
    item_code: ItemCode,
    matter: Place,
    *,
    at: datetime,
    on: date,
    situation: str | None,
    considered: list[Considered],
) -> tuple[Published, Holder]:
    """The version in force for a matter and who exercises the power, whoever receives; what is looked at is added to ``considered``.

    ``on`` is the day of the instant ``at``.

    Raises:
        NoRoute: Nobody holds it.
    """
    version, rule = find_version(catalogue, item_code, matter, at=at, considered=considered)
    holder = hand_on(
        catalogue,
        item_code,
        publisher=version.organ,
        home=version.region,
        matter=matter,
        rule=rule,
        at=at,
        on=on,
        situation=situation,
        considered=considered,
    )
    return version, holder


def holder_of(catalogue: Catalogue, version: ItemVersion, *, matter: Place, at: datetime, situation: str | None) -> Holder:
    """Who exercises the power that one version is about, in force or not, as a route would name it.

    As of the instant of its validity nearest to ``at``; where an organ was merged since, the one that then stands in its place.

    Args:
        catalogue: The index.
        version: Of the region that the matter belongs to, or of one above it.
        matter: Where it belongs.
        at: The instant that is asked about.
        situation: As for `decide`.

    Raises:
        SeveralInstruments: Organs that became one had handed it on differently.
    """
    then = max(at, version.effective_from)
    if version.effective_to is not None:
        then = min(then, version.effective_to - datetime.resolution)
    home = catalogue.region(version.region)
    holder = hand_on(
        catalogue,
        version.item_code,
        publisher=version.organ,
        home=version.region,
        matter=matter,
        rule=rule_of(matter.region if home is None else home, matter.region),
        at=then,
        on=local_day(then),
        situation=situation,
        considered=[],
    )
    return holding_now(catalogue, holder, at=max(at, then))


def place_in_force(catalogue: Catalogue, code: RegionCode, *, on: date, side: str) -> Place:
    """The region under a code, where it stands.

    Raises:
        RegionUnknown: There is none.
        RegionAbolished: It is not in force on the day.
    """
    place = catalogue.place(code)
    if place is None:
        raise RegionUnknown(facts={"side": side})
    if not place.region.is_valid(on):
        successors: list[Json] = [{"code": one.code, "name": one.name} for one in catalogue.successors(code, on)]
        raise RegionAbolished(facts={"side": side, "region": code, "name": place.region.name, "successors": successors})
    return place


def _received(
    catalogue: Catalogue,
    version: Published,
    holder: Holder,
    receiver: Place,
    handler: Place,
    *,
    mode: Mode | None,
    on: date,
    considered: list[Considered],
) -> tuple[Mode, Agreement | None, Way | None]:
    """By what right the place receives: at home, by a mandate to assist, by a declared way, by an agreement."""
    here = receiver.region.code
    if here in (version.region, holder.region):
        considered.append(_AT_HOME)
        return Mode.LOCAL, None, None
    if here in holder.assisting_regions:
        considered.append(_ASSISTED)
        return Mode.LOCAL, None, None
    home = handler if version.region == handler.region.code else catalogue.place(version.region)
    way = None if home is None else find_way(home, receiver)
    if way is not None:
        if way in version.shape.ways:
            considered.append(_BY_WAY[way])
            return Mode.LOCAL, None, way
        considered.append(_NO_SUCH_WAY[way])
    try:
        return *_agreed(catalogue, version, receiver, handler, mode=mode, on=on, considered=considered), None
    except (ModeNotDeclared, NoAgreement) as refused:
        if way is None or mode not in {None, Mode.LOCAL}:
            raise
        declared: list[Json] = [one.value for one in version.shape.ways]
        raise WayNotDeclared(facts={"way": way.value, "declared": declared}) from refused


def find_way(home: Place, receiver: Place) -> Way | None:
    """The city-wide way from a window to the region that holds the power; ``None`` when they are of two cities."""
    if home.region.code in receiver.chain:
        return Way.MOVED_DOWN
    if home.city is None or home.city.code not in receiver.chain:
        return None
    if receiver.region.code in home.chain:
        return Way.CITY_AND_TOWN
    return Way.ACROSS_TOWNS if _LEVELS.index(receiver.region.level) >= _LEVELS.index(home.region.level) else None


def _direction(catalogue: Catalogue, receiver: Place, handling: RegionCode) -> Direction:
    receiving = receiver.region.code
    if receiving == handling:
        return Direction.HOME
    if handling in receiver.chain:
        return Direction.UP
    if receiving in catalogue.chain(handling):
        return Direction.DOWN
    return Direction.SIDEWAYS


def _agreed(
    catalogue: Catalogue,
    version: Published,
    receiver: Place,
    handler: Place,
    *,
    mode: Mode | None,
    on: date,
    considered: list[Considered],
) -> tuple[Mode, Agreement]:
    declared = [one for one in version.shape.modes if one is not Mode.LOCAL]
    asked = declared if mode is None else [mode]
    if not asked or asked[0] not in declared:
        raise ModeNotDeclared(facts={"declared": list[Json](one.value for one in declared)})
    item, between = version.shape.item_code, catalogue.agreements_under(receiver.chain, handler.chain)
    for one in asked if between else ():
        in_force = [
            agreement for agreement in between if agreement.valid_from <= on < agreement.valid_to and covers(agreement, item=item, mode=one)
        ]
        if in_force:
            agreement = in_force[-1]
            considered += [_passed_over(other, item=item, modes=(one,), on=on) for other in between if other is not agreement]
            considered.append(
                Considered(
                    "route.agreement",
                    "holds",
                    f"通办协议《{agreement.name}》有效,涵盖此事项及方式",
                    f"Agreement {agreement.name} is in force and covers item and mode",
                )
            )
            return one, agreement
    covering = [agreement for agreement in between if any(covers(agreement, item=item, mode=one) for one in asked)]
    considered += [_passed_over(other, item=item, modes=asked, on=on) for other in between]
    raise _not_agreed(covering, receiver.region, handler.region, on=on)


def _passed_over(agreement: Agreement, *, item: ItemCode, modes: Collection[Mode], on: date) -> Considered:
    if not lets_route(agreement):
        zh, en = "不含收件和办理的授权", "does not let one side receive and the other decide"
    elif agreement.items and item not in agreement.items:
        zh, en = "不涵盖此事项", "does not cover the item"
    elif not any(mode in agreement.modes for mode in modes):
        zh, en = "不涵盖此方式", "does not cover the mode"
    elif on < agreement.valid_from:
        zh, en = "尚未生效", "is not in force yet"
    elif on >= agreement.valid_to:
        zh, en = "已到期", "has expired"
    else:
        zh, en = "另有较新的协议", "gives way to a later one"
    return Considered("route.agreement", "passed_over", f"通办协议《{agreement.name}》{zh}", f"Agreement {agreement.name} {en}")


def _not_agreed(covering: Sequence[Agreement], receiver: Region, handler: Region, *, on: date) -> NoRoute:
    if not covering:
        sides: dict[str, Json] = {"receiving": receiver.code, "handling": handler.code}
        return NoAgreement(facts={**sides, "receiving_name": receiver.name, "handling_name": handler.name})
    last = covering[-1]
    named: dict[str, Json] = {"agreement": last.agreement_id, "name": last.name}
    if last.valid_from > on:
        return AgreementNotInForce(facts={**named, "valid_from": last.valid_from.isoformat()})
    return AgreementExpired(facts={**named, "valid_to": last.valid_to.isoformat()})
