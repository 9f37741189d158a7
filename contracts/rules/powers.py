"""Who exercises a power: its holder, or whom it was handed to, step by step, and in whose name.

From the organ that publishes the item, or the one it was merged into, each transfer of power in force is followed; a delegation ends the walk, for it is
never handed further. Of several by one organ that for the smallest region prevails. A park 园区 that received no power receives
and assists for all its organs.

Law: 行政许可法 §24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from contracts.codec import encode_object
from contracts.delegations import Authority, Cited, Delegation, DelegationKind
from contracts.values import DelegationId, ItemCode, Json, OrganCode, RegionCode, digest
from rules.catalogue import Catalogue
from rules.places import Place
from rules.routes import Considered, Route, SeveralInstruments

ORGAN_MERGED = "organ-merged"
"""Why another organ carries on with an open case, in its event."""

_TEXTS = {
    DelegationKind.TRANSFER: ("下放、赋权", "Transfer of power"),
    DelegationKind.DELEGATION: ("委托", "Delegation"),
    DelegationKind.ASSIST: ("委托受理、帮代办", "Mandate to assist"),
}


class Holder(NamedTuple):
    """The organ that decides and what brought it there."""

    organ: OrganCode
    region: RegionCode
    """Where the organ is."""
    sealed_as: OrganCode
    delegations: tuple[DelegationId, ...]
    assisting: tuple[OrganCode, ...]
    assisting_regions: frozenset[RegionCode]
    """Where the assisting organs are."""
    rule: str


def hand_on(
    catalogue: Catalogue,
    item: ItemCode,
    *,
    publisher: OrganCode,
    home: RegionCode,
    matter: Place,
    rule: str,
    at: datetime,
    on: date,
    situation: str | None,
    considered: list[Considered],
) -> Holder:
    """Follow a power from the organ that publishes the item to the one that decides.

    Args:
        catalogue: The index.
        item: Base code of the item.
        publisher: The organ whose version of it is in force.
        home: Region of that version.
        matter: Where the matter belongs.
        rule: By which the publishing organ holds the power.
        at: Instant of receipt.
        on: Its day in Asia/Shanghai.
        situation: Id of the situation, when it is known.
        considered: What is looked at is added here.

    Raises:
        SeveralInstruments: Organs that became one had handed it on differently.
    """
    organ = sealed_as = catalogue.organs.acting(publisher, at=at)
    region = home if organ == publisher else _seat(catalogue, organ, otherwise=home)
    if organ != publisher:
        considered.append(_merged(catalogue, publisher, organ))
    path: list[DelegationId] = []
    passed = [organ]
    assistants: dict[OrganCode, RegionCode] = {}
    while handed := _handed_on(catalogue, organ, item, at=at):
        holding: list[Delegation] = []
        for one in handed:
            if one.region not in matter.chain:
                continue
            delegate = catalogue.organs.acting(one.delegate, at=at)
            reason = _not_holding(one, at=at, on=on, situation=situation) or (_CIRCLE if delegate in passed else None)
            if reason is not None:
                considered.append(_told(one, "passed_over", reason))
            elif one.kind is DelegationKind.ASSIST:
                assistants[delegate] = _seat(catalogue, delegate, otherwise=one.region)
                considered.append(_told(one, "holds", ("受理并协助,不作决定", "receives and assists; it does not decide")))
            else:
                holding.append(one)
        if not holding:
            break
        chosen = holding[0] if len(holding) == 1 else _nearest(catalogue, holding, matter.chain, at=at)
        considered += [_told(one, "passed_over", _WIDER) for one in holding if one is not chosen]
        path.append(chosen.delegation_id)
        organ, sealed_as = (catalogue.organs.acting(one, at=at) for one in (chosen.delegate, chosen.sealed_as))
        region = _seat(catalogue, organ, otherwise=chosen.region)
        passed.append(organ)
        rule = f"route.{chosen.kind.value}"
        considered.append(_told(chosen, "holds", ("由其决定", "decides")))
        if chosen.kind is DelegationKind.DELEGATION:
            break
    park = matter.park
    if park is not None and region != park.code:
        for one_there in catalogue.organs_of(park.code):
            if one_there.code == catalogue.organs.acting(one_there.code, at=at):
                assistants[one_there.code] = park.code
        considered.append(
            Considered(
                "route.park-assists", "holds", f"{park.name}未获赋权,只受理和帮代办", f"{park.name} holds no power here and only assists"
            )
        )
    # Whoever assists by one paper and decides by another decides.
    assistants.pop(organ, None)
    return Holder(organ, region, sealed_as, tuple(path), tuple(sorted(assistants)), frozenset(assistants.values()), rule)


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts on a case, where, and in whose name."""

    organ: OrganCode
    region: RegionCode
    authority: Authority | None


def acting_now(catalogue: Catalogue, who: Acting, *, at: datetime) -> Acting:
    """Who acts at an instant, after mergers; the very same while no organ of it was merged."""
    organ = catalogue.organs.acting(who.organ, at=at)
    name = None if who.authority is None else catalogue.organs.acting(who.authority.sealed_as, at=at)
    if organ == who.organ and (who.authority is None or name == who.authority.sealed_as):
        return who
    authority = None if who.authority is None or name is None else replace(who.authority, sealed_as=name)
    region = who.region if organ == who.organ else _seat(catalogue, organ, otherwise=who.region)
    return Acting(organ, region, authority)


