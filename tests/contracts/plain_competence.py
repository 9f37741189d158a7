"""Who must decide, written down once more, slowly and plainly: straight loops over lists of documents, no index, nothing cached.

It answers with what a `Route` says, or with the rule of the refusal. `rules.competence.decide` is held to it. Whoever asks about
many items gives it the versions of the asked one only, and of those that take another's place, picked by a plain loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from contracts.catalogue import Agreement, AgreementAction, ItemVersion, Organ, Region, VersionState
from contracts.delegations import Delegation, DelegationKind
from contracts.values import ItemCode, Mode, OrganCode, RegionCode
from rules.competence import Considered, NoRoute, Route
from tests.contracts.plain_climb import has_begun, holds, keeps_the_power

LEVELS = ["nation", "province", "city", "county", "town", "village"]


@dataclass(frozen=True)
class Lists:
    """All that is published."""

    regions: Sequence[Region]
    organs: Sequence[Organ]
    versions: Sequence[ItemVersion]
    agreements: Sequence[Agreement]
    delegations: Sequence[Delegation]


@dataclass(frozen=True)
class Question:
    """What is asked."""

    item_code: ItemCode
    receiving_region: RegionCode
    handling_region: RegionCode
    mode: Mode | None
    at: datetime
    situation: str | None


Answer = dict[str, object]
"""What is compared: the fields of a route, with rule and outcome of each thing considered; or the ``rule`` of the refusal, and what was considered until then."""


def answer_of(route: Route) -> Answer:
    """What `decide` answered, in the same words."""
    return {
        "version": route.version_id,
        "organ": route.handling_organ,
        "region": route.handling_region,
        "sealed_as": route.sealed_as,
        "delegations": list(route.delegations),
        "assisting": list(route.assisting),
        "rule": route.rule,
        "direction": route.direction.value,
        "way": None if route.way is None else route.way.value,
        "mode": route.mode.value,
        "agreement": route.agreement_id,
        "considered": [(one.rule, one.outcome) for one in route.considered],
    }


def refusal_of(refused: NoRoute) -> Answer:
    """What `decide` refused with."""
    return {"refused": refused.RULE, "considered": [(one.rule, one.outcome) for one in refused.considered if isinstance(one, Considered)]}


def answer_plainly(lists: Lists, asked: Question) -> Answer:
    """Find the organ by reading all lists from the beginning."""
    day = (asked.at + timedelta(hours=8)).date()
    for code in (asked.receiving_region, asked.handling_region):
        region = find(lists, code)
        if region is None:
            return {"refused": "route.region-unknown", "considered": []}
        if (region.valid_from is not None and day < region.valid_from) or (region.valid_to is not None and day >= region.valid_to):
            return {"refused": "route.region-abolished", "considered": []}
    considered: list[tuple[str, str]] = []
    version, rule = published(lists, asked, considered)
    if version is None:
        return {"refused": rule, "considered": considered}
    try:
        organ, where, name, rule, walked, assisting = holder(lists, asked, version, rule, day, considered)
    except ContradictingPapers:
        return {"refused": "route.several-instruments", "considered": considered}
    mode, agreement, way, refused = received(
        lists, asked, version, day, at_home=[version.region, where], assisting=list(assisting.values()), considered=considered
    )
    if refused is not None:
        return {"refused": refused, "considered": considered}
    return {
        "version": version.version_id,
        "organ": organ,
        "region": where,
        "sealed_as": name,
        "delegations": walked,
        "assisting": sorted(assisting),
        "rule": rule,
        "direction": direction(lists, asked.receiving_region, where),
        "way": way,
        "mode": mode,
        "agreement": agreement,
        "considered": considered,
    }


def published(lists: Lists, asked: Question, considered: list[tuple[str, str]]) -> tuple[ItemVersion | None, str]:
    """The version in force where the matter belongs or above, and by which rule; without one the rule of the refusal.

    What has not begun says nothing of today: only where nobody has anything is it told that something comes.
    """
    something_comes = False
    for place in upwards(lists, asked.handling_region):
        if place.level == "nation" and place.code != asked.handling_region:
            break
        rule = "route.own-region" if place.code == asked.handling_region else "route." + place.level
        there = [one for one in lists.versions if one.item_code == asked.item_code and one.region == place.code]
        holding = [one for one in there if holds(one, asked.at)]
        if holding:
            if any(acting(lists, one.organ, asked.at) != acting(lists, holding[0].organ, asked.at) for one in holding):
                return None, "route.several-organs"
            considered.append((rule, "holds"))
            return max(holding, key=lambda one: (one.effective_from, one.version, one.version_id)), rule
        if any(keeps_the_power(lists.versions, one, there, asked.at) for one in there):
            return None, "route.no-version-in-force"
        if any(not has_begun(one, asked.at) and one.state is not VersionState.WITHDRAWN for one in there):
            something_comes = True
        considered.append((rule, "passed_over"))
    return None, "route.no-version-in-force" if something_comes else "route.no-organ"


def holder(
    lists: Lists, asked: Question, version: ItemVersion, rule: str, day: date, considered: list[tuple[str, str]]
) -> tuple[str, RegionCode, str, str, list[str], dict[str, RegionCode]]:
    """Who decides, where, in whose name, by which rule and through which instruments; and who assists, where."""
    organ = name = acting(lists, version.organ, asked.at)
    where = version.region
    if organ != version.organ:
        where = seat(lists, organ, version.region)
        considered.append(("route.merged", "holds"))
    matter = upwards(lists, asked.handling_region)
    walked: list[str] = []
    organs_walked = [organ]
    assisting: dict[str, RegionCode] = {}
    ended = False
    while not ended:
        several: list[Delegation] = []
        for one in sorted(lists.delegations, key=lambda one: (one.valid_from, one.delegation_id)):
            if (
                acting(lists, one.delegator, asked.at) != organ
                or asked.item_code not in one.items
                or one.region not in [place.code for place in matter]
            ):
                continue
            delegate = acting(lists, one.delegate, asked.at)
            if not in_force(one, asked, day) or delegate in organs_walked:
                considered.append(("route." + one.kind.value, "passed_over"))
            elif one.kind is DelegationKind.ASSIST:
                considered.append(("route.assist", "holds"))
                assisting[delegate] = seat(lists, delegate, one.region)
            else:
                several.append(one)
        if not several:
            break
        best = prevailing(lists, several, [place.code for place in matter], asked.at)
        considered.extend(("route." + one.kind.value, "passed_over") for one in several if one is not best)
        considered.append(("route." + best.kind.value, "holds"))
        walked.append(best.delegation_id)
        organ, name = acting(lists, best.delegate, asked.at), acting(lists, best.sealed_as, asked.at)
        where, rule = seat(lists, organ, best.region), "route." + best.kind.value
        organs_walked.append(organ)
        ended = best.kind is DelegationKind.DELEGATION
    parks = [place for place in matter if place.kind == "园区"]
    if parks and parks[0].code != where:
        considered.append(("route.park-assists", "holds"))
        there = [one for one in lists.organs if one.region == parks[0].code and acting(lists, one.code, asked.at) == one.code]
        assisting.update({one.code: one.region for one in there})
    assisting = {code: region for code, region in assisting.items() if code != organ}
    return organ, where, name, rule, walked, assisting


def prevailing(lists: Lists, several: Sequence[Delegation], matter: Sequence[RegionCode], at: datetime) -> Delegation:
    """Of an organ's papers the latest for the smallest region."""
    best = several[0]
    for one in several:
        if matter.index(one.region) <= matter.index(best.region):
            best = one
    for one in several:
        if one.region == best.region and outcome(lists, one, at) != outcome(lists, best, at):
            raise ContradictingPapers
    return best


