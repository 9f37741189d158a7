"""Windows over HTTP, for anybody who looks for one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from chassis.doors import PUBLIC_READER, Reader
from contracts.values import ItemCode, OrganCode, RegionCode, WindowId
from intake_svc.context import Intake
from intake_svc.hall import store

router = APIRouter(tags=["windows"])


class WindowShown(BaseModel):
    """A window that is open."""

    window: WindowId
    region: RegionCode
    organ: OrganCode
    name: str
    name_en: str
    address: str
    skills: list[ItemCode]
    """Base codes; ``*`` for every item."""


class WindowList(BaseModel):
    """The open windows of a region."""

    items: list[WindowShown]


@router.get("/v1/windows", operation_id="listWindows", response_model=WindowList)
async def list_windows(read: Annotated[Reader[Intake], PUBLIC_READER], region: Annotated[str, Query(pattern=r"^[0-9]{6}$")]) -> Response:
    """The open windows of a region."""
    found = await store.list_windows(read.tx, RegionCode(region))
    items = [
        WindowShown(
            window=one.window,
            region=one.region,
            organ=one.organ,
            name=one.name,
            name_en=one.name_en,
            address=one.address,
            skills=sorted(one.skills),
        )
        for one in found
    ]
    return read.answer(WindowList(items=items), headers={"cache-control": "public, max-age=60"})
