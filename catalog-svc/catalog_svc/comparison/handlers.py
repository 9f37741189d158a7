"""What is asked of comparisons; nothing is changed here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem, BaseItemUnknown
from catalog_svc.certificate import handlers as certificates
from catalog_svc.comparison.domain import Difference, differences
from catalog_svc.context import Catalog
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemDraft, ItemUnknown, ItemVersionRecord
from catalog_svc.part import handlers as parts
from catalog_svc.proposal import handlers as proposals
from catalog_svc.region import handlers as regions
from catalog_svc.standard import handlers as standards
from chassis.database import Tx
from contracts.caller import Caller
from contracts.codec import decode
from contracts.refusals import Forbidden
from contracts.values import NATION, ItemCode, ItemId, ItemVersionId, OrganCode, RegionCode
from rules.standards import Drift, Lock, drifts


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
    record, after = await _may_see(tx, version_id, by=by)
    if against is None:
        against = (await items.get_current(tx, record.item_id, at=tx.at)).version_id
    _, before = await _may_see(tx, against, by=by)
    return Compared(before=against, after=version_id, differences=differences(before.body(), after.body()))


async def drift_of(tx: Tx[Catalog], records: Sequence[ItemVersionRecord]) -> list[ItemDrift]:
    """Where these versions are not what the nation and the regions above them say, in their order; equal ones too, with nothing."""
    layers = await standards.layers_of(tx, {one.content.item_code for one in records})
    bases = await base_items.known_base_items(tx, sorted({one.content.item_code for one in records}))
    return await _drift_under(tx, records, layers=layers, bases=bases)


async def drift_of_item(tx: Tx[Catalog], item_id: ItemId) -> ItemDrift:
    """The same for the version of an item that is in force now.

    Raises:
        ItemUnknown: None is.
    """
    record = await items.get_current(tx, item_id, at=tx.at)
    [found] = await drift_of(tx, [record])
    return found


async def impact_of_base_item(tx: Tx[Catalog], code: ItemCode, *, by: Caller) -> list[ItemDrift]:
    """The items in force that would not be what a base item says once its drafted change is published, and are so today.

    Raises:
        BaseItemUnknown: No change of it waits for review.
        Forbidden: No officer of the nation's catalogue.
    """
    await regions.permit_in(tx, by, aggregate="item", action="preview", regions=[NATION], about=code)
    drafted = (await proposals.known_proposals(tx, [code], kind=base_items.KIND)).get(code)
    if drafted is None:
        raise BaseItemUnknown
    changed = decode(BaseItem, drafted.body)
    records = await items.all_in_force(tx, code)
    now = {one.version_id: one.drifts for one in await drift_of(tx, records)}
    layers = await standards.layers_of(tx, [code], instead={code: changed})
    then = await _drift_under(tx, records, layers=layers, bases={code: changed})
    return [one for one in then if one.drifts != now[one.version_id]]


async def impact_of_certificate(tx: Tx[Catalog], certificate_id: str) -> list[ItemVersionRecord]:
    """The versions in force that ask for a certificate: what its cancellation changes at once.

    Raises:
        CertificateUnknown: No row has this id.
    """
    await certificates.get_certificate(tx, certificate_id)
    return await items.in_force_with_checklist(tx, await parts.checklists_asking(tx, certificate_id))


async def _drift_under(
    tx: Tx[Catalog], records: Sequence[ItemVersionRecord], *, layers: standards.Layers, bases: Mapping[ItemCode, BaseItem]
) -> list[ItemDrift]:
    lines = {region: await regions.line_of(tx, region) for region in sorted({one.region for one in records})}
    drafts = await items.get_drafts(tx, records)
    found: list[ItemDrift] = []
    for record, draft in zip(records, drafts, strict=True):
        code = record.content.item_code
        fixed = standards.fixed_for(layers, item=code, line=lines[record.region])
        base = bases.get(code)
        same = () if base is None else _names(base, draft)
        found.append(
            ItemDrift(
                version_id=record.version_id,
                item_id=record.item_id,
                organ=record.content.organ,
                region=record.region,
                drifts=(*same, *drifts(draft.body(), fixed=fixed)),
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


async def _may_see(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> tuple[ItemVersionRecord, ItemDraft]:
    record, draft = await items.get_draft(tx, version_id)
    if record.effective_from is None:
        try:
            await regions.permit_in(tx, by, aggregate="item", action="preview", regions=[record.region], about=version_id)
        except Forbidden as refused:
            raise ItemUnknown from refused
    return record, draft
