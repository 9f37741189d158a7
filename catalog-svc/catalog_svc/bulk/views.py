"""What the routes of runs answer."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from catalog_svc.bulk.domain.runs import Run, RunRow, counts_of, flaw_report, note_report
from contracts.values import JsonObject


class RefusalShown(BaseModel):
    """Why a file as a whole was not taken."""

    rule: str
    detail: str
    detail_en: str
    facts: dict[str, object] = {}


class RunShown(BaseModel):
    """Where a run stands."""

    run_id: str
    kind: str
    region: str
    organ: str | None
    state: str
    at: datetime
    author: str
    reviewer: str | None
    digest: str | None
    """Of the file that was uploaded."""
    format: str
    rows: int
    """Read or written so far."""
    counts: dict[str, int]
    """Rows in each state; of an import."""
    refusal: RefusalShown | None
    hidden_sheets: list[str]
    sheets_without_header: list[str]
    unknown_headings: list[str]
    """What was not read: told, so that nobody takes it for imported."""
    worker_peak_bytes: int
    """Most memory that the worker took for the file."""


class RunList(BaseModel):
    """A page of runs, newest first."""

    items: list[RunShown]
    next: str | None


class FlawShown(BaseModel):
    """One thing wrong with a row; never what stands there."""

    sheet: str
    row: int
    column: str
    """Letters of the column; empty where the row as a whole is meant."""
    field: str = ""
    code: str = ""
    rule: str
    detail: str
    detail_en: str
    pointer: str = ""
    basis: str = ""


class RowShown(BaseModel):
    """What became of a row."""

    number: int
    sheet: str
    row: int
    state: str
    item_id: str | None
    version_id: str | None
    flaws: list[FlawShown]
    notes: list[FlawShown] = []
    """What the office should know of a row that is taken all the same."""


class RowList(BaseModel):
    """A page of rows in the order of the file."""

    items: list[RowShown]
    next: int | None


def show_run(run: Run, *, counts: dict[str, int]) -> RunShown:
    """A run with the number of its rows in each state."""
    return RunShown(
        run_id=run.run_id,
        kind=run.kind,
        region=run.region,
        organ=run.organ,
        state=run.state.value,
        at=run.at,
        author=run.author,
        reviewer=run.reviewer,
        digest=None if run.file is None else run.file.digest,
        format=run.format if run.file is None else run.file.format,
        rows=run.rows,
        counts=counts_of(counts or run.counts),
        refusal=None if run.refusal is None else RefusalShown.model_validate(run.refusal),
        hidden_sheets=[*run.hidden],
        sheets_without_header=[*run.passed],
        unknown_headings=[*run.unknown],
        worker_peak_bytes=run.peak,
    )


def show_row(row: RunRow, run: Run) -> JsonObject:
    """A row with its flaws."""
    return {
        "number": row.number,
        "sheet": row.sheet,
        "row": row.row,
        "state": row.state.value,
        "item_id": row.item_id,
        "version_id": row.version_id,
        "flaws": [*flaw_report(row, run)],
        "notes": [*note_report(row, run)],
    }
