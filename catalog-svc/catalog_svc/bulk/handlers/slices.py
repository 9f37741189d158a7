"""A step goes through the rows of a run slice by slice: each row is drafted, reviewed and published as if by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from catalog_svc.bulk import store
from catalog_svc.bulk.domain.refusals import RowOvertaken, RowStopped, flaw_of_refusal
from catalog_svc.bulk.domain.runs import FROM, FilePart, RowState, Run, RunRow, RunState
from catalog_svc.bulk.handlers import fresh
from catalog_svc.bulk.handlers.checking import former_of, pair_of, told
from catalog_svc.context import Catalog
from catalog_svc.former_code import handlers as former_codes
from catalog_svc.former_code.domain import FormerCode
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemDraft, ItemOvertaken, ItemVersionRecord, ItemVersionState, published_since
from catalog_svc.organ import handlers as organs
from chassis.database import Tx, lock
from contracts.codec import decode
from contracts.refusals import Refusal
from contracts.values import ItemId, ItemVersionId, RegionCode
from rules.workdays import day_start

AT_ONCE: Mapping[RunState, int] = {RunState.IMPORTING: 40, RunState.REVIEWING: 60, RunState.PUBLISHING: 12}
"""Rows of one transaction in each state; a publication locks parts that others share, so few at a time."""

_WAITING = {ItemVersionState.DRAFT: RowState.DRAFTED, ItemVersionState.REVIEWED: RowState.REVIEWED}
"""Versions that say what a row says and wait for an officer: the run takes them up."""


async def do_slice(tx: Tx[Catalog], run_id: str, *, state: RunState, most: int, only: int | None = None) -> int:
    """Do the next rows of a run.

    Args:
        tx: Open transaction.
        run_id: Which run.
        state: The state it was seen in; in another nothing is done.
        most: Rows.
        only: Do this row alone, if it is still to do.

    Returns:
        How many rows were done; 0 when none is left to do, or the step is to end where it is.

    Raises:
        Refusal: A row is refused; nothing of the transaction may stand, and the rows are done one by one.
    """
    await lock(tx, run_id)
    run = await fresh(tx, run_id)
    if run.state is not state or run.stopped:
        return 0
    rows = await _to_do(tx, run_id, state=state, most=most) if only is None else await _row_to_do(tx, run_id, only, state=state)
    if not rows:
        return 0
    if state is RunState.IMPORTING:
        await _draft(tx, run, rows)
    else:
        ids = {ItemId(str(row.item_id)) for row in rows}
        await lock(tx, *ids, *(str(row.version_id) for row in rows))
        await items.have_at_hand(tx, ids)
        for row in rows:
            try:
                await _review_or_publish(tx, run, row)
            except ItemOvertaken:
                row.refuse([flaw_of_refusal(RowOvertaken())])
    await store.put_rows(tx, run_id, rows)
    await store.save_run(tx, run)
    return len(rows)


async def numbers_to_do(tx: Tx[Catalog], run_id: str, *, state: RunState, most: int) -> list[int]:
    """The next rows of a run that its step has still to do."""
    return [row.number for row in await _to_do(tx, run_id, state=state, most=most)]


async def refuse_row(tx: Tx[Catalog], run_id: str, *, number: int, state: RunState, refused: Refusal) -> None:
    """Set one row of a run aside that was good when it was checked and is refused now; nothing where another process has done it meanwhile."""
    await lock(tx, run_id)
    run = await fresh(tx, run_id)
    rows = await _row_to_do(tx, run_id, number, state=state) if run.state is state else []
    for row in rows:
        row.refuse([told(one) for one in refused.defects][:20] or [flaw_of_refusal(refused)])
    await store.put_rows(tx, run_id, rows)
    await store.save_run(tx, run)


async def set_rest_aside(tx: Tx[Catalog], run_id: str, *, state: RunState) -> Run | None:
    """Give back what an import that was stopped did not reach; the run as it is before its step ends, None when that is over."""
    await lock(tx, run_id)
    run = await fresh(tx, run_id)
    if run.state is not state:
        return None
    if run.stopped and state is RunState.IMPORTING:
        await store.set_aside(tx, run_id, state=RowState.GOOD, flaw=flaw_of_refusal(RowStopped()))
    return run


async def end_step(tx: Tx[Catalog], run_id: str, *, state: RunState, returned: FilePart | None) -> None:
    """End a step that has no row left, or was stopped; what is given back stands in its file by then.

    Raises:
        FileCut: Not every piece of the file that is given back is there.
    """
    await lock(tx, run_id)
    run = await fresh(tx, run_id)
    if run.state is not state:
        return
    if not run.stopped and await store.list_rows(tx, run_id, states=[FROM[state].value], after=0, limit=1):
        return
    await store.swap_file(tx, run_id, "returned", returned)
    run.end_step()
    await store.save_run(tx, run)


async def _to_do(tx: Tx[Catalog], run_id: str, *, state: RunState, most: int) -> list[RunRow]:
    return await store.list_rows(tx, run_id, states=[FROM[state].value], after=0, limit=most)


async def _row_to_do(tx: Tx[Catalog], run_id: str, number: int, *, state: RunState) -> list[RunRow]:
    rows = await store.list_rows(tx, run_id, states=[FROM[state].value], after=number - 1, limit=1)
    return [row for row in rows if row.number == number]


async def _draft(tx: Tx[Catalog], run: Run, rows: Sequence[RunRow]) -> None:
    drafts = [decode(ItemDraft, row.draft) for row in rows]
    known = await organs.known_organs(tx, sorted({draft.content.organ for draft in drafts}))
    await lock(tx, *(str(row.item_id) for row in rows))
    standing = await items.items_of(tx, {pair_of(draft) for draft in drafts})
    versions = await items.versions_of(tx, {ItemId(str(row.item_id)) for row in rows})
    held = await store.held_versions(tx, [of_item[0].version_id for of_item in versions.values()], besides=run.run_id)
    to_draft: list[tuple[RunRow, ItemDraft]] = []
    for row, draft in zip(rows, drafts, strict=True):
        of_item = versions.get(ItemId(str(row.item_id)), [])
        if _is_overtaken(row, draft, of_item, at=tx.at) or standing.get(pair_of(draft), row.item_id) != row.item_id:
            row.refuse([flaw_of_refusal(RowOvertaken())])
        else:
            to_draft.append((row, draft))
    drafted = await items.draft_versions(tx, [(ItemId(str(row.item_id)), draft) for row, draft in to_draft], by=run.by.caller())
    former: dict[RegionCode, list[FormerCode]] = {}
    for (row, draft), (record, made) in zip(to_draft, drafted, strict=True):
        region = known[draft.content.organ].region
        former.setdefault(region, []).extend(former_of(row, draft, region=region, item_id=record.item_id))
        taken_up = RowState.UNCHANGED if record.version_id in held else _WAITING.get(record.state, RowState.UNCHANGED)
        row.state = RowState.DRAFTED if made else taken_up
        row.item_id, row.version_id, row.draft = record.item_id, record.version_id, None
    for codes in former.values():
        await former_codes.keep_codes(tx, codes)


def _is_overtaken(row: RunRow, draft: ItemDraft, versions: Sequence[ItemVersionRecord], *, at: datetime) -> bool:
    """Whether the item has a version, or a published one, that its row was not compared with and that says something else."""
    newest = versions[0] if versions else None
    if newest is not None and newest.says_still(draft.digest, at=at) and newest.overtaken_by(versions) is None:
        return False
    since = None if row.after is None else published_since(versions, after=row.after)
    another = row.seen is not None and row.seen != ("" if newest is None else newest.version_id)
    return another or (since is not None and since.digest != draft.digest)


async def _review_or_publish(tx: Tx[Catalog], run: Run, row: RunRow) -> None:
    version_id, by = ItemVersionId(str(row.version_id)), run.by.caller()
    if run.state is RunState.REVIEWING:
        await items.review_version(tx, version_id, by=by)
        row.state = RowState.REVIEWED
        return
    start = run.effective_from
    if row.planned is not None:
        day = day_start(date.fromisoformat(row.planned))
        # A day that is past asks for nothing; one that is to come is kept, however early the rest begins.
        start = max(day, start or day) if day > tx.at else start
    await items.publish_version(tx, version_id, effective_from=start, by=by, moves=False)
    row.state, row.cells = RowState.PUBLISHED, ()
