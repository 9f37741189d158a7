"""Nobody's change is lost: not to a draft made before it, by hand or in bulk, and not because something said the same long ago."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from catalog_svc.item.store import VERSIONS
from contracts.caller import Caller, Role
from tests.catalog.builders import AUTHOR, REVIEWER, SOLE_TRADER_ITEM, Service, a_draft, officer
from tests.catalog.runs import NAMES, a_row, checked, imported, published
from tests.catalog.tables import HEADINGS, a_workbook
from tests.catalog.test_bulk_steps import OTHER_ORGAN, SHORT, counts, days_pass, do, refused, short


def charging(fees: str) -> Any:
    draft = a_draft()
    draft["texts"]["fees"] = fees
    return draft


async def shown(service: Service) -> Any:
    return (await service.get(f"/service-items/{SOLE_TRADER_ITEM}")).json()


async def one_before_the_other(service: Service) -> None:
    """One version from tomorrow on, and one until then, which is over."""
    tomorrow = service.context.now.now() + timedelta(hours=20)
    await service.publish(charging("二"), effective_from=tomorrow.isoformat())
    await service.publish(charging("三"))
    await days_pass(service, 2)
    assert (await shown(service))["texts"]["fees"] == "二"


async def test_what_was_in_force_for_a_while_can_be_published_again(service: Service) -> None:
    await one_before_the_other(service)

    again = await service.publish(charging("三"))

    await days_pass(service, 1)
    now = await shown(service)
    assert (again["version_id"], now["version"]["version_id"], now["texts"]["fees"]) == (*[f"{SOLE_TRADER_ITEM}-v4"] * 2, "三")


async def test_a_row_that_says_what_was_in_force_for_a_while_is_no_unchanged_one(service: Service) -> None:
    await one_before_the_other(service)

    over = await checked(service, a_workbook([HEADINGS, a_row(fees="三")]))
    holding = await checked(service, a_workbook([HEADINGS, a_row(fees="二")]))

    assert (await counts(service, over), await counts(service, holding)) == ({"good": 1}, {"unchanged": 1})


# -- a draft knows what was published before it


COLLEAGUE = officer(Role.CATALOGUE_AUTHOR, account="colleague")


def limited(quantity: str, **texts: str) -> Any:
    draft = a_draft()
    draft["texts"] |= {"quantity_limit": quantity} | texts
    return draft


async def drafted(service: Service, draft: Any, *, by: Caller = AUTHOR) -> str:
    """The path of the version."""
    answer = await service.post("/service-items", draft, by=by)
    assert answer.status_code == 201, answer.text
    return f"/service-items/versions/{answer.json()['version_id']}"


async def act(service: Service, path: str, name: str) -> tuple[int, str, str]:
    """Status, rule and the version that came between."""
    answer = await service.post(f"{path}/{name}", {} if name == "publication" else None, by=REVIEWER)
    return answer.status_code, answer.json().get("rule", ""), answer.json().get("facts", {}).get("published", "")


async def test_a_draft_does_not_undo_what_was_published_since(service: Service) -> None:
    theirs, mine = await drafted(service, charging("十元")), await drafted(service, limited("每年一百件"), by=COLLEAGUE)
    assert (await act(service, mine, "review"))[0] == 200
    assert [(await act(service, theirs, name))[0] for name in ("review", "publication")] == [200, 200]

    answer = await act(service, mine, "publication")

    await days_pass(service, 1)
    assert answer == (409, "item.overtaken", f"{SOLE_TRADER_ITEM}-v2")
    now = await shown(service)
    assert (now["version"]["version_id"], now["texts"]["fees"]) == (f"{SOLE_TRADER_ITEM}-v2", "十元")


async def test_nobody_reviews_a_draft_that_is_overtaken(service: Service) -> None:
    mine = await drafted(service, limited("每年一百件"), by=COLLEAGUE)
    newer = await service.publish(charging("十元"))

    assert await act(service, mine, "review") == (409, "item.overtaken", newer["version_id"])


async def test_an_author_goes_on_after_another_by_a_draft_from_the_newest(service: Service) -> None:
    mine = await drafted(service, limited("每年一百件"), by=COLLEAGUE)
    await service.publish(charging("十元"))
    assert (await act(service, mine, "review"))[0] == 409

    both = await drafted(service, limited("每年一百件", fees="十元"), by=COLLEAGUE)

    assert [(await act(service, both, name))[0] for name in ("review", "publication")] == [200, 200]
    await days_pass(service, 1)
    now = await shown(service)
    assert (now["texts"]["fees"], now["texts"]["quantity_limit"]) == ("十元", "每年一百件")


async def test_a_draft_that_is_overtaken_and_sent_again_is_a_new_one(service: Service) -> None:
    earlier = await drafted(service, charging("十元"))
    overtaken = await drafted(service, limited("每年一百件"), by=COLLEAGUE)
    assert [(await act(service, earlier, name))[0] for name in ("review", "publication")] == [200, 200]

    again = await drafted(service, limited("每年一百件"), by=COLLEAGUE)

    assert (overtaken[-3:], again[-3:]) == ("-v3", "-v4")
    assert [(await act(service, again, name))[0] for name in ("review", "publication")] == [200, 200]


async def test_what_was_taken_back_overtakes_nothing(service: Service) -> None:
    mine = await drafted(service, limited("每年一百件"), by=COLLEAGUE)
    begins = service.context.now.now() + timedelta(hours=20)
    waiting = await service.publish(charging("十元"), effective_from=begins.isoformat())
    between = await act(service, mine, "review")

    await service.post(f"/service-items/versions/{waiting['version_id']}/withdrawal", by=REVIEWER)

    assert between[0] == 409
    assert [(await act(service, mine, name))[0] for name in ("review", "publication")] == [200, 200]


async def test_a_draft_from_before_this_was_kept_is_published_as_it_was(service: Service) -> None:
    mine = await drafted(service, limited("每年一百件"), by=COLLEAGUE)
    await service.publish(charging("十元"))
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(update(VERSIONS).where(VERSIONS.c.version_id == mine.split("/")[-1]).values(drafted_after=None))

    assert (await made_from(service, limited("每年二百件", fees="十元"), mine.rpartition("-")[2]))[0] == 201
    assert [(await act(service, mine, name))[0] for name in ("review", "publication")] == [200, 200]


async def made_from(service: Service, draft: Any, version: str, *, by: Caller = AUTHOR) -> tuple[int, str, str]:
    """Status, rule and the version that came between, of a draft that says which version its author had read."""
    answer = await service.post(f"/service-items?made_from={SOLE_TRADER_ITEM}-{version}", draft, by=by)
    told = answer.json()
    return answer.status_code, told.get("rule", ""), told.get("facts", {}).get("published", "")


async def test_a_draft_made_from_what_was_overtaken_is_refused_with_the_version_that_came_between(service: Service) -> None:
    newer = await service.publish(charging("十元"))

    late = await made_from(service, limited("每年一百件"), "v1")

    assert late == (409, "item.overtaken", newer["version_id"])
    assert await made_from(service, limited("每年一百件", fees="十元"), "v2") == (201, "", "")


async def test_a_draft_made_from_another_draft_is_refused_once_a_version_was_published_since_that_one(service: Service) -> None:
    first, theirs = limited("每年一百件"), charging("十元")
    for draft in (first, theirs):
        await drafted(service, draft)
    before = await made_from(service, limited("每年二百件"), "v2")
    published = [(await act(service, f"/service-items/versions/{SOLE_TRADER_ITEM}-v3", name))[0] for name in ("review", "publication")]

    after = await made_from(service, limited("每年三百件"), "v2")

    assert (before, published) == ((201, "", ""), [200, 200])
    assert after == (409, "item.overtaken", f"{SOLE_TRADER_ITEM}-v3")


async def test_the_version_that_a_draft_was_made_from_is_one_of_its_item(service: Service) -> None:
    other = a_draft(NAMES[1])["version"]
    answer = await service.post(f"/service-items?made_from={other['organ']}4{other['item_code']}-v1", limited("每年一百件"), by=AUTHOR)

    assert (answer.status_code, [one["rule"] for one in answer.json()["errors"]]) == (422, ["item.made-from"])


async def published_by_an_older_release(service: Service) -> None:
    """Its processes write no order, before this release and while both run side by side."""
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(update(VERSIONS).values(published_as=None))


async def test_what_an_older_release_publishes_beside_this_one_overtakes_a_draft_too(service: Service) -> None:
    await published_by_an_older_release(service)
    mine = await drafted(service, limited("每年一百件"), by=COLLEAGUE)
    newer = await service.publish(charging("十元"))
    await published_by_an_older_release(service)

    assert await act(service, mine, "review") == (409, "item.overtaken", newer["version_id"])
    assert await made_from(service, limited("每年二百件"), "v1") == (409, "item.overtaken", newer["version_id"])
    assert (await made_from(service, limited("每年二百件", fees="十元"), str(newer["version_id"]).rpartition("-")[2]))[0] == 201
    again = await drafted(service, limited("每年一百件", fees="十元"), by=COLLEAGUE)
    assert [(await act(service, again, name))[0] for name in ("review", "publication")] == [200, 200]


@pytest.mark.parametrize("steps", [[], ["review"]], ids=["before its review", "before its publication"])
async def test_a_run_does_not_undo_what_was_corrected_by_hand_meanwhile(service: Service, steps: list[str]) -> None:
    run = await imported(service, a_workbook([HEADINGS, a_row(fees="批量收费"), a_row(NAMES[1], fees="批量收费")]))
    for name in steps:
        await do(service, run, name)
    await service.publish(limited("紧急更正"))
    await days_pass(service, 2)

    for name in ("review", "publication")[len(steps) :]:
        await do(service, run, name)

    await days_pass(service, 1)
    assert await counts(service, run) == {"published": 1, "refused": 1}
    assert await refused(service, run) == {"bulk.overtaken"}
    assert (await shown(service))["texts"]["quantity_limit"] == "紧急更正"
    again = await published(service, a_workbook([HEADINGS, a_row(fees="批量收费")]))
    assert await counts(service, again) == {"published": 1}


async def test_a_row_whose_draft_was_overtaken_is_drafted_anew(service: Service) -> None:
    theirs, table = await drafted(service, limited("紧急更正")), a_workbook([HEADINGS, a_row(fees="批量收费")])
    await imported(service, table)
    assert [(await act(service, theirs, name))[0] for name in ("review", "publication")] == [200, 200]

    again = await published(service, table)

    await days_pass(service, 1)
    assert await counts(service, again) == {"published": 1}
    assert (await shown(service))["texts"]["fees"] == "批量收费"


async def test_a_row_leaves_what_it_does_not_say_as_published_and_not_as_in_its_overtaken_draft(service: Service) -> None:
    described = a_draft()
    described["form"]["description"] = "新表单"
    theirs, table = await drafted(service, described), a_workbook([SHORT, short(a_row(fees="批量收费"))])
    await imported(service, table)
    assert [(await act(service, theirs, name))[0] for name in ("review", "publication")] == [200, 200]

    again = await published(service, table)

    await days_pass(service, 1)
    assert await counts(service, again) == {"published": 1}
    now = await shown(service)
    assert (now["texts"]["fees"], now["form"]["schema"].get("description")) == ("批量收费", "新表单")


async def test_a_row_is_given_back_where_what_waited_at_its_dry_run_was_published_since(service: Service) -> None:
    theirs = await drafted(service, limited("紧急更正"))
    run = await checked(service, a_workbook([HEADINGS, a_row(fees="批量收费"), a_row(NAMES[1], fees="批量收费")]))
    assert [(await act(service, theirs, name))[0] for name in ("review", "publication")] == [200, 200]

    await do(service, run, "execution", by=AUTHOR)

    assert await counts(service, run) == {"drafted": 1, "refused": 1}
    assert await refused(service, run) == {"bulk.overtaken"}


async def test_a_row_that_says_what_was_taken_back_does_not_undo_what_was_published_since(service: Service) -> None:
    theirs = await drafted(service, limited("紧急更正"))
    begins = service.context.now.now() + timedelta(hours=20)
    taken_back = await service.publish(charging("批量收费"), effective_from=begins.isoformat())
    await service.post(f"/service-items/versions/{taken_back['version_id']}/withdrawal", by=REVIEWER)
    run = await checked(service, a_workbook([HEADINGS, a_row(fees="批量收费")]))
    assert [(await act(service, theirs, name))[0] for name in ("review", "publication")] == [200, 200]

    await do(service, run, "execution", by=AUTHOR)

    assert await refused(service, run) == {"bulk.overtaken"}


async def test_a_row_that_says_what_was_published_since_its_dry_run_is_unchanged(service: Service) -> None:
    theirs = await drafted(service, charging("批量收费"))
    run = await checked(service, a_workbook([HEADINGS, a_row(fees="批量收费")]))
    assert [(await act(service, theirs, name))[0] for name in ("review", "publication")] == [200, 200]

    await do(service, run, "execution", by=AUTHOR)

    assert await counts(service, run) == {"unchanged": 1}


async def test_a_run_does_not_bring_back_an_item_that_moved_since_its_drafts(service: Service) -> None:
    begins = service.context.now.now() + timedelta(hours=20)
    moved = charging("一")
    moved["version"]["organ"] = OTHER_ORGAN
    move = await service.publish({**moved, "item_id": SOLE_TRADER_ITEM}, effective_from=begins.isoformat())
    run = await imported(service, a_workbook([HEADINGS, a_row(fees="批量收费")]))
    await do(service, run, "review")
    await days_pass(service, 1)

    await do(service, run, "publication")

    assert await refused(service, run) == {"bulk.overtaken"}
    assert (await shown(service))["version"]["version_id"] == move["version_id"]
