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


def write_schema(title: str, *, fields: Sequence[JsonObject]) -> JsonObject:
    """A form's JSON Schema from its fields in short notation.

    Args:
        title: Of the form.
        fields: ``{name, zh, en, is, required?, max?, of?}``; ``is`` is a kind of this module, ``of`` lists choices.
    """
    properties: dict[str, Json] = {}
    for order, field in enumerate(fields, start=1):
        properties[str(field["name"])] = _field(field) | {
            "x-label": field["zh"],
            "x-label-en": field["en"],
            "x-order": order * 10,
        }
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": [field["name"] for field in fields if field.get("required")],
        "properties": properties,
    }


def write_material(given: JsonObject, *, library: Mapping[str, JsonObject]) -> JsonObject:
    """A material of a checklist: what the library says of it, and what the item says otherwise."""
    code = str(given["code"])
    return {
        "when": {"always": True},
        "required": True,
        "media_types": list(FILE_TYPES),
        "max_bytes": FILE_BYTES,
        **library[code],
        **given,
    }


def _field(field: JsonObject) -> JsonObject:
    kind = str(field["is"])
    if kind == "choice":
        choices = field["of"]
        return {"oneOf": [_choice(one) for one in choices] if isinstance(choices, list) else []}
    schema: JsonObject = dict(_KINDS[kind])
    if kind == "list":
        schema["items"] = {"type": "string", "minLength": 1, "maxLength": field["max"]}
    elif "max" in field:
        schema[_LENGTH[kind]] = field["max"]
    return schema


def _choice(choice: Json) -> JsonObject:
    value, zh, en = choice if isinstance(choice, list) else (choice, choice, choice)
    return {"const": value, "title": zh, "x-label-en": en}
