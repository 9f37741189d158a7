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
from contracts.elements import GrassRootsLevel, GrassRootsList, StepAct
from contracts.values import Way
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
code = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_.-]{0,20}\Z")
yes_or_no = st.booleans()
limit = st.none() | st.fixed_dictionaries(
    {"amount": st.integers(0, 9_000), "unit": st.sampled_from(["workdays", "hours", "minutes"]), "basis": said | st.just("")}
)


def several(of: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), unique=True)


material = st.fixed_dictionaries(
    {
        "code": code | st.just("m1"),
        "name": said,
        "name_en": said,
        "when": st.sampled_from([{"always": True}, {"eq": ["situation", "open"]}]),
        "required": yes_or_no,
        "source": st.sampled_from(["applicant", "government", "intermediary"]),
        "media_types": several(["application/pdf", "image/jpeg", "image/png", "video/mp4"]),
        "max_bytes": st.sampled_from([10_485_760, 1]),
        "original_seen": yes_or_no,
        "basis": said,
        "copies": st.integers(0, 20),
        "sample": said | st.just(""),
    },
    optional={
        "nature": st.sampled_from(["document", "certificate"]),
        "certificate": st.sampled_from(["kinship-proof", "007", ""]) | said,
        "deferral": limit,
        "valid_days": st.integers(0, 40_000),
        "replaced_by": st.lists(code | st.sampled_from(["identity_card", "IDENTITY_CARD", "居民身份证"]), max_size=3),
        "by_commitment": yes_or_no,
        "trust": st.sampled_from(["A", "B", "C", "D"]),
        "issuer": said | st.just("公安机关：户籍"),
        "intermediary": said,
        "merged": yes_or_no,
        "needed_by": st.just([{"item_code": "000131014000", "when": {"always": True}}]),
    },
)
step_ = st.fixed_dictionaries(
    {
        "step_id": code,
        "name": said,
        "name_en": said,
        "act": st.sampled_from([one.value for one in StepAct]),
        "organ_role": code | st.sampled_from(["market_station", "街道办事处"]),
        "basis": said,
        "level": st.sampled_from(["nation", "province", "city", "county", "town", "village"]),
        "organ": st.sampled_from([None, "11430181TB000001XB"]),
        "limit": limit,
        "at_window": yes_or_no,
        "second_officer": yes_or_no,
    }
)
stop = st.fixed_dictionaries(
    {
        "code": code,
        "name": said,
        "name_en": said,
        "clocks": several(["acceptance", "decision", "delivery"]),
        "basis": said,
        "limit": limit,
    }
)
fee = st.fixed_dictionaries(
    {
        "code": code,
        "name": said,
        "standard": said,
        "basis": said,
        "amount_fen": st.none() | st.integers(0, 100_000_000_000),
        "reducible": yes_or_no,
        "reduction": said | st.just(""),
    }
)
pair = st.tuples(st.sampled_from([one.value for one in GrassRootsLevel]), st.sampled_from([one.value for one in GrassRootsList])).map(list)


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
    assert [row["row"]["kept"] for row in rows] == [[] for _ in drafts]


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
    body["version"] |= {"name": name, "ways": ["moved_down"], "statutory_limit": {"amount": 20, "unit": "workdays", "basis": basis}}
    body["texts"] |= {"fees": fees, "conditions": lines, "denial_grounds": [["D1", basis, fees]]}
    body["checklist"]["materials"][0] |= {"name": material, "basis": basis}
    before = copy.deepcopy(body)

    [row] = Reading().read(read_sheets(file_of([show_row(body, task=task_of(body), former=former, planned="2098-01-02")], how=how)))

    assert row.flaws == []
    assert beyond(before, row.body) is None
    assert (row.former, row.planned) == (former, "2098-01-02")


