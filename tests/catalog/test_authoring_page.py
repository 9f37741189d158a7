"""docs/authoring.md says of conditions, fields and rules what the code says, and the contract sends its readers there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog_svc.item.views import MaterialBody
from rules import conditions
from rules.conditions import parse
from rules.identifiers import FORMATS
from rules.standards import FIELDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    (section,) = re.findall(rf"^## [^\n]*{re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    table = re.findall(r"^\|(.*)\|$", section, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in table[2:]]


def named(cells: list[list[str]]) -> list[str]:
    """What the first column names in code."""
    return [name for first, *_ in cells for name in re.findall(r"`([^`]+)`", first)]


def test_every_operator_stands_there_with_an_example_that_can_be_read() -> None:
    told = rows("Conditions")

    assert named(told) == re.findall(r'\{"(\w+)":', conditions.__doc__ or "")
    for (operator, example, _), name in zip(told, named(told), strict=True):
        condition = json.loads(example.strip("`"))
        assert (operator, list(condition)) == (f"`{name}`", [name])
        parse(condition)


def test_every_format_that_a_condition_may_name_is_one_of_those_told() -> None:
    (row,) = [row for row in rows("Conditions") if row[0] == "`matches`"]

    assert set(re.findall(r"`([a-z_]+)`", row[2])) == set(FORMATS)


def test_every_keyword_of_a_form_stands_there_with_an_example() -> None:
    sources = [*(ROOT / "contracts/rules").glob("*.py"), ROOT / "catalog-svc/catalog_svc/seed/forms.py"]
    used = {word for path in sources for word in re.findall(r'"(x-[a-z-]+)"', path.read_text(encoding="utf-8"))}

    told = rows("Keywords of the form")
    assert set(named(told)) == used
    for (name, _, example), word in zip(told, named(told), strict=True):
        assert (name, list(json.loads("{" + example.strip("`") + "}"))) == (f"`{word}`", [word])


def test_every_field_of_a_material_stands_there() -> None:
    assert sorted(named(rows("A line of the checklist"))) == sorted(MaterialBody.model_fields)


def test_every_element_of_a_standard_stands_there() -> None:
    assert sorted(named(rows("What may be narrowed"))) == sorted(FIELDS)


def test_every_rule_that_the_page_names_can_refuse() -> None:
    sources = [path for name in ("contracts", "chassis", "catalog-svc") for path in (ROOT / name).rglob("*.py")]
    refusals = "".join(path.read_text(encoding="utf-8") for path in sources)

    for rule in re.findall(r"`([a-z-]+\.[a-z]+(?:-[a-z]+)*)`", PAGE):
        assert f'"{rule}"' in refusals, rule


@pytest.mark.parametrize("service", ["catalog", "gateway"])
def test_free_objects_of_what_is_written_point_to_the_page(service: str) -> None:
    schemas = json.loads((ROOT / f"contracts/openapi/{service}.json").read_text(encoding="utf-8"))["components"]["schemas"]
    told = {place: one.get("description", "") for place, one in _free(schemas)}

    assert told
    assert {place for place, words in told.items() if "docs/authoring.md" not in words} == set()


def _free(schemas: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in schemas.items():
        if name.endswith(("Body", "Draft")):
            for field in {"when", "form"} & schema.get("properties", {}).keys():
                yield f"{name}.{field}", schema["properties"][field]
