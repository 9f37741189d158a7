"""What a standard fixes is kept below it; drifts, diffs and impacts name exactly what was planted."""

from typing import Any

import pytest

from catalog_svc.comparison.domain import differences
from contracts.caller import Role
from contracts.values import RegionCode
from tests.catalog.builders import (
    AUTHOR,
    CLERK,
    LIUYANG,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER,
    SOLE_TRADER_ITEM,
    TONGGU,
    Service,
    a_draft,
    officer,
)
from tests.support.sending import statements

HUNAN = RegionCode("430000")
PROVINCE = (officer(Role.CATALOGUE_AUTHOR, region=HUNAN), officer(Role.CATALOGUE_REVIEWER, region=HUNAN))
SAID = a_draft()["version"]["promised_limit"]


def element(field: str, lock: str, value: Any) -> dict[str, Any]:
    return {"field": field, "lock": lock, "value": value}


async def draft_base(service: Service, *elements: dict[str, Any], **said: Any) -> Any:
    base = (await service.get(f"/base-items/{SOLE_TRADER}")).json() | {"elements": list(elements)} | said
    return await service.post("/base-items", base, by=NATIONAL_AUTHOR)


async def fix(service: Service, *elements: dict[str, Any], **said: Any) -> None:
    assert (await draft_base(service, *elements, **said)).status_code == 201
    assert (await service.post(f"/base-items/{SOLE_TRADER}/review", by=NATIONAL_REVIEWER)).status_code == 200


async def fix_in_the_province(service: Service, *elements: dict[str, Any]) -> None:
    author, reviewer = PROVINCE
    drafted = await service.post("/standards", {"item_code": SOLE_TRADER, "region": HUNAN, "elements": list(elements)}, by=author)
    assert drafted.status_code == 201, drafted.text
    assert (await service.post(f"/standards/{SOLE_TRADER}@{HUNAN}/review", by=reviewer)).status_code == 200


def a_limit(amount: int) -> dict[str, Any]:
    return {"amount": amount, "unit": "workdays", "basis": "国家标准"}


def defects(answer: Any) -> list[tuple[str, str]]:
    return [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]


async def test_a_locked_element_of_the_base_item_is_not_narrowed_by_a_county(service: Service) -> None:
    await fix(service, element("acceptance_limit", "locked", a_limit(5)))
    draft = a_draft()
    draft["version"]["acceptance_limit"] |= {"amount": 4}

    answer = await service.post("/service-items", draft, by=AUTHOR)

    assert (answer.status_code, defects(answer)) == (422, [("item.field-locked", "/version/acceptance_limit")])


async def test_the_province_stands_between_nation_and_county(service: Service) -> None:
    await fix(service, element("promised_limit", "narrowable", a_limit(SAID["amount"] + 5)))
    await fix_in_the_province(service, element("promised_limit", "narrowable", a_limit(SAID["amount"])))
    draft = a_draft()
    draft["version"]["promised_limit"] |= {"amount": SAID["amount"] + 1}

    answer = await service.post("/service-items", draft, by=AUTHOR)

    assert defects(answer) == [("item.field-widened", "/version/promised_limit")]


async def test_what_nation_and_province_fix_is_read_in_one_way(service: Service) -> None:
    nation, province = element("promised_limit", "narrowable", a_limit(9)), element("promised_limit", "locked", a_limit(3))
    await fix(service, nation)
    await fix_in_the_province(service, province)

    shown = [(await service.get(f"/standards/{SOLE_TRADER}@{region}")).json()["elements"] for region in ("100000", HUNAN)]

    assert shown == [[nation], [province]]
    assert (await service.get("/standards", {"region": HUNAN})).json()["items"][0]["elements"] == [province]
    assert (await service.get(f"/base-items/{SOLE_TRADER}")).json()["elements"] == [nation]
    assert (await service.get(f"/standards/{SOLE_TRADER}@430100")).json()["rule"] == "standard.unknown"


async def test_a_province_does_not_loosen_what_the_nation_fixes(service: Service) -> None:
    await fix(service, element("promised_limit", "locked", a_limit(3)))
    layer = {"item_code": SOLE_TRADER, "region": HUNAN, "elements": [element("promised_limit", "free", a_limit(4))]}

    answer = await service.post("/standards", layer, by=PROVINCE[0])

    assert defects(answer) == [("standard.loosened", "/elements/0/lock"), ("standard.locked", "/elements/0/value")]


