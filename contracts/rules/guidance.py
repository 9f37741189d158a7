"""The guide 导办 (S-32): from the answers known so far to the one question that still matters, or to the situation and its checklist.

Nothing is remembered between two steps and the order of answers means nothing: the same answers to the same version say the
same. A question is asked only if some answer to it changes the situation, a line of the checklist, or what a bundle consists of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Literal

from contracts.catalogue import ApprovalType, Fact, MaterialRule, Situation
from contracts.elements import BundleMember
from contracts.refusals import pointer_step
from contracts.values import ItemCode, JsonObject
from rules.conditions import OPEN, Condition, Facts, Truth, Verdict, compiled, evaluate
from rules.fields import FieldAsked, fields_of
from rules.forms import form_defects
from rules.parts import Parts
from rules.reasons import APPLICANT_TYPE, Labels, answers_behind, facts_behind, left_open
from rules.situations import remaining
from rules.tables import Value, combinations, tabulated, values_of

MOST_TRIED = 8_192
"""Combinations of answers that one step tries out, over all lines; what is left after them is asked for as the conditions name it."""

_NAMED = 6
"""Most names in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer that a question offers."""

    value: str | bool
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The next missing fact."""

    name: str
    kind: Literal["boolean", "choice", "date", "number", "text"]
    question: str
    question_en: str
    choices: tuple[Choice, ...]
    """Empty where a day, a number or a text is asked for."""
    why: str
    why_en: str
    decides: tuple[str, ...]
    """Ids of situations, else codes of materials and of members of a bundle, that the answer decides about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The reason for a line, or for its absence."""

    kind: Literal["always", "answers", "open", "no_approval"]
    """``open``: the form decides. ``no_approval``: nothing has to be applied for."""
    facts: tuple[str, ...]
    """What it rests on, or waits for."""
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the checklist, or one that is left out."""

    material: MaterialRule
    certain: bool
    """False while the form decides."""
    why: Why
    rest: JsonObject | None
    """What of its condition is not decided; ``None`` for a line that is certain."""
    for_items: tuple[ItemCode, ...]
    """Members of a bundle that it is handed in for, once; empty for an item alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStand:
    """What becomes of one item of a bundle."""

    member: BundleMember
    stand: Literal["runs", "exempt", "not_part", "open"]
    turn: int
    """1 for what begins at once; what waits for others has a later one. 0 for what does not run."""
    reason: str
    reason_en: str
    reference: str
    """The document that an exemption rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One step of the guide."""

    facts: JsonObject
    """The answers, in the order of the item's list."""
    remaining: tuple[Situation, ...]
    question: Question | None
    """``None`` when nothing more can matter."""
    situation: Situation | None
    """Known as soon as one is left."""
    lines: tuple[Line, ...] = ()
    """With the situation: every line that is not ruled out."""
    skipped: tuple[Line, ...] = ()
    """With the situation: those that are."""
    members: tuple[MemberStand, ...] = ()
    """With the situation of a bundle."""
    fields: tuple[FieldAsked, ...] = ()
    """With the last answer that matters: every field of the form, also those not asked for; none where nothing is applied for."""


def facts_of(parts: Parts) -> tuple[Fact, ...]:
    """What may be answered: the item's questions, and who applies."""
    offered = tuple(one for one in APPLICANT_TYPE.choices if one[0] in parts.version.service_objects)
    own = Fact(
        name=APPLICANT_TYPE.name,
        question=APPLICANT_TYPE.question,
        question_en=APPLICANT_TYPE.question_en,
        kind="choice",
        choices=offered,
    )
    return (*parts.situations.facts, own)


def advise(parts: Parts, answers: JsonObject, *, on: date) -> Advice:
    """Lead one step further.

    Args:
        parts: The version.
        answers: Known so far, by name of the fact; each is one that the question offers.
        on: The day for ages, Asia/Shanghai.
    """
    asked = facts_of(parts)
    facts: JsonObject = {one.name: answers[one.name] for one in asked if one.name in answers}
    left, splitting = remaining(parts.situations, facts, at=on)
    if splitting is not None:
        return Advice(facts=facts, remaining=left, question=_which_situation(splitting, left), situation=None)
    if len(left) != 1:
        return Advice(facts=facts, remaining=left, question=None, situation=None)
    return _Told(parts, asked, facts, left[0], on).advice()


def told_of(parts: Parts, situation: Situation, *, on: date) -> Advice:
    """What a situation takes, for whoever reads of it without having answered anything.

    What all ways to the situation have in common counts as answered, the rest as answered later.
    """
    table = tabulated(parts.situations)
    place = parts.situations.situations.index(situation)
    ways = [] if table is None else [answers for answers, reached in table.rows if reached == place]
    common: JsonObject = {}
    for index, name in enumerate(table.names if table is not None else ()):
        values = {answers[index] for answers in ways}
        if len(values) == 1:
            [common[name]] = values
    return _Told(parts, facts_of(parts), common, situation, on, unanswered=True).advice()


