"""Which version of an item a matter falls under: that of its region's organ, or of the nearest above, up to the province.

What begins later, was withdrawn or went to another organ's region is nobody's power there and is climbed past, suspended before it went
or not. What is suspended, or replaced by an item of another code, is not: the organ holds the power, it only cannot act on it now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts.catalogue import Region, VersionState
from contracts.values import ItemCode, ItemId, Json, OrganCode
from rules.catalogue import Catalogue, Published
from rules.routes import Considered, NoOrganThere, NoVersionInForce, SeveralOrgans

_NATION = "nation"
"""Level above which nobody decides; a matter of the nation itself is looked for there alone."""


def find_version(
    catalogue: Catalogue, item_code: ItemCode, matter: Region, *, at: datetime, considered: list[Considered]
) -> tuple[Published, str]:
    """The version in force for a matter and the rule by which its organ holds the power; what is looked at is added to ``considered``.

    Raises:
        SeveralOrgans: Two of one region publish it at once.
        NoVersionInForce: What is published for the matter cannot be acted on now.
        NoOrganThere: Nobody publishes it there or above.
    """
    coming: list[Published] = []
    for region in catalogue.ancestors(matter.code):
        if region.level == _NATION and region.code != matter.code:
            break
        rule, published = rule_of(region, matter), catalogue.versions_of(item_code, region.code)
        if not published:
            considered.append(_climbed(region, rule, coming=False))
            continue
        before = len(coming)
        current: dict[OrganCode, Published] = {}
        begun: list[Published] = []
        for one in published:
            # What has not begun takes nothing from the organ above, else whatever is published for later would change what holds until then.
            if one.effective_from > at:
                if one.shape.state is not VersionState.WITHDRAWN:
                    coming.append(one)
            elif one.in_force(at):
                current[catalogue.organs.acting(one.organ, at=at)] = one  # oldest first: the latest that has begun stays
            else:
                begun.append(one)
        if len(current) > 1:
            raise SeveralOrgans(facts={"organs": list[Json](sorted(current))})
        if current:
            [version] = current.values()
            considered.append(
                Considered(
                    rule,
                    "holds",
                    f"{region.name}的机关发布了此事项,版本 {version.version} 有效",
                    f"An organ of {region.name} publishes the item; version {version.version} is in force",
                )
            )
            return version, rule
        if begun and (standing := _standing(catalogue, begun, at=at)):
            raise _not_in_force(standing, coming=coming)
        considered.append(_climbed(region, rule, coming=len(coming) > before))
    if coming:
        raise _not_in_force(coming, coming=coming)
    raise NoOrganThere(facts={"region": matter.code, "name": matter.name, "item": item_code})


def rule_of(home: Region, matter: Region) -> str:
    """By which rule an organ of a region holds the power over a matter of that region or one below it."""
    return "route.own-region" if home.code == matter.code else f"route.{home.level}"


def _standing(catalogue: Catalogue, begun: Sequence[Published], *, at: datetime) -> list[Published]:
    """Of versions that are not in force those by which their organ still holds the power: of each item the last speaks."""
    last: dict[ItemId, Published] = {}
    for one in begun:
        # A version withdrawn is as if the organ had never published: the organ above may have taken the item back.
        if one.shape.state is not VersionState.WITHDRAWN:
            last[one.item_id] = one
    return [one for one in last.values() if _is_held(catalogue, one, at=at) or _is_replaced(catalogue, one, at=at)]


def _is_held(catalogue: Catalogue, last: Published, *, at: datetime) -> bool:
    """Whether the last version of an item in a region is suspended, and the item neither went on elsewhere since nor was taken up."""
    if last.shape.state is not VersionState.SUSPENDED:
        return False
    if any(_has_begun(one, at=at) and _turn(one) > _turn(last) for one in catalogue.versions_of_one(last.item_id)):
        return False
    return not any(one.shape.item_code == last.shape.item_code and _has_begun(one, at=at) for one in catalogue.successors_of(last.item_id))


def _has_begun(one: Published, *, at: datetime) -> bool:
    # One suspended before its first moment took nothing over, and left its time to the version before it.
    return (
        one.effective_from <= at
        and (one.effective_to is None or one.effective_from < one.effective_to)
        and one.shape.state is not VersionState.WITHDRAWN
    )


def _turn(one: Published) -> tuple[datetime, int]:
    return one.effective_from, one.version


def _is_replaced(catalogue: Catalogue, ended: Published, *, at: datetime) -> bool:
    """Whether an item of another code took its place; by one of the same the climb finds the power wherever it is now."""
    return any(
        one.shape.item_code != ended.shape.item_code and one.effective_from <= at and one.shape.state is not VersionState.WITHDRAWN
        for one in catalogue.successors_of(ended.item_id)
    )


def _climbed(region: Region, rule: str, *, coming: bool) -> Considered:
    if coming:
        zh, en = f"{region.name}的机关发布的版本尚未生效", f"What an organ of {region.name} publishes is not in force yet"
    else:
        zh, en = f"{region.name}没有机关发布此事项", f"No organ of {region.name} publishes the item"
    return Considered(rule, "passed_over", zh, en)


def _not_in_force(versions: Sequence[Published], *, coming: Sequence[Published]) -> NoVersionInForce:
    states: list[Json] = [state.value for state in sorted({one.shape.state for one in versions})]
    starts = [one.effective_from for one in coming]
    return NoVersionInForce(facts={"states": states, "next_from": min(starts).isoformat() if starts else None})
