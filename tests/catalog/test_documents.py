"""Regions, organs, base items, agreements and calendars: read by anybody, drafted by one officer, published by another."""

import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.agreement.domain import AgreementUnsound, check_change
from catalog_svc.region.domain import LEVELS, RegionUnsound, check_regions
from catalog_svc.seed.reading import Seed
from contracts.caller import Caller, Role
from contracts.catalogue import Agreement, Region
from contracts.codec import decode, encode_object
from contracts.values import NATION, JsonObject, RegionCode
from rules.workdays import local_day
from tests.catalog.builders import (
    AUTHOR,
    BOTH,
    CLERK,
    LIUYANG,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    TONGGU,
    WANZAI,
    Service,
    officer,
)

SEED = Seed()
ABOLISHED = RegionCode("522200")
"""铜仁地区, a city since 2011."""
LIMITS = encode_object(SEED.agreements()[0].limits)
TONGGU_ORGAN = next(one for one in SEED.organs() if one.region == TONGGU)


def an_agreement(**changed: object) -> JsonObject:
    return {**encode_object(SEED.agreements()[0]), **changed}  # type: ignore[dict-item]


def an_organ(**changed: object) -> JsonObject:
    return {**encode_object(SEED.organs()[0]), **changed}  # type: ignore[dict-item]


async def test_an_unknown_region_is_not_found_by_its_rule(seeded: Service) -> None:
    answer = await seeded.get("/regions/439999")

    assert answer.status_code == 404
    assert answer.json()["rule"] == "region.unknown"


@pytest.mark.parametrize(
    ("code", "successors"),
    [
        ("430124", [{"code": "430182", "name": "宁乡市"}]),
        ("431121", [{"code": "431181", "name": "祁阳市"}]),
        ("330104", [{"code": "330102", "name": "上城区"}, {"code": "330114", "name": "钱塘区"}]),
        ("500105", [{"code": "500157", "name": "两江新区"}]),
        ("522200", [{"code": "520600", "name": "铜仁市"}]),
    ],
)
async def test_an_abolished_region_names_its_successors(seeded: Service, code: str, successors: list[Any]) -> None:
    region = (await seeded.get(f"/regions/{code}")).json()

    assert region["valid_to"] is not None
    assert region["successors_named"] == successors


async def test_regions_are_listed_by_parent_in_pages(seeded: Service) -> None:
    first = (await seeded.get("/regions", {"parent": "430100", "limit": "5"})).json()
    second = (await seeded.get("/regions", {"parent": "430100", "limit": "200", "after": first["next"]})).json()

    codes = [one["code"] for one in first["items"] + second["items"]]
    assert first["next"] == codes[4]
    assert LIUYANG in codes
    assert codes == sorted(set(codes))


async def test_a_region_is_found_by_part_of_its_name(seeded: Service) -> None:
    found = (await seeded.get("/regions", {"q": "浏阳"})).json()

    assert [one["code"] for one in found["items"]] == [LIUYANG]


async def test_what_was_read_is_not_sent_again(seeded: Service) -> None:
    first = await seeded.get(f"/regions/{LIUYANG}")
    again = await seeded.get(f"/regions/{LIUYANG}", known=first.headers["etag"])

    assert first.headers["cache-control"] == "public, max-age=30"
    assert (again.status_code, again.content) == (304, b"")


async def test_an_organ_and_a_calendar_can_be_read(seeded: Service) -> None:
    organs = (await seeded.get("/organs", {"region": LIUYANG})).json()["items"]
    calendar = (await seeded.get("/calendars/100000/2026")).json()

    assert "浏阳市市场监督管理局" in [one["name"] for one in organs]
    assert (await seeded.get(f"/organs/{organs[0]['code']}")).json() == organs[0]
    assert "2026-10-10" in calendar["workdays"]
    assert (await seeded.get("/calendars/430181/2026")).json()["rule"] == "calendar.unknown"


async def test_the_same_content_again_changes_nothing(service: Service) -> None:
    await service.documents()

    answer = await service.post("/agreements", an_agreement(), by=AUTHOR)

    assert (answer.status_code, answer.json()["changed"], answer.json()["state"]) == (200, False, "published")
    assert await service.documents() == []


async def test_a_changed_document_is_published_by_a_second_officer(service: Service) -> None:
    await service.documents()
    drafted = await service.post("/agreements", an_agreement(valid_to="2031-01-01"), by=AUTHOR)
    assert (drafted.status_code, drafted.json()["state"]) == (201, "draft")
    assert (await service.get("/agreements/liuyang-tonggu-2020")).json()["valid_to"] == "2030-11-01"
    assert await service.documents() == []

    published = await service.post("/agreements/liuyang-tonggu-2020/review", by=REVIEWER)

    assert (published.status_code, published.json()["state"]) == (200, "published")
    assert [(topic, key) for topic, key, _ in await service.documents()] == [("catalog.rules.v1", "agreement/liuyang-tonggu-2020")]
    assert (await service.get("/agreements/liuyang-tonggu-2020")).json()["valid_to"] == "2031-01-01"


