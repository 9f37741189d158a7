"""Inheritance: what a layer locks is the same below, what it lets narrow only becomes stricter, what is free is a recommendation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import NATION
from rules.standards import FIELDS, Element, Lock, drifts, in_force, inheritance_defects, layer_defects
from tests.contracts.builders import CHANGSHA, HUNAN

DAYS = {"amount": 5, "unit": "workdays", "basis": "国家标准"}


def a_draft(
    *, promised: int = 3, unit: str = "workdays", materials: tuple[str, ...] = ("id_card",), modes: tuple[str, ...] = ("local",)
) -> Any:
    return {
        "version": {
            "project_type": "promised",
            "promised_limit": {"amount": promised, "unit": unit, "basis": "本机关承诺"},
            "modes": list(modes),
            "extension_limit": None,
        },
        "form": {},
        "situations": {"situations": []},
        "checklist": {"materials": [{"code": code} for code in materials]},
        "texts": {"legal_basis": ["户口登记条例"]},
    }


def fixed(*elements: tuple[str, Lock, Any], province: tuple[tuple[str, Lock, Any], ...] = ()) -> Any:
    layers = [(NATION, elements), (HUNAN, province)]
    return in_force((region, [Element(field=name, lock=lock, value=value) for name, lock, value in rows]) for region, rows in layers)


def broken(draft: Any, *elements: tuple[str, Lock, Any], province: tuple[tuple[str, Lock, Any], ...] = ()) -> list[tuple[str, str]]:
    return [(one.rule_id, one.pointer) for one in inheritance_defects(draft, fixed=fixed(*elements, province=province))]


def test_a_locked_element_is_the_same_below() -> None:
    assert broken(a_draft(promised=5), ("promised_limit", Lock.LOCKED, DAYS)) == []
    assert broken(a_draft(promised=3), ("promised_limit", Lock.LOCKED, DAYS)) == [("item.field-locked", "/version/promised_limit")]


def test_a_narrowable_one_only_becomes_stricter() -> None:
    limit, materials = ("promised_limit", Lock.NARROWABLE, DAYS), ("materials", Lock.NARROWABLE, ["id_card", "photo"])

    assert broken(a_draft(), limit, materials) == []
    assert broken(a_draft(promised=6, materials=("id_card", "odd_proof")), limit, materials) == [
        ("item.field-widened", "/checklist/materials"),
        ("item.field-widened", "/version/promised_limit"),
    ]
    assert broken(a_draft(promised=36, unit="hours"), limit) == [("item.field-widened", "/version/promised_limit")]


def test_more_ways_to_apply_are_a_narrowing_and_fewer_are_not() -> None:
    modes = ("modes", Lock.NARROWABLE, ["local", "fully_online"])

    assert broken(a_draft(modes=("fully_online", "local", "collect_here")), modes) == []
    assert broken(a_draft(modes=("local",)), modes) == [("item.field-widened", "/version/modes")]


def test_what_has_no_narrower_stays_the_same_when_it_is_narrowable() -> None:
    assert broken(a_draft(), ("project_type", Lock.NARROWABLE, "instant")) == [("item.field-widened", "/version/project_type")]
    assert broken(a_draft(), ("project_type", Lock.NARROWABLE, "promised")) == []


def test_a_free_element_is_reported_and_forbids_nothing() -> None:
    element = ("promised_limit", Lock.FREE, DAYS)
    [drift] = drifts(a_draft(), fixed=fixed(element))

    assert (drift.field, drift.allowed, drift.region) == ("promised_limit", True, NATION)
    assert broken(a_draft(), element) == []


def test_the_legal_basis_is_locked_whatever_lock_is_named() -> None:
    assert broken(a_draft(), ("legal_basis", Lock.FREE, ["居民身份证法"])) == [("item.field-locked", "/texts/legal_basis")]


def test_a_provinces_layer_stands_before_the_nations() -> None:
    sooner = ("promised_limit", Lock.LOCKED, DAYS | {"amount": 3})
    wide = ("promised_limit", Lock.NARROWABLE, DAYS)

    assert broken(a_draft(promised=3), wide, province=(sooner,)) == []
    assert broken(a_draft(promised=2), wide, province=(sooner,)) == [("item.field-locked", "/version/promised_limit")]


@pytest.mark.parametrize(
    ("element", "defect"),
    [
        (("promised_limit", Lock.NARROWABLE, DAYS | {"amount": 4}), None),
        (("promised_limit", Lock.LOCKED, DAYS | {"amount": 2}), None),
        (("promised_limit", Lock.FREE, DAYS), ("standard.loosened", "/elements/0/lock")),
        (("promised_limit", Lock.NARROWABLE, DAYS | {"amount": 6}), ("standard.locked", "/elements/0/value")),
        (("promised_limit", Lock.NARROWABLE, "soon"), ("standard.value", "/elements/0/value")),
        (("promised_limit", Lock.NARROWABLE, {"amount": -1, "unit": "workdays"}), ("standard.value", "/elements/0/value")),
        (("colour", Lock.FREE, "red"), ("standard.field", "/elements/0/field")),
        (("materials", Lock.LOCKED, "id_card"), ("standard.value", "/elements/0/value")),
    ],
)
def test_a_layer_tightens_and_never_loosens(element: tuple[str, Lock, Any], defect: tuple[str, str] | None) -> None:
    above = fixed(("promised_limit", Lock.NARROWABLE, DAYS))
    name, lock, value = element

    found = layer_defects([Element(field=name, lock=lock, value=value)], above=above)

    assert [(one.rule_id, one.pointer) for one in found] == ([] if defect is None else [defect])


def test_an_element_stands_once_in_a_layer() -> None:
    twice = [Element(field="project_type", lock=Lock.FREE, value="instant")] * 2

    assert [one.rule_id for one in layer_defects(twice, above={})] == ["standard.field"]


CODES = st.lists(st.sampled_from("abcd"), unique=True)


@given(nation=CODES, county=CODES, province=CODES)
def test_what_a_sound_layer_allows_is_allowed_by_all_above_it(nation: list[str], province: list[str], county: list[str]) -> None:
    """Else a county could follow its province and still be refused by the nation."""
    upper = Element(field="materials", lock=Lock.NARROWABLE, value=nation)
    lower = Element(field="materials", lock=Lock.NARROWABLE, value=province)
    if layer_defects([lower], above=in_force([(NATION, [upper])])):
        return
    draft = a_draft(materials=tuple(county))

    if not inheritance_defects(draft, fixed=in_force([(NATION, [upper]), (CHANGSHA, [lower])])):
        assert inheritance_defects(draft, fixed=in_force([(NATION, [upper])])) == ()


def test_every_field_reads_a_draft_that_lacks_it() -> None:
    assert all(field.read({}) in (None, [], "", ["moved_down"]) for field in FIELDS.values())
