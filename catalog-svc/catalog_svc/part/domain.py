"""What is wrong with the parts of a drafted version: told all at once.

A hostile form must cost nothing later: it refers to nothing, its depth and size are bounded, its patterns run in linear time,
and what a check of it may cost is bounded (`rules.form_costs`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

from contracts.catalogue import ChecklistPart, FormPart, Limit, Part, SituationsPart, TextsPart
from contracts.codec import encode_object
from contracts.refusals import Defect, Invalid, pointer_step
from contracts.values import Json, JsonObject, canonical_json
from rules.conditions import parse
from rules.elements import element_defects
from rules.form_costs import cost_defects
from rules.forms import check_schema, is_merged, root_defects
from rules.situations import check_table
from rules.unfillable import unfillable_defects

MAX_BYTES = {"form": 65_536, "situations": 32_768, "checklist": 131_072, "texts": 65_536}
"""Bytes of each part as canonical JSON."""
MAX_DEPTH = 12
"""Levels of a form's schema."""
MAX_FIELDS = 200
"""Named properties of a form, those of inner objects too."""
MAX_MATERIALS = 60
MAX_RULES = 100

_REFERENCES = frozenset({"$ref", "$dynamicRef", "$id", "$anchor", "$dynamicAnchor", "$defs", "definitions"})
_OTHER_FACTS = ("situation", "applicant.type", "applicant.id_type")


def part_defects(
    *,
    form: FormPart,
    situations: SituationsPart,
    checklist: ChecklistPart,
    texts: TextsPart,
    statutory: Limit,
    certificates: Collection[str],
) -> tuple[Defect, ...]:
    """Everything wrong with the four parts of a draft, at most 100 defects; pointers into the body of ``POST /service-items``.

    Args:
        form: As drafted.
        situations: As drafted.
        checklist: As drafted.
        texts: As drafted.
        statutory: The item's statutory limit.
        certificates: Ids of the rows that stand on the certificate list.
    """
    found = [defect for part in (form, situations, checklist, texts) for defect in _size(part)]
    found += form_schema_defects(form.schema)
    found += [_below("/situations", one) for one in check_table(situations)]
    if not texts.denial_grounds:
        found.append(
            _defect(
                "item.grounds-missing", "/texts/denial_grounds", "缺少不予许可的依据", "Grounds of denial are missing", "行政许可法 §38"
            )
        )
    if not found:
        known = _facts(situations, form)
        found += _unfillable(form.schema, wanted=_wanted(checklist))
        found += _asked_when(form.schema, known=known)
        found += _checklist(checklist, known=known)
        found += _bundle(situations, known=known)
        found += _needed_by(checklist, situations)
        found += element_defects(
            form=form, situations=situations, checklist=checklist, texts=texts, statutory=statutory, certificates=certificates
        )
    return tuple(found[:100])


def _size(part: Part) -> Iterator[Defect]:
    most = MAX_BYTES[part.kind]
    if len(canonical_json(encode_object(part))) > most:
        yield _defect("part.too-large", f"/{part.kind}", f"超过 {most} 字节", f"More than {most} bytes")
    if isinstance(part, ChecklistPart) and len(part.materials) > MAX_MATERIALS:
        yield _defect("part.too-large", "/checklist/materials", f"超过 {MAX_MATERIALS} 项", f"More than {MAX_MATERIALS} materials")
    if isinstance(part, ChecklistPart) and len(part.rules) > MAX_RULES:
        yield _defect("part.too-large", "/checklist/rules", f"超过 {MAX_RULES} 条", f"More than {MAX_RULES} rules")


def form_schema_defects(schema: JsonObject) -> tuple[Defect, ...]:
    """What is wrong or hostile in the schema of a form; pointers begin with ``/form``."""
    return tuple(_form(schema))


def base_form_defects(schema: JsonObject) -> tuple[Defect, ...]:
    """Everything wrong with a form whose fields others take in, at most 100 defects; pointers begin with ``/form``.

    Conditions may name facts that only those others have.
    """
    found = form_schema_defects(schema) or (*root_defects(schema), *unfillable_defects(schema), *_asked_when(schema, known=None))
    return found[:100]


def _form(schema: JsonObject) -> list[Defect]:
    found = list(_walk(schema))
    if found:
        return found[:10]
    if schema.get("type") != "object":
        return [_defect("form.object", "/form/type", "表单应为对象", "A form is an object")]
    try:
        check_schema(schema)
    except Invalid as refusal:
        return [_defect(refusal.RULE, "/form", refusal.ZH, refusal.EN)]
    return [*cost_defects(schema)]


def _walk(schema: JsonObject) -> Iterator[Defect]:
    open_: list[tuple[Json, int]] = [(schema, 1)]
    fields = 0
    while open_:
        node, depth = open_.pop()
        if depth > MAX_DEPTH * 2:
            yield _defect("form.too-deep", "/form", f"表单嵌套超过 {MAX_DEPTH} 层", f"Nested deeper than {MAX_DEPTH}")
            return
        if isinstance(node, list):
            open_ += [(inner, depth + 1) for inner in node]
        elif isinstance(node, dict):
            if _REFERENCES & node.keys():
                yield _defect("form.reference", "/form", "表单不得使用引用", "A form refers to nothing")
                return
            properties = node.get("properties")
            fields += len(properties) if isinstance(properties, dict) else 0
            if fields > MAX_FIELDS:
                yield _defect("form.too-many-fields", "/form", f"字段超过 {MAX_FIELDS} 个", f"More than {MAX_FIELDS} fields")
                return
            open_ += [(inner, depth + 1) for inner in node.values()]


