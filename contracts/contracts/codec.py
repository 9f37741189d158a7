"""Dataclasses to JSON values and back, by their type hints.

Tolerant where a reader must be (unknown fields are ignored, fields with a default may be absent), strict where a wrong
value would be silently kept. Used for event data and for the JSONB ``body`` of aggregates.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from contracts.values import Json, JsonObject

T = TypeVar("T")


class Malformed(ValueError):
    """The JSON value does not have the shape of the type; names the place, never the content."""


def encode(value: object) -> Json:
    """Turn a dataclass (or what it may hold) into JSON values; instants become UTC ``…Z`` with microseconds kept.

    Raises:
        TypeError: The value holds a type that has no JSON form here, or a naive datetime.
    """
    kind: type = type(value)
    # Nearly everything is one of these two: asked first, an event costs half of what the checks below would take.
    if kind in _PLAIN:
        return cast("Json", value)
    plan = _plan(kind)
    if plan is not None:
        names, take = plan
        # What is plain is passed on here: a call for each would cost more than all else.
        return {name: cast("Json", item) if type(item) in _PLAIN else encode(item) for name, item in zip(names, take(value), strict=True)}
    if isinstance(value, Enum):
        return cast("Json", value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            message = "a naive datetime is no instant"
            raise TypeError(message)
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return [encode(item) for item in sorted(value)]
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    message = f"no JSON form for {kind.__name__}"
    raise TypeError(message)


def encode_object(value: object) -> JsonObject:
    """`encode` for a dataclass, whose JSON form is an object."""
    return cast("JsonObject", encode(value))


def decode(kind: type[T], value: Json) -> T:
    """Build ``kind`` from JSON values.

    Raises:
        Malformed: A field is absent, unknown to its enum, or of another type.
    """
    return cast("T", _reader(cast("Hashable", kind))(value, ""))


_PLAIN = frozenset({str, int, float, bool, types.NoneType})


@cache
def _plan(kind: type) -> tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]] | None:
    """The fields of a dataclass and what takes their values; None of any other type."""
    if not is_dataclass(kind):
        return None
    names = tuple(field.name for field in fields(kind))
    if len(names) > 1:
        return names, attrgetter(*names)
    return names, lambda value: tuple(getattr(value, name) for name in names)


def _fail(where: str, wanted: str) -> typing.NoReturn:
    message = f"{where or '/'}: expected {wanted}"
    raise Malformed(message)


@cache
def _reader(kind: object) -> Callable[[Json, str], object]:  # noqa: C901, PLR0912 - one row per type form reads best in one place
    if isinstance(kind, typing.NewType):
        return _reader(kind.__supertype__)
    origin, args = get_origin(kind), get_args(kind)
    if kind is object:
        return lambda value, _: value
    if origin in {Union, types.UnionType}:
        return _union(args)
    if origin is Literal:
        return lambda value, where: value if value in args else _fail(where, f"one of {args}")
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:  # noqa: PLR2004
        item = _reader(args[0])
        return lambda value, where: tuple(_each(value, where, item))
    if origin is tuple:
        return _row(tuple(_reader(cast("Hashable", arg)) for arg in args))
    if origin is list:
        item = _reader(args[0])
        return lambda value, where: _each(value, where, item)
    if origin is frozenset:
        item = _reader(args[0])
        return lambda value, where: frozenset(_each(value, where, item))
    if origin in {dict, Mapping}:
        item = _reader(args[1])
        return lambda value, where: _mapping(value, where, item)
    if isinstance(kind, type):
        if issubclass(kind, Enum):
            return lambda value, where: _enum(kind, value, where)
        if kind is datetime:
            return _instant
        if kind is date:
            return _date
        if is_dataclass(kind):
            return _dataclass(kind)
        if kind is float:
            return lambda value, where: (
                float(value) if isinstance(value, int | float) and not isinstance(value, bool) else _fail(where, "number")
            )
        if kind in {str, int, bool, types.NoneType}:
            return lambda value, where: value if type(value) is kind else _fail(where, kind.__name__)
    message = f"no reader for {kind!r}"
    raise TypeError(message)


def _union(args: tuple[object, ...]) -> Callable[[Json, str], object]:
    readers = [_reader(arg) for arg in args if arg is not types.NoneType]
    optional = types.NoneType in args

    def read(value: Json, where: str) -> object:
        if value is None and optional:
            return None
        for reader in readers[:-1]:
            try:
                return reader(value, where)
            except Malformed:
                continue
        return readers[-1](value, where)

    return read


def _each(value: Json, where: str, item: Callable[[Json, str], object]) -> list[object]:
    if not isinstance(value, list):
        _fail(where, "array")
    return [item(element, f"{where}/{index}") for index, element in enumerate(value)]


def _row(items: tuple[Callable[[Json, str], object], ...]) -> Callable[[Json, str], object]:
    def read(value: Json, where: str) -> object:
        if not isinstance(value, list) or len(value) != len(items):
            _fail(where, f"array of {len(items)}")
        return tuple(item(value[index], f"{where}/{index}") for index, item in enumerate(items))

    return read


def _mapping(value: Json, where: str, item: Callable[[Json, str], object]) -> dict[str, object]:
    if not isinstance(value, dict):
        _fail(where, "object")
    return {key: item(element, f"{where}/{key}") for key, element in value.items()}


def _enum(kind: type[Enum], value: Json, where: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        _fail(where, f"a {kind.__name__}")


def _instant(value: Json, where: str) -> datetime:
    if not isinstance(value, str):
        _fail(where, "instant")
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        _fail(where, "instant")
    if read.tzinfo is None:
        _fail(where, "instant with zone")
    return read.astimezone(UTC)


def _date(value: Json, where: str) -> date:
    if not isinstance(value, str):
        _fail(where, "date")
    try:
        return date.fromisoformat(value)
    except ValueError:
        _fail(where, "date")


def _plain(kind: object) -> type | None:
    """The type whose values a field may hold as they are; None where each must be looked at."""
    if isinstance(kind, typing.NewType):
        return _plain(kind.__supertype__)
    if get_origin(kind) in {Union, types.UnionType}:
        found = {_plain(each) for each in get_args(kind) if each is not types.NoneType}
        return found.pop() if len(found) == 1 else None
    return cast("type", kind) if kind in (str, int, bool) else None


def _dataclass(kind: type) -> Callable[[Json, str], object]:
    hints = get_type_hints(kind)
    plan: list[tuple[str, type | None, Callable[[Json, str], object], bool]] = []

    def read(value: Json, where: str) -> object:
        if not plan:
            # All at once: a plan left half made by a type without a reader would drop the other fields in silence.
            plan.extend(
                [
                    (
                        field.name,
                        _plain(hints[field.name]),
                        _reader(hints[field.name]),
                        field.default is MISSING and field.default_factory is MISSING,
                    )
                    for field in fields(kind)
                ]
            )
        if not isinstance(value, dict):
            _fail(where, "object")
        given: dict[str, object] = {}
        for name, plain, reader, required in plan:
            if name in value:
                item = value[name]
                # What is plain is taken here: a call, and a text for where it stands, would cost more than all else.
                given[name] = item if type(item) is plain else reader(item, f"{where}/{name}")
            elif required:
                _fail(f"{where}/{name}", "a value")
        return kind(**given)

    return read
