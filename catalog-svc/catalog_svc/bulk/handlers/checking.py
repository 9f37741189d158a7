"""The dry run: what importing rows would do, found out without doing it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.bulk import store
from catalog_svc.bulk.domain.cleared import cleared
from catalog_svc.bulk.domain.columns import CHARGED, CHARGES, FORMER
from catalog_svc.bulk.domain.runs import RowState, Run, RunRow
from catalog_svc.bulk.domain.table import column_at
from catalog_svc.context import Catalog
from catalog_svc.former_code import handlers as former_codes
from catalog_svc.former_code.domain import FormerCode
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemContent, ItemDraft, ItemVersionRecord, ItemVersionState, holding_at, last_published, umbrella_id
from catalog_svc.organ import handlers as organs
from catalog_svc.region import handlers as regions
from catalog_svc.sheet.domain.cells import code_of
from chassis.database import Tx
from contracts.catalogue import ChecklistPart, Organ, TextsPart
from contracts.codec import decode, encode_object
from contracts.refusals import Defect, Forbidden, Invalid, NotFound
from contracts.values import ItemCode, ItemId, ItemVersionId, Json, JsonObject, OrganCode, RegionCode
from rules.workdays import local_day

_WAITING = frozenset({ItemVersionState.DRAFT, ItemVersionState.REVIEWED})
_Pair = tuple[OrganCode, ItemCode]
_Part = TypeVar("_Part", ItemContent, ChecklistPart, TextsPart)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Silent:
    """What a row does not say, as the worker found."""

    emptied: tuple[str, ...]
    """Columns that were left empty, by their codes."""
    lines: Mapping[str, tuple[tuple[str, ...], ...]]
    """What the lines of its cells say themselves, and so what they do not."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rows of a slice name."""

    organs: Mapping[OrganCode, Organ]
    bases: Mapping[ItemCode, BaseItem]
    items: Mapping[_Pair, ItemId]
    """Items that organs have, their own or such as moved to them."""
    versions: Mapping[ItemId, Sequence[ItemVersionRecord]]
    """Of each item every version, the newest first."""
    told: Mapping[ItemId, ItemVersionRecord]
    """Of each item the version that its rows go by where they leave something as it is."""
    said: Mapping[ItemVersionId, ItemDraft]
    """What these versions say, where rows leave something as it is."""
    held: Collection[str]
    """Versions that other runs carry on."""
    reached: frozenset[RegionCode]
    """Regions whose organs the run may write for."""
    taken: Mapping[RegionCode, Mapping[str, ItemId]]

    def item_of(self, draft: ItemDraft) -> ItemId:
        """The item that a draft is of."""
        return self.items.get(pair_of(draft)) or _own(draft)


async def check_rows(tx: Tx[Catalog], run: Run, read: Sequence[JsonObject]) -> list[RunRow]:
    """What importing rows would do, without doing it; ``read`` as the worker gives them."""
    rows = [decode(RunRow, one) for one in read]
    drafts = {row.number: decode(ItemDraft, row.draft) for row in rows if row.draft is not None and not row.flaws}
    kept = {int(str(one["number"])): one["kept"] for one in read}
    silent = {int(str(one["number"])): decode(_Silent, one) for one in read}
    known = await _look_up(tx, run, rows, drafts, kept)
    changed: list[tuple[RunRow, ItemDraft]] = []
    for row in rows:
        if row.number in drafts:
            given = _named_as_the_base_item(drafts[row.number], known)
            draft = await _judge(tx, row, given, _with_charges(kept[row.number], silent[row.number], of=given, known=known), known)
            changed += [] if draft is None else [(row, draft)]
        if row.flaws:
            row.state, row.draft = RowState.BAD, None
    before = await _told_of(tx, [draft for _, draft in changed], known)
    for row, draft in changed:
        if (said := before.get(known.item_of(draft))) is not None:
            row.notes += _clears(draft, said, silent=silent[row.number])
    return rows


