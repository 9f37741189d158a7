"""What people ask of the catalogue: the guide, the competent organ, the item they mean."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc import jws
from joserfc.jwk import OKPKey

from catalog_svc.context import Catalog
from catalog_svc.route.handlers import open_signer
from catalog_svc.seed.reading import Seed
from contracts.codec import encode_object
from contracts.values import JsonObject, RegionCode, canonical_json
from tests.catalog.builders import (
    AUTHOR,
    LIUYANG,
    MARKET,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER,
    SOLE_TRADER_ITEM,
    TONGGU,
    WANZAI,
    Service,
)

MARRIED_MOVE = "000709004000"
"""夫妻投靠户口迁移: joint handling only."""


async def route(seeded: Service, *, item: str = SOLE_TRADER, region: str = LIUYANG, origin: str = TONGGU, **query: str) -> Any:
    return await seeded.get("/routes", {"item": item, "region": region, "from": origin, **query})


def an_agreement_of(receiving: RegionCode, **changed: str) -> JsonObject:
    return {**encode_object(next(one for one in Seed().agreements() if receiving in one.receiving)), **changed}


# -- the guide


async def test_the_guide_asks_until_one_situation_is_left(seeded: Service) -> None:
    path = f"/service-items/{SOLE_TRADER_ITEM}/guide"

    first = (await seeded.get(path)).json()
    second = (await seeded.get(path, {"fact.matter": "cancel"})).json()
    third = (await seeded.get(path, {"fact.matter": "cancel", "fact.by_agent": "true"})).json()

    assert (first["question"]["name"], first["situation"], first["form"]) == ("matter", None, None)
    assert (second["question"]["name"], second["situation"]["situation_id"]) == ("by_agent", "cancel")
    assert third["question"] is None
    certain = {one["material"]["code"] for one in third["materials"] if one["certain"]}
    assert {"application_form", "id_card", "mandate", "agent_id_card", "old_licence", "tax_clearance"} <= certain
    assert "place_proof" not in {one["material"]["code"] for one in third["materials"]}
    assert third["form"]["title"] == "个体工商户登记(备案)申请书"
    assert third["version"]["statutory_limit"]["amount"] == 3


@pytest.mark.parametrize("query", [{"fact.matter": "dance"}, {"fact.unasked": "1"}, {"fact.by_agent": "maybe"}])
async def test_an_answer_that_nobody_offers_is_refused(seeded: Service, query: dict[str, str]) -> None:
    answer = await seeded.get(f"/service-items/{SOLE_TRADER_ITEM}/guide", query)

    assert (answer.status_code, answer.json()["rule"]) == (422, "guide.answer-invalid")


# -- routes


async def test_a_case_received_in_tonggu_is_decided_in_liuyang(seeded: Service) -> None:
    found = (await route(seeded)).json()

    assert found["route"]["handling_organ"] == MARKET
    assert found["route"]["agreement_id"] == "liuyang-tonggu-2020"
    assert found["route"]["mode"] == "collect_here"
    assert found["route"]["limits"]["signed_for"] == {"amount": 1, "unit": "workdays", "basis": ""}
    assert [one["outcome"] for one in found["route"]["considered"]] == ["holds", "holds"]
    assert found["parts"]["form"].startswith("sha256:")


async def test_a_case_received_in_liuyang_is_decided_in_tonggu(seeded: Service) -> None:
    found = (await route(seeded, region=TONGGU, origin=LIUYANG)).json()

    assert found["route"]["handling_region"] == TONGGU
    assert found["route"]["agreement_id"] == "tonggu-liuyang-2020"


async def test_a_case_of_ones_own_county_needs_no_agreement(seeded: Service) -> None:
    found = (await route(seeded, origin=LIUYANG)).json()

    assert (found["route"]["mode"], found["route"]["agreement_id"]) == ("local", None)


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"origin": "439999"}, "route.region-unknown"),
        ({"region": "430124"}, "route.region-abolished"),
        ({"region": "430182"}, "route.no-organ"),
        ({"item": MARRIED_MOVE, "mode": "collect_here"}, "route.mode-not-declared"),
        ({"origin": "430203"}, "route.no-agreement"),
        ({"origin": "430103"}, "route.way-not-declared"),
        ({"origin": WANZAI}, "route.agreement-expired"),
    ],
)
async def test_without_a_route_the_reason_is_named(seeded: Service, query: dict[str, str], rule: str) -> None:
    answer = await route(seeded, **query)

    assert 400 <= answer.status_code < 500
    assert answer.json()["rule"] == rule


@pytest.mark.parametrize(
    ("query", "considered"),
    [
        ({"origin": "439999"}, []),
        ({"region": "430182"}, [("route.own-region", "passed_over"), ("route.city", "passed_over"), ("route.province", "passed_over")]),
        (
            {"origin": "430103"},
            [("route.own-region", "holds"), ("route.way.across_towns", "passed_over")],
        ),
        ({"origin": WANZAI}, [("route.own-region", "holds"), *[("route.agreement", "passed_over")] * 2]),
    ],
    ids=["unknown", "nobody", "no way", "expired"],
)
async def test_a_refused_route_tells_what_was_looked_at_as_a_found_one_does(
    seeded: Service, query: dict[str, str], considered: list[tuple[str, str]]
) -> None:
    told = (await route(seeded, **query)).json().get("considered", [])

    assert [(one["rule"], one["outcome"]) for one in told] == considered
    assert all(one["zh"] and one["en"] for one in told)


async def test_why_nobody_may_be_listed_as_receiving_is_told_step_by_step(seeded: Service) -> None:
    refused = (await seeded.get("/routes/receivers", {"item": SOLE_TRADER, "region": "430182"})).json()

    assert refused["rule"] == "route.no-organ"
    assert [one["outcome"] for one in refused["considered"]] == ["passed_over"] * 3


async def test_an_abolished_region_is_refused_with_its_successors(seeded: Service) -> None:
    facts = (await route(seeded, region="430124")).json()["facts"]

    assert facts["successors"] == [{"code": "430182", "name": "宁乡市"}]


async def test_an_expired_agreement_held_while_it_was_in_force(seeded: Service) -> None:
    answer = await route(seeded, origin=WANZAI)

    assert answer.json()["facts"]["valid_to"] == "2026-01-01"


async def test_a_route_is_signed_with_a_published_key(seeded: Service) -> None:
    found = (await route(seeded)).json()
    keys = (await seeded.get("/.well-known/tongban-route-keys")).json()["keys"]

    signed = jws.extract_compact(found["proof"].encode())
    key = next(one for one in keys if one["kid"] == signed.headers()["kid"])
    public = OKPKey.import_key(load_pem_public_key(key["public_key"].encode()))  # type: ignore[arg-type]
    verified = jws.deserialize_compact(found["proof"], public, algorithms=["Ed25519"])

    assert (key["use"], key["owner"]) == ("route", "catalog")
    assert verified.payload == canonical_json(found["route"])


async def test_the_route_key_survives_a_restart(seeded: Service) -> None:
    context: Catalog = seeded.context
    before = context.route_signer

    await open_signer(context)

    assert before is not None
    assert context.route_signer is not None
    assert context.route_signer.public_key() == before.public_key()


async def test_an_unchanged_route_is_not_sent_again(seeded: Service) -> None:
    first = await route(seeded)
    again = await seeded.client.get(first.request.url, headers={"if-none-match": first.headers["etag"]})
    other = await seeded.client.get(str(first.request.url).replace(LIUYANG, TONGGU), headers={"if-none-match": first.headers["etag"]})

    assert first.headers["cache-control"] == "public, max-age=30"
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200


async def test_a_route_asked_for_after_ones_own_publication_is_the_new_one_or_says_that_it_is_behind(service: Service) -> None:
    await service.hear_all()
    query = {"item": SOLE_TRADER, "region": LIUYANG, "from": TONGGU}
    await service.post("/agreements", an_agreement_of(TONGGU, valid_to="2031-01-01"), by=AUTHOR)
    published = await service.post("/agreements/liuyang-tonggu-2020/review", by=REVIEWER)
    seen = published.headers["tongban-seen"]

    before = await service.get("/routes", query, seen=seen)
    found = await service.get("/search", {"q": "个体工商户登记"}, seen=seen)
    await service.hear()
    after = await service.get("/routes", query, seen=seen)

    assert (before.json()["behind"], found.json()["behind"]) == (True, True)
    assert (before.headers["cache-control"], found.headers["cache-control"]) == ("no-store", "no-store")
    assert "behind" not in after.json()
    assert after.headers["vary"] == "tongban-seen"


async def test_no_reason_is_given_while_the_callers_own_publication_may_still_remove_it(service: Service) -> None:
    await service.hear_all()
    query = {"item": SOLE_TRADER, "region": LIUYANG, "from": WANZAI}
    again = an_agreement_of(WANZAI, agreement_id="liuyang-wanzai-again", valid_to="2030-01-01")
    await service.post("/agreements", again, by=NATIONAL_AUTHOR)
    published = await service.post("/agreements/liuyang-wanzai-again/review", by=NATIONAL_REVIEWER)
    seen = published.headers["tongban-seen"]

    before = await service.get("/routes", query, seen=seen)
    await service.hear()
    after = await service.get("/routes", query, seen=seen)

    assert (before.status_code, before.json()["rule"]) == (503, "unavailable.behind")
    assert (after.status_code, after.json()["route"]["agreement_id"]) == (200, "liuyang-wanzai-again")


# -- search


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("个体工商户登记", "个体工商户登记"),
        ("个体户", "个体工商户登记"),
        ("开饭店", "个体工商户登记"),
        ("getigongshanghu", "个体工商户登记"),
        ("gtgsh", "个体工商户登记"),
        ("食品经营许可", "食品经营许可证核发"),
        ("身份证丢了", "居民身份证补领"),
        ("结婚", "婚姻登记"),
        ("jiehun", "婚姻登记"),
        ("公机金", "购房提取住房公积金"),
        ("无犯罪", "开具有无犯罪记录证明"),
        ("异地就医备案", "异地就医结算备案"),
        ("社保卡", "社会保障卡申领"),
        ("失业登计", "失业登记"),
    ],
)
async def test_the_item_that_people_mean_is_among_the_first(seeded: Service, query: str, name: str) -> None:
    found = (await seeded.get("/search", {"q": query})).json()["items"]

    assert name in [one["name"] for one in found[:5]]


async def test_what_nobody_means_finds_nothing(seeded: Service) -> None:
    assert (await seeded.get("/search", {"q": "qqqqqq"})).json()["items"] == []


async def test_every_base_item_is_found_by_its_name_even_when_nobody_offers_it(seeded: Service) -> None:
    names = [one["name"] for one in (await seeded.get("/base-items", {"limit": "200"})).json()["items"]]

    firsts = [(await seeded.get("/search", {"q": name})).json()["items"][0] for name in names]

    assert len(names) == len(set(names)) >= 126
    assert [one["name"] for one in firsts] == names
    assert any(one["service_items"] == [] for one in firsts)


@pytest.mark.parametrize(("region", "first"), [(LIUYANG, LIUYANG), (TONGGU, TONGGU), ("430103", LIUYANG), ("360902", TONGGU)])
async def test_the_nearest_organ_is_shown_first(seeded: Service, region: str, first: str) -> None:
    [found] = (await seeded.get("/search", {"q": "居民身份证换领", "region": region, "limit": "1"})).json()["items"]

    assert found["service_items"][0]["region"] == first
    assert len(found["service_items"]) == 2
    assert found["on_national_list"] is True


async def test_what_is_published_as_part_of_another_is_found_under_its_own_name(seeded: Service) -> None:
    [found] = (await seeded.get("/search", {"q": "个体工商户注销登记", "region": LIUYANG, "limit": "1"})).json()["items"]

    assert found["service_items"][0]["item_id"] == SOLE_TRADER_ITEM
    assert found["service_items"][0]["organ_name"] == "浏阳市市场监督管理局"
