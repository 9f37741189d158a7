"""A list of records in one cell: one a line, what every record says in its order, and behind it by name what few of them say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from catalog_svc.bulk.domain.exact import CellWrong, Shape, read_json
from catalog_svc.sheet.domain.cells import Cell, label_of, lines_of
from contracts.values import Json, JsonObject

_NAMED = re.compile(r"([^:：]{1,20})[:：](.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPart:
    """A part of a line that says by its name which it is, so that nobody counts bars."""

    name: str
    """The record's field, or ``field/inner`` for what stands within one that another part brings."""
    label: str
    """Its name in Chinese."""
    shape: Shape
    aliases: Sequence[str] = ()
    brings: Mapping[str, str] = field(default_factory=dict)
    """Fields that follow from it."""
    affirms: bool = False
    """Whether it is no field, but says whether the one that it stands within is there: 容缺：是 beside 补交期限."""


@dataclass(frozen=True, slots=True)
class Records:
    """A list of records: its fields with bars between, named parts behind them, what is special of a record as JSON at the end."""

    fields: Sequence[tuple[str, Shape]]
    """Name of each field and its shape."""
    given: JsonObject
    """Values of fields that are left empty."""
    number: str = ""
    """Field that counts the records, where a record does not name itself: ``m1``, ``m2``."""
    letter: str = "m"
    tuples: bool = False
    """Whether a record is a list of its fields' values."""
    named: Sequence[NamedPart] = ()
    zh: str = ""
    en: str = ""
    known: Mapping[str, NamedPart] = field(init=False)

    def __post_init__(self) -> None:
        """Look parts up by how their names are compared."""
        object.__setattr__(self, "known", {label_of(name): one for one in self.named for name in (one.label, *one.aliases)})

    def read(self, cell: Cell) -> Json:
        """Its records."""
        found: list[Json] = []
        for index, line in enumerate(lines_of(cell.text)):
            try:
                found.append(self._read(line.replace("｜", "|"), index))
            except CellWrong as wrong:
                raise CellWrong(
                    wrong.rule, f"第 {index + 1} 行：{wrong.zh}", f"Line {index + 1}: {wrong.en}", f"/{index}{wrong.below}"
                ) from wrong
        return found

    def said(self, cell: Cell) -> list[list[str]]:
        """Of each of its lines the fields that it says itself; what stands within another behind that one's name and a slash."""
        return [self._said_by(line.replace("｜", "|")) for line in lines_of(cell.text)]

    def whole(self, record: JsonObject) -> list[str]:
        """The same of a record that is written exactly."""
        return [*record, *(one.name for one in self.named if one.name.partition("/")[0] in record)]

    def show(self, value: Json) -> str:
        """One a line."""
        return "\n".join(self._show(record, index) for index, record in enumerate(cast("list[Json]", value)))

    def _read(self, line: str, index: int) -> Json:
        head, brace, rest = line.partition("|{")
        record, said = self._parts([part.strip() for part in head.split("|")], index)
        if self.tuples:
            if brace:
                raise CellWrong("bulk.record", "该列各行不接受 JSON", "A line of this column takes no JSON")
            return [record[name] for name, _ in self.fields]
        if brace:
            special = read_json("{" + rest)
            for name, value in special.items() if isinstance(special, dict) else ():
                if name in said and record.get(name) != value:
                    raise CellWrong("bulk.said-twice", "同一内容写了两处且不一致", "The same is said twice and differs", f"/{name}")
                record[name] = value
        return record

    def _said_by(self, line: str) -> list[str]:
        head, brace, rest = line.partition("|{")
        parts = [part.strip() for part in head.split("|")]
        said = [name for (name, _), part in zip(self.fields, parts, strict=False) if part]
        for part in parts[len(self.fields) :]:
            found = _NAMED.fullmatch(part)
            known = None if found is None else self.known.get(label_of(found[1]))
            if found is not None and known is not None and found[2].strip():
                said.append(known.name.partition("/")[0] if known.affirms else known.name)
        special = read_json("{" + rest) if brace else {}
        return [*said, *(self.whole(special) if isinstance(special, dict) else ())]

    def _parts(self, parts: Sequence[str], index: int) -> tuple[JsonObject, set[str]]:
        """What a line says without its JSON, and which fields it says by name."""
        if len(parts) > len(self.fields) and not self.named:
            raise CellWrong("bulk.record", f"超过 {len(self.fields)} 项", f"More than {len(self.fields)} fields")
        record: JsonObject = {**self.given, **({self.number: f"{self.letter}{index + 1}"} if self.number else {})}
        for place, ((name, shape), part) in enumerate(zip(self.fields, parts, strict=False)):
            if part:
                record[name] = _read(shape, part, place=place, label="", below=str(place) if self.tuples else name)
        if missing := [name for name, _ in self.fields if name not in record]:
            place = [name for name, _ in self.fields].index(missing[0])
            raise CellWrong("bulk.record", f"缺少第 {place + 1} 项", f"Field {place + 1} is missing", f"/{missing[0]}")
        said = self._said(parts, record)
        if any(one.name == "name_en" for one in self.named):
            record.setdefault("name_en", record["name"])
        return record, said

    def _said(self, parts: Sequence[str], record: JsonObject) -> set[str]:
        """Take the named parts of a line into its record."""
        said: dict[str, Json] = {}
        for place, part in enumerate(parts[len(self.fields) :], start=len(self.fields)):
            if not part:
                continue
            found = _NAMED.fullmatch(part)
            known = None if found is None else self.known.get(label_of(found[1]))
            if found is None or known is None:
                labels = "、".join(one.label for one in self.named)
                raise CellWrong(
                    "bulk.record",
                    f"第 {place + 1} 项应写作“名称：内容”，名称为以下之一：{labels}",
                    f"Part {place + 1} is written as name：content, its name one of {labels}",
                )
            if known.name in said:
                raise CellWrong(
                    "bulk.record",
                    f"第 {place + 1} 项（{known.label}）重复",
                    f"Part {place + 1} ({known.label}) is repeated",
                    f"/{known.name}",
                )
            if found[2].strip():
                said[known.name] = _read(known.shape, found[2], place=place, label=known.label, below=known.name)
                record |= known.brings
        record |= {name: value for name, value in said.items() if "/" not in name}
        for one in self.named:
            holder, _, inner = one.name.partition("/")
            if not inner or one.name not in said:
                continue
            within = record.get(holder)
            if one.affirms and (within is not None) != said[one.name]:
                raise CellWrong("bulk.record", *_disagrees(one.label, self._label(holder)), f"/{holder}")
            if not one.affirms and not isinstance(within, dict):
                raise CellWrong("bulk.record", f"没有期限，不能只写“{one.label}”", f"{one.label} without its period", f"/{one.name}")
            if isinstance(within, dict) and not one.affirms:
                record[holder] = {**within, inner: said[one.name]}
        return {name.partition("/")[0] for name in said}

    def _label(self, name: str) -> str:
        return next(one.label for one in self.named if one.name == name)

    def _show(self, record: Json, index: int) -> str:
        names = [name for name, _ in self.fields]
        values = dict(zip(names, cast("list[Json]", record), strict=True)) if self.tuples else dict(cast("JsonObject", record))
        shown = [shape.show(values[name]) for name, shape in self.fields]
        if any("|" in part or "\n" in part for part in shown):
            raise ValueError
        if self.tuples:
            return "|".join(shown)
        plain, _ = self._parts(shown, index)
        named = {one.name: text for one in self.named if (text := _shown(one, values, plain))}
        try:
            read, _ = self._parts([*shown, *named.values()], index)
        except CellWrong:
            # One of them is not read: all that they say stands in the JSON.
            read, named = plain, {}
        special = {key: value for key, value in values.items() if key not in read or read[key] != value}
        # What a name could not say exactly stands in the JSON alone.
        named = {name: text for name, text in named.items() if name.partition("/")[0] not in special}
        tail = [json.dumps(special, ensure_ascii=False, separators=(",", ":"))] if special else []
        return "|".join([*shown, *named.values(), *tail])


