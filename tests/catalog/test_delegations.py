"""Delegations and alliances: drafted by one officer of the side that gives its power away, published by another, revoked at once."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from catalog_svc.seed.reading import Seed
from contracts.caller import Caller, Role
from contracts.codec import encode_object
from contracts.values import JsonObject, OrganCode, RegionCode
from rules.workdays import local_day
from tests.catalog.builders import (
    AUTHOR,
    BOTH,
    CLERK,
    LIUYANG,
    MARKET,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER,
    TONGGU,
    WANZAI,
    Service,
    a_draft,
    officer,
)
from tests.support.figures import fires, samples_of

APPROVALS = OrganCode("11430181TB0000028B")
"""浏阳市行政审批服务局"""
POLICE = OrganCode("11430181TB00000366")
TRANSPORT = OrganCode(str(a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]["organ"]))
TONGGU_MARKET = OrganCode(str(a_draft(region=TONGGU)["version"]["organ"]))
TOWN = RegionCode("430181101")
HUNAN, JIANGXI = RegionCode("430000"), RegionCode("360000")


def tomorrow(service: Service, *, days: int = 1) -> str:
    return (local_day(service.context.now.now()) + timedelta(days=days)).isoformat()


def a_delegation(service: Service, **changed: Any) -> JsonObject:
    return {
        "delegation_id": "liuyang-approvals",
        "kind": "transfer",
        "delegator": MARKET,
        "delegate": APPROVALS,
        "items": [SOLE_TRADER],
        "region": LIUYANG,
        "valid_from": tomorrow(service),
        "valid_to": tomorrow(service, days=400),
        "instrument": {"number": "浏政发〔2026〕3号", "title": "相对集中行政许可权方案", "legal_basis": "行政许可法 §25"},
        "sealed_as": APPROVALS,
        **changed,
    }


async def in_force(service: Service, **changed: Any) -> JsonObject:
    """One that the nation's officers brought in, as it had begun before."""
    body = a_delegation(service, valid_from="2026-01-01", **changed)
    drafted = await service.post("/delegations", body, by=NATIONAL_AUTHOR)
    assert drafted.status_code == 201, drafted.text
    published = await service.post(f"/delegations/{body['delegation_id']}/review", by=NATIONAL_REVIEWER)
    assert published.status_code == 200, published.text
    return body


def told(answer: Any) -> list[tuple[str, str]]:
    return [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]


async def route(service: Service, *, at: datetime | None = None, handling: RegionCode = LIUYANG) -> Any:
    query = {"item": SOLE_TRADER, "region": handling, "from": LIUYANG}
    answer = await service.get("/routes", query if at is None else query | {"at": at.isoformat()})
    assert answer.status_code == 200, answer.text
    return answer.json()["route"]


async def test_a_delegation_is_drafted_and_published_by_two_officers_of_the_delegator(service: Service) -> None:
    body = a_delegation(service)
    drafted = await service.post("/delegations", body, by=AUTHOR)
    again = await service.post("/delegations", body, by=AUTHOR)
    assert (drafted.status_code, drafted.json()["state"], again.json()["changed"]) == (201, "draft", False)
    assert (await service.get("/delegations/liuyang-approvals")).json()["rule"] == "delegation.unknown"

    published = await service.post("/delegations/liuyang-approvals/review", by=REVIEWER)

    assert (published.status_code, published.json()["state"]) == (200, "published")
    assert [(topic, key) for topic, key, _ in await service.documents()] == [("catalog.rules.v1", "delegation/liuyang-approvals")]
    shown = (await service.get("/delegations/liuyang-approvals")).json()
    assert shown == {**body, "situations": [], "conditions": [], "revoked_from": None}


async def test_who_drafted_it_does_not_publish_it(service: Service) -> None:
    await service.post("/delegations", a_delegation(service), by=BOTH)

    answer = await service.post("/delegations/liuyang-approvals/review", by=BOTH)

    assert (answer.status_code, answer.json()["rule"]) == (403, "proposal.same-person")