def _which_situation(fact: Fact, left: Sequence[Situation]) -> Question:
    return _asked(
        fact,
        why=f"用于确定办理情形：{_named([one.name for one in left], '、', '等')}",
        why_en=f"It decides which situation it is: {_named([one.name_en for one in left], ', ', ' and others')}",
        decides=[one.situation_id for one in left],
    )


def _asked(fact: Fact, *, why: str, why_en: str, decides: Sequence[str]) -> Question:
    offered: tuple[tuple[Value, str, str], ...] = fact.choices if fact.kind == "choice" else ()
    if fact.kind == "boolean":
        offered = ((True, "是", "Yes"), (False, "否", "No"))
    return Question(
        name=fact.name,
        kind=fact.kind,
        question=fact.question,
        question_en=fact.question_en,
        choices=tuple(Choice(value=value, zh=zh, en=en) for value, zh, en in offered),
        why=why,
        why_en=why_en,
        decides=tuple(decides),
    )


def _named(names: Sequence[str], between: str, more: str) -> str:
    return between.join(names[:_NAMED]) + (more if len(names) > _NAMED else "")


class _Told:
    """The second half of the guide: one situation, and what it takes."""

    def __init__(
        self, parts: Parts, asked: Sequence[Fact], facts: JsonObject, situation: Situation, on: date, *, unanswered: bool = False
    ) -> None:
        self.parts, self.asked, self.facts, self.situation, self.on = parts, asked, facts, situation, on
        self.labels = Labels(parts)
        self.untried = MOST_TRIED
        self.unanswered = unanswered
        served = parts.version.service_objects
        self.quoted: JsonObject = {**facts, "situation": situation.situation_id}
        if len(served) == 1:
            self.quoted[APPLICANT_TYPE.name] = served[0]
        materials: dict[str, object] = dict.fromkeys((one.code for one in parts.checklist.materials), OPEN)
        self.known: dict[str, object] = {
            **(dict.fromkeys((one.name for one in asked), OPEN) if unanswered else {}),
            **facts,
            "situation": situation.situation_id,
            "form": OPEN,
            "materials": materials | dict.fromkeys(parts.dropped, True),
            "applicant": {"type": self.quoted.get(APPLICANT_TYPE.name), "id_type": OPEN},
        }

    def advice(self) -> Advice:
        needed = self.parts.version.approval_type is not ApprovalType.NONE
        lines = [self.line(one, needed=needed) for one in self.parts.checklist.materials]
        question = self.question() if needed else None
        told = needed and (question is None or self.unanswered)
        return Advice(
            facts=self.facts,
            remaining=(self.situation,),
            question=question,
            situation=self.situation,
            lines=tuple(line for line, truth in lines if truth is not Truth.FALSE),
            skipped=tuple(line for line, truth in lines if truth is Truth.FALSE),
            members=self.members() if needed else (),
            fields=fields_of(self.parts, facts=self.known, on=self.on) if told else (),
        )

    def verdict(self, when: JsonObject, facts: Facts | None = None) -> Verdict:
        return evaluate(compiled(when), self.known if facts is None else facts, at=self.on)

    def line(self, rule: MaterialRule, *, needed: bool) -> tuple[Line, Truth]:
        verdict = self.verdict(rule.when)
        if not needed:
            why = Why(
                kind="no_approval",
                facts=(),
                zh="此事项无需申请，不收取任何材料",
                en="Nothing has to be applied for, so nothing is handed in",
            )
            return Line(material=rule, certain=True, why=why, rest=None, for_items=()), Truth.FALSE
        items = tuple(need.item_code for need in rule.needed_by if self.verdict(need.when).truth is not Truth.FALSE)
        unsure = verdict.truth is Truth.UNKNOWN
        left = left_open(rule.when, self.known, at=self.on) if unsure else True
        rest = None if isinstance(left, bool) else left
        return Line(material=rule, certain=not unsure, why=self.why(verdict), rest=rest, for_items=items), verdict.truth

    def why(self, verdict: Verdict) -> Why:
        if verdict.truth is Truth.UNKNOWN:
            names, words = facts_behind(verdict.reasons, labels=self.labels)
            return Why(kind="open", facts=names, zh=f"填写{words.zh}后确定", en=f"Decided by {words.en}")
        names, words = answers_behind(verdict.reasons, labels=self.labels, facts=self.quoted)
        if names:
            return Why(kind="answers", facts=names, zh=f"因为{words.zh}", en=f"Because {words.en}")
        return Why(kind="always", facts=(), zh="所有申请均需提交", en="Every application needs it")

    # -- what may still change

    def question(self) -> Question | None:
        rows: list[tuple[str, str, str, JsonObject]] = [
            (one.code, one.name, one.name_en, one.when) for one in self.parts.checklist.materials
        ]
        bundle = self.parts.situations.bundle
        for member in bundle.members if bundle is not None else ():
            rows += [(member.item_code,) * 3 + (when,) for when in (member.when, *(one.when for one in member.exemptions))]
        decided: dict[str, dict[str, tuple[str, str]]] = {}
        for code, zh, en, when in rows:
            for name in self.matter(compiled(when)):
                decided.setdefault(name, {})[code] = (zh, en)
        fact = next((one for one in self.asked if one.name in decided), None)
        if fact is None:
            return None
        told = decided[fact.name]
        return _asked(
            fact,
            why=f"用于确定是否需要：{_named([zh for zh, _ in told.values()], '、', '等')}",
            why_en=f"It decides about: {_named([en for _, en in told.values()], ', ', ' and others')}",
            decides=tuple(told),
        )

    def matter(self, condition: Condition) -> Iterator[str]:
        """The facts, not answered yet, of which some answer changes a condition."""
        open_ = [one for one in self.asked if one.name in condition.facts and one.name not in self.quoted]
        if not open_:
            return
        values = {one.name: values_of(one) for one in open_ if values_of(one)}
        if combinations(values) > self.untried:
            needs = evaluate(condition, self.known, at=self.on).needs
            yield from (one.name for one in open_ if one.name in needs)
            return
        self.untried -= combinations(values)
        verdicts = {answers: self.verdict_with(condition, dict(zip(values, answers, strict=True))) for answers in product(*values.values())}
        for place, name in enumerate(values):
            truths: dict[tuple[Value, ...], set[Truth]] = {}
            for answers, verdict in verdicts.items():
                truths.setdefault((*answers[:place], *answers[place + 1 :]), set()).add(verdict.truth)
            if any(len(reached) > 1 for reached in truths.values()):
                yield name
        # What cannot be tried out is asked for where some answer to the rest leaves it to it.
        needed = {need for verdict in verdicts.values() for need in verdict.needs}
        yield from (one.name for one in open_ if one.name not in values and one.name in needed)

    def verdict_with(self, condition: Condition, answers: dict[str, Value]) -> Verdict:
        facts = {**self.known, **answers}
        if APPLICANT_TYPE.name in answers:
            facts["applicant"] = {"type": answers[APPLICANT_TYPE.name], "id_type": OPEN}
        return evaluate(condition, facts, at=self.on)

    # -- bundles

    def members(self) -> tuple[MemberStand, ...]:
        bundle = self.parts.situations.bundle
        if bundle is None:
            return ()
        stands = {one.item_code: self.stand(one) for one in bundle.members}
        turns = _turns(bundle.members, {code for code, stand in stands.items() if stand.stand in {"runs", "open"}})
        return tuple(
            MemberStand(
                member=one.member,
                stand=one.stand,
                turn=turns.get(code, 0),
                reason=one.reason,
                reason_en=one.reason_en,
                reference=one.reference,
            )
            for code, one in stands.items()
        )

    def stand(self, member: BundleMember) -> MemberStand:
        belongs = self.verdict(member.when)
        why = self.why(belongs)
        told: tuple[Literal["runs", "exempt", "not_part", "open"], str, str, str]
        if belongs.truth is Truth.FALSE:
            told = ("not_part", why.zh, why.en, "")
        else:
            exempt = [(one, self.verdict(one.when)) for one in member.exemptions]
            holding = next((one for one, verdict in exempt if verdict.truth is Truth.TRUE), None)
            unsure = next((verdict for _, verdict in exempt if verdict.truth is Truth.UNKNOWN), None)
            if holding is not None:
                told = ("exempt", holding.reason, holding.reason_en, holding.reference)
            elif belongs.truth is Truth.UNKNOWN or unsure is not None:
                open_ = why if unsure is None or belongs.truth is Truth.UNKNOWN else self.why(unsure)
                told = ("open", open_.zh, open_.en, "")
            elif why.kind == "always":
                told = ("runs", "属于本事项", "Always part of the matter", "")
            else:
                told = ("runs", why.zh, why.en, "")
        stand, zh, en, reference = told
        return MemberStand(member=member, stand=stand, turn=0, reason=zh, reason_en=en, reference=reference)