async def test_the_author_may_not_review_and_the_refusal_leaves_a_trace(service: Service) -> None:
    await service.post("/organs", an_organ(telephone="0731-83611111"), by=BOTH)
    await service.documents()

    answer = await service.post(f"/organs/{an_organ()['code']}/review", by=BOTH)

    assert (answer.status_code, answer.json()["rule"]) == (403, "proposal.same-person")
    [(topic, _, trace)] = await service.documents()
    assert topic == "access.events.v1"
    assert trace is not None
    assert (trace["aggregate"], trace["action"], trace["about"]) == ("organ", "review", an_organ()["code"])


async def test_what_is_published_already_is_not_reviewed_again(seeded: Service) -> None:
    answer = await seeded.post("/agreements/liuyang-tonggu-2020/review", by=REVIEWER)

    assert (answer.status_code, answer.json()["rule"]) == (409, "move.illegal")


@pytest.mark.parametrize(
    "by",
    [CLERK, REVIEWER, officer(Role.CATALOGUE_AUTHOR, region=TONGGU)],
    ids=["a clerk", "a reviewer", "an author of another county"],
)
async def test_only_an_author_of_the_region_may_draft(seeded: Service, by: Caller) -> None:
    answer = await seeded.post("/organs", an_organ(telephone="1"), by=by)

    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")


async def test_nobody_drafts_without_signing_in(seeded: Service) -> None:
    assert (await seeded.post("/organs", an_organ())).status_code == 401


async def test_an_agreement_of_another_county_cannot_be_given_away(seeded: Service) -> None:
    answer = await seeded.post("/agreements", an_agreement(agreement_id="a-b-c", handling=[TONGGU]), by=AUTHOR)

    assert answer.status_code == 403


HUNAN, JIANGXI = RegionCode("430000"), RegionCode("360000")

TAKEN_OVER: list[tuple[str, str, JsonObject]] = [
    ("/agreements", "tonggu-liuyang-2020", {**encode_object(SEED.agreements()[1]), "handling": [LIUYANG], "receiving": [WANZAI]}),
    ("/organs", TONGGU_ORGAN.code, {**encode_object(TONGGU_ORGAN), "region": LIUYANG}),
    ("/regions", TONGGU, {"code": TONGGU, "name": "铜鼓县", "level": "county", "parent": "430100"}),
]
"""Documents of 江西 as a neighbour would have them: kind, key, content."""


@pytest.mark.parametrize(("path", "key", "body"), TAKEN_OVER, ids=["agreement", "organ", "region"])
async def test_what_belongs_to_a_neighbour_is_not_taken_over(seeded: Service, path: str, key: str, body: JsonObject) -> None:
    assert (await seeded.get(f"{path}/{key}")).status_code == 200

    answer = await seeded.post(path, body, by=officer(Role.CATALOGUE_AUTHOR, region=HUNAN))

    assert (answer.status_code, answer.json()["rule"]) == (403, "forbidden")


@pytest.mark.parametrize(("path", "key", "body"), TAKEN_OVER, ids=["agreement", "organ", "region"])
async def test_a_neighbours_officer_does_not_publish_what_moves_away_from_another(
    service: Service, path: str, key: str, body: JsonObject
) -> None:
    drafted = await service.post(path, body, by=NATIONAL_AUTHOR)
    assert drafted.status_code == 201, drafted.text

    taken = await service.post(f"{path}/{key}/review", by=officer(Role.CATALOGUE_REVIEWER, region=HUNAN))
    given = await service.post(f"{path}/{key}/review", by=NATIONAL_REVIEWER)

    # An agreement in force is not given away by anybody: it ends.
    assert (taken.status_code, given.status_code) == (403, 422 if path == "/agreements" else 200)


