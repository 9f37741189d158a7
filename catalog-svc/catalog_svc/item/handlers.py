"""What is done to service items: draft, review, publication, suspension, withdrawal."""

from datetime import datetime

from catalog_svc.base_item import handlers as base_items
from catalog_svc.certificate import handlers as certificates
from catalog_svc.context import Catalog
from catalog_svc.item import store
from catalog_svc.item.domain import (
    ItemDraft,
    ItemParts,
    ItemUnknown,
    ItemUnsound,
    ItemVersionRecord,
    ItemVersionState,
    Locked,
    content_defects,
    umbrella_id,
)
from catalog_svc.organ import handlers as organs
from catalog_svc.organ.domain import OrganUnknown
from catalog_svc.part import handlers as parts
from catalog_svc.part.domain import part_defects
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.catalogue import ChecklistPart, FormPart, SituationsPart, TextsPart
from contracts.values import Digest, ItemId, ItemVersionId, RegionCode
from rules.certificates import without_cancelled
from rules.elements import declaration_defects
from rules.parts import Parts

LIVE = frozenset({ItemVersionState.DRAFT, ItemVersionState.REVIEWED, ItemVersionState.PUBLISHED})
"""States in which an equal draft would be the same version."""


async def draft_version(tx: Tx[Catalog], draft: ItemDraft, *, by: Caller) -> tuple[ItemVersionRecord, bool]:
    """Draft the next version of an organ's item, or find that the newest one says the same already.

    Returns:
        The version, and whether it is new.

    Raises:
        OrganUnknown: No such organ.
        Forbidden: Not an author of the organ's region.
        ItemUnsound: With every defect of content and parts.
    """
    content = draft.content
    organ = (await organs.known_organs(tx, [content.organ])).get(content.organ)
    if organ is None:
        raise OrganUnknown
    item_id = umbrella_id(organ=content.organ, item_code=content.item_code)
    await regions.permit_in(tx, by, aggregate="item", action="author", regions=[organ.region], about=item_id)
    await lock(tx, item_id)
    newest = next(iter(await store.get_versions(tx, item_id)), None)
    if newest is not None and newest.state in LIVE and newest.digest == draft.digest:
        return newest, False
    await _require_sound(tx, draft, region=organ.region)
    number = await store.next_number(tx, item_id=item_id, item_code=content.item_code, organ=content.organ, region=organ.region)
    record = ItemVersionRecord.draft(draft, item_id=item_id, number=number, region=organ.region, by=by.ref)
    await parts.keep_parts(tx, draft.parts.named())
    await store.save_versions(tx, [record])
    return record, True


