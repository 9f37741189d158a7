"""What is done while a file is read or written: begun, kept piece by piece, ended; whoever another process overtook keeps nothing more.

A process whose connection was cut may still be at work when the next one begins the same file. Each has the number of its attempt, and what is
kept under a number that is not the newest is kept by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog_svc.bulk import store
from catalog_svc.bulk.domain.refusals import RowsLost, flaw_of_refusal
from catalog_svc.bulk.domain.runs import MOST_FAILURES, READING, FilePart, FileTold, RowState, Run, RunRow, RunState
from catalog_svc.bulk.handlers import fresh
from catalog_svc.bulk.handlers.checking import check_rows
from catalog_svc.context import Catalog
from chassis.database import Tx, lock
from contracts.codec import decode
from contracts.refusals import Refusal
from contracts.values import JsonObject


async def begin_file(tx: Tx[Catalog], run_id: str) -> Run | None:
    """Begin to read or to write the file of a run from its beginning, its officer's other files behind those of all others; None when it is done."""
    await lock(tx, run_id)
    run = await fresh(tx, run_id)
    if run.state not in READING:
        return None
    run.attempt += 1
    run.rows = 0
    await store.drop_rows(tx, run_id)
    await store.put_behind(tx, run.author)
    await store.save_run(tx, run)
    return run


async def give_up_file(tx: Tx[Catalog], run: Run, *, refused: JsonObject) -> None:
    """Count a failure that will befall the next attempt too, and refuse the file once it did so often enough."""
    now = await _still(tx, run)
    if now is None:
        return
    now.failures += 1
    if now.failures >= MOST_FAILURES:
        await _refuse(tx, now, refused)
    await store.save_run(tx, now)


async def keep_checked(tx: Tx[Catalog], run: Run, read: Sequence[JsonObject]) -> bool:
    """Keep what the worker found in some rows, and what importing them would do; False when it is no longer this attempt's."""
    now = await _still(tx, run)
    if now is None:
        return False
    await store.put_rows(tx, now.run_id, await check_rows(tx, now, read))
    await _count(tx, now, read)
    return True


async def keep_failed(tx: Tx[Catalog], run: Run, one: JsonObject, *, refused: Refusal) -> bool:
    """Keep a row that the catalogue could not check as wrong, for this reason; False as above."""
    now = await _still(tx, run)
    if now is None:
        return False
    row = decode(RunRow, one)
    row.state, row.draft, row.former, row.planned = RowState.BAD, None, (), None
    row.flaws.append(flaw_of_refusal(refused))
    await store.put_rows(tx, now.run_id, [row])
    await _count(tx, now, [one])
    return True


async def note(tx: Tx[Catalog], run: Run, end: JsonObject) -> Run | None:
    """Keep what the worker told of the file as a whole; the run, or None as above."""
    now = await _still(tx, run)
    if now is None:
        return None
    told = decode(FileTold, end)
    now.hidden, now.passed, now.unknown = told.hidden, told.passed, told.unknown
    now.headings, now.letters, now.peak = told.headings, told.letters, told.peak
    await store.save_run(tx, now)
    return now


async def end_check(tx: Tx[Catalog], run: Run, *, returned: FilePart | None, refusal: JsonObject | None) -> None:
    """The file was read to its end, or is refused as a whole; the file itself is not needed any more.

    Raises:
        RowsLost: Not every row is there.
        FileCut: Not every piece of the file that is given back is there.
    """
    now = await _still(tx, run)
    if now is None:
        return
    if refusal is not None:
        await _refuse(tx, now, refusal)
    else:
        if sum((await store.count_rows(tx, [now.run_id]))[now.run_id].values()) != now.rows:
            raise RowsLost(facts={"rows": now.rows})
        await store.drop_file(tx, now.run_id, "sent")
        await store.swap_file(tx, now.run_id, "returned", returned)
        now.check()
    await store.save_run(tx, now)


async def keep_pieces(tx: Tx[Catalog], run: Run, name: str, pieces: Mapping[int, bytes]) -> bool:
    """Keep pieces of a file on its way; False when the run went on without it."""
    await lock(tx, run.run_id)
    now = await fresh(tx, run.run_id)
    if (now.state, now.attempt) != (run.state, run.attempt):
        return False
    await store.put_pieces(tx, run.run_id, name, pieces)
    return True


async def end_export(tx: Tx[Catalog], run: Run, *, rows: int, written: FilePart | None, refusal: JsonObject | None) -> None:
    """The file is written, or could not be.

    Raises:
        FileCut: Not every piece of it is there.
    """
    now = await _still(tx, run)
    if now is None:
        return
    if refusal is not None:
        await _refuse(tx, now, refusal)
    else:
        now.rows = rows
        await store.swap_file(tx, now.run_id, "written", written)
        now.end_step()
    await store.save_run(tx, now)


async def _still(tx: Tx[Catalog], run: Run) -> Run | None:
    await lock(tx, run.run_id)
    now = await fresh(tx, run.run_id)
    return now if (now.state, now.attempt) == (run.state, run.attempt) and now.state in READING else None


async def _count(tx: Tx[Catalog], run: Run, read: Sequence[JsonObject]) -> None:
    run.rows = max((int(str(one["number"])) for one in read), default=run.rows)
    await store.save_run(tx, run)


async def _refuse(tx: Tx[Catalog], run: Run, refusal: JsonObject) -> None:
    if run.state is RunState.RECEIVED:
        await store.drop_rows(tx, run.run_id)
    await store.drop_files(tx, run.run_id)
    run.refuse(refusal)
