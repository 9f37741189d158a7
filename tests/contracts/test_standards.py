"""Inheritance: what a layer locks is the same below, what it lets narrow only becomes stricter, what is free is a recommendation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from contracts.catalogue import ProjectType
from contracts.values import NATION, Mode
from rules.standards import FIELDS, Element, Fixed, Lock, drifts, in_force, inheritance_defects, layer_defects, overruled
from tests.contracts.builders import CHANGSHA, HUNAN, LIUYANG

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
MODES = st.lists(st.sampled_from(list(Mode)), unique=True, min_size=1)
LIMITS = st.fixed_dictionaries({"amount": st.integers(0, 9), "unit": st.sampled_from(["workdays", "hours"])})
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "materials": CODES,
    "modes": MODES,
    "promised_limit": LIMITS,
    "project_type": st.sampled_from(list(ProjectType)),
}

PLACES = [NATION, HUNAN, CHANGSHA, LIUYANG]


def _layers(*names: str) -> st.SearchStrategy[Any]:
    """What nation, province, city and county fix of these fields, each at its own time: in any order, sound or not."""
    elements = st.sampled_from(names).flatmap(
        lambda name: st.builds(Element, field=st.just(name), lock=st.sampled_from(list(Lock)), value=VALUES[name])
    )
    layers = st.lists(st.lists(elements, max_size=4, unique_by=lambda one: one.field), min_size=2, max_size=4)
    return layers.map(lambda some: list(zip(PLACES, some, strict=False)))


def _said(name: str, value: Any) -> Any:
    draft = a_draft(materials=tuple(value)) if name == "materials" else a_draft()
    if name != "materials":
        draft["version"][name] = value
    return draft


CASES = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(_layers(name), VALUES[name].map(lambda value: _said(name, value))))


@settings(max_examples=300)
@given(CASES)
def test_what_is_allowed_under_all_layers_is_allowed_by_each_of_them_from_above(case: Any) -> None:
    """Whatever stands below and when it was written, else a county could follow its province and still be refused by the nation."""
    layers, draft = case
    event("broken" if overruled(layers) else "sound")

    if not inheritance_defects(draft, fixed=in_force(layers)):
        for count in range(len(layers)):
            assert inheritance_defects(draft, fixed=in_force(layers[: count + 1])) == ()


@given(layers=_layers(*VALUES))
def test_layers_that_are_sound_when_they_are_published_all_hold(layers: Any) -> None:
    sound: Any = []
    for region, elements in layers:
        if not layer_defects(elements, above=in_force(sound)):
            sound.append((region, elements))

    assert overruled(sound) == ()
    assert in_force(sound) == {one.field: Fixed(element=one, region=region) for region, elements in sound for one in elements}


def test_a_later_lock_of_the_nation_holds_over_an_older_layer_below_and_that_one_is_told() -> None:
    province = [Element(field="promised_limit", lock=Lock.FREE, value=DAYS | {"amount": 10})]
    nation = [Element(field="promised_limit", lock=Lock.LOCKED, value=DAYS | {"amount": 3})]
    layers = [(NATION, nation), (HUNAN, province)]

    assert in_force(layers)["promised_limit"] == Fixed(element=nation[0], region=NATION)
    assert overruled(layers) == (Fixed(element=province[0], region=HUNAN),)
    assert [one.rule_id for one in inheritance_defects(a_draft(promised=10), fixed=in_force(layers))] == ["item.field-locked"]


def test_no_way_at_all_is_not_the_way_that_items_had_before_they_could_say_any() -> None:
    fixed_ways, without = fixed(("ways", Lock.LOCKED, ["moved_down"])), a_draft()
    without["version"]["ways"] = []

    assert [one.rule_id for one in inheritance_defects(without, fixed=fixed_ways)] == ["item.field-locked"]
    assert inheritance_defects(a_draft(), fixed=fixed_ways) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project_type", "nonsense"),
        ("project_type", None),
        ("approval_type", "sometimes"),
        ("credential_type", "营业执照"),
        ("modes", []),
        ("modes", ["by_post"]),
        ("modes", ["local", "local"]),
        ("ways", ["upwards"]),
        ("service_objects", ["animals"]),
        ("four_do", [None]),
        ("promised_limit", None),
        ("situations", []),
        ("materials", ["a b"]),
        ("materials", [{"a": 1}]),
        ("legal_basis", [""]),
        ("result_type", "song"),
    ],
)
def test_what_no_item_could_have_is_no_standard_and_fixes_nothing(field: str, value: Any) -> None:
    element = Element(field=field, lock=Lock.LOCKED, value=value)

    assert [(one.rule_id, one.pointer) for one in layer_defects([element], above={})] == [("standard.value", "/elements/0/value")]
    assert in_force([(NATION, [element])]) == {}


def test_every_field_reads_a_draft_that_lacks_it() -> None:
    assert all(field.read({}) in (None, [], "", ["moved_down"]) for field in FIELDS.values())
