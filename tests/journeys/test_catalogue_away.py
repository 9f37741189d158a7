"""The catalogue is away: cases go on by what each service keeps of it; what a service kept can be made anew from the topics (issue 5, show 6)."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.line import receive, transfer_in, until
from tests.support.lives import PEOPLE, accepted, decided, delivered, received, whole_life
from tests.support.publishing import in_force, publish_item, put_in_force
from tests.support.whole import PATIENT, SignIn
from tongban_local.sole_trader import ITEM, LIUYANG, TONGGU, WANZAI, application, upload
from tongban_local.system import System
from tongban_local.visitor import Reply, Visitor

SERVICE_ITEM = f"11430181TB000001XB4{ITEM}"
AGREEMENT = "liuyang-tonggu-2020"
REVIEW = "002018001000"
"""普通货运车辆网上年审: no other journey goes by its version."""
HIGHEST = 900_000
"""Kilometres that its next version takes."""
START = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
"""An instant that dates are reckoned from, when all that is published here is in force."""


@pytest.fixture(scope="module")
def mended(system: System) -> Iterator[System]:
    """The system, with every service running again afterwards whatever the tests did."""
    yield system
    for service in system.services.values():
        if service.pid is None:
            service.start(PATIENT)
            service.wait_ready()


@pytest.fixture
async def people(mended: System, sign_in: SignIn) -> dict[str, Visitor]:
    """Who a case needs."""
    return {who: await sign_in(who) for who in PEOPLE}


@pytest.fixture
async def under_way(people: dict[str, Visitor]) -> str:
    """A case that was received while everything ran."""
    clerk = people["tonggu-clerk"]
    no = await receive(clerk, seed=401)
    await transfer_in(clerk, no, "validated")
    return no


@pytest.fixture
def without_catalogue(mended: System, under_way: str) -> System:
    """The system with its catalogue killed, by this test or by one before."""
    mended["catalog"].kill()
    return mended


@pytest.fixture
async def with_catalogue(mended: System, under_way: str) -> System:
    """The system after its catalogue was killed and started again, by this test or by one before."""
    catalogue = mended["catalog"]
    catalogue.kill()
    catalogue.start(PATIENT)
    await asyncio.to_thread(catalogue.wait_ready)
    return mended


async def live_on(people: Mapping[str, Visitor], no: str) -> None:
    """From wherever the line has brought it to its closing."""
    await accepted(people, no, key=no)
    await decided(people, no, key=no)
    await delivered(people, no, key=no)


def refused_for(reply: Reply) -> set[tuple[str, str]]:
    return {(one["rule"], one["pointer"]) for one in reply["errors"]}


async def test_cases_are_received_checked_routed_and_decided_without_it(
    without_catalogue: System, people: dict[str, Visitor], under_way: str
) -> None:
    clerk = people["tonggu-clerk"]
    whole = application(await upload(clerk, seed=402))
    wrong = application(whole["materials"][:2], form={"employees": "三人", "trade_name": ""})

    by_form = await clerk.call("POST", "/cases", json=wrong)
    by_item = await clerk.call("POST", "/cases", json=whole | {"item_code": "999999999999"})
    by_agreement = await clerk.call("POST", "/cases", json=whole | {"handling_region": WANZAI})
    no = await received(clerk, seed=403, key="without-catalogue")
    await live_on(people, no)
    await live_on(people, under_way)

    assert (by_form.status, by_form.rule) == (422, "case.defects")
    assert refused_for(by_form) >= {("form.type", "/form/employees"), ("material.missing", "/materials/place_proof")}
    assert (by_item.status, by_item.rule) == (409, "route.no-organ")
    assert by_agreement.status in {409, 422}
    assert by_agreement.rule.startswith("route.")
    assert without_catalogue["catalog"].pid is None


async def test_what_it_alone_answers_says_so_and_when_to_come_again(
    without_catalogue: System, people: dict[str, Visitor], sign_in: SignIn
) -> None:
    clerk, author = people["tonggu-clerk"], await sign_in("catalog-author")

    replies = [
        await clerk.call("GET", f"/regions/{LIUYANG}"),
        await clerk.call("GET", f"/service-items/{SERVICE_ITEM}"),
        await clerk.call("POST", f"/service-items/{SERVICE_ITEM}/guide", json={"answers": []}),
        await clerk.call("GET", "/routes", params={"item": ITEM, "region": LIUYANG, "from": TONGGU}),
        await clerk.call("GET", "/search", params={"q": "开店"}),
        await clerk.call("GET", f"/service-guides/{SERVICE_ITEM}"),
        await clerk.call("GET", f"/calendars/{LIUYANG}/due-date", params={"from": START, "amount": "5"}),
        await author.call("POST", "/regions", json={"code": LIUYANG, "name": "浏阳市", "level": "county", "parent": "430100"}),
    ]

    assert without_catalogue["catalog"].pid is None
    for reply in replies:
        assert (reply.status, reply.rule) == (503, "upstream.away")
        assert reply.headers["content-type"].startswith("application/problem+json")
        assert int(reply.headers["retry-after"]) > 0


async def test_intake_and_routing_started_without_it_go_on_from_their_own_tables(
    without_catalogue: System, people: dict[str, Visitor], under_way: str
) -> None:
    for name in ("intake", "routing"):
        without_catalogue[name].kill()
    for name in ("intake", "routing"):
        without_catalogue[name].start(PATIENT)
    for name in ("intake", "routing"):
        await asyncio.to_thread(without_catalogue[name].wait_ready)

    await live_on(people, under_way)
    await whole_life(people, seed=404, key="after-restart")

    assert without_catalogue["catalog"].pid is None


async def review(clerk: Visitor, *, seed: int, **form: Any) -> dict[str, Any]:
    """An application for the yearly review of a lorry in 浏阳, whole."""
    fields = {"plate": "赣C12345", "transport_permit_no": "430181000123", "inspected_on": "2026-10-12"}
    materials = await upload(clerk, ("vehicle_licence", "inspection_report"), seed=seed)
    answers = {"situation": "standard", "facts": {"inspected": True}, "mode": "fully_online"}
    return application(materials, item_code=REVIEW, **answers) | {"form": fields | form}


async def receive_review(clerk: Visitor, *, seed: int, **form: Any) -> str:
    """Its number, once it is received."""
    return str((await clerk.post("/cases", await review(clerk, seed=seed, **form)))["case_no"])


async def everybody_has_heard(people: Mapping[str, Visitor], *, of: Visitor, no: str) -> None:
    """Wait until intake, routing and credential-svc have taken in what somebody published: no answer says that it is behind."""
    clerk = people["tonggu-clerk"]
    for path in (f"/cases/{no}", f"/transfers?case={no}", f"/credentials?case={no}"):

        async def heard(path: str = path) -> bool:
            clerk.seen = of.seen
            reply = await clerk.call("GET", path)
            return reply.status == 200 and "behind" not in reply.body

        await until(f"{path} knows what was published", heard)


async def answers_about_cases(people: Mapping[str, Visitor], no: str) -> dict[str, Any]:
    """What intake and routing say of an application, good and bad, and of a case, by what they know of the catalogue."""
    clerk, reviewer = people["tonggu-clerk"], people["liuyang-reviewer"]
    whole = application(await upload(clerk, seed=406))
    clocks = (await reviewer.get(f"/cases/{no}/clocks")).body
    return {
        "check": (await clerk.post("/cases:check", whole)).body,
        "wrong": (await clerk.post("/cases:check", whole | {"situation": "close", "materials": []})).body,
        "no route": (await clerk.call("POST", "/cases:check", json=whole | {"handling_region": WANZAI})).rule,
        "case": (await clerk.get(f"/cases/{no}")).body,
        "windows": (await clerk.get("/windows/receiving", params={"item": ITEM, "region": LIUYANG})).body,
        "transfers": (await reviewer.get("/transfers", params={"case": no})).body,
        "handling": (await reviewer.get(f"/handlings/{no}")).body,
        "clocks": {name: value for name, value in clocks.items() if name != "now"},
    }


async def answers_of_the_catalogue(anybody: Visitor) -> dict[str, Any]:
    """A route with all that was considered, the end of a guide, a search, a date with its reckoning."""
    guide = {"answers": [{"fact": "matter", "value": "open"}, {"fact": "by_agent", "value": False}], "start": START}
    route = (await anybody.get("/routes", params={"item": ITEM, "region": LIUYANG, "from": TONGGU}))["route"]
    return {
        "route": {name: value for name, value in route.items() if name not in {"instant", "positions"}},
        "guide": (await anybody.post(f"/service-items/{SERVICE_ITEM}/guide", guide)).body,
        "search": (await anybody.get("/search", params={"q": "个体户"})).body,
        "due": (await anybody.get(f"/calendars/{LIUYANG}/due-date", params={"from": START, "amount": "9"})).body,
    }


async def refollow(system: System, name: str) -> int:
    """As docs/operations.md says; how many documents were let go."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tongban_operations", "events", "refollow", "--service", name, "--json"),
        env=os.environ | system.layout.environment(name),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, errors = await process.communicate()
    assert process.returncode == 0, (told + errors).decode()
    return int(json.loads(told)["documents"])


