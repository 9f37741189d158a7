"""Powers lists 权责清单: on whose authority an item stands, and what the list and the items in force do not have of each other."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Select, text

from catalog_svc.power import store
from catalog_svc.power.domain import UNASKED, Power, PowerKind
from catalog_svc.power.store import Sought
from catalog_svc.seed.reading import OfferedItem
from contracts.caller import Role
from contracts.codec import encode_object
from contracts.values import ItemCode, OrganCode, RegionCode
from tests.catalog.builders import (
    AUTHOR,
    BOTH,
    CLERK,
    LIUYANG,
    MARKET,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SEED,
    SOLE_TRADER,
    SOLE_TRADER_ITEM,
    TONGGU,
    WANZAI,
    Service,
    officer,
)
from tests.support.sending import statements

HALL = "11430181TB0000028B"
"""浏阳市行政审批服务局"""
PUBLIC_SERVICE = "002014001000"
POWER: dict[str, Any] = {
    "code": "XK-99",
    "region": LIUYANG,
    "name": "试验许可",
    "kind": "01",
    "organs": [MARKET],
    "legal_basis": ["《试验条例》第一条"],
    "items": [SOLE_TRADER],
    "verbatim": True,
}
REGISTRATION = f"QL-01-31-002@{LIUYANG}"
"""个体工商户登记注册 of the seed."""
WHOLE_LIST = 8_070
"""Powers on the list of one place of 31 departments (S-24)."""


def path_of(power: dict[str, Any]) -> str:
    return f"/powers/{power['code']}@{power['region']}"


async def publish(service: Service, power: dict[str, Any]) -> None:
    drafted = await service.post("/powers", power, by=AUTHOR)
    assert drafted.status_code == 201, drafted.text
    reviewed = await service.post(f"{path_of(power)}/review", by=REVIEWER)
    assert reviewed.status_code == 200, reviewed.text


async def items(service: Service, path: str, **query: str) -> list[dict[str, Any]]:
    """What all pages hold."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = await service.get(path, query | {"after": after})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        after = answer.json()["next"]
    return found


async def codes(service: Service, **query: str) -> list[str]:
    return [one["code"] for one in await items(service, "/powers", **{"region": LIUYANG} | query)]


async def behind(service: Service, item_id: str = SOLE_TRADER_ITEM) -> list[str]:
    return [one["code"] for one in (await service.get(f"/service-items/{item_id}/powers")).json()["powers"]]


# -- read


async def test_anybody_reads_from_an_item_to_its_powers_their_law_and_their_organ(seeded: Service) -> None:
    shown = (await seeded.get(f"/service-items/{SOLE_TRADER_ITEM}/powers")).json()

    [power] = shown["powers"]
    assert (shown["version_id"], shown["item_code"], shown["organ"]) == (f"{SOLE_TRADER_ITEM}-v1", SOLE_TRADER, MARKET)
    assert (power["code"], power["name"], power["kind_name"], power["kind_name_en"]) == (
        "QL-01-31-002",
        "个体工商户登记注册",
        "行政许可",
        "permit",
    )
    assert "《促进个体工商户发展条例》(国务院令第755号)第十三条" in power["legal_basis"]
    assert (power["organs"], power["region"]) == ([{"code": MARKET, "name": "浏阳市市场监督管理局"}], LIUYANG)
    assert power["verbatim"] is False


async def test_a_guide_says_where_the_powers_behind_its_item_are_read(seeded: Service) -> None:
    guide = (await seeded.get(f"/service-guides/{SOLE_TRADER_ITEM}")).json()

    answer = await seeded.client.get(guide["powers"])

    assert [one["code"] for one in answer.json()["powers"]] == ["QL-01-31-002"]


MOVE = next(one for one in SEED.items if one.region == LIUYANG and one.draft.content.name == "户口迁移一件事")
ONE_LICENCE = next(one for one in SEED.items if one.region == LIUYANG and one.draft.content.name == "一照通行涉企经营许可一件事")


