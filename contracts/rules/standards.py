"""Inheritance of items: national base item → province (or any region) → organ's service item, element by element.

Each element 要素 is locked (the same everywhere below), narrowable (below it may only become stricter on the organ: sooner, fewer
materials, more ways) or free (a recommendation). A layer may tighten what stands above it and never loosens it.

Law: 国办函〔2016〕108号; 四级四同 (name, code, legal basis and kind are the same at every level).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, cast

from contracts.catalogue import ApprovalType, Limit, ProjectType
from contracts.codec import Malformed, decode
from contracts.elements import FourDo
from contracts.refusals import Defect
from contracts.values import Json, JsonObject, Mode, RegionCode, Way
from rules.elements import is_longer

_BASIS = "国办函〔2016〕108号"
RESULT_TYPES = ("", "licence", "approval", "certificate", "report", "filing", "other")
"""resultType of GB/T 39554."""


class Lock(StrEnum):
    """What those below may do with an element."""

    LOCKED = "locked"
    NARROWABLE = "narrowable"
    FREE = "free"


_STRICTNESS = (Lock.FREE, Lock.NARROWABLE, Lock.LOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element as a layer fixes it."""

    field: str
    """A key of `FIELDS`."""
    lock: Lock
    value: object
    """JSON; what it must be, `FIELDS` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """An element in force for an organ, with the region whose layer fixed it."""

    element: Element
    region: RegionCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """An element of a service item that is not what its standard says."""

    field: str
    pointer: str
    lock: Lock
    region: RegionCode
    """Whose layer says otherwise."""
    expected: object
    found: object
    allowed: bool
    """Free, or narrowed as far as it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    pointer: str
    """Of the element in the body of ``POST /service-items``."""
    read: Callable[[JsonObject], Json]
    valid: Callable[[Json], bool]
    within: Callable[[Json, Json], bool] | None
    """Whether the second, below, narrows the first; ``None`` when there is no such thing and narrowable means locked."""
    comparable: Callable[[Json], Json] = lambda value: value


def _at(*path: str) -> Callable[[JsonObject], Json]:
    def read(draft: JsonObject) -> Json:
        node: Json = draft
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        return node

    return read


def _ids(name: str, *path: str) -> Callable[[JsonObject], Json]:
    whole = _at(*path)

    def read(draft: JsonObject) -> Json:
        rows = whole(draft)
        return [*sorted(str(row[name]) for row in rows if isinstance(row, dict))] if isinstance(rows, list) else []

    return read


_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}", re.ASCII)
_LONGEST = 10_000
"""Amount of a limit, and characters of a text."""


def _is_code(value: Json) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _one_of(*values: str | None) -> Callable[[Json], bool]:
    return lambda value: (value is None or isinstance(value, str)) and value in values


def _each(valid: Callable[[Json], bool], *, least: int = 0) -> Callable[[Json], bool]:
    """Whether a value is a list of such, each once: an item names none twice and could never be the same."""
    return lambda value: (
        isinstance(value, list) and len(value) >= least and all(map(valid, value)) and len({*map(str, value)}) == len(value)
    )


_CODES = _each(_is_code)


def _is_limit(value: Json) -> bool:
    try:
        return 0 <= decode(Limit, value).amount <= _LONGEST
    except Malformed:
        return False


def _no_longer(above: Json, below: Json) -> bool:
    if above is None or below is None:
        return below is None
    return not is_longer(decode(Limit, below), than=decode(Limit, above))


def _at_most(above: Json, below: Json) -> bool:
    return set(cast("list[str]", below)) <= set(cast("list[str]", above))


def _at_least(above: Json, below: Json) -> bool:
    return set(cast("list[str]", above)) <= set(cast("list[str]", below))


def _without_basis(value: Json) -> Json:
    return [value["amount"], value["unit"]] if isinstance(value, dict) else value


def _sorted(value: Json) -> Json:
    return [*sorted(cast("list[str]", value))] if isinstance(value, list) else value


def _choice(name: str, valid: Callable[[Json], bool]) -> _Field:
    return _Field(pointer=f"/version/{name}", read=_at("version", name), valid=valid, within=None)


def _limit(name: str, *, optional: bool = False) -> _Field:
    return _Field(
        pointer=f"/version/{name}",
        read=_at("version", name),
        valid=lambda value: (optional and value is None) or _is_limit(value),
        within=_no_longer,
        comparable=_without_basis,
    )


def _set(
    pointer: str, read: Callable[[JsonObject], Json], within: Callable[[Json, Json], bool], valid: Callable[[Json], bool] = _CODES
) -> _Field:
    return _Field(pointer=pointer, read=lambda draft: read(draft) or [], valid=valid, within=within, comparable=_sorted)


