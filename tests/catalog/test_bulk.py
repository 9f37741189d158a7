"""Items in bulk: dry run, import, review and publication by the thousand, export; what is bad comes back, and nothing is half done."""

import pytest

from catalog_svc.bulk import store
from catalog_svc.bulk.domain.columns import REASONS
from catalog_svc.bulk.domain.runs import RowState, RunRow, RunState
from catalog_svc.bulk.handlers.slices import do_slice
from catalog_svc.item.domain import NOTICE
from tests.catalog.builders import AUTHOR, BOTH, CLERK, LIUYANG, REVIEWER, TONGGU, Service, a_draft
from tests.catalog.runs import (
    NAMES,
    OF_TONGGU,
    a_row,
    cells_of,
    checked,
    column,
    exported,
    flaws,
    imported,
    published,
    rows_of,
    seen,
    settle,
    step,
    upload,
)
from tests.catalog.tables import HEADINGS, a_workbook


async def test_what_is_exported_changes_nothing_when_it_is_imported(service: Service) -> None:
    whole = await exported(service)

    run = await checked(service, whole)

    assert run["state"] == "checked"
    assert run["counts"]["unchanged"] == run["rows"] > 20
    assert cells_of(whole)[1:] == cells_of(await exported(service, how="csv"))[1:]


async def test_good_rows_become_drafts_of_the_caller_and_bad_rows_come_back_with_the_reason(service: Service) -> None:
    rows = [a_row(NAMES[0], fees="新收费"), a_row(NAMES[1], promiseDay="很快"), a_row(NAMES[2], fees="免费")]

    run = await imported(service, a_workbook([HEADINGS, *rows]))

    assert run["state"] == "imported"
    assert {name: count for name, count in run["counts"].items() if count} == {"bad": 1, "drafted": 2}
    assert await flaws(service, run) == [(3, "承诺办结时限", "bulk.number")]
    back = cells_of(
        (await service.client.get(f"/v1/service-items/imports/{run['run_id']}/returned", headers=service.headers(AUTHOR))).content
    )
    assert back[0][-1] == REASONS
    assert [text for text in back[1][:-1] if text] == [text for text in rows[1] if text]
    assert "承诺办结时限" in back[1][-1]
    assert len(back) == 2


async def test_the_same_file_again_changes_nothing_and_says_so(service: Service) -> None:
    content = a_workbook([HEADINGS, a_row(fees="新收费")])
    await imported(service, content)

    again = await imported(service, content)

    assert again["counts"] | {"unchanged": 1} == again["counts"]
    assert again["counts"]["drafted"] == 0


async def test_another_officer_reviews_and_publishes_all_at_once(service: Service) -> None:
    run = await published(service, a_workbook([HEADINGS, a_row(fees="新收费"), a_row(NAMES[2], fees="免费")]))

    service.context.now.set_offset(NOTICE.total_seconds() + 1)
    assert (run["state"], run["counts"]["published"]) == ("published", 2)
    shown = (await service.get(f"/service-items/{a_draft()['version']['organ']}4{a_draft()['version']['item_code']}")).json()
    assert shown["texts"]["fees"] == "新收费"


async def test_who_imported_may_neither_review_nor_publish(service: Service) -> None:
    run = await checked(service, a_workbook([HEADINGS, a_row(fees="新收费")]))
    await step(service, run["run_id"], "execution", by=BOTH)
    await settle(service)

    refused = await step(service, run["run_id"], "review", by=BOTH)

    assert (refused.status_code, refused.json()["rule"]) == (403, "bulk.same-person")
    assert (await seen(service, run["run_id"]))["counts"]["drafted"] == 1


async def test_a_county_sees_and_touches_nothing_of_another(service: Service) -> None:
    elsewhere = await upload(service, a_workbook([HEADINGS, a_row()]), by=OF_TONGGU)
    run = await checked(service, a_workbook([HEADINGS, a_row(fees="新收费")]))
    looked = await service.client.get(f"/v1/service-items/imports/{run['run_id']}", headers=service.headers(OF_TONGGU))
    acted = await step(service, run["run_id"], "execution", by=OF_TONGGU)
    by_clerk = await upload(service, a_workbook([HEADINGS, a_row()]), by=CLERK)

    assert (elsewhere.status_code, by_clerk.status_code) == (403, 403)
    assert (looked.status_code, acted.status_code) == (404, 404)
    assert looked.json()["rule"] == "bulk.run-unknown"


