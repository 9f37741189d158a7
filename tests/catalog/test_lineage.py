"""Items move to another organ, are split and merged: the umbrella survives, cases keep their version, and what was can be read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.caller import Role
from contracts.values import RegionCode
from tests.catalog.builders import (
    AUTHOR,
    LIUYANG,
    MARKET,
    REVIEWER,
    SOLE_TRADER,
    SOLE_TRADER_ITEM,
    TONGGU,
    Service,
    a_draft,
    officer,
)

OTHER_ORGAN = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]["organ"]
"""Another organ of 浏阳."""
YEARLY_ITEM = "{organ}4{item_code}".format(**a_draft("普通货运车辆网上年审")["version"])
HUNAN = RegionCode("430000")


def changed(**version: Any) -> Any:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    draft["version"] |= version
    return draft


async def in_force(service: Service, item_id: str, at: datetime) -> str:
    answer = await service.get(f"/service-items/{item_id}", {"at": at.isoformat()})
    return str(answer.json().get("version", {}).get("version_id", answer.json().get("rule")))


async def test_an_item_moves_to_a_merged_organ_under_its_umbrella(service: Service) -> None:
    published = await service.publish({**changed(organ=OTHER_ORGAN), "item_id": SOLE_TRADER_ITEM})

    assert published["version_id"] == f"{SOLE_TRADER_ITEM}-v2"
    shown = (await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v2")).json()["version"]
    former = (await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1")).json()["version"]
    assert (shown["item_id"], shown["organ"], shown["task_code"]) == (SOLE_TRADER_ITEM, OTHER_ORGAN, f"{OTHER_ORGAN}4{SOLE_TRADER}")
    assert (former["organ"], former["effective_to"]) == (MARKET, shown["effective_from"])
    follows = changed(organ=OTHER_ORGAN)
    follows["texts"]["fees"] = "二十元"
    again = await service.post("/service-items", follows, by=AUTHOR)
    assert again.json()["version_id"] == f"{SOLE_TRADER_ITEM}-v3"


async def test_a_moved_item_is_found_by_its_new_organ_and_old_cases_find_their_version(service: Service) -> None:
    await service.publish({**changed(organ=OTHER_ORGAN), "item_id": SOLE_TRADER_ITEM})
    await service.hear_all()

    catalogue = service.context.catalogue
    pinned = catalogue.parts(f"{SOLE_TRADER_ITEM}-v1")  # type: ignore[arg-type]
    later = datetime.now(UTC) + timedelta(seconds=10)
    entries = [one for one in catalogue.versions_of(SOLE_TRADER, LIUYANG) if one.in_force(later)]  # type: ignore[arg-type]

    assert pinned is not None
    assert [(one.item_id, one.organ) for one in entries] == [(SOLE_TRADER_ITEM, OTHER_ORGAN)]


async def test_nobody_takes_an_item_out_of_a_county_of_which_they_are_no_officer(service: Service) -> None:
    organ = a_draft(region=TONGGU)["version"]["organ"]
    draft = {**changed(organ=organ), "item_id": SOLE_TRADER_ITEM}

    answer = await service.post("/service-items", draft, by=officer(Role.CATALOGUE_AUTHOR, region=TONGGU))

    assert answer.status_code == 403


async def test_an_item_that_is_nobodys_cannot_move(seeded: Service) -> None:
    unknown = f"{MARKET}4000199999000"

    moved = await seeded.post("/service-items", {**changed(), "item_id": unknown}, by=AUTHOR)
    succeeded = await seeded.post("/service-items", changed(succeeds=[unknown]), by=AUTHOR)

    assert [(one.status_code, one.json()["rule"]) for one in (moved, succeeded)] == [(404, "item.unknown")] * 2


async def test_a_version_stands_under_an_item_of_its_own_base_code(service: Service) -> None:
    other = a_draft("普通货运车辆网上年审")

    answer = await service.post("/service-items", {**other, "item_id": SOLE_TRADER_ITEM}, by=AUTHOR)

    assert answer.status_code == 422
    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == [("item.other-item", "/item_id")]


async def test_of_two_items_of_one_code_an_organs_next_version_is_that_of_the_one_that_came_last(service: Service) -> None:
    own = changed(organ=OTHER_ORGAN)
    begun = [await service.publish(own), await service.publish({**changed(organ=OTHER_ORGAN), "item_id": SOLE_TRADER_ITEM})]
    later = changed(organ=OTHER_ORGAN)
    later["texts"]["fees"] = "二十元"

    following = await service.post("/service-items", later, by=AUTHOR)

    assert begun[0]["item_id"] == f"{OTHER_ORGAN}4{SOLE_TRADER}"
    assert following.json()["version_id"] == f"{SOLE_TRADER_ITEM}-v3"


@pytest.mark.parametrize(
    ("succeeds", "defects"),
    [
        ([SOLE_TRADER_ITEM], [("item.succeeds-itself", "/version/succeeds/0")]),
        ([YEARLY_ITEM, YEARLY_ITEM], [("item.succeeds-twice", "/version/succeeds/1")]),
    ],
    ids=["its own place", "one place twice"],
)
async def test_no_place_is_taken_twice(seeded: Service, succeeds: list[str], defects: list[tuple[str, str]]) -> None:
    answer = await seeded.post("/service-items", changed(succeeds=succeeds), by=AUTHOR)

    assert (answer.status_code, [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]) == (422, defects)


async def test_a_merged_item_takes_the_place_of_those_it_names(service: Service) -> None:
    gone = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]
    gone_id = f"{gone['organ']}4{gone['item_code']}"

    published = await service.publish(changed(succeeds=[gone_id]))

    ended = (await service.get(f"/service-items/versions/{gone_id}-v1")).json()
    start = datetime.fromisoformat(str(published["effective_from"]))
    assert (ended["state"], ended["version"]["effective_to"]) == ("superseded", published["effective_from"])
    assert await in_force(service, gone_id, start) == "item.unknown"
    assert await in_force(service, gone_id, start - timedelta(microseconds=1)) == f"{gone_id}-v1"
    shown = (await service.get(f"/service-items/versions/{published['version_id']}")).json()
    assert shown["version"]["succeeds"] == [gone_id]


async def test_what_would_begin_after_its_item_has_ended_never_begins(service: Service) -> None:
    gone = a_draft("道路货物运输驾驶员从业资格证换发补发")
    gone["texts"]["fees"] = "十元"
    gone_id = f"{gone['version']['organ']}4{gone['version']['item_code']}"
    later = datetime.now(UTC) + timedelta(days=2)
    await service.publish(gone, effective_from=later.isoformat())

    await service.publish(changed(succeeds=[gone_id]), effective_from=(later - timedelta(days=1)).isoformat())

    assert await in_force(service, gone_id, later + timedelta(days=1)) == "item.unknown"
    assert await in_force(service, gone_id, later - timedelta(days=1, seconds=1)) == f"{gone_id}-v1"


async def test_a_split_item_ends_once_however_many_take_its_place(service: Service) -> None:
    whole = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]
    whole_id = f"{whole['organ']}4{whole['item_code']}"
    second = a_draft("普通货运车辆网上年审")
    second["version"] |= {"succeeds": [whole_id]}

    first_published = await service.publish(changed(succeeds=[whole_id]))
    second_published = await service.publish(second)

    ended = (await service.get(f"/service-items/versions/{whole_id}-v1")).json()["version"]
    assert ended["effective_to"] == first_published["effective_from"]
    assert second_published["state"] == "published"


async def test_an_item_is_read_as_of_an_instant_whatever_became_of_it_since(service: Service) -> None:
    now = datetime.now(UTC)
    begun = await service.publish(changed())
    start = datetime.fromisoformat(str(begun["effective_from"]))
    await service.post(f"/service-items/versions/{SOLE_TRADER_ITEM}-v2/withdrawal", by=REVIEWER)

    assert await in_force(service, SOLE_TRADER_ITEM, now) == f"{SOLE_TRADER_ITEM}-v1"
    assert await in_force(service, SOLE_TRADER_ITEM, start + timedelta(days=1)) == "item.unknown"
    assert await in_force(service, SOLE_TRADER_ITEM, datetime(2001, 1, 1, tzinfo=UTC)) == "item.unknown"


@pytest.mark.parametrize("act", ["suspension", "withdrawal"])
async def test_what_is_taken_back_before_it_begins_leaves_its_time_to_the_version_before(service: Service, act: str) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    await service.publish(changed(), effective_from=start.isoformat())
    await service.documents()

    await service.post(f"/service-items/versions/{SOLE_TRADER_ITEM}-v2/{act}", by=REVIEWER)

    told = {key: data for _, key, data in await service.documents()}
    assert await in_force(service, SOLE_TRADER_ITEM, start + timedelta(days=1)) == f"{SOLE_TRADER_ITEM}-v1"
    first = (await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1")).json()
    assert (first["state"], first["version"]["effective_to"]) == ("published", None)
    assert (told[f"{SOLE_TRADER_ITEM}-v1"] or {})["effective_to"] is None


async def test_an_item_goes_on_where_those_that_take_its_place_are_taken_back_before_they_begin(service: Service) -> None:
    whole = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]
    whole_id = f"{whole['organ']}4{whole['item_code']}"
    second = a_draft("普通货运车辆网上年审")
    second["version"] |= {"succeeds": [whole_id]}
    start, later = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2)
    parts = [
        await service.publish(changed(succeeds=[whole_id]), effective_from=start.isoformat()),
        await service.publish(second, effective_from=later.isoformat()),
    ]

    held = []
    for one in parts:
        await service.post(f"/service-items/versions/{one['version_id']}/withdrawal", by=REVIEWER)
        held.append([await in_force(service, whole_id, at) for at in (start, later)])

    assert held == [[f"{whole_id}-v1", "item.unknown"], [f"{whole_id}-v1"] * 2]


@pytest.mark.parametrize("act", ["suspension", "withdrawal"])
async def test_what_was_received_before_a_version_was_taken_back_is_still_read_under_it(service: Service, act: str) -> None:
    begun = datetime.fromisoformat((await service.get(f"/service-items/{SOLE_TRADER_ITEM}")).json()["version"]["effective_from"])
    await service.post(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1/{act}", by=REVIEWER)

    assert await in_force(service, SOLE_TRADER_ITEM, begun) == f"{SOLE_TRADER_ITEM}-v1"
    assert await in_force(service, SOLE_TRADER_ITEM, datetime.now(UTC) + timedelta(minutes=1)) == "item.unknown"


# -- bundles


def a_bundle(*names: str, **said: Any) -> Any:
    """The sole trader's item as a bundle with others of 浏阳."""
    draft = a_draft()
    codes = [a_draft(name)["version"]["item_code"] for name in names]
    draft["situations"]["bundle"] = {"members": [{"item_code": code} | said for code in codes]}
    return draft