async def test_a_draft_that_waits_is_not_replaced_by_a_neighbours_officer(service: Service) -> None:
    new = "xinqu-test-2026"
    theirs = an_agreement(agreement_id=new, handling=[TONGGU], receiving=[LIUYANG])
    ours = an_agreement(agreement_id=new, handling=[LIUYANG], receiving=[TONGGU])
    await service.post("/agreements", theirs, by=officer(Role.CATALOGUE_AUTHOR, region=JIANGXI))

    answer = await service.post("/agreements", ours, by=officer(Role.CATALOGUE_AUTHOR, region=HUNAN))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"receiving": ["999999"]}, "agreement.region"),
        ({"items": ["000000000000"]}, "agreement.item"),
        ({"modes": ["local"]}, "agreement.mode-local"),
        ({"valid_to": "2020-01-01"}, "agreement.validity"),
        ({"receiving": [TONGGU, LIUYANG]}, "agreement.with-itself"),
        ({"receiving": [TONGGU, TONGGU]}, "agreement.party-twice"),
        ({"signatories": [" "]}, "agreement.signatories"),
        ({"contacts": []}, "agreement.contacts"),
        ({"limits": LIMITS | {"validated": {"amount": 0, "unit": "minutes"}}}, "agreement.limit"),
        ({"receiving": [ABOLISHED]}, "agreement.region-abolished"),
    ],
)
async def test_an_agreement_that_nobody_could_rest_on_is_refused(seeded: Service, changed: JsonObject, rule: str) -> None:
    answer = await seeded.post("/agreements", an_agreement(**changed), by=AUTHOR)

    assert answer.status_code == 422
    assert [one["rule"] for one in answer.json()["errors"]] == [rule]


TODAY = local_day(datetime.now(UTC))
"""When the tests began; what is refused today is refused after midnight, too."""
LATER = (TODAY + timedelta(days=400)).isoformat()


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"valid_to": TODAY.isoformat()}, "agreement.ended-before"),
        ({"valid_from": "2020-11-02"}, "agreement.begun"),
        ({"items": ["000131014000"]}, "agreement.narrowed"),
        ({"modes": ["collect_here"]}, "agreement.narrowed"),
        ({"receiving": [WANZAI]}, "agreement.narrowed"),
        ({"agreement_id": "liuyang-new", "valid_from": TODAY.isoformat()}, "agreement.too-soon"),
    ],
    ids=["ended today", "begun later", "fewer items", "fewer modes", "other places", "a second one that began"],
)
async def test_what_was_decided_until_today_stays_true(service: Service, changed: JsonObject, rule: str) -> None:
    body = an_agreement(**changed)
    await service.post("/agreements", body, by=AUTHOR)

    answer = await service.post(f"/agreements/{body['agreement_id']}/review", by=REVIEWER)

    assert answer.status_code == 422, answer.text
    assert [one["rule"] for one in answer.json()["errors"]] == [rule]


DAYS = st.sampled_from([TODAY + timedelta(days=number) for number in range(-4, 5)])


def refusals(changed: Agreement, former: Agreement) -> list[tuple[str, str]]:
    try:
        check_change(changed, former=former, today=TODAY)
    except AgreementUnsound as refused:
        return [(one.rule_id, one.pointer) for one in refused.defects]
    return []


@given(until=DAYS, to=DAYS)
def test_an_agreement_that_has_ended_is_not_revived_and_no_day_until_today_changes(until: date, to: date) -> None:
    former = decode(Agreement, an_agreement(valid_to=until.isoformat()))

    found = refusals(replace(former, valid_to=to), former)

    if until == to:
        assert found == []
    elif until <= TODAY:
        assert found == [("agreement.ended", "/valid_to")]
    else:
        assert found == ([("agreement.ended-before", "/valid_to")] if to <= TODAY else [])


async def test_an_agreement_ends_tomorrow_and_another_begins_then(service: Service) -> None:
    await service.hear_all()
    tomorrow = (local_day(datetime.now(UTC)) + timedelta(days=1)).isoformat()
    new = an_agreement(agreement_id="liuyang-new", valid_from=tomorrow, valid_to=LATER)
    for body in (an_agreement(valid_to=tomorrow), new):
        await service.post("/agreements", body, by=AUTHOR)
        assert (await service.post(f"/agreements/{body['agreement_id']}/review", by=REVIEWER)).status_code == 200
    await service.hear()

    query = {"item": "000131014000", "region": LIUYANG, "from": TONGGU}
    now = await service.get("/routes", query)
    then = await service.get("/routes", query | {"at": f"{tomorrow}T08:00:00+08:00"})

    assert now.json()["route"]["agreement_id"] == "liuyang-tonggu-2020"
    assert then.json()["route"]["agreement_id"] == "liuyang-new"


async def test_an_organ_with_a_wrong_check_digit_is_refused(seeded: Service) -> None:
    answer = await seeded.post("/organs", an_organ(code="11430181TB000001X0"), by=AUTHOR)

    assert [one["rule"] for one in answer.json()["errors"]] == ["organ.code"]


async def test_a_region_needs_a_parent_that_is_known(seeded: Service) -> None:
    body = {"code": "430199", "name": "试验区", "level": "county", "parent": "439900"}

    answer = await seeded.post("/regions", body, by=NATIONAL_AUTHOR)

    assert [one["rule"] for one in answer.json()["errors"]] == ["region.parent-unknown"]


