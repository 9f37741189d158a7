"""Reports: what can be received where, for anybody who asks; what nobody asks for, and how many cases are open, for those who watch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, StringConstraints

from chassis.doors import PUBLIC_READER, READER, Reader
from chassis.paging import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Limit, Pages
from contracts.values import ItemCode, ItemId, ItemVersionId, Mode, OrganCode, RegionCode, WindowId
from intake_svc.context import Intake
from intake_svc.report import handlers
from rules.catalogue import Published

router = APIRouter(tags=["windows"])

ItemGiven = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{31}$")]
VersionGiven = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{31}-v[0-9]{1,6}$")]
RegionQuery = Annotated[str, Query(pattern=r"^[0-9]{6,12}$")]


class ReceivingShown(BaseModel):
    """A window at which the item can be handed in."""

    window: WindowId
    region: RegionCode
    organ: OrganCode
    name: str
    name_en: str
    address: str
    mode: Mode


class ReceivingList(BaseModel):
    """A page of windows; it may hold fewer than the next one, or none."""

    items: list[ReceivingShown]
    next: str | None
    """Value of ``after`` for the next page."""


class ReportedItem(BaseModel):
    """An organ's item in force."""

    item_code: ItemCode
    item_id: str
    name: str
    organ: OrganCode
    effective_from: datetime
    """From when on its present version holds."""


class ItemsReported(BaseModel):
    """Items of a region's organs, by base code."""

    items: list[ReportedItem]


class UnservedItems(ItemsReported):
    """A page of them; it may hold fewer than the next one, or none."""

    next: str | None
    """Value of ``after`` for the next page."""


class OpenOnVersion(BaseModel):
    """Open cases of one version at one region."""

    version_id: ItemVersionId
    """Under which they were received and are finished."""
    region: RegionCode
    """Whose organ handles them."""
    cases: int
    """At least one."""


class OpenCases(BaseModel):
    """A page of counts by version and region; versions without an open case are left out."""

    at: datetime
    """When they were counted."""
    items: list[OpenOnVersion]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/v1/windows/receiving", operation_id="listReceivingWindows", response_model=ReceivingList)
async def list_receiving(
    read: Annotated[Reader[Intake], PUBLIC_READER],
    item: Annotated[str, Query(pattern=r"^[0-9A-Z]{12}$")],
    region: RegionQuery,
    within: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$", description="只看该地及以下 / only there and below")] = None,
    after: Annotated[str, Query(max_length=40, pattern=r"^[^\x00]*$")] = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The windows at which an item can be handed in for a region, by their skills and by the route (S-05)."""
    page = await handlers.find_receiving(
        read.tx,
        item=ItemCode(item),
        matter=RegionCode(region),
        within=None if within is None else RegionCode(within),
        after=after,
        limit=limit,
    )
    items = [
        ReceivingShown(
            window=one.window.window,
            region=one.window.region,
            organ=one.window.organ,
            name=one.window.name,
            name_en=one.window.name_en,
            address=one.window.address,
            mode=one.mode,
        )
        for one in page.found
    ]
    return read.answer(ReceivingList(items=items, next=page.after), headers={"cache-control": "public, max-age=60"})


@router.get("/v1/windows/unserved", operation_id="listUnservedItems", response_model=UnservedItems)
async def list_unserved(
    read: Annotated[Reader[Intake], READER],
    region: RegionQuery,
    after: Annotated[str, Query(max_length=40, pattern=r"^[^\x00]*$")] = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The items that organs of a region offer and that can be handed in at no window there, for its supervisors (S-43)."""
    page = await handlers.find_unserved(read.tx, RegionCode(region), after=after, limit=limit, by=read.caller)
    return read.answer(UnservedItems(items=_reported(page.found).items, next=page.after))


@router.get("/v1/reports/unused-items", operation_id="listUnusedItems", response_model=ItemsReported)
async def list_unused(
    read: Annotated[Reader[Intake], READER],
    region: RegionQuery,
    days: Annotated[int, Query(ge=1, le=1100, description="时间窗口,天 / days looked back")] = 365,
) -> Response:
    """The items that organs of a region offered all the time and that nobody applied for, for its supervisors (S-40)."""
    return read.answer(_reported(await handlers.find_unused(read.tx, RegionCode(region), days=days, by=read.caller)))


@router.get("/v1/reports/open-cases", operation_id="countOpenCases", response_model=OpenCases)
async def count_open(
    read: Annotated[Reader[Intake], READER],
    item: Annotated[list[ItemGiven], Query(min_length=1, max_length=MAX_LIMIT, description="实施清单 / service items")],
    version: Annotated[list[VersionGiven], Query(max_length=MAX_LIMIT, description="只数这些版本 / only these versions")] = [],  # noqa: B006 - FastAPI copies it
    after: Cursor = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """How many open cases stand on each version of these items, by region, for officers of the catalogue and supervisors; no case is named.

    Only cases handled in the caller's region or below are counted.
    """
    pages = Pages(vault=read.context.vault, scope=("open-cases", *item, "", *version))
    position = pages.position(after)
    counts = await handlers.count_open(
        read.tx,
        [ItemId(one) for one in item],
        versions=[ItemVersionId(one) for one in version],
        by=read.caller,
        position=None if position is None else (str(position[0]), str(position[1])),
        limit=limit,
    )
    items = [OpenOnVersion(version_id=one, region=region, cases=cases) for one, region, cases in counts.found]
    return read.answer(OpenCases(at=read.tx.at, items=items, next=None if counts.after is None else pages.cursor(counts.after)))


def _reported(found: list[Published]) -> ItemsReported:
    return ItemsReported(
        items=[
            ReportedItem(
                item_code=one.shape.item_code,
                item_id=one.item_id,
                name=one.shape.name,
                organ=one.organ,
                effective_from=one.effective_from,
            )
            for one in found
        ]
    )
