"""What is done with runs: a file is taken in, its rows are checked, drafted, reviewed and published slice by slice, each as if by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import uuid_utils

from catalog_svc.bulk import store
from catalog_svc.bulk.domain.runs import (
    FROM,
    KEPT,
    MOST_OPEN,
    FileTold,
    Officer,
    RowState,
    Run,
    RunRow,
    RunState,
    RunsWaiting,
    RunUnknown,
    SentFile,
)
from catalog_svc.bulk.handlers.checking import check_rows, former_of, item_of, told
from catalog_svc.context import Catalog
from catalog_svc.former_code import handlers as former_codes
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemDraft
from catalog_svc.organ import handlers as organs
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.codec import decode
from contracts.refusals import Refusal, Stale
from contracts.values import ItemVersionId, JsonObject, RegionCode
from rules.access import tree

AT_ONCE: Mapping[RunState, int] = {RunState.IMPORTING: 40, RunState.REVIEWING: 60, RunState.PUBLISHING: 12}
"""Rows of one transaction in each state; a publication locks parts that others share, so few at a time."""

_CHINA = timedelta(hours=8)


async def receive_file(tx: Tx[Catalog], *, region: RegionCode, file: SentFile, pieces: Sequence[bytes], by: Caller) -> Run:
    """Keep an office's file until it is read.

    Raises:
        Forbidden: Not an author of the region.
        RunsWaiting: Too many of the officer's runs are at work.
    """
    await regions.permit_in(tx, by, aggregate="item", action="author", regions=[region], about=region)
    run = await _new(
        tx,
        Run(
            run_id=str(uuid_utils.uuid7()),
            kind="import",
            region=region,
            state=RunState.RECEIVED,
            by=Officer.of(by),
            author=by.ref,
            at=tx.at,
            file=file,
        ),
    )
    await store.put_pieces(tx, run.run_id, "sent", dict(enumerate(pieces)))
    return run


async def request_export(tx: Tx[Catalog], asked: Run, *, by: Caller) -> Run:
    """Ask for what is in force as a file.

    Raises:
        Forbidden: Neither author nor reviewer of the region.
        RunsWaiting: As for a file.
    """
    await regions.permit_in(tx, by, aggregate="bulk", action="export", regions=[asked.region], about=asked.region)
    return await _new(tx, asked)


async def _new(tx: Tx[Catalog], run: Run) -> Run:
    await lock(tx, f"bulk/{run.author}")
    if await store.count_open(tx, run.author) >= MOST_OPEN:
        raise RunsWaiting(facts={"most": MOST_OPEN})
    await store.save_run(tx, run)
    tx.after_commit(tx.context.bulk_waiting.set)
    return run


async def view_run(tx: Tx[Catalog], run_id: str, *, kind: str, by: Caller) -> Run:
    """A run that the caller may see.

    Raises:
        RunUnknown: There is none.
    """
    seen = tree(by, "bulk", "view", regions=await regions.reach_of(tx, by))
    run = await store.get_run(tx, run_id, seen=seen)
    if run is None or run.kind != kind:
        raise RunUnknown
    return run


async def begin(tx: Tx[Catalog], run_id: str, *, step: RunState, by: Caller, version: int, effective_from: datetime | None = None) -> Run:
    """Begin the next step of an import, or cancel it.

    Args:
        tx: Open transaction.
        run_id: Which.
        step: What it moves to.
        by: Who asks.
        version: The version of the run whose report the caller has read.
        effective_from: For a publication: the earliest instant when None.

    Raises:
        RunUnknown: There is no such run for this caller.
        Stale: It went on since it was read.
        Forbidden: Not by this caller: authors import and cancel, reviewers review and publish what others imported.
        IllegalMove: Not now.
    """
    run = await view_run(tx, run_id, kind="import", by=by)
    action = {RunState.REVIEWING: "review", RunState.PUBLISHING: "publish"}.get(step, "import")
    await regions.permit_in(tx, by, aggregate="bulk", action=action, regions=[run.region], about=run_id)
    await lock(tx, run_id)
    run = await _fresh(tx, run_id)
    if run.version != version:
        raise Stale
    if step is RunState.IMPORTING:
        run.begin_import(by)
    elif step is RunState.REVIEWING:
        run.begin_review(by)
    elif step is RunState.PUBLISHING:
        run.begin_publication(by, effective_from=effective_from)
    else:
        run.cancel()
        await store.drop_rows(tx, run_id)
        for role in ("sent", "returned"):
            await store.drop_file(tx, run_id, role)
    await store.save_run(tx, run)
    tx.after_commit(tx.context.bulk_waiting.set)
    return run


async def do_slice(tx: Tx[Catalog], run_id: str, *, state: RunState, most: int) -> int:
    """Do the next rows of a run, or end its step when none is left.

    Args:
        tx: Open transaction.
        run_id: Which run.
        state: The state it was seen in; in another nothing is done.
        most: Rows.

    Returns:
        How many rows were done.

    Raises:
        Refusal: A row is refused; nothing of the transaction may stand, and the rows are done one by one.
    """
    await lock(tx, run_id)
    run = await _fresh(tx, run_id)
    if run.state is not state:
        return 0
    rows = await store.list_rows(tx, run_id, states=[FROM[state].value], after=0, limit=most)
    if not rows:
        run.end_step()
    elif state is RunState.IMPORTING:
        await _draft(tx, run, rows)
    else:
        await lock(tx, *(str(row.item_id) for row in rows))
        for row in rows:
            await _review_or_publish(tx, run, row)
    await store.put_rows(tx, run_id, rows)
    await store.save_run(tx, run)
    return len(rows)


async def keep_checked(tx: Tx[Catalog], run_id: str, read: Sequence[JsonObject]) -> bool:
    """Keep what the worker found in some rows, and what importing them would do; False when the run is no longer being read."""
    await lock(tx, run_id)
    run = await _fresh(tx, run_id)
    if run.state is not RunState.RECEIVED:
        return False
    await store.put_rows(tx, run_id, await check_rows(tx, run, read))
    run.rows = max((int(str(one["number"])) for one in read), default=run.rows)
    await store.save_run(tx, run)
    return True


async def note(tx: Tx[Catalog], run_id: str, end: JsonObject) -> None:
    """Keep what the worker told of the file as a whole."""
    await lock(tx, run_id)
    run = await _fresh(tx, run_id)
    told = decode(FileTold, end)
    run.hidden, run.passed, run.unknown = told.hidden, told.passed, told.unknown
    run.headings, run.letters, run.peak = told.headings, told.letters, told.peak
    await store.save_run(tx, run)


async def end_check(tx: Tx[Catalog], run_id: str, *, refusal: JsonObject | None) -> None:
    """The file was read to its end, or is refused as a whole; the file itself is not needed any more."""
    await lock(tx, run_id)
    run = await _fresh(tx, run_id)
    if run.state is not RunState.RECEIVED:
        return
    await store.drop_file(tx, run_id, "sent")
    if refusal is None:
        run.check()
    else:
        run.refuse(refusal)
        await store.drop_rows(tx, run_id)
    await store.save_run(tx, run)


async def end_export(tx: Tx[Catalog], run_id: str, *, rows: int, refusal: JsonObject | None) -> None:
    """The file is written, or could not be."""
    await lock(tx, run_id)
    run = await _fresh(tx, run_id)
    if run.state is not RunState.REQUESTED:
        return
    run.rows = rows
    if refusal is None:
        run.end_step()
    else:
        run.refuse(refusal)
        await store.drop_file(tx, run_id, "written")
    await store.save_run(tx, run)


async def pass_over(tx: Tx[Catalog], run_id: str) -> None:
    """Put a run behind the others that wait."""
    await lock(tx, run_id)
    await store.save_run(tx, await _fresh(tx, run_id))


async def refuse_row(tx: Tx[Catalog], run_id: str, *, state: RunState, refused: Refusal) -> None:
    """Set the next row of a run aside: it was good when it was checked and is refused now."""
    await lock(tx, run_id)
    run = await _fresh(tx, run_id)
    rows = await store.list_rows(tx, run_id, states=[FROM[state].value], after=0, limit=1) if run.state is state else []
    for row in rows:
        row.state = RowState.REFUSED
        flaws = [told(one) for one in refused.defects] or [{"rule": refused.RULE, "detail": refused.ZH, "detail_en": refused.EN}]
        row.flaws += flaws[:20]
    await store.put_rows(tx, run_id, rows)
    await store.save_run(tx, run)


async def _draft(tx: Tx[Catalog], run: Run, rows: Sequence[RunRow]) -> None:
    drafts = [decode(ItemDraft, row.draft) for row in rows]
    known = await organs.known_organs(tx, sorted({draft.content.organ for draft in drafts}))
    await lock(tx, *(item_of(draft) for draft in drafts))
    for row, draft in zip(rows, drafts, strict=True):
        record, made = await items.draft_version(tx, draft, by=run.by.caller())
        await former_codes.keep_codes(tx, former_of(row, draft, region=known[draft.content.organ].region, item_id=record.item_id))
        row.state = RowState.DRAFTED if made else RowState.UNCHANGED
        row.item_id, row.version_id, row.draft, row.cells = record.item_id, record.version_id, None, ()


async def _review_or_publish(tx: Tx[Catalog], run: Run, row: RunRow) -> None:
    version_id, by = ItemVersionId(str(row.version_id)), run.by.caller()
    if run.state is RunState.REVIEWING:
        await items.review_version(tx, version_id, by=by)
        row.state = RowState.REVIEWED
        return
    start = run.effective_from
    if row.planned is not None:
        day = datetime.combine(date.fromisoformat(row.planned), time.min, UTC) - _CHINA
        # A day that is past asks for nothing; one that is to come is kept, however early the rest begins.
        start = max(day, start or day) if day > tx.at else start
    await items.publish_version(tx, version_id, effective_from=start, by=by)
    row.state = RowState.PUBLISHED


async def forget_old(tx: Tx[Catalog], *, most: int = 20) -> int:
    """Let rows and files go that were kept long enough; how many runs had any."""
    found = await store.list_old(tx, before=tx.at - KEPT, limit=most)
    for run in found:
        await store.drop_rows(tx, run.run_id)
        for role in ("sent", "written", "returned"):
            await store.drop_file(tx, run.run_id, role)
        if run.state is RunState.CHECKED:
            # Nothing is left that could be imported.
            run.cancel()
            await store.save_run(tx, run)
    return len(found)


async def _fresh(tx: Tx[Catalog], run_id: str) -> Run:
    run = await store.get_run(tx, run_id)
    if run is None:
        raise RunUnknown
    return run