async def review_version(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> ItemVersionRecord:
    """Let a second officer confirm a draft.

    Raises:
        ItemUnknown: No such version.
        ItemReviewedByAuthor: By its author.
        IllegalMove: It is no draft.
        Forbidden: Not a reviewer of the organ's region.
    """
    record = await _locked_version(tx, version_id, action="review", by=by)
    record.review(by=by.ref)
    await store.save_versions(tx, [record])
    return record


async def publish_version(tx: Tx[Catalog], version_id: ItemVersionId, *, effective_from: datetime | None, by: Caller) -> ItemVersionRecord:
    """Put a reviewed version in force: its parts first, then the versions whose end it changes and itself, in one transaction.

    Raises:
        ItemUnknown: No such version.
        IllegalMove: It was not reviewed.
        EffectiveTooSoon: Before every service could have heard of it.
        ItemUnsound: The base item or the organ changed since the draft so that it no longer fits.
        Forbidden: Not a reviewer of the organ's region.
    """
    record = await _locked_version(tx, version_id, action="publish", by=by)
    await _require_sound(tx, await _draft_of(tx, record), region=record.region)
    others = [
        one for one in await store.get_versions(tx, record.item_id) if one.effective_from is not None and one.version_id != version_id
    ]
    heard = [one for one in others if one.state is not ItemVersionState.WITHDRAWN]
    ended = record.publish(at=tx.at, effective_from=effective_from, others=heard)
    await parts.publish_parts(tx, _digests(record))
    await lock(tx, record.version_id, *(one.version_id for one in ended))
    await store.save_versions(tx, [*ended, record])
    return record


async def suspend_version(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> ItemVersionRecord:
    """Take a version out of force for new cases.

    Raises:
        ItemUnknown: No such version.
        IllegalMove: It is not published.
        Forbidden: Not a reviewer of the organ's region.
    """
    record = await _locked_version(tx, version_id, action="publish", by=by)
    record.suspend(at=tx.at)
    await lock(tx, record.version_id)
    await store.save_versions(tx, [record])
    return record


async def withdraw_version(tx: Tx[Catalog], version_id: ItemVersionId, *, by: Caller) -> ItemVersionRecord:
    """Take a version back for good.

    Raises:
        ItemUnknown: No such version.
        IllegalMove: It is withdrawn already.
        Forbidden: Not a reviewer of the organ's region.
    """
    record = await _locked_version(tx, version_id, action="publish", by=by)
    record.withdraw(at=tx.at)
    await lock(tx, record.version_id)
    await store.save_versions(tx, [record])
    return record


async def get_version(tx: Tx[Catalog], version_id: ItemVersionId) -> ItemVersionRecord:
    """One version that was published, whatever became of it.

    Raises:
        ItemUnknown: No such version, or one that nobody published.
    """
    record = await store.get_version(tx, version_id)
    if record is None or record.effective_from is None:
        raise ItemUnknown
    return record


async def get_current(tx: Tx[Catalog], item_id: ItemId, *, at: datetime) -> ItemVersionRecord:
    """The version of an item that is in force at an instant.

    Raises:
        ItemUnknown: None is.
    """
    record = next((one for one in await store.get_versions(tx, item_id) if one.holds_at(at)), None)
    if record is None:
        raise ItemUnknown
    return record


async def get_parts(tx: Tx[Catalog], record: ItemVersionRecord) -> Parts:
    """A published version with all it says."""
    draft = await _draft_of(tx, record)
    of = draft.parts
    cancelled = await certificates.cancelled_certificates(tx, _certificates(of.checklist))
    asked, dropped = without_cancelled(of.checklist, cancelled=cancelled)
    return Parts(version=record.document(), form=of.form, situations=of.situations, checklist=asked, texts=of.texts, dropped=dropped)


async def _locked_version(tx: Tx[Catalog], version_id: ItemVersionId, *, action: str, by: Caller) -> ItemVersionRecord:
    seen = await store.get_version(tx, version_id)
    if seen is None:
        raise ItemUnknown
    await regions.permit_in(tx, by, aggregate="item", action=action, regions=[seen.region], about=version_id)
    await lock(tx, seen.item_id)
    record = await store.get_version(tx, version_id)
    if record is None:
        raise ItemUnknown
    return record


async def _draft_of(tx: Tx[Catalog], record: ItemVersionRecord) -> ItemDraft:
    named, of = await parts.get_parts(tx, _digests(record)), record.parts
    form, situations, checklist, texts = named[of.form], named[of.situations], named[of.checklist], named[of.texts]
    if not (
        isinstance(form, FormPart)
        and isinstance(situations, SituationsPart)
        and isinstance(checklist, ChecklistPart)
        and isinstance(texts, TextsPart)
    ):
        raise ItemUnknown
    return ItemDraft(content=record.content, parts=ItemParts(form=form, situations=situations, checklist=checklist, texts=texts))


def _digests(record: ItemVersionRecord) -> list[Digest]:
    of = record.parts
    return [of.form, of.situations, of.checklist, of.texts]


def _certificates(checklist: ChecklistPart) -> set[str]:
    return {one.certificate for one in checklist.materials if one.certificate}


async def _require_sound(tx: Tx[Catalog], draft: ItemDraft, *, region: RegionCode) -> None:
    code, of = draft.content.item_code, draft.parts
    above = await regions.line_of(tx, region)
    listed = await certificates.listed_certificates(tx, _certificates(of.checklist), regions_above=above)
    base = (await base_items.known_base_items(tx, [code])).get(code)
    locked = None if base is None else Locked(name=base.name, modes=base.locked_modes, merged=base.part_of is not None)
    content = draft.content
    defects = (
        *content_defects(content, locked=locked),
        *declaration_defects(
            four_do=content.four_do,
            project_type=content.project_type,
            promised=content.promised_limit,
            statutory=content.statutory_limit,
            visits=of.texts.visits,
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
    if defects:
        raise ItemUnsound(defects=defects)
