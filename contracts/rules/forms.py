"""A form against its JSON Schema (2020-12): which field is wrong and why, in words people read.

Formats are checked, references outside the schema are refused, patterns run in linear time. No message repeats a value.
What is longer than `rules.form_costs` allows is told first, and nothing else then; of a form that was published before those bounds and
goes beyond them, one fault is told at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import jsonschema_rs

from contracts.catalogue import FormPart
from contracts.refusals import Defect, Invalid, pointer_step
from contracts.values import Json, JsonObject
from rules.form_costs import bounds_of, cost_defects, too_large

PLAIN_ROOT = frozenset({"$schema", "title", "description", "type", "additionalProperties", "required", "properties"})
"""What the root of a form that goes into others may say."""

_MERGED, _REQUIRED = "x-merged", "x-required"

MAX_DEFECTS = 100
"""Most defects told of one form; a hostile one could have any number."""


class FormMalformed(Invalid):
    """The schema of a form cannot be read."""

    RULE: ClassVar[str] = "form.schema-malformed"
    ZH: ClassVar[str] = "表单定义不正确"
    EN: ClassVar[str] = "The form's definition cannot be read"


_TEXTS: dict[str, tuple[str, str]] = {
    "required": ("“{label}”未填写", "“{label_en}” is missing"),
    "type": ("“{label}”的类型不正确", "“{label_en}” is of the wrong type"),
    "enum": ("“{label}”不在可选范围内", "“{label_en}” is none of the choices"),
    "const": ("“{label}”的值不符合要求", "“{label_en}” does not have the required value"),
    "minLength": ("“{label}”过短", "“{label_en}” is too short"),
    "maxLength": ("“{label}”过长", "“{label_en}” is too long"),
    "minimum": ("“{label}”小于允许的最小值", "“{label_en}” is below the least value"),
    "maximum": ("“{label}”大于允许的最大值", "“{label_en}” is above the greatest value"),
    "exclusiveMinimum": ("“{label}”小于允许的最小值", "“{label_en}” is below the least value"),
    "exclusiveMaximum": ("“{label}”大于允许的最大值", "“{label_en}” is above the greatest value"),
    "multipleOf": ("“{label}”的精度不正确", "“{label_en}” is not a multiple of the step"),
    "pattern": ("“{label}”的格式不正确", "“{label_en}” does not have the required form"),
    "format": ("“{label}”的格式不正确", "“{label_en}” does not have the required form"),
    "minItems": ("“{label}”的项数不足", "“{label_en}” has too few entries"),
    "maxItems": ("“{label}”的项数过多", "“{label_en}” has too many entries"),
    "uniqueItems": ("“{label}”有重复项", "“{label_en}” has an entry twice"),
    "additionalProperties": ("“{label}”含有表单中没有的项", "“{label_en}” has a field that the form does not know"),
    "unevaluatedProperties": ("“{label}”含有表单中没有的项", "“{label_en}” has a field that the form does not know"),
}
_OTHER = ("“{label}”不符合要求", "“{label_en}” does not meet the rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Validator:
    bounds: jsonschema_rs.Draft202012Validator
    whole: jsonschema_rs.Draft202012Validator
    names: frozenset[str]
    costly: bool
    """Drafted before its cost was bounded: one fault is told at a time."""

    def faults(self, form: JsonObject) -> Iterator[jsonschema_rs.ValidationError]:
        # All faults are found before the first is told, each with a copy of its value: what is too long is told alone.
        validator = self.whole if self.bounds.is_valid(form) else self.bounds
        if not self.costly:
            yield from validator.iter_errors(form)
            return
        try:
            validator.validate(form)
        except jsonschema_rs.ValidationError as fault:
            yield fault


_validators: dict[int, tuple[JsonObject, _Validator]] = {}
_VALIDATORS_AT_MOST = 256
"""More than `rules.packed` keeps forms unpacked; one takes some 40 KiB outside Python's own memory."""


def check_schema(schema: JsonObject) -> None:
    """Refuse a schema that could not be used.

    Raises:
        FormMalformed: It is no JSON Schema 2020-12, or refers to something outside itself.
    """
    _validator(FormPart(schema=schema))


def form_defects(part: FormPart, form: JsonObject) -> tuple[Defect, ...]:
    """What is wrong with a form, at most `MAX_DEFECTS`, sorted by place and rule; pointers begin with ``/form``.

    Raises:
        FormMalformed: As for `check_schema`.
    """
    found = list(_told(part, form))
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.pointer, one.rule_id)))


def with_base(form: FormPart, *, base: JsonObject) -> tuple[FormPart, tuple[Defect, ...]]:
    """A form with the fields of its base form before its own, and what it asks for although the base form does.

    The base form's fields say ``x-merged``, so that `own_schema` finds the fragment again. A field that both have with just the same words
    is one field, the base form's.

    Args:
        form: An item's fragment.
        base: Schema of the base form.
    """
    theirs, own = _properties(base), _properties(form.schema)
    defects = tuple(
        Defect(
            rule_id="form.field-twice",
            pointer=f"/form/properties/{pointer_step(name)}",
            message="基础表单已有此字段",
            message_en="The base form has this field",
            basis="国务院令第716号",
        )
        for name, field in own.items()
        if name in theirs and field != theirs[name]
    )
    wanted = cast("list[str]", form.schema.get("required") or [])
    required = [*cast("list[str]", base.get("required") or []), *wanted]
    shared: JsonObject = {name: as_merged(field, required=name in wanted) for name, field in theirs.items()}
    schema: JsonObject = {**form.schema, "required": list[Json](dict.fromkeys(required)), "properties": {**own, **shared}}
    schema["properties"] = {name: cast("JsonObject", schema["properties"])[name] for name in (*theirs, *own)}
    return replace(form, schema=schema), defects