def _read(shape: Shape, text: str, *, place: int, label: str, below: str) -> Json:
    try:
        return shape.read(Cell(text.strip()))
    except CellWrong as wrong:
        zh, en = (f"第 {place + 1} 项（{label}）", f"part {place + 1} ({label})") if label else (f"第 {place + 1} 项", f"part {place + 1}")
        raise CellWrong(wrong.rule, f"{zh}：{wrong.zh}", f"{en}: {wrong.en}", f"/{below}") from wrong


def _disagrees(label: str, asked: str) -> tuple[str, str]:
    return f"“{label}”为是的须写明“{asked}”，为否的不写", f"{asked} is written just where {label} says yes"


def _shown(one: NamedPart, values: JsonObject, plain: JsonObject) -> str:
    """A part by its name; empty where the line says it anyway, or where no line could."""
    if one.affirms:
        holder = one.name.partition("/")[0]
        return "" if values.get(holder) is None else f"{one.label}：{one.shape.show(True)}"
    value, usual = _within(values, one.name), _within(plain, one.name)
    if value == usual or (value is None and usual is None):
        return ""
    try:
        text = one.shape.show(value)
    except (KeyError, TypeError, ValueError):
        return ""
    return "" if not text or "|" in text or "\n" in text else f"{one.label}：{text}"


def _within(record: JsonObject, name: str) -> Json:
    holder, _, inner = name.partition("/")
    value = record.get(holder)
    return value.get(inner) if inner and isinstance(value, dict) else None if inner else value
