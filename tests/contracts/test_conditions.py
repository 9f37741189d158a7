"""Conditions: Kleene's laws, what is refused, what is asked for."""

from __future__ import annotations

from datetime import date
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import Json, JsonObject
from rules.conditions import MAX_NODES, ConditionMalformed, Truth, compiled, evaluate, parse
from tests.contracts.builders import TODAY

NAMES = ("one", "two", "three")
LEAVES = st.builds(lambda name, value: cast("Json", {"eq": [name, value]}), st.sampled_from(NAMES), st.booleans())
FACTS = st.dictionaries(st.sampled_from(NAMES), st.booleans())


def _grow(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    lists = st.lists(inner, min_size=1, max_size=3)
    return (
        st.builds(lambda parts: cast("Json", {"all": parts}), lists)
        | st.builds(lambda parts: cast("Json", {"any": parts}), lists)
        | st.builds(lambda part: cast("Json", {"not": part}), inner)
    )


TREES = st.recursive(LEAVES, _grow, max_leaves=8)


def the_truth(source: Json, facts: JsonObject, *, at: date = TODAY) -> Truth:
    return evaluate(parse(source), facts, at=at).truth


def plain(source: Json, facts: dict[str, bool]) -> bool:
    """Two-valued reference, for facts that are all known."""
    assert isinstance(source, dict)
    ((operator, operand),) = source.items()
    assert isinstance(operand, list | dict)
    if operator == "not":
        return not plain(operand, facts)
    assert isinstance(operand, list)
    if operator == "eq":
        return facts[str(operand[0])] == operand[1]
    parts = [plain(part, facts) for part in operand]
    return all(parts) if operator == "all" else any(parts)


@given(tree=TREES, values=st.fixed_dictionaries({name: st.booleans() for name in NAMES}))
def test_with_every_fact_known_it_is_plain_logic(tree: Json, values: dict[str, bool]) -> None:
    assert (the_truth(tree, {**values}) is Truth.TRUE) == plain(tree, values)


@given(tree=TREES, known=FACTS, values=st.fixed_dictionaries({name: st.booleans() for name in NAMES}))
def test_what_is_certain_stays_so_when_more_becomes_known(tree: Json, known: dict[str, bool], values: dict[str, bool]) -> None:
    before = the_truth(tree, {**known})

    after = the_truth(tree, {**values, **known})

    assert before is Truth.UNKNOWN or before is after


@given(tree=TREES, known=FACTS)
def test_unknown_names_facts_that_are_missing_and_only_those(tree: Json, known: dict[str, bool]) -> None:
    verdict = evaluate(parse(tree), known, at=TODAY)

    assert bool(verdict.needs) == (verdict.truth is Truth.UNKNOWN)
    assert not set(verdict.needs) & set(known)


@given(trees=st.lists(TREES, min_size=1, max_size=3), known=FACTS)
def test_not_all_is_any_not(trees: list[Json], known: dict[str, bool]) -> None:
    left: Json = {"not": {"all": trees}}
    right: Json = {"any": [{"not": tree} for tree in trees]}

    assert the_truth(left, {**known}) is the_truth(right, {**known})


@pytest.mark.parametrize(
    ("source", "facts", "truth"),
    [
        ({"always": True}, {}, Truth.TRUE),
        ({"eq": ["a", 1]}, {"a": True}, Truth.FALSE),
        ({"eq": ["a", "x"]}, {}, Truth.UNKNOWN),
        ({"eq": ["a", "x"]}, {"a": None}, Truth.UNKNOWN),
        ({"ne": ["a", "x"]}, {"a": "y"}, Truth.TRUE),
        ({"in": ["a", ["x", 1]]}, {"a": True}, Truth.FALSE),
        ({"in": ["a", ["x", 1]]}, {"a": 1}, Truth.TRUE),
        ({"gt": ["form.capital", 100]}, {"form": {"capital": 101}}, Truth.TRUE),
        ({"gt": ["form.capital", 100]}, {"form": {"capital": "much"}}, Truth.UNKNOWN),
        ({"le": ["a", "0.3"]}, {"a": 0.3}, Truth.TRUE),
        ({"lt": ["a", "10"]}, {"a": "9"}, Truth.TRUE),
        ({"ge": ["a", "2026-11-21"]}, {"a": "2026-11-21"}, Truth.TRUE),
        ({"lt": ["a", "2026-11-21"]}, {"a": "2026-02-30"}, Truth.UNKNOWN),
        ({"has": "form.x"}, {"form": {}}, Truth.FALSE),
        ({"missing": "form.x"}, {"form": "no object"}, Truth.TRUE),
        ({"age_at_least": ["born", 16]}, {"born": "2010-11-23"}, Truth.TRUE),
        ({"age_at_least": ["born", 16]}, {"born": "2010-11-24"}, Truth.FALSE),
        ({"matches": ["a", "phone"]}, {"a": "13800138000"}, Truth.TRUE),
        ({"matches": ["a", "resident_id"]}, {"a": "110105194912310021"}, Truth.FALSE),
        ({"all": [{"has": "a"}, {"eq": ["a", 1]}]}, {}, Truth.FALSE),
    ],
)
def test_each_operator_answers(source: JsonObject, facts: JsonObject, truth: Truth) -> None:
    assert the_truth(source, facts) is truth


def test_born_on_29_february_one_turns_older_on_1_march() -> None:
    source: Json = {"age_at_least": ["born", 18]}

    assert the_truth(source, {"born": "2008-02-29"}, at=date(2026, 2, 28)) is Truth.FALSE
    assert the_truth(source, {"born": "2008-02-29"}, at=date(2026, 3, 1)) is Truth.TRUE


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        ([], ""),
        ({}, ""),
        ({"eq": ["a", 1], "ne": ["a", 1]}, ""),
        ({"always": False}, "/always"),
        ({"all": []}, "/all"),
        ({"all": [{"has": "a"}, {"same": ["a", 1]}]}, "/all/1/same"),
        ({"eq": ["a"]}, "/eq"),
        ({"eq": ["A b", 1]}, "/eq/0"),
        ({"eq": ["a", None]}, "/eq/1"),
        ({"eq": ["a", 0.1]}, "/eq/1"),
        ({"in": ["a", [[]]]}, "/in/1/0"),
        ({"lt": ["a", "soon"]}, "/lt/1"),
        ({"lt": ["a", 0.1]}, "/lt/1"),
        ({"age_at_least": ["a", True]}, "/age_at_least/1"),
        ({"matches": ["a", "(a+)+$"]}, "/matches/1"),
        ({"not": {"not": 1}}, "/not/not"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(source: Json, pointer: str) -> None:
    with pytest.raises(ConditionMalformed) as refused:
        parse(source)

    assert refused.value.defects[0].pointer == pointer


def test_a_condition_is_bounded_in_depth_and_size() -> None:
    deep: Json = {"has": "a"}
    for _ in range(10):
        deep = {"not": deep}

    for source in (deep, {"in": ["a", list(range(MAX_NODES))]}, {"any": [{"has": "a"}] * MAX_NODES}):
        with pytest.raises(ConditionMalformed):
            parse(cast("Json", source))


def test_reasons_name_places_and_facts_but_no_values() -> None:
    verdict = evaluate(parse({"all": [{"eq": ["name", "谭某"]}]}), {"name": "李某"}, at=TODAY)

    assert [(one.pointer, one.fact, one.truth) for one in verdict.reasons] == [("/all/0/eq", "name", Truth.FALSE)]
    assert "某" not in repr(verdict)


def test_a_published_condition_is_read_once() -> None:
    source: JsonObject = {"has": "a"}

    assert compiled(source) is compiled(source)
    assert compiled(source) is not compiled({"has": "a"})
