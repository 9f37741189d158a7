"""Bundles 一件事: whether the order can be kept, and the one form and checklist that the members make (S-75).

A field, a question or a material that several members ask for is asked for once (S-36). What a member asks for stays asked for under
the member's own condition, so an exempt or unneeded member asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from contracts.catalogue import ChecklistPart, CheckRule, Fact, FormPart, MaterialRule, SituationsPart
from contracts.elements import Bundle, BundleMember, Limit, MaterialNeed
from contracts.refusals import Defect, pointer_step
from contracts.values import ItemCode, Json, JsonObject
from rules.conditions import ConditionMalformed, parse
from rules.elements import is_longer
from rules.forms import PLAIN_ROOT, as_merged, is_merged, own_schema
from rules.parts import Parts

_MEMBERS = "/situations/bundle/members"
_WORDS = frozenset({"x-order", "x-label", "x-label-en", "x-when", "x-merged", "x-required"})
"""What screens show, or when they show it, and two forms may say differently of one field, and where it came from."""


def order_defects(bundle: Bundle, *, own: ItemCode, contents: Mapping[ItemCode, Sequence[ItemCode]]) -> tuple[Defect, ...]:
    """What is wrong with the order of a bundle, or with what it consists of.

    Args:
        bundle: As drafted.
        own: Base code of the bundle itself.
        contents: Of every published bundle the codes of its members, to find a bundle inside itself.
    """
    return tuple(_order_defects(bundle, own, contents))


def _order_defects(bundle: Bundle, own: ItemCode, contents: Mapping[ItemCode, Sequence[ItemCode]]) -> Iterator[Defect]:
    codes = [one.item_code for one in bundle.members]
    for index, one in enumerate(bundle.members):
        place = f"{_MEMBERS}/{index}"
        if one.item_code in codes[:index]:
            yield _defect("bundle.repeated", f"{place}/item_code", "组成事项重复", "The same member twice")
        if own in _inside(one.item_code, contents):
            yield _defect("bundle.circle", f"{place}/item_code", "一件事不得包含自身", "A bundle is not part of itself")
        for number, earlier in enumerate(one.after):
            if earlier not in codes:
                yield _defect("bundle.order-unknown", f"{place}/after/{number}", "先办事项不在其中", "What goes first is no member")
    waiting = {one.item_code: set(one.after) & set(codes) for one in bundle.members}
    while ready := {code for code, before in waiting.items() if not before & waiting.keys()}:
        for code in ready:
            del waiting[code]
    if waiting:
        index = codes.index(next(iter(waiting)))
        yield _defect("bundle.order-circle", f"{_MEMBERS}/{index}/after", "办理顺序互为前提", "Each of these waits for another of them")


def _inside(code: ItemCode, contents: Mapping[ItemCode, Sequence[ItemCode]]) -> set[ItemCode]:
    reached, open_ = {code}, [code]
    while open_:
        for inner in contents.get(open_.pop(), ()):
            if inner not in reached:
                reached.add(inner)
                open_.append(inner)
    return reached


@dataclass(slots=True, kw_only=True)
class Merged:
    """The parts of a bundle with what its members ask for."""

    form: FormPart
    situations: SituationsPart
    checklist: ChecklistPart
    defects: list[Defect] = field(default_factory=list)
    """Where members disagree and the bundle itself says nothing."""


def merge(*, form: FormPart, situations: SituationsPart, checklist: ChecklistPart, members: Sequence[tuple[BundleMember, Parts]]) -> Merged:
    """Put the members' questions, fields, materials and rules into the bundle's own parts; what the bundle says itself holds.

    What is put in says so (``merged``, ``x-merged``), so that `own_parts` finds the bundle's own again.

    Args:
        form: The bundle's own, as drafted.
        situations: Its own.
        checklist: Its own.
        members: In the bundle's order, each with the version in force at its place.
    """
    merged = Merged(form=form, situations=situations, checklist=checklist)
    facts = _facts(situations.facts, members, merged)
    properties, rules = _fields(form.schema, members, merged)
    materials = _materials(checklist.materials, members)
    known = {one.rule_id for one in checklist.rules}
    for member, parts in members:
        for one in parts.checklist.rules:
            rule_id = f"{member.item_code}.{one.rule_id}"
            if rule_id not in known:
                when = _all(_runs(member), _by_facts(one.when, parts.situations))
                rules.append(replace(one, rule_id=rule_id, when=when, merged=True))
    merged.situations = replace(situations, facts=facts)
    merged.form = replace(form, schema={**form.schema, "properties": properties})
    merged.checklist = replace(checklist, materials=materials, rules=(*checklist.rules, *rules))
    merged.defects += _too_large(merged.checklist)
    return merged


def _facts(own: Sequence[Fact], members: Iterable[tuple[BundleMember, Parts]], merged: Merged) -> tuple[Fact, ...]:
    found = {one.name: one for one in own}
    for index, (_, parts) in enumerate(members):
        for one in parts.situations.facts:
            known = found.setdefault(one.name, replace(one, merged=True))
            if (known.kind, {value for value, _, _ in known.choices}) != (one.kind, {value for value, _, _ in one.choices}):
                merged.defects.append(
                    _defect(
                        "bundle.fact-conflict",
                        f"{_MEMBERS}/{index}/item_code",
                        f"“{known.question}”在组成事项中的回答选项不一致",
                        f"Members offer other answers to “{known.question_en}”",
                    )
                )
    return tuple(found.values())


def _fields(schema: JsonObject, members: Iterable[tuple[BundleMember, Parts]], merged: Merged) -> tuple[JsonObject, list[CheckRule]]:
    own, required = _properties(schema), cast("list[str]", schema.get("required") or [])
    found, facts = dict(own), {fact: name for name, one in own.items() if (fact := _fact(one)) is not None}
    asked: dict[str, list[JsonObject]] = {}
    rules: list[CheckRule] = []
    known = {one.rule_id for one in merged.checklist.rules}
    for index, (member, parts) in enumerate(members):
        place = f"{_MEMBERS}/{index}/item_code"
        if more := sorted(set(parts.form.schema) - PLAIN_ROOT):
            merged.defects.append(
                _defect("bundle.form-rules", place, f"组成事项的表单含有 {'、'.join(more)}", f"The member's form has {', '.join(more)}")
            )
        for name, one in _properties(parts.form.schema).items():
            fact = _fact(one)
            if fact is not None and facts.setdefault(fact, name) != name:
                merged.defects.append(
                    _defect("bundle.fact-twice", place, f"“{name}”与“{facts[fact]}”是同一内容", f"“{name}” asks what “{facts[fact]}” asks")
                )
            elif name not in own and _asks(found.setdefault(name, as_merged(one, required=name in required))) != _asks(as_merged(one)):
                merged.defects.append(
                    _defect("bundle.field-conflict", place, f"字段“{name}”在组成事项中不一致", f"Members ask for “{name}” in other ways")
                )
            asked.setdefault(name, []).append(_all(_runs(member), _by_facts(_asked_when(one), parts.situations)))
        for name in cast("list[str]", parts.form.schema.get("required") or []):
            rule_id = f"{member.item_code}.form.{name}"
            if rule_id not in known:
                rules.append(_missing(rule_id, name, _properties(parts.form.schema).get(name), _runs(member)))
    return {name: one if name in own else _asked(one, asked[name]) for name, one in found.items()}, rules


def _asked_when(schema: Json) -> JsonObject:
    when = schema.get("x-when") if isinstance(schema, dict) else None
    return when if isinstance(when, dict) else {"always": True}


def _asked(schema: Json, conditions: Sequence[JsonObject]) -> Json:
    """A field as the bundle asks for it: when any member does."""
    if not isinstance(schema, dict):
        return schema
    said = {name: value for name, value in schema.items() if name != "x-when"}
    if {"always": True} in conditions:
        return said
    different = [one for index, one in enumerate(conditions) if one not in conditions[:index]]
    return said | {"x-when": different[0] if len(different) == 1 else {"any": list[Json](different)}}


def _missing(rule_id: str, name: str, schema: Json, when: JsonObject) -> CheckRule:
    label, label_en = (schema.get("x-label"), schema.get("x-label-en")) if isinstance(schema, dict) else (None, None)
    return CheckRule(
        rule_id=rule_id,
        when=_all(when, {"missing": f"form.{name}"}),
        pointer=f"/form/{pointer_step(name)}",
        message=f"“{label or name}”未填写",
        message_en=f"“{label_en or name}” is missing",
        basis="",
        merged=True,
    )


def _materials(own: Sequence[MaterialRule], members: Iterable[tuple[BundleMember, Parts]]) -> tuple[MaterialRule, ...]:
    found = {one.code: one for one in own}
    asked: dict[str, list[tuple[BundleMember, MaterialRule]]] = {}
    for member, parts in members:
        for one in parts.checklist.materials:
            if one.code not in found:
                when = _all(_runs(member), _by_facts(one.when, parts.situations))
                asked.setdefault(one.code, []).append((member, replace(one, when=when)))
    return (*own, *(_strictest(demands) for demands in asked.values()))


def _strictest(demands: Sequence[tuple[BundleMember, MaterialRule]]) -> MaterialRule:
    """One row for one file that serves several members 一套材料: what one organ may do without, another may need.

    Where one must have it and another would like to, it is asked for only where the one must.
    """
    asked = [demand for demand in demands if demand[1].required] or demands
    rows = [row for _, row in asked]
    first = rows[0]
    deferrals = [row.deferral for row in rows if row.deferral is not None]
    shared = [kind for kind in first.media_types if all(kind in row.media_types for row in rows)]
    return replace(
        first,
        when=first.when if len(rows) == 1 else {"any": [part for row in rows for part in _any_of(row.when)]},
        needed_by=tuple(MaterialNeed(item_code=member.item_code, when=row.when) for member, row in asked),
        merged=True,
        original_seen=any(row.original_seen for row in rows),
        copies=max(row.copies for row in rows),
        media_types=tuple(shared) or first.media_types,
        max_bytes=min(row.max_bytes for row in rows),
        trust=min(row.trust for row in rows),
        deferral=_shortest(deferrals) if len(deferrals) == len(rows) else None,
        by_commitment=all(row.by_commitment for row in rows),
        replaced_by=tuple(kind for kind in first.replaced_by if all(kind in row.replaced_by for row in rows)),
        valid_days=min((row.valid_days for row in rows if row.valid_days), default=0),
    )


def _shortest(limits: Sequence[Limit]) -> Limit:
    shortest = limits[0]
    for one in limits[1:]:
        if is_longer(shortest, than=one):
            shortest = one
    return shortest


def own_parts(*, form: FormPart, situations: SituationsPart, checklist: ChecklistPart) -> tuple[FormPart, SituationsPart, ChecklistPart]:
    """What an item says itself, without what its base form and its members put into it."""
    facts = tuple(one for one in situations.facts if not one.merged)
    materials = tuple(one for one in checklist.materials if not one.merged)
    rules = tuple(one for one in checklist.rules if not one.merged)
    own = form if not any(is_merged(one) for one in _properties(form.schema).values()) else replace(form, schema=own_schema(form.schema))
    return own, replace(situations, facts=facts), replace(checklist, materials=materials, rules=rules)


def _runs(member: BundleMember) -> JsonObject:
    """When the member has to be applied for: it belongs to the matter and nothing exempts it."""
    if not member.exemptions:
        return member.when
    return _all(member.when, {"not": {"any": [cast("Json", one.when) for one in member.exemptions]}})


def _by_facts(condition: JsonObject, part: SituationsPart) -> JsonObject:
    """A condition with the member's own situations said by the facts that make them; a bundle has situations of its own."""
    made: dict[str, JsonObject] = {one.situation_id: one.when for one in part.situations}

    def write(node: JsonObject) -> JsonObject:
        [(operator, given)] = node.items()
        if operator in {"all", "any"}:
            return {operator: [write(cast("JsonObject", one)) for one in cast("list[Json]", given)]}
        if operator == "not":
            return {"not": write(cast("JsonObject", given))}
        if operator in {"has", "missing"} and given == "situation":
            return {"always": True} if operator == "has" else {"not": {"always": True}}
        if isinstance(given, list) and given[:1] == ["situation"]:
            values = given[1] if isinstance(given[1], list) else [given[1]]
            reached: list[Json] = [made.get(str(one), {"not": {"always": True}}) for one in values]
            is_one: JsonObject = cast("JsonObject", reached[0]) if len(reached) == 1 else {"any": reached}
            return {"not": is_one} if operator == "ne" else is_one
        return node

    return write(condition)


