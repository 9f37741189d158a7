"""Short notation of forms and checklists in the seed's YAML, written out as JSON Schema and materials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.values import Json, JsonObject

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PHONE = "^(1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8})$"
FILE_TYPES: tuple[str, ...] = ("application/pdf", "image/jpeg", "image/png")
FILE_BYTES = 10 * 1024 * 1024

_KINDS: Mapping[str, JsonObject] = {
    "text": {"type": "string", "minLength": 1},
    "list": {"type": "array", "minItems": 1, "maxItems": 20, "uniqueItems": True},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "count": {"type": "integer", "minimum": 0},
    "yuan": {"type": "integer", "maximum": 100_000_000_000},
    "month": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
    "plate": {"type": "string", "pattern": "^[一-龥][A-HJ-NP-Z][A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警]$"},
    "phone": {"type": "string", "pattern": PHONE},
    "industry": {"type": "string", "pattern": "^[A-T][0-9]{4}$"},
    "region": {"type": "string", "pattern": "^[0-9]{6}$"},
    "town": {"type": "string", "pattern": "^[0-9]{9}$", "x-options": "$town_names"},
    "uscc": {"type": "string", "pattern": "^[0-9A-HJ-NP-RTUW-Y]{18}$", "x-lookup": True},
    "identity": {"type": "string", "minLength": 8, "maxLength": 18, "x-lookup": True},
    "account": {"type": "string", "pattern": "^[0-9]{8,30}$", "x-lookup": True},
}
_LENGTH = {"text": "maxLength", "count": "maximum"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The towns that ``$towns`` and ``$town_names`` stand for."""

    codes: tuple[str, ...]
    names: tuple[str, ...]

    def fill(self, value: Json) -> Json:
        """A JSON value with the placeholders replaced."""
        if value == "$towns":
            return list(self.codes)
        if value == "$town_names":
            return [[code, name] for code, name in zip(self.codes, self.names, strict=True)]
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        if isinstance(value, dict):
            return {name: self.fill(inner) for name, inner in value.items()}
        return value


NOWHERE = Places(codes=(), names=())
"""Of a region whose towns the seed does not list; no item published there may ask for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What the seed's items name by code instead of writing it out, so that all of them say it the same way."""

    fields: Mapping[str, JsonObject]
    choices: Mapping[str, Json]
    """Lists of values, those of national standards by the standard's own codes."""
    materials: Mapping[str, JsonObject]
    stops: Mapping[str, JsonObject]

    def field(self, given: JsonObject) -> JsonObject:
        """A field: what the library says of its name, and what the item says otherwise."""
        return {**self.fields.get(str(given["name"]), {}), **given}


def write_schema(title: str, *, fields: Sequence[JsonObject], library: Library) -> JsonObject:
    """A form's JSON Schema from its fields in short notation.

    Args:
        title: Of the form.
        fields: ``{name, zh, en, is, required?, needed?, asked?, fact?, max?, of?}``; ``is`` is a kind of this module, ``of`` lists choices
            or names a list of the library. ``needed`` and ``asked`` say when the field is asked for: situations or a condition.
        library: What fields of these names are.
    """
    written = [library.field(one) for one in fields]
    properties: dict[str, Json] = {}
    for order, field in enumerate(written, start=1):
        when, fact = _asked_when(field), field.get("fact")
        properties[str(field["name"])] = {
            **_field(field, choices=library.choices),
            "x-label": field["zh"],
            "x-label-en": field["en"],
            "x-order": order * 10,
            **({} if when is None else {"x-when": when}),
            **({} if fact is None else {"x-fact": fact}),
        }
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": [field["name"] for field in written if field.get("required")],
        "properties": properties,
    }


def write_rules(fields: Sequence[JsonObject], *, slug: str, basis: str, library: Library) -> list[JsonObject]:
    """A rule for each field that is needed in some situations alone: there it must be filled in.

    Args:
        fields: As for `write_schema`.
        slug: Begins the ids of the item's rules.
        basis: Of a field that names none.
        library: What fields of these names are.
    """
    rules: list[JsonObject] = []
    for field in map(library.field, fields):
        if "needed" in field:
            name = str(field["name"])
            rules.append(
                {
                    "rule_id": f"{slug}.{name.replace('_', '-')}-missing",
                    "when": {"all": [_asked_when(field), {"missing": f"form.{name}"}]},
                    "pointer": f"/form/{name}",
                    "message": f"此情形应当填写“{field['zh']}”",
                    "message_en": f"“{field['en']}” is needed here",
                    "basis": field.get("basis", basis),
                }
            )
    return rules


def write_material(given: JsonObject, *, basis: str, library: Library) -> JsonObject:
    """A material of a checklist: what the library says of it, and what the item says otherwise."""
    code = str(given["code"])
    return {
        "when": {"always": True},
        "required": True,
        "media_types": list(FILE_TYPES),
        "max_bytes": FILE_BYTES,
        "basis": basis,
        **library.materials[code],
        **given,
    }


def write_stop(given: Json, *, library: Library) -> Json:
    """A ground that stops a clock, named by its code in the library or written out."""
    return {"code": given, **library.stops[given]} if isinstance(given, str) else given


def _asked_when(field: JsonObject) -> Json:
    """The condition under which a field is asked for; ``None`` where it is asked for always."""
    when = field.get("needed", field.get("asked"))
    if not isinstance(when, list):
        return when
    return {"eq": ["situation", when[0]]} if len(when) == 1 else {"in": ["situation", when]}


def _field(field: JsonObject, *, choices: Mapping[str, Json]) -> JsonObject:
    kind = str(field["is"])
    if kind == "choice":
        of = field["of"]
        given = choices[of] if isinstance(of, str) else of
        return {"oneOf": [_choice(one) for one in given] if isinstance(given, list) else []}
    schema: JsonObject = dict(_KINDS[kind])
    if kind == "list":
        schema["items"] = {"type": "string", "minLength": 1, "maxLength": field["max"]}
    elif "max" in field:
        schema[_LENGTH[kind]] = field["max"]
    return schema


def _choice(choice: Json) -> JsonObject:
    value, zh, en = choice if isinstance(choice, list) else (choice, choice, choice)
    return {"const": value, "title": zh, "x-label-en": en}
