"""A catalogue of national scale, made up from the real regions: the same documents for the same seed.

Every county, and every city without counties, publishes every item but a few that only cities decide; versions of one item in one
province share all but what is their own. Names, codes and dates of regions are those of the catalogue's own seed; towns, parks, villages,
organs, their mergers, agreements and delegations are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property

from bench.nation_mergers import BEGAN, DEPARTMENTS, Merger, an_organ, is_suspended, is_withdrawn, live, make_mergers
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
CITY_ITEMS = 2
"""The last so many items are published by cities and not by counties."""

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
    mergers: int = 35
    """Mergers of organs that are tried for a hundred places; what contradicts another is left out."""
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
        """The real ones, two towns below each place, and a park and a village below every tenth."""
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
                town = RegionCode(f"{place.code}101")
                found.append(Region(code=RegionCode(f"{town}201"), name=f"{place.name}1镇1村", level="village", parent=town))
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
        """Departments of every place and city, one office in every town and park; some are no more."""
        found: list[Organ] = []
        for code in [*(place.code for place in self.places), *self.cities]:
            found += [an_organ(code, number) for number in range(DEPARTMENTS)]
        found += [an_organ(one.code, 0) for one in self.regions if one.level == "town"]
        merged = ((one, self.mergers.get(one.code)) for one in found)
        return [one if how is None else replace(one, merged_into=how.into.code, merged_at=how.at) for one, how in merged]

    @cached_property
    def mergers(self) -> dict[OrganCode, Merger]:
        """Organs that are no more; half of them where something was handed on."""
        places = [place.code for place in self.places]
        busy = [RegionCode(one.region[:6]) for one in self.delegations]
        chance = random.Random(f"mergers {self.scale.seed}")
        among = [*places, *chance.choices(busy, k=len(places))] if busy else places
        cities = {code: city for code in places for city in self.above[code][1:] if city in self._city_set}
        return make_mergers(chance, len(places) * self.scale.mergers // 100, places=among, cities=cities)

    @cached_property
    def items(self) -> list[ItemCode]:
        """Base codes."""
        return [*self._bases]

    def items_of(self, organ: Organ) -> list[ItemCode]:
        """Those that an organ of a place or city published first; of an office all."""
        number = int(organ.code[-2]) if len(organ.region) == len("110000") else None
        return [item for count, item in enumerate(self.items) if number in {None, count % DEPARTMENTS}]

    def is_whole(self, item: ItemCode) -> bool:
        """Whether a base item stands for itself and is no part of another."""
        return self._bases[item].part_of is None

    @cached_property
    def _bases(self) -> dict[ItemCode, BaseItem]:
        return {one.code: one for one in Seed().base_items()[: self.scale.items]}

    def versions(self) -> Iterator[ItemVersion]:
        """What is published, with what became of it; some of every tenth item had their place taken by the next item."""
        for number, item in enumerate(self.items):
            shapes: dict[RegionCode, ItemVersion] = {}
            everywhere = number < len(self.items) - CITY_ITEMS
            leaves = [place.code for place in self.places if everywhere or place.level == "city"]
            for count, code in enumerate(leaves if everywhere else [*leaves, *self.cities]):
                province = self.above[code][-2]
                city = next((above for above in self.above[code][1:] if above in self._city_set), None)
                shape = shapes.get(province) or shapes.setdefault(province, self._shape(item, number, province))
                yield from live(
                    shape,
                    an_organ(code, number % DEPARTMENTS),
                    mergers=self.mergers,
                    count=count,
                    replaced=self._is_replaced(number, count),
                    replaces=self._umbrella(code, number - 1) if self._is_replaced(number - 1, count) else None,
                    city=None if city is None else an_organ(city, number % DEPARTMENTS),
                )

    @cached_property
    def gone(self) -> list[tuple[ItemCode, RegionCode]]:
        """Items of places where they are suspended, withdrawn or replaced."""
        everywhere = list(enumerate(self.items[:-CITY_ITEMS]))
        return [
            (item, place.code)
            for count, place in enumerate(self.places)
            for number, item in everywhere
            if is_suspended(count) or is_withdrawn(count) or self._is_replaced(number, count)
        ]

    def _is_replaced(self, number: int, count: int) -> bool:
        return count % 300 == 1 and number % 10 == 0 and number + 1 < len(self.items) - CITY_ITEMS

    def _umbrella(self, code: RegionCode, number: int) -> ItemId:
        return umbrella_id(organ=an_organ(code, number % DEPARTMENTS).code, item_code=self.items[number])

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
                giver = an_organ(city, self.items.index(decided) % DEPARTMENTS).code
                found.append(
                    _delegation(
                        len(found), giver, an_organ(place.code, department).code, (decided,), place.code, DelegationKind.TRANSFER, chance
                    )
                )
                items = (decided,)
            found.append(_delegation(len(found), an_organ(place.code, department).code, an_organ(town, 0).code, items, town, kind, chance))
        return found[: self.scale.delegations]

    @cached_property
    def _city_set(self) -> set[RegionCode]:
        return set(self.cities)


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
