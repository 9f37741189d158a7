"""Routes of regions."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    NameText,
    ProposalAnswer,
    RegionPath,
    RegionText,
    Words,
    answer_draft,
    answer_page,
    draft,
    review,
)
from catalog_svc.region import handlers, store
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.catalogue import Region
from contracts.codec import decode, encode_object
from contracts.values import Json, RegionCode

router = APIRouter(prefix="/v1/regions", tags=["regions"])


class RegionName(Body):
    """A region by name."""

    code: Annotated[str, Field(max_length=12)]
    name: Annotated[str, Field(max_length=100)]


class RegionBody(Body):
    """A region as it is drafted."""

    code: RegionText
    name: NameText
    level: Literal["nation", "province", "city", "county", "town", "village"]
    parent: RegionText | None
    kind: Annotated[str, Field(max_length=20)] = ""
    valid_from: date | None = None
    valid_to: date | None = None
    successors: Annotated[list[RegionText], Field(default_factory=list, max_length=20)]


class RegionShown(RegionBody):
    """A region, in force or not, with the names of its successors."""

    successors_named: list[RegionName]


class RegionDraft(RegionBody):
    """A region as it is drafted, or as it was read."""

    successors_named: Annotated[list[RegionName], Field(default_factory=list, max_length=20, json_schema_extra={"readOnly": True})]
    """As it was read; their own names hold."""


class RegionList(BaseModel):
    """A page of regions."""

    items: list[RegionBody]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/{code}", operation_id="getRegion", response_model=RegionShown)
async def get_region(read: Annotated[Reader[Catalog], PUBLIC_READER], code: RegionPath) -> Response:
    """A region; one that was abolished names its successors."""
    region, version, successors = await handlers.get_region(read.tx, RegionCode(code))
    named: list[Json] = [{"code": one.code, "name": one.name} for one in successors]
    return read.answer({**encode_object(region), "successors_named": named}, etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listRegions", response_model=RegionList)
async def list_regions(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    parent: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    q: Words = "",
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Regions by code: those right below a parent, or by part of their name."""
    place = None if parent is None else RegionCode(parent)
    found = await store.list_regions(read.tx, parent=place, text=q, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.code)


@router.post("", operation_id="draftRegion", status_code=201, response_model=ProposalAnswer)
async def draft_region(
    write: Annotated[Writer[Catalog], WRITER], body: RegionDraft, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft a region; the same content again changes nothing, over another's draft it goes with that one's tag."""
    region = decode(Region, body.model_dump(mode="json", exclude={"successors_named"}))

    return await draft(write, lambda tx: handlers.propose_regions(tx, [region], by=write.caller, over=over), key=region.code)


@router.get("/{code}/draft", operation_id="getRegionDraft", response_model=RegionBody)
async def get_region_draft(read: Annotated[Reader[Catalog], READER], code: RegionPath) -> Response:
    """The draft of a region that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, code)


@router.post("/{code}/review", operation_id="publishRegion", response_model=ProposalAnswer)
async def publish_region(write: Annotated[Writer[Catalog], WRITER], code: RegionPath, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer put a drafted region in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_regions(tx, [code], by=write.caller, version=version))
