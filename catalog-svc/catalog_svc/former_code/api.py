"""The route of former codes: a number on an old receipt still finds its item."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from catalog_svc.context import Catalog
from catalog_svc.former_code import store
from catalog_svc.proposal.api import PUBLIC_FOR_A_WHILE
from chassis.doors import PUBLIC_READER, Reader
from contracts.codec import encode_object
from contracts.values import RegionCode

router = APIRouter(prefix="/v1/service-items/former-codes", tags=["service items"])


class FormerCodeShown(BaseModel):
    """A former code and its item of today."""

    code: str
    region: str
    organ: str
    item_id: str


class FormerCodeList(BaseModel):
    """Every region that used the code."""

    items: list[FormerCodeShown]


@router.get("", operation_id="findFormerCode", response_model=FormerCodeList)
async def find_former_code(
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    code: Annotated[
        str, Query(min_length=1, max_length=80, pattern=r"^[^\x00]*$", description="原平台上的编码 / the code on the former platform")
    ],
    region: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$")] = None,
) -> Response:
    """The items that a code of a former platform stands for, at most one in a region."""
    found = await store.find(read.tx, [code], region=None if region is None else RegionCode(region))
    return read.answer({"items": [encode_object(one) for one in found]}, headers=PUBLIC_FOR_A_WHILE)
