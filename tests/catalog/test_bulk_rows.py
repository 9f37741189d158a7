"""What a row of an import goes by where it is silent."""

from typing import Any

from tests.catalog.builders import AUTHOR, SOLE_TRADER_ITEM, Service, a_draft
from tests.catalog.runs import a_row, checked, imported, rows_of
from tests.catalog.tables import a_workbook
from tests.catalog.test_bulk_steps import SHORT, days_pass, do, short, withdraw


def sent_back(description: str = "被退回的表单") -> Any:
    draft = a_draft()
    draft["form"]["description"] = description
    return draft


async def form_of(service: Service, version_id: str) -> Any:
    return (await service.get(f"/service-items/versions/{version_id}")).json()["form"]["schema"].get("description")


async def test_an_empty_cell_never_brings_back_what_a_reviewer_has_sent_back(service: Service) -> None:
    drafted = (await service.post("/service-items", sent_back(), by=AUTHOR)).json()
    await withdraw(service, drafted["version_id"])

    run = await imported(service, a_workbook([SHORT, short(a_row(fees="新收费"))]))
    [row] = await rows_of(service, run)
    await do(service, run, "review")
    await do(service, run, "publication")

    assert row["notes"] == []
    assert await form_of(service, row["version_id"]) == a_draft()["form"].get("description")


async def test_an_empty_cell_stays_as_what_is_published_while_a_draft_waits(service: Service) -> None:
    await service.post("/service-items", sent_back("待复核的表单"), by=AUTHOR)

    run = await imported(service, a_workbook([SHORT, short(a_row(fees="新收费"))]))
    [row] = await rows_of(service, run)
    await do(service, run, "review")
    await do(service, run, "publication")

    assert await form_of(service, row["version_id"]) == a_draft()["form"].get("description")


async def test_a_row_that_says_nothing_else_than_the_draft_that_waits_takes_it_up(service: Service) -> None:
    waiting = sent_back("待复核的表单")
    waiting["texts"]["fees"] = "新收费"
    drafted = (await service.post("/service-items", waiting, by=AUTHOR)).json()

    run = await imported(service, a_workbook([SHORT, short(a_row(fees="新收费"))]))

    [row] = await rows_of(service, run)
    assert (row["state"], row["version_id"]) == ("drafted", drafted["version_id"])
    assert [note["rule"] for note in row["notes"]] == ["bulk.left-as"]


async def test_a_row_is_told_where_what_it_leaves_empty_is_not_what_is_in_force(service: Service) -> None:
    planned = sent_back("明年的表单")
    published = await service.publish(planned, effective_from="2098-01-01T16:00:00Z")

    run = await checked(service, a_workbook([SHORT, short(a_row(fees="新收费"))]))

    [row] = await rows_of(service, run)
    assert [note["rule"] for note in row["notes"]] == ["bulk.left-as", "bulk.newer-waits"]
    assert str(published["version_id"]) in row["notes"][0]["detail"]


async def test_of_an_item_that_was_taken_back_an_empty_cell_stays_as_it_was_and_says_so(service: Service) -> None:
    await service.publish(sent_back("曾经公布的表单"))
    await days_pass(service, 1)
    for number in (1, 2):
        await withdraw(service, f"{SOLE_TRADER_ITEM}-v{number}")
    await days_pass(service, 1)

    run = await imported(service, a_workbook([SHORT, short(a_row(fees="新收费"))]))
    [row] = await rows_of(service, run)
    await do(service, run, "review")
    await do(service, run, "publication")

    assert [note["rule"] for note in row["notes"]] == ["bulk.left-as"]
    assert await form_of(service, row["version_id"]) == "曾经公布的表单"
