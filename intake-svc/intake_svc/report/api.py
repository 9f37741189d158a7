"""Reports: what can be received where, for anybody who asks, and what nobody asks for, for supervisors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from chassis.doors import PUBLIC_READER, READER, Reader
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.values import ItemCode, Mode, OrganCode, RegionCode, WindowId
from intake_svc.context import Intake
from intake_svc.report import handlers
from rules.catalogue import Published

router = APIRouter(tags=["windows"])

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
