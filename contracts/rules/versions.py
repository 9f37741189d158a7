"""The published versions in the index: found by item and place, and put back from a few words where their common part is known.

What many versions share is one object (`Published.shape`), what is a version's own is one tuple: 360,000 of them fit into a service.
"""

from __future__ import annotations

import hashlib
import marshal
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import NamedTuple

from contracts.catalogue import ItemVersion, VersionState
from contracts.codec import decode
from contracts.values import Digest, ItemCode, ItemId, ItemVersionId, JsonObject, OrganCode, RegionCode, digest

_EDITION = "1"
"""Of the briefs below; those of another edition are not understood."""
_BETWEEN = "\t"
_WORDS = 9
_TOLD_AT_MOST = 4_096
_WITHOUT_REFERENCES = 2
"""Version of marshal that writes equal values alike, whether they are one object or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """The fields of a version that it shares with none."""

    version_id: ItemVersionId
    item_id: ItemId
    version: int
    task_code: str
    organ: OrganCode
    region: RegionCode
    effective_from: datetime
    effective_to: datetime | None


_OWN_FIELDS = frozenset(field.name for field in fields(_Own))


class Published(NamedTuple):
    """One version as the index keeps it; `Catalogue.version` gives the whole."""

    version_id: ItemVersionId
    version: int
    organ: OrganCode
    region: RegionCode
    effective_from: datetime
    effective_to: datetime | None
    shape: ItemVersion
    """Any version that agrees in all other fields; its own fields mean nothing here."""
    named: tuple[ItemId, str] | None
    """Item id and task code; ``None`` where the version's id says them, as the catalogue's do: a text of each would be a tenth of the index."""

    @property
    def item_id(self) -> ItemId:
        """The umbrella that survives versions."""
        return _item_of(self.version_id, self.version) if self.named is None else self.named[0]

    @property
    def task_code(self) -> str:
        """实施编码 taskCode."""
        return self.item_id if self.named is None else self.named[1]

    def in_force(self, at: datetime) -> bool:
        """Whether an application received at this instant falls under it.

        A suspension or withdrawal ends the interval and nothing before it: what was received a moment earlier stays receivable as of then.
        """
        if at < self.effective_from:
            return False
        if self.effective_to is None:
            return self.shape.state is VersionState.PUBLISHED
        return at < self.effective_to

    @property
    def whole(self) -> ItemVersion:
        """The version as it was published."""
        return replace(
            self.shape,
            version_id=self.version_id,
            item_id=self.item_id,
            version=self.version,
            task_code=self.task_code,
            organ=self.organ,
            region=self.region,
            effective_from=self.effective_from,
            effective_to=self.effective_to,
        )


_NOWHERE: Mapping[RegionCode, Published | Sequence[Published]] = {}


class Versions:
    """Every published version, by the keys that questions come with."""

    def __init__(self) -> None:
        """None yet."""
        self._versions: dict[ItemVersionId, Published] = {}
        self._by_item: dict[ItemCode, dict[RegionCode, Published | list[Published]]] = {}
        """The version of most places as it is, since most have one; several by their beginning."""
        self._shapes: dict[str, ItemVersion] = {}
        self._shapes_of: dict[ItemCode, list[ItemVersion]] = {}
        self._names: dict[int, Digest] = {}
        """What a shape is called, by the object's id: shapes are never given up."""
        self._said: dict[bytes, Digest] = {}
        self._instants: dict[datetime, datetime] = {}
        self._told: dict[str, datetime] = {}
        """Instants by the words of briefs: many versions begin at one."""
        self._heirs: dict[ItemId, dict[ItemVersionId, Published]] = {}
        self._further: dict[ItemId, dict[ItemVersionId, Published]] = {}
        """Versions of an item wherever they are, but for the first ones that their id finds: most items have no other."""

    def put(self, version_id: ItemVersionId, data: JsonObject | None) -> None:
        """Take a version in place of the one under its id; ``None`` takes that one out.

        Raises:
            Malformed: Without the shape of an `ItemVersion`; then none is there.
        """
        self._take_out(version_id)
        if data is None:
            return
        shared = data.copy()
        for own_field in _OWN_FIELDS:
            shared.pop(own_field, None)
        name = self._name(shared)
        shape = self._shapes.get(name)
        if shape is None:
            shape = decode(ItemVersion, data)
            self._shapes[name], self._names[id(shape)] = shape, name
            self._shapes_of.setdefault(shape.item_code, []).append(shape)
        own = decode(_Own, data)
        item_id = _item_of(own.version_id, own.version)
        self._list(
            Published(
                version_id=own.version_id,
                version=own.version,
                organ=OrganCode(sys.intern(own.organ)),
                region=RegionCode(sys.intern(own.region)),
                effective_from=self._instant(own.effective_from),
                effective_to=None if own.effective_to is None else self._instant(own.effective_to),
                shape=shape,
                named=None if own.item_id == own.task_code == item_id else (own.item_id, own.task_code),
            )
        )

    def brief(self, version_id: ItemVersionId) -> str | None:
        """What is a version's own, with the name of what it shares, for `recall`; ``None`` where only the whole says it."""
        entry = self._versions.get(version_id)
        if entry is None or entry.named == ("", entry.task_code):
            return None
        words = (
            _EDITION,
            self._names[id(entry.shape)],
            *(entry.named or ("", "")),
            str(entry.version),
            entry.organ,
            entry.region,
            entry.effective_from.isoformat(),
            "" if entry.effective_to is None else entry.effective_to.isoformat(),
        )
        told = _BETWEEN.join(words)
        return told if told.count(_BETWEEN) == _WORDS - 1 and "\0" not in told else None

    def recall(self, version_id: ItemVersionId, brief: str) -> bool:
        """Take a version from its brief, in place of the one under its id; False when the whole is needed, and nothing was changed.

        Raises:
            ValueError: No process of ours wrote it; nothing was changed.
        """
        words = brief.split(_BETWEEN)
        if len(words) != _WORDS or words[0] != _EDITION:
            return False
        _, name, item_id, task_code, number, organ, region, begins, ends = words
        shape = self._shapes.get(name)
        if shape is None:
            return False
        entry = Published(
            version_id,
            int(number),
            OrganCode(sys.intern(organ)),
            RegionCode(sys.intern(region)),
            self._told.get(begins) or self._tell(begins),
            (self._told.get(ends) or self._tell(ends)) if ends else None,
            shape,
            (ItemId(item_id), task_code) if item_id else None,
        )
        if version_id in self._versions:
            self._take_out(version_id)
        self._list(entry)
        return True

    def get(self, version_id: ItemVersionId) -> Published | None:
        """The version under an id, whatever its state now."""
        return self._versions.get(version_id)

    def of(self, item_code: ItemCode, region: RegionCode) -> Sequence[Published]:
        """Every version of an item that organs of exactly this region published, oldest first."""
        found = self.everywhere(item_code).get(region)
        return () if found is None else _each(found)

    def everywhere(self, item_code: ItemCode) -> Mapping[RegionCode, Published | Sequence[Published]]:
        """What `of` says, by region; one version alone is itself."""
        return self._by_item.get(item_code, _NOWHERE)

    def regions_of(self, item_code: ItemCode) -> Collection[RegionCode]:
        """Regions whose organs published an item in any version."""
        return self.everywhere(item_code).keys()

    def successors_of(self, item_id: ItemId) -> Iterable[Published]:
        """The versions, in force or not, of items that take an item's place."""
        return self._heirs.get(item_id, {}).values()

    def of_one(self, item_id: ItemId) -> Iterable[Published]:
        """Every version of one item, in whatever regions its organs were, in no order."""
        yield from self._further.get(item_id, {}).values()
        for name in (f"{item_id}-v1", item_id):
            entry = self._versions.get(ItemVersionId(name))
            if entry is not None and not _is_further(entry) and entry.item_id == item_id:
                yield entry

    def shapes_of(self, item_code: ItemCode) -> Collection[ItemVersion]:
        """Every `Published.shape` that a version of an item ever had, in force or not: few beside its versions."""
        return self._shapes_of.get(item_code, ())

    def items(self) -> Iterable[ItemCode]:
        """Base codes of all items of which there is a version."""
        return (code for code, regions in self._by_item.items() if regions)

    def _name(self, shared: JsonObject) -> Digest:
        # The digest is of sorted JSON, which takes most of the time; what comes as the same bytes has the same one.
        said = hashlib.sha256(marshal.dumps(shared, _WITHOUT_REFERENCES)).digest()
        known = self._said.get(said)
        if known is None:
            known = self._said[said] = digest(shared)
        return known

    def _instant(self, read: datetime) -> datetime:
        return self._instants.setdefault(read, read)

    def _tell(self, word: str) -> datetime:
        if len(self._told) >= _TOLD_AT_MOST:
            self._told.clear()
        told = self._told[word] = self._instant(datetime.fromisoformat(word))
        return told

    def _list(self, entry: Published) -> None:
        self._versions[entry.version_id] = entry
        for item_id in entry.shape.succeeds:
            self._heirs.setdefault(item_id, {})[entry.version_id] = entry
        if _is_further(entry):
            self._further.setdefault(entry.item_id, {})[entry.version_id] = entry
        regions = self._by_item.setdefault(entry.shape.item_code, {})
        others = regions.get(entry.region)
        if others is None:
            regions[entry.region] = entry
        else:
            regions[entry.region] = sorted((*_each(others), entry), key=_in_turn)

    def _take_out(self, version_id: ItemVersionId) -> None:
        entry = self._versions.pop(version_id, None)
        if entry is None:
            return
        for item_id in entry.shape.succeeds:
            self._heirs[item_id].pop(entry.version_id, None)
        if _is_further(entry):
            self._further[entry.item_id].pop(entry.version_id, None)
        regions = self._by_item[entry.shape.item_code]
        left = [one for one in _each(regions[entry.region]) if one.version_id != entry.version_id]
        if left:
            regions[entry.region] = left[0] if len(left) == 1 else left
        else:
            del regions[entry.region]


def _in_turn(one: Published) -> tuple[datetime, int, ItemVersionId]:
    # Two items that came to one organ at once begin alike: without the id each service would take the one it heard of last.
    return one.effective_from, one.version, one.version_id


def _is_further(one: Published) -> bool:
    return one.version != 1 or one.named is not None


def _each(found: Published | Sequence[Published]) -> Sequence[Published]:
    return (found,) if isinstance(found, Published) else found


def _item_of(version_id: ItemVersionId, version: int) -> ItemId:
    return ItemId(version_id.removesuffix(f"-v{version}"))