@pytest.mark.parametrize("offered", [MOVE, ONE_LICENCE], ids=["move", "one licence"])
async def test_behind_a_bundle_stand_the_powers_of_its_members_each_with_the_item(seeded: Service, offered: OfferedItem) -> None:
    content, bundle = offered.draft.content, offered.draft.parts.situations.bundle
    assert bundle is not None
    members = [one.item_code for one in bundle.members]

    shown = (await seeded.get(f"/service-items/{content.organ}4{content.item_code}/powers")).json()

    named = {one.code: [code for code in members if code in one.items] for one in SEED.powers() if one.region == LIUYANG}
    assert {one["code"]: one["item_codes"] for one in shown["powers"]} == {code: through for code, through in named.items() if through}
    assert {code for one in shown["powers"] for code in one["item_codes"]} == set(members)


async def test_the_powers_behind_an_item_come_in_pages_without_a_gap(seeded: Service) -> None:
    path = f"/service-items/{ONE_LICENCE.draft.content.organ}4{ONE_LICENCE.draft.content.item_code}/powers"
    whole = (await seeded.get(path)).json()["powers"]
    found: list[dict[str, Any]] = []
    after: str | None = ""

    while after is not None:
        page = (await seeded.get(path, {"limit": "1", "after": after})).json()
        found, after = found + page["powers"], page["next"]

    assert found == whole
    assert len(whole) > 1


async def test_no_power_stands_behind_a_public_service_and_none_is_told_of_an_item_that_there_is_not(seeded: Service) -> None:
    offered = next(one for one in SEED.items if one.draft.content.item_code == PUBLIC_SERVICE)
    service_item = f"{offered.draft.content.organ}4{PUBLIC_SERVICE}"

    absent = await seeded.get(f"/service-items/{MARKET}4{PUBLIC_SERVICE}/powers")

    assert await behind(seeded, service_item) == []
    assert (absent.status_code, absent.json()["rule"]) == (404, "item.unknown")


@pytest.mark.parametrize("region", [LIUYANG, TONGGU, WANZAI])
async def test_behind_every_item_of_the_seed_that_is_no_public_service_stands_a_power(seeded: Service, region: RegionCode) -> None:
    report = (await seeded.get("/powers/unlisted-items", {"region": region, "limit": "200"})).json()

    assert report == {"compared": len([one for one in SEED.items if one.region == region]), "items": [], "next": None}
    assert len({code for power in SEED.powers() for code in power.items}) >= 30


async def test_what_an_organ_does_unasked_is_listed_and_is_no_gap(seeded: Service) -> None:
    listed = {one["kind"] for one in await items(seeded, "/powers", region=LIUYANG, linked="false")}
    gaps = [one["kind"] for one in await items(seeded, "/powers/unexercised", region=LIUYANG, limit="7")]

    assert listed == {kind.value for kind in (*UNASKED, PowerKind.REWARD, PowerKind.ADJUDICATION)}
    assert gaps == ["08", "09"]


async def test_a_list_is_asked_by_organ_kind_link_and_state(service: Service) -> None:
    await publish(service, POWER)
    await publish(service, POWER | {"code": "CF-99", "kind": "02", "items": [], "organs": [HALL]})
    await publish(service, POWER | {"code": "XK-98", "cancelled_by": "浏政发〔2026〕1号"})
    seed = [one for one in SEED.powers() if one.region == LIUYANG]

    assert await codes(service, organ=HALL) == ["CF-99"]
    assert await codes(service, organ=HALL, kind="01") == []
    assert await codes(service, kind="02", linked="false") == ["CF-99", *(one.code for one in seed if one.kind.value == "02")]
    assert await codes(service, kind="02", linked="true") == []
    assert await codes(service, listed="false") == ["XK-98"]
    assert "XK-98" not in await codes(service)
    assert len(await codes(service)) == len(seed) + 2
    assert await codes(service, region="430000") == []


async def test_a_list_comes_in_pages_without_a_gap(seeded: Service) -> None:
    whole = await items(seeded, "/powers", region=LIUYANG, limit="200")

    assert await items(seeded, "/powers", region=LIUYANG, limit="7") == whole
    assert [one["code"] for one in whole] == [one.code for one in SEED.powers() if one.region == LIUYANG]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/powers", {}),
        ("/powers", {"region": LIUYANG, "kind": "20"}),
        ("/powers", {"region": LIUYANG, "linked": "maybe"}),
        ("/powers", {"region": LIUYANG, "organ": "X"}),
        ("/powers", {"region": LIUYANG, "limit": "201"}),
        ("/powers/unexercised", {}),
        ("/powers/unlisted-items", {"region": "浏阳"}),
        ("/powers/lower-case@430181", {}),
        ("/service-items/X/powers", {}),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(seeded: Service, path: str, query: dict[str, str]) -> None:
    answer = await seeded.get(path, query)

    assert (answer.status_code, answer.json()["rule"]) == (422, "request.malformed")