class ContradictingPapers(Exception):
    """An organ, by what was merged into it, gave the same power to several."""


def outcome(lists: Lists, one: Delegation, at: datetime) -> list[str]:
    """What a paper comes to: how the power is handed on, to whom, and in whose name it is used."""
    return [one.kind.value, acting(lists, one.delegate, at), acting(lists, one.sealed_as, at)]


def in_force(one: Delegation, asked: Question, day: date) -> bool:
    """Whether an instrument holds for what is asked."""
    if day < one.valid_from or day >= one.valid_to:
        return False
    if one.revoked_from is not None and asked.at >= one.revoked_from:
        return False
    return not one.situations or asked.situation in one.situations


def received(
    lists: Lists,
    asked: Question,
    version: ItemVersion,
    day: date,
    *,
    at_home: list[RegionCode],
    assisting: list[RegionCode],
    considered: list[tuple[str, str]],
) -> tuple[str, str | None, str | None, str | None]:
    """Mode, agreement, way and refusal."""
    if asked.receiving_region in at_home:
        considered.append(("route.local", "holds"))
        return "local", None, None, None
    if asked.receiving_region in assisting:
        considered.append(("route.assist-receives", "holds"))
        return "local", None, None, None
    way = way_of(lists, version.region, asked.receiving_region)
    if way is not None:
        if way in [one.value for one in version.ways]:
            considered.append(("route.way." + way, "holds"))
            return "local", None, way, None
        considered.append(("route.way." + way, "passed_over"))
    refused_within_the_city = "route.way-not-declared" if way is not None and asked.mode in (None, Mode.LOCAL) else None

    modes = [one for one in version.modes if one is not Mode.LOCAL]
    if asked.mode is not None:
        if asked.mode not in modes:
            return "", None, None, refused_within_the_city or "route.mode-not-declared"
        modes = [asked.mode]
    if not modes:
        return "", None, None, refused_within_the_city or "route.mode-not-declared"
    mode, agreement, refused = agreed(lists, asked, modes, day, considered)
    return mode, agreement, None, refused_within_the_city if refused == "route.no-agreement" and refused_within_the_city else refused


