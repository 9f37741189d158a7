"""The index of delegations, and what makes one publishable.

A delegator hands on only what it holds: by its own published item, or by a transfer of power to it. What it was delegated it
holds in another's name and hands on to nobody. It hands on within its own region and below: power does not move between places.

Law: 行政许可法 §24 (within its own power, published, no further delegation); 国办发〔2020〕35号 (收受分离: authority stays where it is).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta

from contracts.delegations import Delegation, DelegationKind
from contracts.refusals import Defect
from contracts.values import DelegationId, ItemCode, OrganCode, RegionCode
from rules.workdays import local_day

DECIDING = frozenset({DelegationKind.TRANSFER, DelegationKind.DELEGATION})
"""Kinds after which another organ decides."""


class Delegations:
    """Every delegation that is published, in force or not."""

    def __init__(self) -> None:
        self._all: dict[DelegationId, Delegation] = {}
        self._by: dict[OrganCode, dict[ItemCode, tuple[Delegation, ...]]] = {}

    def put(self, delegation: Delegation) -> None:
        """Take one in."""
        self.forget(delegation.delegation_id)
        self._all[delegation.delegation_id] = delegation
        items = self._by.setdefault(OrganCode(sys.intern(delegation.delegator)), {})
        for item in dict.fromkeys(delegation.items):
            items[item] = tuple(sorted((*items.get(item, ()), delegation), key=lambda one: (one.valid_from, one.delegation_id)))

    def forget(self, delegation_id: DelegationId) -> None:
        """Take one out, if it is there."""
        former = self._all.pop(delegation_id, None)
        if former is None:
            return
        items = self._by[former.delegator]
        for item in dict.fromkeys(former.items):
            items[item] = tuple(one for one in items[item] if one.delegation_id != delegation_id)

    def get(self, delegation_id: DelegationId) -> Delegation | None:
        """The delegation under an id, in force or not."""
        return self._all.get(delegation_id)

    def by(self, delegator: OrganCode, item: ItemCode) -> tuple[Delegation, ...]:
        """What an organ handed on of an item, in force or not, oldest first."""
        items = self._by.get(delegator)
        return () if items is None else items.get(item, ())

    def deciding(self) -> Iterable[Delegation]:
        """Those after which another organ decides, in force or not, in no order."""
        return (one for one in self._all.values() if one.kind in DECIDING)

    def to(self, delegates: Collection[OrganCode]) -> tuple[Delegation, ...]:
        """What was handed on to one of some organs, in force or not, in no order."""
        return tuple(one for one in self._all.values() if one.delegate in delegates)

    def ending(self, *, on: date, within: int) -> tuple[Delegation, ...]:
        """Those in force on a day and not revoked that end within so many days after it, the soonest first."""
        last = on + timedelta(days=within)
        found = [one for one in self._all.values() if one.revoked_from is None and one.valid_from <= on < one.valid_to <= last]
        return tuple(sorted(found, key=lambda one: (one.valid_to, one.delegation_id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a delegation is held against: as far as it names it, all that is published."""

    organs: Mapping[OrganCode, RegionCode]
    """Those that stand, with their regions."""
    items: Collection[ItemCode]
    regions: Mapping[RegionCode, Sequence[RegionCode]]
    """Of its region, of its delegate's and of those of ``delegations``: the region itself and all above it, upwards."""
    published: Mapping[ItemCode, Collection[RegionCode]]
    """Regions for which the delegator itself publishes its items."""
    delegations: Sequence[Delegation]
    """Every other one that shares an item with it."""
    merged: Mapping[OrganCode, OrganCode]
    """Of the organs of those that are no more the one that stands in the place of each."""
    situations: Collection[str] | None = None
    """Ids of the situations of its only item, as it is in force for its region; ``None`` where nothing is."""


def find_delegation_defects(delegation: Delegation, *, known: Known) -> tuple[Defect, ...]:
    """All that keeps a delegation from being drafted; none when it is sound."""
    named = (*_unknown(delegation, known), *_shape(delegation))
    # What a merged organ received or handed on is its taker's, who else could neither hand it on nor be held to it.
    standing = [_as_it_stands(one, known.merged) for one in known.delegations]
    # What one of the two handed to the other says nothing any more.
    known = replace(known, delegations=[one for one in standing if one.delegator != one.delegate])
    # What names nobody known, or holds for no time, cannot be held against the others.
    return named or (
        *_elsewhere(delegation, known),
        *_beyond(delegation, known),
        *_circle(delegation, known),
        *_contradicting(delegation, known),
    )


def _as_it_stands(one: Delegation, merged: Mapping[OrganCode, OrganCode]) -> Delegation:
    if one.delegator not in merged and one.delegate not in merged:
        return one
    return replace(one, delegator=merged.get(one.delegator, one.delegator), delegate=merged.get(one.delegate, one.delegate))


