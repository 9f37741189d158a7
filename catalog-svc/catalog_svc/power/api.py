"""Routes of powers lists, and of the powers behind an item."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from catalog_svc.context import Catalog
from catalog_svc.item.api import ItemIdPath
from catalog_svc.power import handlers, store
from catalog_svc.power.domain import KINDS, Power, PowerKind
from catalog_svc.power.store import Sought
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
    ItemText,
    OrganText,
    ProposalAnswer,
    RegionText,
    ShortText,
    answer_draft,
    answer_of,
    answer_page,
    draft,
    review,
)
from catalog_svc.proposal.domain import Proposal
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, READER, VERSION, VERSION_IF_ANY, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import decode, encode_object
from contracts.values import ItemCode, ItemId, JsonObject, OrganCode, RegionCode

router = APIRouter(prefix="/v1", tags=["powers lists"])

KEY = r"^[0-9A-Z][0-9A-Z-]{2,39}@[0-9]{6,12}$"
MOST_AT_ONCE = 500
"""Powers in one request: a place's whole list of eight thousand goes in seventeen."""

PowerPath = Annotated[str, Path(pattern=KEY, description="职权编码@清单所在地区 / <code>@<region of the list>")]
PowerCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z][0-9A-Z-]{2,39}$")]
PowerName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
BasisText = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
OfRegion = Annotated[str, Query(pattern=r"^[0-9]{6,12}$", description="清单所在地区 / whose list")]


class PowerBody(Body):
    """A power as it is drafted and as it stands on the list."""

    code: PowerCode
    region: RegionText
    name: PowerName
    kind: PowerKind
    organs: Annotated[list[OrganText], Field(min_length=1, max_length=100)]
    legal_basis: Annotated[list[BasisText], Field(max_length=30)]
    items: Annotated[list[ItemText], Field(default_factory=list, max_length=50)]
    verbatim: bool
    """False where name and basis stand in the words of whoever wrote them here."""
    cancelled_by: ShortText = ""
    """The document that takes it off the list; empty while it stands there."""


class PowersBody(Body):
    """A list of powers to draft, or a piece of one; none twice."""

    powers: Annotated[list[PowerBody], Field(min_length=1, max_length=MOST_AT_ONCE)]


class DraftReadBody(Body):
    """A draft as a reviewer has read it."""

    key: Annotated[str, StringConstraints(pattern=KEY)]
    version: Annotated[int, Field(ge=1)]
    """The number in the draft's tag."""


class DraftsReadBody(Body):
    """Drafts to put in force just as they were read; none twice."""

    drafts: Annotated[list[DraftReadBody], Field(min_length=1, max_length=MOST_AT_ONCE)]


class PowerDrafted(ProposalAnswer):
    """Where one power of a list stands."""

    version: int
    """The number in its tag: a review says that it read this one."""


class PowersDrafted(BaseModel):
    """Where the powers of a list stand, in the order they were sent."""

    drafts: list[PowerDrafted]


class PowerList(BaseModel):
    """A page of a list."""

    items: list[PowerBody]
    next: str | None
    """Value of ``after`` for the next page."""


class OrganNamed(BaseModel):
    """An organ with its name."""

    code: OrganCode
    name: str


class PowerBehind(BaseModel):
    """A power behind an item, by which law and whose."""

    item_codes: list[ItemCode]
    """Through which base items it is exercised here: the item's own, or those of a bundle's members."""
    code: str
    region: RegionCode
    """On whose list it stands."""
    name: str
    kind: PowerKind
    kind_name: str
    kind_name_en: str
    legal_basis: list[str]
    organs: list[OrganNamed]
    verbatim: bool


class PowersBehind(BaseModel):
    """A page of the powers that an item exercises, or the members of a bundle; none behind any other public service."""

    item_id: ItemId
    version_id: str
    """In force now."""
    item_code: ItemCode
    organ: OrganCode
    powers: list[PowerBehind]
    next: str | None
    """Value of ``after`` for the next page."""


class Unexercised(BaseModel):
    """A page of powers that one applies for; those with an item in force are counted and not listed."""

    compared: int
    items: list[PowerBody]
    next: str | None
    """Value of ``after`` for the next page."""


class ItemUnlisted(BaseModel):
    """An item in force without a power."""

    version_id: str
    item_id: ItemId
    item_code: ItemCode
    name: str
    organ: OrganCode
    region: RegionCode


class UnlistedItems(BaseModel):
    """A page of items in force; those with a power, and public services, are counted and not listed."""

    compared: int
    items: list[ItemUnlisted]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/powers/unexercised", operation_id="listUnexercisedPowers", response_model=Unexercised)