async def until_it_answers(clerk: Visitor, body: dict[str, Any]) -> set[str]:
    """Check an application as soon as intake is asked for; the rules by which it was refused until it was found clean."""
    rules: set[str] = set()

    async def ask() -> bool:
        reply = await clerk.call("POST", "/cases:check", json=body)
        rules.update({reply.rule} - {""})
        return reply.status == 200 and reply["verdict"] == "clean"

    await until("a clean verdict", ask, patience=120)
    return rules


async def test_a_service_that_begins_from_nothing_reads_the_topics_and_answers_as_before(
    without_catalogue: System, people: dict[str, Visitor], under_way: str
) -> None:
    system, clerk = without_catalogue, people["tonggu-clerk"]
    await accepted(people, under_way, key="rebuilt")
    before = await answers_about_cases(people, under_way)
    whole = application(await upload(clerk, seed=407))
    for name in ("intake", "routing"):
        system[name].stop()

    gone = {name: await refollow(system, name) for name in ("intake", "routing")}
    for name in ("intake", "routing"):
        system[name].start(PATIENT)
    meanwhile = await until_it_answers(clerk, whole)
    for name in ("intake", "routing"):
        await asyncio.to_thread(system[name].wait_ready)

    assert min(gone.values()) > 1_000
    # Nobody was told that there is no such item or place: only to come again.
    assert {rule for rule in meanwhile if not rule.startswith(("upstream.", "unavailable."))} == set()
    assert await answers_about_cases(people, under_way) == before
    await decided(people, under_way, key="rebuilt")
    await delivered(people, under_way, key="rebuilt")
    await whole_life(people, seed=408, key="rebuilt-new")