@pytest.mark.parametrize(
    "by",
    [CLERK, REVIEWER, officer(Role.CATALOGUE_AUTHOR, region=TONGGU)],
    ids=["a clerk", "a reviewer", "an author of another county"],
)
async def test_nobody_gives_away_what_is_anothers(seeded: Service, by: Caller) -> None:
    answer = await seeded.post("/delegations", a_delegation(seeded), by=by)

    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"delegate": "11430181TB0000099B", "sealed_as": "11430181TB0000099B"}, [("delegation.organ", "/delegate")]),
        ({"items": [SOLE_TRADER, "999999999999"]}, [("delegation.item", "/items/1")]),
        ({"region": "430181999"}, [("delegation.region", "/region")]),
        ({"situations": ["nonsense"]}, [("delegation.situation", "/situations/0")]),
        ({"valid_to": "2026-01-01"}, [("delegation.validity", "/valid_to")]),
        ({"sealed_as": MARKET}, [("delegation.name", "/sealed_as")]),
        ({"delegate": MARKET, "sealed_as": MARKET}, [("delegation.circle", "/delegate")]),
        ({"region": "430100"}, [("delegation.beyond-power", "/region")]),
        ({"delegator": POLICE}, [("delegation.beyond-power", "/items/0")]),
        ({"kind": "delegation"}, [("delegation.name", "/sealed_as")]),
    ],
)
async def test_what_the_law_does_not_bear_is_refused_at_the_draft(
    seeded: Service, changed: JsonObject, expected: list[tuple[str, str]]
) -> None:
    answer = await seeded.post("/delegations", a_delegation(seeded, **changed), by=AUTHOR)

    assert (answer.status_code, answer.json()["rule"], told(answer)) == (422, "delegation.unsound", expected)


@pytest.mark.parametrize(("kind", "sealed_as"), [("transfer", TONGGU_MARKET), ("delegation", MARKET), ("assist", MARKET)])
async def test_power_does_not_move_to_another_province(seeded: Service, kind: str, sealed_as: OrganCode) -> None:
    over_the_line = a_delegation(seeded, kind=kind, delegate=TONGGU_MARKET, sealed_as=sealed_as)

    answers = [await seeded.post("/delegations", over_the_line, by=by) for by in (AUTHOR, NATIONAL_AUTHOR)]

    assert [(one.status_code, told(one)) for one in answers] == [(422, [("delegation.elsewhere", "/delegate")])] * 2


async def test_what_was_delegated_is_not_delegated_further_and_nothing_comes_back_in_a_circle(service: Service) -> None:
    await in_force(service, kind="delegation", sealed_as=MARKET)
    further = a_delegation(service, delegation_id="liuyang-further", delegator=APPROVALS, delegate=POLICE, sealed_as=POLICE)
    back = further | {"delegation_id": "liuyang-back", "delegate": MARKET, "sealed_as": MARKET}

    answers = [await service.post("/delegations", body, by=AUTHOR) for body in (further, back)]

    assert [told(one)[0] for one in answers] == [("delegation.further", "/items/0")] * 2
    assert ("delegation.circle", "/delegate") in told(answers[1])


async def test_what_was_transferred_to_a_merged_organ_is_handed_on_by_the_one_in_its_place(service: Service) -> None:
    await in_force(service)
    onward = a_delegation(service, delegation_id="liuyang-onward", delegator=POLICE, delegate=TRANSPORT, sealed_as=TRANSPORT)
    before = await service.post("/delegations", onward, by=AUTHOR)
    former = (await service.get(f"/organs/{APPROVALS}")).json()
    await service.post("/organs", former | {"merged_into": POLICE}, by=AUTHOR)
    await service.post(f"/organs/{APPROVALS}/review", by=REVIEWER)

    after = await service.post("/delegations", onward, by=AUTHOR)
    back = await service.post("/delegations", onward | {"delegate": MARKET, "sealed_as": MARKET}, by=AUTHOR)

    assert told(before) == [("delegation.beyond-power", "/items/0")]
    assert after.status_code == 201, after.text
    assert told(back) == [("delegation.circle", "/delegate")]


async def test_two_drafts_that_contradict_are_not_both_published(service: Service) -> None:
    await service.post("/delegations", a_delegation(service), by=AUTHOR)
    other = a_delegation(service, delegation_id="liuyang-police", delegate=POLICE, sealed_as=POLICE)
    assert (await service.post("/delegations", other, by=AUTHOR)).status_code == 201
    await service.post("/delegations/liuyang-approvals/review", by=REVIEWER)

    answer = await service.post("/delegations/liuyang-police/review", by=REVIEWER)

    assert (answer.status_code, told(answer)) == (422, [("delegation.contradicts", "/items/0")])


