"""Routes of organs."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from catalog_svc.context import Catalog
from catalog_svc.organ import handlers, store
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    NameText,
    OrganPath,
    OrganText,
    ProposalAnswer,
    RegionText,
    answer_draft,
    answer_page,
    draft,
    review,
)
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.catalogue import Organ
from contracts.codec import decode, encode_object
from contracts.values import OrganCode, RegionCode

router = APIRouter(prefix="/v1/organs", tags=["organs"])


class OrganBody(Body):
    """An organ as it is drafted."""

    code: OrganText
    name: NameText
    region: RegionText
    hosted: bool
    reconsideration_organ: NameText
    court: NameText
    telephone: Annotated[str, Field(max_length=40)] = ""
    merged_into: OrganText | None = None
    """The organ that takes its place; its items and open cases follow from the publication on."""


class OrganShown(OrganBody):
    """An organ as it is published."""

    merged_at: datetime | None = None
    """First instant at which the other stands in its place."""


class OrganDraft(OrganBody):
    """An organ as it is drafted, or as it was read."""

    merged_at: AwareDatetime | None = None
    """As it was read; the publication of the merger alone sets it."""


class OrganList(BaseModel):
    """A page of organs."""

    items: list[OrganShown]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/{code}", operation_id="getOrgan", response_model=OrganShown)
async def get_organ(read: Annotated[Reader[Catalog], PUBLIC_READER], code: OrganPath) -> Response:
    """An organ."""
    organ, version = await handlers.get_organ(read.tx, OrganCode(code))
    return read.answer(encode_object(organ), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listOrgans", response_model=OrganList)
async def list_organs(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Organs by code, of one region or of all."""
    place = None if region is None else RegionCode(region)
    found = await store.list_organs(read.tx, region=place, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.code)


@router.post("", operation_id="draftOrgan", status_code=201, response_model=ProposalAnswer)
async def draft_organ(write: Annotated[Writer[Catalog], WRITER], body: OrganDraft, over: Annotated[int | None, VERSION_IF_ANY]) -> Response:
    """Draft an organ; the same content again changes nothing, over another's draft it goes with that one's tag."""
    organ = decode(Organ, body.model_dump(mode="json"))

    return await draft(write, lambda tx: handlers.propose_organs(tx, [organ], by=write.caller, over=over), key=organ.code)


@router.get("/{code}/draft", operation_id="getOrganDraft", response_model=OrganBody)
async def get_organ_draft(read: Annotated[Reader[Catalog], READER], code: OrganPath) -> Response:
    """The draft of an organ that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, code)


@router.post("/{code}/review", operation_id="publishOrgan", response_model=ProposalAnswer)
async def publish_organ(write: Annotated[Writer[Catalog], WRITER], code: OrganPath, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer put a drafted organ in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_organs(tx, [code], by=write.caller, version=version))