def root_defects(schema: JsonObject) -> tuple[Defect, ...]:
    """What a form says beside its fields and would lose when they are put into another."""
    more = sorted(set(schema) - PLAIN_ROOT)
    if not more:
        return ()
    words = "、".join(more)
    text, text_en = f"并入其他表单的只有字段,不得含 {words}", f"Only fields go into other forms, not {', '.join(more)}"
    return (Defect(rule_id="form.root-rules", pointer=f"/form/{pointer_step(more[0])}", message=text, message_en=text_en),)


def as_merged(field: Json, *, required: bool = False) -> Json:
    """A field that came from a base form or a member, with the mark that says so; ``required`` by the item that took it in."""
    # True and false bear no mark; these say the same.
    said = field if isinstance(field, dict) else {} if field is True else {"not": {}}
    bare = {name: value for name, value in said.items() if name not in {_MERGED, _REQUIRED}}
    return {**bare, _MERGED: True, **({_REQUIRED: True} if required else {})}


def is_merged(field: Json) -> bool:
    """Whether a field came from a base form or a member."""
    return isinstance(field, dict) and field.get(_MERGED) is True


def own_schema(schema: JsonObject) -> JsonObject:
    """A form's schema without the fields that came from elsewhere; what the item itself requires of those it still requires."""
    fields = _properties(schema)
    gone = {name for name, field in fields.items() if is_merged(field)}
    kept = {name for name in gone if cast("JsonObject", fields[name]).get(_REQUIRED) is True}
    required = [name for name in cast("list[str]", schema.get("required") or []) if name not in gone or name in kept]
    own: JsonObject = {**schema, "properties": {name: field for name, field in fields.items() if name not in gone}}
    return {**own, "required": list[Json](required)} if "required" in schema else own


def _properties(schema: JsonObject) -> JsonObject:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _told(part: FormPart, form: JsonObject) -> Iterator[Defect]:
    wanted = part.schema.get("required")
    if too_large(form, wanted=cast("list[str]", wanted) if isinstance(wanted, list) else ()):
        yield Defect(rule_id="form.too-large", pointer="/form", message="“表单”内容过多", message_en="“the form” holds too many values")
        return
    validator = _validator(part)
    for count, error in enumerate(validator.faults(form)):
        if count == MAX_DEFECTS:
            return
        keyword = error.kind.name
        path = _known(error.instance_path, names=validator.names)
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
            path.append(error.kind.property)
        message, message_en = _TEXTS.get(keyword, _OTHER)
        label, label_en = _labels(part.schema, path)
        yield Defect(
            rule_id=f"form.{keyword}",
            pointer="/form" + "".join(f"/{pointer_step(step)}" for step in path),
            message=message.format(label=label, label_en=label_en),
            message_en=message_en.format(label=label, label_en=label_en),
        )


def _validator(part: FormPart) -> _Validator:
    known = _validators.get(id(part.schema))
    if known is not None:
        return known[1]
    try:
        validator = jsonschema_rs.Draft202012Validator(
            part.schema, validate_formats=True, offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise FormMalformed from error
    if len(_validators) >= _VALIDATORS_AT_MOST:
        del _validators[next(iter(_validators))]
    # The schema is kept beside its validator, so that its id cannot be given to another object meanwhile.
    bounds = jsonschema_rs.Draft202012Validator(bounds_of(part.schema))
    made = _Validator(bounds=bounds, whole=validator, names=frozenset(_names(part.schema)), costly=bool(cost_defects(part.schema)))
    _validators[id(part.schema)] = (part.schema, made)
    return made


def _names(schema: Json) -> Iterator[str]:
    """Every property that a schema names anywhere."""
    open_: list[Json] = [schema]
    while open_:
        node = open_.pop()
        if isinstance(node, dict):
            properties = node.get("properties")
            yield from properties if isinstance(properties, dict) else ()
            open_.extend(node.values())
        elif isinstance(node, list):
            open_.extend(node)


def _known(path: Sequence[str | int], *, names: frozenset[str]) -> list[str | int]:
    """A place as far as the schema names it: a name that only the input has would be repeated input."""
    known: list[str | int] = []
    for step in path:
        if isinstance(step, str) and step not in names:
            break
        known.append(step)
    return known


def _labels(schema: JsonObject, path: Sequence[str | int]) -> tuple[str, str]:
    """What screens call a field; its name where the schema labels it nowhere near."""
    node: Json = schema
    label, label_en = "表单", "the form"
    for step in path:
        node = _step(node, step)
        if not isinstance(node, dict):
            break
        own, own_en = node.get("x-label"), node.get("x-label-en")
        label = own if isinstance(own, str) else label if isinstance(step, int) else str(step)
        label_en = own_en if isinstance(own_en, str) else label_en if isinstance(step, int) else str(step)
    return label, label_en


def _step(node: Json, step: str | int) -> Json:
    if not isinstance(node, dict):
        return None
    if isinstance(step, int):
        return node.get("items")
    properties = node.get("properties")
    return properties.get(step) if isinstance(properties, dict) else None
