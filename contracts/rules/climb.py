"""Which version of an item a matter falls under: that of its region's organ, or of the nearest above, up to the province.

What begins later, was withdrawn or went to another organ's region is nobody's power there and is climbed past, suspended before it went
or not. What is suspended, or replaced by an item of another code, is not: the organ holds the power, it only cannot act on it now. Of each
item, in each region, the last version that has begun speaks: where that was withdrawn it is as if the region had never published the item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.catalogue import Region, VersionState
from contracts.values import ItemCode, ItemId, ItemVersionId, Json, OrganCode, RegionCode
from rules.catalogue import Catalogue, Published
from rules.places import Place
from rules.routes import Considered, NoOrganThere, NoVersionInForce, SeveralOrgans

_NATION = "nation"
"""Level above which nobody decides; a matter of the nation itself is looked for there alone."""


def find_version(
    catalogue: Catalogue, item_code: ItemCode, matter: Place, *, at: datetime, considered: list[Considered]
) -> tuple[Published, str]:
    """The version in force for a matter and the rule by which its organ holds the power; what is looked at is added to ``considered``.

    Raises:
        SeveralOrgans: Two of one region publish it at once.
        NoVersionInForce: What is published for the matter cannot be acted on now.
        NoOrganThere: Nobody publishes it there or above.
    """
    coming: list[Published] = []
    there = catalogue.published(item_code)
    for region in matter.above:
        if region.level == _NATION and region is not matter.region:
            break
        rule, published = rule_of(region, matter.region), there.get(region.code)
        if published is None:
            considered.append(_climbed(region, rule, coming=False))
            continue
        before = len(coming)
        version: Published | None
        begun: Sequence[Published] = ()
        if isinstance(published, Published) and published.in_force(at):
            version = published
        else:
            several = (published,) if isinstance(published, Published) else published
            version, begun, later = _sorted_out(catalogue, several, at=at)
            coming += later
        if version is not None:
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
    raise NoOrganThere(facts={"region": matter.region.code, "name": matter.region.name, "item": item_code})


def _sorted_out(
    catalogue: Catalogue, published: Sequence[Published], *, at: datetime
) -> tuple[Published | None, list[Published], list[Published]]:
    """Of one region's versions the one in force, those that have begun and are not, and those that are still to begin.

    Raises:
        SeveralOrgans: Two are in force.
    """
    current: dict[OrganCode, Published] = {}
    begun: list[Published] = []
    coming: list[Published] = []
    for one in published:
        # What has not begun takes nothing from the organ above, else whatever is published for later would change what holds until then.
        if one.in_force(at):
            current[catalogue.organs.acting(one.organ, at=at)] = one  # oldest first: the latest that has begun stays
        elif _has_begun(one, at=at):
            begun.append(one)
        elif one.shape.state is not VersionState.WITHDRAWN:
            coming.append(one)
    if len(current) > 1:
        raise SeveralOrgans(facts={"organs": list[Json](sorted(current))})
    return next(iter(current.values()), None), begun, coming


def rule_of(home: Region, matter: Region) -> str:
    """By which rule an organ of a region holds the power over a matter of that region or one below it."""
    return "route.own-region" if home.code == matter.code else f"route.{home.level}"


def _standing(catalogue: Catalogue, begun: Sequence[Published], *, at: datetime) -> list[Published]:
    """Of versions of one region that are not in force those by which it still holds the power."""
    return [one for one in _last_of_each(begun, at=at) if _is_held(catalogue, one, at=at) or _is_replaced(catalogue, one, at=at)]


def _last_of_each(begun: Iterable[Published], *, at: datetime) -> list[Published]:
    """Of each item the last version; none of one that is withdrawn by now, as the organ above may have taken it back."""
    last: dict[ItemId, Published] = {}
    for one in begun:
        if one.item_id not in last or _turn(one) > _turn(last[one.item_id]):
            last[one.item_id] = one
    return [one for one in last.values() if one.shape.state is not VersionState.WITHDRAWN or one.in_force(at)]


def _is_held(catalogue: Catalogue, last: Published, *, at: datetime) -> bool:
    """Whether the last version of an item in a region is suspended, and the item neither stands elsewhere since nor was taken up."""
    if last.shape.state is not VersionState.SUSPENDED:
        return False
    word = _last_word(catalogue, last.item_id, at=at)
    if word is not None and word is not last and _stands(word, at=at):
        return False
    return not _live(catalogue, last, [one for one in _heirs(catalogue, last.item_id, at=at) if _has_its_code(one, last)], at=at)


def _is_replaced(catalogue: Catalogue, ended: Published, *, at: datetime) -> bool:
    """Whether an item of another code took its place; by one of the same the climb finds the power wherever it is now."""
    return _live(catalogue, ended, [one for one in _heirs(catalogue, ended.item_id, at=at) if not _has_its_code(one, ended)], at=at)


def _live(catalogue: Catalogue, former: Published, heirs: Iterable[Published], *, at: datetime) -> bool:
    """Whether an item that took another's place, or one that took its place in turn, still stands somewhere."""
    reached = {former.item_id}
    open_ = [one.item_id for one in heirs]
    while open_:
        item_id = open_.pop()
        if item_id in reached:
            continue
        reached.add(item_id)
        word = _last_word(catalogue, item_id, at=at)
        if word is not None and _stands(word, at=at):
            return True
        open_ += [one.item_id for one in _heirs(catalogue, item_id, at=at)]
    return False


def _heirs(catalogue: Catalogue, item_id: ItemId, *, at: datetime) -> list[Published]:
    return [one for one in catalogue.successors_of(item_id) if _has_begun(one, at=at)]


def _last_word(catalogue: Catalogue, item_id: ItemId, *, at: datetime) -> Published | None:
    """The version of an item that speaks for it among all regions that it went to; a region that withdrew it is left out."""
    there: dict[RegionCode, list[Published]] = {}
    for one in catalogue.versions_of_one(item_id):
        if _has_begun(one, at=at):
            there.setdefault(one.region, []).append(one)
    return max((word for versions in there.values() for word in _last_of_each(versions, at=at)), key=_turn, default=None)


def _stands(word: Published, *, at: datetime) -> bool:
    return word.shape.state is VersionState.SUSPENDED or word.in_force(at)


def _has_its_code(one: Published, other: Published) -> bool:
    return one.shape.item_code == other.shape.item_code


def _has_begun(one: Published, *, at: datetime) -> bool:
    return one.effective_from <= at and not _never_begins(one)


def _never_begins(one: Published) -> bool:
    # One taken back before its first moment took nothing over, and left its time to the version before it.
    return one.effective_to is not None and one.effective_to <= one.effective_from


def _turn(one: Published) -> tuple[datetime, int, ItemVersionId]:
    return one.effective_from, one.version, one.version_id


def _climbed(region: Region, rule: str, *, coming: bool) -> Considered:
    if coming:
        zh, en = f"{region.name}的机关发布的版本尚未生效", f"What an organ of {region.name} publishes is not in force yet"
    else:
        zh, en = f"{region.name}没有机关发布此事项", f"No organ of {region.name} publishes the item"
    return Considered(rule, "passed_over", zh, en)


def _not_in_force(versions: Sequence[Published], *, coming: Sequence[Published]) -> NoVersionInForce:
    states: list[Json] = [state.value for state in sorted({one.shape.state for one in versions})]
    starts = [one.effective_from for one in coming if not _never_begins(one)]
    return NoVersionInForce(facts={"states": states, "next_from": min(starts).isoformat() if starts else None})
