"""Routes of negative lists."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from catalog_svc.context import Catalog
from catalog_svc.negative_list import handlers, store
from catalog_svc.negative_list.domain import MOST, Edition, searched
from catalog_svc.negative_list.store import Sought
from catalog_svc.proposal.api import (
    PUBLIC_FOR_A_WHILE,
    After,
    Body,
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
from contracts.codec import decode, encode, encode_object
from contracts.values import JsonObject, RegionCode
from rules.workdays import local_day

router = APIRouter(tags=["negative lists"])

Industry = Annotated[str, StringConstraints(pattern=r"^[A-T]([0-9]{2,4})?$")]
MeasureText = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]

KindQuery = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$", description="清单 / the list, e.g. foreign-investment")]
EditionQuery = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$", description="版本 / an edition's id")]
RegionQuery = Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")]
DayQuery = Annotated[date | None, Query(description="该日有效 / in force on that day, Asia/Shanghai")]
DayOrToday = Annotated[
    date | None,
    Query(
        description="该日有效;未指定日期和版本的,当日有效 / in force on that day, Asia/Shanghai; today where neither day nor edition is given"
    ),
]
EntryAfter = Annotated[str, Query(max_length=80, pattern=r"^([a-z0-9][a-z0-9-]{2,63}/[1-9][0-9]{0,5})?$")]
TextQuery = Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$", description="须全部出现的词 / words that must all occur")]


class EntryBody(Body):
    """One measure."""

    number: Annotated[int, Field(ge=1, le=MOST)]
    field: NameText
    measure: MeasureText
    industries: Annotated[list[Industry], Field(max_length=20, default_factory=list)]


class EditionBody(Body):
    """An edition of a list as it is drafted: as a whole, as the order puts it in force."""

    edition_id: KeyText
    kind: KeyText
    name: NameText
    name_en: NameText
    region: RegionText
    issued_by: Annotated[list[NameText], Field(min_length=1, max_length=10)]
    order: NameText
    edition: NameText
    valid_from: date
    valid_to: date | None = None
    """Exclusive."""
    entries_total: Annotated[int, Field(ge=1, le=MOST)]
    """As published; with fewer entries the edition says of itself that it is not complete."""
    verbatim: bool
    """False where the measures stand in a short form."""
    entries: Annotated[list[EntryBody], Field(min_length=1, max_length=MOST)]


class EditionDraft(EditionBody):
    """An edition as it is drafted, or as it was read."""

    entries_held: Annotated[int, Field(default=0, ge=0, le=MOST, json_schema_extra={"readOnly": True})]
    complete: Annotated[bool, Field(default=True, json_schema_extra={"readOnly": True})]
    """As they were read; the entries themselves say so."""


class EditionShown(BaseModel):
    """An edition without its entries: which list, by which order, how much of it."""

    edition_id: str
    kind: str
    name: str
    name_en: str
    region: RegionCode
    issued_by: list[str]
    order: str
    edition: str
    valid_from: date
    valid_to: date | None
    """Exclusive; None while nothing has taken its place."""
    entries_total: int
    """How many entries were published."""
    entries_held: int
    """How many of them stand here."""
    complete: bool
    verbatim: bool
    """False where the measures stand here in a short form of the published wording, which alone holds."""


class WholeEdition(EditionShown):
    """An edition with its entries, by number as drafted."""

    entries: list[EntryBody]


class EditionList(BaseModel):
    """A page of editions."""

    items: list[EditionShown]
    next: str | None
    """Value of ``after`` for the next page."""


class EntryShown(BaseModel):
    """A measure and the edition that it stands in."""

    edition: EditionShown
    number: int
    field: str
    measure: str
    industries: list[str]


class EntryList(BaseModel):
    """A page of measures."""

    items: list[EntryShown]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/v1/negative-lists/{edition_id}", operation_id="getNegativeList", response_model=WholeEdition)
async def get_negative_list(read: Annotated[Reader[Catalog], PUBLIC_READER], edition_id: KeyPath) -> Response:
    """An edition with all its entries, in force or not."""
    edition, version = await handlers.get_edition(read.tx, edition_id)
    return read.answer({**_shown(edition), "entries": encode(edition.entries)}, etag=version, headers=PUBLIC_FOR_A_WHILE)


@router.get("/v1/negative-lists", operation_id="listNegativeLists", response_model=EditionList)
async def list_negative_lists(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    kind: KindQuery = None,
    region: RegionQuery = None,
    day: DayQuery = None,
    after: After = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The editions by id, without their entries."""
    sought = Sought(kind=kind, region=None if region is None else RegionCode(region), day=day)
    found = await store.list_editions(read.tx, sought, after=after, limit=limit)
    return answer_page(read, found, limit=limit, key=lambda one: one.edition_id, shown=_shown)


@router.get("/v1/negative-list-entries", operation_id="findNegativeListEntries", response_model=EntryList)
async def find_negative_list_entries(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    q: TextQuery = "",
    kind: KindQuery = None,
    edition: EditionQuery = None,
    region: RegionQuery = None,
    day: DayOrToday = None,
    after: EntryAfter = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Look measures up by their words, their field or industry code, list, edition and day (S-41)."""
    last, _, number = after.partition("/")
    sought = Sought(
        words=tuple(word for word in (searched(word) for word in q.split()) if word),
        kind=kind,
        edition_id=edition,
        region=None if region is None else RegionCode(region),
        day=local_day(read.tx.at) if day is None and edition is None else day,
    )
    found = await store.find_entries(read.tx, sought, after=(last, int(number or 0)), limit=limit)
    return answer_page(
        read,
        found,
        limit=limit,
        key=lambda one: f"{one[0].edition_id}/{one[1].number}",
        shown=lambda one: {"edition": _shown(one[0]), **encode_object(one[1])},
    )


@router.post("/v1/negative-lists", operation_id="draftNegativeList", status_code=201, response_model=ProposalAnswer)
async def draft_negative_list(
    write: Annotated[Writer[Catalog], WRITER], body: EditionDraft, over: Annotated[int | None, VERSION_IF_ANY]
) -> Response:
    """Draft an edition; the same content again changes nothing, over another's draft it goes with that one's tag."""
    edition = decode(Edition, body.model_dump(mode="json", exclude={"entries_held", "complete"}))

    return await draft(write, lambda tx: handlers.propose_editions(tx, [edition], by=write.caller, over=over), key=edition.edition_id)


@router.get("/v1/negative-lists/{edition_id}/draft", operation_id="getNegativeListDraft", response_model=EditionBody)
async def get_negative_list_draft(read: Annotated[Reader[Catalog], READER], edition_id: KeyPath) -> Response:
    """The draft of an edition that waits for review, for those who may write it and those who may review it."""
    return await answer_draft(read, handlers.DOCUMENTS, edition_id)


@router.post("/v1/negative-lists/{edition_id}/review", operation_id="publishNegativeList", response_model=ProposalAnswer)
async def publish_negative_list(
    write: Annotated[Writer[Catalog], WRITER], edition_id: KeyPath, version: Annotated[int, VERSION]
) -> Response:
    """Let a second officer publish a drafted edition just as it was read: ``If-Match`` is the draft's tag."""
    return await review(write, lambda tx: handlers.publish_editions(tx, [edition_id], by=write.caller, version=version))


def _shown(edition: Edition) -> JsonObject:
    head = {name: value for name, value in encode_object(edition).items() if name != "entries"}
    return {**head, "entries_held": len(edition.entries), "complete": edition.complete}
