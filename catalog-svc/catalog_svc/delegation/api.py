"""Routes of delegations."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from catalog_svc.context import Catalog
from catalog_svc.delegation import handlers, store
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    EndingWithin,
    ItemText,
    KeyPath,
    KeyText,
    NameText,
    OrganText,
    ProposalAnswer,
    RegionText,
    ShortText,
    answer_draft,
    answer_page,
    draft,
    review,
)
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import decode, encode_object
from contracts.delegations import Delegation, DelegationKind
from contracts.values import DelegationId, ItemCode, OrganCode, RegionCode

router = APIRouter(prefix="/v1/delegations", tags=["delegations"])


SituationText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$")]


class InstrumentBody(Body):
    """The paper it stands on."""

    number: NameText
    title: NameText
    legal_basis: Annotated[ShortText, Field(min_length=1)]


class DelegationBody(Body):
    """A delegation as it is drafted."""

    delegation_id: KeyText
    kind: DelegationKind
    delegator: OrganText
    delegate: OrganText
    items: Annotated[list[ItemText], Field(min_length=1, max_length=1000)]
    region: RegionText
    """Matters of this region and of those below it."""
    valid_from: date
    valid_to: date
    """First day on which it no longer holds for new cases."""
    instrument: InstrumentBody
    sealed_as: OrganText
    """The receiver's after a transfer of power, else the delegator's."""
    situations: Annotated[list[SituationText], Field(default_factory=list, max_length=50)]
    """Of its one item; empty means all."""
    conditions: Annotated[list[ShortText], Field(default_factory=list, max_length=20)]
    """In words; no machine evaluates them."""


class DelegationDraft(DelegationBody):
    """A delegation as it is drafted, or as it was read."""

    revoked_from: AwareDatetime | None = None
    """As it was read; a delegation is revoked by its ``/revocation`` alone, and stays so."""


class DelegationShown(DelegationBody):
    """A delegation as it is published."""

    revoked_from: datetime | None
    """First instant without it, when it was revoked before its time."""


class DelegationList(BaseModel):
    """A page of delegations."""

    items: list[DelegationShown]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/{delegation_id}", operation_id="getDelegation", response_model=DelegationShown)
async def get_delegation(read: Annotated[Reader[Catalog], PUBLIC_READER], delegation_id: KeyPath) -> Response:
    """A delegation, in force or not: what is handed on is published (行政许可法 §24)."""
    delegation, version = await handlers.get_delegation(read.tx, DelegationId(delegation_id))
    return read.answer(encode_object(delegation), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("", operation_id="listDelegations", response_model=DelegationList)
async def list_delegations(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    organ: Annotated[str | None, Query(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}$", description="委托或承接机关 / on either side")] = None,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    item: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{12}$")] = None,
    ending_within: EndingWithin = None,
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Delegations of an organ, for a region, about an item, in force and ending within so many days, or all."""
    found = await store.list_delegations(
        read.tx,
        organ=None if organ is None else OrganCode(organ),
        region=None if region is None else RegionCode(region),
        item=None if item is None else ItemCode(item),
        ending_within=ending_within,
        after=after,
        limit=limit,
    )
    return answer_page(read, found, limit=limit, key=lambda one: one.delegation_id)


@router.post("", operation_id="draftDelegation", status_code=201, response_model=ProposalAnswer)
async def draft_delegation(
    write: Annotated[Writer[Catalog], WRITER], body: DelegationDraft, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft a delegation; the same content again changes nothing, over another's draft it goes with that one's tag."""
    delegation = decode(Delegation, body.model_dump(mode="json"))

    return await draft(
        write, lambda tx: handlers.propose_delegation(tx, delegation, by=write.caller, over=over), key=delegation.delegation_id
    )


@router.get("/{delegation_id}/draft", operation_id="getDelegationDraft", response_model=DelegationShown)
async def get_delegation_draft(read: Annotated[Reader[Catalog], READER], delegation_id: KeyPath) -> Response:
    """The draft of a delegation that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, delegation_id)


@router.post("/{delegation_id}/review", operation_id="publishDelegation", response_model=ProposalAnswer)
async def publish_delegation(
    write: Annotated[Writer[Catalog], WRITER], delegation_id: KeyPath, version: Annotated[int, VERSION]
) -> Response:
    """Let a second officer put a drafted delegation in force, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_delegation(tx, DelegationId(delegation_id), by=write.caller, version=version))


@router.post("/{delegation_id}/revocation", operation_id="revokeDelegation", response_model=DelegationShown)
async def revoke_delegation(write: Annotated[Writer[Catalog], WRITER], delegation_id: KeyPath) -> Response:
    """End a delegation for new cases within seconds; what was received before is decided where it is."""

    async def act(tx: Tx[Catalog]) -> Answer:
        revoked = await handlers.revoke_delegation(tx, DelegationId(delegation_id), by=write.caller)
        return Answer(status=200, body=DelegationShown.model_validate(encode_object(revoked)))

    return await write(act)
