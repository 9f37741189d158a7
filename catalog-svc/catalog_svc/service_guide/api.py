"""Routes of the service guide: the same content as a page and as JSON."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response

from catalog_svc.context import Catalog
from catalog_svc.guide.api import AsOf, ItemIdPath, Number, Place
from catalog_svc.guide.handlers import find_parts
from catalog_svc.item.domain import ItemUnknown
from catalog_svc.proposal.api import NOT_TO_BE_KEPT, OwnHeard
from catalog_svc.service_guide import handlers
from catalog_svc.service_guide.domain.content import ServiceGuide
from catalog_svc.service_guide.domain.page import POLICY, write_page
from chassis import seen
from chassis.doors import JSON, PUBLIC_READER, Reader
from chassis.problems import Behind
from contracts.codec import encode_object
from contracts.values import ItemCode, ItemId, RegionCode
from rules.catalogue import Catalogue
from rules.parts import Parts
from rules.routes import NoRoute

router = APIRouter(prefix="/v1/service-guides", tags=["service guide"])

HTML = "text/html; charset=utf-8"

Situation = Annotated[str | None, Query(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$", description="只看该情形 / of one situation")]
Format = Annotated[Literal["html", "json"] | None, Query(description="不填则按 Accept / by Accept when left out")]

_SHOWN = {
    "content": {"text/html": {"schema": {"type": "string"}}},
    "description": "办事指南 / the guide, as JSON or as a page that prints on A4",
}
_KEPT = {"cache-control": "public, max-age=30", "vary": f"accept, {seen.HEADER.lower()}"}
_PAGE = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


@router.get("", operation_id="findServiceGuide", response_model=ServiceGuide, responses={200: _SHOWN})
async def find_service_guide(
    heard: OwnHeard,
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    request: Request,
    item: Annotated[str, Query(pattern=r"^[0-9A-Z]{12}$")],
    region: Annotated[str, Query(pattern=r"^[0-9]{6,12}$", description="事项所在地 / where the matter belongs")],
    situation: Situation = None,
    as_of: AsOf = None,
    form: Annotated[Format, Query(alias="format")] = None,
) -> Response:
    """The guide of an item for a matter of a region, now or as of an instant."""

    def find(catalogue: Catalogue) -> Parts:
        return handlers.find_parts_for(catalogue, ItemCode(item), region=RegionCode(region), at=as_of or read.tx.at)

    asked = _Asked(situation=situation, matter=RegionCode(region), at=as_of or read.tx.at)
    return _answer(read, request, find, heard=heard, asked=asked, form=form)


@router.get("/{item_id}", operation_id="getServiceGuide", response_model=ServiceGuide, responses={200: _SHOWN})
async def get_service_guide(
    heard: OwnHeard,
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    request: Request,
    item_id: ItemIdPath,
    version: Number = None,
    situation: Situation = None,
    as_of: AsOf = None,
    region: Place = None,
    form: Annotated[Format, Query(alias="format")] = None,
) -> Response:
    """The guide of one organ's item, in force now, as of an instant, or of a version that an old case was received under."""

    def find(catalogue: Catalogue) -> Parts:
        return find_parts(catalogue, ItemId(item_id), number=version, at=as_of or read.tx.at)

    asked = _Asked(situation=situation, matter=None if region is None else RegionCode(region), at=as_of or read.tx.at)
    return _answer(read, request, find, heard=heard, asked=asked, form=form)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    situation: str | None
    matter: RegionCode | None
    at: datetime


def _answer(
    read: Reader[Catalog],
    request: Request,
    find: Callable[[Catalogue], Parts],
    *,
    heard: bool,
    asked: _Asked,
    form: Literal["html", "json"] | None,
) -> Response:
    catalogue = read.context.catalogue
    try:
        parts = find(catalogue)
    except (ItemUnknown, NoRoute) as unknown:
        if not heard:
            raise Behind(retry_after=1) from unknown
        raise
    guide = handlers.make_guide(catalogue, parts, situation=asked.situation, matter=asked.matter, at=asked.at, address=_address(request))
    as_page = form == "html" or (form is None and "text/html" in request.headers.get("accept", ""))
    body = write_page(guide).encode() if as_page else orjson.dumps(encode_object(guide))
    headers = {**(_KEPT if heard else NOT_TO_BE_KEPT), **(_PAGE if as_page else {}), "content-type": HTML if as_page else JSON}
    if not heard:
        return Response(body, headers=headers | {"tongban-behind": "true"})
    headers["etag"] = tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if tag in {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)


def _address(request: Request) -> str:
    """Where the catalogue is read by whoever asks: the gateway says under which name it is known."""
    scheme = "https" if request.headers.get("x-forwarded-proto", request.url.scheme) == "https" else "http"
    return f"{scheme}://{request.url.netloc}/v1"