@pytest.mark.parametrize(
    ("said", "rule"),
    [({"item_code": "999999999999"}, "item.code-unknown"), ({"region": "100000"}, "standard.region")],
)
async def test_a_standard_is_for_a_known_item_below_the_nation(seeded: Service, said: Any, rule: str) -> None:
    layer = {"item_code": SOLE_TRADER, "region": HUNAN, "elements": [element("promised_limit", "free", a_limit(4))]} | said

    answer = await seeded.post("/standards", layer, by=NATIONAL_AUTHOR)

    assert rule in [one for one, _ in defects(answer)]


async def test_a_county_writes_no_standard_for_its_province(seeded: Service) -> None:
    layer = {"item_code": SOLE_TRADER, "region": HUNAN, "elements": [element("promised_limit", "free", a_limit(4))]}

    assert (await seeded.post("/standards", layer, by=AUTHOR)).status_code == 403


@pytest.mark.parametrize(
    ("said", "pointer"), [({"kind": "05"}, "/version/kind"), ({"name": "个体户"}, "/version/name")], ids=["kind", "name"]
)
async def test_the_four_that_are_the_same_everywhere_block_a_publication(seeded: Service, said: Any, pointer: str) -> None:
    draft = a_draft()
    draft["version"] |= said

    answer = await seeded.post("/service-items", draft, by=AUTHOR)

    assert pointer in [place for _, place in defects(answer)]


async def test_a_version_reviewed_before_the_standard_is_not_published_after_it(service: Service) -> None:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    version = (await service.post("/service-items", draft, by=AUTHOR)).json()["version_id"]
    await service.post(f"/service-items/versions/{version}/review", by=REVIEWER)
    await fix(service, element("legal_basis", "locked", ["别的条例"]))

    answer = await service.post(f"/service-items/versions/{version}/publication", {}, by=REVIEWER)

    assert defects(answer) == [("item.field-locked", "/texts/legal_basis")]


# -- drift


async def test_the_drift_report_lists_exactly_the_planted_differences(service: Service) -> None:
    draft = a_draft()
    codes = [one["code"] for one in draft["checklist"]["materials"]]
    await fix(
        service,
        element("materials", "narrowable", codes[1:]),
        element("promised_limit", "free", a_limit(99)),
        element("acceptance_limit", "locked", draft["version"]["acceptance_limit"]),
        element("modes", "locked", list(reversed(draft["version"]["modes"]))),
    )

    item = (await service.get(f"/service-items/{SOLE_TRADER_ITEM}/drift")).json()
    county = (await service.get(f"/regions/{LIUYANG}/drift", {"limit": "200"})).json()

    assert [(one["field"], one["allowed"], one["lock"]) for one in item["drifts"]] == [
        ("materials", False, "narrowable"),
        ("promised_limit", True, "free"),
    ]
    assert item["drifts"][0] | {"lock": "", "pointer": ""} == {
        "field": "materials",
        "pointer": "",
        "lock": "",
        "region": "100000",
        "expected": codes[1:],
        "found": sorted(codes),
        "allowed": False,
    }
    assert [one["item_id"] for one in county["items"]] == [SOLE_TRADER_ITEM]
    assert county["compared"] > 20


async def test_a_renamed_base_item_shows_in_every_county_that_has_not_followed(service: Service) -> None:
    await fix(service, name="个体工商户设立登记")

    report = (await service.get(f"/base-items/{SOLE_TRADER}/drift")).json()

    assert {one["region"] for one in report["items"]} == {LIUYANG, TONGGU}
    assert [[(one["field"], one["expected"]) for one in item["drifts"]] for item in report["items"]] == [
        [("name", "个体工商户设立登记")],
        [("name", "个体工商户设立登记")],
    ]


# -- impact


async def test_the_impact_is_known_before_the_change_is_published(service: Service) -> None:
    before = (await service.get(f"/base-items/{SOLE_TRADER}/drift")).json()
    await draft_base(service, element("promised_limit", "locked", a_limit(1)))

    impact = await service.get_as(f"/base-items/{SOLE_TRADER}/impact", by=NATIONAL_REVIEWER)

    assert impact.status_code == 200, impact.text
    found = impact.json()
    assert (found["items"], found["breaking"], found["regions"]) == (2, 2, {TONGGU: 1, LIUYANG: 1})
    assert [[one["field"] for one in item["drifts"]] for item in found["touched"]] == [["promised_limit"]] * 2
    assert found["open_cases"] == f"/v1/cases?state=received&item={SOLE_TRADER}"
    assert found["counted_by"] == "/v1/reports/open-cases?" + "&".join(f"item={one['item_id']}" for one in found["touched"])
    assert (await service.get(f"/base-items/{SOLE_TRADER}/drift")).json() == before