async def test_a_county_does_not_bring_in_what_began_before(service: Service) -> None:
    await service.post("/delegations", a_delegation(service, valid_from="2026-01-01"), by=AUTHOR)

    answer = await service.post("/delegations/liuyang-approvals/review", by=REVIEWER)

    assert told(answer) == [("delegation.too-soon", "/valid_from")]


async def test_what_is_in_force_only_ends_later(service: Service) -> None:
    body = await in_force(service)
    for changed, expected in (
        ({"delegate": POLICE, "sealed_as": POLICE}, [("delegation.begun", "/delegate"), ("delegation.begun", "/sealed_as")]),
        ({"valid_to": tomorrow(service, days=0)}, [("delegation.ended-before", "/valid_to")]),
    ):
        assert (await service.post("/delegations", body | changed, by=AUTHOR)).status_code == 201
        assert told(await service.post("/delegations/liuyang-approvals/review", by=REVIEWER)) == expected

    await service.post("/delegations", body | {"valid_to": tomorrow(service)}, by=AUTHOR)
    assert (await service.post("/delegations/liuyang-approvals/review", by=REVIEWER)).status_code == 200


async def test_the_route_follows_it_and_its_revocation_takes_effect_after_every_service_heard(service: Service) -> None:
    await service.hear_all()
    before = await route(service)
    await in_force(service)
    await service.hear()
    handed = await route(service)

    asked_at = service.context.now.now()
    revoked = await service.post("/delegations/liuyang-approvals/revocation", by=REVIEWER)
    [(_, key, document)] = await service.hear()

    assert (before["handling_organ"], before["sealed_as"], before["delegations"]) == (MARKET, MARKET, [])
    assert (handed["handling_organ"], handed["sealed_as"], handed["delegations"]) == (APPROVALS, APPROVALS, ["liuyang-approvals"])
    assert (revoked.status_code, key) == (200, "delegation/liuyang-approvals")
    assert document is not None
    ends = datetime.fromisoformat(str(document["revoked_from"]))
    assert ends >= asked_at + timedelta(seconds=5)
    assert (await route(service, at=ends - timedelta(microseconds=1)))["handling_organ"] == APPROVALS
    assert (await route(service, at=ends))["handling_organ"] == MARKET


async def test_what_is_over_is_not_revoked_again_and_nobody_else_revokes(service: Service) -> None:
    await in_force(service)
    for by in (AUTHOR, CLERK, officer(Role.CATALOGUE_REVIEWER, region=JIANGXI)):
        assert (await service.post("/delegations/liuyang-approvals/revocation", by=by)).status_code == 403
    assert (await service.post("/delegations/liuyang-approvals/revocation", by=REVIEWER)).status_code == 200

    again = await service.post("/delegations/liuyang-approvals/revocation", by=REVIEWER)
    unknown = await service.post("/delegations/liuyang-nothing/revocation", by=REVIEWER)

    assert (again.status_code, again.json()["rule"]) == (409, "delegation.over")
    assert (unknown.status_code, unknown.json()["rule"]) == (404, "delegation.unknown")


async def test_delegations_are_listed_by_organ_region_and_item(service: Service) -> None:
    await in_force(service)
    await in_force(service, delegation_id="police-assists", kind="assist", delegate=POLICE, sealed_as=MARKET)

    async def ids(**query: str) -> list[str]:
        return [one["delegation_id"] for one in (await service.get("/delegations", query)).json()["items"]]

    assert await ids() == await ids(organ=MARKET) == await ids(item=SOLE_TRADER) == ["liuyang-approvals", "police-assists"]
    assert await ids(region=LIUYANG) == ["liuyang-approvals", "police-assists"]
    assert await ids(organ=POLICE) == await ids(after="liuyang-approvals") == ["police-assists"]
    assert await ids(limit="1") == ["liuyang-approvals"]
    assert await ids(item="000131015000") == await ids(region=TONGGU) == []