def _unknown(one: Delegation, known: Known) -> Iterable[Defect]:
    for pointer, organ in (("/delegator", one.delegator), ("/delegate", one.delegate)):
        if organ not in known.organs:
            yield Defect(rule_id="delegation.organ", pointer=pointer, message="机构不存在", message_en="The organ is unknown")
    for index, item in enumerate(one.items):
        if item not in known.items:
            yield Defect(rule_id="delegation.item", pointer=f"/items/{index}", message="事项不存在", message_en="The item is unknown")
    for index, situation in enumerate(one.situations):
        if known.situations is not None and situation not in known.situations:
            yield Defect(
                rule_id="delegation.situation",
                pointer=f"/situations/{index}",
                message="事项没有此办理情形",
                message_en="The item has no such situation",
            )
    if one.region not in known.regions:
        yield Defect(rule_id="delegation.region", pointer="/region", message="行政区划不存在", message_en="The region is unknown")


def _shape(one: Delegation) -> Iterable[Defect]:
    if not one.items:
        yield Defect(rule_id="delegation.item", pointer="/items", message="至少列明一个事项", message_en="It names no item")
    if one.valid_to <= one.valid_from:
        yield Defect(
            rule_id="delegation.validity", pointer="/valid_to", message="终止日期应当晚于起始日期", message_en="It ends before it begins"
        )
    if one.delegator == one.delegate:
        yield Defect(
            rule_id="delegation.circle", pointer="/delegate", message="不得委托给自己", message_en="An organ does not delegate to itself"
        )
    name = one.delegate if one.kind is DelegationKind.TRANSFER else one.delegator
    if one.sealed_as != name:
        yield Defect(
            rule_id="delegation.name",
            pointer="/sealed_as",
            message="下放、赋权以承接机关名义,委托和帮代办以委托机关名义作出决定",
            message_en="After a transfer the receiver's name is sealed, else the delegator's",
            basis="行政许可法 §24",
        )
    if one.situations and len(one.items) > 1:
        yield Defect(
            rule_id="delegation.situations",
            pointer="/situations",
            message="限定情形时只能列明一个事项",
            message_en="Situations are those of one item: name only that one",
        )


def _elsewhere(one: Delegation, known: Known) -> Iterable[Defect]:
    """A mandate to assist too: who receives for another place does so by an agreement, which fixes the duties of both."""
    if known.organs[one.delegator] not in known.regions.get(known.organs[one.delegate], ()):
        yield Defect(
            rule_id="delegation.elsewhere",
            pointer="/delegate",
            message="承接机关应当在委托机关所在区域或者其下级区域;异地收件、代办应当签订通办协议",
            message_en="The delegate is neither in the delegator's region nor below it; between places there are agreements",
            basis="国办发〔2020〕35号" if one.kind is DelegationKind.ASSIST else "行政许可法 §24",
        )


def _beyond(one: Delegation, known: Known) -> Iterable[Defect]:
    chain = known.regions[one.region]
    received = [other for other in known.delegations if other.delegate == one.delegator]
    for index, item in enumerate(one.items):
        own = known.published.get(item, ())
        if any(region in chain for region in own) or any(_hands_on(other, one, item, chain) for other in received):
            continue
        only_delegated = any(
            other.kind is DelegationKind.DELEGATION and item in other.items and _same_days(other, one) and _same_place(other, one, known)
            for other in received
        )
        if only_delegated:
            yield Defect(
                rule_id="delegation.further",
                pointer=f"/items/{index}",
                message="受委托的事项不得再委托",
                message_en="What was delegated to it is not delegated further",
                basis="行政许可法 §24",
            )
        else:
            yield Defect(
                rule_id="delegation.beyond-power",
                pointer="/region" if own else f"/items/{index}",
                message="超出委托机关自身的职权范围",
                message_en="The delegator does not hold this power there and for all this time",
                basis="行政许可法 §24",
            )


def _hands_on(received: Delegation, one: Delegation, item: ItemCode, chain: Sequence[RegionCode]) -> bool:
    """Whether a transfer to the delegator holds wherever and whenever the delegation would."""
    return (
        received.kind is DelegationKind.TRANSFER
        and item in received.items
        and received.region in chain
        and received.valid_from <= one.valid_from
        and one.valid_to <= _end(received)
        and (not received.situations or (bool(one.situations) and set(one.situations) <= set(received.situations)))
    )


def _circle(one: Delegation, known: Known) -> Iterable[Defect]:
    if one.kind not in DECIDING:
        return
    others = [other for other in known.delegations if other.kind in DECIDING and _same_days(other, one) and _same_place(other, one, known)]
    for item in one.items:
        reached, open_ = {one.delegate}, [one.delegate]
        while open_:
            giver = open_.pop()
            for other in others:
                if other.delegator == giver and item in other.items and other.delegate not in reached:
                    reached.add(other.delegate)
                    open_.append(other.delegate)
        if one.delegator in reached:
            yield Defect(
                rule_id="delegation.circle",
                pointer="/delegate",
                message="职权经逐级下放又回到委托机关",
                message_en="Handed on from organ to organ, the power would come back to the delegator",
            )
            return