async def test_a_bundle_is_drafted_with_what_its_members_ask_for(service: Service) -> None:
    names = ("普通货运车辆网上年审", "道路货物运输驾驶员从业资格证换发补发")
    published = await service.publish(a_bundle(*names))

    shown = (await service.get(f"/service-items/versions/{published['version_id']}")).json()
    wanted = {field for name in names for field in a_draft(name)["form"]["properties"]}
    assert wanted <= set(shown["form"]["schema"]["properties"])
    assert {one["code"] for name in names for one in a_draft(name)["checklist"]["materials"]} <= {
        one["code"] for one in shown["checklist"]["materials"]
    }
    again = await service.post("/service-items", a_bundle(*names), by=AUTHOR)
    assert (again.status_code, again.json()["version_id"]) == (200, published["version_id"])


async def test_a_bundle_of_what_nobody_publishes_is_refused(seeded: Service) -> None:
    draft = a_bundle("普通货运车辆网上年审")
    draft["situations"]["bundle"]["members"].append({"item_code": "000199999000"})

    answer = await seeded.post("/service-items", draft, by=AUTHOR)

    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == [
        ("bundle.member-unpublished", "/situations/bundle/members/1/item_code")
    ]


async def test_a_bundle_that_contains_itself_by_another_is_refused(service: Service) -> None:
    names = ("普通货运车辆网上年审", "道路货物运输驾驶员从业资格证换发补发")
    await service.publish(a_bundle(*names))
    inner = a_draft(names[0])
    inner["situations"]["bundle"] = {"members": [{"item_code": SOLE_TRADER}, {"item_code": a_draft(names[1])["version"]["item_code"]}]}

    answer = await service.post("/service-items", inner, by=AUTHOR)

    assert ("bundle.circle", "/situations/bundle/members/0/item_code") in [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]
