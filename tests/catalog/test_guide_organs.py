"""Both guides name who decides, in whose name and with which remedies, as a route does: after a merger, and where power was handed on."""

from typing import Any

import pytest

from tests.catalog.builders import LIUYANG, MARKET, REVIEWER, SOLE_TRADER, SOLE_TRADER_ITEM, TONGGU, Service
from tests.catalog.test_bulk_steps import days_pass
from tests.catalog.test_delegations import APPROVALS, in_force
from tests.catalog.test_mergers import OTHER, merged


async def guides(service: Service, **query: str) -> tuple[Any, Any]:
    """What the guide that asks says of who decides, and what the printed one says."""
    step = await service.client.post(f"/v1/service-items/{SOLE_TRADER_ITEM}/guide", json={"answers": []}, params=query)
    page = await service.get(f"/service-guides/{SOLE_TRADER_ITEM}", query | {"format": "json"})
    assert (step.status_code, page.status_code) == (200, 200), (step.text, page.text)
    assert (step.json()["organ"], step.json()["organ_name"]) == (step.json()["deciding"]["code"], step.json()["deciding"]["name"])
    return step.json()["deciding"], page.json()["organ"]


async def routed(service: Service, *, region: str = LIUYANG, **query: str) -> Any:
    answer = await service.get("/routes", {"item": SOLE_TRADER, "region": region, "from": LIUYANG, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["route"]


async def assert_as_the_route_says(service: Service, *, region: str = LIUYANG) -> Any:
    route = await routed(service, region=region)
    told, shown = await guides(service, **({} if region == LIUYANG else {"region": region}))
    found = (await service.get("/service-guides", {"item": SOLE_TRADER, "region": region, "format": "json"})).json()["organ"]
    assert told == shown == found
    assert [told["code"], told["region"], told["sealed_as"], told["rule"]] == [
        *(route["handling_organ"], route["handling_region"], route["sealed_as"]),
        route["rule"],
    ]
    assert [one["code"] for one in told["assisting"]] == route["assisting"]
    return told


async def organ(service: Service, code: str) -> Any:
    return (await service.get(f"/organs/{code}")).json()


async def test_after_a_merger_the_organ_that_acts_is_named_with_its_remedies(service: Service) -> None:
    await merged(service)
    await days_pass(service, 1)
    await service.hear_all()

    told = await assert_as_the_route_says(service)

    now = await organ(service, OTHER)
    assert (told["code"], told["name"], told["court"]) == (OTHER, now["name"], now["court"])
    assert told["reconsideration_organ"] == now["reconsideration_organ"]
    page = (await service.get(f"/service-guides/{SOLE_TRADER_ITEM}", {"format": "html"})).text
    assert now["name"] in page
    assert (await organ(service, MARKET))["name"] not in page


async def test_before_the_merger_and_as_of_then_the_former_organ_is_named(service: Service) -> None:
    await service.hear_all()
    before = service.context.now.now().isoformat()
    await merged(service)
    await days_pass(service, 1)
    await service.hear()

    told, shown = await guides(service, as_of=before)

    assert told["code"] == shown["code"] == MARKET


async def test_a_version_that_ended_before_the_merger_names_the_organ_that_its_open_cases_are_now_with(service: Service) -> None:
    gone = await service.post(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1/withdrawal", by=REVIEWER)
    assert gone.status_code == 200, gone.text
    await days_pass(service, 1)
    await merged(service)
    await days_pass(service, 1)
    await service.hear_all()

    told, shown = await guides(service, version="1")

    assert told["code"] == shown["code"] == OTHER


@pytest.mark.parametrize(("kind", "name"), [("transfer", APPROVALS), ("delegation", MARKET)])
async def test_where_power_was_handed_on_the_guides_show_who_decides_in_whose_name_and_by_which_paper(
    service: Service, kind: str, name: str
) -> None:
    body: Any = await in_force(service, kind=kind, sealed_as=name)
    await service.hear_all()

    told = await assert_as_the_route_says(service)

    giver = await organ(service, name)
    assert (told["code"], told["sealed_as"], told["sealed_as_name"]) == (APPROVALS, name, giver["name"])
    assert (told["reconsideration_organ"], told["court"]) == (giver["reconsideration_organ"], giver["court"])
    paper = body["instrument"]
    assert [(one["kind"], one["delegator"], one["number"], one["title"]) for one in told["papers"]] == [
        (kind, MARKET, paper["number"], paper["title"])
    ]
    page = (await service.get(f"/service-guides/{SOLE_TRADER_ITEM}", {"format": "html"})).text
    assert (await organ(service, APPROVALS))["name"] in page
    assert f"《{paper['title']}》（{paper['number']}）" in page
    assert ("以其名义" in page) == (kind == "delegation")


async def test_what_was_handed_on_for_one_situation_is_told_there_alone(service: Service) -> None:
    await in_force(service, situations=["replace"])
    await service.hear_all()

    whole = (await service.get(f"/service-guides/{SOLE_TRADER_ITEM}", {"format": "json"})).json()
    alone = (await service.get(f"/service-guides/{SOLE_TRADER_ITEM}", {"format": "json", "situation": "replace"})).json()
    path = f"/v1/service-items/{SOLE_TRADER_ITEM}/guide"
    step = (await service.client.post(path, json={"answers": [{"fact": "matter", "value": "replace"}]})).json()

    assert whole["organ"]["code"] == MARKET
    others = {one["situation_id"]: one["organ"] and one["organ"]["code"] for one in whole["situations"]}
    assert others == {"open": None, "change": None, "cancel": None, "replace": APPROVALS}
    assert alone["organ"]["code"] == step["deciding"]["code"] == APPROVALS
    assert (await routed(service, situation="replace"))["handling_organ"] == APPROVALS


async def test_a_place_that_the_item_is_not_handled_for_is_refused(seeded: Service) -> None:
    for region, rule in ((TONGGU, "guide.region-elsewhere"), ("439999", "route.region-unknown")):
        step = await seeded.client.post(f"/v1/service-items/{SOLE_TRADER_ITEM}/guide", json={"answers": []}, params={"region": region})
        page = await seeded.get(f"/service-guides/{SOLE_TRADER_ITEM}", {"region": region})

        assert [(one.status_code, one.json()["rule"]) for one in (step, page)] == [(409, rule)] * 2
