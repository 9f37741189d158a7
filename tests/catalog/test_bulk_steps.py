"""Steps of an import that meet what happened in between: nothing of others is undone, what is refused comes back, and may be tried again."""

from datetime import timedelta
from typing import Any

import pytest

from catalog_svc.bulk import store
from catalog_svc.bulk.domain.runs import KEPT, RunState
from catalog_svc.bulk.handlers.slices import do_slice
from catalog_svc.bulk.jobs import forget, go_on, go_on_with_files
from contracts.caller import Role
from tests.catalog.builders import AUTHOR, REVIEWER, SOLE_TRADER_ITEM, Service, a_draft, officer
from tests.catalog.runs import (
    NAMES,
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
from tests.support.sending import executions

OTHER_ORGAN = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]["organ"]
OF_ONE_ORGAN = ("婚姻登记", "老年人优待证办理")
STEPS = {"execution": AUTHOR, "review": REVIEWER, "publication": REVIEWER}
LEFT_OUT = {"申请表单", "办理情形", "校验规则"}
SHORT = [name for name in HEADINGS if name not in LEFT_OUT]


def short(row: list[str]) -> list[str]:
    """A row without what only an export writes."""
    return [cell for name, cell in zip(HEADINGS, row, strict=True) if name not in LEFT_OUT]


def three(fees: str = "新收费") -> bytes:
    return a_workbook([HEADINGS, *(a_row(name, fees=fees) for name in NAMES)])


async def counts(service: Service, run: Any) -> dict[str, int]:
    shown = await seen(service, run["run_id"])
    return {state: count for state, count in shown["counts"].items() if count}


async def returned(service: Service, run: Any) -> list[list[str]]:
    """Rows of the file that is given back, below its header."""
    answer = await service.client.get(f"/v1/service-items/imports/{run['run_id']}/returned", headers=service.headers(AUTHOR))
    return cells_of(answer.content)[1:] if answer.status_code == 200 else []


async def refused(service: Service, run: Any) -> set[str]:
    return {flaw["rule"] for row in await rows_of(service, run) if row["state"] == "refused" for flaw in row["flaws"]}


async def do(service: Service, run: Any, name: str, *, by: Any = REVIEWER, body: Any = None) -> None:
    answer = await step(service, run["run_id"], name, by=by, body=body)
    assert answer.status_code == 200, answer.text
    await settle(service)


async def withdraw(service: Service, version_id: str) -> None:
    assert (await service.post(f"/service-items/versions/{version_id}/withdrawal", by=REVIEWER)).status_code == 200


async def days_pass(service: Service, days: float) -> None:
    service.context.now.set_offset(service.context.now.offset.total_seconds() + days * 86_400)


# -- what is refused on the way comes back


async def test_a_row_that_is_refused_at_review_comes_back_as_it_was_sent(service: Service) -> None:
    run = await imported(service, three())
    await withdraw(service, (await rows_of(service, run))[1]["version_id"])

    await do(service, run, "review")

    back = await returned(service, run)
    assert await counts(service, run) == {"reviewed": 2, "refused": 1}
    assert len(back) == 1
    assert [text for text in back[0][:-1] if text] == [text for text in a_row(NAMES[1], fees="新收费") if text]


async def test_a_row_that_fails_otherwise_than_by_a_refusal_is_set_aside_and_the_others_go_on(service: Service) -> None:
    run = await imported(service, three())
    await do(service, run, "review")
    async with service.context.database.begin(service.context) as tx:
        row = (await store.list_rows(tx, run["run_id"], states=[], after=1, limit=1))[0]
        row.planned = "soon"
        await store.put_rows(tx, run["run_id"], [row])

    await do(service, run, "publication")

    assert await counts(service, run) == {"published": 2, "refused": 1}
    assert await refused(service, run) == {"bulk.failed"}
    assert len(await returned(service, run)) == 1


# -- what is read for one row is read for all


async def sent_by(service: Service, run: Any, name: str, *, by: Any = REVIEWER) -> int:
    """Statements of a step, from its request to its end."""
    with executions(service.context.database, pool="consumers") as sent:
        await do(service, run, name, by=by)
    return len(sent)


async def test_what_is_read_for_one_row_is_read_for_all_of_a_slice(service: Service) -> None:
    sent = []
    for fees, names in (("一", OF_ONE_ORGAN[:1]), ("二", OF_ONE_ORGAN)):
        with executions(service.context.database, pool="consumers") as dry:
            run = await checked(service, a_workbook([HEADINGS, *(a_row(name, fees=fees) for name in names)]))
        sent.append([len(dry), *[await sent_by(service, run, name, by=by) for name, by in STEPS.items()]])
        assert await counts(service, run) == {"published": len(names)}

    assert [many - one for one, many in zip(*sent, strict=True)] == [0, 0, 1, 2]


# -- what somebody else did in between is not undone