def holding_now(catalogue: Catalogue, holder: Holder, *, at: datetime) -> Holder:
    """A holder as of an earlier instant, with the organs that stand in the place of those merged since."""
    acting = acting_now(catalogue, Acting(holder.organ, holder.region, None), at=at)
    return holder._replace(
        organ=acting.organ,
        region=acting.region,
        sealed_as=catalogue.organs.acting(holder.sealed_as, at=at),
        assisting=tuple(sorted({catalogue.organs.acting(one, at=at) for one in holder.assisting})),
    )


def authority_of(catalogue: Catalogue, route: Route) -> Authority | None:
    """In whose name the organ of a route acts, with the papers that say so; ``None`` where it holds the power itself."""
    return _authority(route.sealed_as, _papers(catalogue, route.delegations))


def authority_by(catalogue: Catalogue, delegations: Sequence[DelegationId], *, at: datetime) -> Authority | None:
    """In whose name an organ acts by papers that were followed at receipt; ``None`` without any that is known.

    Args:
        catalogue: The index.
        delegations: From the holder of the power to the organ that acts.
        at: Instant of receipt.
    """
    papers = _papers(catalogue, delegations)
    return _authority(catalogue.organs.acting(papers[-1].sealed_as, at=at), papers) if papers else None


def _papers(catalogue: Catalogue, delegations: Sequence[DelegationId]) -> list[Delegation]:
    return [paper for paper in (catalogue.delegation(one) for one in delegations) if paper is not None]


def _authority(sealed_as: OrganCode, papers: Sequence[Delegation]) -> Authority | None:
    return Authority(sealed_as=sealed_as, instruments=tuple(_cite(paper) for paper in papers)) if papers else None


def _cite(paper: Delegation) -> Cited:
    return Cited(
        delegation_id=paper.delegation_id,
        kind=paper.kind,
        delegator=paper.delegator,
        number=paper.instrument.number,
        digest=digest(encode_object(paper)),
    )


_CIRCLE = ("职权不能交回", "would give the power back")
_WIDER = ("另有针对更小区域的安排", "gives way to one for a smaller region")


def _not_holding(one: Delegation, *, at: datetime, on: date, situation: str | None) -> tuple[str, str] | None:
    if on < one.valid_from:
        return "尚未生效", "is not in force yet"
    if on >= one.valid_to:
        return "已到期", "has ended"
    if one.revoked_from is not None and at >= one.revoked_from:
        return "已撤销", "was revoked"
    if one.situations and situation not in one.situations:
        return "不涵盖此情形", "does not cover the situation"
    return None


def _nearest(catalogue: Catalogue, holding: Sequence[Delegation], chain: Sequence[RegionCode], *, at: datetime) -> Delegation:
    """For the smallest region; of several for one that come to the same the latest."""
    smallest = chain[min(chain.index(one.region) for one in holding)]
    nearest = [one for one in holding if one.region == smallest]
    acting = catalogue.organs.acting
    # One organ's papers were held against each other when they were published; those of organs that became one since need not agree.
    if len({(one.kind, acting(one.delegate, at=at), acting(one.sealed_as, at=at)) for one in nearest}) > 1:
        ids: list[Json] = [*sorted(one.delegation_id for one in nearest)]
        raise SeveralInstruments(facts={"organ": acting(nearest[0].delegator, at=at), "region": smallest, "delegations": ids})
    return nearest[-1]


def _handed_on(catalogue: Catalogue, organ: OrganCode, item: ItemCode, *, at: datetime) -> Sequence[Delegation]:
    """What an organ handed on, and what those did in whose place it stands; the oldest first."""
    givers = catalogue.organs.standing_for(organ, at=at)
    if len(givers) == 1:
        return catalogue.delegations_by(organ, item)
    found = [one for giver in givers for one in catalogue.delegations_by(giver, item)]
    return sorted(found, key=lambda one: (one.valid_from, one.delegation_id))


def _seat(catalogue: Catalogue, code: OrganCode, *, otherwise: RegionCode) -> RegionCode:
    organ = catalogue.organ(code)
    return otherwise if organ is None else organ.region


def _merged(catalogue: Catalogue, former: OrganCode, organ: OrganCode) -> Considered:
    was, now = (code if (known := catalogue.organ(code)) is None else known.name for code in (former, organ))
    return Considered(
        "route.merged", "holds", f"{was}已并入{now},由后者行使职权", f"{was} was merged into {now}, which now holds its powers"
    )


def _told(one: Delegation, outcome: str, reason: tuple[str, str]) -> Considered:
    zh, en = _TEXTS[one.kind]
    paper = one.instrument.title
    return Considered(f"route.{one.kind.value}", outcome, f"{zh}《{paper}》:{reason[0]}", f"{en} “{paper}”: {reason[1]}")