def _turns(members: Iterable[BundleMember], running: set[ItemCode]) -> dict[ItemCode, int]:
    """Which wave each running member belongs to; what does not run is waited for by nobody."""
    before = {one.item_code: set(one.after) & running for one in members if one.item_code in running}
    turns: dict[ItemCode, int] = {}
    while ready := [code for code, others in before.items() if code not in turns and others <= turns.keys()]:
        turns |= {code: 1 + max((turns[other] for other in before[code]), default=0) for code in ready}
    return turns


def prefilled(parts: Parts, facts: JsonObject) -> JsonObject:
    """What the form says already: each field that asks for an answered fact (``x-fact``) and takes the answer as it is."""
    properties = parts.form.schema.get("properties")
    found: JsonObject = {}
    for name, field in properties.items() if isinstance(properties, dict) else ():
        fact = field.get("x-fact") if isinstance(field, dict) else None
        if isinstance(fact, str) and fact in facts:
            found[name] = facts[fact]
    refused = {one.pointer for one in form_defects(parts.form, found)} if found else set[str]()
    return {name: value for name, value in found.items() if f"/form/{pointer_step(name)}" not in refused}


__all__ = ["Advice", "Choice", "Line", "MemberStand", "Question", "Why", "advise", "facts_of", "prefilled", "told_of"]
