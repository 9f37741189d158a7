"""Forms that nobody could hand in: told to the author when they are drafted, not to the applicant at the window.

What is told is certain; a form of which nothing is told may still be unfillable by rules that contradict each other in deeper ways.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import cast

import jsonschema_rs

from contracts.refusals import Defect, Invalid, pointer_step
from contracts.values import Digest, Json, JsonObject, canonical_json, digest
from rules.conditions import parse
from rules.form_costs import is_choice

_MOST_BRANCHES, _FEW_BRANCHES, _MANY_BRANCHES = 12, 4, 240
"""Of the combining rules of one place, and of one in a form that has many in all: what they can mean together doubles with each."""
_MOST_BYTES = 2_000
"""Of combining rules, and of choices that an expression is put to."""

_PLAIN = frozenset(
    {
        *("type", "enum", "const", "format", "required", "minProperties", "maxProperties", "minItems", "maxItems", "uniqueItems"),
        *("minLength", "maxLength", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_COMBINING = frozenset(
    {
        *("not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependentRequired", "dependentSchemas", "propertyNames"),
        *("patternProperties", "additionalProperties", "unevaluatedProperties"),
        *("prefixItems", "items", "unevaluatedItems", "contains", "minContains", "maxContains"),
    }
)
_SEVERAL = ("properties", "patternProperties", "dependentSchemas", "prefixItems", "allOf", "anyOf", "oneOf")
_ONE = (
    *("items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"),
    *("not", "if", "then", "else"),
)
"""Where a schema holds others, several or one."""
_BOUNDS = (
    ("minLength", "maxLength", False),
    ("minItems", "maxItems", False),
    ("minProperties", "maxProperties", False),
    ("minimum", "maximum", False),
    ("exclusiveMinimum", "maximum", True),
    ("minimum", "exclusiveMaximum", True),
    ("exclusiveMinimum", "exclusiveMaximum", True),
)
"""What may not be above what, and whether it may not be equal either."""


_judged: dict[Digest, tuple[Defect, ...]] = {}
"""By the digest of the form: thousands of rows of a file have one form."""
_JUDGED_AT_MOST, _DEFECTS_REMEMBERED = 256, 100


def unfillable_defects(schema: JsonObject, *, wanted: Collection[str] = ()) -> tuple[Defect, ...]:
    """The fields that can never be filled in or never be asked for, and formats that nobody checks; pointers begin with ``/form``.

    Args:
        schema: Of a form with the fields of its base form and its members; it can be used (`rules.forms.check_schema`) and its cost is
            bounded (`rules.form_costs`).
        wanted: Fields that the checklist may ask for whatever their conditions say (`rules.fields`); those that the form requires are, too.
    """
    name = digest(schema)
    known = _judged.get(name)
    if known is None:
        places = dict(_places(schema, ""))
        known = (*_unknown_formats(schema), *_crossed_bounds(places), *_impossible(schema, places))
        if len(_judged) >= _JUDGED_AT_MOST:
            del _judged[next(iter(_judged))]
        if len(known) <= _DEFECTS_REMEMBERED:
            _judged[name] = known
    required = cast("list[str]", schema.get("required") or [])
    return (*known, *_never_asked(schema, wanted={*wanted, *required}))


def _unknown_formats(schema: JsonObject) -> Iterator[Defect]:
    for place, one in _schemas(schema):
        said = one.get("format")
        if isinstance(said, str) and not _is_checked(said):
            text, text_en = "没有此 format,无人校验,请改用 pattern", "Nobody knows this format, so nothing would check it; use a pattern"
            yield _defect("form.format-unknown", f"{place}/format", text, text_en)


def _schemas(schema: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """A schema and every one in it, wherever it stands, with its pointer; names of fields and values of choices are none."""
    open_: list[tuple[str, Json]] = [("", schema)]
    while open_:
        at, node = open_.pop()
        if not isinstance(node, dict):
            continue
        yield at, node
        inner = [(f"{at}/{word}", node[word]) for word in _ONE if word in node]
        for word in (word for word in _SEVERAL if word in node):
            several = node[word]
            named = several.items() if isinstance(several, dict) else enumerate(several) if isinstance(several, list) else ()
            inner += [(f"{at}/{word}/{pointer_step(name)}", one) for name, one in named]
        open_ += reversed(inner)


@lru_cache(maxsize=256)
def _is_checked(said: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"format": said}, validate_formats=True, ignore_unknown_formats=False)
    except jsonschema_rs.ValidationError:
        return False
    return True


def _crossed_bounds(places: Mapping[str, JsonObject]) -> Iterator[Defect]:
    """Bounds that nothing is between, where no type is said and anything of another type would be let through."""
    for place, one in places.items():
        for least, most, strictly in () if "type" in one else _BOUNDS:
            low, high = one.get(least), one.get(most)
            if isinstance(low, int | float) and isinstance(high, int | float) and (low > high or (strictly and low == high)):
                text, text_en = f"没有数值能同时满足 {least} 和 {most}", f"Nothing is between {least} and {most}"
                yield _defect("form.bounds-crossed", f"{place}/{least}", text, text_en)


def _impossible(schema: JsonObject, places: Mapping[str, JsonObject]) -> Iterator[Defect]:
    """The places that no value fits, as far as a bounded look can tell."""
    most = _MOST_BRANCHES if sum(_branches(_combining(one)) for one in places.values()) <= _MANY_BRANCHES else _FEW_BRANCHES
    sketch = cast("JsonObject", _sketch(schema, most=most))
    engine = jsonschema_rs.RegexOptions()
    try:
        found = jsonschema_rs.canonical.find_unsatisfiable(sketch, validate_formats=True, pattern_options=engine, offline=True)
    except ValueError:
        # What it cannot read it cannot judge; whether the form can be used is told elsewhere.
        found = {}
    told = {*(place for place in found if place in places), *_never_there(places)}
    around = {place[:end] for place in told for end, character in enumerate(place) if character == "/"}
    # Around a field that must be filled in and cannot be, everything is impossible: only the field is at fault.
    for place in sorted(told - around):
        words = ", ".join(dict.fromkeys(_at_odds(found.get(place), places.get(place, {}))))
        text = f"按此处的 {words},填写什么都不符合" if words else "此处填写什么都不符合"
        yield _defect("form.unfillable", place, text, f"No value can meet {words} here" if words else "No value can be filled in here")


def _never_there(places: Mapping[str, JsonObject]) -> Iterator[str]:
    """Names that must be filled in and that the form does not have."""
    for place, one in places.items():
        properties = one.get("properties") or {}
        if one.get("type") == "object" and one.get("additionalProperties") is False and "patternProperties" not in one:
            for index, name in enumerate(cast("list[str]", one.get("required") or [])):
                if name not in cast("JsonObject", properties):
                    yield f"{place}/required/{index}"


def _at_odds(reason: jsonschema_rs.canonical.UnsatisfiableReason | None, schema: JsonObject) -> Iterator[str]:
    """The keywords that cannot all be met."""
    match reason:
        case jsonschema_rs.canonical.UnsatisfiableReason.Empty(cause=cause):
            causes = [cause]
        case jsonschema_rs.canonical.UnsatisfiableReason.Conflict(causes=causes):
            pass
        case _:
            causes = []
    for word in (word for one in causes for word in one.keywords):
        # A choice was looked at as a list of values.
        yield word if word in schema or word != "enum" else "oneOf" if "oneOf" in schema else "anyOf"


def _sketch(schema: Json, *, most: int) -> Json:
    """A schema that lets through whatever this one does, and is cheap to reason about: what combines too many rules is left out."""
    if not isinstance(schema, dict):
        return schema
    sketch = {word: value for word, value in schema.items() if word in _PLAIN}
    combining = _combining(schema)
    if "enum" not in schema and is_choice(schema):
        sketch["enum"] = [one["const"] for one in cast("list[JsonObject]", schema.get("oneOf", schema.get("anyOf")))]
    for word in ("properties", "items", "additionalProperties"):
        if word in schema and word not in combining:
            value = schema[word]
            names = value if word == "properties" and isinstance(value, dict) else None
            sketch[word] = _sketch(value, most=most) if names is None else {name: _sketch(one, most=most) for name, one in names.items()}
    if "enum" not in sketch or len(canonical_json(sketch["enum"])) <= _MOST_BYTES:
        sketch |= {word: value for word, value in schema.items() if word == "pattern"}
        if _branches(combining) <= most and len(canonical_json(combining)) <= _MOST_BYTES:
            sketch |= combining
    return sketch


def _combining(schema: JsonObject) -> JsonObject:
    """What of a schema cannot be looked at field by field; left out as a whole, the rest lets through no less."""
    left = {word: value for word, value in schema.items() if word in _COMBINING}
    if "enum" not in schema and is_choice(schema):
        del left["oneOf" if "oneOf" in left else "anyOf"]
    if "prefixItems" not in schema:
        left.pop("items", None)
    if "patternProperties" not in schema and schema.get("additionalProperties") is False:
        del left["additionalProperties"]
    return left


def _branches(combining: JsonObject) -> int:
    open_: list[Json] = [*combining.values()]
    branches = 0
    while open_:
        node = open_.pop()
        if isinstance(node, dict | list):
            branches += 1
            open_ += node.values() if isinstance(node, dict) else node
    return branches


def _places(schema: Json, at: str) -> Iterator[tuple[str, JsonObject]]:
    """The form, its fields, those inside of fields and of the entries of lists; each with its pointer."""
    yield at, schema if isinstance(schema, dict) else {}
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    for name, one in properties.items() if isinstance(properties, dict) else ():
        yield from _places(one, f"{at}/properties/{pointer_step(name)}")
    if "prefixItems" not in schema and "items" in schema:
        yield from _places(schema["items"], f"{at}/items")


def _never_asked(schema: JsonObject, *, wanted: Collection[str]) -> Iterator[Defect]:
    """The fields that no answer makes asked for: they wait for themselves, at once or over others, or for fields that do."""
    fields = cast("JsonObject", schema.get("properties") or {})
    waiting = {name: when for name, field in fields.items() if name not in wanted and (when := _condition_of(field)) is not None}
    while asked := {name for name, when in waiting.items() if _may_hold(when, never=waiting.keys())}:
        waiting = {name: when for name, when in waiting.items() if name not in asked}
    for name in waiting:
        text, text_en = "无论怎样填写,此字段都不会要求填写", "Nothing that anybody fills in makes this field asked for"
        yield _defect("form.never-asked", f"/properties/{pointer_step(name)}/x-when", text, text_en)


def _condition_of(field: Json) -> JsonObject | None:
    """What a field waits for; None where it is asked for anyway, can be answered by the guide's question, or nobody can tell."""
    when = field.get("x-when") if isinstance(field, dict) and not isinstance(field.get("x-fact"), str) else None
    try:
        parse(when)
    except Invalid:
        return None
    return cast("JsonObject", when)


def _may_hold(condition: JsonObject, *, never: Collection[str]) -> bool:
    """Whether a condition could hold while some fields are not filled in; whatever is not certain could."""
    [(operator, given)] = condition.items()
    if operator in {"all", "any"}:
        parts = (_may_hold(cast("JsonObject", one), never=never) for one in cast("list[Json]", given))
        return all(parts) if operator == "all" else any(parts)
    if operator in {"always", "not", "missing"}:
        return True
    kind, _, rest = str(given[0] if isinstance(given, list) else given).partition(".")
    return kind != "form" or rest.partition(".")[0] not in never


def _defect(rule_id: str, place: str, message: str, message_en: str) -> Defect:
    return Defect(rule_id=rule_id, pointer=f"/form{place}", message=message, message_en=message_en)
