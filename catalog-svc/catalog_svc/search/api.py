"""Routes of the search."""

from typing import Annotated, Literal, cast

from fastapi import APIRouter, BackgroundTasks, Query, Response
from pydantic import BaseModel

from catalog_svc.context import Catalog
from catalog_svc.proposal.api import NOT_TO_BE_KEPT, PUBLIC_FOR_A_WHILE, OwnHeard
from catalog_svc.search import handlers
from catalog_svc.search.domain import Wanted
from catalog_svc.search.handlers import Found
from chassis.doors import PUBLIC_READER, READER, Reader
from chassis.paging import DEFAULT_LIMIT, Cursor, Limit, Pages
from contracts.codec import encode_object
from contracts.elements import GrassRootsLevel, GrassRootsList
from contracts.values import NATION, Json, JsonObject, Mode, RegionCode
from rules.catalogue import Catalogue, Published

router = APIRouter(prefix="/v1", tags=["search"])


class Offer(BaseModel):
    """An organ's service item."""

    item_id: str
    version_id: str
    region: str
    region_name: str
    organ: str
    organ_name: str
    modes: list[Mode]


class FoundShown(BaseModel):
    """An item of the base directory that the query may mean."""

    item_code: str
    name: str
    score: float
    why: str
    on_national_list: bool
    listed_by: str
    """``list``: a public text says so; ``high``: from memory; ``service``: not claimed."""
    service_items: list[Offer]
    """At most five, nearest to the region first."""


class SearchShown(BaseModel):
    """What was found."""

    items: list[FoundShown]
    next: int | None
    """Value of ``skip`` for the next page."""


class MissShown(BaseModel):
    """Words that people looked for in vain."""

    region: str
    words: str
    times: int
    first_at: str
    last_at: str


class MissList(BaseModel):
    """A page of searches in vain."""

    items: list[MissShown]
    next: str | None
    """Value of ``cursor`` for the next page."""


@router.get("/search", operation_id="searchItems", response_model=SearchShown)
async def search_items(
    heard: OwnHeard,
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    later: BackgroundTasks,
    q: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$", description="不填则列出全部 / every item when left out")] = "",
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$", description="最近的在前 / nearest offers first")] = None,
    here: Annotated[
        Literal["true", "false"], Query(description="只看该地窗口可收或机关可办的 / only what can be received or decided there")
    ] = "false",
    mode: Annotated[Mode | None, Query(description="只看以此方式可办的 / only what is offered in this mode")] = None,
    level: Annotated[GrassRootsLevel | None, Query(description="只看该层级清单上的 / only what is on a list of this level")] = None,
    on_list: Annotated[GrassRootsList | None, Query(alias="list", description="只看该清单上的 / only what is on this list")] = None,
    skip: Annotated[int, Query(ge=0, le=200)] = 0,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """The items that a query most likely means: by name, pinyin, initials, everyday words, or with a typo."""
    wanted = Wanted(region=None if region is None else RegionCode(region), here=here == "true", mode=mode, level=level, on_list=on_list)
    page = await handlers.search(read.tx, q, wanted=wanted, skip=skip, limit=limit)
    if page.missed is not None:
        later.add_task(handlers.keep_miss, read.context, page.missed, region=wanted.region)
    if page.stale:
        later.add_task(handlers.renew, read.context)
    items: list[Json] = [_shown(one, read.context.catalogue) for one in page.found]
    read.behind = read.behind or not heard
    body: JsonObject = {"items": items, "next": skip + limit if page.more else None}
    return read.answer(body, headers=PUBLIC_FOR_A_WHILE if heard else NOT_TO_BE_KEPT)


@router.get("/search/misses", operation_id="listSearchMisses", response_model=MissList)
async def list_misses(
    read: Annotated[Reader[Catalog], READER],
    region: Annotated[str, Query(pattern=r"^[0-9]{6,12}$")] = NATION,
    cursor: Cursor = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """What people of a region looked for in vain, the most frequent first: words only, and only those of several searches."""
    pages = Pages(vault=read.context.vault, scope=("search-misses", region))
    after = cast("tuple[int, str, str] | None", pages.position(cursor))
    found = await handlers.list_misses(read.tx, region=RegionCode(region), by=read.caller, after=after, limit=limit)
    items: list[Json] = [encode_object(one) for one in found]
    following = pages.cursor((found[-1].times, found[-1].region, found[-1].words)) if len(found) == limit else None
    return read.answer({"items": items, "next": following})


def _shown(found: Found, catalogue: Catalogue) -> JsonObject:
    return {
        "item_code": found.hit.item_code,
        "name": found.hit.name,
        "score": found.hit.score,
        "why": found.hit.why,
        "on_national_list": found.base.on_national_list,
        "listed_by": found.base.listed,
        "service_items": [_offer(one, catalogue) for one in found.offers],
    }


def _offer(entry: Published, catalogue: Catalogue) -> JsonObject:
    region, organ = catalogue.region(entry.region), catalogue.organ(entry.organ)
    return {
        "item_id": entry.item_id,
        "version_id": entry.version_id,
        "region": entry.region,
        "region_name": "" if region is None else region.name,
        "organ": entry.organ,
        "organ_name": "" if organ is None else organ.name,
        "modes": [mode.value for mode in entry.shape.modes],
    }
