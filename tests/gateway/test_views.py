"""What is put together at the gateway: cases with their parts, queues with names, the clock of all five."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from chassis.bus_postgres import PostgresBus
from contracts.documents import ClockOffset
from tests.gateway.conftest import MakeWorld
from tests.gateway.world import World, client_of, script_of, until

CASE = {"case_id": "c-1", "case_no": "N1", "applicant": "张*"}


@pytest.fixture
def told(here: World) -> World:
    """One case that every service knows something of."""
    here["intake"].answers["/v1/cases/N1"] = (200, CASE)
    here["routing"].answers["/v1/handlings/N1"] = (200, {"state": "accepted"})
    here["routing"].answers["/v1/cases/N1/timeline"] = (200, {"entries": [1, 2]})
    here["routing"].answers["/v1/cases/N1/notices"] = (200, {"notices": []})
    here["credential"].answers["/v1/credentials"] = (200, {"items": []})
    return here


async def test_a_case_is_shown_with_the_parts_asked_for(told: World, clerk: httpx.AsyncClient) -> None:
    answer = await clerk.get("/v1/cases/N1?expand=handling,timeline&expand=notices,credentials", headers={"tongban-seen": "intake/c-1/4"})

    assert answer.json() == {
        **CASE,
        "handling": {"state": "accepted"},
        "timeline": {"entries": [1, 2]},
        "notices": {"notices": []},
        "credentials": {"items": []},
        "unavailable": [],
    }
    assert answer.headers["cache-control"] == "private, no-store"
    assert told["credential"].asked[0].target == "/v1/credentials?case=N1"
    assert {asked.header("tongban-seen") for name in ("intake", "routing", "credential") for asked in told[name].asked} == {"intake/c-1/4"}


async def test_without_parts_a_case_is_intakes_alone(told: World, clerk: httpx.AsyncClient) -> None:
    answer = await clerk.get("/v1/cases/N1?expand=person&purpose=handling")

    assert (answer.json(), answer.headers["x-mine"]) == (CASE, "kept")
    assert told["routing"].asked == []


async def test_the_person_is_asked_of_intake_with_the_purpose(told: World, clerk: httpx.AsyncClient) -> None:
    await clerk.get("/v1/cases/N1?expand=person,handling&purpose=review")

    assert told["intake"].asked[0].target == "/v1/cases/N1?purpose=review&expand=person"


async def test_a_part_that_does_not_exist_yet_is_null(told: World, clerk: httpx.AsyncClient) -> None:
    told["routing"].answers["/v1/handlings/N1"] = (404, {"rule": "not-found"})

    answer = await clerk.get("/v1/cases/N1?expand=handling")

    assert (answer.json()["handling"], answer.json()["unavailable"]) == (None, [])


async def test_a_part_that_is_behind_says_so_for_the_whole(told: World, clerk: httpx.AsyncClient) -> None:
    told["routing"].answers["/v1/cases/N1/timeline"] = (200, {"entries": [], "behind": True})

    answer = await clerk.get("/v1/cases/N1?expand=timeline,handling")

    assert (answer.json()["behind"], answer.json()["timeline"]) == (True, {"entries": []})


async def test_parts_that_are_late_failing_or_away_are_named_and_the_rest_is_shown(make_world: MakeWorld) -> None:
    async def late(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with make_world(part_timeout=0.3, credential_url="http://127.0.0.1:1") as there:
        there["intake"].answers["/v1/cases/N1"] = (200, CASE)
        there["routing"].scripts["/v1/cases/N1/timeline"] = late
        there["routing"].answers["/v1/cases/N1/notices"] = (500, {})
        there["routing"].answers["/v1/handlings/N1"] = (200, {"state": "accepted"})
        headers = {"authorization": f"Bearer {await there.token('tonggu-clerk')}"}
        async with client_of(there.url, headers=headers) as client:
            answer = await client.get("/v1/cases/N1?expand=handling,timeline,notices,credentials")
            while "handling" in answer.json()["unavailable"]:
                # The machine stood still: what answers at once was late as well.
                answer = await client.get("/v1/cases/N1?expand=handling,timeline,notices,credentials")

    body = answer.json()
    assert (answer.status_code, sorted(body["unavailable"])) == (200, ["credentials", "notices", "timeline"])
    assert (body["handling"], body["timeline"]) == ({"state": "accepted"}, None)


async def test_a_case_that_intake_hides_is_hidden_with_all_its_parts(told: World, clerk: httpx.AsyncClient) -> None:
    told["intake"].scripts["/v1/cases/N1"] = script_of(
        [b'{"rule":"case.unknown"}'], status=404, headers=[(b"content-type", b"application/problem+json")]
    )

    answer = await clerk.get("/v1/cases/N1?expand=handling")

    assert (answer.status_code, answer.json(), told["routing"].asked) == (404, {"rule": "case.unknown"}, [])
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_part_is_refused_in_both_languages(told: World, clerk: httpx.AsyncClient) -> None:
    answer = await clerk.get("/v1/cases/N1?expand=handling,everything")

    body = answer.json()
    assert (answer.status_code, body["rule"], body["errors"][0]["pointer"]) == (422, "request.malformed", "/query/expand")
    assert "everything" not in answer.text
    assert told["intake"].asked == []


async def test_an_applicant_sees_the_parts_of_the_own_case_by_a_narrowed_token(told: World) -> None:
    headers = {"authorization": f"Bearer {await told.token('applicant-chen')}"}
    async with client_of(told.url, headers=headers) as client:
        answer = await client.get("/v1/cases/N1?expand=timeline,credentials")

    assert answer.json()["timeline"] == {"entries": [1, 2]}
    assert {told.caller(told[name].asked[0], service=name).case for name in ("routing", "credential")} == {"c-1"}


QUEUE = {"items": [{"case_id": "c-1", "state": "opened"}, {"case_id": "c-2", "state": "opened"}], "next": None}


async def test_the_work_queue_has_masked_names_from_one_call(here: World, clerk: httpx.AsyncClient) -> None:
    here["routing"].answers["/v1/handlings"] = (200, QUEUE)
    here["intake"].answers["/v1/cases"] = (200, {"items": [{"case_id": "c-1", "applicant": "张*"}]})

    answer = await clerk.get("/v1/handlings?state=opened&limit=2")

    assert [item["applicant"] for item in answer.json()["items"]] == ["张*", None]
    assert here["routing"].asked[0].target == "/v1/handlings?state=opened&limit=2"
    assert [asked.target for asked in here["intake"].asked] == ["/v1/cases?case=c-1&case=c-2&limit=2"]


async def test_without_names_the_work_queue_is_shown_all_the_same(here: World, clerk: httpx.AsyncClient) -> None:
    here["routing"].answers["/v1/handlings"] = (200, QUEUE)
    here["intake"].answers["/v1/cases"] = (503, {})

    body = (await clerk.get("/v1/handlings")).json()

    assert (len(body["items"]), body["unavailable"], body["items"][0]["applicant"]) == (2, ["applicant"], None)


async def test_an_empty_work_queue_asks_for_no_names(here: World, clerk: httpx.AsyncClient) -> None:
    here["routing"].answers["/v1/handlings"] = (200, {"items": [], "next": None})

    await clerk.get("/v1/handlings")

    assert here["intake"].asked == []


async def test_a_refused_work_queue_is_refused(here: World, clerk: httpx.AsyncClient) -> None:
    here["routing"].answers["/v1/handlings"] = (422, {"rule": "request.malformed"})

    answer = await clerk.get("/v1/handlings?limit=0")

    assert (answer.status_code, answer.json()) == (422, {"rule": "request.malformed"})


def show(there: World, seconds: int, *, names: tuple[str, ...] = ("catalog", "intake", "routing", "credential")) -> None:
    """Let services show the clock as they do."""
    for name in names:
        there[name].answers["/readyz"] = (200, {"clockOffset": float(seconds)})


async def move(there: World) -> httpx.Response:
    headers = {"authorization": f"Bearer {await there.token('operator')}", "idempotency-key": "k"}
    async with client_of(there.url, headers=headers) as client:
        return await client.post("/v1/dev/now", json={"forward": "PT10S"})


async def test_a_moved_clock_is_answered_when_all_five_have_heard(make_world: MakeWorld, gateway_log: tuple[str, PostgresBus]) -> None:
    moved: dict[str, Any] = {"now": "2026-11-21T00:00:00Z", "offset_seconds": 10}
    assert gateway_log

    async with make_world() as there:
        there["routing"].answers["/v1/dev/now"] = (200, moved)
        show(there, 0)
        moving = asyncio.create_task(move(there))
        await until(lambda: any(asked.target == "/readyz" for asked in there["credential"].asked))
        show(there, 10)
        heard = len(there["credential"].asked)
        await until(lambda: len(there["credential"].asked) > heard)
        before_the_gateway = moving.done()
        await there.publish(ClockOffset(seconds=10))
        answer = await moving
        [asked] = [each for each in there["routing"].asked if each.target == "/v1/dev/now"]

    assert (before_the_gateway, answer.status_code, answer.json()) == (False, 200, moved)
    assert (asked.body, asked.header("idempotency-key"), asked.header("content-type")) == (b'{"forward":"PT10S"}', "k", "application/json")


async def test_a_service_that_never_hears_of_it_makes_the_move_503(make_world: MakeWorld) -> None:
    async with make_world(clock_timeout=0.3) as there:
        there["routing"].answers["/v1/dev/now"] = (200, {"now": "x", "offset_seconds": 1})
        show(there, 1, names=("catalog", "intake", "routing"))
        show(there, 0, names=("credential",))
        await there.publish(ClockOffset(seconds=1))
        answer = await move(there)

    assert (answer.status_code, answer.json()["rule"]) == (503, "unavailable.clock")


async def test_a_refused_move_is_refused(here: World, clerk: httpx.AsyncClient) -> None:
    here["routing"].answers["/v1/dev/now"] = (403, {"rule": "forbidden"})

    answers = [await clerk.post("/v1/dev/now", json={"forward": "P1D"}), await clerk.post("/v1/dev/now", content=b"x" * 5000)]

    assert [(answer.status_code, answer.json()["rule"]) for answer in answers] == [(403, "forbidden"), (413, "request.too-large")]
