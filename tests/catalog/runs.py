"""Runs of bulk import and export in tests: rows of the seed's items, and an officer's steps."""

from collections.abc import Sequence
from typing import Any

from catalog_svc.bulk.domain.columns import COLUMNS
from catalog_svc.bulk.domain.table import show_row
from catalog_svc.bulk.jobs import go_on, go_on_with_files
from catalog_svc.sheet.outside import read_sheets
from contracts.caller import Caller, Role
from tests.catalog.builders import AUTHOR, LIUYANG, REVIEWER, TONGGU, Service, a_draft, officer

NAMES = ("个体工商户登记", "食品经营许可证核发", "高龄津贴申领")
OF_TONGGU = officer(Role.CATALOGUE_AUTHOR, region=TONGGU)


def row_of(body: Any, *, former: Sequence[str] = (), planned: str | None = None) -> list[str]:
    version = body["version"]
    return show_row(body, task=f"{version['organ']}4{version['item_code']}", former=former, planned=planned)


def a_row(name: str = NAMES[0], *, fees: str | None = None, **cells: str) -> list[str]:
    """A row of the seed's item; ``cells`` by the column's code replace what it says."""
    body = a_draft(name)
    if fees is not None:
        body["texts"]["fees"] = fees
    row = row_of(body)
    for code, text in cells.items():
        row[column(code)] = text
    return row


def column(code: str) -> int:
    return next(index for index, one in enumerate(COLUMNS) if one.code == code)


async def settle(service: Service) -> None:
    while await go_on_with_files(service.context) or await go_on(service.context):
        pass


async def upload(service: Service, content: bytes, *, by: Caller = AUTHOR, region: str = LIUYANG) -> Any:
    return await service.client.post("/v1/service-items/imports", params={"region": region}, content=content, headers=service.headers(by))


async def seen(service: Service, run_id: str, *, by: Caller = AUTHOR) -> Any:
    answer = await service.client.get(f"/v1/service-items/imports/{run_id}", headers=service.headers(by))
    assert answer.status_code == 200, answer.text
    return answer.json() | {"etag": answer.headers["etag"]}


async def step(service: Service, run_id: str, name: str, *, by: Caller, etag: str | None = None, body: Any = None) -> Any:
    tag = etag or (await seen(service, run_id))["etag"]
    return await service.client.post(
        f"/v1/service-items/imports/{run_id}/{name}", json=body, headers=service.headers(by) | {"if-match": tag}
    )


async def checked(service: Service, content: bytes) -> Any:
    """What the dry run of a file says."""
    answer = await upload(service, content)
    assert answer.status_code == 201, answer.text
    await settle(service)
    return await seen(service, answer.json()["run_id"])


async def imported(service: Service, content: bytes) -> Any:
    run = await checked(service, content)
    assert (await step(service, run["run_id"], "execution", by=AUTHOR)).status_code == 200
    await settle(service)
    return await seen(service, run["run_id"])


async def published(service: Service, content: bytes) -> Any:
    run = await imported(service, content)
    for name in ("review", "publication"):
        answer = await step(service, run["run_id"], name, by=REVIEWER)
        assert answer.status_code == 200, answer.text
        await settle(service)
    return await seen(service, run["run_id"])


async def flaws(service: Service, run: Any) -> list[tuple[int, str, str]]:
    """Row, field and rule of everything that is wrong."""
    answer = await service.client.get(
        f"/v1/service-items/imports/{run['run_id']}/rows", params={"state": "bad", "limit": "100"}, headers=service.headers(AUTHOR)
    )
    return [(flaw["row"], flaw["field"], flaw["rule"]) for row in answer.json()["items"] for flaw in row["flaws"]]


def cells_of(content: bytes) -> list[list[str]]:
    """The texts of a file, without what is empty at the end of a row."""
    rows = [[cell.text for cell in row.cells] for sheet in read_sheets(content) for row in sheet.rows]
    return [row[: max((index for index, text in enumerate(row, start=1) if text), default=0)] for row in rows]


async def exported(service: Service, *, how: str = "xlsx") -> bytes:
    asked = {"region": LIUYANG, "format": how}
    run_id = (await service.client.post("/v1/service-items/exports", json=asked, headers=service.headers(AUTHOR))).json()["run_id"]
    await settle(service)
    answer = await service.client.get(f"/v1/service-items/exports/{run_id}/file", headers=service.headers(AUTHOR))
    assert answer.status_code == 200, answer.text
    return answer.content


async def rows_of(service: Service, run: Any) -> list[Any]:
    answer = await service.client.get(f"/v1/service-items/imports/{run['run_id']}/rows", headers=service.headers(AUTHOR))
    rows: list[Any] = answer.json()["items"]
    return rows