def _all(*conditions: JsonObject) -> JsonObject:
    said = [one for one in conditions if one != {"always": True}]
    if len(said) <= 1:
        return said[0] if said else {"always": True}
    flat: list[Json] = []
    for one in said:
        inner = one.get("all")
        flat += inner if isinstance(inner, list) else [one]
    return {"all": flat}


def _any_of(condition: JsonObject) -> list[Json]:
    inner = condition.get("any")
    return inner if isinstance(inner, list) else [condition]


def _too_large(checklist: ChecklistPart) -> Iterator[Defect]:
    conditions = {"materials": [one.when for one in checklist.materials], "rules": [one.when for one in checklist.rules]}
    for name, rows in conditions.items():
        for index, when in enumerate(rows):
            try:
                parse(when)
            except ConditionMalformed:
                place = f"/checklist/{name}/{index}/when"
                yield _defect("bundle.condition", place, "合并后的条件过于复杂", "The merged condition is too large")


def _properties(schema: JsonObject) -> JsonObject:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _fact(schema: Json) -> str | None:
    found = schema.get("x-fact") if isinstance(schema, dict) else None
    return found if isinstance(found, str) else None


def _asks(schema: Json) -> Json:
    return {name: value for name, value in schema.items() if name not in _WORDS} if isinstance(schema, dict) else schema


def _defect(rule_id: str, pointer: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en)


__all__ = ["Merged", "merge", "order_defects", "own_parts"]