async def test_started_again_it_tells_every_service_what_changes_and_the_next_case_is_under_it(
    with_catalogue: System, people: dict[str, Visitor], under_way: str, sign_in: SignIn
) -> None:
    clerk = people["tonggu-clerk"]
    author, reviewer = await sign_in("catalog-author"), await sign_in("catalog-reviewer")
    earlier = await receive_review(clerk, seed=409)
    before = str((await clerk.get(f"/cases/{earlier}"))["version_id"])

    draft = (await author.get(f"/service-items/versions/{before}/draft")).body
    draft["form"]["properties"]["mileage_km"]["maximum"] = HIGHEST
    version = await publish_item(author, reviewer, draft)
    agreed = (await author.get(f"/agreements/{AGREEMENT}")).body
    await put_in_force(author, reviewer, "/agreements", agreed | {"contacts": [*agreed["contacts"], "值班电话 0731-00000002"]})
    await in_force(author, version)
    await everybody_has_heard(people, of=reviewer, no=under_way)
    too_far = await clerk.call("POST", "/cases", json=await review(clerk, seed=410, mileage_km=HIGHEST + 1))
    no = await receive_review(clerk, seed=411, mileage_km=HIGHEST)
    transfer = await transfer_in(clerk, no, "validated")
    await live_on(people, under_way)

    assert version != before
    assert refused_for(too_far) == {("form.maximum", "/form/mileage_km")}
    assert (await clerk.get(f"/cases/{no}"))["version_id"] == version
    assert transfer["handling_region"] == LIUYANG
    assert (await clerk.get(f"/cases/{earlier}"))["version_id"] == before


async def test_the_catalogues_own_index_is_rebuilt_from_what_it_published(with_catalogue: System, people: dict[str, Visitor]) -> None:
    catalogue, clerk = with_catalogue["catalog"], people["tonggu-clerk"]
    before = await answers_of_the_catalogue(clerk)
    catalogue.stop()

    gone = await refollow(with_catalogue, "catalog")
    catalogue.start(PATIENT)
    await asyncio.to_thread(catalogue.wait_ready)

    assert gone > 1_000
    assert await answers_of_the_catalogue(clerk) == before
