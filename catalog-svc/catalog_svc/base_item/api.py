"""Routes of base items."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from catalog_svc.base_item import handlers, store
from catalog_svc.base_item.domain import BaseItem
from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    ItemPath,
    ItemText,
    NameText,
    ProposalAnswer,
    ShortText,
    answer_draft,
    answer_page,
    draft,
    review,
)
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import decode, encode_object
from contracts.values import ItemCode, Mode
from rules.standards import FIELDS, Lock

router = APIRouter(prefix="/v1/base-items", tags=["base items"])


class ElementBody(Body):
    """One element and what those below may do with it."""

    field: Annotated[str, Field(max_length=40, description="、".join(FIELDS))]
    lock: Lock
    value: object


class BaseItemBody(Body):
    """A base item."""

    code: ItemText
    name: NameText
    kind: Literal["01", "05", "07", "08", "09", "10", "20"]
    ministry: NameText
    batch: ShortText
    source: Literal["found", "recalled"]
    listed: Literal["list", "high", "service"]
    locked_modes: Annotated[list[Mode], Field(default_factory=list, max_length=4)]
    part_of: ItemText | None = None


class BaseItemDraft(BaseItemBody):
    """A base item with what it fixes."""

    elements: Annotated[list[ElementBody], Field(default_factory=list, max_length=40)]


class BaseItemList(BaseModel):
    """A page of base items."""

    items: list[BaseItemDraft]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/{code}", operation_id="getBaseItem", response_model=BaseItemDraft)
async def get_base_item(read: Annotated[Reader[Catalog], PUBLIC_READER], code: ItemPath) -> Response:
    """A base item."""
    item, version = await handlers.get_base_item(read.tx, ItemCode(code))
    return read.answer(encode_object(item), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listBaseItems", response_model=BaseItemList)
async def list_base_items(read: Annotated[Reader[Catalog], PUBLIC_READER], after: After = "", limit: Limit = DEFAULT_LIMIT) -> Response:
    """The base directory, by code."""
    found = await store.list_base_items(read.tx, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.code)


@router.post("", operation_id="draftBaseItem", status_code=201, response_model=ProposalAnswer)
async def draft_base_item(
    write: Annotated[Writer[Catalog], WRITER], body: BaseItemDraft, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft a base item; the same content again changes nothing, over another's draft it goes with that one's tag."""
    item = decode(BaseItem, body.model_dump(mode="json"))

    return await draft(write, lambda tx: handlers.propose_base_items(tx, [item], by=write.caller, over=over), key=item.code)


@router.get("/{code}/draft", operation_id="getBaseItemDraft", response_model=BaseItemDraft)
async def get_base_item_draft(read: Annotated[Reader[Catalog], READER], code: ItemPath) -> Response:
    """The draft of a base item that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, code)


@router.post("/{code}/review", operation_id="publishBaseItem", response_model=ProposalAnswer)
async def publish_base_item(write: Annotated[Writer[Catalog], WRITER], code: ItemPath, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer put a drafted base item in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_base_items(tx, [code], by=write.caller, version=version))