@pytest.mark.parametrize("how", ["xlsx", "csv"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    materials=st.lists(material, min_size=1, max_size=3),
    lists=st.lists(pair, min_size=1, max_size=4),
    ways=several([one.value for one in Way]),
    chain=st.lists(step_, min_size=1, max_size=3),
    stops=st.lists(stop, min_size=1, max_size=3),
    fees=st.lists(fee, min_size=1, max_size=3),
    template=said,
)
def test_whatever_the_elements_of_an_item_say_a_row_says_just_that(how: str, *, template: str, **said_of: list[Any]) -> None:
    body = a_draft()
    body["version"] |= {"lists": said_of["lists"], "ways": said_of["ways"]}
    body["checklist"]["materials"] = said_of["materials"]
    body["texts"] |= {"chain": said_of["chain"], "stops": said_of["stops"], "fee_lines": said_of["fees"], "result_template": template}
    before = copy.deepcopy(body)
    shown = show_row(body, task=task_of(body), former=[], planned=None)

    [row] = Reading().read(read_sheets(file_of([shown], how=how)))

    assert shown[HEADINGS.index("其他属性")] == ""
    assert row.flaws == []
    read: Any = row.body
    assert {name: read["version"][name] for name in ("lists", "ways")} == {name: before["version"][name] for name in ("lists", "ways")}
    assert read["checklist"]["materials"] == before["checklist"]["materials"]
    assert {name: read["texts"][name] for name in LATER} == {name: before["texts"][name] for name in LATER}
    assert row.kept == []


LATER = ("chain", "stops", "fee_lines", "result_template")


def test_of_the_seed_nothing_rides_beside_the_columns_but_the_base_form() -> None:
    beside: set[str] = set()
    exact: set[str] = set()
    for one in Seed().items:
        body = one.draft.body()
        row = dict(zip(HEADINGS, show_row(body, task=task_of(body), former=[], planned=None), strict=True))
        beside |= orjson.loads(row["其他属性"] or "{}").keys()
        exact |= {name for name, cell in row.items() if cell.startswith("json")}

    assert (beside, exact) == ({"base_form"}, set())


def as_before(body: Any) -> dict[str, str]:
    """A row as it was exported before the elements had columns: they stand in the other attributes, and of a material in its line's JSON."""
    row = dict(zip(HEADINGS, show_row(body, task=task_of(body), former=[], planned=None), strict=True))
    for column in COLUMNS:
        if column.came_later:
            del row[column.name]
    others = {"base_form": body["base_form"]} | {
        part: {name: body[part][name] for name in names if name in body[part]}
        for part, names in (("version", ("lists", "ways")), ("texts", LATER))
    }
    lines = [
        "|".join([*line.split("|")[:6], orjson.dumps({name: value for name, value in one.items() if name not in SIX}).decode()])
        for line, one in zip(row["申请材料"].split("\n"), body["checklist"]["materials"], strict=False)
    ]
    return row | {"申请材料": "\n".join(lines), "其他属性": orjson.dumps(others).decode()}


SIX = ("name", "required", "source", "copies", "original_seen", "basis")


def test_every_item_of_the_seed_is_taken_as_it_was_exported_before_its_elements_had_columns() -> None:
    drafts = [one.draft for one in Seed().items]
    rows = [as_before(draft.body()) for draft in drafts]
    made, said = io.BytesIO(), io.BytesIO()
    write_delimited([list(rows[0]), *([*row.values()] for row in rows)], to=made)

    read_file(made.getvalue(), said)

    read = [orjson.loads(line)["row"] for line in said.getvalue().splitlines()[:-1]]
    assert [row["flaws"] for row in read] == [[] for _ in drafts]
    assert [row["draft"] for row in read] == [encode_object(draft) for draft in drafts]
    assert [row["kept"] for row in read] == [[] for _ in drafts]


def test_what_is_longer_than_a_cell_goes_out_and_comes_back_the_same() -> None:
    body = a_draft()
    body["version"]["ways"] = ["moved_down"]
    body["form"]["description"] = "很长的说明" * 8_000

    [row] = Reading().read(read_sheets(file_of([show_row(body, task=task_of(body), former=[], planned=None)], how="xlsx")))

    assert beyond(body, row.body) is None
