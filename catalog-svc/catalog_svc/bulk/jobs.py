"""Runs go on by themselves: whichever waited longest does its next slice, and beside it one file at a time is read or written.

What is drafted, reviewed or published goes by slices, so that nobody waits for the whole run of another. A file is read or written from its
beginning to its end, officer by officer: whoever sent five waits after each for the others.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import cast

import orjson
import uuid_utils

from catalog_svc.bulk import handlers, store
from catalog_svc.bulk.domain.refusals import RowFailed, RowTooHeavy
from catalog_svc.bulk.domain.runs import READING, STEPS, FilePart, RowState, Run, RunState, reason_of
from catalog_svc.bulk.handlers import reading, slices
from catalog_svc.bulk.outside import WorkerFailed, WorkerTooHeavy, read_table, write_table
from catalog_svc.context import Catalog
from catalog_svc.former_code import handlers as former_codes
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemVersionRecord
from chassis.database import Tx, is_transient, outlived
from chassis.logs import get_logger
from contracts.refusals import Refusal, Stale, Unavailable
from contracts.values import JsonObject
from rules.workdays import day_start, local_day

LOOK_EVERY = 2.0
"""Seconds between two looks for runs that another process took in."""
FORGET_EVERY = 3_600.0

CHECKED_AT_ONCE = 50
EXPORTED_AT_ONCE = 100
"""Rows of one transaction."""
TRIES = 2
"""How often a row that outlives its transaction is tried before it is given back."""
_PIECES = 16
_GIVEN_BACK = [RowState.BAD.value, RowState.REFUSED.value]

_log = get_logger()


async def go_on(context: Catalog) -> int:
    """Do the next slice of one run; 0 when no run has anything to do."""
    async with context.database.read(context) as tx:
        run = await store.next_run(tx, STEPS)
    if run is None:
        return 0
    try:
        await _go_through(context, run)
    except Exception:
        # Whatever befell it, the others are next.
        async with context.database.consume(context) as tx:
            await handlers.pass_over(tx, run.run_id)
        raise
    return 1


async def go_on_with_files(context: Catalog) -> int:
    """Read or write one file from its beginning to its end, anew where that was cut off; 0 when none waits."""
    async with context.database.read(context) as tx:
        waiting = await store.next_run(tx, READING)
    if waiting is None:
        return 0
    async with context.database.consume(context) as tx:
        run = await reading.begin_file(tx, waiting.run_id)
    if run is None:
        return 1
    try:
        await (_check if run.state is RunState.RECEIVED else _export)(context, run)
    except Exception as error:
        async with context.database.consume(context) as tx:
            if not _may_pass(error):
                await reading.give_up_file(tx, run, refused=_told(WorkerFailed()))
        raise
    return 1


async def forget(context: Catalog) -> int:
    """Let rows and files of old runs go."""
    async with context.database.consume(context) as tx:
        return await handlers.forget_old(tx)


async def _go_through(context: Catalog, run: Run) -> None:
    try:
        async with context.database.consume(context) as tx:
            done = await slices.do_slice(tx, run.run_id, state=run.state, most=slices.AT_ONCE[run.state])
    except Exception as error:
        if _may_pass(error) and not outlived(error):
            raise
        done = await _one_by_one(context, run)
    if not done:
        await _end_step(context, run)


async def _one_by_one(context: Catalog, run: Run) -> int:
    """A row of the slice is refused, or fails: each has a transaction of its own, and that row is set aside; how many were tried."""
    async with context.database.consume(context) as tx:
        numbers = await slices.numbers_to_do(tx, run.run_id, state=run.state, most=slices.AT_ONCE[run.state])
    for number in numbers:

        async def act(tx: Tx[Catalog], only: int = number) -> bool:
            return bool(await slices.do_slice(tx, run.run_id, state=run.state, most=1, only=only))

        _, refused = await _alone(context, act)
        if refused is not None:
            async with context.database.consume(context) as tx:
                await slices.refuse_row(tx, run.run_id, number=number, state=run.state, refused=refused)
    return len(numbers)


async def _alone(context: Catalog, act: Callable[[Tx[Catalog]], Awaitable[bool]]) -> tuple[bool, Refusal | None]:
    """Do one row in a transaction of its own: what it gave, and why the row is given back if it is.

    Raises:
        Exception: What may succeed in a moment, whatever the row is.
    """
    left = TRIES
    while True:
        left -= 1
        try:
            async with context.database.consume(context) as tx:
                return await act(tx), None
        except Exception as error:
            # A machine that stood still once is not the row's fault.
            if left and outlived(error):
                continue
            heavy = await context.database.blames_work(error)
            if _may_pass(error) and not heavy:
                raise
            if isinstance(error, Refusal) and not heavy:
                return True, error
            _log.error("bulk.row_failed", exc_info=error)
            return True, RowTooHeavy() if heavy else RowFailed()


async def _end_step(context: Catalog, run: Run) -> None:
    """Write what is given back, and only then end the step: nobody comes back to a run that has nothing to do."""
    async with context.database.consume(context) as tx:
        now = await slices.set_rest_aside(tx, run.run_id, state=run.state)
    if now is None:
        return
    returned = await _give_back(context, now)
    async with context.database.consume(context) as tx:
        await slices.end_step(tx, run.run_id, state=run.state, returned=returned)


async def _check(context: Catalog, run: Run) -> None:
    """Read the whole file in a worker and keep what each row says."""
    async with context.database.consume(context) as tx:
        content = [piece async for piece in store.read_pieces(tx, run.run_id, "sent")]
    end: JsonObject = {}
    refusal: JsonObject | None = None
    returned: FilePart | None = None
    waiting: list[JsonObject] = []
    try:
        async with aclosing(read_table(_each(content))) as told:
            async for said in told:
                if "row" in said:
                    waiting.append(cast("JsonObject", said["row"]))
                if len(waiting) >= CHECKED_AT_ONCE:
                    if not await _keep(context, run, waiting):
                        return
                    waiting = []
                end = cast("JsonObject", said.get("end") or end)
                refusal = cast("JsonObject | None", said.get("refused"))
    except (WorkerTooHeavy, WorkerFailed) as refused:
        refusal = _told(refused)
    if refusal is None:
        if not await _keep(context, run, waiting):
            return
        async with context.database.consume(context) as tx:
            noted = await reading.note(tx, run, end)
        if noted is None:
            return
        returned = await _give_back(context, noted)
    async with context.database.consume(context) as tx:
        await reading.end_check(tx, run, returned=returned, refusal=refusal)


async def _keep(context: Catalog, run: Run, read: Sequence[JsonObject]) -> bool:
    """Keep some rows; one that the catalogue does not know how to check is wrong, and the others are kept."""
    try:
        async with context.database.consume(context) as tx:
            return await reading.keep_checked(tx, run, read)
    except Exception as error:
        if _may_pass(error) and not outlived(error):
            raise
        _log.warning("bulk.one_by_one", exc_info=error)
    for one in read:

        async def act(tx: Tx[Catalog], row: JsonObject = one) -> bool:
            return await reading.keep_checked(tx, run, [row])

        kept, refused = await _alone(context, act)
        if refused is not None:
            async with context.database.consume(context) as tx:
                kept = await reading.keep_failed(tx, run, one, refused=refused)
        if not kept:
            return False
    return True


async def _each(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _give_back(context: Catalog, run: Run) -> FilePart | None:
    """Write the rows that are given back into a file, with the reasons; None where there is none, or no file can be made of them."""
    async with context.database.consume(context) as tx:
        found = await store.list_rows(tx, run.run_id, states=_GIVEN_BACK, after=0, limit=1)
    if not found:
        return None
    try:
        return await _store(context, run, "returned", write_table(_rows_given_back(context, run), how="returned"))
    except (WorkerTooHeavy, WorkerFailed) as refused:
        # The report tells of every row all the same, and the run goes on.
        _log.error("bulk.nothing_given_back", rule=refused.RULE)
        return None


async def _rows_given_back(context: Catalog, run: Run) -> AsyncIterator[bytes]:
    yield orjson.dumps(run.headings, option=orjson.OPT_APPEND_NEWLINE)
    after = 0
    while True:
        async with context.database.consume(context) as tx:
            rows = await store.list_rows(tx, run.run_id, states=_GIVEN_BACK, after=after, limit=EXPORTED_AT_ONCE)
        for row in rows:
            given = {"sheet": row.sheet, "cells": row.cells, "reason": reason_of(row, run)}
            yield orjson.dumps(given, option=orjson.OPT_APPEND_NEWLINE)
        if len(rows) < EXPORTED_AT_ONCE:
            return
        after = rows[-1].number


async def _export(context: Catalog, run: Run) -> None:
    """Write what is in force into a file."""
    counted = [0]
    refusal: JsonObject | None = None
    written: FilePart | None = None
    try:
        written = await _store(context, run, "written", write_table(_items(context, run, counted), how=run.format))
    except (WorkerTooHeavy, WorkerFailed) as refused:
        refusal = _told(refused)
    async with context.database.consume(context) as tx:
        await reading.end_export(tx, run, rows=counted[0], written=written, refusal=refusal)


async def _items(context: Catalog, run: Run, counted: list[int]) -> AsyncIterator[bytes]:
    after = ""
    while True:
        async with context.database.consume(context) as tx:
            records = await items.page_in_force(tx, item=None, region=run.region, organ=run.organ, after=after, limit=EXPORTED_AT_ONCE)
            drafts = await items.get_drafts(tx, records)
            former = await former_codes.codes_of(tx, [record.item_id for record in records])
        for record, draft in zip(records, drafts, strict=True):
            shown = {
                "body": draft.body(),
                "task": record.document().task_code,
                "former": former.get(record.item_id, []),
                "planned": _planned(record),
            }
            yield orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
        counted[0] += len(records)
        if len(records) < EXPORTED_AT_ONCE:
            return
        after = records[-1].version_id


def _planned(record: ItemVersionRecord) -> str | None:
    """The day from which a version was planned to hold: only a plan begins at midnight to the microsecond."""
    day = local_day(record.start)
    return day.isoformat() if record.start == day_start(day) else None


async def _store(context: Catalog, run: Run, role: str, pieces: AsyncGenerator[bytes]) -> FilePart | None:
    """Keep a file under a name of its own, until it takes the place of the one before; None when the run went on without it."""
    name = f"{role}/{uuid_utils.uuid7()}"
    waiting: dict[int, bytes] = {}
    number = 0
    async with aclosing(pieces):
        async for piece in pieces:
            waiting[number] = piece
            number += 1
            if len(waiting) >= _PIECES:
                async with context.database.consume(context) as tx:
                    if not await reading.keep_pieces(tx, run, name, waiting):
                        return None
                waiting = {}
    async with context.database.consume(context) as tx:
        kept = not waiting or await reading.keep_pieces(tx, run, name, waiting)
    return FilePart(name=name, pieces=number) if kept else None


def _may_pass(error: Exception) -> bool:
    """Whether the same work may succeed in a moment: the run is begun anew, and nobody is blamed."""
    return isinstance(error, Stale | Unavailable) or is_transient(error)


def _told(refused: Refusal) -> JsonObject:
    return {"rule": refused.RULE, "detail": refused.ZH, "detail_en": refused.EN}
