"""Routes of agreements."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from catalog_svc.agreement import handlers, store
from catalog_svc.context import Catalog
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    EndingWithin,
    ItemText,
    KeyPath,
    KeyText,
    NameText,
    ProposalAnswer,
    RegionText,
    ShortText,
    answer_draft,
    answer_page,
    draft,
    review,
)
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.catalogue import Agreement, AgreementAction, OpenCases
from contracts.codec import decode, encode_object
from contracts.values import AgreementId, Json, JsonObject, Mode, RegionCode

router = APIRouter(prefix="/v1/agreements", tags=["agreements"])


MOST_REGIONS = 3_200
"""On one side or in an alliance: every county and city of the nation."""
KeyFieldText = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class LimitBody(Body):
    """A period of time."""

    amount: Annotated[int, Field(ge=0, le=10_000)]
    unit: Literal["workdays", "hours", "minutes"]
    basis: ShortText = ""


class TransferLimitsBody(Body):
    """How long each step of a transfer may take."""

    delivered: LimitBody
    validated: LimitBody
    signed_for: LimitBody
    returned_after: LimitBody


class AgreementTerms(Body):
    """What an agreement allows, between whom, and what happens at its end."""

    alliance: Annotated[list[RegionText], Field(default_factory=list, max_length=MOST_REGIONS)]
    """Members, each of which receives for every other and decides for every other; then neither side is named."""
    actions: Annotated[list[AgreementAction], Field(default_factory=lambda: list(AgreementAction), min_length=1, max_length=3)]
    query_fields: Annotated[list[KeyFieldText], Field(default_factory=list, max_length=200)]
    """Fields of the form that the other side may read; empty: all."""
    open_cases: OpenCases = OpenCases.FINISH
    """What becomes of cases on their way when it ends."""


class AgreementDraft(AgreementTerms):
    """An agreement: two sides, or an alliance, whose members may stand on both sides too, as it is shown."""

    agreement_id: KeyText
    name: NameText
    receiving: Annotated[list[RegionText], Field(default_factory=list, max_length=MOST_REGIONS)]
    handling: Annotated[list[RegionText], Field(default_factory=list, max_length=MOST_REGIONS)]
    items: Annotated[list[ItemText], Field(max_length=1000)]
    modes: Annotated[list[Mode], Field(min_length=1, max_length=4)]
    valid_from: date
    valid_to: date
    limits: TransferLimitsBody
    signatories: Annotated[list[ShortText], Field(default_factory=list, max_length=20)]
    contacts: Annotated[list[ShortText], Field(default_factory=list, max_length=20)]


class AgreementShown(AgreementDraft):
    """An agreement as it is shown: the members of an alliance stand on both sides, and it may be sent again so."""

    receiving: Annotated[list[RegionText], Field(min_length=1, max_length=MOST_REGIONS)]
    handling: Annotated[list[RegionText], Field(min_length=1, max_length=MOST_REGIONS)]


class AgreementList(BaseModel):
    """A page of agreements."""

    items: list[AgreementShown]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/{agreement_id}", operation_id="getAgreement", response_model=AgreementShown)
async def get_agreement(read: Annotated[Reader[Catalog], PUBLIC_READER], agreement_id: KeyPath) -> Response:
    """An agreement, in force or not."""
    agreement, version = await handlers.get_agreement(read.tx, AgreementId(agreement_id))
    return read.answer(_shown(agreement), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("/{agreement_id}/terms", operation_id="getAgreementTerms", response_model=AgreementTerms)
async def get_agreement_terms(read: Annotated[Reader[Catalog], PUBLIC_READER], agreement_id: KeyPath) -> Response:
    """What it allows, between which members, and what happens at its end."""
    agreement, version = await handlers.get_agreement(read.tx, AgreementId(agreement_id))
    terms: JsonObject = {
        "alliance": [*agreement.alliance],
        "actions": [one.value for one in agreement.actions],
        "query_fields": [*agreement.query_fields],
        "open_cases": agreement.open_cases.value,
    }
    return read.answer(terms, etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listAgreements", response_model=AgreementList)
async def list_agreements(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    ending_within: EndingWithin = None,
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Agreements that name a region on either side or as a member, that are in force and end within so many days, or all."""
    place = None if region is None else RegionCode(region)
    found = await store.list_agreements(read.tx, region=place, ending_within=ending_within, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.agreement_id, shown=_shown)


@router.post("", operation_id="draftAgreement", status_code=201, response_model=ProposalAnswer)
async def draft_agreement(
    write: Annotated[Writer[Catalog], WRITER], body: AgreementDraft, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft an agreement; the same content again changes nothing, over another's draft it goes with that one's tag."""
    given = decode(Agreement, body.model_dump(mode="json"))
    shown = given.alliance and given.receiving == given.handling == given.alliance
    agreement = replace(given, receiving=(), handling=()) if shown else given

    return await draft(
        write, lambda tx: handlers.propose_agreements(tx, [agreement], by=write.caller, over=over), key=agreement.agreement_id
    )


@router.get("/{agreement_id}/draft", operation_id="getAgreementDraft", response_model=AgreementShown)
async def get_agreement_draft(read: Annotated[Reader[Catalog], READER], agreement_id: KeyPath) -> Response:
    """The draft of an agreement that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, agreement_id, shown=_shown)


@router.post("/{agreement_id}/review", operation_id="publishAgreement", response_model=ProposalAnswer)
async def publish_agreement(write: Annotated[Writer[Catalog], WRITER], agreement_id: KeyPath, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer put a drafted agreement in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_agreements(tx, [agreement_id], by=write.caller, version=version))


def _shown(agreement: Agreement) -> JsonObject:
    """With the members of an alliance on both sides, for readers from before there were alliances; so it may be sent again."""
    shown = encode_object(agreement)
    members: list[Json] = [*agreement.alliance]
    return {**shown, "receiving": members, "handling": members} if members else shown
