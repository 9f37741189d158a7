"""Routes of service items: reading what is published, authoring what will be."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from catalog_svc.context import Catalog
from catalog_svc.item import handlers, store
from catalog_svc.item.domain import ItemVersionRecord
from catalog_svc.item.views import DraftBody, VersionAnswer, VersionList, VersionShown, answer_version
from catalog_svc.proposal.api import FAR_AHEAD, LONG_AGO, NOT_TO_BE_KEPT, PUBLIC_FOR_A_WHILE, After, Body, Words
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import encode_object
from contracts.values import ItemCode, ItemId, ItemVersionId, JsonObject, OrganCode, RegionCode

router = APIRouter(prefix="/v1/service-items", tags=["service items"])

ItemIdPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{31}$")]
VERSION_ID = r"^[0-9A-Z]{31}-v[0-9]{1,6}$"
VersionPath = Annotated[str, Path(pattern=VERSION_ID)]


class PublicationBody(Body):
    """From when it is in force."""

    effective_from: Annotated[AwareDatetime | None, Field(ge=LONG_AGO, le=FAR_AHEAD)] = None
    """The earliest instant when left out."""


@router.get("", operation_id="listServiceItems", response_model=VersionList)
async def list_service_items(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    item: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{12}$")] = None,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    organ: Annotated[str | None, Query(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}$")] = None,
    q: Words = "",
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Versions in force now, of an item, a region, an organ, or by part of their name."""
    found = await store.list_in_force(
        read.tx,
        at=read.tx.at,
        item_code=None if item is None else ItemCode(item),
        region=None if region is None else RegionCode(region),
        organ=None if organ is None else OrganCode(organ),
        text=q,
        after=after,
        limit=limit,
    )
    following = found[-1].version_id if len(found) == limit else None
    return read.answer({"items": [encode_object(one.document()) for one in found], "next": following}, headers=PUBLIC_FOR_A_WHILE)


@router.get("/versions/{version_id}", operation_id="getItemVersion", response_model=VersionShown)
async def get_item_version(read: Annotated[Reader[Catalog], PUBLIC_READER], version_id: VersionPath) -> Response:
    """A version that was published, with its parts; a case pins it, so it stays readable."""
    record = await handlers.get_version(read.tx, ItemVersionId(version_id))
    return read.answer(await _shown(read.tx, record), etag=record.version, headers=PUBLIC_FOR_A_WHILE)


@router.get("/versions/{version_id}/draft", operation_id="getItemVersionDraft", response_model=DraftBody)
async def get_item_version_draft(read: Annotated[Reader[Catalog], PUBLIC_READER], version_id: VersionPath) -> Response:
    """A version as it is drafted and can be sent again; one that was never published is shown to officers of its region."""
    record, draft = await handlers.view_draft(read.tx, ItemVersionId(version_id), by=read.caller)
    return read.answer({**draft.body(), "item_id": record.item_id}, etag=record.version, headers=NOT_TO_BE_KEPT)


@router.get("/{item_id}", operation_id="getServiceItem", response_model=VersionShown)
async def get_service_item(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    item_id: ItemIdPath,
    at: Annotated[AwareDatetime | None, Query(ge=LONG_AGO, le=FAR_AHEAD, description="在此时刻有效的版本 / as of this instant")] = None,
) -> Response:
    """The version of an item that is in force now, or was or will be at an instant, with its parts."""
    record = await (
        handlers.get_current(read.tx, ItemId(item_id), at=read.tx.at) if at is None else handlers.get_as_of(read.tx, ItemId(item_id), at=at)
    )
    # The version's number stands first, so that a change of the current version is never taken for no change.
    tag = record.number * 1_000_000 + record.version
    return read.answer(await _shown(read.tx, record), etag=tag, headers=PUBLIC_FOR_A_WHILE)


@router.post("", operation_id="draftItemVersion", status_code=201, response_model=VersionAnswer)
async def draft_item_version(
    write: Annotated[Writer[Catalog], WRITER],
    body: DraftBody,
    made_from: Annotated[
        str | None,
        Query(pattern=VERSION_ID, description="起草所依据的版本，其后另有版本发布的不予受理 / refused if another was published since"),
    ] = None,
) -> Response:
    """Draft the next version of an item; the same content again changes nothing."""
    draft = body.draft()
    item_id = None if body.item_id is None else ItemId(body.item_id)
    base = None if made_from is None else ItemVersionId(made_from)

    async def act(tx: Tx[Catalog]) -> Answer:
        record, made = await handlers.draft_version(tx, draft, item_id=item_id, by=write.caller, made_from=base)
        return answer_version(record, status=201 if made else 200)

    return await write(act)


@router.post("/versions/{version_id}/review", operation_id="reviewItemVersion", response_model=VersionAnswer)
async def review_item_version(write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath) -> Response:
    """Let a second officer confirm a draft."""

    async def act(tx: Tx[Catalog]) -> Answer:
        return answer_version(await handlers.review_version(tx, ItemVersionId(version_id), by=write.caller))

    return await write(act)


@router.post("/versions/{version_id}/publication", operation_id="publishItemVersion", response_model=VersionAnswer)
async def publish_item_version(
    write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath, body: PublicationBody | None = None
) -> Response:
    """Put a reviewed version in force, now or later."""
    start = None if body is None else body.effective_from

    async def act(tx: Tx[Catalog]) -> Answer:
        published = await handlers.publish_version(tx, ItemVersionId(version_id), effective_from=start, by=write.caller)
        return answer_version(published)

    return await write(act)


@router.post("/versions/{version_id}/suspension", operation_id="suspendItemVersion", response_model=VersionAnswer)
async def suspend_item_version(write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath) -> Response:
    """Take a version out of force for new cases."""

    async def act(tx: Tx[Catalog]) -> Answer:
        return answer_version(await handlers.suspend_version(tx, ItemVersionId(version_id), by=write.caller))

    return await write(act)


@router.post("/versions/{version_id}/withdrawal", operation_id="withdrawItemVersion", response_model=VersionAnswer)
async def withdraw_item_version(write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath) -> Response:
    """Take a version back for good."""

    async def act(tx: Tx[Catalog]) -> Answer:
        return answer_version(await handlers.withdraw_version(tx, ItemVersionId(version_id), by=write.caller))

    return await write(act)


async def _shown(tx: Tx[Catalog], record: ItemVersionRecord) -> JsonObject:
    return {**encode_object(await handlers.get_parts(tx, record)), "state": record.state.value}
