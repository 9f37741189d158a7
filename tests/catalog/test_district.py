"""The show of a whole district, with fewer items: the same steps, the same facts."""

from bench.district import Desk, make_table, show
from tests.catalog.builders import Service
from tests.catalog.runs import settle

FEW = 63


async def test_a_district_comes_in_from_one_workbook_and_goes_out_as_one(service: Service) -> None:
    async def wait(_: str) -> None:
        await settle(service)

    desk = Desk(client=service.client, key=service.gateway, wait=wait)

    await show(desk, make_table(FEW))

    assert desk.told[0].startswith(f"{FEW} items")


def test_the_workbook_of_the_show_is_the_same_every_time() -> None:
    assert make_table(FEW).content == make_table(FEW).content