def _with_charges(kept: Json, silent: _Silent, *, of: ItemDraft, known: _Known) -> Json:
    """What a row leaves as it is: where it says nothing of charges at all, the text beside the published ones too, not 不收费 above them."""
    told = known.told.get(known.item_of(of))
    said = None if told is None else known.said.get(told.version_id)
    stay = isinstance(kept, list) and [*CHARGES.at] in kept and said is not None and bool(said.parts.texts.fee_lines)
    return [*kept, [*CHARGED.at]] if isinstance(kept, list) and stay and CHARGED.code in silent.emptied else kept


async def _judge(tx: Tx[Catalog], row: RunRow, given: ItemDraft, kept: Json, known: _Known) -> ItemDraft | None:
    """Judge one row; the draft that it makes, None where it makes none."""
    item_id = row.item_id = known.item_of(given)
    versions = known.versions.get(item_id, ())
    newest, in_force = next(iter(versions), None), holding_at(versions, tx.at)
    row.seen, row.after = "" if newest is None else newest.version_id, last_published(versions)
    # A draft that another publication has overtaken can never be published: it is drafted anew, from what is published.
    overtaken = newest is not None and newest.overtaken_by(versions) is not None
    organ = known.organs.get(given.content.organ)
    gone_by = known.told.get(item_id)
    draft = _left_as_it_is(given, gone_by, kept, known)
    if organ is not None:
        try:
            draft = await items.complete(tx, draft, region=organ.region)
            if kept and newest is not None and newest.state in _WAITING and newest != gone_by and not overtaken:
                as_waiting = await items.complete(tx, _left_as_it_is(given, newest, kept, known), region=organ.region)
                # What waits says nothing else than the row: it is taken up, with what it says where the row is silent.
                draft, gone_by = (as_waiting, newest) if as_waiting.digest == newest.digest else (draft, gone_by)
        except Invalid as refused:
            row.flaws += [told(one) for one in refused.defects]
    if kept and gone_by is not None and (in_force is None or gone_by.version_id != in_force.version_id):
        row.notes.append(_left_as(gone_by))
    others = _not_theirs(row, draft, known)
    same: ItemVersionRecord | None = None
    if organ is not None and not row.flaws and not others:
        scheduled = newest is not None and newest.state is ItemVersionState.PUBLISHED and newest.start > tx.at
        if scheduled and newest is not None and newest.digest != draft.digest:
            row.notes.append(_newer_waits(newest))
        if newest is not None and not overtaken and newest.says_still(draft.digest, at=tx.at):
            # A draft that waits and that no run carries on is taken up by this one.
            same = newest if newest.state is ItemVersionState.PUBLISHED or newest.version_id in known.held else None
        elif in_force is not None and newest is not None and in_force.version_id != newest.version_id:
            as_in_force = await items.complete(tx, _left_as_it_is(given, in_force, kept, known), region=organ.region)
            same = in_force if as_in_force.digest == in_force.digest else None
        if same is not None and all(code in known.taken[organ.region] for code in row.former):
            row.state, row.version_id, row.draft, row.cells = RowState.UNCHANGED, same.version_id, None, ()
            return None
    if organ is not None and (same is None or same is not newest):
        # Only what is drafted anew: what is published as it stands may be older than a rule.
        row.flaws += [told(one) for one in await items.find_defects(tx, draft, region=organ.region)]
    row.flaws += others
    if row.flaws:
        return None
    row.draft = encode_object(draft)
    return draft


async def _told_of(tx: Tx[Catalog], drafts: Sequence[ItemDraft], known: _Known) -> dict[ItemId, ItemDraft]:
    """Of the items of these drafts what the version says that their rows go by; read for all of them together."""
    told = {item_id: known.told[item_id] for item_id in map(known.item_of, drafts) if item_id in known.told}
    unread = {one.version_id: one for one in told.values() if one.version_id not in known.said}
    read = dict(zip(unread, await items.get_drafts(tx, list(unread.values())), strict=True)) if unread else {}
    return {item_id: known.said.get(one.version_id) or read[one.version_id] for item_id, one in told.items()}