async def test_a_row_whose_item_got_another_version_since_the_dry_run_is_given_back(service: Service) -> None:
    run = await checked(service, a_workbook([SHORT, short(a_row(fees="新收费")), short(a_row(NAMES[1], fees="新收费"))]))
    theirs = a_draft()
    theirs["form"]["description"] = "新表单"
    newer = await service.publish(theirs)

    await do(service, run, "execution", by=AUTHOR)

    assert await counts(service, run) == {"drafted": 1, "refused": 1}
    assert await refused(service, run) == {"bulk.overtaken"}
    assert len(await returned(service, run)) == 1
    again = (await service.post("/service-items", theirs, by=AUTHOR)).json()
    assert again["version_id"] == newer["version_id"]


async def test_an_item_that_moved_is_the_new_organs_and_keeps_what_a_row_leaves_empty(service: Service) -> None:
    moved = a_draft()
    moved["version"]["organ"] = OTHER_ORGAN
    version = await service.publish({**moved, "item_id": SOLE_TRADER_ITEM})
    await days_pass(service, 1)
    unchanged = await checked(service, a_workbook([SHORT, short(a_row(deptCode=OTHER_ORGAN, taskCode=""))]))

    run = await imported(service, a_workbook([SHORT, short(a_row(fees="新收费", deptCode=OTHER_ORGAN, taskCode="", localTaskCode="XZ-1"))]))

    assert await counts(service, unchanged) == {"unchanged": 1}
    assert await counts(service, run) == {"drafted": 1}
    row = (await rows_of(service, run))[0]
    assert (row["item_id"], version["item_id"]) == (SOLE_TRADER_ITEM, SOLE_TRADER_ITEM)
    await do(service, run, "review")
    await do(service, run, "publication")
    shown = (await service.get(f"/service-items/versions/{row['version_id']}")).json()
    assert shown["form"]["schema"] == moved["form"]


async def test_an_organ_whose_item_moved_away_cannot_bring_it_back_by_an_import(service: Service) -> None:
    moved = a_draft()
    moved["version"]["organ"] = OTHER_ORGAN
    await service.publish({**moved, "item_id": SOLE_TRADER_ITEM})
    await days_pass(service, 1)

    run = await checked(service, a_workbook([HEADINGS, a_row(fees="新收费")]))
    asked = await checked(service, a_workbook([HEADINGS, a_row(NAMES[1], others='{"item_id":"' + SOLE_TRADER_ITEM + '"}')]))

    assert await flaws(service, run) == [(2, "基本编码", "bulk.item-moved")]
    assert await flaws(service, asked) == [(2, "其他属性", "bulk.item-moves")]


async def test_an_item_on_a_base_form_goes_out_and_comes_back_the_same(service: Service) -> None:
    address = {"type": "string", "maxLength": 100, "x-label": "通讯地址", "x-label-en": "Address", "x-fact": "applicant-address"}
    form = {"code": "natural-person", "name": "自然人", "name_en": "Person", "region": "430181"}
    schema = {"type": "object", "required": ["address"], "properties": {"address": address}}
    assert (await service.post("/base-forms", {**form, "form": schema}, by=AUTHOR)).status_code == 201
    assert (await service.post("/base-forms/natural-person/review", by=REVIEWER)).status_code == 200
    await service.publish({**a_draft(), "base_form": "natural-person"})
    await days_pass(service, 1)

    run = await checked(service, await exported(service))

    assert await counts(service, run) == {"unchanged": run["rows"]}


async def test_what_is_exported_changes_nothing_while_a_newer_version_waits(service: Service) -> None:
    planned = a_draft()
    planned["texts"]["fees"] = "明年收费"
    await service.publish(planned, effective_from="2098-01-01T16:00:00Z")

    whole = await checked(service, await exported(service))
    other = await checked(service, a_workbook([HEADINGS, a_row(fees="又一收费")]))

    assert await counts(service, whole) == {"unchanged": whole["rows"]}
    row = (await rows_of(service, other))[0]
    assert (row["state"], [note["rule"] for note in row["notes"]]) == ("good", ["bulk.newer-waits"])
    assert "2098-01-02" in row["notes"][0]["detail"]


# -- instants, and trying again


async def test_an_instant_before_which_not_all_could_be_published_is_refused(service: Service) -> None:
    run = await imported(service, three())
    await do(service, run, "review")

    near = (service.context.now.now() + timedelta(seconds=5, milliseconds=100)).isoformat()
    answer = await step(service, run["run_id"], "publication", by=REVIEWER, body={"effective_from": near})

    assert (answer.status_code, answer.json()["rule"]) == (409, "bulk.instant-too-near")
    assert await counts(service, run) == {"reviewed": 3}


async def test_rows_whose_instant_passed_before_their_turn_are_published_when_asked_again(service: Service) -> None:
    run = await imported(service, three())
    await do(service, run, "review")
    soon = (service.context.now.now() + timedelta(seconds=30)).isoformat()
    assert (await step(service, run["run_id"], "publication", by=REVIEWER, body={"effective_from": soon})).status_code == 200
    await days_pass(service, 1)
    await settle(service)
    between = (await seen(service, run["run_id"]))["state"], await counts(service, run), await refused(service, run)

    await do(service, run, "publication")

    assert between == ("published", {"refused": 3}, {"item.effective-too-soon"})
    assert await counts(service, run) == {"published": 3}
    assert await returned(service, run) == []
    over = await step(service, run["run_id"], "publication", by=REVIEWER)
    assert (over.status_code, over.json()["rule"]) == (409, "move.illegal")


