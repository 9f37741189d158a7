"""The guide's decision table: which situation 办理情形 the facts make, and what to ask next.

A table published through review has, for every combination of its facts, exactly one situation (`check_table`); so
questions end as soon as one situation is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import product

from contracts.catalogue import Fact, Limit, Situation, SituationsPart
from contracts.refusals import Defect
from rules.conditions import Condition, ConditionMalformed, Facts, Truth, compiled, evaluate, parse

MOST_COMBINATIONS = 4096
"""Combinations of answers that a table may have, so that all of them can be tried at review."""


def situation_of(part: SituationsPart, facts: Facts, *, at: date) -> Situation | None:
    """The situation that the facts make, or ``None`` while more than one is left, or none."""
    return stand(part, facts, at=at)[0]


def next_question(part: SituationsPart, facts: Facts, *, at: date) -> Fact | None:
    """The first question, in the order of the list, whose answer can still matter; ``None`` when nothing need be asked."""
    return stand(part, facts, at=at)[1]


def stand(part: SituationsPart, facts: Facts, *, at: date) -> tuple[Situation | None, Fact | None]:
    """Where the answers stand: `situation_of` and `next_question` of one evaluation."""
    left = _left(part, facts, at=at)
    if len(left) <= 1:
        return left[0][0] if left else None, None
    needed = {need for _, needs in left for need in needs}
    return None, next((fact for fact in part.facts if fact.name in needed), None)


def promised_limit(part: SituationsPart | None, *, situation: str, otherwise: Limit) -> Limit:
    """What is promised to one situation (S-31).

    Args:
        part: The version's table; ``None`` while it is not here.
        situation: That of the case.
        otherwise: What the item promises.
    """
    said = (one.promised_limit for one in part.situations if one.situation_id == situation) if part is not None else ()
    return next((limit for limit in said if limit is not None), otherwise)


def check_answers(part: SituationsPart, facts: Facts) -> tuple[Defect, ...]:
    """Answers that are none of those the question offers; facts not given are no defect here."""
    return tuple(
        Defect(
            rule_id="situation.answer-invalid",
            pointer=f"/facts/{fact.name}",
            message=f"“{fact.question}”的回答不在可选范围内",
            message_en=f"The answer to “{fact.question_en}” is none of those offered",
        )
        for fact in part.facts
        if facts.get(fact.name) is not None and not _fits(fact, facts[fact.name])
    )


def check_table(part: SituationsPart) -> tuple[Defect, ...]:
    """What is wrong with a table: unreadable conditions, open facts, overlaps, gaps, situations nobody reaches.

    Returns:
        Defects with pointers into the part; empty for a table that may be published. One gap and one overlap per pair
        are named, each with the answers that show it.
    """
    defects: list[Defect] = [
        _defect("table.repeated", f"/situations/{index}/situation_id", "情形编号重复", "The situation id is used twice")
        for index, one in enumerate(part.situations)
        if one.situation_id in {other.situation_id for other in part.situations[:index]}
    ]
    conditions: list[Condition] = []
    for index, one in enumerate(part.situations):
        try:
            conditions.append(parse(one.when))
        except ConditionMalformed as refusal:
            defects += [
                _defect(found.rule_id, f"/situations/{index}/when{found.pointer}", found.message, found.message_en)
                for found in refusal.defects
            ]
    used = {name for condition in conditions for name in condition.facts}
    values = {fact.name: _values(fact) for fact in part.facts if fact.name in used}
    for name in sorted(used):
        if not values.get(name):
            defects.append(
                _defect(
                    "table.fact-open",
                    "/facts",
                    f"情形条件使用的“{name}”不是是非题或选择题",
                    f"Conditions use “{name}”, which is no yes-no question or choice of this table",
                )
            )
    if defects:
        return tuple(defects)
    return tuple(_tried(part, conditions, values))


def _tried(part: SituationsPart, conditions: list[Condition], values: Mapping[str, tuple[str | bool, ...]]) -> Iterable[Defect]:
    combinations = 1
    for choices in values.values():
        combinations *= len(choices)
    if combinations > MOST_COMBINATIONS:
        yield _defect(
            "table.too-large",
            "/facts",
            f"答案组合超过 {MOST_COMBINATIONS} 种",
            f"More than {MOST_COMBINATIONS} combinations of answers",
        )
        return
    reached: set[int] = set()
    told: set[tuple[int, ...]] = set()
    for answers in product(*values.values()):
        facts = dict(zip(values, answers, strict=True))
        # Ages are asked of dates, which no table may use: the day does not matter.
        held = tuple(index for index, condition in enumerate(conditions) if evaluate(condition, facts, at=date.min).truth is Truth.TRUE)
        reached |= set(held)
        if len(held) == 1 or held in told:
            continue
        told.add(held)
        shown = ", ".join(f"{name}={str(value).lower()}" for name, value in facts.items())
        if held:
            names = "、".join(part.situations[index].situation_id for index in held)
            yield _defect("table.overlap", f"/situations/{held[1]}", f"{shown} 同时符合 {names}", f"{shown} makes {names}")
        else:
            yield _defect("table.gap", "/situations", f"{shown} 不符合任何情形", f"{shown} makes no situation")
    for index in range(len(conditions)):
        if index not in reached:
            yield _defect("table.unreachable", f"/situations/{index}", "没有任何回答会得到该情形", "No answers lead here")


def _left(part: SituationsPart, facts: Facts, *, at: date) -> list[tuple[Situation, tuple[str, ...]]]:
    verdicts = [(one, evaluate(compiled(one.when), facts, at=at)) for one in part.situations]
    certain = [(one, verdict.needs) for one, verdict in verdicts if verdict.truth is Truth.TRUE]
    return certain or [(one, verdict.needs) for one, verdict in verdicts if verdict.truth is Truth.UNKNOWN]


def _values(fact: Fact) -> tuple[str | bool, ...]:
    if fact.kind == "boolean":
        return (True, False)
    return tuple(value for value, _, _ in fact.choices) if fact.kind == "choice" else ()


def _fits(fact: Fact, value: object) -> bool:
    match fact.kind:
        case "boolean":
            return isinstance(value, bool)
        case "choice":
            return isinstance(value, str) and value in _values(fact)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "date":
            return isinstance(value, str) and _is_date(value)
        case "text":
            return isinstance(value, str)


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _defect(rule_id: str, pointer: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)