async def list_unexercised_powers(
    read: Annotated[Reader[Catalog], PUBLIC_READER], region: OfRegion, after: After = "", limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Powers of a list that one applies for and that no item in force exercises; every page looks at ``limit`` of them."""
    page, found = await handlers.unexercised(read.tx, RegionCode(region), after=after, limit=limit)
    following = page[-1].key if len(page) == limit else None
    body: JsonObject = {"compared": len(page), "items": [encode_object(one) for one in found], "next": following}
    return read.answer(body, headers=PUBLIC_FOR_A_WHILE)


@router.get("/powers/unlisted-items", operation_id="listUnlistedItems", response_model=UnlistedItems)
async def list_unlisted_items(
    read: Annotated[Reader[Catalog], PUBLIC_READER], region: OfRegion, after: After = "", limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Items in force in a region behind which no power of a list stands; every page looks at ``limit`` of them."""
    page, found = await handlers.unlisted_items(read.tx, RegionCode(region), after=after, limit=limit)
    body: JsonObject = {
        "compared": len(page),
        "items": [
            {
                "version_id": one.version_id,
                "item_id": one.item_id,
                "item_code": one.content.item_code,
                "name": one.content.name,
                "organ": one.content.organ,
                "region": one.region,
            }
            for one in found
        ],
        "next": page[-1].version_id if len(page) == limit else None,
    }
    return read.answer(body, headers=PUBLIC_FOR_A_WHILE)


@router.get("/service-items/{item_id}/powers", operation_id="listPowersBehindItem", response_model=PowersBehind)
async def list_powers_behind_item(
    read: Annotated[Reader[Catalog], PUBLIC_READER], item_id: ItemIdPath, after: After = "", limit: Limit = DEFAULT_LIMIT
) -> Response:
    """On whose authority an item in force stands: the powers, their law and their organs, as the lists are today.

    Behind a bundle 一件事 stand the powers of its members as they are in force at its place or the nearest above it; each power names through which.
    """
    found = await handlers.powers_behind(read.tx, ItemId(item_id), after=after, limit=limit)
    record = found.record
    body: JsonObject = {
        "item_id": record.item_id,
        "version_id": record.version_id,
        "item_code": record.content.item_code,
        "organ": record.content.organ,
        "powers": [
            {
                "item_codes": [*through],
                "code": one.code,
                "region": one.region,
                "name": one.name,
                "kind": one.kind.value,
                "kind_name": KINDS[one.kind][0],
                "kind_name_en": KINDS[one.kind][1],
                "legal_basis": list(one.legal_basis),
                "organs": [{"code": code, "name": found.organs[code].name} for code in one.organs if code in found.organs],
                "verbatim": one.verbatim,
            }
            for one, through in found.powers
        ],
        "next": found.powers[-1][0].key if len(found.powers) == limit else None,
    }
    return read.answer(body, headers=PUBLIC_FOR_A_WHILE)


@router.get("/powers/{key}", operation_id="getPower", response_model=PowerBody)
async def get_power(read: Annotated[Reader[Catalog], PUBLIC_READER], key: PowerPath) -> Response:
    """A power, on its list or taken off it."""
    power, version = await handlers.get_power(read.tx, key)
    return read.answer(encode_object(power), etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("/powers", operation_id="listPowers", response_model=PowerList)
async def list_powers(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    region: OfRegion,
    organ: Annotated[str | None, Query(pattern=r"^[0-9A-HJ-NP-RTUW-Y]{18}$", description="行使主体 / who exercises it")] = None,
    kind: PowerKind | None = None,
    linked: Annotated[bool | None, Query(description="已关联事项 / names an item")] = None,
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
    *,
    listed: Annotated[bool, Query(description="在清单中;否则为已取消的 / on the list, else those taken off it")] = True,
) -> Response:
    """A region's powers list, by code; what was taken off it only when asked for."""
    whose = None if organ is None else OrganCode(organ)
    sought = Sought(region=RegionCode(region), organ=whose, kind=kind, linked=linked, listed=listed)
    found = await store.list_powers(read.tx, sought, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.key)


@router.post("/powers", operation_id="draftPower", status_code=201, response_model=ProposalAnswer)
async def draft_power(write: Annotated[Writer[Catalog], WRITER], body: PowerBody, over: Annotated[int | None, VERSION_IF_ANY]) -> Response:
    """Draft a power, or that it leaves the list; the same content again changes nothing, over another's draft it goes with that one's tag."""
    power = decode(Power, body.model_dump(mode="json"))

    return await draft(write, lambda tx: handlers.propose_powers(tx, [power], by=write.caller, over=over), key=power.key)


@router.post("/powers/drafts", operation_id="draftPowers", status_code=201, response_model=PowersDrafted)
async def draft_powers(write: Annotated[Writer[Catalog], WRITER], body: PowersBody) -> Response:
    """Draft up to 500 powers, all or none: each defect is named with its place in the list; 200 when nothing changes.

    A draft of somebody else's that waits is replaced by ``POST /v1/powers`` alone, with its tag.
    """
    powers = [decode(Power, one.model_dump(mode="json")) for one in body.powers]

    async def act(tx: Tx[Catalog]) -> Answer:
        proposed = await handlers.propose_list(tx, powers, by=write.caller)
        shown = [_drafted(proposed.proposals[one.key], changed=one.key in proposed.changed) for one in powers]
        return Answer(status=201 if proposed.changed else 200, body=PowersDrafted(drafts=shown))

    return await write(act)


@router.post("/powers/reviews", operation_id="publishPowers", response_model=PowersDrafted)
async def publish_powers(write: Annotated[Writer[Catalog], WRITER], body: DraftsReadBody) -> Response:
    """Let a second officer put up to 500 drafted powers on their lists, or off them, all just as they were read or none."""
    read = [(one.key, one.version) for one in body.drafts]

    async def act(tx: Tx[Catalog]) -> Answer:
        published = await handlers.publish_list(tx, read, by=write.caller)
        return Answer(status=200, body=PowersDrafted(drafts=[_drafted(one, changed=True) for one in published]))

    return await write(act)


def _drafted(proposal: Proposal, *, changed: bool) -> PowerDrafted:
    return PowerDrafted(**answer_of(proposal, changed=changed).model_dump(), version=proposal.version)


@router.get("/powers/{key}/draft", operation_id="getPowerDraft", response_model=PowerBody)
async def get_power_draft(read: Annotated[Reader[Catalog], READER], key: PowerPath) -> Response:
    """The draft of a power that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, key)


@router.post("/powers/{key}/review", operation_id="publishPower", response_model=ProposalAnswer)
async def publish_power(write: Annotated[Writer[Catalog], WRITER], key: PowerPath, version: Annotated[int, VERSION]) -> Response:
    """Let a second officer put a drafted power on the list, or off it, just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_powers(tx, [key], by=write.caller, version=version))
