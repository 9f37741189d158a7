"""What a row of an import goes by, who carries it on, and what becomes of one that nobody can carry on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from catalog_svc.bulk.domain.refusals import RowFailed
from catalog_svc.bulk.domain.runs import RunState
from catalog_svc.bulk.handlers.slices import refuse_row
from catalog_svc.bulk.jobs import go_on, go_on_with_files
from catalog_svc.bulk.store import ROWS
from catalog_svc.item import handlers as items
from catalog_svc.item.domain import NOTICE, ItemVersionRecord
from catalog_svc.item.store import save_versions
from catalog_svc.item.views import read_draft
from catalog_svc.part import handlers as parts
from chassis.database import Database, TransactionTooLong, Tx, lock
from contracts.values import ItemId
from tests.catalog.builders import AUTHOR, BOTH, LIUYANG, REVIEWER, SOLE_TRADER_ITEM, Service, a_draft
from tests.catalog.runs import NAMES, a_row, checked, exported, flaws, imported, row_of, rows_of, seen, settle, step, upload
from tests.catalog.tables import HEADINGS, a_text, a_workbook
from tests.catalog.test_bulk_steps import SHORT, counts, days_pass, do, refused, short, three, withdraw


def sent_back(description: str = "被退回的表单") -> Any:
    draft = a_draft()
    draft["form"]["description"] = description
    return draft


async def form_of(service: Service, version_id: str) -> Any:
    return (await service.get(f"/service-items/versions/{version_id}")).json()["form"]["schema"].get("description")


async def publish_before_the_rule(service: Service, body: Any) -> None:
    """Publish what a draft may say no more, as a release did that knew no such rule."""
    item_id, draft = ItemId(SOLE_TRADER_ITEM), read_draft(body)
    async with service.context.database.begin(service.context) as tx:
        others = (await items.versions_of(tx, {item_id}))[item_id]
        whole = await items.complete(tx, draft, region=LIUYANG)
        assert await items.find_defects(tx, whole, region=LIUYANG)
        record = ItemVersionRecord.draft(whole, item_id=item_id, number=len(others) + 1, region=LIUYANG, by=AUTHOR.ref, others=others)
        record.review(by=REVIEWER.ref, others=others)
        await lock(tx, item_id)
        await parts.keep_parts(tx, whole.parts.named())
        await parts.publish_parts(tx, [*whole.parts.named()])
        ended = record.publish(at=tx.at, effective_from=None, others=others, successors=())
        await lock(tx, record.version_id, *(one.version_id for one in ended))
        await save_versions(tx, [*ended, record])
    service.context.now.set_offset(NOTICE.total_seconds() + 1)


async def test_what_is_published_is_unchanged_whatever_a_newer_rule_says(service: Service) -> None:
    body = a_draft()
    body["version"]["acceptance_limit"]["amount"] = 90
    await publish_before_the_rule(service, body)

    back = await checked(service, await exported(service))
    again = await checked(service, a_workbook([HEADINGS, row_of(body)]))
    body["texts"]["fees"] = "新收费"
    changed = await checked(service, a_workbook([HEADINGS, row_of(body)]))

    assert await counts(service, back) == {"unchanged": back["rows"]}
    assert await counts(service, again) == {"unchanged": 1}
    assert [field for _, field, _ in await flaws(service, changed)] == ["受理时限"]


# -- what an empty cell stays as


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


# -- who carries a row on


async def test_a_row_that_its_run_cannot_carry_on_any_more_is_taken_up_by_the_next(service: Service) -> None:
    by_hand = a_draft()
    by_hand["texts"]["fees"] = "新收费"
    drafted = (await service.post("/service-items", by_hand, by=BOTH)).json()
    run = await imported(service, three())
    await do(service, run, "review", by=BOTH)
    assert await refused(service, run) == {"item.same-person"}
    held = await checked(service, a_workbook([HEADINGS, a_row(fees="新收费")]))
    await do(service, run, "publication")

    again = await imported(service, a_workbook([HEADINGS, a_row(fees="新收费")]))
    await do(service, again, "review")
    await do(service, again, "publication")

    assert await counts(service, held) == {"unchanged": 1}, "the first run may still be reviewed again"
    assert await counts(service, again) == {"published": 1}
    assert (await rows_of(service, again))[0]["version_id"] == drafted["version_id"]


async def test_a_row_that_waits_for_another_publication_stays_with_its_run(service: Service) -> None:
    run = await imported(service, three())
    await do(service, run, "review")
    [first, *_] = await rows_of(service, run)
    assert (await step(service, run["run_id"], "publication", by=REVIEWER, body={})).status_code == 200
    async with service.context.database.begin(service.context) as tx:
        await refuse_row(tx, run["run_id"], number=1, state=RunState.PUBLISHING, refused=RowFailed())
    await settle(service)

    again = await checked(service, a_workbook([HEADINGS, a_row(fees="新收费")]))

    assert await counts(service, again) == {"unchanged": 1}
    assert (await rows_of(service, again))[0]["version_id"] == first["version_id"]


async def test_of_two_runners_that_set_a_row_aside_the_second_sets_no_other_aside(service: Service) -> None:
    run = await imported(service, three())
    assert (await step(service, run["run_id"], "review", by=REVIEWER)).status_code == 200

    for _ in range(2):
        async with service.context.database.begin(service.context) as tx:
            await refuse_row(tx, run["run_id"], number=1, state=RunState.REVIEWING, refused=RowFailed())
    await settle(service)

    assert await counts(service, run) == {"refused": 1, "reviewed": 2}
    assert [row["state"] for row in await rows_of(service, run)] == ["refused", "reviewed", "reviewed"]


# -- a row that is too much for any transaction


class Heavy(Database):
    """The service's database, where whatever brings the second row into a state takes longer than may be, so many times."""

    def __init__(self, of: Database, *, state: str, times: int) -> None:
        self._of, self._state, self.left = of, state, times
        self.limit = of.limit
        self.blames_work = of.blames_work  # type: ignore[method-assign]

    @asynccontextmanager
    async def consume(self, context: Any) -> AsyncIterator[Tx[Any]]:
        async with self._of.consume(context) as tx:
            before = await self._second(tx)
            yield tx
            if self.left and before != self._state == await self._second(tx):
                self.left -= 1
                raise TransactionTooLong(retry_after=1)

    @asynccontextmanager
    async def read(self, context: Any) -> AsyncIterator[Tx[Any]]:
        async with self._of.read(context) as tx:
            yield tx

    async def _second(self, tx: Tx[Any]) -> str | None:
        found = (await tx.execute(select(ROWS.c.state).where(ROWS.c.number == 2))).scalar_one_or_none()
        return None if found is None else str(found)


