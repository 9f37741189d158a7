"""What is asked of comparisons; nothing is changed here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem, BaseItemUnknown
from catalog_svc.certificate import handlers as certificates
from catalog_svc.comparison.domain import Difference, differences
from catalog_svc.context import Catalog
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemDraft, ItemUnknown, ItemVersionRecord, holding_at
from catalog_svc.part import handlers as parts
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import ProposalState
from catalog_svc.region import handlers as regions
from catalog_svc.standard import handlers as standards
from chassis.database import Tx
from contracts.caller import Caller
from contracts.codec import decode
from contracts.values import NATION, ItemCode, ItemId, ItemVersionId, JsonObject, OrganCode, RegionCode
from rules.standards import Drift, Fixed, Lock, drifts


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDrift:
    """One item in force, and where it is not what its standard says."""

    version_id: ItemVersionId
    item_id: ItemId
    organ: OrganCode
    region: RegionCode
    drifts: tuple[Drift, ...]

    @property
    def breaks(self) -> bool:
        """Its next version cannot be published unless it follows."""
        return any(not one.allowed for one in self.drifts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A page of what a change would touch: how many items were looked at, and those of them that it touches."""

    records: list[ItemVersionRecord]
    drifts: list[ItemDrift]
    overruled: list[Fixed]
    """What regions' layers fix and would hold no longer, since the change stands above it; the same on every page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A version that is not in force yet, and what it would change."""

    record: ItemVersionRecord
    supersedes: ItemVersionId | None
    """The version of the item that is in force now."""
    differences: int
    """Fields in which they differ; 0 where none is in force."""
    bundles: tuple[ItemVersionId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Items as they are, read once and compared as often as is asked."""

    records: Sequence[ItemVersionRecord]
    drafts: Sequence[ItemDraft]
    bodies: Sequence[JsonObject]
    lines: Mapping[RegionCode, Sequence[RegionCode]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two versions, the later one second."""

    before: ItemVersionId
    after: ItemVersionId
    differences: tuple[Difference, ...]


async def compare_versions(tx: Tx[Catalog], version_id: ItemVersionId, *, against: ItemVersionId | None, by: Caller) -> Compared:
    """Field by field, what one version says otherwise than another; that in force of the same item when none is named.

    Raises:
        ItemUnknown: One of them is not there, or is an unpublished one of a region whose officer the caller is not.
    """
    record, after = await items.view_draft(tx, version_id, by=by)
    if against is None:
        against = (await items.get_current(tx, record.item_id, at=tx.at)).version_id
    _, before = await items.view_draft(tx, against, by=by)
    return Compared(before=against, after=version_id, differences=differences(before.body(), after.body()))


async def drift_of(tx: Tx[Catalog], records: Sequence[ItemVersionRecord]) -> list[ItemDrift]:
    """Where these versions are not what the nation and the regions above them say, in their order; equal ones too, with nothing."""
    layers = await standards.layers_of(tx, {one.content.item_code for one in records})
    bases = await base_items.known_base_items(tx, sorted({one.content.item_code for one in records}))
    return _drift_under(await _read(tx, records), layers=layers, bases=bases)


async def drift_of_item(tx: Tx[Catalog], item_id: ItemId) -> ItemDrift:
    """The same for the version of an item that is in force now.

    Raises:
        ItemUnknown: None is.
    """
    record = await items.get_current(tx, item_id, at=tx.at)
    [found] = await drift_of(tx, [record])
    return found


async def impact_of_base_item(tx: Tx[Catalog], code: ItemCode, *, by: Caller, after: str, limit: int) -> Touched:
    """Of a page of the items in force those that would not be what a base item says once its drafted change is published, and are so today.

    Raises:
        BaseItemUnknown: No change of it waits for review.
        Forbidden: No officer of the nation's catalogue.
    """
    await regions.permit_in(tx, by, aggregate="item", action="preview", regions=[NATION], about=code)
    drafted = (await proposals.known_proposals(tx, [code], kind=base_items.KIND)).get(code)
    if drafted is None or drafted.state is not ProposalState.DRAFT:
        raise BaseItemUnknown
    changed = decode(BaseItem, drafted.body)
    records = await items.page_in_force(tx, item=code, region=None, after=after, limit=limit)
    read = await _read(tx, records)
    bases = await base_items.known_base_items(tx, [code])
    now = _drift_under(read, layers=await standards.layers_of(tx, [code]), bases=bases)
    layers = await standards.layers_of(tx, [code], instead={code: changed})
    then = _drift_under(read, layers=layers, bases={code: changed})
    touched = [one for one, was in zip(then, now, strict=True) if one.drifts != was.drifts]
    return Touched(records=records, drifts=touched, overruled=await standards.overruled_layers(tx, layers, item=code))


async def impact_of_version(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> Waiting:
    """What a version that is drafted, reviewed or scheduled would change once it is in force.

    Raises:
        ItemUnknown: No such version, one whose time has come, or one of a region whose officer the caller is not.
        Forbidden: It is published already, and the caller no officer of its region's catalogue.
    """
    record, draft = await items.view_draft(tx, version_id, by=by)
    await regions.permit_in(tx, by, aggregate="item", action="preview", regions=[record.region], about=version_id)
    if record.state not in items.LIVE or (record.effective_from is not None and record.effective_from <= tx.at):
        raise ItemUnknown
    now = holding_at((await items.versions_of(tx, [record.item_id])).get(record.item_id, ()), tx.at)
    body: JsonObject = {} if now is None else (await items.get_drafts(tx, [now]))[0].body()
    return Waiting(
        record=record,
        supersedes=None if now is None else now.version_id,
        differences=0 if now is None else len(differences(body, draft.body())),
        bundles=tuple(one.version_id for one in await items.bundles_with(tx, record)),
    )


async def impact_of_certificate(tx: Tx[Catalog], certificate_id: str, *, by: Caller, after: str, limit: int) -> list[ItemVersionRecord]:
    """A page of the versions that ask for a certificate, what its cancellation changes at once: of those that are over the open cases.

    Raises:
        CertificateUnknown: No row has this id.
        Forbidden: No officer of the catalogue of its region.
    """
    row, _ = await certificates.get_certificate(tx, certificate_id)
    await regions.permit_in(tx, by, aggregate="item", action="preview", regions=[row.region], about=certificate_id)
    return await items.published_with_checklist(tx, await parts.checklists_asking(tx, certificate_id), after=after, limit=limit)


async def _read(tx: Tx[Catalog], records: Sequence[ItemVersionRecord]) -> _Read:
    drafts = await items.get_drafts(tx, records)
    lines = await regions.chains(tx, {one.region for one in records})
    return _Read(records=records, drafts=drafts, bodies=[one.body() for one in drafts], lines=lines)


def _drift_under(read: _Read, *, layers: standards.Layers, bases: Mapping[ItemCode, BaseItem]) -> list[ItemDrift]:
    found: list[ItemDrift] = []
    for record, draft, body in zip(read.records, read.drafts, read.bodies, strict=True):
        code = record.content.item_code
        fixed = standards.fixed_for(layers, item=code, line=read.lines.get(record.region, [record.region]))
        base = bases.get(code)
        same = () if base is None else _names(base, draft)
        found.append(
            ItemDrift(
                version_id=record.version_id,
                item_id=record.item_id,
                organ=record.content.organ,
                region=record.region,
                drifts=(*same, *drifts(body, fixed=fixed)),
            )
        )
    return found


def _names(base: BaseItem, draft: ItemDraft) -> tuple[Drift, ...]:
    """四同: name and kind are the base item's own."""
    said = (("kind", base.kind, draft.content.kind or base.kind), ("name", base.name, draft.content.name))
    return tuple(
        Drift(field=field, pointer=f"/version/{field}", lock=Lock.LOCKED, region=NATION, expected=expected, found=given, allowed=False)
        for field, expected, given in said
        if expected != given
    )
