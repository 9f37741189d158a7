"""An organ is merged into another: by two officers with rights on both sides, once, and its items go on under their umbrella."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.catalog.builders import AUTHOR, MARKET, NATIONAL_AUTHOR, REVIEWER, SOLE_TRADER_ITEM, TONGGU, Service, a_draft

OTHER = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]["organ"]
ELSEWHERE = a_draft(region=TONGGU)["version"]["organ"]


async def shown(service: Service, code: str) -> dict[str, Any]:
    return dict((await service.get(f"/organs/{code}")).json())


async def drafted(service: Service, into: str, *, code: str = MARKET, by: Any = AUTHOR) -> Any:
    return await service.post("/organs", await shown(service, code) | {"merged_into": into}, by=by)


async def merged(service: Service) -> dict[str, Any]:
    assert (await drafted(service, OTHER)).status_code == 201
    assert (await service.post(f"/organs/{MARKET}/review", by=REVIEWER)).status_code == 200
    return await shown(service, MARKET)


def cheaper(organ: str) -> Any:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    draft["version"]["organ"] = organ
    return draft


async def test_a_merger_takes_effect_when_every_service_can_have_heard_of_it(service: Service) -> None:
    now = service.context.now.now()

    organ = await merged(service)

    begins = datetime.fromisoformat(organ["merged_at"])
    (document,) = [data for _, key, data in await service.documents() if key == f"organ/{MARKET}"]
    assert organ["merged_into"] == OTHER
    assert timedelta(seconds=5) <= begins - now <= timedelta(seconds=60)
    assert document is not None
    assert document["merged_into"] == OTHER


async def test_its_items_go_on_under_their_umbrella_with_the_next_version(service: Service) -> None:
    await merged(service)

    published = await service.publish(cheaper(OTHER))

    assert published["version_id"] == f"{SOLE_TRADER_ITEM}-v2"
    version = (await service.get(f"/service-items/versions/{published['version_id']}")).json()["version"]
    assert (version["item_id"], version["organ"]) == (SOLE_TRADER_ITEM, OTHER)


async def test_nothing_is_drafted_for_an_organ_that_is_no_more(service: Service) -> None:
    await merged(service)

    answer = await service.post("/service-items", cheaper(MARKET), by=AUTHOR)

    assert (answer.status_code, answer.json()["rule"]) == (409, "organ.merged")
    assert answer.json()["facts"] == {"merged_into": OTHER}


async def test_a_merger_is_not_undone_and_its_instant_never_moves(service: Service) -> None:
    begun = await merged(service)

    body = {key: value for key, value in begun.items() if not key.startswith("merged")}
    elsewhere = await service.post("/organs", body | {"merged_into": ELSEWHERE}, by=NATIONAL_AUTHOR)
    taken_back = await service.post("/organs", body, by=AUTHOR)
    later = await service.post("/organs", begun | {"merged_at": "2030-01-01T00:00:00Z"}, by=AUTHOR)

    assert (elsewhere.status_code, elsewhere.json()["rule"]) == (409, "organ.merged")
    assert (taken_back.status_code, taken_back.json()["rule"]) == (409, "organ.merged")
    assert (later.status_code, later.json()["rule"]) == (422, "organ.unsound")
    assert [(one["rule"], one["pointer"]) for one in later.json()["errors"]] == [("organ.merged-at", "/merged_at")]


async def test_a_merged_organ_can_be_sent_back_as_it_was_read(service: Service) -> None:
    begun = await merged(service)

    again = await service.post("/organs", begun, by=AUTHOR)

    assert begun["merged_at"] is not None
    assert (again.status_code, again.json().get("changed", again.text)) == (200, False)


async def test_a_change_of_a_merged_organ_keeps_the_instant(service: Service) -> None:
    begun = await merged(service)
    body = {key: value for key, value in begun.items() if key != "merged_at"} | {"telephone": "0731-1"}

    assert (await service.post("/organs", body, by=AUTHOR)).status_code == 201
    await service.post(f"/organs/{MARKET}/review", by=REVIEWER)

    assert await shown(service, MARKET) == begun | {"telephone": "0731-1"}


@pytest.mark.parametrize("into", [MARKET, "11430181TB0000099B"])
async def test_a_merger_that_leads_nowhere_is_refused(seeded: Service, into: str) -> None:
    answer = await drafted(seeded, into)

    assert answer.status_code == 422
    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == [("organ.merger", "/merged_into")]


async def test_nobody_merges_an_organ_into_one_of_a_county_of_which_they_are_no_officer(seeded: Service) -> None:
    answer = await drafted(seeded, ELSEWHERE)

    assert answer.status_code == 403


async def test_two_mergers_that_would_lead_in_a_circle_are_not_both_published(service: Service) -> None:
    assert (await drafted(service, OTHER)).status_code == 201
    assert (await drafted(service, MARKET, code=OTHER)).status_code == 201

    first = await service.post(f"/organs/{MARKET}/review", by=REVIEWER)
    second = await service.post(f"/organs/{OTHER}/review", by=REVIEWER)

    assert (first.status_code, second.status_code) == (200, 422)
    assert "merged_into" not in await shown(service, OTHER)