def _clears(draft: ItemDraft, said: ItemDraft, *, silent: _Silent) -> list[JsonObject]:
    """What a row lets go of what is published, as a note."""
    gone = cleared(draft.body(), said.body(), emptied=silent.emptied, lines=silent.lines)
    if not gone:
        return []
    return [
        {
            "rule": "bulk.cleared",
            "detail": f"本行未写，已公布的下列内容将不再保留：{'、'.join(one.zh for one in gone)}",
            "detail_en": f"The row does not say what is published of: {', '.join(one.en for one in gone)}",
        }
    ]


async def _look_up(tx: Tx[Catalog], run: Run, rows: Sequence[RunRow], drafts: Mapping[int, ItemDraft], kept: Mapping[int, Json]) -> _Known:
    contents = [draft.content for draft in drafts.values()]
    codes = {one.item_code for one in contents}
    await items.have_grounds_at_hand(tx, codes)
    known = await organs.known_organs(tx, sorted({one.organ for one in contents}))
    within = await regions.regions_below(tx, run.region)
    reached: set[RegionCode] = set()
    for region in {organ.region for organ in known.values()}:
        try:
            await regions.permit_in(tx, run.by.caller(), aggregate="item", action="author", regions=[region], about=run.run_id)
        except (Forbidden, NotFound):
            continue
        if region in within:
            reached.add(region)
    standing = await items.items_of(tx, {pair_of(draft) for draft in drafts.values()})
    ids = {number: standing.get(pair_of(draft)) or _own(draft) for number, draft in drafts.items()}
    versions = await items.versions_of(tx, set(ids.values()))
    left = {item_id for number, item_id in ids.items() if kept[number]}
    gone_by = await items.told_versions(tx, set(ids.values()))
    leaving = {gone_by[item_id].version_id: gone_by[item_id] for item_id in left & gone_by.keys()} | {
        one.version_id: one
        for item_id in left & versions.keys()
        for one in (versions[item_id][0], holding_at(versions[item_id], tx.at))
        if one is not None
    }
    asked: dict[RegionCode, set[str]] = {organ.region: set() for organ in known.values()}
    for row in rows:
        if row.number in drafts and (organ := known.get(drafts[row.number].content.organ)) is not None:
            asked[organ.region] |= {*row.former}
    return _Known(
        organs=known,
        bases=await base_items.known_base_items(tx, sorted(codes)),
        items=standing,
        versions=versions,
        told=gone_by,
        said=dict(zip(leaving, await items.get_drafts(tx, list(leaving.values())), strict=True)),
        held=await store.held_versions(tx, [of_item[0].version_id for of_item in versions.values()], besides=run.run_id),
        reached=frozenset(reached),
        taken={region: await former_codes.taken_codes(tx, sorted(codes), region=region) for region, codes in asked.items()},
    )


def _named_as_the_base_item(draft: ItemDraft, known: _Known) -> ItemDraft:
    base = known.bases.get(draft.content.item_code)
    if base is None or code_of(base.name) != code_of(draft.content.name):
        return draft
    # The same name but for spacing and the width of signs, which offices change without noticing.
    return replace(draft, content=replace(draft.content, name=base.name))


