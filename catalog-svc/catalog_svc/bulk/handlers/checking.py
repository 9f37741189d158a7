"""The dry run: what importing rows would do, found out without doing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog_svc.base_item import handlers as base_items
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.bulk.domain.columns import FORMER
from catalog_svc.bulk.domain.runs import RowState, Run, RunRow
from catalog_svc.bulk.domain.table import column_at
from catalog_svc.context import Catalog
from catalog_svc.former_code import handlers as former_codes
from catalog_svc.former_code.domain import FormerCode
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemDraft, ItemParts, ItemVersionRecord, umbrella_id
from catalog_svc.organ import handlers as organs
from catalog_svc.region import handlers as regions
from catalog_svc.sheet.domain.cells import code_of
from chassis.database import Tx
from contracts.catalogue import Organ
from contracts.codec import decode, encode_object
from contracts.refusals import Defect, Forbidden, Invalid, NotFound
from contracts.values import ItemCode, ItemId, ItemVersionId, Json, JsonObject, OrganCode, RegionCode


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rows of a slice name."""

    organs: Mapping[OrganCode, Organ]
    bases: Mapping[ItemCode, BaseItem]
    newest: Mapping[ItemId, ItemVersionRecord]
    said: Mapping[ItemVersionId, ItemDraft]
    """What the newest versions say, where rows leave something as it is."""
    reached: frozenset[RegionCode]
    """Regions whose organs the run may write for."""
    taken: Mapping[RegionCode, Mapping[str, ItemId]]


async def check_rows(tx: Tx[Catalog], run: Run, read: Sequence[JsonObject]) -> list[RunRow]:
    """What importing rows would do, without doing it; ``read`` as the worker gives them."""
    rows = [decode(RunRow, one) for one in read]
    drafts = {row.number: decode(ItemDraft, row.draft) for row in rows if row.draft is not None and not row.flaws}
    kept = {int(str(one["number"])): one["kept"] for one in read}
    known = await _look_up(tx, run, rows, drafts, kept)
    for number, given in drafts.items():
        draft = given
        base = known.bases.get(draft.content.item_code)
        if base is not None and code_of(base.name) == code_of(draft.content.name):
            # The same name but for spacing and the width of signs, which offices change without noticing.
            draft = replace(draft, content=replace(draft.content, name=base.name))
        newest = known.newest.get(item_of(draft))
        if newest is not None and newest.version_id in known.said:
            draft = _left_as_it_is(draft, known.said[newest.version_id].parts, kept[number])
        drafts[number] = draft
    for number, given in drafts.items():
        draft = given
        row = next(one for one in rows if one.number == number)
        organ = known.organs.get(draft.content.organ)
        if organ is not None:
            try:
                draft = await items.complete(tx, given, region=organ.region)
            except Invalid as refused:
                row.flaws += [told(one) for one in refused.defects]
            row.flaws += [told(one) for one in await items.find_defects(tx, draft, region=organ.region)]
        row.flaws += _not_theirs(row, draft, known)
        row.item_id = item_of(draft)
        newest = known.newest.get(item_of(draft))
        if not row.flaws and newest is not None and newest.state in items.LIVE and newest.digest == draft.digest:
            region = known.organs[draft.content.organ].region
            if all(code in known.taken[region] for code in row.former):
                row.state, row.version_id, row.draft, row.cells = RowState.UNCHANGED, newest.version_id, None, ()
                continue
        row.draft = encode_object(draft)
    for row in rows:
        if row.flaws:
            row.state, row.draft = RowState.BAD, None
    return rows


async def _look_up(tx: Tx[Catalog], run: Run, rows: Sequence[RunRow], drafts: Mapping[int, ItemDraft], kept: Mapping[int, Json]) -> _Known:
    contents = [draft.content for draft in drafts.values()]
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
    newest = await items.newest_versions(tx, sorted({item_of(draft) for draft in drafts.values()}))
    leaving = [newest[item_of(draft)] for number, draft in drafts.items() if kept[number] and item_of(draft) in newest]
    asked: dict[RegionCode, set[str]] = {organ.region: set() for organ in known.values()}
    for row in rows:
        if row.number in drafts and (organ := known.get(drafts[row.number].content.organ)) is not None:
            asked[organ.region] |= {*row.former}
    return _Known(
        organs=known,
        bases=await base_items.known_base_items(tx, sorted({one.item_code for one in contents})),
        newest=newest,
        said={one.version_id: draft for one, draft in zip(leaving, await items.get_drafts(tx, leaving), strict=True)},
        reached=frozenset(reached),
        taken={region: await former_codes.taken_codes(tx, sorted(codes), region=region) for region, codes in asked.items()},
    )


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
    others = [code for code in row.former if known.taken[organ.region].get(code, item_of(draft)) != item_of(draft)]
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


def _left_as_it_is(draft: ItemDraft, said: ItemParts, kept: Json) -> ItemDraft:
    """The draft with what its row left empty as the newest version has it."""
    places = kept if isinstance(kept, list) else []
    parts = draft.parts
    if ["form"] in places:
        parts = replace(parts, form=said.form)
    if ["situations"] in places:
        parts = replace(parts, situations=said.situations)
    if ["checklist", "rules"] in places:
        parts = replace(parts, checklist=replace(parts.checklist, rules=said.checklist.rules))
    return replace(draft, parts=parts)


def item_of(draft: ItemDraft) -> ItemId:
    """The item that a draft is of."""
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