async def test_a_later_lock_of_the_nation_holds_over_what_a_province_fixed_before_and_is_told_beforehand(service: Service) -> None:
    await fix_in_the_province(service, element("promised_limit", "free", a_limit(10)))
    lock = element("promised_limit", "locked", a_limit(1))
    await draft_base(service, lock)

    found = (await service.get_as(f"/base-items/{SOLE_TRADER}/impact", by=NATIONAL_REVIEWER)).json()
    await fix(service, lock | {"value": a_limit(SAID["amount"] + 1)})

    assert found["regions"] == {TONGGU: 1, LIUYANG: 1}
    assert found["overruled"] == [{"region": HUNAN, "field": "promised_limit"}]
    drift = (await service.get(f"/service-items/{SOLE_TRADER_ITEM}/drift")).json()["drifts"]
    assert [(one["field"], one["region"], one["allowed"]) for one in drift] == [("promised_limit", "100000", False)]


async def test_only_officers_of_the_nations_catalogue_see_a_drafted_change(seeded: Service) -> None:
    answers = [await seeded.get_as(f"/base-items/{SOLE_TRADER}/impact", by=by) for by in (CLERK, AUTHOR)]

    assert [one.status_code for one in answers] == [403, 403]


async def test_an_impact_is_read_page_by_page(service: Service) -> None:
    await draft_base(service, element("promised_limit", "locked", a_limit(1)))

    pages: list[Any] = [{"next": ""}]
    while (after := pages[-1]["next"]) is not None:
        answer = await service.get_as(f"/base-items/{SOLE_TRADER}/impact?limit=1&after={after}", by=NATIONAL_REVIEWER)
        pages.append(answer.json())

    assert [(one["compared"], one["items"], list(one["regions"])) for one in pages[1:]] == [
        (1, 1, [TONGGU]),
        (1, 1, [LIUYANG]),
        (0, 0, []),
    ]


async def test_an_impact_asks_the_tables_as_often_for_one_county_as_for_many(service: Service) -> None:
    await draft_base(service, element("promised_limit", "locked", a_limit(1)))
    asked: list[int] = []

    for limit in (1, 1, 50):  # the first time a connection is opened
        with statements(service.context.database) as sent:
            await service.get_as(f"/base-items/{SOLE_TRADER}/impact?limit={limit}", by=NATIONAL_REVIEWER)
        asked.append(len(sent))

    assert asked[1] == asked[2]


async def test_without_a_change_that_waits_there_is_no_impact(service: Service) -> None:
    await fix(service, element("promised_limit", "free", a_limit(99)))

    answer = await service.get_as(f"/base-items/{SOLE_TRADER}/impact", by=NATIONAL_REVIEWER)

    assert (answer.status_code, answer.json()["rule"]) == (404, "base-item.unknown")


async def test_the_impact_of_a_version_says_what_it_replaces_and_who_counts_the_cases_on_it(service: Service) -> None:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    version = (await service.post("/service-items", draft, by=AUTHOR)).json()["version_id"]

    impact = (await service.get_as(f"/service-items/versions/{version}/impact", by=REVIEWER)).json()

    assert impact == {
        "version_id": version,
        "item_id": SOLE_TRADER_ITEM,
        "organ": draft["version"]["organ"],
        "region": LIUYANG,
        "state": "draft",
        "supersedes": f"{SOLE_TRADER_ITEM}-v1",
        "differences": 1,
        "succeeds": [],
        "bundles": [],
        "open_cases": f"/v1/cases?state=received&item={SOLE_TRADER}",
        "counted_by": f"/v1/reports/open-cases?item={SOLE_TRADER_ITEM}",
    }


