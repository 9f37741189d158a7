"""What a draft says: completed from its base form and its members, and judged."""

from collections.abc import Collection
from dataclasses import replace

from catalog_svc.base_form import handlers as base_forms
from catalog_svc.base_item import handlers as base_items
from catalog_svc.certificate import handlers as certificates
from catalog_svc.context import Catalog
from catalog_svc.item import store
from catalog_svc.item.domain import (
    ItemDraft,
    ItemUnsound,
    ItemVersionRecord,
    draft_of,
    no_base_form,
    unpublished_member,
)
from catalog_svc.part import handlers as parts
from catalog_svc.part.domain import form_schema_defects, part_defects
from catalog_svc.region import handlers as regions
from catalog_svc.standard import handlers as standards
from chassis.database import Tx
from contracts.catalogue import Bundle, ChecklistPart, SituationsPart
from contracts.refusals import Defect
from contracts.values import Digest, ItemCode, RegionCode
from rules.bundles import merge, order_defects, own_parts
from rules.certificates import without_cancelled
from rules.elements import declaration_defects
from rules.forms import with_base
from rules.limits import limit_defects
from rules.parts import Parts
from rules.standards import Locked, identity_defects, inheritance_defects


async def get_parts(tx: Tx[Catalog], record: ItemVersionRecord) -> Parts:
    """A published version with all it says."""
    draft = await read_draft(tx, record)
    of = draft.parts
    cancelled = await certificates.cancelled_certificates(tx, _certificates(of.checklist))
    asked, dropped = without_cancelled(of.checklist, cancelled=cancelled)
    return Parts(version=record.document(), form=of.form, situations=of.situations, checklist=asked, texts=of.texts, dropped=dropped)


async def complete(tx: Tx[Catalog], draft: ItemDraft, *, region: RegionCode) -> ItemDraft:
    """A draft as it is kept: what it says itself, with its base form and the members of a bundle as they are now."""
    of = draft.parts
    if not form_schema_defects(of.form.schema):
        form, situations, checklist = own_parts(form=of.form, situations=of.situations, checklist=of.checklist)
        draft = replace(draft, parts=replace(of, form=form, situations=situations, checklist=checklist))
    return await _with_members(tx, await _with_base_form(tx, draft, region=region), region=region)


def takes_over(draft: ItemDraft) -> bool:
    """Whether it says something that others may change: its base form, or its members."""
    return bool(draft.parts.form.base_form) or draft.parts.situations.bundle is not None


async def _with_base_form(tx: Tx[Catalog], draft: ItemDraft, *, region: RegionCode) -> ItemDraft:
    """The draft with the fields of the base form that it names; as it is where its own form is wrong, which `find_defects` tells.

    Raises:
        ItemUnsound: No base form of its region or above has the code, or both ask for the same.
    """
    code = draft.parts.form.base_form
    if not code or form_schema_defects(draft.parts.form.schema):
        return draft
    base = await base_forms.find_base_form(tx, code)
    if base is None or base.region not in await regions.line_of(tx, region):
        raise ItemUnsound(defects=(no_base_form(),))
    form, defects = with_base(draft.parts.form, base=base.form)
    if defects:
        raise ItemUnsound(defects=defects[:100])
    return replace(draft, parts=replace(draft.parts, form=form))


async def _with_members(tx: Tx[Catalog], draft: ItemDraft, *, region: RegionCode) -> ItemDraft:
    """The draft of a bundle with the questions, fields, materials and rules of its members; any other as it is.

    Raises:
        ItemUnsound: Members that are not published at its place or above, that disagree, or whose order nobody can keep.
    """
    of = draft.parts
    if of.situations.bundle is None:
        return draft
    if circles := await _order_defects(tx, draft):
        raise ItemUnsound(defects=circles)
    nearest = await _nearest(tx, of.situations.bundle, region=region)
    if absent := [index for index, one in enumerate(of.situations.bundle.members) if one.item_code not in nearest]:
        raise ItemUnsound(defects=tuple(unpublished_member(index) for index in absent))
    members = [(one, await get_parts(tx, nearest[one.item_code])) for one in of.situations.bundle.members]
    merged = merge(form=of.form, situations=of.situations, checklist=of.checklist, members=members)
    if merged.defects:
        raise ItemUnsound(defects=tuple(merged.defects[:100]))
    whole = replace(of, form=merged.form, situations=merged.situations, checklist=merged.checklist)
    return replace(draft, parts=whole)


async def read_draft(tx: Tx[Catalog], record: ItemVersionRecord) -> ItemDraft:
    """All that a version says, as its author handed it in and as it was completed."""
    return draft_of(record, await parts.get_parts(tx, digests_of(record)))