async def test_a_power_has_as_long_a_name_as_a_list_gives_it_and_many_organs(service: Service) -> None:
    organs = [one.code for one in SEED.organs() if one.region == LIUYANG]

    await publish(service, POWER | {"name": "对" * 200, "organs": organs})

    assert len(organs) > 10
    assert (await service.get(path_of(POWER))).json()["organs"] == organs


async def test_a_power_that_no_list_has_is_absent(seeded: Service) -> None:
    answer = await seeded.get(f"/powers/XK-99@{LIUYANG}")

    assert (answer.status_code, answer.json()["rule"]) == (404, "power.unknown")


# -- written


async def test_a_power_is_seen_when_a_second_officer_has_put_it_on_the_list(service: Service) -> None:
    await service.post("/powers", POWER, by=BOTH)

    own = await service.post(f"{path_of(POWER)}/review", by=BOTH)
    before = await service.get(path_of(POWER))
    reviewed = await service.post(f"{path_of(POWER)}/review", by=REVIEWER)
    after = await service.get(path_of(POWER))

    assert (own.status_code, own.json()["rule"]) == (403, "proposal.same-person")
    assert (before.status_code, reviewed.status_code) == (404, 200)
    assert after.json() == POWER | {"cancelled_by": ""}
    assert await behind(service) == ["QL-01-31-002", "XK-99"]
    assert (await service.get(path_of(POWER), known=after.headers["etag"])).status_code == 304


async def test_of_two_officers_who_draft_a_power_at_once_one_is_told_of_the_other(service: Service) -> None:
    colleague = replace(AUTHOR, account="another author")

    answers = await asyncio.gather(
        service.post("/powers", POWER, by=AUTHOR), service.post("/powers", POWER | {"name": "别的许可"}, by=colleague)
    )

    assert sorted(one.status_code for one in answers) == [201, 409]
    assert [one.json()["rule"] for one in answers if one.status_code == 409] == ["proposal.draft-waits"]


async def test_of_two_reviews_at_once_one_counts(service: Service) -> None:
    await service.post("/powers", POWER, by=AUTHOR)
    colleague = replace(REVIEWER, account="another reviewer")

    answers = await asyncio.gather(*(service.post(f"{path_of(POWER)}/review", by=by) for by in (REVIEWER, colleague)))

    assert sorted(one.status_code for one in answers) == [200, 409]
    assert await behind(service) == ["QL-01-31-002", "XK-99"]


async def test_the_same_request_again_is_answered_the_same_and_done_once(service: Service) -> None:
    headers = service.headers(AUTHOR)

    first, again, other = [
        await service.client.post("/v1/powers", json=body, headers=headers) for body in (POWER, POWER, POWER | {"name": "别的许可"})
    ]

    assert (first.status_code, again.content, again.headers["idempotent-replayed"]) == (201, first.content, "true")
    assert (other.status_code, other.json()["rule"]) == (422, "idempotency.reused")


async def test_only_officers_of_the_list_write_it(service: Service) -> None:
    neighbour = officer(Role.CATALOGUE_AUTHOR, region=TONGGU)
    await service.post("/powers", POWER, by=AUTHOR)

    answers = [
        await service.post("/powers", POWER | {"name": "别的许可"}, by=CLERK),
        await service.post("/powers", POWER | {"name": "别的许可"}, by=REVIEWER),
        await service.post("/powers", POWER | {"name": "别的许可"}, by=neighbour),
        await service.post("/powers", POWER | {"code": "XK-98"}, by=neighbour),
        await service.post("/powers", POWER | {"region": "430000"}, by=AUTHOR),
        await service.post(f"{path_of(POWER)}/review", by=officer(Role.CATALOGUE_REVIEWER, region=TONGGU), tag='"1"'),
    ]

    assert [(one.status_code, one.json()["rule"]) for one in answers] == [(403, "forbidden")] * 6


