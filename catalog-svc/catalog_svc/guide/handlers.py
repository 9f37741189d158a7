"""What to ask next, or what the answers lead to: form, checklist, limits, texts of the version in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from catalog_svc.context import Catalog
from catalog_svc.item import handlers as items
from chassis.database import Tx
from contracts.catalogue import Fact, MaterialRule, Situation
from contracts.refusals import Defect, Invalid
from contracts.values import ItemId, Json, JsonObject
from rules.check import materials_needed
from rules.conditions import Truth, compiled
from rules.parts import Parts
from rules.situations import check_answers, next_question, situation_of
from rules.workdays import local_day


class AnswerInvalid(Invalid):
    """An answer that the question does not offer, or to a question that nobody asks."""

    RULE: ClassVar[str] = "guide.answer-invalid"
    ZH: ClassVar[str] = "回答不在可选范围内"
    EN: ClassVar[str] = "An answer is none of those offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """One step of the guide."""

    parts: Parts
    facts: JsonObject
    """What was understood of the answers."""
    question: Fact | None
    """What to ask next; None when nothing more can matter."""
    situation: Situation | None
    """Known as soon as one is left."""
    materials: tuple[tuple[MaterialRule, bool], ...]
    """With the situation: every material not ruled out, and whether it is certain."""


async def guide(tx: Tx[Catalog], item_id: ItemId, *, answers: Mapping[str, str]) -> Guidance:
    """Lead one step further.

    Args:
        tx: A reading transaction.
        item_id: The service item.
        answers: Given so far, as text: ``true``, ``false``, a choice's value, a date, a number.

    Raises:
        ItemUnknown: No version of it is in force.
        AnswerInvalid: With a defect for each answer.
    """
    record = await items.get_current(tx, item_id, at=tx.at)
    parts = await items.get_parts(tx, record)
    on = local_day(tx.at)
    facts = _read(parts, answers)
    situation = situation_of(parts.situations, facts, at=on)
    question = next_question(parts.situations, facts, at=on)
    materials: tuple[tuple[MaterialRule, bool], ...] = ()
    if situation is not None:
        known: JsonObject = {**facts, "situation": situation.situation_id}
        needed = materials_needed(parts, facts=known, on=on)
        materials = tuple((rule, truth is Truth.TRUE) for rule, truth in needed)
        # A situation that is clear may leave open who applies: such a question is asked last.
        question = question or _open(parts, known=known, materials=materials)
    return Guidance(parts=parts, facts=facts, question=question, situation=situation, materials=materials)


def _open(parts: Parts, *, known: JsonObject, materials: tuple[tuple[MaterialRule, bool], ...]) -> Fact | None:
    asked = {fact for rule, certain in materials if not certain for fact in compiled(rule.when).facts}
    return next((fact for fact in parts.situations.facts if fact.name in asked and fact.name not in known), None)


def _read(parts: Parts, answers: Mapping[str, str]) -> JsonObject:
    kinds = {fact.name: fact.kind for fact in parts.situations.facts}
    unknown = sorted(set(answers) - set(kinds))
    if unknown:
        defect = Defect(rule_id="guide.fact-unknown", pointer="/facts", message="没有这个问题", message_en="Nobody asks this")
        raise AnswerInvalid(defects=(defect,))
    facts: JsonObject = {name: _typed(text, kind=kinds[name]) for name, text in answers.items()}
    defects = check_answers(parts.situations, facts)
    if defects:
        raise AnswerInvalid(defects=defects)
    return facts


def _typed(text: str, *, kind: str) -> Json:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "number":
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text  # noqa: PLR2004 - more is no number people say
    return text