def _facts(situations: SituationsPart, form: FormPart) -> frozenset[str]:
    return frozenset({*_OTHER_FACTS, *(fact.name for fact in situations.facts), *_fields(form.schema, "form.")})


def _fields(schema: JsonObject, prefix: str) -> Iterator[str]:
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        yield f"{prefix}{name}"
        if isinstance(inner, dict):
            yield from _fields(inner, f"{prefix}{name}.")


def _asked_when(schema: JsonObject, *, known: Collection[str] | None) -> Iterator[Defect]:
    properties = schema.get("properties")
    for name, one in properties.items() if isinstance(properties, dict) else ():
        when = one.get("x-when") if isinstance(one, dict) else None
        place = f"/form/properties/{pointer_step(name)}/x-when"
        if isinstance(when, dict):
            yield from _condition(when, place, known)
        elif when is not None:
            yield _defect("form.condition", place, "应为条件表达式", "Expected a condition")


def _unfillable(schema: JsonObject, *, wanted: Collection[str]) -> Iterator[Defect]:
    """What nobody could hand in, without what base form and members say by themselves: that is told when they are drafted.

    What has been in force since before it was told would else keep every item that takes it in from being changed.
    """
    properties = schema.get("properties")
    fields = properties.items() if isinstance(properties, dict) else ()
    theirs: JsonObject = {"type": "object", "properties": {name: field for name, field in fields if is_merged(field)}}
    told = unfillable_defects(theirs, wanted=wanted)
    yield from (one for one in unfillable_defects(schema, wanted=wanted) if one not in told)


def _wanted(checklist: ChecklistPart) -> frozenset[str]:
    """The fields that some rule or material names, and so may need whatever the form says; conditions that nobody can read name none."""
    named: set[str] = set()
    for when in (*(one.when for one in checklist.rules), *(one.when for one in checklist.materials)):
        with suppress(Invalid):
            named |= parse(when).facts
    return frozenset(fact.split(".", 2)[1] for fact in named if fact.startswith("form."))


def _checklist(checklist: ChecklistPart, *, known: Collection[str]) -> Iterator[Defect]:
    codes = [material.code for material in checklist.materials]
    yield from _repeated(codes, "materials", "code")
    yield from _repeated([rule.rule_id for rule in checklist.rules], "rules", "rule_id")
    allowed = {*known, *(f"materials.{code}" for code in codes)}
    for index, material in enumerate(checklist.materials):
        yield from _condition(material.when, f"/checklist/materials/{index}/when", allowed)
        for number, need in enumerate(material.needed_by):
            yield from _condition(need.when, f"/checklist/materials/{index}/needed_by/{number}/when", allowed)
    for index, rule in enumerate(checklist.rules):
        yield from _condition(rule.when, f"/checklist/rules/{index}/when", allowed)


def _bundle(situations: SituationsPart, *, known: Collection[str]) -> Iterator[Defect]:
    for index, member in enumerate(situations.bundle.members if situations.bundle is not None else ()):
        place = f"/situations/bundle/members/{index}"
        yield from _condition(member.when, f"{place}/when", known)
        for number, one in enumerate(member.exemptions):
            yield from _condition(one.when, f"{place}/exemptions/{number}/when", known)
            if not (one.reason.strip() and one.reference.strip()):
                yield _defect(
                    "bundle.exemption-reason",
                    f"{place}/exemptions/{number}/reason",
                    "豁免应当说明理由并引用文件",
                    "An exemption says why and by which document",
                )


def _needed_by(checklist: ChecklistPart, situations: SituationsPart) -> Iterator[Defect]:
    members = {one.item_code for one in situations.bundle.members} if situations.bundle is not None else set()
    for index, material in enumerate(checklist.materials):
        for number, need in enumerate(material.needed_by):
            if need.item_code not in members:
                place = f"/checklist/materials/{index}/needed_by/{number}/item_code"
                yield _defect("bundle.need-unknown", place, "所用于的事项不在其中", "What it is handed in for is no member")


def _repeated(names: list[str], kind: str, field: str) -> Iterable[Defect]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield _defect("checklist.repeated", f"/checklist/{kind}/{index}/{field}", "编号重复", "The same twice")


def _condition(source: JsonObject, pointer: str, allowed: Collection[str] | None) -> Iterator[Defect]:
    try:
        condition = parse(source)
    except Invalid as refusal:
        yield from (_below(pointer, one) for one in refusal.defects)
        return
    for fact in sorted(condition.facts - set(allowed)) if allowed is not None else ():
        yield _defect("checklist.fact-unknown", pointer, f"没有“{fact}”这一项", f"There is no “{fact}”")


def _below(pointer: str, defect: Defect) -> Defect:
    return Defect(
        rule_id=defect.rule_id,
        pointer=f"{pointer}{defect.pointer}",
        message=defect.message,
        message_en=defect.message_en,
        basis=defect.basis,
    )


def _defect(rule_id: str, pointer: str, message: str, message_en: str, basis: str = "") -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en, basis=basis)
