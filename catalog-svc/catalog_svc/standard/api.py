"""Routes of regions' standards."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from catalog_svc.base_item.api import ElementBody
from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    ItemText,
    ProposalAnswer,
    RegionText,
    answer_draft,
    answer_page,
    draft,
    review,
)
from catalog_svc.standard import handlers, store
from catalog_svc.standard.domain import Standard
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import decode, encode_object
from contracts.values import ItemCode, RegionCode

router = APIRouter(prefix="/v1/standards", tags=["standards"])

KeyPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{12}@[0-9]{6,12}$")]


class StandardBody(Body):
    """A region's layer as it is drafted."""

    item_code: ItemText
    region: RegionText
    elements: Annotated[list[ElementBody], Field(min_length=1, max_length=40)]


class StandardList(BaseModel):
    """A page of layers."""

    items: list[StandardBody]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/{key}", operation_id="getStandard", response_model=StandardBody)
async def get_standard(read: Annotated[Reader[Catalog], PUBLIC_READER], key: KeyPath) -> Response:
    """A region's layer of an item, under ``<item>@<region>``."""
    layer, version = await handlers.get_standard(read.tx, key)
    return read.answer(encode_object(layer), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listStandards", response_model=StandardList)
async def list_standards(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    item: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{12}$")] = None,
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Layers by key, of one region, of one item, or all."""
    found = await store.list_layers(
        read.tx,
        region=None if region is None else RegionCode(region),
        item=None if item is None else ItemCode(item),
        after=after,
        limit=limit,
    )
    return answer_page(read, found, limit=limit, key=lambda one: one.key)


@router.post("", operation_id="draftStandard", status_code=201, response_model=ProposalAnswer)
async def draft_standard(
    write: Annotated[Writer[Catalog], WRITER], body: StandardBody, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft what a region fixes of an item; the same content again changes nothing, over another's draft it goes with that one's tag."""
    layer = decode(Standard, body.model_dump(mode="json"))

    return await draft(write, lambda tx: handlers.propose_standard(tx, layer, by=write.caller, over=over), key=layer.key)


@router.get("/{key}/draft", operation_id="getStandardDraft", response_model=StandardBody)
async def get_standard_draft(read: Annotated[Reader[Catalog], READER], key: KeyPath) -> Response:
    """The draft of a layer that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, key)


@router.post("/{key}/review", operation_id="publishStandard", response_model=ProposalAnswer)
async def publish_standard(write: Annotated[Writer[Catalog], WRITER], key: KeyPath, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer put a drafted layer in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_standard(tx, key, by=write.caller, version=version))