async def test_rows_of_an_organ_elsewhere_are_given_back(service: Service) -> None:
    answer = await upload(service, a_workbook([HEADINGS, a_row()]), by=OF_TONGGU, region=TONGGU)
    await settle(service)

    rows = await service.client.get(
        f"/v1/service-items/imports/{answer.json()['run_id']}/rows", params={"state": "bad"}, headers=service.headers(OF_TONGGU)
    )

    assert [flaw["rule"] for row in rows.json()["items"] for flaw in row["flaws"]] == ["bulk.organ-elsewhere"]


async def test_a_step_is_asked_for_with_the_version_whose_report_was_read(service: Service) -> None:
    run = await checked(service, a_workbook([HEADINGS, a_row(fees="新收费")]))

    stale = await step(service, run["run_id"], "execution", by=AUTHOR, etag='"1"')
    untagged = await service.client.post(f"/v1/service-items/imports/{run['run_id']}/execution", headers=service.headers(AUTHOR))

    assert (stale.status_code, untagged.status_code) == (412, 428)
    assert (await seen(service, run["run_id"]))["state"] == "checked"


async def test_a_run_that_was_cut_off_goes_on_where_it_was_committed(service: Service) -> None:
    rows = [a_row(name, fees="新收费") for name in NAMES]
    run = await checked(service, a_workbook([HEADINGS, *rows]))
    await step(service, run["run_id"], "execution", by=AUTHOR)
    async with service.context.database.begin(service.context) as tx:
        await do_slice(tx, run["run_id"], state=RunState.IMPORTING, most=1)
    between = await seen(service, run["run_id"])
    await settle(service)

    after = await seen(service, run["run_id"])

    assert (between["state"], between["counts"]["drafted"], between["counts"]["good"]) == ("importing", 1, 2)
    assert (after["state"], after["counts"]["drafted"], after["counts"]["good"]) == ("imported", 3, 0)


async def test_a_file_whose_reading_was_cut_off_is_read_anew(service: Service) -> None:
    answer = await upload(service, a_workbook([HEADINGS, a_row(fees="新收费")]))
    run_id = answer.json()["run_id"]
    async with service.context.database.begin(service.context) as tx:
        await store.put_rows(tx, run_id, [RunRow(number=number, sheet="清单", row=number, state=RowState.BAD) for number in range(1, 9)])

    await settle(service)

    assert (await seen(service, run_id))["counts"] | {"good": 1, "bad": 0} == (await seen(service, run_id))["counts"]


async def test_a_row_that_somebody_overtook_is_set_aside_and_the_others_go_on(service: Service) -> None:
    run = await imported(service, a_workbook([HEADINGS, *(a_row(name, fees="新收费") for name in NAMES)]))
    rows = await service.client.get(f"/v1/service-items/imports/{run['run_id']}/rows", headers=service.headers(AUTHOR))
    overtaken = rows.json()["items"][1]["version_id"]
    assert (await service.post(f"/service-items/versions/{overtaken}/withdrawal", by=REVIEWER)).status_code == 200

    await step(service, run["run_id"], "review", by=REVIEWER)
    await settle(service)

    counts = (await seen(service, run["run_id"]))["counts"]
    assert (counts["reviewed"], counts["refused"], counts["drafted"]) == (2, 1, 0)


async def test_an_item_is_found_by_its_code_on_the_former_platform(service: Service) -> None:
    content = a_workbook([HEADINGS, a_row(fees="新收费", localTaskCode="XZ-0012\n莞家-7")])
    await imported(service, content)

    again = await checked(service, content)
    found = (await service.get("/service-items/former-codes", {"code": "XZ-0012"})).json()["items"]
    taken = await checked(service, a_workbook([HEADINGS, a_row(NAMES[1], fees="新收费", localTaskCode="XZ-0012")]))

    assert again["counts"]["unchanged"] == 1
    assert [(one["region"], one["item_id"]) for one in found] == [(LIUYANG, a_row()[column("taskCode")])]
    assert await flaws(service, taken) == [(2, "原平台编码", "former-code.taken")]


