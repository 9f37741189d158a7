"""Dataclasses to JSON values and back, by their type hints.

Tolerant where a reader must be (unknown fields are ignored, fields with a default may be absent), strict where a wrong
value would be silently kept. Used for event data and for the JSONB ``body`` of aggregates.

What is named by the digest of its JSON form (parts, drafts) must keep its name when its class learns a new field: such a
field is marked ``metadata=ADDED`` and stands in the JSON only where it differs from its default.
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

ADDED: Mapping[str, bool] = {"added": True}
"""Metadata of a field that older records lack: what says nothing of it is written as it was written before it existed."""


class Malformed(ValueError):
    """The JSON value does not have the shape of the type; names the place, never the content."""


def encode(value: object) -> Json:
    """Turn a dataclass, a named tuple or what they may hold into JSON values; instants become UTC ``…Z`` with microseconds kept.

    Raises:
        TypeError: The value holds a type that has no JSON form here, or a naive datetime.
    """
    kind = type(value)
    return cast("Json", value) if kind in _PLAIN else _WRITERS[kind](value)


def encode_object(value: object) -> JsonObject:
    """`encode` for a dataclass or a named tuple, whose JSON form is an object."""
    return cast("JsonObject", encode(value))


def decode(kind: type[T], value: Json) -> T:
    """Build ``kind`` from JSON values.

    Raises:
        Malformed: A field is absent, unknown to its enum, or of another type.
    """
    try:
        return cast("T", _reader(cast("Hashable", kind))(value))
    except _Misfit as misfit:
        place = "".join(f"/{part}" for part in reversed(misfit.place)) or "/"
        message = f"{place}: expected {misfit.wanted}"
        raise Malformed(message) from None


_PLAIN = frozenset({str, int, float, bool, types.NoneType})


class _Misfit(Exception):
    """A value of another shape. Whoever looked inside a value says on the way out where: nobody builds a place that nobody asks for."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.place: list[str | int] = []
        """From the inside out."""


class _Writers(dict[type, "Callable[[object], Json]"]):
    """How values of a type are written; found out once per type."""

    def __missing__(self, kind: type) -> Callable[[object], Json]:
        writer = self[kind] = _writer(kind)
        return writer


_WRITERS = _Writers()


def _writer(kind: type) -> Callable[[object], Json]:
    if is_dataclass(kind):
        return _dataclass_writer(kind)
    if issubclass(kind, Enum):
        return attrgetter("_value_")
    if issubclass(kind, bool | int | float | str):
        return lambda value: cast("Json", value)
    if issubclass(kind, datetime):
        return cast("Callable[[object], Json]", _write_instant)
    if issubclass(kind, date):
        return cast("Callable[[object], Json]", date.isoformat)
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(item) for key, item in cast("Mapping[object, object]", value).items()}
    if issubclass(kind, frozenset | set):
        return lambda value: [encode(item) for item in sorted(cast("frozenset[str]", value))]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        # A tuple with named fields says what it says by their names, as a dataclass does: as a row each new field would move the others.
        return _object_writer(cast("tuple[str, ...]", kind._fields))
    if issubclass(kind, list | tuple):
        return lambda value: [encode(item) for item in cast("list[object]", value)]
    message = f"no JSON form for {kind.__name__}"
    raise TypeError(message)


def _dataclass_writer(kind: type) -> Callable[[object], Json]:
    write = _object_writer(tuple(field.name for field in fields(kind)))
    added = tuple((field.name, field.default) for field in fields(kind) if field.metadata.get("added"))
    if not added:
        return write

    def write_what_is_said(value: object) -> Json:
        written = cast("JsonObject", write(value))
        for name, default in added:
            if getattr(value, name) == default:
                del written[name]
        return written

    return write_what_is_said


def _object_writer(names: tuple[str, ...]) -> Callable[[object], Json]:
    # Some of them are no JSON yet: said otherwise once, since a cast for each would be a call.
    take: Callable[[object], tuple[Json, ...]] = attrgetter(*names) if len(names) > 1 else _one_by_one(names)

    def write(value: object) -> Json:
        # What is plain is passed on here: a call for each would cost more than all else.
        return {name: item if type(item) in _PLAIN else _WRITERS[type(item)](item) for name, item in zip(names, take(value), strict=True)}

    return write


def _one_by_one(names: tuple[str, ...]) -> Callable[[object], tuple[Json, ...]]:
    return lambda value: tuple(getattr(value, name) for name in names)


def _write_instant(value: datetime) -> str:
    if value.tzinfo is None:
        message = "a naive datetime is no instant"
        raise TypeError(message)
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _fail(wanted: str) -> typing.NoReturn:
    raise _Misfit(wanted)


