"""What officers ask of runs: a file is taken in, each further step of it begun or stopped; and what nobody came back for is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import uuid_utils

from catalog_svc.bulk import store
from catalog_svc.bulk.domain.refusals import RunsWaiting, RunUnknown
from catalog_svc.bulk.domain.runs import KEPT, MOST_OPEN, READING, STEPS, Officer, RowState, Run, RunState, SentFile
from catalog_svc.context import Catalog
from catalog_svc.region import handlers as regions
from chassis.database import Tx, lock
from contracts.caller import Caller
from contracts.refusals import Stale
from contracts.values import RegionCode
from rules.access import tree

_ACTIONS = {RunState.REVIEWING: "review", RunState.PUBLISHING: "publish"}
"""What an officer must be allowed to do for a step; for any other: import."""


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
    tx.after_commit(tx.context.bulk_files_waiting.set)
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
    """Begin the next step of an import, or again the one before where rows of it were refused; cancel it, or end the step at hand.

    Args:
        tx: Open transaction.
        run_id: Which.
        step: What it moves to; ``cancelled`` ends it before anything was drafted, and after that the step at hand.
        by: Who asks.
        version: The version of the run whose report the caller has read.
        effective_from: For a publication: the earliest instant when None.

    Raises:
        RunUnknown: There is no such run for this caller.
        Stale: It went on since it was read.
        Forbidden: Not by this caller: authors import and cancel, reviewers review and publish what others imported; each may end their own.
        IllegalMove: Not now.
        InstantTooNear: Not all could be published before that instant.
    """
    run = await view_run(tx, run_id, kind="import", by=by)
    action = _ACTIONS.get(run.state if step is RunState.CANCELLED else step, "import")
    await regions.permit_in(tx, by, aggregate="bulk", action=action, regions=[run.region], about=run_id)
    await lock(tx, run_id)
    run = await fresh(tx, run_id)
    # A step goes on by itself from version to version: who ends it means it as it is by then.
    if run.version != version and not (step is RunState.CANCELLED and run.state in STEPS):
        raise Stale
    if step is RunState.IMPORTING:
        run.begin_import(by)
    elif step is RunState.REVIEWING:
        run.begin_review(by, again=await store.try_again(tx, run_id, was=RowState.DRAFTED))
    elif step is RunState.PUBLISHING:
        again = await store.try_again(tx, run_id, was=RowState.REVIEWED)
        rows = (await store.count_rows(tx, [run_id]))[run_id].get(RowState.REVIEWED.value, 0)
        run.begin_publication(by, effective_from=effective_from, at=tx.at, rows=rows, again=again)
    elif run.state in STEPS:
        run.stop()
    else:
        run.cancel()
        await store.drop_rows(tx, run_id)
        await store.drop_files(tx, run_id)
    await store.save_run(tx, run)
    tx.after_commit(tx.context.bulk_waiting.set)
    return run


async def pass_over(tx: Tx[Catalog], run_id: str) -> None:
    """Put a run behind the others that wait."""
    await lock(tx, run_id)
    await store.save_run(tx, await fresh(tx, run_id))


async def forget_old(tx: Tx[Catalog], *, most: int = 20) -> int:
    """Let rows and files go that were kept long enough, and with them what could still be done; how many runs had any."""
    found = await store.list_old(tx, before=tx.at - KEPT, limit=most)
    await lock(tx, *(run.run_id for run in found))
    for seen in found:
        run = await fresh(tx, seen.run_id)
        if run.version != seen.version or run.state in STEPS | READING:
            continue
        run.expire((await store.count_rows(tx, [run.run_id]))[run.run_id] or run.counts)
        await store.drop_rows(tx, run.run_id)
        await store.drop_files(tx, run.run_id)
        await store.save_run(tx, run)
    return len(found)


async def fresh(tx: Tx[Catalog], run_id: str) -> Run:
    """A run as it is now; the caller holds its lock.

    Raises:
        RunUnknown: There is none.
    """
    run = await store.get_run(tx, run_id)
    if run is None:
        raise RunUnknown
    return run