@pytest.mark.parametrize(
    ("said", "rule", "pointer"),
    [
        ({"region": "999999"}, "power.region-unknown", "/region"),
        ({"legal_basis": []}, "power.basis-missing", "/legal_basis"),
        ({"organs": [MARKET, "11430181TB0000999X"]}, "power.organ-unknown", "/organs/1"),
        ({"region": TONGGU}, "power.organ-elsewhere", "/organs/0"),
        ({"organs": [MARKET, MARKET]}, "power.twice", "/organs/1"),
        ({"items": [SOLE_TRADER, SOLE_TRADER]}, "power.twice", "/items/1"),
        ({"items": [SOLE_TRADER, "000000000000"]}, "power.item-unknown", "/items/1"),
        ({"items": [PUBLIC_SERVICE]}, "power.public-service", "/items/0"),
        ({"items": [SOLE_TRADER, "000511001000"]}, "power.kind-differs", "/items/1"),
        ({"kind": "05"}, "power.kind-differs", "/items/0"),
        ({"cancelled_by": "国发〔2026〕1号", "organs": [MARKET, "11430181TB0000999X"]}, "power.organ-unknown", "/organs/1"),
        ({"cancelled_by": "国发〔2026〕1号", "items": [SOLE_TRADER, "000000000000"]}, "power.item-unknown", "/items/1"),
        *(({"kind": kind.value}, "power.unasked", "/items") for kind in UNASKED),
    ],
)
async def test_a_power_that_the_list_may_not_hold_is_refused_with_its_field(
    seeded: Service, said: dict[str, Any], rule: str, pointer: str
) -> None:
    answer = await seeded.post("/powers", POWER | said, by=NATIONAL_AUTHOR)

    assert (answer.status_code, answer.json()["rule"]) == (422, "power.unsound")
    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]][:1] == [(rule, pointer)]
    assert all(one["detail"] and one["detail_en"].isascii() for one in answer.json()["errors"])


@pytest.mark.parametrize(
    "said",
    [
        {"organs": []},
        {"legal_basis": [" "]},
        {"kind": "20"},
        {"code": "x k"},
        {"name": ""},
        {"items": [SOLE_TRADER] * 51},
        {"unheard": 1},
        {"name": "许\x00可"},
        {"name": "许" * 201},
        {"organs": [MARKET] * 101},
    ],
)
async def test_a_power_without_what_or_who_is_refused(seeded: Service, said: dict[str, Any]) -> None:
    answer = await seeded.post("/powers", POWER | said, by=AUTHOR)

    assert (answer.status_code, answer.json()["rule"]) == (422, "request.malformed")


async def test_the_nation_lists_a_power_of_an_organ_below_it(service: Service) -> None:
    power = POWER | {"region": "100000"}

    await service.post("/powers", power, by=NATIONAL_AUTHOR)
    await service.post(f"{path_of(power)}/review", by=NATIONAL_REVIEWER)

    assert await behind(service) == ["QL-01-31-002", "XK-99"]


async def test_a_cancelled_power_stands_behind_no_item_and_the_report_says_so(service: Service) -> None:
    listed = (await service.get(f"/powers/{REGISTRATION}")).json()

    await publish(service, listed | {"cancelled_by": "国发〔2026〕1号"})
    cancelled = (await service.get(f"/powers/{REGISTRATION}")).json()
    gaps = [one["item_id"] for one in await items(service, "/powers/unlisted-items", region=LIUYANG)]
    await publish(service, listed)

    assert cancelled["cancelled_by"] == "国发〔2026〕1号"
    assert gaps == [SOLE_TRADER_ITEM]
    assert await behind(service) == ["QL-01-31-002"]


async def test_a_power_whose_item_is_taken_back_is_exercised_by_none(service: Service) -> None:
    [power] = [one for one in SEED.powers() if one.code == "QL-10-36-001" and one.region == LIUYANG]
    before = await items(service, "/powers/unexercised", region=LIUYANG)

    taken = await service.post(f"/service-items/versions/{power.organs[0]}4{power.items[0]}-v1/withdrawal", by=REVIEWER)
    service.context.now.set_offset(service.context.now.offset.total_seconds() + 60)
    after = await items(service, "/powers/unexercised", region=LIUYANG)

    assert taken.status_code == 200, taken.text
    assert [one["code"] for one in after if one not in before] == [power.code]