def _ways(draft: JsonObject) -> Json:
    said = _at("version", "ways")(draft)
    return [Way.MOVED_DOWN.value] if said is None else said


FIELDS: Mapping[str, _Field] = {
    "legal_basis": _set("/texts/legal_basis", _at("texts", "legal_basis"), _at_least, _each(_is_text)),
    "project_type": _choice("project_type", _one_of(*ProjectType)),
    "approval_type": _choice("approval_type", _one_of(*ApprovalType)),
    "credential_type": _choice("credential_type", lambda value: value is None or _is_code(value)),
    "service_objects": _set(
        "/version/service_objects", _at("version", "service_objects"), _at_least, _each(_one_of("natural", "legal"), least=1)
    ),
    "modes": _set("/version/modes", _at("version", "modes"), _at_least, _each(_one_of(*Mode), least=1)),
    "ways": _set("/version/ways", _ways, _at_least, _each(_one_of(*Way))),
    "four_do": _set("/version/four_do", _at("version", "four_do"), _at_least, _each(_one_of(*FourDo))),
    **{
        f"{name}_limit": _limit(f"{name}_limit", optional=name == "extension")
        for name in ("acceptance", "statutory", "promised", "extension", "delivery")
    },
    "situations": _set("/situations/situations", _ids("situation_id", "situations", "situations"), _at_least, _each(_is_code, least=1)),
    "materials": _set("/checklist/materials", _ids("code", "checklist", "materials"), _at_most),
    "stops": _set("/texts/stops", _ids("code", "texts", "stops"), _at_most),
    "fee_lines": _set("/texts/fee_lines", _ids("code", "texts", "fee_lines"), _at_most),
    "chain": _set("/texts/chain", _ids("step_id", "texts", "chain"), _at_most),
    "result_type": _Field(
        pointer="/texts/result_type", read=lambda d: _at("texts", "result_type")(d) or "", valid=_one_of(*RESULT_TYPES), within=None
    ),
}
"""Every element that a standard can fix: lists of parts by their codes, limits by amount and unit."""

FOUR_SAME = frozenset({"legal_basis"})
"""四同: locked wherever a standard says them, whatever lock it names; name, code and kind are the base item's own."""


Layers: TypeAlias = Iterable[tuple[RegionCode, Sequence[Element]]]
"""The nation's first, then downwards to the organ's region."""


def in_force(layers: Layers) -> dict[str, Fixed]:
    """What is fixed for an organ, by field: by the lowest layer that keeps what stands above it.

    Layers are published one after the other and in any order, so one that was sound may stand below a later one that it contradicts; what
    stands above then holds. An element that no item could ever have fixes nothing.
    """
    fixed: dict[str, Fixed] = {}
    for region, elements in layers:
        for one in elements:
            field, upper = FIELDS.get(one.field), fixed.get(one.field)
            if field is None or not field.valid(cast("Json", one.value)):
                continue
            lower = Element(field=one.field, lock=Lock.LOCKED if one.field in FOUR_SAME else one.lock, value=one.value)
            if upper is None or (not _is_looser(lower, upper.element) and _keeps(field, upper.element, cast("Json", one.value))):
                fixed[one.field] = Fixed(element=lower, region=region)
    return fixed


def overruled(layers: Layers) -> tuple[Fixed, ...]:
    """The elements of these layers that do not hold, since they would loosen what stands above them now."""
    known = [(region, elements) for region, elements in layers]
    holding = [in_force(known[:count]) for count in range(1, len(known) + 1)]
    return tuple(
        Fixed(element=one, region=region)
        for (region, elements), fixed in zip(known, holding, strict=True)
        for one in elements
        if one.field in FIELDS and (one.field not in fixed or fixed[one.field].region != region)
    )


def _is_looser(one: Element, upper: Element) -> bool:
    return _STRICTNESS.index(one.lock) < _STRICTNESS.index(upper.lock)


def layer_defects(elements: Sequence[Element], *, above: Mapping[str, Fixed]) -> tuple[Defect, ...]:
    """What is wrong with a layer under what is fixed above it; pointers into ``elements``."""
    return tuple(_layer_defects(elements, above))


