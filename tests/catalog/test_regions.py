"""A region in force stays where it is: what becomes of it is a new code, so that no matter changes its place as of yesterday."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.caller import Role
from contracts.values import JsonObject, RegionCode
from rules.workdays import local_day
from tests.catalog.builders import LIUYANG, NATIONAL_AUTHOR, NATIONAL_REVIEWER, Service, officer

HUNAN = RegionCode("430000")
AUTHOR = officer(Role.CATALOGUE_AUTHOR, region=HUNAN)
REVIEWER = officer(Role.CATALOGUE_REVIEWER, region=HUNAN)
COMING = "430199"


async def shown(service: Service, code: str) -> JsonObject:
    return {
        name: value for name, value in (await service.get(f"/regions/{code}")).json().items() if name not in {"behind", "successors_named"}
    }


def day(service: Service, days: int) -> str:
    return (local_day(service.context.now.now()) + timedelta(days=days)).isoformat()


def told(answer: Any) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.json()["rule"]) == (422, "region.unsound")
    return [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("changed", "defects"),
    [
        ({"parent": "430200"}, [("region.begun", "/parent")]),
        ({"level": "city", "parent": HUNAN}, [("region.begun", "/level"), ("region.begun", "/parent")]),
        ({"valid_from": "2030-01-01"}, [("region.begun", "/valid_from")]),
    ],
)
async def test_a_region_in_force_is_neither_moved_nor_raised(seeded: Service, changed: JsonObject, defects: list[tuple[str, str]]) -> None:
    answer = await seeded.post("/regions", await shown(seeded, LIUYANG) | changed, by=AUTHOR)

    assert told(answer) == defects


async def test_a_changed_region_is_a_new_code_and_the_old_one_ends_tomorrow_at_the_earliest(service: Service) -> None:
    new = {"code": COMING, "name": "浏阳区", "level": "county", "parent": "430100", "valid_from": day(service, 1)}
    assert (await service.post("/regions", new, by=AUTHOR)).status_code == 201
    assert (await service.post(f"/regions/{COMING}/review", by=REVIEWER)).status_code == 200
    old = await shown(service, LIUYANG) | {"successors": [COMING]}

    at_once = await service.post("/regions", old | {"valid_to": day(service, 0)}, by=AUTHOR)
    tomorrow = await service.post("/regions", old | {"valid_to": day(service, 1)}, by=AUTHOR)

    assert told(at_once) == [("region.ended-before", "/valid_to")]
    assert tomorrow.status_code == 201
    assert (await service.post(f"/regions/{LIUYANG}/review", by=REVIEWER)).status_code == 200
    service.context.now.set_offset(timedelta(days=1).total_seconds())
    again = await service.post("/regions", {**old, "valid_to": None}, by=AUTHOR)
    assert told(again) == [("region.ended-before", "/valid_to")]


async def test_until_a_region_begins_it_may_be_put_elsewhere_and_no_longer(service: Service) -> None:
    coming = {"code": COMING, "name": "试验县", "level": "county", "parent": "430100", "valid_from": day(service, 1)}
    for parent in ("430100", "430200"):
        assert (await service.post("/regions", coming | {"parent": parent}, by=AUTHOR)).status_code == 201
        assert (await service.post(f"/regions/{COMING}/review", by=REVIEWER)).status_code == 200
    assert (await service.post("/regions", coming | {"parent": "430100"}, by=AUTHOR)).status_code == 201
    service.context.now.set_offset(timedelta(days=1).total_seconds())

    answer = await service.post(f"/regions/{COMING}/review", by=REVIEWER)

    assert told(answer) == [("region.begun", "/parent")]
    assert (await shown(service, COMING))["parent"] == "430200"


async def test_the_nations_officers_put_right_what_was_published_wrongly(service: Service) -> None:
    body = await shown(service, LIUYANG) | {"parent": "430200"}

    assert (await service.post("/regions", body, by=NATIONAL_AUTHOR)).status_code == 201
    assert (await service.post(f"/regions/{LIUYANG}/review", by=NATIONAL_REVIEWER)).status_code == 200
    assert (await shown(service, LIUYANG))["parent"] == "430200"