def _not_theirs(row: RunRow, draft: ItemDraft, known: _Known) -> list[JsonObject]:
    organ = known.organs.get(draft.content.organ)
    if organ is not None and organ.merged_into is not None:
        gone = Defect(
            rule_id="organ.merged", pointer="/version/organ", message="该机构已并入其他机构", message_en="The organ was merged into another"
        )
        return [told(gone)]
    if organ is None:
        return [told(Defect(rule_id="organ.unknown", pointer="/version/organ", message="没有此机构", message_en="There is no such organ"))]
    if organ.region not in known.reached:
        return [
            told(
                Defect(
                    rule_id="bulk.organ-elsewhere",
                    pointer="/version/organ",
                    message="该机构不属于本批次的行政区划",
                    message_en="The organ is not of the region that this import is for",
                )
            )
        ]
    item_id = known.item_of(draft)
    if pair_of(draft) not in known.items and item_id in known.versions:
        return [told(_MOVED)]
    others = [code for code in row.former if known.taken[organ.region].get(code, item_id) != item_id]
    return (
        [
            {
                "rule": "former-code.taken",
                "detail": "原平台编码已对应另一事项",
                "detail_en": "The former code stands for another item",
                "field": FORMER.name,
                "code": FORMER.code,
            }
        ]
        if others
        else []
    )


_MOVED = Defect(
    rule_id="bulk.item-moved",
    pointer="/version/item_code",
    message="该机构的此事项已划转至其他机构",
    message_en="This item of the organ moved to another one",
)


def _newer_waits(newest: ItemVersionRecord) -> JsonObject:
    day = local_day(newest.start).isoformat()
    return {
        "rule": "bulk.newer-waits",
        "detail": f"该事项已有自 {day} 起生效的版本，本行与其不同",
        "detail_en": f"A version that takes effect on {day} waits and says something else",
    }


def _left_as(version: ItemVersionRecord) -> JsonObject:
    return {
        "rule": "bulk.left-as",
        "detail": f"留空的内容沿用版本 {version.version_id}，该版本不是现行版本",
        "detail_en": f"What is left empty stays as in version {version.version_id}, which is not the one in force",
    }


def _left_as_it_is(draft: ItemDraft, of: ItemVersionRecord | None, kept: Json, known: _Known) -> ItemDraft:
    """The draft with what its row left empty as this version of the item has it."""
    if of is None or of.version_id not in known.said:
        return draft
    said = known.said[of.version_id]
    places = [tuple(str(name) for name in place) for place in kept if isinstance(place, list)] if isinstance(kept, list) else []
    parts = draft.parts
    if ("form",) in places:
        parts = replace(parts, form=said.parts.form)
    if ("situations",) in places:
        parts = replace(parts, situations=said.parts.situations)
    within = {part: {place[1] for place in places if place[0] == part and len(place) > 1} for part in ("version", "checklist", "texts")}
    parts = replace(
        parts,
        checklist=_with_left(parts.checklist, said.parts.checklist, within["checklist"]),
        texts=_with_left(parts.texts, said.parts.texts, within["texts"]),
    )
    return replace(draft, content=_with_left(draft.content, said.content, within["version"]), parts=parts)


def _with_left(part: _Part, said: _Part, names: Collection[str]) -> _Part:
    """A part with these fields as another says them."""
    if not names:
        return part
    # A field that says nothing may stand in neither: what the part has of it goes, and nothing comes.
    own = {name: value for name, value in encode_object(part).items() if name not in names}
    return decode(type(part), own | {name: value for name, value in encode_object(said).items() if name in names})


def pair_of(draft: ItemDraft) -> _Pair:
    """Whose item a draft is, and of which base item."""
    return draft.content.organ, draft.content.item_code


def _own(draft: ItemDraft) -> ItemId:
    return umbrella_id(organ=draft.content.organ, item_code=draft.content.item_code)


def former_of(row: RunRow, draft: ItemDraft, *, region: RegionCode, item_id: ItemId) -> list[FormerCode]:
    """The former codes of a row."""
    return [FormerCode(code=code, region=region, organ=draft.content.organ, item_id=item_id) for code in row.former]


def told(defect: Defect) -> JsonObject:
    """A defect of a draft as a flaw of its row."""
    column = column_at(defect.pointer)
    flaw: JsonObject = {"rule": defect.rule_id, "detail": defect.message, "detail_en": defect.message_en, "pointer": defect.pointer}
    if column is not None:
        flaw |= {"field": column.name, "code": column.code}
    return flaw | ({"basis": defect.basis} if defect.basis else {})
