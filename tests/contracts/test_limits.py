"""Limits of an item: each names its law, and is no longer than that law has it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.catalogue import MaterialRule
from contracts.elements import Limit, Unit
from rules.limits import limit_defects, names_another_law
from tests.contracts.builders import a_material

LICENSING = "行政许可法 §42"
FOOD = "食品安全法 §35"


def days(amount: int, basis: str = LICENSING) -> Limit:
    return Limit(amount=amount, unit=Unit.WORKDAYS, basis=basis)


ACCEPTANCE, STATUTORY, DELIVERY = days(5, "行政许可法 §32"), days(20), days(10, "行政许可法 §44")


def found(
    *,
    acceptance: Limit = ACCEPTANCE,
    statutory: Limit = STATUTORY,
    extension: Limit | None = None,
    delivery: Limit = DELIVERY,
    materials: tuple[MaterialRule, ...] = (),
) -> list[tuple[str, str]]:
    defects = limit_defects(acceptance=acceptance, statutory=statutory, extension=extension, delivery=delivery, materials=materials)
    return [(one.rule_id, one.pointer.removeprefix("/version/")) for one in defects]


def test_the_limits_of_the_law_itself_are_sound() -> None:
    assert found(extension=days(10)) == []
    assert found(statutory=days(45, "行政许可法 §42(统一办理、联合办理)"), extension=days(15)) == []
    assert found(statutory=days(0), acceptance=Limit(amount=2, unit=Unit.HOURS)) == []


def test_what_the_law_allows_names_its_law() -> None:
    assert found(statutory=days(20, " ")) == [("item.limit-basis", "statutory_limit/basis")]
    assert found(extension=days(10, "")) == [("item.limit-basis", "extension_limit/basis")]


@pytest.mark.parametrize(
    "basis", ["", "行政许可法 §32", "中华人民共和国行政许可法第三十二条", "《行政许可法》第32条、第44条规定", "本机关承诺"]
)
def test_what_is_longer_than_the_licensing_law_has_it_names_another(basis: str) -> None:
    assert found(acceptance=days(6, basis)) == [("item.limit-too-long", "acceptance_limit")]
    assert found(delivery=days(11, basis)) == [("item.limit-too-long", "delivery_limit")]
    assert not names_another_law(basis)


@pytest.mark.parametrize(
    "basis", [FOOD, "行政许可法 §42、食品安全法 §35", "民发〔2021〕57号", "最低生活保障审核确认办法(民发〔2021〕57号)"]
)
def test_another_law_sets_what_it_sets(basis: str) -> None:
    assert names_another_law(basis)
    assert found(acceptance=days(30, basis), delivery=days(30, basis), statutory=days(90, basis), extension=days(60, basis)) == []


@pytest.mark.parametrize(
    ("statutory", "extension", "told"),
    [
        (days(46), None, [("item.limit-too-long", "statutory_limit")]),
        (days(20), days(11), [("item.limit-too-long", "extension_limit")]),
        (days(45), days(16), [("item.limit-too-long", "extension_limit")]),
        (days(20, FOOD), days(21, FOOD), [("item.extension-too-long", "extension_limit")]),
        (days(3), Limit(amount=22, unit=Unit.HOURS, basis=FOOD), [("item.extension-too-long", "extension_limit")]),
    ],
)
def test_a_case_is_decided_and_extended_within_measure(statutory: Limit, extension: Limit | None, told: list[tuple[str, str]]) -> None:
    assert found(statutory=statutory, extension=extension) == told


def test_what_may_follow_is_there_before_the_case_has_to_be_decided() -> None:
    material = replace(a_material(), deferral=days(35, "容缺受理办法"))

    assert found(extension=days(10), materials=(material,)) == []
    assert found(extension=days(9), materials=(material,)) == [("material.deferral-too-long", "/checklist/materials/0/deferral")]
    assert found(materials=(replace(material, merged=True),)) == []