def digests_of(record: ItemVersionRecord) -> list[Digest]:
    """Of the four parts that a version names."""
    of = record.parts
    return [of.form, of.situations, of.checklist, of.texts]


def _certificates(checklist: ChecklistPart) -> set[str]:
    return {one.certificate for one in checklist.materials if one.certificate}


async def _published_bundles(tx: Tx[Catalog]) -> dict[ItemCode, list[ItemCode]]:
    """Of every bundle in force or to come the codes of its members."""
    tables = await parts.bundles(tx)
    found: dict[ItemCode, list[ItemCode]] = {}
    for record in await store.list_with_part(tx, "situations", sorted(tables), at=tx.at):
        found.setdefault(record.content.item_code, []).extend(tables[record.parts.situations])
    return found


async def bundles_with(tx: Tx[Catalog], record: ItemVersionRecord) -> list[ItemVersionRecord]:
    """The bundles in force or to come of which the item of a version is a member, or would be: those at its place and below.

    Left out are those with another organ's item of the base code nearer to them.
    """
    code, tables = record.content.item_code, await parts.bundles(tx)
    with_it = [digest for digest, members in sorted(tables.items()) if code in members]
    bundles = await store.list_with_part(tx, "situations", with_it, at=tx.at) if with_it else []
    lines = await regions.chains(tx, {one.region for one in bundles})
    above = {region for line in lines.values() for region in line}
    offered = {one.region for one in await store.list_members(tx, [code], regions=above, at=tx.at)} | {record.region}
    return [one for one in bundles if next((region for region in lines[one.region] if region in offered), None) == record.region]


async def members_of(tx: Tx[Catalog], record: ItemVersionRecord) -> list[ItemVersionRecord]:
    """What is in force now of a bundle's members, at its place or the nearest above it, in their order; none where it is no bundle."""
    digest = record.parts.situations
    part = (await parts.get_parts(tx, [digest]))[digest]
    if not isinstance(part, SituationsPart) or part.bundle is None:
        return []
    nearest = await _nearest(tx, part.bundle, region=record.region)
    return [nearest[one.item_code] for one in part.bundle.members if one.item_code in nearest]


async def _nearest(tx: Tx[Catalog], bundle: Bundle, *, region: RegionCode) -> dict[ItemCode, ItemVersionRecord]:
    line = await regions.line_of(tx, region)
    published = await store.list_members(tx, [one.item_code for one in bundle.members], regions=line, at=tx.at)
    published.sort(key=lambda one: line.index(one.region), reverse=True)
    return {one.content.item_code: one for one in published}


async def _order_defects(tx: Tx[Catalog], draft: ItemDraft) -> tuple[Defect, ...]:
    bundle = draft.parts.situations.bundle
    if bundle is None:
        return ()
    return order_defects(bundle, own=draft.content.item_code, contents=await _published_bundles(tx))


async def have_grounds_at_hand(tx: Tx[Catalog], codes: Collection[ItemCode]) -> None:
    """Read what drafts of these base items are judged by, so that `find_defects` reads it for none of them by itself."""
    await standards.layers_of(tx, codes)


async def find_defects(tx: Tx[Catalog], draft: ItemDraft, *, region: RegionCode) -> tuple[Defect, ...]:
    """What `draft_version` would refuse a draft for, besides its organ and its author; ``region`` is the organ's."""
    code, of = draft.content.item_code, draft.parts
    above = await regions.line_of(tx, region)
    listed = await certificates.listed_certificates(tx, _certificates(of.checklist), regions_above=above)
    base = (await base_items.known_base_items(tx, [code])).get(code)
    locked = None if base is None else Locked(name=base.name, kind=base.kind, modes=base.locked_modes, merged=base.part_of is not None)
    content = draft.content
    return (
        *await _order_defects(tx, draft),
        *identity_defects(name=content.name, kind=content.kind, modes=content.modes, locked=locked),
        *inheritance_defects(draft.body(), fixed=standards.fixed_for(await standards.layers_of(tx, [code]), item=code, line=above)),
        *declaration_defects(
            four_do=content.four_do,
            modes=content.modes,
            project_type=content.project_type,
            promised=content.promised_limit,
            statutory=content.statutory_limit,
            visits=of.texts.visits,
        ),
        *limit_defects(
            acceptance=content.acceptance_limit,
            statutory=content.statutory_limit,
            extension=content.extension_limit,
            delivery=content.delivery_limit,
            materials=of.checklist.materials,
        ),
        *part_defects(
            form=of.form,
            situations=of.situations,
            checklist=of.checklist,
            texts=of.texts,
            statutory=content.statutory_limit,
            certificates=listed,
        ),
    )