async def settle_with(service: Service, database: Database) -> None:
    context = replace(service.context, database=database)
    while await go_on_with_files(context) or await go_on(context):
        pass


@pytest.mark.parametrize(("name", "state", "by"), [("execution", "drafted", AUTHOR), ("review", "reviewed", REVIEWER)])
async def test_a_row_that_alone_takes_longer_than_a_transaction_may_is_given_back(service: Service, name: str, state: str, by: Any) -> None:
    run = await (checked if name == "execution" else imported)(service, three())
    assert (await step(service, run["run_id"], name, by=by)).status_code == 200

    await settle_with(service, Heavy(service.context.database, state=state, times=9))

    assert await counts(service, run) == {"refused": 1, state: 2}
    assert await refused(service, run) == {"bulk.row-too-heavy"}
    assert (await seen(service, run["run_id"]))["state"] in {"imported", "reviewed"}


async def test_a_row_that_takes_too_long_to_check_is_wrong_and_the_others_are_checked(service: Service) -> None:
    run = (await upload(service, a_text([HEADINGS, *(a_row(name, fees="新收费") for name in NAMES)]))).json()

    await settle_with(service, Heavy(service.context.database, state="good", times=9))

    assert await counts(service, run) == {"bad": 1, "good": 2}
    assert [flaw["rule"] for row in await rows_of(service, run) for flaw in row["flaws"]] == ["bulk.row-too-heavy"]


async def test_a_machine_that_stood_still_once_costs_no_row(service: Service) -> None:
    run = await checked(service, three())
    assert (await step(service, run["run_id"], "execution", by=AUTHOR)).status_code == 200

    # The whole slice, then the row by itself.
    await settle_with(service, Heavy(service.context.database, state="drafted", times=2))

    assert await counts(service, run) == {"drafted": 3}
