"""The show of a whole district, with fewer items: the same steps, the same facts."""

import io

from openpyxl import load_workbook

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


def test_the_workbook_of_the_show_has_the_same_rows_every_time() -> None:
    once, again = (load_workbook(io.BytesIO(make_table(FEW).content), read_only=True).worksheets[0] for _ in range(2))

    assert [*once.values] == [*again.values]