def _layer_defects(elements: Sequence[Element], above: Mapping[str, Fixed]) -> Iterator[Defect]:
    seen: set[str] = set()
    for index, one in enumerate(elements):
        place = f"/elements/{index}"
        field = FIELDS.get(one.field)
        if field is None or one.field in seen:
            yield _defect("standard.field", f"{place}/field", "没有此要素,或者重复", "There is no such element, or it stands twice")
            continue
        seen.add(one.field)
        value = cast("Json", one.value)
        if not field.valid(value):
            yield _defect("standard.value", f"{place}/value", "要素的值类型不正确", "The element's value has the wrong shape")
            continue
        upper = above.get(one.field)
        if upper is None:
            continue
        if _is_looser(one, upper.element):
            yield _defect("standard.loosened", f"{place}/lock", "不得放宽上级规定", "What stands above may not be loosened", _BASIS)
        if not _keeps(field, upper.element, value):
            yield _defect("standard.locked", f"{place}/value", "与上级统一的要素不一致", "It differs from what is fixed above", _BASIS)


def drifts(draft: JsonObject, *, fixed: Mapping[str, Fixed]) -> tuple[Drift, ...]:
    """Every element of an item that is not what its standard says, allowed or not, by field.

    Args:
        draft: The item as ``POST /service-items`` takes it.
        fixed: As `in_force` gave it for the organ's region.
    """
    found: list[Drift] = []
    for name in sorted(fixed):
        one, field = fixed[name].element, FIELDS[name]
        given, expected = field.read(draft), cast("Json", one.value)
        if field.comparable(given) != field.comparable(expected):
            found.append(
                Drift(
                    field=name,
                    pointer=field.pointer,
                    lock=one.lock,
                    region=fixed[name].region,
                    expected=expected,
                    found=given,
                    allowed=_keeps(field, one, given),
                )
            )
    return tuple(found)


def inheritance_defects(draft: JsonObject, *, fixed: Mapping[str, Fixed]) -> tuple[Defect, ...]:
    """The drifts that forbid to publish, as defects with pointers into the draft."""
    return tuple(
        Defect(
            rule_id="item.field-locked" if one.lock is Lock.LOCKED else "item.field-widened",
            pointer=one.pointer,
            message="该要素由上级统一,不得改动" if one.lock is Lock.LOCKED else "该要素只能在上级规定的范围内收紧",
            message_en="This element is fixed above" if one.lock is Lock.LOCKED else "This element may only be narrowed",
            basis=_BASIS,
        )
        for one in drifts(draft, fixed=fixed)
        if not one.allowed
    )


def _keeps(field: _Field, above: Element, below: Json) -> bool:
    if above.lock is Lock.FREE:
        return True
    expected = cast("Json", above.value)
    if field.comparable(below) == field.comparable(expected):
        return True
    return above.lock is Lock.NARROWABLE and field.within is not None and field.within(expected, below)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What the base item fixes for every organ (inheritance: base item → organ's item)."""

    name: str
    kind: str
    """事项类型"""
    modes: tuple[Mode, ...]
    """Modes that must be declared."""
    merged: bool
    """Published only as part of another item."""


def identity_defects(*, name: str, kind: str, modes: Collection[Mode], locked: Locked | None) -> tuple[Defect, ...]:
    """Where an item is not one of the base item; ``locked`` is None when there is no such base item."""
    return tuple(_identity_defects(name, kind, modes, locked))


def _identity_defects(name: str, kind: str, modes: Collection[Mode], locked: Locked | None) -> Iterator[Defect]:
    if locked is None:
        yield _defect("item.code-unknown", "/version/item_code", "基本目录中没有此事项", "There is no base item with this code")
        return
    if locked.merged:
        yield _defect("item.part-of", "/version/item_code", "此事项合并在另一事项中办理", "This item is published as part of another")
    if name != locked.name:
        yield _defect(
            "item.name-locked", "/version/name", "事项名称应与基本目录一致", "The name is locked by the base item", "国办函〔2016〕108号"
        )
    if kind not in {"", locked.kind}:
        yield _defect(
            "item.kind-locked", "/version/kind", "事项类型应与基本目录一致", "The kind is locked by the base item", "国办函〔2016〕108号"
        )
    if missing := [mode for mode in locked.modes if mode not in modes]:
        yield _defect(
            "item.modes-locked",
            "/version/modes",
            f"基本目录规定应当支持 {'、'.join(missing)}",
            f"The base item demands {', '.join(missing)}",
            "国办发〔2020〕35号",
        )


def _defect(rule_id: str, pointer: str, message: str, message_en: str, basis: str = "") -> Defect:
    return Defect(rule_id=rule_id, pointer=pointer, message=message, message_en=message_en, basis=basis)


__all__ = [
    "FIELDS",
    "Drift",
    "Element",
    "Fixed",
    "Lock",
    "Locked",
    "drifts",
    "identity_defects",
    "in_force",
    "inheritance_defects",
    "layer_defects",
    "overruled",
]
