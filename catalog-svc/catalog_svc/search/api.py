"""The route of the search."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from catalog_svc.context import Catalog
from catalog_svc.proposal.api import NOT_TO_BE_KEPT, PUBLIC_FOR_A_WHILE, OwnHeard
from catalog_svc.search.handlers import Found, search
from chassis.doors import PUBLIC_READER, Reader
from contracts.values import Json, JsonObject, Mode, RegionCode
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


@router.get("/search", operation_id="searchItems", response_model=SearchShown)
async def search_items(
    heard: OwnHeard,
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    q: Annotated[str, Query(min_length=1, max_length=60, pattern=r"^[^\x00]*$")],
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """The items that a query most likely means: by name, pinyin, initials, everyday words, or with a typo."""
    found = await search(read.tx, q, region=None if region is None else RegionCode(region), limit=limit)
    items: list[Json] = [_shown(one, read.context.catalogue) for one in found]
    read.behind = read.behind or not heard
    return read.answer({"items": items}, headers=PUBLIC_FOR_A_WHILE if heard else NOT_TO_BE_KEPT)


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
