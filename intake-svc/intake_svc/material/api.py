"""Materials over HTTP: uploaded as the body or as the one file of a form, fetched by whoever may see the case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import uuid_utils
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from chassis.database import Tx
from chassis.doors import READER, WRITER, Answer, Reader, Writer
from chassis.express import express
from chassis.gathering import Gathering
from chassis.problems import RequestUnreadable
from contracts.caller import CallerKind
from contracts.values import Digest
from intake_svc.context import Intake, PurposeMissing
from intake_svc.material import handlers
from intake_svc.material.domain import CHUNK_BYTES, MEDIA_TYPES, Incoming, MaterialEmpty, MaterialTypeUnsupported
from intake_svc.material.handlers import Upload
from rules.access import permit

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

router = APIRouter(tags=["materials"])

TOGETHER = 32
"""Files of one piece that are stored in one transaction, at most: 8 MiB. One of several pieces has its own."""

_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            **{media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES},
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}},
            },
        },
    },
}
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES}}
}


class MaterialKept(BaseModel):
    """A material that waits for its case, for a day."""

    material_id: str
    digest: Digest
    size: int
    media_type: str


async def _keep(tx: Tx[Intake], uploads: Sequence[Upload]) -> list[Answer]:
    return [
        Answer(
            status=201,
            body={"material_id": kept.material_id, "digest": kept.digest, "size": kept.size, "media_type": kept.media_type},
        )
        for kept in await handlers.keep_materials(tx, uploads)
    ]


UPLOADS: Gathering[Intake, Upload] = Gathering(_keep, key=lambda upload: upload.material_id, most=TOGETHER)
"""Files that come in at the same moment are stored by one statement."""


@router.post(
    "/v1/materials",
    operation_id="uploadMaterial",
    status_code=201,
    response_model=MaterialKept,
    openapi_extra=_UPLOAD,
)
@express
async def upload_material(
    request: Request,
    write: Annotated[Writer[Intake], WRITER],
    media_type: Annotated[str | None, Query(max_length=100, description="类型;默认取 Content-Type / the type, else Content-Type")] = None,
) -> Response:
    """Keep a file until a case claims it. Its bytes must be of the declared type; at most 20 MiB."""
    permit(write.caller, "case", "check", {}, regions=write.context.catalogue, about="material")
    content_type = request.headers.get("content-type", "")
    if _plain(content_type) == "multipart/form-data":
        incoming, pieces = await _read_form(request, content_type=content_type, media_type=media_type)
    else:
        incoming = Incoming(_plain(media_type or content_type))
        pieces = await _read_body(request, incoming)
    upload = Upload(material_id=str(uuid_utils.uuid7()), incoming=incoming, pieces=pieces, caller=write.caller)
    fingerprint = f"{incoming.digest} {incoming.media_type}".encode()
    if incoming.size <= CHUNK_BYTES:
        return await UPLOADS(write, upload, fingerprint=fingerprint)

    async def act(tx: Tx[Intake]) -> Answer:
        [kept] = await _keep(tx, [upload])
        return kept

    return await write(act, fingerprint=fingerprint)


@router.get("/v1/materials/{material_id}", operation_id="fetchMaterial", response_class=Response, responses=_CONTENT)
async def fetch_material(
    read: Annotated[Reader[Intake], READER],
    material_id: Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$")],
    purpose: Annotated[str | None, Query(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")] = None,
) -> Response:
    """The bytes of a material. Takes a purpose and leaves a trace of its case, unless the applicant looks at an own one."""
    material, claim = await handlers.view_material(read.tx, material_id, caller=read.caller)
    if read.caller.kind is not CallerKind.PERSON:
        if purpose is None:
            raise PurposeMissing
        # By the case, which is what a supervisor asks for; a material still without one has only its own id.
        about = material_id if claim is None else claim.case_id
        read.trace(aggregate="case", action="view_material", about=about, purpose=purpose)
    content = await handlers.open_material(read.tx, material)
    headers = {
        "cache-control": "private, no-store",
        "content-disposition": "attachment",
        "x-content-type-options": "nosniff",
        "digest": material.digest,
    }
    return Response(content, media_type=material.media_type, headers=headers)


async def _read_body(request: Request, incoming: Incoming) -> list[bytes]:
    pieces: list[bytes] = []
    async for data in request.stream():
        pieces += incoming.feed(data)
    return pieces + incoming.finish()


async def _read_form(request: Request, *, content_type: str, media_type: str | None) -> tuple[Incoming, list[bytes]]:
    """The one file of a form, never written to a disk unsealed."""
    _, options = parse_options_header(content_type)
    form = _Form(media_type)
    try:
        parser = MultipartParser(options.get(b"boundary", b""), form.callbacks())
        async for data in request.stream():
            parser.write(data)
        parser.finalize()
    except FormParserError as error:
        raise RequestUnreadable from error
    if form.incoming is None:
        raise MaterialEmpty
    return form.incoming, [*form.pieces, *form.incoming.finish()]


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


class _Form:
    """Takes the part named ``file`` out of a form; other parts are passed over."""

    def __init__(self, media_type: str | None) -> None:
        self.incoming: Incoming | None = None
        self.pieces: list[bytes] = []
        self._declared = media_type
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._inside = False

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._begin_header,
            "on_header_field": self._field,
            "on_header_value": self._text,
            "on_header_end": self._end_header,
            "on_headers_finished": self._headed,
            "on_part_data": self._data,
        }

    def _begin(self) -> None:
        self._headers.clear()
        self._inside = False

    def _begin_header(self) -> None:
        self._name = self._value = b""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _text(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value

    def _headed(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") != b"file":
            return
        if self.incoming is not None:
            raise MaterialTypeUnsupported
        declared = self._declared or self._headers.get(b"content-type", b"").decode("latin-1")
        self.incoming, self._inside = Incoming(_plain(declared)), True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._inside and self.incoming is not None:
            self.pieces += self.incoming.feed(data[start:end])
