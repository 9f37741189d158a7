"""The guide: which situation, what to ask, and tables that may not be published."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import Fact, Limit, Situation, SituationsPart, Unit
from rules.situations import check_answers, check_table, next_question, promised_limit, situation_of
from tests.contracts.builders import ALWAYS, SITUATIONS, TODAY

if TYPE_CHECKING:
    from contracts.values import JsonObject


def a_table(*whens: JsonObject, facts: tuple[Fact, ...] = SITUATIONS.facts) -> SituationsPart:
    return SituationsPart(
        facts=facts,
        situations=tuple(
            Situation(situation_id=f"s{index}", name=f"情形{index}", name_en=f"Situation {index}", when=when)
            for index, when in enumerate(whens)
        ),
    )


def a_question(name: str, *, kind: str = "boolean") -> Fact:
    return Fact(name=name, question=name, question_en=name, kind=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "situation", "question"),
    [
        ({}, None, "registered"),
        ({"registered": False}, "new", None),
        ({"registered": True}, None, "wish"),
        ({"registered": True, "wish": "change"}, "change", None),
        ({"registered": True, "wish": "cancel"}, "cancel", None),
        ({"wish": "cancel"}, None, "registered"),
        ({"registered": True, "wish": "neither"}, None, None),
    ],
)
def test_answers_lead_to_one_situation_or_the_next_question(facts: JsonObject, situation: str | None, question: str | None) -> None:
    found = situation_of(SITUATIONS, facts, at=TODAY)
    asked = next_question(SITUATIONS, facts, at=TODAY)

    assert (found and found.situation_id, asked and asked.name) == (situation, question)


@given(answers=st.lists(st.sampled_from((True, False, "change", "cancel")), min_size=8, max_size=8))
def test_asking_ends_in_exactly_one_situation(answers: list[bool | str]) -> None:
    facts: JsonObject = {}
    while (question := next_question(SITUATIONS, facts, at=TODAY)) is not None:
        offered = (True, False) if question.kind == "boolean" else tuple(value for value, _, _ in question.choices)
        fitting = [one for one in answers if one in offered and isinstance(one, type(offered[0]))]
        facts[question.name] = fitting[0] if fitting else offered[0]
        assert len(facts) <= len(SITUATIONS.facts)

    assert situation_of(SITUATIONS, facts, at=TODAY) is not None


@pytest.mark.parametrize(
    ("facts", "pointers"),
    [
        ({"registered": True, "wish": "change"}, []),
        ({"registered": "true"}, ["/facts/registered"]),
        ({"registered": 1, "wish": "sell"}, ["/facts/registered", "/facts/wish"]),
        ({"unasked": "anything"}, []),
    ],
)
def test_answers_that_were_not_offered_are_defects(facts: JsonObject, pointers: list[str]) -> None:
    assert [one.pointer for one in check_answers(SITUATIONS, facts)] == pointers


def test_the_table_of_the_trader_may_be_published() -> None:
    assert check_table(SITUATIONS) == ()


@pytest.mark.parametrize(
    ("table", "rule_id"),
    [
        (a_table({"eq": ["registered", True]}), "table.gap"),
        (a_table({"always": True}, {"eq": ["registered", True]}), "table.overlap"),
        (a_table({"eq": ["wish", "sell"]}, {"always": True}), "table.unreachable"),
        (a_table({"eq": ["nobody_asks", True]}), "table.fact-open"),
        (a_table({"has": "when"}, facts=(a_question("when", kind="date"),)), "table.fact-open"),
        (a_table({"same": ["registered", True]}), "condition.malformed"),
        (a_table(ALWAYS, facts=(a_question("By_agent"),)), "table.fact-name"),
        (a_table(ALWAYS, facts=(a_question("form.agent"),)), "table.fact-name"),
        (a_table(ALWAYS, facts=(a_question("situation"),)), "table.fact-name"),
        (a_table(ALWAYS, facts=(a_question("twice"), a_question("twice"))), "table.fact-repeated"),
        (a_table(ALWAYS, facts=(a_question("which", kind="choice"),)), "table.choices"),
    ],
)
def test_a_faulty_table_is_named(table: SituationsPart, rule_id: str) -> None:
    assert rule_id in {one.rule_id for one in check_table(table)}


def test_a_situation_id_used_twice_is_named() -> None:
    twice = SituationsPart(facts=SITUATIONS.facts, situations=(*SITUATIONS.situations, SITUATIONS.situations[0]))

    assert [one.pointer for one in check_table(twice)] == ["/situations/3/situation_id"]


def test_a_fact_asked_for_twice_is_named() -> None:
    twice = a_table({"eq": ["open", True]}, {"eq": ["open", False]}, facts=(a_question("open"), a_question("open")))

    assert [(one.rule_id, one.pointer) for one in check_table(twice)] == [("table.fact-repeated", "/facts/1/name")]


def test_a_table_too_large_to_try_is_refused() -> None:
    facts = tuple(a_question(f"q{index}") for index in range(13))
    all_true: JsonObject = {"all": [{"eq": [fact.name, True]} for fact in facts]}

    found = check_table(a_table(all_true, {"not": all_true}, facts=facts))

    assert [one.rule_id for one in found] == ["table.too-large"]


def test_a_situation_is_promised_what_it_says_itself_and_else_what_the_item_does() -> None:
    item, sooner = Limit(amount=5, unit=Unit.WORKDAYS), Limit(amount=2, unit=Unit.HOURS)
    first, *others = SITUATIONS.situations
    part = replace(SITUATIONS, situations=(replace(first, promised_limit=sooner), *others))

    assert promised_limit(part, situation=first.situation_id, otherwise=item) == sooner
    assert promised_limit(part, situation=others[0].situation_id, otherwise=item) == item
    assert promised_limit(None, situation=first.situation_id, otherwise=item) == item
