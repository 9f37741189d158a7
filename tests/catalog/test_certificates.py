"""The certificate list: put on it and taken off by two officers; what is not on it is never asked for, what left it no longer."""

from typing import Any

import pytest

from contracts.caller import Role
from tests.catalog.builders import AUTHOR, BOTH, CLERK, LIUYANG, REVIEWER, SOLE_TRADER_ITEM, TONGGU, Service, a_draft, officer

ROW = {
    "certificate_id": "premises-proof",
    "name": "经营场所证明",
    "name_en": "Proof of premises",
    "region": LIUYANG,
    "basis": "个体工商户条例 §8",
    "asked_by": "浏阳市市场监督管理局",
    "issued_by": "村(居)民委员会",
    "guide": "到经营场所所在地村(居)民委员会办理",
}


def asking(certificate: str = "premises-proof", **said: Any) -> Any:
    draft = a_draft()
    draft["checklist"]["materials"][0] |= {"nature": "certificate", "certificate": certificate} | said
    return draft


async def put_on_the_list(service: Service, **said: Any) -> None:
    row = ROW | said
    assert (await service.post("/certificates", row, by=AUTHOR)).status_code == 201
    assert (await service.post(f"/certificates/{row['certificate_id']}/review", by=REVIEWER)).status_code == 200


async def cancel(service: Service) -> None:
    drafted = await service.post("/certificates/premises-proof/cancellation", {"document": "国发〔2018〕28号"}, by=AUTHOR)
    assert drafted.status_code == 201
    assert (await service.post("/certificates/premises-proof/review", by=REVIEWER)).status_code == 200


def defects(answer: Any) -> list[tuple[str, str]]:
    return [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]


async def test_a_certificate_that_is_on_no_list_is_not_asked_for(seeded: Service) -> None:
    answer = await seeded.post("/service-items", asking(), by=AUTHOR)

    assert (answer.status_code, defects(answer)) == (422, [("material.certificate-unlisted", "/checklist/materials/0/certificate")])


async def test_a_row_of_another_county_lets_nobody_ask(service: Service) -> None:
    row = ROW | {"region": TONGGU}
    author, reviewer = officer(Role.CATALOGUE_AUTHOR, region=TONGGU), officer(Role.CATALOGUE_REVIEWER, region=TONGGU)
    await service.post("/certificates", row, by=author)
    await service.post("/certificates/premises-proof/review", by=reviewer)

    answer = await service.post("/service-items", asking(), by=AUTHOR)

    assert defects(answer) == [("material.certificate-unlisted", "/checklist/materials/0/certificate")]


async def test_a_listed_certificate_is_asked_for_until_it_is_cancelled(service: Service) -> None:
    await put_on_the_list(service)
    published = await service.publish(asking())
    path = f"/service-items/versions/{published['version_id']}"
    code = asking()["checklist"]["materials"][0]["code"]
    before = (await service.get(path)).json()

    await cancel(service)

    after = (await service.get(path)).json()
    assert code in [one["code"] for one in before["checklist"]["materials"]]
    assert (before["dropped"], after["dropped"]) == ([], [code])
    assert code not in [one["code"] for one in after["checklist"]["materials"]]
    assert after["version"]["parts"] == before["version"]["parts"]


async def test_every_follower_of_the_rules_hears_the_cancellation(service: Service) -> None:
    await put_on_the_list(service)
    published = await service.publish(asking())
    await service.hear_all()

    await cancel(service)

    [(topic, key, told)] = await service.hear()
    assert (topic, key) == ("catalog.rules.v1", "certificate/premises-proof")
    assert told is not None
    assert (told["state"], told["cancelled_by"]) == ("cancelled", "国发〔2018〕28号")
    parts = service.context.catalogue.parts(published["version_id"])  # type: ignore[arg-type]
    assert parts is not None
    assert parts.dropped == {asking()["checklist"]["materials"][0]["code"]}


async def test_a_cancelled_certificate_never_comes_back(service: Service) -> None:
    await put_on_the_list(service)
    await cancel(service)

    again = await service.post("/certificates", ROW, by=AUTHOR)
    asked = await service.post("/service-items", asking(), by=AUTHOR)

    assert (again.status_code, again.json()["rule"]) == (409, "certificate.cancelled")
    assert defects(asked) == [("material.certificate-unlisted", "/checklist/materials/0/certificate")]


