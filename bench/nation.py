"""A catalogue of national scale, made up from the real regions: the same documents for the same seed.

Every county, and every city without counties, publishes every item but a few that only cities decide; versions of one item in one
province share all but what is their own. Names, codes and dates of regions are those of the catalogue's own seed; towns, parks,
organs, agreements and delegations are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property

from bench.nation_parts import NationParts
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.item.domain import umbrella_id
from catalog_svc.seed.reading import Seed
from contracts.catalogue import (
    Agreement,
    AgreementAction,
    ApprovalType,
    ItemVersion,
    Limit,
    Organ,
    ProjectType,
    Region,
    TransferLimits,
    Unit,
    VersionState,
)
from contracts.delegations import Delegation, DelegationKind, Instrument
from contracts.documents import Document
from contracts.values import (
    AgreementId,
    DelegationId,
    ItemCode,
    ItemId,
    ItemVersionId,
    Mode,
    OrganCode,
    RegionCode,
    Way,
)

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
"""The instant that questions are asked as of."""
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
RENEWED = datetime(2026, 6, 1, tzinfo=UTC)
CITY_ITEMS = 2
"""The last so many items are published by cities and not by counties."""
DEPARTMENTS = 6
"""Organs of a county that publish items; a city has as many."""

_MODES = ((Mode.FULLY_ONLINE, Mode.COLLECT_HERE), (Mode.COLLECT_HERE,), (Mode.COLLECT_HERE, Mode.JOINT), (Mode.LOCAL, Mode.COLLECT_HERE))
_WAYS = ((Way.MOVED_DOWN,), tuple(Way), (), (Way.MOVED_DOWN, Way.ACROSS_TOWNS))
_LIMITS = TransferLimits(
    delivered=Limit(amount=30, unit=Unit.MINUTES),
    validated=Limit(amount=30, unit=Unit.MINUTES),
    signed_for=Limit(amount=1, unit=Unit.WORKDAYS),
    returned_after=Limit(amount=3, unit=Unit.WORKDAYS),
)
_ACCEPTANCE = Limit(amount=5, unit=Unit.WORKDAYS, basis="行政许可法 §32")
_STATUTORY = Limit(amount=20, unit=Unit.WORKDAYS, basis="行政许可法 §42")
_DELIVERY = Limit(amount=10, unit=Unit.WORKDAYS, basis="行政许可法 §44")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything."""

    places: int | None = None
    """So many counties and leaf cities; ``None`` for all of them."""
    items: int = 125
    agreements: int = 3000
    alliance: int = 164
    """Members of the largest alliance."""
    delegations: int = 1000
    seed: int = 1


