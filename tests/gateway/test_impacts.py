"""What the gateway adds to the impact of a change: the open cases that stand on what it touches, counted by intake."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tests.gateway.conftest import MakeWorld
from tests.gateway.world import World, script_of

ASKED = "/v1/reports/open-cases?item=I1&item=I2"
IMPACT = {"items": 2, "touched": [{"item_id": "I1"}, {"item_id": "I2"}], "counted_by": ASKED, "next": None}
ON_VERSIONS = [
    {"version_id": "I1-v1", "region": "430181", "cases": 100},
    {"version_id": "I1-v2", "region": "430181", "cases": 20},
    {"version_id": "I2-v1", "region": "360926", "cases": 7},
]


@pytest.fixture
async def author(here: World) -> AsyncIterator[httpx.AsyncClient]:
    """A catalogue author, signed in."""
    headers = {"authorization": f"Bearer {await here.token('catalog-author')}"}
    async with httpx.AsyncClient(base_url=here.url, headers=headers) as client:
        yield client


PATHS = ["/v1/base-items/000131014000/impact", "/v1/certificates/premises-proof/impact", "/v1/service-items/versions/I1-v2/impact"]


@pytest.mark.parametrize("path", PATHS)
async def test_an_impact_comes_with_the_open_cases_that_stand_on_what_it_touches(here: World, author: httpx.AsyncClient, path: str) -> None:
    here["catalog"].answers[path] = (200, IMPACT)
    here["intake"].answers["/v1/reports/open-cases"] = (200, {"items": ON_VERSIONS, "next": None})

    answer = await author.get(f"{path}?limit=20&after=x")

    standing = {"cases": 127, "regions": {"360926": 7, "430181": 120}, "versions": ON_VERSIONS}
    assert answer.json() == {**IMPACT, "standing": standing, "unavailable": []}
    assert here["catalog"].asked[0].target == f"{path}?limit=20&after=x"
    assert [asked.target for asked in here["intake"].asked] == [f"{ASKED}&limit=200&after="]
    assert here.caller(here["intake"].asked[0], service="intake").account == "catalog-author"


async def test_counts_in_several_pages_are_all_counted(here: World, author: httpx.AsyncClient) -> None:
    pages = iter([{"items": ON_VERSIONS[:2], "next": "c/1"}, {"items": ON_VERSIONS[2:], "next": None}])

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await script_of([json.dumps(next(pages)).encode()], headers=[(b"content-type", b"application/json")])(scope, receive, send)

    here["catalog"].answers[PATHS[0]] = (200, IMPACT)
    here["intake"].scripts["/v1/reports/open-cases"] = page

    standing = (await author.get(PATHS[0])).json()["standing"]

    assert (standing["cases"], len(standing["versions"])) == (127, 3)
    assert [asked.target for asked in here["intake"].asked] == [f"{ASKED}&limit=200&after={after}" for after in ("", "c%2F1")]


@pytest.mark.parametrize("answer", [(500, {}), (403, {"rule": "forbidden"}), (200, {"items": None}), (200, [])])
async def test_a_number_that_intake_does_not_say_is_unknown_and_no_zero(
    here: World, author: httpx.AsyncClient, answer: tuple[int, Any]
) -> None:
    here["catalog"].answers[PATHS[0]] = (200, IMPACT)
    here["intake"].answers["/v1/reports/open-cases"] = answer

    shown = await author.get(PATHS[0])

    assert (shown.status_code, shown.json()) == (200, {**IMPACT, "standing": None, "unavailable": ["standing"]})


async def test_an_impact_is_shown_without_a_number_while_intake_is_late_or_away(make_world: MakeWorld) -> None:
    async def late(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    shown: list[Any] = []
    for settings in ({"part_timeout": 0.3}, {"intake_url": "http://127.0.0.1:1"}):
        async with make_world(**settings) as there:
            there["catalog"].answers[PATHS[0]] = (200, IMPACT)
            there["intake"].scripts["/v1/reports/open-cases"] = late
            headers = {"authorization": f"Bearer {await there.token('catalog-author')}"}
            async with httpx.AsyncClient(base_url=there.url, headers=headers) as client:
                shown.append((await client.get(PATHS[0])).json())

    assert shown == [{**IMPACT, "standing": None, "unavailable": ["standing"]}] * 2


async def test_what_touches_nothing_is_counted_without_asking(here: World, author: httpx.AsyncClient) -> None:
    here["catalog"].answers[PATHS[1]] = (200, {"items": 0, "counted_by": None})

    shown = (await author.get(PATHS[1])).json()

    assert (shown["standing"], shown["unavailable"]) == ({"cases": 0, "regions": {}, "versions": []}, [])
    assert here["intake"].asked == []


async def test_only_the_report_of_counts_is_asked_whatever_the_catalogue_names(here: World, author: httpx.AsyncClient) -> None:
    here["catalog"].answers[PATHS[0]] = (200, {**IMPACT, "counted_by": "/v1/cases?state=received"})

    shown = (await author.get(PATHS[0])).json()

    assert (shown["standing"], here["intake"].asked) == (None, [])


async def test_a_refused_impact_is_refused_and_nothing_is_counted(here: World, author: httpx.AsyncClient) -> None:
    here["catalog"].answers[PATHS[0]] = (403, {"rule": "forbidden"})

    answer = await author.get(PATHS[0])

    assert (answer.status_code, answer.json(), here["intake"].asked) == (403, {"rule": "forbidden"}, [])


async def test_nobody_sees_an_impact_without_signing_in(here: World) -> None:
    async with httpx.AsyncClient(base_url=here.url) as client:
        assert {(await client.get(path)).status_code for path in PATHS} == {401}