def an_alliance(**changed: Any) -> JsonObject:
    seed = {**encode_object(Seed().agreements()[0]), "agreement_id": "alliance-2027", "receiving": [], "handling": []}
    return {**seed, "alliance": [LIUYANG, TONGGU, WANZAI], "items": [], "valid_from": "2026-01-01", "valid_to": "2031-01-01", **changed}


async def test_an_alliance_is_one_agreement_in_which_each_receives_for_each(service: Service) -> None:
    await service.hear_all()
    assert (await service.post("/agreements", an_alliance(), by=AUTHOR)).status_code == 403
    drafted = await service.post("/agreements", an_alliance(), by=NATIONAL_AUTHOR)
    assert drafted.status_code == 201, drafted.text
    assert (await service.post("/agreements/alliance-2027/review", by=NATIONAL_REVIEWER)).status_code == 200
    assert [key for _, key, _ in await service.hear() if "/" in key] == ["agreement/alliance-2027"]

    answer = await service.get("/routes", {"item": SOLE_TRADER, "region": LIUYANG, "from": WANZAI})
    listed = (await service.get("/agreements", {"region": WANZAI})).json()["items"]

    assert answer.json()["route"]["agreement_id"] == "alliance-2027"
    [shown] = [one for one in listed if one["agreement_id"] == "alliance-2027"]
    terms = (await service.get("/agreements/alliance-2027/terms")).json()
    assert shown["receiving"] == shown["handling"] == terms["alliance"] == [LIUYANG, TONGGU, WANZAI]
    assert (terms["actions"], terms["query_fields"], terms["open_cases"]) == (["receive", "decide", "query"], [], "finish")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"receiving": [TONGGU]}, [("agreement.sides", "/alliance")]),
        ({"alliance": []}, [("agreement.sides", "/receiving")]),
        ({"alliance": [], "receiving": [TONGGU]}, [("agreement.sides", "/handling")]),
        ({"alliance": [LIUYANG]}, [("agreement.members", "/alliance")]),
        ({"alliance": [LIUYANG, LIUYANG]}, [("agreement.members", "/alliance")]),
        ({"alliance": [LIUYANG, "999999"]}, [("agreement.region", "/alliance/1")]),
    ],
)
async def test_an_alliance_names_known_members_each_once_and_no_sides(
    seeded: Service, changed: JsonObject, expected: list[tuple[str, str]]
) -> None:
    answer = await seeded.post("/agreements", an_alliance(**changed), by=NATIONAL_AUTHOR)

    assert (answer.status_code, told(answer)) == (422, expected)


async def test_an_alliance_may_be_of_every_county_of_the_nation(service: Service) -> None:
    today = local_day(service.context.now.now())
    nation = [one.code for one in Seed().regions() if one.level in {"county", "city"} and one.is_valid(today)]
    assert len(nation) > 3_000
    await service.hear_all()

    drafted = await service.post("/agreements", an_alliance(alliance=nation, valid_from=tomorrow(service)), by=NATIONAL_AUTHOR)
    published = await service.post("/agreements/alliance-2027/review", by=NATIONAL_REVIEWER)
    shown = (await service.get("/agreements/alliance-2027")).json()
    again = await service.post("/agreements", shown, by=NATIONAL_AUTHOR)
    await service.hear()
    day_after = service.context.now.now() + timedelta(days=2)
    far = {"item": SOLE_TRADER, "region": LIUYANG, "from": "650102", "at": day_after.isoformat()}

    assert (drafted.status_code, published.status_code, again.status_code) == (201, 200, 200), drafted.text
    assert shown["alliance"] == nation
    assert (await service.get("/routes", far)).json()["route"]["agreement_id"] == "alliance-2027"


async def test_an_alliance_in_force_loses_no_member_and_no_action(service: Service) -> None:
    await service.post("/agreements", an_alliance(), by=NATIONAL_AUTHOR)
    await service.post("/agreements/alliance-2027/review", by=NATIONAL_REVIEWER)
    less = an_alliance(alliance=[LIUYANG, TONGGU], actions=["receive", "decide"], query_fields=["trade_name"], open_cases="return")
    await service.post("/agreements", less, by=NATIONAL_AUTHOR)

    answer = await service.post("/agreements/alliance-2027/review", by=NATIONAL_REVIEWER)

    assert [pointer for _, pointer in told(answer)] == ["/alliance", "/actions", "/query_fields", "/open_cases"]


