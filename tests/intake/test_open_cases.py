"""How many open cases stand on which version of an item: counted, never shown, and only what is still open."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.caller import Caller, Role
from contracts.values import NATION, ItemVersionId, RegionCode
from tests.contracts.builders import LIUYANG, LIUYANG_MARKET, TRADER, a_version
from tests.intake.builders import CLERK, LIUYANG_CLERK, MACHINE, REVIEWER, SECRETS, SUPERVISOR, Service, ended, person, publish, staff

ITEM = f"{LIUYANG_MARKET}4{TRADER}"
OTHER = f"{LIUYANG_MARKET}4000131001001"
OLD, NEW = ItemVersionId(f"{ITEM}-v1"), ItemVersionId(f"{ITEM}-v12")
NATIONAL = staff("national-author", Role.CATALOGUE_AUTHOR, region=NATION)
HUNAN, JIANGXI = (replace(NATIONAL, region=RegionCode(region)) for region in ("430000", "360000"))

Counted = tuple[str, str, int]


@pytest.fixture
async def stood(service: Service) -> Service:
    """Three cases on the first version of an item, two on its twelfth, which took its place."""
    now = service.context.now.now()
    publish(service.context, a_version(effective_to=now - timedelta(days=1)))
    publish(service.context, a_version(version_id=OLD, version=2, effective_from=now - timedelta(days=1)))
    for _ in range(3):
        await service.received()
    now = service.context.now.now()
    publish(service.context, a_version(version_id=OLD, version=2, effective_from=now - timedelta(days=1), effective_to=now))
    publish(service.context, a_version(version_id=NEW, version=13, effective_from=now))
    for _ in range(2):
        await service.received()
    return service


async def count(service: Service, *items: str, by: Caller = NATIONAL, limit: int = 50, versions: tuple[str, ...] = ()) -> list[Counted]:
    """Every row, page by page."""
    found: list[Counted] = []
    after: str | None = ""
    asked = "&".join([*(f"item={one}" for one in items), *(f"version={one}" for one in versions)])
    while after is not None:
        answer = await service.get(f"/v1/reports/open-cases?{asked}&limit={limit}&after={after}", by=by)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        found += [(one["version_id"], one["region"], one["cases"]) for one in page["items"]]
        after = page["next"]
    return found


async def test_open_cases_are_counted_on_the_version_that_each_was_received_under(stood: Service) -> None:
    assert await count(stood, ITEM, OTHER) == [(OLD, LIUYANG, 3), (NEW, LIUYANG, 2)]
    assert await count(stood, OTHER) == []
    assert await count(stood, ITEM, versions=(NEW,)) == [(NEW, LIUYANG, 2)]


async def test_a_case_that_is_closed_counts_no_more(stood: Service) -> None:
    last = await stood.received()

    before = await count(stood, ITEM)
    await stood.hear(ended(last["case_id"]), position=1)
    after = await count(stood, ITEM)

    assert (before[1], after[1]) == ((NEW, LIUYANG, 3), (NEW, LIUYANG, 2))


async def test_counts_come_in_pages_of_one_question(stood: Service) -> None:
    whole = await count(stood, ITEM, OTHER)

    assert await count(stood, ITEM, OTHER, limit=1) == whole
    page = (await stood.get(f"/v1/reports/open-cases?item={ITEM}&limit=1", by=NATIONAL)).json()
    other = await stood.get(f"/v1/reports/open-cases?item={OTHER}&after={page['next']}", by=NATIONAL)
    assert (other.status_code, other.json()["rule"]) == (422, "paging.cursor")


@pytest.mark.parametrize("by", [NATIONAL, HUNAN, SUPERVISOR, staff("r", Role.CATALOGUE_REVIEWER, region=LIUYANG)])
async def test_officers_count_what_is_handled_in_their_region_and_below(stood: Service, by: Caller) -> None:
    assert [cases for _, _, cases in await count(stood, ITEM, by=by)] == [3, 2]


async def test_what_is_handled_elsewhere_is_not_counted(stood: Service) -> None:
    """江西 received these cases and decides none of them."""
    assert await count(stood, ITEM, by=JIANGXI) == []


@pytest.mark.parametrize("by", [CLERK, LIUYANG_CLERK, REVIEWER, MACHINE, person()])
async def test_nobody_else_counts_cases(stood: Service, by: Caller) -> None:
    answer = await stood.get(f"/v1/reports/open-cases?item={ITEM}", by=by)

    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")


async def test_a_count_tells_nothing_of_a_case_or_a_person(stood: Service) -> None:
    answer = await stood.get(f"/v1/reports/open-cases?item={ITEM}", by=NATIONAL)

    assert {name for one in answer.json()["items"] for name in one} == {"version_id", "region", "cases"}
    assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.parametrize("query", ["", "item=", "item=x", f"item={ITEM}-v1", f"item={ITEM}&version=v1", "&".join([f"item={ITEM}"] * 201)])
async def test_what_is_no_item_or_too_many_of_them_is_refused(service: Service, query: str) -> None:
    answer = await service.get(f"/v1/reports/open-cases?{query}", by=NATIONAL)

    assert (answer.status_code, answer.json()["rule"]) == (422, "request.malformed")
