"""Routes of bulk import and export: a file goes in, a report comes out, each further step is asked for by an officer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import uuid_utils
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from catalog_svc.bulk import handlers, store
from catalog_svc.bulk.domain.refusals import FileGone
from catalog_svc.bulk.domain.runs import Officer, RowState, Run, RunState, SentFile
from catalog_svc.bulk.outside.worker import empty_table
from catalog_svc.bulk.views import RowList, RunList, RunShown, show_row, show_run
from catalog_svc.context import Catalog
from catalog_svc.item.api import PublicationBody
from catalog_svc.proposal.api import PUBLIC_FOR_A_WHILE, Body, OrganText, RegionText
from catalog_svc.region import handlers as regions
from catalog_svc.sheet.domain.bounds import MOST_BYTES
from catalog_svc.sheet.domain.formats import format_of
from chassis.database import Tx
from chassis.doors import READER, VERSION, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.values import Digest, OrganCode, RegionCode
from rules.access import tree

router = APIRouter(prefix="/v1/service-items", tags=["service items in bulk"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
MEDIA_TYPES = {"xlsx": XLSX, "csv": CSV}

_PIECE = 262_144
_BINARY: dict[str, Any] = {media: {"schema": {"type": "string", "format": "binary"}} for media in (XLSX, CSV)}
_UPLOAD: dict[str, Any] = {"requestBody": {"required": True, "content": _BINARY}}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": _BINARY}}

RunId = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$")]
Before = Annotated[str, Query(pattern=r"^[0-9a-f-]{0,36}$", description="上一页给出的 next / the next of the page before")]


class RunAnswer(BaseModel):
    """Where a run stands after a step was asked for."""

    run_id: str
    state: str


class ExportBody(Body):
    """What to write into a file."""

    region: RegionText
    organ: OrganText | None = None
    format: Literal["xlsx", "csv"] = "xlsx"


@router.get("/template", operation_id="fetchItemTemplate", response_class=Response, responses=_FILE)
async def fetch_item_template(format: Literal["xlsx", "csv"] = "xlsx") -> Response:  # noqa: A002 - as the file is called
    """An empty table with every column and one example, to be filled in."""
    return Response(empty_table(format), media_type=MEDIA_TYPES[format], headers={**_attached(f"template.{format}"), **PUBLIC_FOR_A_WHILE})


@router.post(
    "/imports",
    operation_id="uploadItems",
    status_code=201,
    response_model=RunAnswer,
    openapi_extra=_UPLOAD,
    max_body_size=MOST_BYTES,
)
async def upload_items(
    request: Request,
    write: Annotated[Writer[Catalog], WRITER],
    region: Annotated[str, Query(pattern=r"^[0-9]{6,12}$", description="所属行政区划 / whose organs the items are of")],
) -> Response:
    """Keep a spreadsheet and begin to read it; nothing is drafted before the report was seen and the import is asked for."""
    write.require_key()
    pieces, counted = await _pieces(request)
    kind = format_of(pieces[0] if pieces else b"")
    file = SentFile(digest=Digest(f"sha256:{counted.hexdigest()}"), size=sum(map(len, pieces)), format=kind)

    async def act(tx: Tx[Catalog]) -> Answer:
        run = await handlers.receive_file(tx, region=RegionCode(region), file=file, pieces=pieces, by=write.caller)
        return _answer(run, status=201)

    return await write(act, fingerprint=file.digest.encode())


@router.get("/imports", operation_id="listItemImports", response_model=RunList)
async def list_item_imports(read: Annotated[Reader[Catalog], READER], before: Before = "", limit: Limit = DEFAULT_LIMIT) -> Response:
    """Imports of the caller's region, newest first."""
    return await _list(read, kind="import", before=before, limit=limit)


@router.get("/imports/{run_id}", operation_id="getItemImport", response_model=RunShown)
async def get_item_import(read: Annotated[Reader[Catalog], READER], run_id: RunId) -> Response:
    """How far an import is; its tag is sent back as ``If-Match`` when the next step is asked for."""
    return await _show(read, run_id, kind="import")


