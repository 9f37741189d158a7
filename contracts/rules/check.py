"""What is wrong with an application, by the handling organ's own published rules.

Run before anything is stored (pre-check), at receipt and again by the handling side; the same version and application
always give the same defects in the same order. A defect names the place and the rule, never the value.

Law: 行政许可法 §31 (nothing unrelated may be asked for), §32(4) (everything to be supplied is told at once).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from contracts.catalogue import MaterialRule
from contracts.refusals import Defect
from contracts.values import Digest, Json, JsonObject, digest
from rules.conditions import Facts, Truth, compiled, evaluate
from rules.forms import form_defects
from rules.identifiers import (
    BIRTH_DATE,
    CHECK_DIGIT,
    LEGAL_TYPES,
    MALFORMED,
    UNKNOWN_TYPE,
    check_identity,
    is_phone,
)
from rules.parts import Parts
from rules.situations import check_answers, stand
from rules.workdays import local_day

MAX_NAME = 100
"""Characters of a name of a person or firm."""

_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and halves of a pair. Rare characters stay: newer than any table of ours, or in a private area, they are in real names."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Who applies."""

    type: Literal["natural", "legal"]
    name: str
    id_type: str
    """A value of `rules.identifiers.IdType`."""
    id_number: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The person who acts for the applicant, by mandate."""

    name: str
    id_type: str
    id_number: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialGiven:
    """One file handed in for one line of the checklist."""

    code: str
    digest: Digest
    media_type: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Everything a check looks at; personal data, so never logged and never in an event."""

    applicant: Applicant
    situation: str
    form: JsonObject
    facts: JsonObject = field(default_factory=dict)
    """Answers to the guide's questions."""
    materials: tuple[MaterialGiven, ...] = ()
    agent: Agent | None = None


def check(parts: Parts, *, application: Application, at: datetime) -> tuple[Defect, ...]:
    """Every defect that a machine can find, in a fixed order: persons, answers, form, materials, rules of the item.

    Args:
        parts: The version that the case is received under, with its parts.
        application: As sent.
        at: Instant of receipt; ages and dates are those of its day in Asia/Shanghai.

    Raises:
        ConditionMalformed: A published part holds a condition that cannot be read; review should have refused it.
        FormMalformed: The same for the form's schema.
    """
    on = local_day(at)
    found: dict[tuple[str, str], Defect] = {}
    facts: Facts = {
        **application.facts,
        "situation": application.situation,
        "form": application.form,
        "applicant": {"type": application.applicant.type, "id_type": application.applicant.id_type},
        # What is no longer asked for counts as given, so that no rule asks for it by another way.
        "materials": dict.fromkeys(parts.dropped, True) | {one.code: True for one in application.materials},
    }
    for defect in (
        *_applicant(parts, application.applicant, on=on),
        *_agent(application.agent, on=on),
        *_situation(parts, application, on=on),
        *form_defects(parts.form, application.form),
        *_materials_given(parts, application.materials),
    ):
        found.setdefault((defect.pointer, defect.rule_id), defect)
    broken = {pointer for pointer, _ in found}
    for defect in (
        *_materials_missing(parts, application.materials, facts, broken=broken, on=on),
        *_rules(parts, facts, on=on),
    ):
        found.setdefault((defect.pointer, defect.rule_id), defect)
    return tuple(found.values())


def verdict_digest(parts: Parts, *, defects: Iterable[Defect]) -> Digest:
    """Name a verdict by what it rests on: the version, its parts, and each defect's rule and place.

    Both sides of a transfer compute it; equal digests mean that they checked by the same rules and found the same. Certificates
    cancelled meanwhile are left out: one side may hear of them before the other, and what they take away is no disagreement.
    """
    version = parts.version
    basis: list[Json] = [version.version_id, version.parts.form, version.parts.situations, version.parts.checklist]
    return digest({"basis": basis, "defects": [[one.pointer, one.rule_id] for one in defects]})