def agreed(
    lists: Lists, asked: Question, modes: Sequence[Mode], day: date, considered: list[tuple[str, str]]
) -> tuple[str, str | None, str | None]:
    """Mode and agreement, or the refusal."""
    receivers = [place.code for place in upwards(lists, asked.receiving_region)]
    handlers = [place.code for place in upwards(lists, asked.handling_region)]
    binding = [one for one in lists.agreements if binds(one, receivers, handlers)]
    binding.sort(key=lambda one: (one.valid_from, one.agreement_id))
    for mode in modes:
        holding = [one for one in binding if is_about(one, asked.item_code, mode) and one.valid_from <= day < one.valid_to]
        if holding:
            considered.extend(("route.agreement", "passed_over") for one in binding if one is not holding[-1])
            considered.append(("route.agreement", "holds"))
            return mode.value, holding[-1].agreement_id, None
    considered.extend(("route.agreement", "passed_over") for _ in binding)
    about = [one for one in binding if any(is_about(one, asked.item_code, mode) for mode in modes)]
    if not about:
        return "", None, "route.no-agreement"
    return "", None, "route.agreement-not-in-force" if about[-1].valid_from > day else "route.agreement-expired"


def find(lists: Lists, code: RegionCode) -> Region | None:
    """The region of a code."""
    for one in lists.regions:
        if one.code == code:
            return one
    return None


def upwards(lists: Lists, code: RegionCode) -> list[Region]:
    """A region and all above it."""
    chain: list[Region] = []
    region = find(lists, code)
    while region is not None:
        chain.append(region)
        region = None if region.parent is None else find(lists, region.parent)
    return chain


def acting(lists: Lists, code: OrganCode, at: datetime) -> OrganCode:
    """What an organ became by mergers until an instant."""
    for organ in lists.organs:
        if organ.code == code and organ.merged_into is not None and organ.merged_at is not None and organ.merged_at <= at:
            return acting(lists, organ.merged_into, at)
    return code


def seat(lists: Lists, code: OrganCode, otherwise: RegionCode) -> RegionCode:
    """Where an organ is."""
    for organ in lists.organs:
        if organ.code == code:
            return organ.region
    return otherwise


def way_of(lists: Lists, home: RegionCode, receiving: RegionCode) -> str | None:
    """The city-wide way from a window to the region of the power."""
    window_chain, home_chain = upwards(lists, receiving), upwards(lists, home)
    if home in [one.code for one in window_chain]:
        return "moved_down"
    city = None
    for one in home_chain:
        if one.level == "city" or one.kind == "直辖市":
            city = one.code
            break
    if city is None:
        for one in home_chain:
            if one.level == "county":
                city = one.code
                break
    if city is None or city not in [one.code for one in window_chain]:
        return None
    if receiving in [one.code for one in home_chain]:
        return "city_and_town"
    if LEVELS.index(window_chain[0].level) < LEVELS.index(home_chain[0].level):
        return None
    return "across_towns"


def direction(lists: Lists, receiving: RegionCode, handling: RegionCode) -> str:
    """Where the case goes."""
    if receiving == handling:
        return "home"
    if handling in [one.code for one in upwards(lists, receiving)]:
        return "up"
    if receiving in [one.code for one in upwards(lists, handling)]:
        return "down"
    return "sideways"


def binds(one: Agreement, receivers: list[RegionCode], handlers: list[RegionCode]) -> bool:
    """Whether an agreement lets windows of one region receive for the other: each by itself or by a region above it."""
    for receiver in receivers:
        for handler in handlers:
            if receiver in one.receiving and handler in one.handling:
                return True
            if receiver in one.alliance and handler in one.alliance and receiver != handler:
                return True
    return False


def is_about(one: Agreement, item: ItemCode, mode: Mode) -> bool:
    """Whether a route for an item in a mode may rest on an agreement."""
    if AgreementAction.RECEIVE not in one.actions or AgreementAction.DECIDE not in one.actions:
        return False
    return mode in one.modes and (not one.items or item in one.items)
