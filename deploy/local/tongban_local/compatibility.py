"""What a change of a contract breaks for those who hold the released one.

Direction decides. A reader must take whatever was sent before, a sender may only send what readers know: so messages on the log
are compared both ways (they lie there for months, and services are upgraded one by one), requests from old to new, answers from
new to old. Where the walk cannot prove that nothing breaks, it says that something may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
"""A JSON Schema or a part of an OpenAPI document; ``Any`` because both are open."""

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAME = ("pattern", "format", "contentEncoding", "contentMediaType", "uniqueItems", "allOf", "not", "if", "then", "else", "prefixItems")
_METHODS = ("get", "post", "put", "patch", "delete")
_EVERY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_SUCCESS = ("2", "3")


@dataclass(frozen=True, slots=True)
class Side:
    """One schema with the document that its references point into."""

    document: Schema
    schema: Schema

    def at(self, schema: object) -> Side:
        """A part of the same document, its reference followed."""
        found: Any = {} if schema is True else {"not": {}} if schema is False else schema
        seen: set[str] = set()
        while isinstance(found, dict) and "$ref" in found and found["$ref"] not in seen:
            seen.add(found["$ref"])
            target: Any = self.document
            for step in found["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            found = target
        return Side(self.document, found if isinstance(found, dict) else {})

    def ways(self) -> list[Side]:
        """The alternatives of a union; itself when it is none."""
        parts = self.schema.get("anyOf") or self.schema.get("oneOf")
        if parts is None:
            return [self]
        beside = {key: value for key, value in self.schema.items() if key not in {"anyOf", "oneOf", "title", "description", "default"}}
        return [way for part in parts for way in Side(self.document, {**beside, **self.at(part).schema}).ways()]

    def types(self) -> frozenset[str]:
        """JSON types that it takes; an integer is a number."""
        named = self.schema.get("type", ())
        if not named:
            values = self.values()
            return _EVERY_TYPE if values is None else frozenset(map(_type_of, values))
        found = frozenset([named] if isinstance(named, str) else named)
        return found | {"integer"} if "number" in found else found

    def values(self) -> list[Any] | None:
        """The only values that it takes, where it lists them."""
        if "const" in self.schema:
            return [self.schema["const"]]
        return self.schema.get("enum")


Break = tuple[str, str]
"""Where, as a pointer into the value, and what."""


class _Walk:
    """Finds what one side may send and the other does not take."""

    def __init__(self, *, removed: bool) -> None:
        """Begin; ``removed`` also names fields that are gone although the reader would do without them."""
        self._removed = removed
        self._known: dict[tuple[int, int], tuple[Side, Side, list[Break]]] = {}

    def breaks(self, sent: Side, read: Side) -> list[Break]:
        pair = (id(sent.schema), id(read.schema))
        if pair not in self._known:
            found: list[Break] = []
            # Kept with its sides, so that no other schema gets their ids; empty while a schema that holds itself is walked.
            self._known[pair] = (sent, read, found)
            for way in sent.ways():
                fewest = min([list(self._one(way, taken)) for taken in read.ways()], key=len)
                found += fewest
        return self._known[pair][2]

    def _one(self, sent: Side, read: Side) -> Iterator[Break]:
        missing = sorted(sent.types() - read.types())
        if missing:
            yield "", f"type {', '.join(missing)} is not taken"
            return
        yield from _values(sent, read)
        yield from _bounds(sent.schema, read.schema)
        if "items" in read.schema:
            yield from _below("*", self.breaks(sent.at(sent.schema.get("items", True)), read.at(read.schema["items"])))
        if "object" in sent.types():
            yield from self._object(sent, read)

    def _object(self, sent: Side, read: Side) -> Iterator[Break]:
        ours: Mapping[str, object] = sent.schema.get("properties", {})
        theirs: Mapping[str, object] = read.schema.get("properties", {})
        for name in sorted(set(read.schema.get("required", ())) - set(sent.schema.get("required", ()))):
            yield f"/{name}", "required, and not always there"
        others = read.schema.get("additionalProperties", True)
        for name in sorted(ours):
            if name in theirs or isinstance(others, dict):
                yield from _below(name, self.breaks(sent.at(ours[name]), read.at(theirs.get(name, others))))
            elif others is False:
                yield f"/{name}", "not known any more"
        if self._removed:
            yield from ((f"/{name}", "removed") for name in sorted(set(theirs) - set(ours)))
        if isinstance(others, dict) and sent.schema.get("additionalProperties", True) is not False:
            yield from _below("*", self.breaks(sent.at(sent.schema.get("additionalProperties", True)), read.at(others)))


def _bounds(sent: Schema, read: Schema) -> Iterator[Break]:
    for name in _LOWER:
        if read.get(name) is not None and sent.get(name, float("-inf")) < read[name]:
            yield "", f"{name} {read[name]}"
    for name in _UPPER:
        if read.get(name) is not None and sent.get(name, float("inf")) > read[name]:
            yield "", f"{name} {read[name]}"
    for name in _SAME:
        if name in read and sent.get(name) != read[name] and "enum" not in sent and "const" not in sent:
            yield "", f"{name} differs"


def _values(sent: Side, read: Side) -> Iterator[Break]:
    taken, given = read.values(), sent.values()
    if taken is None:
        return
    strange = [value for value in given or () if value not in taken]
    if given is None or strange:
        yield "", f"value {', '.join(map(str, strange)) or 'of another kind'} is not taken"


def _below(name: str, found: list[Break]) -> list[Break]:
    return [(f"/{name}{where}", what) for where, what in found]


def _lines(at: str, found: list[Break]) -> list[str]:
    return [f"{at}{where}: {what}" for where, what in found]


def message_breaks(old: Schema, new: Schema) -> list[str]:
    """What a new schema of one message breaks: for new readers of old messages, and for old readers of new ones."""
    before, after = Side(old, old).at(old), Side(new, new).at(new)
    back = _Walk(removed=False).breaks(before, after)
    return _lines("old message ", back) + _lines("new message ", _Walk(removed=True).breaks(after, before))


def messages_breaks(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """The same for every message by its type; one that is gone breaks its readers."""
    found = [f"{name}: removed" for name in old if name not in new]
    return found + [f"{name}: {each}" for name, schema in old.items() if name in new for each in message_breaks(schema, new[name])]


def api_breaks(old: Schema, new: Schema) -> list[str]:
    """What a new OpenAPI document breaks for clients of the old one."""
    found = []
    for path, item in old["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            where = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                found.append(f"{where}: removed")
                continue
            before = item[method]
            found += [f"{where} {each}" for each in _request(Side(old, before), Side(new, after))]
            found += [f"{where} {each}" for each in _response(Side(old, before), Side(new, after))]
    return found


def _request(old: Side, new: Side) -> Iterator[str]:
    if not _open(new.schema) and _open(old.schema):
        yield "security: sign-in is needed now"
    before, after = _parameters(old), _parameters(new)
    for name in after:
        if name not in before and after[name].schema.get("required"):
            yield f"parameter {name[1]}: required now"
    for name, parameter in before.items():
        if name not in after:
            yield f"parameter {name[1]}: removed"
            continue
        if after[name].schema.get("required") and not parameter.schema.get("required"):
            yield f"parameter {name[1]}: required now"
        sent, read = parameter.at(parameter.schema.get("schema", True)), after[name].at(after[name].schema.get("schema", True))
        yield from _lines(f"parameter {name[1]}", _Walk(removed=False).breaks(sent, read))
    sent_body, read_body = old.at(old.schema.get("requestBody", {})), new.at(new.schema.get("requestBody", {}))
    if read_body.schema.get("required") and not sent_body.schema.get("required"):
        yield "request: a body is required now"
    yield from _contents(sent_body, read_body, "request", removed=False)


def _response(old: Side, new: Side) -> Iterator[str]:
    before = {status for status in old.schema["responses"] if status.startswith(_SUCCESS)}
    after = {status for status in new.schema["responses"] if status.startswith(_SUCCESS)}
    yield from (f"{status}: a new answer" for status in sorted(after - before))
    for status in sorted(before & after):
        known, given = old.at(old.schema["responses"][status]), new.at(new.schema["responses"][status])
        yield from _contents(given, known, status, removed=True)


def _contents(sent: Side, read: Side, at: str, *, removed: bool) -> Iterator[str]:
    taken: Mapping[str, Schema] = read.schema.get("content", {})
    for media_type, content in sent.schema.get("content", {}).items():
        if media_type not in taken:
            yield f"{at}: {media_type} is not taken"
            continue
        ours, theirs = sent.at(content.get("schema", True)), read.at(taken[media_type].get("schema", True))
        yield from _lines(at, _Walk(removed=removed).breaks(ours, theirs))


def _parameters(operation: Side) -> dict[tuple[str, str], Side]:
    found = [operation.at(parameter) for parameter in operation.schema.get("parameters", [])]
    return {(parameter.schema["in"], parameter.schema["name"]): parameter for parameter in found}


def _open(operation: Schema) -> bool:
    security = operation.get("security")
    return not security or {} in security


def _type_of(value: object) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")
