"""Forty-one counties that offer one item: the two of the seed and thirty-nine of its regions that offer nothing yet."""

from itertools import islice
from typing import Any

from stdnum.cn import uscc

from catalog_svc.seed.reading import Seed
from contracts.values import RegionCode
from tests.catalog.builders import LIUYANG, TONGGU, a_draft

FURTHER = tuple(
    islice(
        (one.code for one in Seed().regions() if one.level == "county" and one.code not in {LIUYANG, TONGGU} and one.valid_to is None), 39
    )
)
"""In the order of the seed."""
SLOWER, MILDER = FURTHER[3], FURTHER[17]
"""A county that promises a day more than the others, and one that asks for one material less."""


def organ_of(region: RegionCode) -> dict[str, Any]:
    """The market regulator of one of the further counties, as ``POST /organs`` takes it."""
    digits = f"11{region}MB0000{1:03d}"
    return {
        "code": digits + uscc.calc_check_digit(digits),
        "name": f"{region}市场监督管理局",
        "region": region,
        "hosted": True,
        "reconsideration_organ": "政府",
        "court": "法院",
    }


def draft_of(region: RegionCode) -> Any:
    """What a county drafts as its 个体工商户登记, with the differences that are planted."""
    if region in {LIUYANG, TONGGU}:
        return a_draft(region=region)
    draft = a_draft()
    draft["version"]["organ"] = organ_of(region)["code"]
    if region == SLOWER:
        draft["version"]["promised_limit"] = draft["version"]["promised_limit"] | {"amount": 3}
    if region == MILDER:
        draft["checklist"]["materials"].pop()
    return draft