async def test_a_version_drafted_before_the_cancellation_is_not_published_after_it(service: Service) -> None:
    await put_on_the_list(service)
    version = (await service.post("/service-items", asking(), by=AUTHOR)).json()["version_id"]
    await service.post(f"/service-items/versions/{version}/review", by=REVIEWER)
    await cancel(service)

    answer = await service.post(f"/service-items/versions/{version}/publication", {}, by=REVIEWER)

    assert defects(answer) == [("material.certificate-unlisted", "/checklist/materials/0/certificate")]


@pytest.mark.parametrize("field", ["basis", "asked_by", "issued_by", "guide"])
async def test_a_row_names_its_basis_who_asks_who_writes_and_how_to_get_it(seeded: Service, field: str) -> None:
    answer = await seeded.post("/certificates", ROW | {field: " "}, by=AUTHOR)

    assert (answer.status_code, defects(answer)) == (422, [("certificate.incomplete", f"/{field}")])


async def test_the_author_may_not_review_a_row_and_nobody_writes_into_another_countys_list(service: Service) -> None:
    await service.post("/certificates", ROW, by=BOTH)

    own = await service.post("/certificates/premises-proof/review", by=BOTH)
    other = await service.post("/certificates", ROW | {"region": TONGGU}, by=AUTHOR)

    assert (own.status_code, other.status_code) == (403, 403)


async def test_the_impact_of_a_cancellation_names_the_versions_that_ask_for_it(service: Service) -> None:
    await put_on_the_list(service)
    path = "/certificates/premises-proof/impact"
    nobody = (await service.get_as(path, by=AUTHOR)).json()
    published = await service.publish(asking())

    impact = (await service.get_as(path, by=AUTHOR)).json()

    assert (nobody["items"], nobody["versions"], nobody["counted_by"]) == (0, [], None)
    assert impact == {
        "items": 1,
        "versions": [published["version_id"]],
        "over": [],
        "open_cases": [f"/v1/cases?state=received&item={asking()['version']['item_code']}"],
        "counted_by": f"/v1/reports/open-cases?item={SOLE_TRADER_ITEM}&version={published['version_id']}",
        "next": None,
    }
    page = (await service.get_as(f"{path}?limit=1", by=AUTHOR)).json()
    assert (page["versions"], page["next"]) == ([published["version_id"]], published["version_id"])
    assert (await service.get_as(f"{path}?after={page['next']}", by=AUTHOR)).json()["versions"] == []
    assert (await service.get_as("/certificates/no-such-proof/impact", by=AUTHOR)).status_code == 404


async def test_the_impact_of_a_cancellation_names_what_is_over_too_for_open_cases_stand_on_it(service: Service) -> None:
    await put_on_the_list(service)
    first = await service.publish(asking())
    taken_back = await service.post(f"/service-items/versions/{first['version_id']}/suspension", by=REVIEWER)
    service.context.now.set_offset(60)
    later = await service.publish(a_draft())
    drafted = asking()
    drafted["texts"]["fees"] = "十元"
    await service.post("/service-items", drafted, by=AUTHOR)

    impact = (await service.get_as("/certificates/premises-proof/impact", by=AUTHOR)).json()

    assert taken_back.status_code == 200, taken_back.text
    assert (impact["versions"], impact["over"]) == ([], [first["version_id"]])
    assert later["version_id"] not in impact["counted_by"]
    assert impact["counted_by"].endswith(f"&version={first['version_id']}")


async def test_the_impact_of_a_cancellation_is_for_officers_of_the_lists_region(service: Service) -> None:
    await put_on_the_list(service)
    path = "/certificates/premises-proof/impact"

    answers = [
        await service.get(path),
        await service.get_as(path, by=CLERK),
        await service.get_as(path, by=officer(Role.CATALOGUE_AUTHOR, region=TONGGU)),
    ]

    assert [one.status_code for one in answers] == [401, 403, 403]


async def test_the_list_is_read_by_region_and_state(service: Service) -> None:
    await put_on_the_list(service)
    await put_on_the_list(service, certificate_id="other-proof")
    await cancel(service)

    listed = (await service.get("/certificates", {"region": LIUYANG, "state": "listed"})).json()["items"]
    cancelled = (await service.get("/certificates", {"state": "cancelled"})).json()["items"]

    assert [one["certificate_id"] for one in listed] == ["other-proof"]
    assert [one["certificate_id"] for one in cancelled] == ["premises-proof"]
    assert (await service.get("/certificates/premises-proof")).json()["state"] == "cancelled"
    assert (await service.get(f"/service-items/{SOLE_TRADER_ITEM}")).status_code == 200