async def test_a_merged_organ_exercises_no_new_power_and_its_items_keep_theirs(service: Service) -> None:
    organ = (await service.get(f"/organs/{MARKET}")).json()
    merged = {name: value for name, value in organ.items() if name != "merged_at"} | {"merged_into": HALL}
    listed = (await service.get(f"/powers/{REGISTRATION}")).json()
    await service.post("/powers", POWER, by=AUTHOR)
    assert (await service.post("/organs", merged, by=AUTHOR)).status_code == 201
    assert (await service.post(f"/organs/{MARKET}/review", by=REVIEWER)).status_code == 200
    await service.hear_all()

    drafted_before = await service.post(f"{path_of(POWER)}/review", by=REVIEWER)
    drafted_now = await service.post("/powers", POWER | {"code": "XK-98"}, by=AUTHOR)
    await publish(service, listed | {"organs": [HALL]})

    for refused in (drafted_before, drafted_now):
        assert [(one["rule"], one["pointer"]) for one in refused.json()["errors"]] == [("power.organ-unknown", "/organs/0")]
    assert await behind(service) == ["QL-01-31-002"]
    assert await items(service, "/powers/unlisted-items", region=LIUYANG) == []
    assert "QL-01-31-002" not in [one["code"] for one in await items(service, "/powers/unexercised", region=LIUYANG)]
    await publish(service, listed | {"cancelled_by": "国发〔2026〕1号"})


async def test_what_is_read_can_be_sent_back_and_changes_nothing(seeded: Service) -> None:
    for power in (await items(seeded, "/powers", region=LIUYANG))[::9]:
        answer = await seeded.post("/powers", power, by=AUTHOR)

        assert (answer.status_code, answer.json().get("changed")) == (200, False)


# -- many at once


def several(number: int) -> list[dict[str, Any]]:
    return [POWER | {"code": f"XK-{place:03}"} for place in range(number)]


async def test_a_list_is_drafted_and_put_in_force_at_once(service: Service) -> None:
    drafted = await service.post("/powers/drafts", {"powers": several(3)}, by=AUTHOR)
    before = await behind(service)

    reviewed = await service.post("/powers/reviews", {"drafts": as_read(drafted)}, by=REVIEWER)
    again = await service.post("/powers/drafts", {"powers": several(3)}, by=AUTHOR)

    assert (drafted.status_code, reviewed.status_code, again.status_code) == (201, 200, 200)
    assert [(one["key"], one["state"], one["changed"]) for one in reviewed.json()["drafts"]] == [
        (f"XK-00{place}@{LIUYANG}", "published", True) for place in range(3)
    ]
    assert [one["changed"] for one in again.json()["drafts"]] == [False] * 3
    assert before == ["QL-01-31-002"]
    assert await behind(service) == ["QL-01-31-002", "XK-000", "XK-001", "XK-002"]


async def test_of_a_list_with_a_defect_nothing_is_drafted_and_each_defect_has_its_place(service: Service) -> None:
    powers = several(20)
    powers[3] |= {"organs": [MARKET, "11430181TB0000999X"]}
    powers[17] |= {"legal_basis": [], "items": [PUBLIC_SERVICE]}

    refused = await service.post("/powers/drafts", {"powers": powers}, by=AUTHOR)

    assert (refused.status_code, refused.json()["rule"]) == (422, "power.unsound")
    assert [(one["rule"], one["pointer"]) for one in refused.json()["errors"]] == [
        ("power.organ-unknown", "/powers/3/organs/1"),
        ("power.basis-missing", "/powers/17/legal_basis"),
        ("power.public-service", "/powers/17/items/0"),
    ]
    assert (await service.get_as(f"/powers/XK-000@{LIUYANG}/draft", by=AUTHOR)).status_code == 404


async def test_what_stands_twice_in_a_list_or_waits_by_another_officer_is_refused_with_its_place(service: Service) -> None:
    colleague = replace(AUTHOR, account="another author")
    await service.post("/powers", several(2)[1] | {"name": "别的许可"}, by=colleague)

    twice = await service.post("/powers/drafts", {"powers": [*several(1), *several(1)]}, by=AUTHOR)
    waits = await service.post("/powers/drafts", {"powers": several(3)}, by=AUTHOR)

    assert [(one["rule"], one["pointer"]) for one in twice.json()["errors"]] == [("power.twice", "/powers/1/code")]
    assert (waits.status_code, waits.json()["rule"]) == (409, "proposal.draft-waits")
    assert [(one["rule"], one["pointer"]) for one in waits.json()["errors"]] == [("proposal.draft-waits", "/powers/1")]
    assert (await service.get_as(f"/powers/XK-000@{LIUYANG}/draft", by=AUTHOR)).status_code == 404