async def test_what_a_row_leaves_empty_stays_as_the_newest_version_has_it(service: Service) -> None:
    body = a_draft()
    headings = [name for name in HEADINGS if name not in {"申请表单", "办理情形", "校验规则"}]
    row = [cell for name, cell in zip(HEADINGS, a_row(fees="新收费"), strict=True) if name in headings]
    run = await published(service, a_workbook([headings, row]))
    await service.hear()

    shown = (await service.get(f"/service-items/versions/{(await rows_of(service, run))[0]['version_id']}")).json()

    assert shown["form"]["schema"] == body["form"]
    assert [one["situation_id"] for one in shown["situations"]["situations"]] == [
        one["situation_id"] for one in body["situations"]["situations"]
    ]
    assert len(shown["checklist"]["rules"]) == len(body["checklist"]["rules"])


async def test_a_planned_day_is_when_a_published_row_takes_effect(service: Service) -> None:
    run = await published(service, a_workbook([HEADINGS, a_row(fees="新收费", planEffectiveDate="２０９８年１月２日")]))

    version_id = (await rows_of(service, run))[0]["version_id"]
    shown = (await service.get(f"/service-items/versions/{version_id}")).json()

    assert shown["version"]["effective_from"].startswith("2098-01-01T16:00:00")


async def test_a_cancelled_run_keeps_nothing(service: Service) -> None:
    run = await checked(service, a_workbook([HEADINGS, a_row(promiseDay="很快")]))

    await step(service, run["run_id"], "cancellation", by=AUTHOR)

    back = await service.client.get(f"/v1/service-items/imports/{run['run_id']}/returned", headers=service.headers(AUTHOR))
    assert (await seen(service, run["run_id"]))["state"] == "cancelled"
    assert await rows_of(service, run) == []
    assert back.status_code == 404


async def test_what_only_the_catalogue_knows_is_told_by_row_field_and_rule(service: Service) -> None:
    rows: list[list[str]] = [
        a_row(NAMES[0], promiseDay="999"),
        a_row(NAMES[1], taskName="另一名称"),
        a_row(NAMES[2], catalogCode="0001", taskCode=""),
        a_row(NAMES[2], deptCode="91430181MA4L16JQ9B", taskCode=""),
    ]

    run = await checked(service, a_workbook([HEADINGS, *rows]))

    assert await flaws(service, run) == [
        (2, "承诺办结时限", "item.promise-too-long"),
        (3, "事项名称", "item.name-locked"),
        (4, "基本编码", "item.code-unknown"),
        (5, "实施主体编码", "organ.unknown"),
    ]


async def test_a_refused_file_is_not_kept(service: Service) -> None:
    content = a_workbook([HEADINGS, a_row()])

    run = await checked(service, content[: len(content) // 2])

    assert (run["state"], run["refusal"]["rule"], run["rows"]) == ("refused", "sheet.unreadable", 0)
    async with service.context.database.read(service.context) as tx:
        assert [piece async for piece in store.read_pieces(tx, run["run_id"], "sent")] == []


async def test_a_report_never_says_what_stands_in_a_cell(service: Service) -> None:
    secret = "430181199003074514"  # noqa: S105 - stands for an id number in the wrong column
    row = a_row(promiseDay=secret, projectType=secret, planEffectiveDate=secret, catalogCode=f"{secret}X")

    run = await checked(service, a_workbook([HEADINGS, row]))
    answer = await service.client.get(f"/v1/service-items/imports/{run['run_id']}/rows", headers=service.headers(AUTHOR))

    assert run["counts"]["bad"] == 1
    assert secret not in answer.text


@pytest.mark.parametrize(
    ("content", "status", "rule"),
    [
        (b"", 422, "sheet.unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), 422, "sheet.unsupported"),
        (b"%PDF-1.7", 422, "sheet.unsupported"),
        (b"a" * (10 * 1024 * 1024 + 1), 413, "request.too-large"),
    ],
    ids=["empty", "old binary", "pdf", "eleven megabytes"],
)
async def test_what_is_no_spreadsheet_is_refused_at_the_door(service: Service, content: bytes, status: int, rule: str) -> None:
    answer = await upload(service, content)

    assert (answer.status_code, answer.json()["rule"]) == (status, rule)