async def test_a_run_that_nobody_published_expires_and_its_drafts_are_taken_up_by_the_next(service: Service) -> None:
    first = await imported(service, three())
    before = [row["version_id"] for row in await rows_of(service, first)]
    await days_pass(service, KEPT.days + 1)
    await forget(service.context)
    late = await step(service, first["run_id"], "review", by=REVIEWER)

    again = await imported(service, three())
    await do(service, again, "review")
    await do(service, again, "publication")

    shown = await seen(service, first["run_id"])
    assert (late.status_code, late.json()["rule"], shown["state"], shown["counts"]["drafted"]) == (409, "move.illegal", "expired", 3)
    assert [row["version_id"] for row in await rows_of(service, again)] == before
    assert await counts(service, again) == {"published": 3}


async def test_what_was_published_is_still_counted_when_its_rows_are_forgotten(service: Service) -> None:
    run = await published(service, three())
    await days_pass(service, KEPT.days + 1)

    await forget(service.context)

    assert (await seen(service, run["run_id"]))["state"] == "published"
    assert await counts(service, run) == {"published": 3}


# -- a step that is ended where it is


async def test_an_import_that_is_stopped_keeps_its_drafts_and_gives_the_others_back(service: Service) -> None:
    run = await checked(service, three())
    await step(service, run["run_id"], "execution", by=AUTHOR)
    async with service.context.database.begin(service.context) as tx:
        await do_slice(tx, run["run_id"], state=RunState.IMPORTING, most=1)

    await do(service, run, "cancellation", by=AUTHOR)

    assert (await seen(service, run["run_id"]))["state"] == "imported"
    assert await counts(service, run) == {"drafted": 1, "refused": 2}
    assert await refused(service, run) == {"bulk.stopped"}
    assert len(await returned(service, run)) == 2


async def test_a_review_that_is_stopped_goes_on_when_it_is_asked_for_again(service: Service) -> None:
    run = await imported(service, three())
    await step(service, run["run_id"], "review", by=REVIEWER)
    async with service.context.database.begin(service.context) as tx:
        await do_slice(tx, run["run_id"], state=RunState.REVIEWING, most=1)
    by_author = await step(service, run["run_id"], "cancellation", by=AUTHOR)
    await do(service, run, "cancellation")
    between = (await seen(service, run["run_id"]))["state"], await counts(service, run)

    await do(service, run, "review")

    assert by_author.status_code == 403
    assert between == ("imported", {"drafted": 2, "reviewed": 1})
    assert ((await seen(service, run["run_id"]))["state"], await counts(service, run)) == ("reviewed", {"reviewed": 3})


# -- whose turn it is


async def test_an_officer_with_many_files_waits_after_each_for_the_others(service: Service) -> None:
    content = a_workbook([HEADINGS, a_row(fees="新收费")])
    many = [(await upload(service, content)).json()["run_id"] for _ in range(3)]
    other = officer(Role.CATALOGUE_AUTHOR, account="other")
    one = (await upload(service, content, by=other)).json()["run_id"]

    read = []
    for _ in range(4):
        await go_on_with_files(service.context)
        states = {run_id: (await seen(service, run_id))["state"] for run_id in (*many, one)}
        read += [run_id for run_id, state in states.items() if state == "checked" and run_id not in read]

    assert read == [many[0], one, many[1], many[2]]


async def test_an_import_goes_on_while_a_file_waits_to_be_read(service: Service) -> None:
    run = await checked(service, three())
    await upload(service, three())
    await step(service, run["run_id"], "execution", by=AUTHOR)

    while await go_on(service.context):
        pass

    assert await counts(service, run) == {"drafted": 3}


async def test_a_list_of_runs_tells_each_runs_own_counts(service: Service) -> None:
    two = await checked(service, a_workbook([HEADINGS, a_row(fees="甲"), a_row(NAMES[1], fees="甲")]))
    one = await checked(service, a_workbook([HEADINGS, a_row(promiseDay="很快")]))

    listed = (await service.client.get("/v1/service-items/imports", headers=service.headers(AUTHOR))).json()["items"]

    assert {run["run_id"]: (run["counts"]["good"], run["counts"]["bad"]) for run in listed} == {
        two["run_id"]: (2, 0),
        one["run_id"]: (0, 1),
    }


@pytest.mark.parametrize("how", ["xlsx", "csv"])
async def test_the_template_as_it_is_can_be_imported(service: Service, how: str) -> None:
    content = (await service.get("/service-items/template", {"format": how})).content

    run = await checked(service, content)

    assert await flaws(service, run) == []
    assert await counts(service, run) == {"good": 1}
    assert cells_of(content)[0] == HEADINGS
    example = cells_of(content)[1]
    limits = {name: example[column(f"{name}Day")] for name in ("accept", "anticipate", "promise", "extension", "delivery")}
    assert limits == {"accept": "5", "anticipate": "20", "promise": "10", "extension": "10", "delivery": "10"}
