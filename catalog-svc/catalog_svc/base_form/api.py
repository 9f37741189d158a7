"""Routes of base forms."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel

from catalog_svc.base_form import handlers, store
from catalog_svc.base_form.domain import BaseForm
from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    FormSchema,
    KeyPath,
    KeyText,
    NameText,
    ProposalAnswer,
    RegionText,
    answer_draft,
    answer_page,
    draft,
    review,
)
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import decode, encode_object

router = APIRouter(prefix="/v1/base-forms", tags=["base forms"])


class BaseFormBody(Body):
    """A base form as it is drafted."""

    code: KeyText
    name: NameText
    name_en: NameText
    region: RegionText
    form: FormSchema


class BaseFormList(BaseModel):
    """A page of base forms."""

    items: list[BaseFormBody]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/{code}", operation_id="getBaseForm", response_model=BaseFormBody)
async def get_base_form(read: Annotated[Reader[Catalog], PUBLIC_READER], code: KeyPath) -> Response:
    """A base form."""
    form, version = await handlers.get_base_form(read.tx, code)
    return read.answer(encode_object(form), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listBaseForms", response_model=BaseFormList)
async def list_base_forms(read: Annotated[Reader[Catalog], PUBLIC_READER], after: After = "", limit: Limit = DEFAULT_LIMIT) -> Response:
    """Base forms by code."""
    found = await store.list_base_forms(read.tx, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.code)


@router.post("", operation_id="draftBaseForm", status_code=201, response_model=ProposalAnswer)
async def draft_base_form(
    write: Annotated[Writer[Catalog], WRITER], body: BaseFormBody, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft a base form; the same content again changes nothing, over another's draft it goes with that one's tag."""
    form = decode(BaseForm, body.model_dump(mode="json"))

    return await draft(write, lambda tx: handlers.propose_base_form(tx, form, by=write.caller, over=over), key=form.code)


@router.get("/{code}/draft", operation_id="getBaseFormDraft", response_model=BaseFormBody)
async def get_base_form_draft(read: Annotated[Reader[Catalog], READER], code: KeyPath) -> Response:
    """The draft of a base form that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, code)


@router.post("/{code}/review", operation_id="publishBaseForm", response_model=ProposalAnswer)
async def publish_base_form(write: Annotated[Writer[Catalog], WRITER], code: KeyPath, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer put a drafted base form in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_base_form(tx, code, by=write.caller, version=version))
