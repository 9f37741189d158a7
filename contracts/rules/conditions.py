"""Conditions that people author: a loop-free tree over named facts, with three answers.

A fact that is not known makes a condition ``unknown`` unless the rest decides it, and the verdict says which facts to
ask for. A condition is JSON, one operator per object::

    {"always": true}            {"all": [c, …]}    {"any": [c, …]}     {"not": c}
    {"eq": [fact, value]}       {"ne": …}          {"in": [fact, [value, …]]}
    {"lt": [fact, bound]}       {"le": …}  {"gt": …}  {"ge": …}        bound: integer, "12.50" or "2026-11-21"
    {"has": fact}               {"missing": fact}
    {"age_at_least": [fact, years]}                {"matches": [fact, format]}

A fact is a dotted path such as ``situation`` or ``form.operator_name``. Trees cannot loop, so size bounds the work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import ClassVar, TypeAlias, cast

from contracts.refusals import Defect, Invalid
from contracts.values import Json, JsonObject
from rules.identifiers import FORMATS

MAX_NODES = 200
"""Operators and listed values in one condition."""
MAX_DEPTH = 10
MAX_YEARS = 150

Facts: TypeAlias = Mapping[str, object]


class Open(Enum):
    """`OPEN` alone."""

    OPEN = "open"


OPEN = Open.OPEN
"""Given as a fact, or in place of all below a name: it will be said later, so even ``has`` and ``missing`` cannot be answered yet."""


class Truth(Enum):
    """Kleene's three truth values."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


@dataclass(frozen=True, slots=True)
class Reason:
    """One leaf that made a verdict what it is; never holds the value of a fact."""

    pointer: str
    """JSON Pointer into the condition."""
    operator: str
    fact: str
    """Empty for ``always``."""
    truth: Truth


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition came to."""

    truth: Truth
    needs: tuple[str, ...] = ()
    """Facts to ask for when unknown, sorted; empty otherwise."""
    reasons: tuple[Reason, ...] = ()

    @property
    def holds(self) -> bool:
        """True only when it is certain."""
        return self.truth is Truth.TRUE


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read and can be evaluated many times."""

    run: Callable[[Facts, date], Verdict]
    facts: frozenset[str]
    """Every fact it names."""


class ConditionMalformed(Invalid):
    """A condition that cannot be read; the defect points to the place."""

    RULE: ClassVar[str] = "condition.malformed"
    ZH: ClassVar[str] = "条件表达式格式不正确"
    EN: ClassVar[str] = "The condition cannot be read"