def _contradicting(one: Delegation, known: Known) -> Iterable[Defect]:
    for other in known.delegations:
        if (
            one.kind in DECIDING
            and other.kind in DECIDING
            and other.delegator == one.delegator
            and (other.kind, other.delegate) != (one.kind, one.delegate)
            and _meet(other, one)
        ):
            for index, item in enumerate(one.items):
                if item in other.items:
                    yield Defect(
                        rule_id="delegation.contradicts",
                        pointer=f"/items/{index}",
                        message=f"与 {other.delegation_id} 在同一区域、同一时间对同一事项另作安排",
                        message_en=f"{other.delegation_id} hands the item on otherwise, for the same region at the same time",
                    )


def find_merger_contradictions(
    papers: Iterable[Delegation],
    *,
    former: Collection[OrganCode],
    taker: Collection[OrganCode],
    stands: Mapping[OrganCode, OrganCode],
    today: date,
) -> tuple[tuple[Delegation, Delegation], ...]:
    """Papers that would contradict once organs are one: each of the one side with one of the other, by their ids.

    Args:
        papers: All that are published.
        former: Every code of the organ that is to be merged.
        taker: Every code of the organ that is to take its place.
        stands: Of organs merged until now the one that stands in the place of each.
        today: In Asia/Shanghai; what has ended by then says nothing any more.
    """
    one_now = {*former, *taker}
    # What was revoked holds no more when a merger that is published later begins.
    given = [
        one for one in papers if one.delegator in one_now and one.kind in DECIDING and one.valid_to > today and one.revoked_from is None
    ]
    # What one of them handed to the other comes to an end with the merger.
    given = [one for one in given if one.delegate not in one_now]
    given.sort(key=lambda one: one.delegation_id)
    return tuple(
        (ours, theirs)
        for ours in given
        for theirs in given
        if ours.delegator in former
        and theirs.delegator in taker
        and (ours.kind, stands.get(ours.delegate, ours.delegate)) != (theirs.kind, stands.get(theirs.delegate, theirs.delegate))
        and _meet(ours, theirs)
        and not set(ours.items).isdisjoint(theirs.items)
    )


def _meet(one: Delegation, other: Delegation) -> bool:
    """Whether both speak for one region at one time in one situation, of whatever item."""
    if one.region != other.region or not _same_days(one, other):
        return False
    return not one.situations or not other.situations or not set(one.situations).isdisjoint(other.situations)


def find_change_defects(delegation: Delegation, *, former: Delegation | None, today: date) -> tuple[Defect, ...]:
    """What would make untrue what was decided through a delegation until today; none when it may be published.

    One that has begun keeps all but its end, which lies on a later day; to end it at once there is its revocation. One that has
    ended keeps that too. A new one begins on a later day, else it would reroute, as of their receipt, cases that are on their way.

    Args:
        delegation: To be published.
        former: What is published under its id.
        today: In Asia/Shanghai.
    """
    return tuple(_changes(delegation, former, today))


_FIXED = tuple(field.name for field in fields(Delegation) if field.name != "valid_to")


def _changes(one: Delegation, former: Delegation | None, today: date) -> Iterable[Defect]:
    if former is None or former.valid_from > today:
        if one.valid_from <= today:
            yield Defect(
                rule_id="delegation.too-soon",
                pointer="/valid_from",
                message="起始日期最早为次日",
                message_en="It begins tomorrow at the earliest",
            )
    else:
        for name in _FIXED:
            if getattr(one, name) != getattr(former, name):
                yield Defect(
                    rule_id="delegation.begun",
                    pointer=f"/{name}",
                    message="已生效的委托只能变更终止日期;请撤销后另行发布",
                    message_en="It is in force: only its end may change; revoke it and publish another",
                )
    if former is not None and former.valid_to <= today and one.valid_to != former.valid_to:
        yield Defect(
            rule_id="delegation.ended",
            pointer="/valid_to",
            message="委托已经终止,不得恢复;请另行发布",
            message_en="It has ended and stays so for the days since; publish another",
        )
    elif one.valid_to <= today and (former is None or one.valid_to != former.valid_to):
        yield Defect(
            rule_id="delegation.ended-before",
            pointer="/valid_to",
            message="终止日期最早为次日;如需立即终止请撤销",
            message_en="It ends tomorrow at the earliest; revoke it to end it at once",
        )


def _end(one: Delegation) -> date:
    """First day on no moment of which it holds."""
    return one.valid_to if one.revoked_from is None else min(one.valid_to, local_day(one.revoked_from) + timedelta(days=1))


def _same_days(one: Delegation, other: Delegation) -> bool:
    return one.valid_from < _end(other) and other.valid_from < _end(one)


def _same_place(one: Delegation, other: Delegation, known: Known) -> bool:
    """Whether a matter may lie in both: one region is the other or above it."""
    return one.region in known.regions.get(other.region, ()) or other.region in known.regions.get(one.region, ())
