"""A move to another organ changes hands when it begins: until then the holder holds, and one that is taken back was never made."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.caller import Role
from tests.catalog.builders import (
    AUTHOR,
    LIUYANG,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER_ITEM,
    TONGGU,
    Service,
    a_draft,
    officer,
)
from tests.catalog.runs import a_row, checked, flaws
from tests.catalog.tables import HEADINGS, a_workbook
from tests.catalog.test_bulk_steps import counts, days_pass

AUTHOR_OF_TONGGU = officer(Role.CATALOGUE_AUTHOR, region=TONGGU)
REVIEWER_OF_TONGGU = officer(Role.CATALOGUE_REVIEWER, region=TONGGU)
NEIGHBOUR = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]["organ"]
"""Another organ of 浏阳."""


def of_tonggu(fees: str) -> Any:
    draft = a_draft(region=TONGGU)
    draft["texts"]["fees"] = fees
    return {**draft, "item_id": SOLE_TRADER_ITEM}


def of_neighbour(fees: str) -> Any:
    draft = own(fees)
    draft["version"]["organ"] = NEIGHBOUR
    return draft


def own(fees: str) -> Any:
    draft = a_draft()
    draft["texts"]["fees"] = fees
    return draft


async def moved(service: Service, begins: datetime) -> str:
    """The item of 浏阳 goes to 铜鼓 at that instant, as the nation's officers say; the path of the version."""
    drafted = await service.post("/service-items", of_tonggu("一"), by=NATIONAL_AUTHOR)
    path = f"/service-items/versions/{drafted.json()['version_id']}"
    await service.post(f"{path}/review", by=NATIONAL_REVIEWER)
    answer = await service.post(f"{path}/publication", {"effective_from": begins.isoformat()}, by=NATIONAL_REVIEWER)
    assert answer.status_code == 200, answer.text
    return path


async def published(service: Service, draft: Any, *, author: Any, reviewer: Any, begins: datetime | None = None) -> Any:
    """What the last of the three acts answers, or the first that is refused."""
    drafted = await service.post("/service-items", draft, by=author)
    if drafted.is_error:
        return drafted
    path = f"/service-items/versions/{drafted.json()['version_id']}"
    assert (await service.post(f"{path}/review", by=reviewer)).status_code == 200
    return await service.post(f"{path}/publication", {"effective_from": None if begins is None else begins.isoformat()}, by=reviewer)


async def in_force(service: Service) -> tuple[str, str]:
    version = (await service.get(f"/service-items/{SOLE_TRADER_ITEM}")).json()["version"]
    return version["version_id"].removeprefix(SOLE_TRADER_ITEM), version["region"]


async def test_a_move_that_is_taken_back_leaves_the_item_to_the_county_that_holds_it(service: Service) -> None:
    path = await moved(service, datetime.now(UTC) + timedelta(hours=20))
    assert (await service.post(f"{path}/withdrawal", by=NATIONAL_REVIEWER)).status_code == 200

    theirs = await service.post("/service-items", of_tonggu("二"), by=AUTHOR_OF_TONGGU)
    mine = await published(service, own("本县"), author=AUTHOR, reviewer=REVIEWER)

    await days_pass(service, 1)
    assert (theirs.status_code, mine.status_code) == (403, 200)
    assert await in_force(service) == ("-v3", LIUYANG)


async def test_until_a_move_begins_each_county_writes_for_its_own_time(service: Service) -> None:
    begins = datetime.now(UTC) + timedelta(hours=20)
    await moved(service, begins)

    before = await published(service, own("二"), author=AUTHOR, reviewer=REVIEWER)
    too_early = await published(
        service, of_tonggu("三"), author=AUTHOR_OF_TONGGU, reviewer=REVIEWER_OF_TONGGU, begins=begins - timedelta(hours=1)
    )
    too_late = await published(service, own("四"), author=AUTHOR, reviewer=REVIEWER, begins=begins + timedelta(hours=1))
    after = await published(
        service, of_tonggu("五"), author=AUTHOR_OF_TONGGU, reviewer=REVIEWER_OF_TONGGU, begins=begins + timedelta(hours=2)
    )

    assert [one.status_code for one in (before, too_early, too_late, after)] == [200, 403, 403, 200]
    assert datetime.fromisoformat(before.json()["effective_to"]) == begins
    await days_pass(service, 2)
    assert await in_force(service) == ("-v6", TONGGU)


async def test_a_county_that_an_item_moved_away_from_writes_for_it_no_more(service: Service) -> None:
    await moved(service, datetime.now(UTC) + timedelta(hours=20))
    await days_pass(service, 1)

    back = await service.post("/service-items", {**own("二"), "item_id": SOLE_TRADER_ITEM}, by=AUTHOR)
    next_one = await published(service, of_tonggu("二"), author=AUTHOR_OF_TONGGU, reviewer=REVIEWER_OF_TONGGU)

    assert (back.status_code, next_one.status_code) == (403, 200)


async def test_nobody_takes_the_place_of_an_item_that_goes_to_another_county_later(service: Service) -> None:
    await moved(service, datetime.now(UTC) + timedelta(hours=20))
    heir = a_draft("普通货运车辆网上年审")
    heir["version"] |= {"succeeds": [SOLE_TRADER_ITEM]}

    answer = await service.post("/service-items", heir, by=AUTHOR)

    assert answer.status_code == 403


async def test_an_organ_imports_its_item_while_a_move_waits_and_after_it_was_taken_back(service: Service) -> None:
    begins = datetime.now(UTC) + timedelta(hours=10)
    waiting = await service.publish({**of_neighbour("一"), "item_id": SOLE_TRADER_ITEM}, effective_from=begins.isoformat())
    row = a_workbook([HEADINGS, a_row(fees="新收费")])
    while_it_waits = await checked(service, row)
    await service.post(f"/service-items/versions/{waiting['version_id']}/withdrawal", by=REVIEWER)

    run = await checked(service, row)
    others = (await service.post("/service-items", of_neighbour("三"), by=AUTHOR)).json()

    assert (await flaws(service, while_it_waits), await counts(service, while_it_waits)) == ([], {"good": 1})
    assert (await flaws(service, run), await counts(service, run)) == ([], {"good": 1})
    assert others["item_id"] == f"{NEIGHBOUR}4000131014000"


async def test_a_version_between_does_not_keep_an_item_from_the_organ_that_it_goes_to(service: Service) -> None:
    begins = datetime.now(UTC) + timedelta(hours=10)
    await service.publish({**of_neighbour("一"), "item_id": SOLE_TRADER_ITEM}, effective_from=begins.isoformat())
    await service.publish({**own("二"), "item_id": SOLE_TRADER_ITEM})
    await days_pass(service, 1)

    next_one = (await service.post("/service-items", of_neighbour("三"), by=AUTHOR)).json()

    assert next_one["version_id"] == f"{SOLE_TRADER_ITEM}-v4"
