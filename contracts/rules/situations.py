"""The guide's decision table: which situation 办理情形 the facts make, and what to ask next.

A table published through review has, for every combination of its facts, exactly one situation (`check_table`); so
questions end as soon as one situation is left. `rules.tables` has it written out; what stands there without review is
asked by its conditions alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import product

from contracts.catalogue import Fact, Limit, Situation, SituationsPart
from contracts.refusals import Defect
from rules.conditions import Condition, ConditionMalformed, Facts, Truth, compiled, evaluate, parse
from rules.tables import MOST_COMBINATIONS, combinations, tabulated, values_of

RESERVED = frozenset({"situation", "form", "applicant", "materials"})
"""What conditions call by name beside the facts."""

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def situation_of(part: SituationsPart, facts: Facts, *, at: date) -> Situation | None:
    """The situation that the facts make, or ``None`` while more than one is left, or none."""
    return stand(part, facts, at=at)[0]


def next_question(part: SituationsPart, facts: Facts, *, at: date) -> Fact | None:
    """The question whose answer leaves the fewest situations; never one that cannot matter, ``None`` when nothing need be asked."""
    return stand(part, facts, at=at)[1]


def stand(part: SituationsPart, facts: Facts, *, at: date) -> tuple[Situation | None, Fact | None]:
    """Where the answers stand: `situation_of` and `next_question` of one evaluation."""
    left, question = remaining(part, facts, at=at)
    return left[0] if len(left) == 1 else None, question


def remaining(part: SituationsPart, facts: Facts, *, at: date) -> tuple[tuple[Situation, ...], Fact | None]:
    """The situations that the answers leave, in the order of the list, and what to ask while they are several."""
    table = tabulated(part)
    fitting = None if table is None else table.left(facts)
    if fitting is not None:
        reached, name = set(fitting.made), fitting.next_name()
        situations = tuple(one for place, one in enumerate(part.situations) if place in reached)
        return situations, next((fact for fact in part.facts if fact.name == name), None)
    left = _left(part, facts, at=at)
    needed = {need for _, needs in left for need in needs} if len(left) > 1 else set[str]()
    return tuple(one for one, _ in left), next((fact for fact in part.facts if fact.name in needed), None)


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
    defects += _facts(part.facts)
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
    values = {fact.name: values_of(fact) for fact in part.facts if fact.name in used}
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


def _facts(facts: Sequence[Fact]) -> Iterator[Defect]:
    """Questions that nobody could answer, or whose answer no condition would find."""
    for index, fact in enumerate(facts):
        if fact.name in RESERVED or not _NAME.fullmatch(fact.name):
            yield _defect("table.fact-name", f"/facts/{index}/name", "问题编号不可用", "Conditions cannot name this fact")
        if fact.name in {other.name for other in facts[:index]}:
            yield _defect("table.fact-repeated", f"/facts/{index}/name", "问题编号重复", "The fact is asked for twice")
        offered = [value for value, _, _ in fact.choices]
        if fact.kind == "choice" and (not offered or len(set(offered)) < len(offered)):
            yield _defect("table.choices", f"/facts/{index}/choices", "选项缺失或者重复", "Choices are missing or the same")


def _tried(part: SituationsPart, conditions: list[Condition], values: Mapping[str, tuple[str | bool, ...]]) -> Iterable[Defect]:
    if combinations(values) > MOST_COMBINATIONS:
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


def _fits(fact: Fact, value: object) -> bool:
    match fact.kind:
        case "boolean":
            return isinstance(value, bool)
        case "choice":
            return isinstance(value, str) and value in values_of(fact)
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