_IDENTITY = {
    UNKNOWN_TYPE: ("id_type", "证件类型不在可用范围内", "This kind of identity number is not known"),
    MALFORMED: ("id_number", "证件号码格式不正确", "The identity number does not have the shape of its kind"),
    CHECK_DIGIT: ("id_number", "证件号码校验位不正确,请核对", "The check digit of the identity number does not fit"),
    BIRTH_DATE: ("id_number", "证件号码中的出生日期不正确", "The date of birth in the identity number is not possible"),
}
_IDENTITY_BASIS = "GB 11643; GB 32100"


def _applicant(parts: Parts, applicant: Applicant, *, on: date) -> Iterator[Defect]:
    if applicant.type not in parts.version.service_objects:
        yield Defect(
            rule_id="applicant.type-not-served",
            pointer="/applicant/type",
            message="该事项的服务对象不包括此类申请人",
            message_en="The item does not serve this kind of applicant",
        )
    if (applicant.id_type in LEGAL_TYPES) != (applicant.type == "legal"):
        yield Defect(
            rule_id="identity.type-mismatch",
            pointer="/applicant/id_type",
            message="证件类型与申请人类型不符",
            message_en="This kind of identity number does not belong to this kind of applicant",
        )
    yield from _person("/applicant", applicant, on=on)


def _agent(agent: Agent | None, *, on: date) -> Iterator[Defect]:
    if agent is None:
        return
    if agent.id_type in LEGAL_TYPES:
        yield Defect(
            rule_id="identity.type-mismatch",
            pointer="/agent/id_type",
            message="代办人应为自然人",
            message_en="An agent is a natural person",
        )
    yield from _person("/agent", agent, on=on)


def _person(pointer: str, person: Applicant | Agent, *, on: date) -> Iterator[Defect]:
    if not person.name.strip() or len(person.name) > MAX_NAME or _NO_NAME.search(person.name):
        yield Defect(
            rule_id="person.name",
            pointer=f"{pointer}/name",
            message=f"姓名或名称应为 1 至 {MAX_NAME} 个可见字符",
            message_en=f"A name has 1 to {MAX_NAME} visible characters",
        )
    broken = check_identity(person.id_type, number=person.id_number, on=on)
    if broken is not None:
        place, message, message_en = _IDENTITY[broken]
        yield Defect(
            rule_id=broken,
            pointer=f"{pointer}/{place}",
            message=message,
            message_en=message_en,
            basis=_IDENTITY_BASIS,
        )
    if not is_phone(person.phone):
        yield Defect(
            rule_id="person.phone",
            pointer=f"{pointer}/phone",
            message="联系电话格式不正确",
            message_en="This is no telephone number",
        )


def _situation(parts: Parts, application: Application, *, on: date) -> Iterator[Defect]:
    part, facts = parts.situations, application.facts
    answers = check_answers(part, facts)
    yield from answers
    if answers:
        return
    known = application.situation in {one.situation_id for one in part.situations}
    if not known:
        yield Defect(
            rule_id="situation.unknown",
            pointer="/situation",
            message="该事项没有此办理情形",
            message_en="The item has no such situation",
        )
    made, question = stand(part, facts, at=on)
    if question is not None:
        yield Defect(
            rule_id="situation.answer-missing",
            pointer=f"/facts/{question.name}",
            message=f"请回答:{question.question}",
            message_en=f"Please answer: {question.question_en}",
        )
    elif made is None:
        yield Defect(
            rule_id="situation.none",
            pointer="/facts",
            message="所答情况不符合任何办理情形",
            message_en="The answers make no situation of this item",
        )
    elif known and made.situation_id != application.situation:
        yield Defect(
            rule_id="situation.wrong",
            pointer="/situation",
            message=f"根据所答情况应为“{made.name}”",
            message_en=f"By the answers it is “{made.name_en}”",
        )


