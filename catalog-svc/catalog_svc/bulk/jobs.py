"""Runs go on by themselves: whichever waited longest does its next slice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, timedelta
from typing import cast

import orjson

from catalog_svc.bulk import handlers, store
from catalog_svc.bulk.domain.runs import FROM, RowState, Run, RunState, reason_of
from catalog_svc.bulk.handlers import AT_ONCE
from catalog_svc.bulk.outside import WorkerFailed, WorkerTooHeavy, read_table, write_table
from catalog_svc.context import Catalog
from catalog_svc.former_code import handlers as former_codes
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import ItemDraft, ItemVersionRecord
from chassis.database import lock
from contracts.codec import encode_object
from contracts.refusals import Refusal, Stale, Unavailable
from contracts.values import JsonObject

LOOK_EVERY = 2.0
"""Seconds between two looks for runs that another process took in."""
FORGET_EVERY = 3_600.0

CHECKED_AT_ONCE = 50
EXPORTED_AT_ONCE = 100
"""Rows of one transaction."""
_PIECES = 16
_GIVEN_BACK = [RowState.BAD.value, RowState.REFUSED.value]
_CHINA = timedelta(hours=8)


async def go_on(context: Catalog) -> int:
    """Do the next slice of one run; 0 when no run has anything to do."""
    async with context.database.read(context) as tx:
        run = await store.next_run(tx)
    if run is None:
        return 0
    try:
        if run.state is RunState.RECEIVED:
            await _check(context, run)
        elif run.state is RunState.REQUESTED:
            await _export(context, run)
        else:
            await _go_through(context, run)
    except Exception:
        # Whatever befell it, the others are next.
        async with context.database.consume(context) as tx:
            await handlers.pass_over(tx, run.run_id)
        raise
    return 1


async def forget(context: Catalog) -> int:
    """Let rows and files of old runs go."""
    async with context.database.consume(context) as tx:
        return await handlers.forget_old(tx)


async def _go_through(context: Catalog, run: Run) -> None:
    async with context.database.consume(context) as tx:
        left = await store.list_rows(tx, run.run_id, states=[FROM[run.state].value], after=0, limit=1)
        refused_too = await store.list_rows(tx, run.run_id, states=[RowState.REFUSED.value], after=0, limit=1)
    if refused_too and not left:
        # Before the step ends, for nobody comes back to a run that has nothing to do.
        await _give_back(context, run.run_id)
    try:
        async with context.database.consume(context) as tx:
            await handlers.do_slice(tx, run.run_id, state=run.state, most=AT_ONCE[run.state])
    except Refusal as refused:
        if isinstance(refused, Stale | Unavailable):
            raise
        await _one_by_one(context, run)


async def _one_by_one(context: Catalog, run: Run) -> None:
    """A row of the slice is refused: each has a transaction of its own, and that row is set aside."""
    for _ in range(AT_ONCE[run.state]):
        try:
            async with context.database.consume(context) as tx:
                await handlers.do_slice(tx, run.run_id, state=run.state, most=1)
        except Refusal as refused:
            if isinstance(refused, Stale | Unavailable):
                raise
            async with context.database.consume(context) as tx:
                await handlers.refuse_row(tx, run.run_id, state=run.state, refused=refused)


async def _check(context: Catalog, run: Run) -> None:
    """Read the whole file in a worker and keep what each row says; begun anew when it was cut off."""
    async with context.database.consume(context) as tx:
        await lock(tx, run.run_id)
        await store.drop_rows(tx, run.run_id)
        content = [piece async for piece in store.read_pieces(tx, run.run_id, "sent")]
    end: JsonObject = {}
    refusal: JsonObject | None = None
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
        refusal = {"rule": refused.RULE, "detail": refused.ZH, "detail_en": refused.EN}
    if refusal is None and await _keep(context, run, waiting):
        async with context.database.consume(context) as tx:
            await handlers.note(tx, run.run_id, end)
        await _give_back(context, run.run_id)
    async with context.database.consume(context) as tx:
        await handlers.end_check(tx, run.run_id, refusal=refusal)


async def _keep(context: Catalog, run: Run, read: Sequence[JsonObject]) -> bool:
    async with context.database.consume(context) as tx:
        return await handlers.keep_checked(tx, run.run_id, read)


async def _each(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _give_back(context: Catalog, run_id: str) -> None:
    """Write the rows that are given back into a file, with the reasons; it replaces the one before."""
    async with context.database.consume(context) as tx:
        run = await store.get_run(tx, run_id)
        await store.drop_file(tx, run_id, "returned")
        found = await store.list_rows(tx, run_id, states=_GIVEN_BACK, after=0, limit=1)
    if run is not None and found:
        await _store(context, run_id, "returned", write_table(_rows_given_back(context, run), how="returned"))


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
    """Write what is in force into a file; begun anew when it was cut off."""
    counted = [0]
    refusal: JsonObject | None = None
    async with context.database.consume(context) as tx:
        await store.drop_file(tx, run.run_id, "written")
    try:
        await _store(context, run.run_id, "written", write_table(_items(context, run, counted), how=run.format))
    except (WorkerTooHeavy, WorkerFailed) as refused:
        refusal = {"rule": refused.RULE, "detail": refused.ZH, "detail_en": refused.EN}
    async with context.database.consume(context) as tx:
        await handlers.end_export(tx, run.run_id, rows=counted[0], refusal=refusal)


async def _items(context: Catalog, run: Run, counted: list[int]) -> AsyncIterator[bytes]:
    after = ""
    while True:
        async with context.database.consume(context) as tx:
            records = await items.page_in_force(tx, item=None, region=run.region, organ=run.organ, after=after, limit=EXPORTED_AT_ONCE)
            drafts = await items.get_drafts(tx, records)
            former = await former_codes.codes_of(tx, [record.item_id for record in records])
        for record, draft in zip(records, drafts, strict=True):
            shown = {
                "body": body_of(draft),
                "task": record.document().task_code,
                "former": former.get(record.item_id, []),
                "planned": _planned(record),
            }
            yield orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
        counted[0] += len(records)
        if len(records) < EXPORTED_AT_ONCE:
            return
        after = records[-1].version_id


def body_of(draft: ItemDraft) -> JsonObject:
    """A draft as ``POST /service-items`` takes it."""
    of = draft.parts
    parts = {
        name: {key: value for key, value in encode_object(part).items() if key != "kind"}
        for name, part in (("situations", of.situations), ("checklist", of.checklist), ("texts", of.texts))
    }
    return {"version": encode_object(draft.content), "form": of.form.schema, **parts}


def _planned(record: ItemVersionRecord) -> str | None:
    """The day from which a version was planned to hold: only a plan begins at midnight to the microsecond."""
    start = record.start.astimezone(UTC) + _CHINA
    return start.date().isoformat() if (start.hour, start.minute, start.second, start.microsecond) == (0, 0, 0, 0) else None


async def _store(context: Catalog, run_id: str, role: str, pieces: AsyncGenerator[bytes]) -> None:
    waiting: dict[int, bytes] = {}
    number = 0
    async with aclosing(pieces):
        async for piece in pieces:
            waiting[number] = piece
            number += 1
            if len(waiting) >= _PIECES:
                async with context.database.consume(context) as tx:
                    await store.put_pieces(tx, run_id, role, waiting)
                waiting = {}
    if waiting:
        async with context.database.consume(context) as tx:
            await store.put_pieces(tx, run_id, role, waiting)
