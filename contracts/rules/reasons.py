"""Conditions and verdicts in words that people read: why a line stands in a checklist, and when it would.

Names of facts become their questions, values the words of their choices, fields of the form their labels. An answer is quoted only to whoever
gave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias, cast

from contracts.catalogue import Fact
from contracts.values import Json, JsonObject
from rules.conditions import Facts, Reason, Truth, evaluate, parse
from rules.parts import Parts

Left: TypeAlias = JsonObject | bool
"""What is left open of a condition; True or False where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The same in Chinese and English."""

    zh: str
    en: str


APPLICANT_TYPE = Fact(
    name="applicant.type",
    question="申请人是个人还是单位？",
    question_en="Does a person apply, or an organisation?",
    kind="choice",
    choices=(("natural", "个人", "A person"), ("legal", "单位", "An organisation")),
)
"""Asked like a question of the item where a line depends on it; the application itself says it later."""

_YES_NO: Mapping[bool, Words] = {True: Words(zh="是", en="yes"), False: Words(zh="否", en="no")}
_COMPARED: Mapping[str, tuple[str, str]] = {
    "lt": ("小于", "is less than"),
    "le": ("不超过", "is at most"),
    "gt": ("大于", "is more than"),
    "ge": ("不少于", "is at least"),
}


class Labels:
    """What people call the facts of one version."""

    def __init__(self, parts: Parts) -> None:
        """Look them up in the parts."""
        self._facts = {fact.name: fact for fact in (*parts.situations.facts, APPLICANT_TYPE)}
        self._situations = {one.situation_id: Words(zh=one.name, en=one.name_en) for one in parts.situations.situations}
        self._materials = {one.code: Words(zh=one.name, en=one.name_en) for one in parts.checklist.materials}
        self._form = parts.form.schema

    def fact(self, name: str) -> Words:
        """A fact as screens call it."""
        asked = self._facts.get(name)
        if asked is not None:
            return Words(zh=asked.question.rstrip("?？ "), en=asked.question_en.rstrip("?？ "))
        if name == "situation":
            return Words(zh="办理情形", en="the situation")
        kind, _, rest = name.partition(".")
        if kind == "form":
            return self._field(rest.split("."))
        if kind == "materials" and rest in self._materials:
            return self._materials[rest]
        return Words(zh=name, en=name)

    def value(self, name: str, value: Json) -> Words:
        """A value of a fact as screens show it."""
        if isinstance(value, bool):
            return _YES_NO[value]
        if name == "situation" and isinstance(value, str):
            return self._situations.get(value, Words(zh=value, en=value))
        asked = self._facts.get(name)
        for offered, zh, en in asked.choices if asked is not None else ():
            if offered == value:
                return Words(zh=zh, en=en)
        kind, _, rest = name.partition(".")
        return self._offered(rest.split("."), value) if kind == "form" else Words(zh=str(value), en=str(value))

    def _node(self, path: Sequence[str]) -> Json:
        node: Json = self._form
        for step in path:
            properties = node.get("properties") if isinstance(node, dict) else None
            node = properties.get(step) if isinstance(properties, dict) else None
        return node

    def _offered(self, path: Sequence[str], value: Json) -> Words:
        """A choice of a field, which names it by ``title``."""
        node = self._node(path)
        choices = node.get("oneOf") if isinstance(node, dict) else None
        for one in choices if isinstance(choices, list) else ():
            if isinstance(one, dict) and one.get("const") == value:
                zh, en = one.get("title"), one.get("x-label-en")
                return Words(zh=zh if isinstance(zh, str) else str(value), en=en if isinstance(en, str) else str(value))
        return Words(zh=str(value), en=str(value))

    def _field(self, path: Sequence[str]) -> Words:
        """A field, inside another with that one's label before its own: a place and a change of place are not the same."""
        told = [self._called(path[:count]) for count in range(1, len(path) + 1)]
        return Words(zh="：".join(one.zh for one in told), en=": ".join(one.en for one in told))

    def _called(self, path: Sequence[str]) -> Words:
        node = self._node(path)
        zh, en = (node.get("x-label"), node.get("x-label-en")) if isinstance(node, dict) else (None, None)
        return Words(zh=zh if isinstance(zh, str) else path[-1], en=en if isinstance(en, str) else path[-1])


def answers_behind(reasons: Iterable[Reason], *, labels: Labels, facts: JsonObject) -> tuple[tuple[str, ...], Words]:
    """Because of which facts something holds or does not, each once, and their values in words.

    Args:
        reasons: Of a verdict that is certain.
        labels: Of the version.
        facts: What was answered, the situation among it.
    """
    names = tuple(dict.fromkeys(one.fact for one in reasons if one.fact))
    told = [(labels.fact(name), labels.value(name, facts[name]) if name in facts else None) for name in names]
    zh = "，".join(f"“{fact.zh}”为“{value.zh}”" if value else f"未提供“{fact.zh}”" for fact, value in told)
    en = ", ".join(f"“{fact.en}”: {value.en}" if value else f"“{fact.en}” not given" for fact, value in told)
    return names, Words(zh=zh, en=en)


