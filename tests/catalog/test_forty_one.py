"""One base item and forty-one counties: what a change of it would touch, what differs from it, and what everybody hears of it."""

from typing import Any

import pytest

from contracts.caller import Role
from contracts.documents import VERSIONS
from contracts.values import RegionCode
from tests.catalog.builders import LIUYANG, NATIONAL_AUTHOR, NATIONAL_REVIEWER, SOLE_TRADER, TONGGU, Service, a_draft, officer
from tests.catalog.counties import FURTHER, MILDER, SLOWER, draft_of, organ_of
from tests.support.line import until


async def publish_in(service: Service, region: RegionCode) -> str:
    author, reviewer = (officer(role, region=region) for role in (Role.CATALOGUE_AUTHOR, Role.CATALOGUE_REVIEWER))
    organ = organ_of(region)
    assert (await service.post("/organs", organ, by=author)).status_code == 201
    assert (await service.post(f"/organs/{organ['code']}/review", by=reviewer)).status_code == 200
    drafted = await service.post("/service-items", draft_of(region), by=author)
    assert drafted.status_code == 201, drafted.text
    version: str = drafted.json()["version_id"]
    assert (await service.post(f"/service-items/versions/{version}/review", by=reviewer)).status_code == 200
    assert (await service.post(f"/service-items/versions/{version}/publication", {}, by=reviewer)).status_code == 200
    return version


@pytest.fixture
async def counties(service: Service) -> dict[RegionCode, str]:
    """The version of every further county, in force."""
    made = {region: await publish_in(service, region) for region in FURTHER}
    last = made[FURTHER[-1]].rpartition("-v")[0]

    async def in_force() -> bool:
        return (await service.get(f"/service-items/{last}")).status_code == 200

    await until("the last county's version is in force", in_force)
    return made


async def report(service: Service, kind: str) -> list[Any]:
    found: list[Any] = []
    after: str | None = ""
    while after is not None:
        path = f"/base-items/{SOLE_TRADER}/{kind}?limit=20&after={after}"
        page = (await service.get_as(path, by=NATIONAL_REVIEWER)).json()
        found += page["touched" if kind == "impact" else "items"]
        after = page["next"]
    return found


async def fix(service: Service, *elements: dict[str, Any], publish: bool) -> None:
    base = (await service.get(f"/base-items/{SOLE_TRADER}")).json() | {"elements": list(elements)}
    assert (await service.post("/base-items", base, by=NATIONAL_AUTHOR)).status_code == 201
    if publish:
        assert (await service.post(f"/base-items/{SOLE_TRADER}/review", by=NATIONAL_REVIEWER)).status_code == 200


async def test_the_drift_of_forty_one_counties_is_exactly_what_was_planted(service: Service, counties: dict[RegionCode, str]) -> None:
    draft = a_draft()
    await fix(
        service,
        {"field": "promised_limit", "lock": "locked", "value": draft["version"]["promised_limit"]},
        {"field": "materials", "lock": "narrowable", "value": [one["code"] for one in draft["checklist"]["materials"]]},
        publish=True,
    )

    found = {one["region"]: [(drift["field"], drift["allowed"]) for drift in one["drifts"]] for one in await report(service, "drift")}

    assert found == {SLOWER: [("promised_limit", False)], MILDER: [("materials", True)]}
    assert len({*counties, LIUYANG, TONGGU}) == 41


async def test_before_a_change_is_published_its_impact_names_all_forty_one_and_nothing_has_moved(
    service: Service, counties: dict[RegionCode, str]
) -> None:
    await service.skip()
    one_day = a_draft()["version"]["promised_limit"] | {"amount": 1}

    await fix(service, {"field": "promised_limit", "lock": "locked", "value": one_day}, publish=False)
    touched = await report(service, "impact")
    before = await service.hear()
    await service.post(f"/base-items/{SOLE_TRADER}/review", by=NATIONAL_REVIEWER)

    assert {one["region"] for one in touched} == {*counties, LIUYANG, TONGGU}
    assert before == []
    drifting = {one["region"] for one in await report(service, "drift") if not all(drift["allowed"] for drift in one["drifts"])}
    assert drifting == {*counties, LIUYANG, TONGGU}
    assert [key for topic, key, _ in await service.hear() if topic == VERSIONS] == []
