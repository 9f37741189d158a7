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
    KeyPath,
    KeyText,
    NameText,
    ProposalAnswer,
    RegionText,
    answer_proposed,
    answer_published,
)
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import decode, encode_object

router = APIRouter(prefix="/v1/base-forms", tags=["base forms"])


class BaseFormBody(Body):
    """A base form as it is drafted."""

    code: KeyText
    name: NameText
    name_en: NameText
    region: RegionText
    form: dict[str, object]
    """JSON Schema 2020-12 of an object."""


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
    following = found[-1].code if len(found) == limit else None
    return read.answer({"items": [encode_object(one) for one in found], "next": following}, headers=PUBLIC_FOR_A_WHILE)


@router.post("", operation_id="draftBaseForm", status_code=201, response_model=ProposalAnswer)
async def draft_base_form(write: Annotated[Writer[Catalog], WRITER], body: BaseFormBody) -> Response:
    """Draft a base form; the same content again changes nothing."""
    form = decode(BaseForm, body.model_dump(mode="json"))

    async def act(tx: Tx[Catalog]) -> Answer:
        return answer_proposed(await handlers.propose_base_form(tx, form, by=write.caller), key=form.code)

    return await write(act)


@router.post("/{code}/review", operation_id="publishBaseForm", response_model=ProposalAnswer)
async def publish_base_form(write: Annotated[Writer[Catalog], WRITER], code: KeyPath) -> Response:
    """Let a second officer put a drafted base form in force."""

    async def act(tx: Tx[Catalog]) -> Answer:
        return answer_published(await handlers.publish_base_form(tx, code, by=write.caller))

    return await write(act)