async def test_a_review_of_a_list_counts_whole_or_not_at_all(service: Service) -> None:
    read = as_read(await service.post("/powers/drafts", {"powers": several(4)}, by=AUTHOR))
    own = as_read(await service.post("/powers/drafts", {"powers": [POWER]}, by=BOTH))
    stale = [*read[:2], read[2] | {"version": 9}, read[3]]
    strange = {"key": f"XK-998@{LIUYANG}", "version": 1}

    answers = [
        await service.post("/powers/reviews", {"drafts": stale}, by=REVIEWER),
        await service.post("/powers/reviews", {"drafts": [*read, strange]}, by=REVIEWER),
        await service.post("/powers/reviews", {"drafts": [*read, *own]}, by=BOTH),
        await service.post("/powers/reviews", {"drafts": [*read, read[0]]}, by=REVIEWER),
    ]
    before = await behind(service)
    published = await service.post("/powers/reviews", {"drafts": read}, by=REVIEWER)
    late = await service.post("/powers/reviews", {"drafts": read}, by=REVIEWER)

    assert [(one.status_code, [(it["rule"], it["pointer"]) for it in one.json()["errors"]]) for one in answers] == [
        (412, [("stale", "/drafts/2")]),
        (404, [("proposal.not-found", "/drafts/4")]),
        (403, [("proposal.same-person", "/drafts/4")]),
        (422, [("power.twice", "/drafts/4/key")]),
    ]
    assert before == ["QL-01-31-002"]
    assert (published.status_code, late.status_code) == (200, 409)
    assert len(late.json()["errors"]) == 4
    assert len(await behind(service)) == 5


async def test_only_officers_of_a_list_bring_it(service: Service) -> None:
    neighbour = officer(Role.CATALOGUE_AUTHOR, region=TONGGU)
    read = as_read(await service.post("/powers/drafts", {"powers": several(2)}, by=AUTHOR))

    answers = [
        await service.post("/powers/drafts", {"powers": several(3)}, by=neighbour),
        await service.post("/powers/drafts", {"powers": several(3)}, by=REVIEWER),
        await service.post("/powers/drafts", {"powers": [*several(1), POWER | {"region": "430000"}]}, by=AUTHOR),
        await service.post("/powers/reviews", {"drafts": read}, by=AUTHOR),
        await service.post("/powers/reviews", {"drafts": read}, by=officer(Role.CATALOGUE_REVIEWER, region=TONGGU)),
    ]

    assert [(one.status_code, one.json()["rule"]) for one in answers] == [(403, "forbidden")] * 5


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/powers/drafts", {"powers": []}),
        ("/powers/drafts", {"powers": several(501)}),
        ("/powers/drafts", {"powers": [POWER | {"unheard": 1}]}),
        ("/powers/drafts", [POWER]),
        ("/powers/reviews", {"drafts": []}),
        ("/powers/reviews", {"drafts": [{"key": f"XK-99@{LIUYANG}"}]}),
        ("/powers/reviews", {"drafts": [{"key": f"XK-{place:03}@{LIUYANG}", "version": 1} for place in range(501)]}),
    ],
)
async def test_no_list_is_empty_without_end_or_unread(seeded: Service, path: str, body: Any) -> None:
    answer = await seeded.post(path, body, by=AUTHOR)

    assert (answer.status_code, answer.json()["rule"]) == (422, "request.malformed")


# -- a whole list