@cache
def _reader(kind: object) -> Callable[[Json], object]:  # noqa: C901, PLR0912 - one row per type form reads best in one place
    if isinstance(kind, typing.NewType):
        return _reader(kind.__supertype__)
    origin, args = get_origin(kind), get_args(kind)
    if kind is object:
        return lambda value: value
    if origin in {Union, types.UnionType}:
        return _union(args)
    if origin is Literal:
        return lambda value: value if value in args else _fail(f"one of {args}")
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:  # noqa: PLR2004
        item = _reader(args[0])
        return lambda value: tuple(_each(value, item))
    if origin is tuple:
        return _row(tuple(_reader(cast("Hashable", arg)) for arg in args))
    if origin is list:
        item = _reader(args[0])
        return lambda value: _each(value, item)
    if origin is frozenset:
        item = _reader(args[0])
        return lambda value: frozenset(_each(value, item))
    if origin in {dict, Mapping}:
        item = _reader(args[1])
        return lambda value: _mapping(value, item)
    if isinstance(kind, type):
        if issubclass(kind, Enum):
            return _enum(kind)
        if kind is datetime:
            return _instant
        if kind is date:
            return _date
        if is_dataclass(kind):
            return _dataclass(kind)
        if kind is float:
            return lambda value: float(value) if isinstance(value, int | float) and not isinstance(value, bool) else _fail("number")
        if kind in {str, int, bool, types.NoneType}:
            return lambda value: value if type(value) is kind else _fail(kind.__name__)
    message = f"no reader for {kind!r}"
    raise TypeError(message)


def _union(args: tuple[object, ...]) -> Callable[[Json], object]:
    readers = [_reader(arg) for arg in args if arg is not types.NoneType]
    optional = types.NoneType in args
    last = readers.pop()
    if optional and not readers:
        return lambda value: None if value is None else last(value)

    def read(value: Json) -> object:
        if value is None and optional:
            return None
        for reader in readers:
            try:
                return reader(value)
            except _Misfit:
                continue
        return last(value)

    return read


def _each(value: Json, item: Callable[[Json], object]) -> list[object]:
    if not isinstance(value, list):
        _fail("array")
    try:
        return [item(element) for element in value]
    except _Misfit:
        return [_inside(index, element, item) for index, element in enumerate(value)]


def _inside(part: str | int, value: Json, item: Callable[[Json], object]) -> object:
    """Read again what did not fit somewhere, to say where."""
    try:
        return item(value)
    except _Misfit as misfit:
        misfit.place.append(part)
        raise


def _row(items: tuple[Callable[[Json], object], ...]) -> Callable[[Json], object]:
    def read(value: Json) -> object:
        if not isinstance(value, list) or len(value) != len(items):
            _fail(f"array of {len(items)}")
        return tuple(_inside(index, element, item) for index, (element, item) in enumerate(zip(value, items, strict=True)))

    return read


def _mapping(value: Json, item: Callable[[Json], object]) -> dict[str, object]:
    if not isinstance(value, dict):
        _fail("object")
    return {key: _inside(key, element, item) for key, element in value.items()}


def _enum(kind: type[Enum]) -> Callable[[Json], object]:
    members: dict[object, Enum] = {member.value: member for member in kind}

    def read(value: Json) -> object:
        if isinstance(value, list | dict) or (found := members.get(value)) is None:
            _fail(f"a {kind.__name__}")
        return found

    return read


def _instant(value: Json) -> datetime:
    if not isinstance(value, str):
        _fail("instant")
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        _fail("instant")
    if read.tzinfo is None:
        _fail("instant with zone")
    return read.astimezone(UTC)


def _date(value: Json) -> date:
    if not isinstance(value, str):
        _fail("date")
    try:
        return date.fromisoformat(value)
    except ValueError:
        _fail("date")


def _plain(kind: object) -> type | None:
    """The type whose values a field may hold as they are; None where each must be looked at."""
    if isinstance(kind, typing.NewType):
        return _plain(kind.__supertype__)
    if get_origin(kind) in {Union, types.UnionType}:
        found = {_plain(each) for each in get_args(kind) if each is not types.NoneType}
        return found.pop() if len(found) == 1 else None
    return cast("type", kind) if kind in (str, int, bool) else None


def _dataclass(kind: type) -> Callable[[Json], object]:
    plan: list[tuple[str, type | None, Callable[[Json], object], bool]] = []

    def read(value: Json) -> object:
        if not plan:
            # Made when it is first needed, since a type may hold its own kind; all at once, since a plan left half made by a type
            # without a reader would drop the other fields in silence.
            plan.extend(_fields(kind))
        if not isinstance(value, dict):
            _fail("object")
        given: dict[str, object] = {}
        name = ""
        try:
            for name, plain, reader, required in plan:
                if name in value:
                    item = value[name]
                    # What is plain is taken here: a call would cost more than all else.
                    given[name] = item if type(item) is plain else reader(item)
                elif required:
                    _fail("a value")
        except _Misfit as misfit:
            misfit.place.append(name)
            raise
        return kind(**given)

    return read


def _fields(kind: type) -> list[tuple[str, type | None, Callable[[Json], object], bool]]:
    """Of each field its name, the type that is taken as it is, how others are read, and whether it must be there."""
    hints = get_type_hints(kind)
    return [
        (each.name, _plain(hints[each.name]), _reader(hints[each.name]), each.default is MISSING and each.default_factory is MISSING)
        for each in fields(kind)
    ]
