"""Routes of service items: reading what is published, authoring what will be."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from catalog_svc.agreement.api import LimitBody
from catalog_svc.context import Catalog
from catalog_svc.item import handlers, store
from catalog_svc.item.domain import ItemContent, ItemDraft, ItemParts, ItemVersionRecord
from catalog_svc.proposal.api import FAR_AHEAD, LONG_AGO, PUBLIC_FOR_A_WHILE, After, Body, ItemText, NameText, OrganText, ShortText, Words
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.catalogue import ApprovalType, ChecklistPart, FormPart, ItemVersion, ProjectType, SituationsPart, TextsPart
from contracts.codec import decode, encode_object
from contracts.values import ItemCode, ItemId, ItemVersionId, JsonObject, Mode, OrganCode, RegionCode

router = APIRouter(prefix="/v1/service-items", tags=["service items"])

LongText = Annotated[str, StringConstraints(max_length=2000)]
CodeText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$")]
ItemIdPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{31}$")]
VersionPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{31}-v[0-9]{1,6}$")]


class VersionBody(Body):
    """What an author decides of a version, besides its parts."""

    item_code: ItemText
    name: NameText
    organ: OrganText
    modes: Annotated[list[Mode], Field(min_length=1, max_length=4)]
    service_objects: Annotated[list[Literal["natural", "legal"]], Field(min_length=1, max_length=2)]
    project_type: ProjectType
    approval_type: ApprovalType
    acceptance_limit: LimitBody
    statutory_limit: LimitBody
    promised_limit: LimitBody
    extension_limit: LimitBody | None = None
    delivery_limit: LimitBody
    credential_type: CodeText | None = None


class SituationBody(Body):
    """A situation and its condition."""

    situation_id: CodeText
    name: NameText
    name_en: NameText
    when: dict[str, object]


class FactBody(Body):
    """A question of the guide."""

    name: CodeText
    question: ShortText
    question_en: ShortText
    kind: Literal["boolean", "choice", "date", "number", "text"]
    choices: Annotated[list[tuple[CodeText, NameText, NameText]], Field(default_factory=list, max_length=50)]


class SituationsBody(Body):
    """The decision table."""

    facts: Annotated[list[FactBody], Field(max_length=30)]
    situations: Annotated[list[SituationBody], Field(min_length=1, max_length=50)]


class MaterialBody(Body):
    """A material of the checklist."""

    code: CodeText
    name: NameText
    name_en: NameText
    when: dict[str, object]
    required: bool
    source: Literal["applicant", "government", "intermediary"]
    media_types: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=10)]
    max_bytes: Annotated[int, Field(gt=0, le=104_857_600)]
    original_seen: bool
    basis: ShortText
    copies: Annotated[int, Field(ge=0, le=20)] = 1
    sample: ShortText = ""


class CheckRuleBody(Body):
    """A rule that a machine can check."""

    rule_id: CodeText
    when: dict[str, object]
    pointer: Annotated[str, StringConstraints(pattern=r"^(/[^/]{1,80}){1,8}$")]
    message: ShortText
    message_en: ShortText
    basis: ShortText


class ChecklistBody(Body):
    """Materials and rules."""

    materials: Annotated[list[MaterialBody], Field(max_length=200)]
    rules: Annotated[list[CheckRuleBody], Field(max_length=200)]


class TextsBody(Body):
    """What people read."""

    conditions: Annotated[list[LongText], Field(max_length=50)]
    legal_basis: Annotated[list[LongText], Field(max_length=50)]
    steps: Annotated[list[LongText], Field(max_length=50)]
    result_name: NameText
    fees: LongText
    denial_grounds: Annotated[list[tuple[CodeText, ShortText, ShortText]], Field(max_length=50)]


class DraftBody(Body):
    """A version as its author hands it in."""

    version: VersionBody
    form: dict[str, object]
    """JSON Schema 2020-12."""
    situations: SituationsBody
    checklist: ChecklistBody
    texts: TextsBody

    def draft(self) -> ItemDraft:
        """In the words of the domain."""
        sent = self.model_dump(mode="json")
        return ItemDraft(
            content=decode(ItemContent, {"extension_limit": None, "credential_type": None} | sent["version"]),
            parts=ItemParts(
                form=FormPart(schema=sent["form"]),
                situations=decode(SituationsPart, sent["situations"]),
                checklist=decode(ChecklistPart, sent["checklist"]),
                texts=decode(TextsPart, sent["texts"]),
            ),
        )


class PublicationBody(Body):
    """From when it is in force."""

    effective_from: Annotated[AwareDatetime | None, Field(ge=LONG_AGO, le=FAR_AHEAD)] = None
    """The earliest instant when left out."""


class VersionAnswer(BaseModel):
    """Where a version stands."""

    version_id: str
    item_id: str
    state: str
    effective_from: datetime | None = None
    effective_to: datetime | None = None


class VersionShown(BaseModel):
    """A version with its parts."""

    version: ItemVersion
    state: str
    form: FormPart
    situations: SituationsPart
    checklist: ChecklistPart
    texts: TextsPart


class VersionList(BaseModel):
    """A page of versions in force."""

    items: list[ItemVersion]
    next: str | None
    """Value of ``after`` for the next page."""


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


@router.get("/{item_id}", operation_id="getServiceItem", response_model=VersionShown)
async def get_service_item(read: Annotated[Reader[Catalog], PUBLIC_READER], item_id: ItemIdPath) -> Response:
    """The version of an item that is in force now, with its parts."""
    record = await handlers.get_current(read.tx, ItemId(item_id), at=read.tx.at)
    # The version's number stands first, so that a change of the current version is never taken for no change.
    tag = record.number * 1_000_000 + record.version
    return read.answer(await _shown(read.tx, record), etag=tag, headers=PUBLIC_FOR_A_WHILE)


@router.post("", operation_id="draftItemVersion", status_code=201, response_model=VersionAnswer)
async def draft_item_version(write: Annotated[Writer[Catalog], WRITER], body: DraftBody) -> Response:
    """Draft the next version of an item; the same content again changes nothing."""
    draft = body.draft()

    async def act(tx: Tx[Catalog]) -> Answer:
        record, made = await handlers.draft_version(tx, draft, by=write.caller)
        return _answer(record, status=201 if made else 200)

    return await write(act)


@router.post("/versions/{version_id}/review", operation_id="reviewItemVersion", response_model=VersionAnswer)
async def review_item_version(write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath) -> Response:
    """Let a second officer confirm a draft."""

    async def act(tx: Tx[Catalog]) -> Answer:
        return _answer(await handlers.review_version(tx, ItemVersionId(version_id), by=write.caller))

    return await write(act)


@router.post("/versions/{version_id}/publication", operation_id="publishItemVersion", response_model=VersionAnswer)
async def publish_item_version(
    write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath, body: PublicationBody | None = None
) -> Response:
    """Put a reviewed version in force, now or later."""
    start = None if body is None else body.effective_from

    async def act(tx: Tx[Catalog]) -> Answer:
        published = await handlers.publish_version(tx, ItemVersionId(version_id), effective_from=start, by=write.caller)
        return _answer(published)

    return await write(act)


@router.post("/versions/{version_id}/suspension", operation_id="suspendItemVersion", response_model=VersionAnswer)
async def suspend_item_version(write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath) -> Response:
    """Take a version out of force for new cases."""

    async def act(tx: Tx[Catalog]) -> Answer:
        return _answer(await handlers.suspend_version(tx, ItemVersionId(version_id), by=write.caller))

    return await write(act)


@router.post("/versions/{version_id}/withdrawal", operation_id="withdrawItemVersion", response_model=VersionAnswer)
async def withdraw_item_version(write: Annotated[Writer[Catalog], WRITER], version_id: VersionPath) -> Response:
    """Take a version back for good."""

    async def act(tx: Tx[Catalog]) -> Answer:
        return _answer(await handlers.withdraw_version(tx, ItemVersionId(version_id), by=write.caller))

    return await write(act)


def _answer(record: ItemVersionRecord, *, status: int = 200) -> Answer:
    body = VersionAnswer(
        version_id=record.version_id,
        item_id=record.item_id,
        state=record.state.value,
        effective_from=record.effective_from,
        effective_to=record.effective_to,
    )
    return Answer(status=status, body=body)


async def _shown(tx: Tx[Catalog], record: ItemVersionRecord) -> JsonObject:
    return {**encode_object(await handlers.get_parts(tx, record)), "state": record.state.value}