def a_whole_list() -> list[Power]:
    """As one place has it: most of it penalties and inspections, some of the rest with an item."""
    organs = [one.code for one in SEED.organs() if one.region == LIUYANG]
    bases: dict[str, list[ItemCode]] = {}
    for one in SEED.base_items():
        bases.setdefault(one.kind, []).append(one.code)
    kinds = [
        *sorted(UNASKED),
        PowerKind.PENALTY,
        PowerKind.PENALTY,
        PowerKind.INSPECTION,
        PowerKind.PENALTY,
        PowerKind.PERMIT,
        PowerKind.OTHER,
    ]
    return [
        Power(
            code=f"W-{number:05}",
            region=LIUYANG,
            name=f"第{number}项职权",
            kind=(kind := kinds[number % len(kinds)]),
            organs=(organs[number % len(organs)],),
            legal_basis=(f"《试验条例》第{number}条", "《行政许可法》"),
            items=() if kind in UNASKED or number % 3 else (bases[kind.value][number % len(bases[kind.value])],),
            verbatim=True,
        )
        for number in range(WHOLE_LIST)
    ]


def as_read(drafted: httpx.Response) -> list[dict[str, Any]]:
    """What a reviewer says to have read of a list that was drafted."""
    return [{"key": one["key"], "version": one["version"]} for one in drafted.json()["drafts"]]


async def bring(service: Service, powers: Sequence[Power]) -> None:
    for first in range(0, len(powers), 500):
        drafted = await service.post("/powers/drafts", {"powers": [encode_object(one) for one in powers[first : first + 500]]}, by=AUTHOR)
        assert drafted.status_code == 201, drafted.text
        reviewed = await service.post("/powers/reviews", {"drafts": as_read(drafted)}, by=REVIEWER)
        assert reviewed.status_code == 200, reviewed.text
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text("analyze powers"))


async def plan_of(service: Service, asked: Select[Any]) -> str:
    async with service.context.database.read(service.context) as tx:
        written = asked.compile(dialect=tx.connection.dialect, compile_kwargs={"literal_binds": True})
        return "\n".join(row[0] for row in await tx.execute(text(f"explain {written}")))


async def asked_of_the_database(service: Service, *, limit: str) -> dict[str, int]:
    """Statements by path, the connection open already."""
    asked: dict[str, int] = {}
    paths: list[tuple[str, dict[str, str]]] = [
        ("/powers", {}),
        ("/powers", {"organ": MARKET, "linked": "true"}),
        ("/powers/unexercised", {}),
        ("/powers/unlisted-items", {}),
        (f"/service-items/{SOLE_TRADER_ITEM}/powers", {}),
        (f"/service-items/{MOVE.draft.content.organ}4{MOVE.draft.content.item_code}/powers", {}),
    ]
    await service.get("/powers", {"region": LIUYANG})
    for path, more in paths:
        with statements(service.context.database) as sent:
            answer = await service.get(path, {"region": LIUYANG, "limit": limit} | more)
        assert answer.status_code == 200
        asked[f"{path} {more}"] = len(sent)
    return asked


async def test_of_a_list_of_thousands_as_many_questions_are_asked_as_of_a_short_one(service: Service) -> None:
    short = await asked_of_the_database(service, limit="1")

    await bring(service, a_whole_list())

    assert await asked_of_the_database(service, limit="200") == short
    assert max(asked for path, asked in short.items() if MOVE.draft.content.item_code not in path) <= 4
    assert max(short.values()) <= 6
    assert len(await items(service, "/powers", region=LIUYANG, limit="200")) == WHOLE_LIST + 40
    assert len(await items(service, "/powers/unlisted-items", region=LIUYANG)) == 0


async def test_a_list_of_thousands_is_read_by_its_indexes(service: Service) -> None:
    await bring(service, a_whole_list())
    lists = [
        store.list_query(Sought(region=LIUYANG), after="", limit=50),
        store.list_query(Sought(region=LIUYANG, kind=PowerKind.ADJUDICATION), after="W", limit=200),
        store.list_query(Sought(region=LIUYANG, organ=MARKET, linked=True), after="", limit=50),
        store.applied_for_query(LIUYANG, after="", limit=200),
    ]
    links = [
        store.behind_query({ItemCode(SOLE_TRADER): [MARKET], ItemCode("000131012000"): [OrganCode(HALL), MARKET]}, after="", limit=50),
        store.pairs_query([MARKET], items=[ItemCode(SOLE_TRADER), ItemCode("000131012000")]),
    ]

    plans = [await plan_of(service, one) for one in (*lists, *links)]

    assert [plan for plan in plans if "Seq Scan" in plan or "Index" not in plan] == []
    assert [plan for plan in plans[len(lists) :] if "ix_powers_link" not in plan] == []