async def soonest_end(service: Service) -> date:
    """The last day of the agreement in force that ends first."""
    today = local_day(service.context.now.now()).isoformat()
    found = (await service.get("/agreements")).json()["items"]
    return min(date.fromisoformat(str(one["valid_to"])) for one in found if str(one["valid_from"]) <= today < str(one["valid_to"]))


async def test_agreements_about_to_end_are_found(service: Service) -> None:
    today = local_day(service.context.now.now())

    async def ids(**query: str) -> list[str]:
        return [one["agreement_id"] for one in (await service.get("/agreements", query)).json()["items"]]

    days = (await soonest_end(service) - today).days
    assert await ids(ending_within=str(days)) != []
    assert await ids(ending_within=str(days - 1)) == []


async def test_a_delegation_about_to_end_is_found_and_told_to_whoever_watches(service: Service) -> None:
    await in_force(service, valid_to=tomorrow(service, days=20))

    async def ids(**query: str) -> list[str]:
        return [one["delegation_id"] for one in (await service.get("/delegations", query)).json()["items"]]

    async def told() -> tuple[float, float, bool]:
        await service.hear()
        found = samples_of((await service.client.get("/metrics")).text)
        counted = {
            one.labels["within"]: one.value for one in found if one.name == "instruments_ending" and one.labels["kind"] == "delegation"
        }
        return counted["7"], counted["30"], fires("InstrumentsEnd", found)

    assert (await ids(ending_within="20"), await ids(ending_within="19")) == (["liuyang-approvals"], [])
    assert await told() == (0.0, 1.0, False)


async def test_an_agreement_that_ends_within_a_week_raises_the_alert(service: Service) -> None:
    await service.hear_all()
    last_week = await soonest_end(service) - local_day(service.context.now.now()) - timedelta(days=7)

    service.context.now.set_offset(last_week.total_seconds())
    found = samples_of((await service.client.get("/metrics")).text)

    assert fires("InstrumentsEnd", found)


async def town_handed_on_twice(service: Service) -> JsonObject:
    """The county's organ handed all to another, but a town to a third, and the other handed that town to a fourth: so far only the third counts."""
    body = {"code": TOWN, "name": "大瑶镇", "level": "town", "parent": LIUYANG}
    assert (await service.post("/regions", body, by=NATIONAL_AUTHOR)).status_code == 201
    assert (await service.post(f"/regions/{TOWN}/review", by=NATIONAL_REVIEWER)).status_code == 200
    town = {"region": TOWN, "delegation_id": "town-police", "delegate": POLICE, "sealed_as": POLICE}
    await in_force(service)
    await in_force(service, **town)
    await in_force(
        service, **town | {"delegation_id": "town-transport", "delegator": APPROVALS, "delegate": TRANSPORT, "sealed_as": TRANSPORT}
    )
    await service.hear_all()
    return dict((await service.get(f"/organs/{APPROVALS}")).json()) | {"merged_into": MARKET}


async def test_a_merger_that_would_make_papers_contradict_is_refused_until_one_is_revoked(service: Service) -> None:
    merged = await town_handed_on_twice(service)

    refused = await service.post("/organs", merged, by=AUTHOR)

    assert (refused.status_code, refused.json()["rule"]) == (422, "organ.unsound")
    assert told(refused) == [("organ.merger-contradicts", "/merged_into")]
    assert all(name in refused.json()["errors"][0]["detail"] for name in ("town-police", "town-transport"))
    await service.post("/delegations/town-transport/revocation", by=REVIEWER)
    await service.hear_all()
    assert (await service.post("/organs", merged, by=AUTHOR)).status_code == 201


async def test_papers_published_since_a_merger_was_drafted_are_held_against_it(service: Service) -> None:
    merged = dict((await service.get(f"/organs/{APPROVALS}")).json()) | {"merged_into": MARKET}
    assert (await service.post("/organs", merged, by=AUTHOR)).status_code == 201
    await town_handed_on_twice(service)

    refused = await service.post(f"/organs/{APPROVALS}/review", by=REVIEWER)

    assert (refused.status_code, told(refused)) == (422, [("organ.merger-contradicts", "/merged_into")])
    assert "merged_into" not in (await service.get(f"/organs/{APPROVALS}")).json()