def _materials_given(parts: Parts, given: tuple[MaterialGiven, ...]) -> Iterator[Defect]:
    known = {rule.code: rule for rule in parts.checklist.materials}
    seen: set[tuple[str, Digest]] = set()
    for index, one in enumerate(given):
        pointer = f"/materials/{index}"
        if one.code in parts.dropped:
            continue
        rule = known.get(one.code)
        if rule is None:
            yield Defect(
                rule_id="material.unknown",
                pointer=f"{pointer}/code",
                message="材料清单中没有此材料",
                message_en="The checklist has no such material",
                basis="行政许可法 §31",
            )
            continue
        if (one.code, one.digest) in seen:
            yield Defect(
                rule_id="material.twice",
                pointer=f"{pointer}/code",
                message=f"“{rule.name}”重复提交了同一份文件",
                message_en=f"The same file is given more than once for “{rule.name_en}”",
            )
            continue
        seen.add((one.code, one.digest))
        if one.media_type.partition(";")[0].strip().lower() not in rule.media_types:
            yield Defect(
                rule_id="material.media-type",
                pointer=f"{pointer}/media_type",
                message=f"“{rule.name}”的文件类型应为 {'、'.join(rule.media_types)}",
                message_en=f"“{rule.name_en}” must be one of {', '.join(rule.media_types)}",
            )
        if not 0 < one.size <= rule.max_bytes:
            yield Defect(
                rule_id="material.size",
                pointer=f"{pointer}/size",
                message=f"“{rule.name}”应为 1 至 {rule.max_bytes} 字节",
                message_en=f"“{rule.name_en}” must have 1 to {rule.max_bytes} bytes",
            )
        if not _DIGEST.fullmatch(one.digest):
            yield Defect(
                rule_id="material.digest",
                pointer=f"{pointer}/digest",
                message="材料摘要格式不正确",
                message_en="This is no SHA-256 digest",
            )


def _materials_missing(parts: Parts, given: tuple[MaterialGiven, ...], facts: Facts, *, broken: set[str], on: date) -> Iterator[Defect]:
    codes = {one.code for one in given}
    for rule in parts.checklist.materials:
        if not rule.required or rule.code in codes:
            continue
        verdict = evaluate(compiled(rule.when), facts, at=on)
        if verdict.truth is Truth.TRUE:
            yield _missing(rule)
        elif verdict.truth is Truth.UNKNOWN:
            # Told once per fact, and not where the fact itself is already a defect.
            for need in verdict.needs:
                pointer = _pointer(need)
                if pointer not in broken:
                    yield Defect(
                        rule_id="material.undecided",
                        pointer=pointer,
                        message=f"填写此项后才能确定是否需要“{rule.name}”",
                        message_en=f"Whether “{rule.name_en}” is needed depends on this",
                        basis=rule.basis,
                    )


def _missing(rule: MaterialRule) -> Defect:
    return Defect(
        rule_id="material.missing",
        # The code is in the place, so that two missing materials are two defects of a correction notice.
        pointer=f"/materials/{rule.code}",
        message=f"缺少材料“{rule.name}”",
        message_en=f"The material “{rule.name_en}” is missing",
        basis=rule.basis,
    )


def _rules(parts: Parts, facts: Facts, *, on: date) -> Iterator[Defect]:
    for rule in parts.checklist.rules:
        if evaluate(compiled(rule.when), facts, at=on).holds:
            yield Defect(
                rule_id=rule.rule_id,
                pointer=rule.pointer,
                message=rule.message,
                message_en=rule.message_en,
                basis=rule.basis,
            )


def materials_needed(parts: Parts, *, facts: Facts, on: date) -> tuple[tuple[MaterialRule, Truth], ...]:
    """The checklist for what is known so far: every line that is not ruled out, and whether it is certain."""
    verdicts = ((rule, evaluate(compiled(rule.when), facts, at=on).truth) for rule in parts.checklist.materials)
    return tuple((rule, truth) for rule, truth in verdicts if truth is not Truth.FALSE)


def _pointer(fact: str) -> str:
    path = fact.replace(".", "/")
    return f"/{path}" if fact.startswith(("form.", "applicant.", "materials.")) or fact == "situation" else f"/facts/{path}"


__all__ = [
    "MAX_NAME",
    "Agent",
    "Applicant",
    "Application",
    "MaterialGiven",
    "check",
    "materials_needed",
    "verdict_digest",
]