@dataclass(kw_only=True)
class Nation:
    """The documents of one scale."""

    scale: Scale = field(default_factory=Scale)
    parts: NationParts = field(default_factory=NationParts)
    """What the versions made so far are written with."""

    def documents(self) -> Iterator[Document]:
        """All of them, in an order in which they might have been published."""
        yield from self.regions
        yield from self.organs
        versions = list(self.versions())
        yield from self.parts.every()
        yield from versions
        yield from self.agreements
        yield from self.delegations

    @cached_property
    def _real(self) -> list[Region]:
        return Seed().regions()

    @cached_property
    def places(self) -> list[Region]:
        """Counties, and cities without any, of today; evenly over the nation when only some are wanted."""
        parents = {one.parent for one in self._real if one.valid_to is None}
        today = [one for one in self._real if one.valid_to is None]
        found = [one for one in today if one.level == "county" or (one.level == "city" and one.code not in parents)]
        wanted = self.scale.places or len(found)
        return [found[number * len(found) // wanted] for number in range(wanted)]

    @cached_property
    def regions(self) -> list[Region]:
        """The real ones, two towns below each place, and a park below every tenth."""
        found = [*self._real]
        for number, place in enumerate(self.places):
            found += [
                Region(code=RegionCode(f"{place.code}{101 + town}"), name=f"{place.name}{town + 1}镇", level="town", parent=place.code)
                for town in range(2)
            ]
            if number % 10 == 0:
                found.append(
                    Region(code=RegionCode(f"{place.code}900"), name=f"{place.name}园区", level="town", parent=place.code, kind="园区")
                )
        return found

    @cached_property
    def above(self) -> dict[RegionCode, list[RegionCode]]:
        """Of each region itself and all above it, upwards."""
        parents = {one.code: one.parent for one in self.regions}
        chains: dict[RegionCode, list[RegionCode]] = {}
        for code in parents:
            chain = [code]
            while (place := parents[chain[-1]]) is not None:
                chain.append(place)
            chains[code] = chain
        return chains

    @cached_property
    def cities(self) -> list[RegionCode]:
        """Cities that lie above one of the places."""
        levels = {one.code: one.level for one in self.regions}
        return list(dict.fromkeys(code for place in self.places for code in self.above[place.code][1:] if levels[code] == "city"))

    @cached_property
    def organs(self) -> list[Organ]:
        """Departments of every place and city, one office in every town and park."""
        found: list[Organ] = []
        for code in [*(place.code for place in self.places), *self.cities]:
            found += [_organ(code, number) for number in range(DEPARTMENTS)]
        found += [_organ(one.code, 0) for one in self.regions if one.level == "town"]
        return found

    @cached_property
    def items(self) -> list[ItemCode]:
        """Base codes."""
        return [*self._bases]

    def is_whole(self, item: ItemCode) -> bool:
        """Whether a base item stands for itself and is no part of another."""
        return self._bases[item].part_of is None

    @cached_property
    def _bases(self) -> dict[ItemCode, BaseItem]:
        return {one.code: one for one in Seed().base_items()[: self.scale.items]}

    def versions(self) -> Iterator[ItemVersion]:
        """What is published; every thirtieth was renewed, every three-hundredth is suspended."""
        for number, item in enumerate(self.items):
            shapes: dict[RegionCode, ItemVersion] = {}
            everywhere = number < len(self.items) - CITY_ITEMS
            leaves = [place.code for place in self.places if everywhere or place.level == "city"]
            for count, code in enumerate(leaves if everywhere else [*leaves, *self.cities]):
                province = self.above[code][-2]
                shape = shapes.get(province) or shapes.setdefault(province, self._shape(item, number, province))
                yield from _versions(shape, code, number, count)

    def _shape(self, item: ItemCode, number: int, province: RegionCode) -> ItemVersion:
        base = self._bases[item]
        variety = number + int(province[:2])
        return ItemVersion(
            version_id=ItemVersionId(""),
            item_id=ItemId(""),
            version=1,
            item_code=item,
            task_code="",
            name=base.name,
            organ=OrganCode(""),
            region=province,
            state=VersionState.PUBLISHED,
            modes=tuple(dict.fromkeys((*base.locked_modes, *_MODES[variety % len(_MODES)]))),
            service_objects=("natural",),
            project_type=ProjectType.PROMISED,
            approval_type=ApprovalType.NORMAL,
            effective_from=BEGAN,
            effective_to=None,
            acceptance_limit=_ACCEPTANCE,
            statutory_limit=_STATUTORY,
            promised_limit=Limit(amount=3 + variety % 15, unit=Unit.WORKDAYS),
            extension_limit=None,
            delivery_limit=_DELIVERY,
            credential_type=None,
            parts=self.parts.digests(item, name=base.name, province=province),
            ways=_WAYS[variety % len(_WAYS)],
        )

    @cached_property
    def agreements(self) -> list[Agreement]:
        """One large alliance, smaller ones, stars and pairs; some ended, some to come."""
        chance = random.Random(f"agreements {self.scale.seed}")
        codes = [place.code for place in self.places]
        found: list[Agreement] = []
        for number in range(self.scale.agreements):
            kind = "alliance" if number == 0 else chance.choice(("pair", "pair", "pair", "star", "alliance"))
            members = (
                self.scale.alliance if number == 0 else {"pair": 2, "star": chance.randint(3, 30), "alliance": chance.randint(3, 20)}[kind]
            )
            regions = tuple(chance.sample(codes, min(members, len(codes))))
            begins = chance.choice(
                (date(2024, 1, 1), date(2025, 7, 1), date(2026, 3, 1), date(2027, 1, 1)) if number else (date(2024, 1, 1),)
            )
            found.append(
                Agreement(
                    agreement_id=AgreementId(f"nation-{number}"),
                    name=f"通办协议{number}",
                    receiving=() if kind == "alliance" else regions if kind == "pair" else regions[:1],
                    handling=() if kind == "alliance" else regions if kind == "pair" else regions[1:],
                    alliance=regions if kind == "alliance" else (),
                    items=tuple(chance.sample(self.items, min(20, len(self.items)))) if number and chance.random() < 0.3 else (),
                    modes=chance.choice(((Mode.COLLECT_HERE,), (Mode.COLLECT_HERE, Mode.FULLY_ONLINE), (Mode.FULLY_ONLINE,))),
                    valid_from=begins,
                    valid_to=begins.replace(year=begins.year + (chance.choice((1, 2, 3, 5)) if number else 5)),
                    limits=_LIMITS,
                    actions=tuple(AgreementAction) if number == 0 or chance.random() < 0.95 else (AgreementAction.QUERY,),
                )
            )
        return found

    @cached_property
    def delegations(self) -> list[Delegation]:
        """From cities to their counties, on to a town, from counties to towns and parks; by transfer, delegation and mandate."""
        chance = random.Random(f"delegations {self.scale.seed}")
        parks = {one.parent for one in self.regions if one.kind == "园区"}
        found: list[Delegation] = []
        while len(found) < self.scale.delegations:
            place = chance.choice(self.places)
            department = chance.randrange(DEPARTMENTS)
            items = tuple(
                item
                for number, item in enumerate(self.items)
                if number % DEPARTMENTS == department and number < len(self.items) - CITY_ITEMS
            )
            town = RegionCode(f"{place.code}{900 if place.code in parks and chance.random() < 0.5 else chance.choice((101, 102))}")
            kind = chance.choice((DelegationKind.TRANSFER, DelegationKind.TRANSFER, DelegationKind.DELEGATION, DelegationKind.ASSIST))
            city = next((code for code in self.above[place.code][1:] if code in self._city_set), None)
            if city is not None and chance.random() < 0.3:
                decided = self.items[-1 - chance.randrange(CITY_ITEMS)]
                giver = _organ(city, self.items.index(decided) % DEPARTMENTS).code
                found.append(
                    _delegation(
                        len(found), giver, _organ(place.code, department).code, (decided,), place.code, DelegationKind.TRANSFER, chance
                    )
                )
                items = (decided,)
            found.append(_delegation(len(found), _organ(place.code, department).code, _organ(town, 0).code, items, town, kind, chance))
        return found[: self.scale.delegations]

    @cached_property
    def _city_set(self) -> set[RegionCode]:
        return set(self.cities)


def _organ(region: RegionCode, number: int) -> Organ:
    below = int(region[6:] or 0)
    code = OrganCode(f"11{region[:6]}N{below * 10 + number:08d}A")
    return Organ(code=code, name=f"{region}第{number}局", region=region, hosted=False, reconsideration_organ="", court="")


def _versions(shape: ItemVersion, region: RegionCode, number: int, count: int) -> Iterator[ItemVersion]:
    organ = _organ(region, number % DEPARTMENTS).code
    item_id = umbrella_id(organ=organ, item_code=shape.item_code)
    first = replace(
        shape,
        version_id=ItemVersionId(f"{item_id}-v1"),
        item_id=item_id,
        task_code=item_id,
        organ=organ,
        region=region,
        state=VersionState.SUSPENDED if count % 300 == 7 else VersionState.PUBLISHED,
    )
    if count % 30 != 3:
        yield first
        return
    yield replace(first, effective_to=RENEWED)
    yield replace(first, version_id=ItemVersionId(f"{item_id}-v2"), version=2, effective_from=RENEWED)


def _delegation(
    number: int,
    delegator: OrganCode,
    delegate: OrganCode,
    items: tuple[ItemCode, ...],
    region: RegionCode,
    kind: DelegationKind,
    chance: random.Random,
) -> Delegation:
    begins = chance.choice((date(2025, 1, 1), date(2026, 1, 1), date(2026, 1, 1), date(2027, 1, 1)))
    return Delegation(
        delegation_id=DelegationId(f"nation-{number}"),
        kind=kind,
        delegator=delegator,
        delegate=delegate,
        items=items,
        region=region,
        valid_from=begins,
        valid_to=begins.replace(year=begins.year + chance.choice((1, 3, 3, 3))),
        instrument=Instrument(number=f"委〔2026〕{number}号", title=f"委托书{number}", legal_basis="行政许可法 §24"),
        sealed_as=delegate if kind is DelegationKind.TRANSFER else delegator,
        situations=("new",) if len(items) == 1 and chance.random() < 0.3 else (),
        revoked_from=NOW if chance.random() < 0.05 else None,
    )