async def test_the_impact_of_a_version_names_the_bundles_at_its_place_that_have_its_item(service: Service) -> None:
    member = a_draft("公共场所卫生许可")
    member["texts"]["fees"] = "十元"
    version = (await service.post("/service-items", member, by=AUTHOR)).json()["version_id"]

    impact = (await service.get_as(f"/service-items/versions/{version}/impact", by=REVIEWER)).json()

    bundles = [(await service.get(f"/service-items/versions/{one}")).json()["version"] for one in impact["bundles"]]
    assert [(one["name"], one["region"]) for one in bundles] == [("一照通行涉企经营许可一件事", LIUYANG)]


async def test_a_version_that_takes_another_items_place_leaves_the_cases_of_both(service: Service) -> None:
    gone = "{organ}4{item_code}".format(**a_draft("普通货运车辆网上年审")["version"])
    draft = a_draft()
    draft["version"]["succeeds"] = [gone]
    version = (await service.post("/service-items", draft, by=AUTHOR)).json()["version_id"]

    impact = (await service.get_as(f"/service-items/versions/{version}/impact", by=REVIEWER)).json()

    assert impact["succeeds"] == [gone]
    assert sorted(impact["counted_by"].partition("?")[2].split("&")) == sorted([f"item={gone}", f"item={SOLE_TRADER_ITEM}"])


async def test_only_what_is_not_in_force_yet_has_an_impact_and_only_officers_of_its_region_see_it(service: Service) -> None:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    version = (await service.post("/service-items", draft, by=AUTHOR)).json()["version_id"]
    path = f"/service-items/versions/{version}/impact"

    drafted = [(await service.get_as(path, by=by)).status_code for by in (CLERK, officer(Role.CATALOGUE_AUTHOR, region=TONGGU), REVIEWER)]
    await service.post(f"/service-items/versions/{version}/review", by=REVIEWER)
    await service.post(f"/service-items/versions/{version}/publication", {}, by=REVIEWER)
    scheduled = [(await service.get_as(path, by=by)).status_code for by in (CLERK, REVIEWER)]
    service.context.now.set_offset(10)
    in_force = await service.get_as(path, by=REVIEWER)
    unknown = await service.get_as(f"/service-items/versions/{SOLE_TRADER_ITEM}-v99/impact", by=REVIEWER)

    assert (drafted, scheduled) == ([404, 404, 200], [403, 200])
    assert [(one.status_code, one.json()["rule"]) for one in (in_force, unknown)] == [(404, "item.unknown")] * 2


# -- diff


async def test_two_versions_are_compared_field_by_field(service: Service) -> None:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    draft["checklist"]["materials"][0]["required"] = False
    gone = draft["checklist"]["materials"].pop()["code"]
    changed = draft["checklist"]["materials"][0]["code"]
    version = (await service.post("/service-items", draft, by=AUTHOR)).json()["version_id"]

    answer = await service.get_as(f"/service-items/versions/{version}/diff", by=REVIEWER)

    assert [(one["pointer"], one["change"]) for one in answer.json()["differences"]] == [
        (f"/checklist/materials/{changed}/required", "changed"),
        (f"/checklist/materials/{gone}", "removed"),
        ("/texts/fees", "changed"),
    ]
    assert answer.json()["before"] == f"{SOLE_TRADER_ITEM}-v1"


async def test_a_draft_is_compared_for_officers_of_its_region_only(service: Service) -> None:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    version = (await service.post("/service-items", draft, by=AUTHOR)).json()["version_id"]
    path = f"/service-items/versions/{version}/diff"

    anyone = await service.get(path)
    other = await service.get_as(path, by=officer(Role.CATALOGUE_AUTHOR, region=TONGGU))
    published = await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1/diff", {"against": f"{SOLE_TRADER_ITEM}-v1"})

    assert [anyone.status_code, other.status_code, published.status_code] == [404, 404, 200]
    assert published.json()["differences"] == []


def test_rows_are_compared_by_their_id_and_their_order_counts() -> None:
    before: Any = {"rows": [{"code": "a", "n": 1}, {"code": "b", "n": 1}], "plain": [1, 2]}
    after: Any = {"rows": [{"code": "b", "n": 1}, {"code": "a", "n": True}], "plain": [2, 1], "new/field": {}}

    assert [(one.pointer, one.change) for one in differences(before, after)] == [
        ("/rows/a/n", "changed"),
        ("/rows", "changed"),
        ("/plain", "changed"),
        ("/new~1field", "added"),
    ]
    assert differences(before, before) == ()
