"""An item whose place another takes ends there, whatever is published for it before or after, and goes on where that is taken back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, func, select, text, true

from catalog_svc.item.store import VERSIONS, list_successors, successors_query
from chassis.database import lock
from contracts.values import ItemCode, ItemId
from rules.competence import decide
from tests.catalog.builders import AUTHOR, LIUYANG, REVIEWER, SOLE_TRADER, SOLE_TRADER_ITEM, Service, a_draft
from tests.catalog.test_bulk_steps import days_pass
from tests.catalog.test_lineage import OTHER_ORGAN, changed, in_force

PART = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]
PART_ID = f"{PART['organ']}4{PART['item_code']}"
"""An item of 浏阳 that is merged into another."""


def of_the_part(fees: str) -> Any:
    draft = a_draft("道路货物运输驾驶员从业资格证换发补发")
    draft["texts"]["fees"] = fees
    return draft


def hours(count: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=count)).isoformat()


async def publication(service: Service, draft: Any, *, begins: str | None = None) -> Any:
    drafted = (await service.post("/service-items", draft, by=AUTHOR)).json()
    path = f"/service-items/versions/{drafted['version_id']}"
    await service.post(f"{path}/review", by=REVIEWER)
    return await service.post(f"{path}/publication", {"effective_from": begins}, by=REVIEWER)


async def taken_back(service: Service, version: Any) -> None:
    assert (await service.post(f"/service-items/versions/{version['version_id']}/withdrawal", by=REVIEWER)).status_code == 200


async def test_what_is_published_before_a_merger_begins_ends_with_its_item(service: Service) -> None:
    merger = await service.publish(changed(succeeds=[PART_ID]), effective_from=hours(20))

    before = await service.publish(of_the_part("十元"), effective_from=hours(10))

    assert before["effective_to"] == merger["effective_from"]
    start = datetime.fromisoformat(str(merger["effective_from"]))
    assert await in_force(service, PART_ID, start - timedelta(seconds=1)) == before["version_id"]
    assert await in_force(service, PART_ID, start) == "item.unknown"


async def test_of_two_organs_one_is_competent_though_the_former_published_after_the_other_took_over(service: Service) -> None:
    now = datetime.now(UTC)
    heir = await service.publish(changed(organ=OTHER_ORGAN, succeeds=[SOLE_TRADER_ITEM]), effective_from=hours(20))
    former = await service.publish(changed(), effective_from=hours(10))
    await service.hear_all()

    found = [
        decide(
            service.context.catalogue,
            item_code=ItemCode(SOLE_TRADER),
            receiving_region=LIUYANG,
            handling_region=LIUYANG,
            mode=None,
            at=now + timedelta(hours=later),
        )
        for later in (15, 30)
    ]

    assert [one.version_id for one in found] == [former["version_id"], heir["version_id"]]


async def test_an_item_does_not_come_back_by_a_draft_that_waited_while_another_took_its_place(service: Service) -> None:
    waiting = (await service.post("/service-items", of_the_part("十元"), by=AUTHOR)).json()["version_id"]
    heir = await service.publish(changed(succeeds=[PART_ID]))
    await days_pass(service, 1)

    await service.post(f"/service-items/versions/{waiting}/review", by=REVIEWER)
    answer = await service.post(f"/service-items/versions/{waiting}/publication", {}, by=REVIEWER)

    assert (answer.status_code, answer.json()["rule"], answer.json()["facts"]["successor"]) == (409, "item.ended", heir["version_id"])
    assert (await service.get(f"/service-items/{PART_ID}")).status_code == 404


async def test_nothing_is_published_for_a_time_in_which_another_has_the_items_place(service: Service) -> None:
    await service.publish(changed(succeeds=[PART_ID]), effective_from=hours(10))

    answer = await publication(service, of_the_part("十元"), begins=hours(20))

    assert (answer.status_code, answer.json()["rule"]) == (409, "item.ended")


async def test_an_item_whose_successor_is_withdrawn_can_be_published_again(service: Service) -> None:
    heir = await service.publish(changed(succeeds=[PART_ID]))
    await days_pass(service, 1)
    await taken_back(service, heir)

    answer = await publication(service, of_the_part("十元"))

    await days_pass(service, 1)
    assert answer.status_code == 200
    assert (await service.get(f"/service-items/{PART_ID}")).json()["version"]["version_id"] == answer.json()["version_id"]


async def test_a_draft_that_would_take_an_items_place_keeps_nobody_from_that_item(service: Service) -> None:
    draft = await service.post("/service-items", changed(succeeds=[PART_ID]), by=AUTHOR)
    assert draft.status_code == 201

    async with service.context.database.begin(service.context) as tx:
        await lock(tx, PART_ID)
        other = await publication(service, changed())

    assert (other.status_code, other.json().get("state")) == (200, "published")


async def test_a_merger_that_is_taken_back_gives_back_what_was_to_begin_after_it(service: Service) -> None:
    later = await service.publish(of_the_part("十元"), effective_from=hours(20))
    merger = await service.publish(changed(succeeds=[PART_ID]), effective_from=hours(10))
    now = datetime.now(UTC)
    after = [now + timedelta(hours=count) for count in (5, 15, 30)]
    merged = [await in_force(service, PART_ID, at) for at in after]
    cut = (await service.documents(), (await service.get(f"/service-items/versions/{later['version_id']}")).json())

    await taken_back(service, merger)

    told = {key: data for _, key, data in await service.documents()}
    assert merged == [f"{PART_ID}-v1", "item.unknown", "item.unknown"]
    assert (cut[1]["version"]["state"], cut[1]["version"]["effective_to"]) == ("withdrawn", later["effective_from"])
    assert [await in_force(service, PART_ID, at) for at in after] == [f"{PART_ID}-v1", f"{PART_ID}-v1", later["version_id"]]
    assert (told[str(later["version_id"])] or {})["state"] == "published"


async def test_what_takes_an_items_place_is_found_by_its_index_however_often_it_is_asked(service: Service) -> None:
    heir = await service.publish(changed(succeeds=[PART_ID]))
    ids = [ItemId(PART_ID), ItemId(SOLE_TRADER_ITEM)]
    async with service.context.database.begin(service.context) as tx:
        others = [column for column in VERSIONS.c if column.name not in {"version_id", "item_id"}]
        numbers = func.generate_series(1, 200).table_valued("number").render_derived()
        named = [column.concat(cast(numbers.c.number, Text)) for column in (VERSIONS.c.version_id, VERSIONS.c.item_id)]
        more = select(*named, *others).select_from(VERSIONS.join(numbers, true())).where(~VERSIONS.c.body.has_key("succeeds"))
        await tx.execute(VERSIONS.insert().from_select(["version_id", "item_id", *(one.name for one in others)], more))
        await tx.execute(text("analyze item_versions"))
        # As after five times on one connection: the plan must do for whatever the parameters are.
        await tx.execute(text("set local plan_cache_mode = force_generic_plan"))
        asked = successors_query(ids).compile(dialect=tx.connection.dialect)
        given = ", ".join(literal(json.dumps(asked.params[name])) for name in asked.positiontup or ())
        await tx.connection.exec_driver_sql(f"prepare asked as {asked}")
        plan = [row[0] for row in await tx.connection.exec_driver_sql(f"explain execute asked({given})")]
        found = await list_successors(tx, ids)

    assert any("ix_item_versions_succeeds" in line for line in plan), plan
    assert not any("Seq Scan" in line for line in plan), plan
    assert [one.version_id for one in found] == [heir["version_id"]]


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
