"""Nobody's change is lost: not to a draft made before it, by hand or in bulk, and not because something said the same long ago."""

from datetime import timedelta
from typing import Any

from tests.catalog.builders import SOLE_TRADER_ITEM, Service, a_draft
from tests.catalog.runs import a_row, checked
from tests.catalog.tables import HEADINGS, a_workbook
from tests.catalog.test_bulk_steps import counts, days_pass


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
