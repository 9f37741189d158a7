"""An export equals an import: whatever an item says, a row of a file says the same, and is read as just that."""

import copy
import io
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_svc.bulk.domain.columns import COLUMNS
from catalog_svc.bulk.domain.table import Reading, show_row
from catalog_svc.bulk.outside.worker import read_file
from catalog_svc.seed.reading import Seed
from catalog_svc.sheet.domain.delimited import write_delimited
from catalog_svc.sheet.outside import read_sheets, write_workbook
from contracts.codec import encode_object
from tests.catalog.builders import a_draft

HEADINGS = [column.name for column in COLUMNS]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
awkward = st.sampled_from(
    [
        "=1+1",
        " 前后空格 ",
        "全角１２",
        "一\n二",
        "|竖线",
        "json:1",
        "json.z:x",
        "_x0041_",
        "+86",
        "@x",
        "'",
        '"',
        "\r\n",
        "\u200b",
        "是",
        "0012",
    ]
)
said = texts | awkward


def file_of(rows: list[list[str]], *, how: str) -> bytes:
    made = io.BytesIO()
    if how == "csv":
        write_delimited([HEADINGS, *rows], to=made)
    else:
        write_workbook([HEADINGS, *rows], to=made, sheet="实施清单")
    return made.getvalue()


def beyond(sent: Any, read: Any) -> Any:
    """What was read besides what was sent: nothing but empty fields, where both say the same."""
    if not isinstance(sent, dict) or not isinstance(read, dict):
        return None if sent == read else (sent, read)
    told = {key: beyond(value, read.get(key)) for key, value in sent.items()}
    told |= {key: value for key, value in read.items() if key not in sent}
    return {key: value for key, value in told.items() if value not in (None, "", [], {})} or None


def task_of(body: Any) -> str:
    return f"{body['version']['organ']}4{body['version']['item_code']}"


@pytest.mark.parametrize("how", ["xlsx", "csv"])
def test_every_item_of_the_seed_goes_out_and_comes_back_the_same(how: str) -> None:
    drafts = [one.draft for one in Seed().items]
    bodies = [draft.body() for draft in drafts]
    made = io.BytesIO()

    read_file(file_of([show_row(body, task=task_of(body), former=[], planned=None) for body in bodies], how=how), made)

    *rows, _ = [orjson.loads(line) for line in made.getvalue().splitlines()]
    assert [row["row"]["flaws"] for row in rows] == [[] for _ in drafts]
    assert [row["row"]["draft"] for row in rows] == [encode_object(draft) for draft in drafts]


@pytest.mark.parametrize("how", ["xlsx", "csv"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=said,
    fees=said,
    lines=st.lists(said, max_size=4),
    basis=said,
    material=said,
    former=st.lists(said.filter(str.strip), max_size=2, unique=True),
)
def test_whatever_an_item_says_a_row_says_just_that(
    how: str, name: str, fees: str, lines: list[str], basis: str, material: str, former: list[str]
) -> None:
    body = a_draft()
    body["version"] |= {"name": name, "statutory_limit": {"amount": 20, "unit": "workdays", "basis": basis}}
    body["texts"] |= {"fees": fees, "conditions": lines, "denial_grounds": [["D1", basis, fees]]}
    body["checklist"]["materials"][0] |= {"name": material, "basis": basis}
    before = copy.deepcopy(body)

    [row] = Reading().read(read_sheets(file_of([show_row(body, task=task_of(body), former=former, planned="2098-01-02")], how=how)))

    assert row.flaws == []
    assert beyond(before, row.body) is None
    assert (row.former, row.planned) == (former, "2098-01-02")


def test_what_is_longer_than_a_cell_goes_out_and_comes_back_the_same() -> None:
    body = a_draft()
    body["form"]["description"] = "很长的说明" * 8_000

    [row] = Reading().read(read_sheets(file_of([show_row(body, task=task_of(body), former=[], planned=None)], how="xlsx")))

    assert beyond(body, row.body) is None
