"""The index of the published catalogue that every service keeps in memory.

Fed by `Catalogue.apply` from the followed topics, in any order; read without I/O. A version is usable when its parts are
there. Built for 350,000 versions: see `rules.versions` and `rules.packed`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from contracts.catalogue import (
    Agreement,
    CalendarYear,
    ChecklistPart,
    FormPart,
    ItemVersion,
    Organ,
    Region,
    SituationsPart,
    TextsPart,
)
from contracts.delegations import Delegation
from contracts.documents import PARTS, RULES, VERSIONS, read
from contracts.values import (
    NATION,
    AgreementId,
    DelegationId,
    Digest,
    ItemCode,
    ItemId,
    ItemVersionId,
    JsonObject,
    Mode,
    OrganCode,
    RegionCode,
)
from rules.agreements import Agreements, covers
from rules.calendars import Calendar
from rules.certificates import Cancelled
from rules.delegations import Delegations, find_merger_contradictions
from rules.organs import Organs
from rules.packed import PackedParts
from rules.parts import Parts
from rules.places import Place, stand
from rules.versions import Published, Versions
from rules.workdays import local_day

__all__ = ["Catalogue", "Published"]


class Catalogue:
    """What is published, by the keys that questions come with."""

    def __init__(self) -> None:
        self._regions: dict[RegionCode, Region] = {}
        self._children: dict[RegionCode, set[RegionCode]] = {}
        self._subtrees: dict[RegionCode, frozenset[RegionCode]] = {}
        self.organs = Organs()
        self._agreements = Agreements()
        self._delegations = Delegations()
        self._years: dict[RegionCode, dict[int, CalendarYear]] = {}
        self._calendars: dict[tuple[RegionCode, ...], Calendar] = {}
        self._versions = Versions()
        self._places: dict[RegionCode, Place] = {}
        self._parts = PackedParts()
        self._cancelled = Cancelled()

    # -- writing

    def apply(self, topic: str, key: str, data: JsonObject | None) -> None:
        """Take one record of a followed topic; ``None`` is a tombstone. Records of other topics change nothing.

        Raises:
            Malformed: A known kind without the shape of its class.
        """
        if topic == VERSIONS:
            self._versions.put(ItemVersionId(key), data)
        elif topic == PARTS:
            self._parts.put(Digest(key), data)
        elif topic == RULES:
            self._apply_rule(key, data)

    def brief(self, topic: str, key: str) -> str | None:
        """A few words from which `recall` puts a document back that stands here; ``None`` where only the whole does."""
        if topic == VERSIONS:
            return self._versions.brief(ItemVersionId(key))
        return self._parts.brief(Digest(key)) if topic == PARTS else None

    def recall(self, topic: str, key: str, brief: str) -> bool:
        """Take one record by its brief, of this process or another; False when the whole is needed, and nothing was changed."""
        if topic == VERSIONS:
            return self._versions.recall(ItemVersionId(key), brief)
        return topic == PARTS and self._parts.recall(Digest(key), brief)

    def _apply_rule(self, key: str, data: JsonObject | None) -> None:
        kind, _, name = key.partition("/")
        if kind == "certificate":
            self._cancelled.hear(name, data)
            return
        self._forget_rule(kind, name)
        match None if data is None else read(topic=RULES, key=key, data=data):
            case Region() as region:
                # One text for each code: what is asked by the very same needs not be compared, which for 400,000 documents is never in a cache.
                region = replace(region, code=RegionCode(sys.intern(region.code)))
                self._regions[region.code] = region
                if region.parent is not None:
                    self._children.setdefault(region.parent, set()).add(region.code)
            case Organ() as organ:
                self.organs.put(organ)
            case Agreement() as agreement:
                self._agreements.put(agreement)
            case Delegation() as delegation:
                self._delegations.put(delegation)
            case CalendarYear() as row:
                self._years.setdefault(row.region, {})[row.year] = row
            case _:
                pass

    def _forget_rule(self, kind: str, name: str) -> None:
        if kind == "calendar":
            code, _, year = name.rpartition("-")
            self._years.setdefault(RegionCode(code), {}).pop(int(year), None)
            self._calendars.clear()
        elif kind == "region":
            self._forget_region(RegionCode(name))
        elif kind == "organ":
            self.organs.forget(OrganCode(name))
        elif kind == "agreement":
            self._agreements.forget(AgreementId(name))
        elif kind == "delegation":
            self._delegations.forget(DelegationId(name))

    def _forget_region(self, code: RegionCode) -> None:
        self._subtrees.clear()
        self._places.clear()
        self._calendars.clear()
        former = self._regions.pop(code, None)
        if former is not None and former.parent is not None:
            self._children[former.parent].discard(code)

    # -- regions and organs

    def region(self, code: RegionCode) -> Region | None:
        """The region under a code, in force or not."""
        return self._regions.get(code)

    def place(self, code: RegionCode) -> Place | None:
        """The region under a code with all above it, in force or not."""
        known = self._places.get(code)
        line: list[RegionCode] = []
        above: RegionCode | None = code
        while known is None and above is not None and above in self._regions and above not in line:
            line.append(above)
            above = self._regions[above].parent
            known = None if above is None else self._places.get(above)
        # While records of a change come one by one two regions may stand above each other; that is nobody's place for good.
        is_circle = above in line
        while line:
            region = self._regions[line.pop()]
            known = stand(region, under=known)
            if not is_circle:
                self._places[region.code] = known
        return known

    def ancestors(self, code: RegionCode) -> tuple[Region, ...]:
        """The region itself and all above it, upwards to the nation; empty for an unknown code."""
        place = self.place(code)
        return () if place is None else place.above

    def chain(self, code: RegionCode) -> tuple[RegionCode, ...]:
        """The codes of `ancestors`."""
        place = self.place(code)
        return () if place is None else place.chain

    def subtree(self, code: RegionCode, /) -> frozenset[RegionCode]:
        """The region itself and all below it, by the table and never by digits; empty for an unknown code."""
        if code not in self._regions:
            return frozenset()
        known = self._subtrees.get(code)
        if known is None:
            reached, open_ = {code}, [code]
            while open_:
                below = self._children.get(open_.pop(), set()) - reached
                reached |= below
                open_.extend(below)
            known = self._subtrees[code] = frozenset(reached)
        return known

    def is_valid(self, code: RegionCode, on: date) -> bool:
        """Whether a code is known and in force on a day."""
        region = self._regions.get(code)
        return region is not None and region.is_valid(on)

    def successors(self, code: RegionCode, on: date) -> tuple[Region, ...]:
        """The regions in force on a day that took an abolished one's place, followed through later changes, by code."""
        found: dict[RegionCode, Region] = {}
        seen: set[RegionCode] = {code}
        open_ = [code]
        while open_:
            region = self._regions.get(open_.pop())
            for successor in region.successors if region is not None else ():
                if successor in seen:
                    continue
                seen.add(successor)
                if self.is_valid(successor, on):
                    found[successor] = self._regions[successor]
                else:
                    open_.append(successor)
        return tuple(found[name] for name in sorted(found))

    def organ(self, code: OrganCode) -> Organ | None:
        """The organ under a unified social credit code."""
        return self.organs.get(code)

    def organs_of(self, region: RegionCode) -> tuple[Organ, ...]:
        """The organs of exactly this region, by code."""
        return self.organs.of(region)

    def one_with(self, code: OrganCode, /) -> frozenset[OrganCode]:
        """The code and those of all organs that became one with it."""
        return self.organs.same(code)

    # -- versions

    def version(self, version_id: ItemVersionId) -> ItemVersion | None:
        """A published version in full, whatever its state now; a case pins it by this id."""
        entry = self._versions.get(version_id)
        return None if entry is None else entry.whole

    def versions_of(self, item_code: ItemCode, region: RegionCode) -> Sequence[Published]:
        """Every version of an item that organs of exactly this region published, oldest first."""
        return self._versions.of(item_code, region)

    def published(self, item_code: ItemCode) -> Mapping[RegionCode, Published | Sequence[Published]]:
        """What `versions_of` says, by region; where one region's organs published one version alone, the version itself."""
        return self._versions.everywhere(item_code)

    def versions_of_one(self, item_id: ItemId) -> Iterable[Published]:
        """Every version of one organ's item, also those of the organs and regions that it went to, in no order."""
        return self._versions.of_one(item_id)

    def successors_of(self, item_id: ItemId) -> Iterable[Published]:
        """The versions, in force or not, of items that take an item's place."""
        return self._versions.successors_of(item_id)

    def regions_of(self, item_code: ItemCode) -> Collection[RegionCode]:
        """Regions whose organs published an item in any version."""
        return self._versions.regions_of(item_code)

    def shapes_of(self, item_code: ItemCode) -> Collection[ItemVersion]:
        """What versions of an item say beside their own names and places, each once, in force or not; to look for what none of them says."""
        return self._versions.shapes_of(item_code)

    def items(self) -> Iterable[ItemCode]:
        """Base codes of all items of which there is a version."""
        return self._versions.items()

    def parts(self, version_id: ItemVersionId) -> Parts | None:
        """A version with its parts as they hold today, or ``None`` until all of them are there."""
        version = self.version(version_id)
        if version is None:
            return None
        form = self._parts.get(version.parts.form)
        situations = self._parts.get(version.parts.situations)
        checklist = self._parts.get(version.parts.checklist)
        texts = self._parts.get(version.parts.texts)
        if (
            isinstance(form, FormPart)
            and isinstance(situations, SituationsPart)
            and isinstance(checklist, ChecklistPart)
            and isinstance(texts, TextsPart)
        ):
            asked, dropped = self._cancelled.leave(checklist)
            return Parts(version=version, form=form, situations=situations, checklist=asked, texts=texts, dropped=dropped)
        return None

    # -- agreements, delegations and calendars

    def agreement(self, agreement_id: AgreementId) -> Agreement | None:
        """The agreement under an id, in force or not."""
        return self._agreements.get(agreement_id)

    def agreements_of(self, receiving: RegionCode, handling: RegionCode) -> tuple[Agreement, ...]:
        """Every agreement, in force or not, that lets a region receive for another; each region by itself or one above."""
        return self.agreements_under(self.chain(receiving), self.chain(handling))

    def agreements_under(self, receiving: Sequence[RegionCode], handling: Sequence[RegionCode]) -> tuple[Agreement, ...]:
        """The same, of two chains."""
        return self._agreements.between(receiving, handling)

    def agreements_handled(self, handling: RegionCode) -> tuple[Agreement, ...]:
        """Every agreement, in force or not, under which somebody receives for a region; it by itself or by one above, by id."""
        return self._agreements.handled(self.chain(handling))

    def deciding_for(self, receiving: RegionCode) -> frozenset[RegionCode]:
        """Regions that decide by some agreement, in force or not, for what a region receives; those below them are not listed."""
        return self._agreements.deciding_for(self.chain(receiving))

    def agreements_between(
        self, receiving: RegionCode, handling: RegionCode, item: ItemCode, mode: Mode, on: date
    ) -> tuple[Agreement, ...]:
        """The agreements in force on a day for an item in a mode, oldest first."""
        return tuple(
            one
            for one in self.agreements_of(receiving, handling)
            if covers(one, item=item, mode=mode) and one.valid_from <= on < one.valid_to
        )

    def agreements_ending(self, *, on: date, within: int) -> tuple[Agreement, ...]:
        """The agreements in force on a day that end within so many days after it, the soonest first."""
        return self._agreements.ending(on=on, within=within)

    def agreements_returning(self, *, on: date) -> tuple[AgreementId, ...]:
        """The agreements over by a day whose open cases go back, by id."""
        return self._agreements.returning(on=on)

    def delegation(self, delegation_id: DelegationId) -> Delegation | None:
        """The delegation under an id, in force or not."""
        return self._delegations.get(delegation_id)

    def delegations_by(self, delegator: OrganCode, item: ItemCode) -> tuple[Delegation, ...]:
        """What an organ handed on of an item, in force or not, oldest first."""
        return self._delegations.by(delegator, item)

    def handed_to(self, regions: Collection[RegionCode]) -> Mapping[ItemCode, Collection[RegionCode]]:
        """What organs of these regions decide, or decided, of what others published: the items, each with the regions that may publish it."""
        found: dict[ItemCode, set[RegionCode]] = {}
        for one in self._delegations.deciding():
            delegate, delegator = self.organs.get(one.delegate), self.organs.get(one.delegator)
            if delegate is not None and delegate.region in regions and delegator is not None:
                # A delegator that was handed the item itself stands, as a rule, below the one that publishes it.
                for item in one.items:
                    found.setdefault(item, set()).update(self.chain(delegator.region))
        return found

    def contradictions_of(self, former: OrganCode, taker: OrganCode, *, at: datetime) -> tuple[tuple[Delegation, Delegation], ...]:
        """Delegations that would contradict each other once one organ is merged into another, in pairs; reads every delegation."""
        return find_merger_contradictions(
            self._delegations.deciding(),
            former=self.one_with(former),
            taker=self.one_with(taker),
            stands=self.organs.merged(at=at),
            today=local_day(at),
        )

    def delegations_to(self, delegates: Collection[OrganCode]) -> tuple[Delegation, ...]:
        """What was handed on to one of some organs, in force or not; reads every delegation, so for no hot path."""
        return self._delegations.to(delegates)

    def delegations_ending(self, *, on: date, within: int) -> tuple[Delegation, ...]:
        """The delegations in force on a day and not revoked that end within so many days after it, the soonest first."""
        return self._delegations.ending(on=on, within=within)

    def calendar(self, region: RegionCode) -> Calendar:
        """The working days of a region: the nation's, with what the regions above it and it itself override."""
        chain = tuple(code for code in reversed(self.chain(region)) if self._years.get(code))
        # Regions that override nothing share the nation's calendar, also while the region is not known here yet.
        chain = chain if chain[:1] == (NATION,) else (NATION, *chain)
        known = self._calendars.get(chain)
        if known is None:
            layers = [tuple(self._years.get(code, {}).values()) for code in chain]
            known = self._calendars[chain] = Calendar(layers)
        return known