@router.get("/imports/{run_id}/rows", operation_id="listItemImportRows", response_model=RowList)
async def list_item_import_rows(
    read: Annotated[Reader[Catalog], READER],
    run_id: RunId,
    state: RowState | None = None,
    after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The report, row by row: place, field, rule and reason, never what stands in a cell."""
    run = await handlers.view_run(read.tx, run_id, kind="import", by=read.caller)
    rows = await store.list_rows(read.tx, run_id, states=[] if state is None else [state.value], after=after, limit=limit)
    following = rows[-1].number if len(rows) == limit else None
    return read.answer({"items": [show_row(row, run) for row in rows], "next": following})


@router.get("/imports/{run_id}/returned", operation_id="fetchReturnedRows", response_class=Response, responses=_FILE)
async def fetch_returned_rows(read: Annotated[Reader[Catalog], READER], run_id: RunId) -> Response:
    """The rows that were not taken, as they were sent, with the reason in the last column: corrected, it can be uploaded again."""
    await handlers.view_run(read.tx, run_id, kind="import", by=read.caller)
    return await _file(read, run_id, role="returned", format="xlsx")


@router.post("/imports/{run_id}/execution", operation_id="importItems", response_model=RunAnswer)
async def import_items(write: Annotated[Writer[Catalog], WRITER], run_id: RunId, version: Annotated[int, VERSION]) -> Response:
    """Draft the good rows, in the caller's name."""
    return await write(_begin(write, run_id, RunState.IMPORTING, version))


@router.post("/imports/{run_id}/review", operation_id="reviewImportedItems", response_model=RunAnswer)
async def review_imported_items(write: Annotated[Writer[Catalog], WRITER], run_id: RunId, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer confirm every draft of the import; again, for those that were refused."""
    return await write(_begin(write, run_id, RunState.REVIEWING, version))


@router.post("/imports/{run_id}/publication", operation_id="publishImportedItems", response_model=RunAnswer)
async def publish_imported_items(
    write: Annotated[Writer[Catalog], WRITER], run_id: RunId, version: Annotated[int, VERSION], body: PublicationBody | None = None
) -> Response:
    """Put every reviewed draft of the import in force, now or later, a row's own planned day at the earliest; again, for those refused."""
    start = None if body is None else body.effective_from

    async def act(tx: Tx[Catalog]) -> Answer:
        step = RunState.PUBLISHING
        return _answer(await handlers.begin(tx, run_id, step=step, by=write.caller, version=version, effective_from=start))

    return await write(act)


@router.post("/imports/{run_id}/cancellation", operation_id="cancelItemImport", response_model=RunAnswer)
async def cancel_item_import(write: Annotated[Writer[Catalog], WRITER], run_id: RunId, version: Annotated[int, VERSION]) -> Response:
    """Let an import go before anything was drafted, its rows and its file forgotten; or end the step at hand where it is."""
    return await write(_begin(write, run_id, RunState.CANCELLED, version))


@router.post("/exports", operation_id="exportItems", status_code=201, response_model=RunAnswer)
async def export_items(write: Annotated[Writer[Catalog], WRITER], body: ExportBody) -> Response:
    """Begin to write what a region's organs, or one of them, offer now into a file that an import takes."""

    async def act(tx: Tx[Catalog]) -> Answer:
        asked = Run(
            run_id=str(uuid_utils.uuid7()),
            kind="export",
            region=RegionCode(body.region),
            organ=None if body.organ is None else OrganCode(body.organ),
            format=body.format,
            state=RunState.REQUESTED,
            by=Officer.of(write.caller),
            author=write.caller.ref,
            at=tx.at,
        )
        return _answer(await handlers.request_export(tx, asked, by=write.caller), status=201)

    return await write(act)


@router.get("/exports", operation_id="listItemExports", response_model=RunList)
async def list_item_exports(read: Annotated[Reader[Catalog], READER], before: Before = "", limit: Limit = DEFAULT_LIMIT) -> Response:
    """Exports of the caller's region, newest first."""
    return await _list(read, kind="export", before=before, limit=limit)


@router.get("/exports/{run_id}", operation_id="getItemExport", response_model=RunShown)
async def get_item_export(read: Annotated[Reader[Catalog], READER], run_id: RunId) -> Response:
    """How far an export is."""
    return await _show(read, run_id, kind="export")


@router.get("/exports/{run_id}/file", operation_id="fetchExportedItems", response_class=Response, responses=_FILE)
async def fetch_exported_items(read: Annotated[Reader[Catalog], READER], run_id: RunId) -> Response:
    """The file of an export that is ready."""
    run = await handlers.view_run(read.tx, run_id, kind="export", by=read.caller)
    if run.state is not RunState.READY:
        raise FileGone
    return await _file(read, run_id, role="written", format=run.format)


async def _pieces(request: Request) -> tuple[list[bytes], Any]:
    """The body as it comes, and its digest."""
    pieces: list[bytes] = []
    waiting = bytearray()
    counted = hashlib.sha256()
    async for data in request.stream():
        counted.update(data)
        waiting += data
        while len(waiting) >= _PIECE:
            pieces.append(bytes(waiting[:_PIECE]))
            del waiting[:_PIECE]
    return [*pieces, bytes(waiting)] if waiting else pieces, counted


def _begin(write: Writer[Catalog], run_id: str, step: RunState, version: int) -> Callable[[Tx[Catalog]], Awaitable[Answer]]:
    async def act(tx: Tx[Catalog]) -> Answer:
        return _answer(await handlers.begin(tx, run_id, step=step, by=write.caller, version=version))

    return act


def _answer(run: Run, *, status: int = 200) -> Answer:
    return Answer(status=status, body=RunAnswer(run_id=run.run_id, state=run.state.value))


async def _list(read: Reader[Catalog], *, kind: str, before: str, limit: int) -> Response:
    seen = tree(read.caller, "bulk", "view", regions=await regions.reach_of(read.tx, read.caller))
    runs = await store.list_runs(read.tx, kind=kind, seen=seen, before=before, limit=limit)
    counted = await store.count_rows(read.tx, [run.run_id for run in runs])
    shown = [show_run(run, counts=counted[run.run_id]).model_dump(mode="json") for run in runs]
    return read.answer({"items": [*shown], "next": runs[-1].run_id if len(runs) == limit else None})


async def _show(read: Reader[Catalog], run_id: str, *, kind: str) -> Response:
    run = await handlers.view_run(read.tx, run_id, kind=kind, by=read.caller)
    counted = await store.count_rows(read.tx, [run_id])
    return read.answer(show_run(run, counts=counted[run_id]), etag=run.version)


async def _file(read: Reader[Catalog], run_id: str, *, role: str, format: Literal["xlsx", "csv"]) -> Response:  # noqa: A002 - as above
    content = b"".join([piece async for piece in store.read_pieces(read.tx, run_id, role)])
    if not content:
        raise FileGone
    headers = {**_attached(f"{role}-{run_id}.{format}"), "cache-control": "private, no-store", "x-content-type-options": "nosniff"}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)


def _attached(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