@pytest.mark.parametrize(
    ("changed", "defects"),
    [
        (
            {"code": "430100", "name": "长沙市", "level": "city", "parent": "430181"},
            [("region.level", "/parent"), ("region.circle", "/parent")],
        ),
        (
            {"code": "430100", "name": "长沙市", "level": "county", "parent": "430181"},
            [("region.level", "/parent"), ("region.level", "/level"), ("region.circle", "/parent")],
        ),
        ({"code": "430181", "name": "浏阳市", "level": "county", "parent": "430102"}, [("region.level", "/parent")]),
        ({"code": "430181", "name": "浏阳市", "level": "county", "parent": "430181"}, [("region.parent-unknown", "/parent")]),
    ],
    ids=["under its county", "among its counties", "under its neighbour", "under itself"],
)
async def test_a_region_stands_below_its_parent(seeded: Service, changed: JsonObject, defects: list[tuple[str, str]]) -> None:
    answer = await seeded.post("/regions", changed, by=NATIONAL_AUTHOR)

    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == defects


async def test_what_fitted_when_it_was_drafted_is_looked_at_again_when_it_is_published(service: Service) -> None:
    new = {"code": "430197", "name": "试验市", "level": "city", "parent": "430000"}
    below = {"code": "430198", "name": "试验县", "level": "county", "parent": "430197"}
    for body in (new, below, new | {"level": "county", "parent": "430100"}):
        assert (await service.post("/regions", body, by=NATIONAL_AUTHOR)).status_code == 201
        if body["code"] == "430197":
            assert (await service.post("/regions/430197/review", by=NATIONAL_REVIEWER)).status_code == 200

    answer = await service.post("/regions/430198/review", by=NATIONAL_REVIEWER)

    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == [("region.level", "/parent")]


PLACES = [RegionCode(str(number)) for number in range(1, 7)]


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(LEVELS[1:]), st.sampled_from([NATION, *PLACES])), max_size=20))
def test_whatever_is_moved_where_the_tree_stays_a_tree_from_high_to_low(moves: list[tuple[RegionCode, Any, RegionCode]]) -> None:
    tree = {NATION: Region(code=NATION, name="中国", level="nation", parent=None)}

    def upwards(code: RegionCode | None) -> list[RegionCode]:
        chain: list[RegionCode] = []
        while code is not None and code in tree and code not in chain:
            chain.append(code)
            code = tree[code].parent
        return chain

    for code, level, parent in moves:
        moved = Region(code=code, name=code, level=level, parent=parent)
        below = [one for one in tree.values() if one.parent == code]
        with contextlib.suppress(RegionUnsound):
            check_regions([moved], known=tree | {code: moved}, chains={parent: upwards(parent)}, below=below)
            tree[code] = moved

        for one in tree:
            levels = [LEVELS.index(tree[place].level) for place in upwards(one)]
            assert upwards(one)[-1] == NATION
            assert levels == sorted(set(levels), reverse=True)


async def test_a_new_region_is_there_once_it_is_published(service: Service) -> None:
    body = {"code": "430199", "name": "试验区", "level": "county", "parent": "430100"}
    await service.post("/regions", body, by=NATIONAL_AUTHOR)
    assert (await service.get("/regions/430199")).status_code == 404

    await service.post("/regions/430199/review", by=NATIONAL_REVIEWER)

    assert (await service.get("/regions/430199")).json()["name"] == "试验区"


async def test_a_calendar_names_only_days_that_differ_from_the_week(seeded: Service) -> None:
    body = {
        "region": LIUYANG,
        "year": 2026,
        "version": "2026.1",
        "workdays": ["2026-11-23"],
        "holidays": ["2027-01-04"],
        "source": "台风停工",
        "official": True,
    }

    answer = await seeded.post("/calendars", body, by=AUTHOR)

    assert [one["rule"] for one in answer.json()["errors"]] == ["calendar.needless", "calendar.year"]


async def test_a_base_item_is_read_and_drafted_for_the_nation_only(service: Service) -> None:
    item = (await service.get("/base-items/000131007000")).json()

    assert item["part_of"] == "000131014000"
    assert (await service.post("/base-items", {**item, "batch": "2026"}, by=AUTHOR)).status_code == 403
    assert (await service.post("/base-items", {**item, "batch": "2026"}, by=NATIONAL_AUTHOR)).status_code == 201


async def test_fields_that_nobody_documented_are_refused_without_repeating_them(seeded: Service) -> None:
    answer = await seeded.post("/organs", an_organ(note="do not repeat"), by=AUTHOR)

    assert answer.status_code == 422
    assert "do not repeat" not in answer.text
