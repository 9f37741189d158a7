"""The fields that both guides tell: just those that a situation asks for, and needed just where the check refuses without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from contracts.catalogue import ApprovalType, Situation
from contracts.values import JsonObject
from rules.check import Applicant, Application, check
from rules.conditions import Truth, evaluate, parse
from rules.guidance import told_of
from rules.parts import Parts
from rules.reasons import Left
from rules.tables import tabulated, values_of
from tests.catalog.builders import LIUYANG, SOLE_TRADER_ITEM, Service
from tests.catalog.test_freight import freight
from tests.catalog.test_guide_tables import published
from tests.contracts.builders import RESIDENT

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
TODAY = NOON.date()
VARIANTS = 7
TEXTS = (
    *("示例文字一二", "13800000000", "湘A12345", "F5211", "430181", "2026-01", "91430181MA4L16JQ1X", "92430181MA4L16JQ1X"),
    *("6222020200112233445", "110105194912310029", "430181001", "1"),
)
"""A text for every pattern of the seed."""
DATES = ("2020-01-01", "1950-01-01", "2030-01-01")
NUMBERS = (5000, 12, 3, 0, 100, 50_000, 1)


def value_of(field: JsonObject, turn: int) -> Any:
    """Something that the schema takes, another one at another turn where there is a choice."""
    options: Any = field.get("x-options")
    if options:
        return options[turn % len(options)][0]
    choices: Any = field.get("oneOf")
    if choices:
        return choices[turn % len(choices)]["const"]
    match field["type"]:
        case "boolean":
            return turn % 2 == 0
        case "integer":
            fitting = [one for one in NUMBERS if field.get("minimum", 0) <= one <= field.get("maximum", one)]  # type: ignore[operator]
            return fitting[turn % len(fitting)]
        case "array":
            return [value_of(field["items"], turn)]  # type: ignore[arg-type]
        case "object":
            return {name: value_of(one, turn) for name, one in field["properties"].items()}  # type: ignore[union-attr,arg-type]
        case _ if field.get("format") == "date":
            return DATES[turn % len(DATES)]
        case _:
            shortest: Any = field.get("minLength", 0)
            return next(one for one in TEXTS if re.search(str(field.get("pattern", "")), one) and len(one) >= shortest)


def holds(condition: Left, facts: dict[str, object]) -> bool:
    return condition if isinstance(condition, bool) else evaluate(parse(condition), facts, at=TODAY).truth is Truth.TRUE


def applications(parts: Parts, situation: Situation) -> Iterator[tuple[Application, dict[str, object]]]:
    """Several ways to fill in the form in one situation, each with just what it asks for there; and what a condition then knows."""
    table = tabulated(parts.situations)
    assert table is not None
    ways = [answers for answers, place in table.rows if parts.situations.situations[place] == situation]
    fields: Any = parts.form.schema["properties"]
    kind = parts.version.service_objects[0]
    natural = Applicant(type="natural", name="李梅", id_type="resident_id", id_number=RESIDENT, phone="13800000000")
    legal = Applicant(type="legal", name="某某公司", id_type="uscc", id_number="91430181MA4L16JQ1X", phone="13800000000")
    for turn in range(VARIANTS):
        facts: dict[str, Any] = {one.name: values_of(one)[turn % len(values_of(one))] for one in parts.situations.facts if values_of(one)}
        facts |= dict(zip(table.names, ways[turn % len(ways)], strict=True))
        who = natural if kind == "natural" else legal
        known: dict[str, object] = {
            **facts,
            "situation": situation.situation_id,
            "applicant": {"type": who.type, "id_type": who.id_type},
            "materials": {},
        }
        form: dict[str, Any] = {}
        # What one field says decides about others: as often as it takes.
        for _ in fields:
            form = {name: value_of(one, turn) for name, one in fields.items() if holds(one.get("x-when", True), {**known, "form": form})}
        yield Application(applicant=who, situation=situation.situation_id, form=form, facts=facts), {**known, "form": form}


def defects(parts: Parts, application: Application) -> set[tuple[str, str]]:
    found = check(parts, application=application, at=NOON)
    return {(one.pointer, one.rule_id) for one in found if one.pointer.startswith("/form/")}


def without(application: Application, name: str) -> Application:
    form = {key: value for key, value in application.form.items() if key != name}
    return Application(applicant=application.applicant, situation=application.situation, form=form, facts=application.facts)


async def printed(seeded: Service, parts: Parts, situation: str | None) -> dict[str, Any]:
    query = {"version": str(parts.version.version), "format": "json"} | ({} if situation is None else {"situation": situation})
    guide = (await seeded.get(f"/service-guides/{parts.version.item_id}", query)).json()
    return {one["name"]: one for one in guide["form"]}


def applied_for(seeded: Service) -> list[Parts]:
    return [one for one in published(seeded) if one.version.approval_type is not ApprovalType.NONE]


async def test_what_is_printed_as_needed_is_what_the_check_refuses_without(seeded: Service) -> None:
    tried = 0
    for parts in applied_for(seeded):
        for situation in parts.situations.situations:
            shown = await printed(seeded, parts, situation.situation_id)
            told = {one.name: one for one in told_of(parts, situation, on=TODAY).fields}
            assert {name for name, one in told.items() if one.asked is not False} == set(shown)
            shown_needed: set[str] = set()
            for application, known in applications(parts, situation):
                place = f"{parts.version.name}, {situation.situation_id}, {known}"
                whole = defects(parts, application)
                broken = {pointer.split("/")[2] for pointer, _ in whole}
                assert set(application.form) == {name for name, one in told.items() if holds(one.asked, known)}, place
                assert broken <= set(application.form), place
                for name in set(application.form) - broken:
                    refused = bool(defects(parts, without(application, name)) - whole)
                    other = {**known, "form": without(application, name).form}
                    assert refused == holds(told[name].required, other), (place, name)
                    tried += 1
                    if refused:
                        shown_needed.add(name)
                        assert shown[name]["uses"][0]["required"] != "no", (place, name)
            certain = {name for name, one in shown.items() if one["required"]}
            assert certain <= shown_needed, (parts.version.name, situation.situation_id)
    assert tried > 1000


async def test_without_a_situation_a_field_says_in_which_it_is_asked_for(seeded: Service) -> None:
    for parts in applied_for(seeded):
        whole = await printed(seeded, parts, None)
        every = [one.situation_id for one in parts.situations.situations]
        told: dict[tuple[str, str], Any] = {}
        for name, field in whole.items():
            for use in field["uses"]:
                named = [one["situation_id"] for one in use["situations"]] or every
                told |= {(name, situation): {**use, "situations": []} for situation in named}

        alone = {
            (name, situation): use
            for situation in every
            for name, field in (await printed(seeded, parts, situation)).items()
            for use in field["uses"]
        }
        assert told == alone, parts.version.name


async def test_a_lost_freight_licence_asks_for_its_number_and_the_day_and_for_nothing_else_of_its_own(seeded: Service) -> None:
    path = f"/service-guides/{await freight(seeded)}"
    lost = (await seeded.get(path, {"situation": "lost", "format": "json"})).json()["form"]
    page = (await seeded.get(path, {"format": "html"})).text

    common = {"licence_no", "company_name", "legal_representative", "result_by", "mail_address"}
    assert {one["name"]: one["required"] for one in lost if one["name"] not in common} == {"permit_no": True, "lost_on": True}
    [mail] = [one for one in lost if one["name"] == "mail_address"]
    assert (mail["required"], mail["uses"][0]["when"]["zh"]) == (False, "“结果领取方式”为“邮寄”")
    assert "仅限补办：必填" in page
    assert "仅限“结果领取方式”为“邮寄”：选填" in page


async def test_the_limit_that_is_promised_to_the_chosen_situation_is_the_one_that_is_printed(seeded: Service) -> None:
    path = f"/service-guides/{await freight(seeded)}"

    def promised(guide: Any) -> str:
        return next(str(one["zh"]) for one in guide["limits"] if one["name"] == "promised")

    assert promised((await seeded.get(path, {"situation": "lost", "format": "json"})).json()) == "1 个工作日"
    assert promised((await seeded.get(path, {"format": "json"})).json()) == "5 个工作日"
    assert "部分情形另有承诺" in (await seeded.get(path, {"format": "html"})).text
    assert "部分情形另有承诺" not in (await seeded.get(path, {"situation": "lost", "format": "html"})).text


async def test_what_is_abolished_prints_no_form(seeded: Service) -> None:
    [parts] = islice((one for one in published(seeded) if one.version.approval_type is ApprovalType.NONE), 1)

    assert await printed(seeded, parts, None) == {}
    page = (await seeded.get(f"/service-guides/{parts.version.item_id}", {"format": "html"})).text
    assert "申请表单" not in page


# -- the guide that asks


async def asked(seeded: Service, **facts: object) -> Any:
    body = {"answers": [{"fact": name, "value": value} for name, value in facts.items()]}
    return (await seeded.client.post(f"/v1/service-items/{SOLE_TRADER_ITEM}/guide", json=body)).json()


@pytest.mark.parametrize(
    ("matter", "asked_for", "needed"),
    [
        ("replace", {"operator_name", "phone", "licence_no", "replace_reason", "copies"}, {"licence_no", "replace_reason"}),
        ("cancel", {"operator_name", "phone", "licence_no", "cancel_reason", "debts_settled"}, {"licence_no", "debts_settled"}),
    ],
)
async def test_the_guide_marks_what_its_answers_leave_out_of_the_whole_form(
    seeded: Service, matter: str, asked_for: set[str], needed: set[str]
) -> None:
    form = (await asked(seeded, matter=matter, by_agent=False))["outcome"]["form"]

    fields = {one["name"]: one for one in form["fields"]}
    schema = form["json_schema"]["properties"]
    assert list(fields) == sorted(schema, key=lambda name: schema[name]["x-order"])
    assert {name for name, one in fields.items() if one["asked"] == "yes"} == asked_for
    assert {name for name, one in fields.items() if one["required"] == "yes" and one["asked"] == "yes"} == {
        "operator_name",
        "phone",
    } | needed
    assert fields["business_place"]["asked"] == "no"
    assert fields["loss_declared"]["asked"] == ("open" if matter == "replace" else "no")


async def test_the_guide_by_address_marks_the_same_fields(seeded: Service) -> None:
    step = await asked(seeded, matter="replace", by_agent=False)
    query = {"fact.matter": "replace", "fact.by_agent": "false"}
    shown = (await seeded.get(f"/service-items/{SOLE_TRADER_ITEM}/guide", query)).json()
    before = (await seeded.get(f"/service-items/{SOLE_TRADER_ITEM}/guide")).json()

    assert shown["fields"] == step["outcome"]["form"]["fields"]
    assert shown["version"]["region"] == LIUYANG
    assert before["fields"] == []