_FACT = re.compile(r"[a-z][a-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,5}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_Test: TypeAlias = Callable[[object, date], bool | None]


def parse(source: Json) -> Condition:
    """Read a condition once.

    Raises:
        ConditionMalformed: Unknown operator or format, wrong shape, more than `MAX_NODES` or deeper than `MAX_DEPTH`.
    """
    reader = _Reader()
    run = reader.read(source, "", 1)
    return Condition(run=run, facts=frozenset(reader.facts))


_compiled: dict[int, tuple[JsonObject, Condition]] = {}
_COMPILED_AT_MOST = 4_096
"""Most of those of the parts that are unpacked at a time; one takes 1.5 KiB and keeps its source, and is read again in 16 µs."""


def compiled(source: JsonObject) -> Condition:
    """`parse`, remembered for this very object; for conditions of published parts, which never change.

    Raises:
        ConditionMalformed: As for `parse`.
    """
    found = _compiled.get(id(source))
    if found is not None:
        return found[1]
    condition = parse(source)
    if len(_compiled) >= _COMPILED_AT_MOST:
        del _compiled[next(iter(_compiled))]
    # The source is kept beside its condition, so that its id cannot be given to another object meanwhile.
    _compiled[id(source)] = (source, condition)
    return condition


def evaluate(condition: Condition, facts: Facts, *, at: date) -> Verdict:
    """Answer a condition.

    Args:
        condition: From `parse` or `compiled`.
        facts: Nested mappings; ``form.name`` is ``facts["form"]["name"]``. ``None`` counts as not known, and so does a
            value that cannot be compared with the condition's (text where a number is asked for).
        at: The day for ages, Asia/Shanghai.
    """
    return condition.run(facts, at)


def _follow(facts: Facts, path: Sequence[str]) -> object | None:
    value: object = facts
    for name in path:
        # A dict is what it nearly always is, and asking for a mapping costs more than the rest.
        if not isinstance(value, dict) and not isinstance(value, Mapping):
            return OPEN if value is OPEN else None
        value = value.get(name)
    return value


def _malformed(pointer: str, message: str, message_en: str) -> ConditionMalformed:
    return ConditionMalformed(defects=(Defect(rule_id=ConditionMalformed.RULE, pointer=pointer, message=message, message_en=message_en),))


class _Reader:
    """Reads one condition: counts its nodes, collects its facts, makes its closures."""

    def __init__(self) -> None:
        self.nodes = 0
        self.facts: set[str] = set()

    def read(self, source: Json, pointer: str, depth: int) -> Callable[[Facts, date], Verdict]:
        self.count(1, pointer)
        if depth > MAX_DEPTH:
            raise _malformed(pointer, "条件嵌套过深", f"Nested deeper than {MAX_DEPTH}")
        if not isinstance(source, dict) or len(source) != 1:
            raise _malformed(pointer, "每个条件应为只有一个运算符的对象", "A condition is an object with one operator")
        ((operator, operand),) = source.items()
        inner = f"{pointer}/{operator}"
        match operator:
            case "always":
                if operand is not True:
                    raise _malformed(inner, "always 只能为 true", "always takes true")
                verdict = Verdict(Truth.TRUE, (), (Reason(inner, operator, "", Truth.TRUE),))
                return lambda _facts, _at: verdict
            case "all" | "any":
                return self.junction(operator, operand, inner, depth)
            case "not":
                return _negation(self.read(operand, inner, depth + 1))
            case "has" | "missing":
                return _presence(operator, self.fact(operand, inner), inner)
            case _:
                fact, argument = self.pair(operand, inner, operator)
                return _leaf(operator, fact, self.test(operator, argument, f"{inner}/1"), inner)

    def count(self, nodes: int, pointer: str) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise _malformed(pointer, "条件过长", f"More than {MAX_NODES} nodes")

    def junction(self, operator: str, operand: Json, pointer: str, depth: int) -> Callable[[Facts, date], Verdict]:
        if not isinstance(operand, list) or not operand:
            raise _malformed(pointer, "应为非空数组", "Expected a list that is not empty")
        parts = tuple(self.read(part, f"{pointer}/{index}", depth + 1) for index, part in enumerate(operand))
        return _junction(parts, decisive=Truth.FALSE if operator == "all" else Truth.TRUE)

    def fact(self, operand: Json, pointer: str) -> str:
        if not isinstance(operand, str) or not _FACT.fullmatch(operand):
            raise _malformed(pointer, "事实名称不正确", "Not the name of a fact")
        self.facts.add(operand)
        return operand

    def pair(self, operand: Json, pointer: str, operator: str) -> tuple[str, Json]:
        if operator not in _OPERATORS:
            raise _malformed(pointer, "未知的运算符", "Unknown operator")
        if not isinstance(operand, list) or len(operand) != 2:  # noqa: PLR2004 - a pair
            raise _malformed(pointer, "应为两个元素的数组", "Expected a list of two")
        return self.fact(operand[0], f"{pointer}/0"), operand[1]

    def test(self, operator: str, argument: Json, pointer: str) -> _Test:
        if operator == "in":
            if not isinstance(argument, list) or not argument:
                raise _malformed(pointer, "应为非空数组", "Expected a list that is not empty")
            self.count(len(argument), pointer)
            for index, value in enumerate(argument):
                _scalar(value, f"{pointer}/{index}")
        return _OPERATORS[operator](argument, pointer)


def _scalar(value: Json, pointer: str) -> str | int:
    if not isinstance(value, str | int) or (isinstance(value, str) and len(value) > 200):  # noqa: PLR2004 - a word, not a text
        raise _malformed(pointer, "应为文本、整数或布尔值", "Expected text, an integer or a boolean")
    return value


def _same(found: object, wanted: object) -> bool:
    # Python holds True == 1; a form that says 1 did not say true.
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted


def _equal(argument: Json, pointer: str) -> _Test:
    wanted = _scalar(argument, pointer)
    return lambda found, _at: _same(found, wanted)


def _unequal(argument: Json, pointer: str) -> _Test:
    wanted = _scalar(argument, pointer)
    return lambda found, _at: not _same(found, wanted)


def _one_of(argument: Json, _pointer: str) -> _Test:
    wanted = tuple(cast("list[str | int]", argument))
    return lambda found, _at: any(_same(found, value) for value in wanted)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    text = str(value) if isinstance(value, float) else value
    return Decimal(text) if isinstance(text, str) and _DECIMAL.fullmatch(text) else None


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _order(accept: Callable[[int], bool]) -> Callable[[Json, str], _Test]:
    def make(argument: Json, pointer: str) -> _Test:
        day, number = _day(argument), _number(argument) if not isinstance(argument, float) else None
        if day is not None:
            return lambda found, _at: None if (other := _day(found)) is None else accept((other > day) - (other < day))
        if number is not None:
            return lambda found, _at: None if (other := _number(found)) is None else accept((other > number) - (other < number))
        raise _malformed(pointer, "应为整数、小数文本或日期", "Expected an integer, decimal text or a date")

    return make


def _age(argument: Json, pointer: str) -> _Test:
    if not isinstance(argument, int) or isinstance(argument, bool) or not 0 <= argument <= MAX_YEARS:
        raise _malformed(pointer, "应为周岁数", f"Expected years from 0 to {MAX_YEARS}")

    def test(found: object, at: date) -> bool | None:
        born = _day(found)
        # Born on 29 February, one turns a year older on 1 March of a common year.
        return None if born is None else at.year - born.year - ((at.month, at.day) < (born.month, born.day)) >= argument

    return test


def _format(argument: Json, pointer: str) -> _Test:
    known = FORMATS.get(argument) if isinstance(argument, str) else None
    if known is None:
        raise _malformed(pointer, "未知的格式名称", "Unknown format")
    return lambda found, at: known(found, at) if isinstance(found, str) else None


_OPERATORS: dict[str, Callable[[Json, str], _Test]] = {
    "eq": _equal,
    "ne": _unequal,
    "in": _one_of,
    "lt": _order(lambda sign: sign < 0),
    "le": _order(lambda sign: sign <= 0),
    "gt": _order(lambda sign: sign > 0),
    "ge": _order(lambda sign: sign >= 0),
    "age_at_least": _age,
    "matches": _format,
}


def _leaf(operator: str, fact: str, test: _Test, pointer: str) -> Callable[[Facts, date], Verdict]:
    true, false, unknown = (
        Verdict(truth, (fact,) if truth is Truth.UNKNOWN else (), (Reason(pointer, operator, fact, truth),))
        for truth in (Truth.TRUE, Truth.FALSE, Truth.UNKNOWN)
    )
    path = fact.split(".")

    def run(facts: Facts, at: date) -> Verdict:
        found = _follow(facts, path)
        answer = None if found is None or found is OPEN else test(found, at)
        return unknown if answer is None else true if answer else false

    return run


def _presence(operator: str, fact: str, pointer: str) -> Callable[[Facts, date], Verdict]:
    true, false = (Verdict(truth, (), (Reason(pointer, operator, fact, truth),)) for truth in (Truth.TRUE, Truth.FALSE))
    unknown = Verdict(Truth.UNKNOWN, (fact,), (Reason(pointer, operator, fact, Truth.UNKNOWN),))
    wanted, path = operator == "has", fact.split(".")

    def run(facts: Facts, _at: date) -> Verdict:
        found = _follow(facts, path)
        return unknown if found is OPEN else true if (found is not None) is wanted else false

    return run


_NOT = {Truth.TRUE: Truth.FALSE, Truth.UNKNOWN: Truth.UNKNOWN, Truth.FALSE: Truth.TRUE}


def _negation(part: Callable[[Facts, date], Verdict]) -> Callable[[Facts, date], Verdict]:
    def run(facts: Facts, at: date) -> Verdict:
        inner = part(facts, at)
        return Verdict(_NOT[inner.truth], inner.needs, inner.reasons)

    return run


def _junction(parts: Sequence[Callable[[Facts, date], Verdict]], *, decisive: Truth) -> Callable[[Facts, date], Verdict]:
    undecided = _NOT[decisive]

    def run(facts: Facts, at: date) -> Verdict:
        verdicts = [part(facts, at) for part in parts]
        truth = undecided
        for verdict in verdicts:
            if verdict.truth is decisive:
                truth = decisive
                break
            if verdict.truth is Truth.UNKNOWN:
                truth = Truth.UNKNOWN
        told = [verdict for verdict in verdicts if verdict.truth is truth]
        if len(told) == 1:
            return told[0]
        needs = sorted({need for verdict in told for need in verdict.needs}) if truth is Truth.UNKNOWN else ()
        return Verdict(truth, tuple(needs), tuple(reason for verdict in told for reason in verdict.reasons))

    return run
