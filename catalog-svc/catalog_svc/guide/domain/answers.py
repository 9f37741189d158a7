"""Answers as they are sent: read against what the item asks, and held to a situation or a start that the caller names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from contracts.refusals import Conflict, Defect, Invalid
from contracts.values import JsonObject
from rules.guidance import facts_of
from rules.parts import Parts
from rules.situations import check_answers


class NotInForceThen(Conflict):
    """At the start that was given no version of the item is in force; ``facts``: ``start``, ``last_until`` and ``next_from`` (instant or null)."""

    RULE: ClassVar[str] = "guide.not-in-force-then"
    ZH: ClassVar[str] = "该事项在所填起算时间没有有效的实施清单"
    EN: ClassVar[str] = "No version of the item is in force at this start"


class AnswerInvalid(Invalid):
    """An answer that the question does not offer, to a question that nobody asks, or that another answer contradicts."""

    RULE: ClassVar[str] = "guide.answer-invalid"
    ZH: ClassVar[str] = "回答不在可选范围内"
    EN: ClassVar[str] = "An answer is none of those offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as it was sent."""

    fact: str
    value: str | int | float | bool
    pointer: str = ""
    """Where it stands in what was sent; empty in an address, which names the fact itself."""


def read_answers(parts: Parts, given: Sequence[Answer]) -> JsonObject:
    """The answers by fact, whatever their order.

    Raises:
        AnswerInvalid: With a defect for each that nobody asks for, that is not offered, or that says otherwise than one before.
    """
    asked = facts_of(parts)
    known = {one.name for one in asked}
    facts: JsonObject = {}
    places: dict[str, str] = {}
    defects: list[Defect] = []
    for one in given:
        if one.fact not in known:
            place = f"{one.pointer}/fact" if one.pointer else "/facts"
            defects.append(_defect("guide.fact-unknown", place, "没有这个问题", "Nobody asks this"))
        elif one.fact in facts and not _same(facts[one.fact], one.value):
            defects.append(
                _defect(
                    "guide.answer-contradicts",
                    _place(one),
                    "与对同一问题的另一回答矛盾",
                    "Another answer to the same question says otherwise",
                )
            )
        else:
            facts[one.fact] = one.value
            places[one.fact] = _place(one)
    unfit = check_answers(replace(parts.situations, facts=asked), facts)
    defects += (replace(one, pointer=places[one.pointer.removeprefix("/facts/")]) for one in unfit)
    if defects:
        raise AnswerInvalid(defects=tuple(defects))
    return facts


def check_situation(parts: Parts, *, named: str, remaining: Sequence[str]) -> None:
    """Hold a situation that the caller names to the answers.

    Raises:
        AnswerInvalid: The item has none of this id, or the answers rule it out.
    """
    if named not in {one.situation_id for one in parts.situations.situations}:
        raise AnswerInvalid(defects=(_defect("situation.unknown", "/situation", "该事项没有此办理情形", "The item has no such situation"),))
    if named not in remaining:
        raise AnswerInvalid(
            defects=(_defect("guide.situation-contradicts", "/situation", "与所作回答矛盾", "The answers make another situation"),)
        )


def _place(one: Answer) -> str:
    return f"{one.pointer}/value" if one.pointer else f"/facts/{one.fact}"


def _same(one: object, other: object) -> bool:
    # Python holds True == 1; who says 1 did not say yes.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _defect(rule_id: str, pointer: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)