def facts_behind(reasons: Iterable[Reason], *, labels: Labels) -> tuple[tuple[str, ...], Words]:
    """On which facts, not known yet, it depends whether something holds."""
    names = tuple(dict.fromkeys(one.fact for one in reasons if one.fact and one.truth is Truth.UNKNOWN))
    told = [labels.fact(name) for name in names]
    return names, Words(zh="、".join(f"“{fact.zh}”" for fact in told), en=", ".join(f"“{fact.en}”" for fact in told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """Fields of the form, by name, of which nothing is supposed but whether they are filled in."""

    missing: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    doubt: bool = False
    """What a comparison with one of them counts as, which nobody can answer: with False a condition comes out True only where it
    certainly holds, with True it comes out False only where it certainly does not."""


def left_open(condition: JsonObject, facts: Facts, *, at: date, supposed: Supposed | None = None) -> Left:
    """What of a condition is not decided yet; the rest of it is known and need not be read.

    Args:
        condition: As published.
        facts: What is known.
        at: The day for ages, Asia/Shanghai.
        supposed: What holds of some fields in place of ``facts``.
    """
    [(operator, given)] = condition.items()
    if operator == "not":
        other = None if supposed is None else replace(supposed, doubt=not supposed.doubt)
        inner = left_open(cast("JsonObject", given), facts, at=at, supposed=other)
        return not inner if isinstance(inner, bool) else {"not": inner}
    if operator not in {"all", "any"}:
        return _leaf_open(condition, facts, at=at, supposed=supposed)
    kept: list[Json] = []
    for one in cast("list[Json]", given):
        left = left_open(cast("JsonObject", one), facts, at=at, supposed=supposed)
        if left is (operator == "any"):
            return left
        if not isinstance(left, bool):
            kept.append(left)
    if not kept:
        return operator == "all"
    return cast("JsonObject", kept[0]) if len(kept) == 1 else {operator: kept}


def _leaf_open(leaf: JsonObject, facts: Facts, *, at: date, supposed: Supposed | None) -> Left:
    [(operator, given)] = leaf.items()
    kind, _, rest = str(given[0] if isinstance(given, list) else given).partition(".")
    field, _, below = rest.partition(".")
    if supposed is not None and kind == "form" and field in supposed.missing | supposed.given:
        is_given = field in supposed.given
        said = operator in {"has", "missing"} and not (is_given and below)
        return is_given is (operator == "has") if said else supposed.doubt
    # Not remembered: there are many times as many leaves as conditions, and one is read in 6 µs.
    truth = evaluate(parse(leaf), facts, at=at).truth
    return leaf if truth is Truth.UNKNOWN else truth is Truth.TRUE


def in_words(condition: JsonObject, *, labels: Labels) -> Words:
    """A condition as a sentence, for a page on which nobody has answered anything."""
    [(operator, given)] = condition.items()
    match operator:
        case "always":
            return Words(zh="所有申请", en="every application")
        case "all" | "any":
            parts = [in_words(cast("JsonObject", one), labels=labels) for one in cast("list[Json]", given)]
            if len(parts) == 1:
                return parts[0]
            zh, en = ("，并且", " and ") if operator == "all" else ("，或者", " or ")
            return Words(zh=f"（{zh.join(one.zh for one in parts)}）", en=f"({en.join(one.en for one in parts)})")
        case "not":
            inner = in_words(cast("JsonObject", given), labels=labels)
            return Words(zh=f"并非{inner.zh}", en=f"not {inner.en}")
        case "has" | "missing":
            fact = labels.fact(str(given))
            return (
                Words(zh=f"填写了“{fact.zh}”", en=f"“{fact.en}” is given")
                if operator == "has"
                else Words(zh=f"未填写“{fact.zh}”", en=f"“{fact.en}” is not given")
            )
        case _:
            name, wanted = cast("list[Json]", given)
            return _compared(operator, str(name), wanted, labels=labels)


def _compared(operator: str, name: str, wanted: Json, *, labels: Labels) -> Words:
    fact = labels.fact(name)
    if operator in {"eq", "ne", "in"}:
        values = [labels.value(name, one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        zh, en = "或者".join(f"“{one.zh}”" for one in values), " or ".join(one.en for one in values)
        no_zh, no_en = ("不", "not ") if operator == "ne" else ("", "")
        return Words(zh=f"“{fact.zh}”{no_zh}为{zh}", en=f"“{fact.en}”: {no_en}{en}")
    if operator == "age_at_least":
        return Words(zh=f"“{fact.zh}”起已满 {wanted} 周岁", en=f"{wanted} years or more since “{fact.en}”")
    if operator in _COMPARED:
        zh, en = _COMPARED[operator]
        return Words(zh=f"“{fact.zh}”{zh} {wanted}", en=f"“{fact.en}” {en} {wanted}")
    return Words(zh=f"“{fact.zh}”符合 {wanted} 格式", en=f"“{fact.en}” has the form {wanted}")


__all__ = ["APPLICANT_TYPE", "Labels", "Left", "Supposed", "Words", "answers_behind", "facts_behind", "in_words", "left_open"]
