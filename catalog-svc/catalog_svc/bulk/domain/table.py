"""An office's table: which row names the columns, and what each row below says of one item."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from catalog_svc.bulk.domain.beside import require_within_bounds
from catalog_svc.bulk.domain.column import Column, Missing
from catalog_svc.bulk.domain.columns import BESIDE, CHARGED, CHARGES, COLUMNS, FORMER, ITEM, LABELS, NEEDED, ORGAN, OTHERS, PLANNED, TASK
from catalog_svc.bulk.domain.exact import CellWrong, read_cell, show_cell, storable
from catalog_svc.bulk.domain.said import LINES, said_by
from catalog_svc.sheet.domain.bounds import MOST_ROWS
from catalog_svc.sheet.domain.cells import EMPTY, Cell, CellKind, Sheet, SheetRow, label_of
from catalog_svc.sheet.domain.refusals import SheetHeaderless, SheetTooLarge
from contracts.values import Json, JsonObject

LOOKED_AT = 40
"""Rows from the top among which the header is looked for: offices write titles, notes and an index above it."""
MOST_IN_ROW = 600_000
"""Characters of a row in all."""
_ENOUGH = 4
"""Known headings from which on a row is meant as a header."""
_BESIDE = {label_of(label) for label in BESIDE}
_LATER = {column.code for column in COLUMNS if column.came_later}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing wrong with one row; never says what stands there."""

    rule: str
    zh: str
    en: str
    field: str = ""
    """The column's Chinese name."""
    code: str = ""
    """Its name in the standard."""
    pointer: str = ""
    """Into the body of ``POST /service-items``."""


@dataclass(slots=True, kw_only=True)
class RowRead:
    """What one row says."""

    sheet: str
    number: int
    cells: Sequence[str]
    """As they stood there, to be given back."""
    body: JsonObject = field(default_factory=dict)
    """As ``POST /service-items`` takes it; incomplete where there are flaws."""
    kept: list[list[str]] = field(default_factory=list)
    """Places of the body that were left empty and stay as the item's newest version has them."""
    emptied: list[str] = field(default_factory=list)
    """Columns, by their codes, that were left empty and do not: they say what an empty cell says."""
    lines: dict[str, list[list[str]]] = field(default_factory=dict)
    """Of the columns of lines, by their codes, what each line says itself."""
    former: list[str] = field(default_factory=list)
    planned: str | None = None
    flaws: list[Flaw] = field(default_factory=list)
    failed: Exception | None = None
    """What the reading of it broke on."""

    def require_read(self) -> None:
        """Hold on to a row that was read.

        Raises:
            Exception: What its reading broke on.
        """
        if self.failed is not None:
            raise self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a sheet's columns are."""

    row: int
    places: Mapping[str, int]
    """Index of each known column by its code."""
    headings: Sequence[str]
    """As the office wrote them."""
    unknown: Sequence[str]
    """Headings that mean nothing here; what stands below them is not taken in."""

    def letters(self) -> dict[str, str]:
        """Where each column stands, as the office sees it."""
        return {code: letters_of(index) for code, index in self.places.items()}


def letters_of(index: int) -> str:
    """Letters of a column counted from 0."""
    letters, number = "", index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def find_header(rows: Sequence[SheetRow]) -> Header | None:
    """The header among the first rows of a sheet: the row with the most known headings, the lower of two levels.

    Raises:
        SheetHeaderless: A row is meant as a header and lacks what every table must have, or has a column twice.
    """
    read = [_headings(row, above) for above, row in zip([None, *rows], rows, strict=False)]
    best = max((len(places) for places, _, _ in read), default=0)
    if best < _ENOUGH:
        return None
    index = next(index for index, (places, _, _) in enumerate(read) if len(places) == best)
    while index + 1 < len(read) and len(read[index + 1][0]) == best:
        index += 1
    places, twice, unknown = read[index]
    needed = list(NEEDED) if TASK.code in places else [ITEM, ORGAN, *NEEDED]
    if missing := [column.name for column in needed if column.code not in places]:
        raise SheetHeaderless(facts={"row": rows[index].number, "missing": [*missing]})
    if twice:
        raise SheetHeaderless(facts={"row": rows[index].number, "twice": [*sorted(twice)]})
    return Header(row=rows[index].number, places=places, headings=[storable(cell.text) for cell in rows[index].cells], unknown=unknown)


def _headings(row: SheetRow, above: SheetRow | None) -> tuple[dict[str, int], set[str], list[str]]:
    places: dict[str, int] = {}
    twice: set[str] = set()
    unknown: list[str] = []
    for index, cell in enumerate(row.cells):
        label = label_of(cell.text)
        group = label_of(above.cells[index].text) if above is not None and index < len(above.cells) else ""
        column = LABELS.get(label) or LABELS.get(group + label)
        if column is None:
            if label and label not in _BESIDE:
                unknown.append(storable(cell.text).strip()[:50])
        elif column.code in places:
            twice.add(column.name)
        else:
            places[column.code] = index
    return places, twice, unknown


@dataclass(slots=True)
class Reading:
    """A file on its way: rows as they come, and what is told of the file as a whole."""

    hidden: list[str] = field(default_factory=list)
    """Hidden sheets; not read."""
    passed: list[str] = field(default_factory=list)
    """Sheets without a header; not read."""
    unknown: list[str] = field(default_factory=list)
    headings: dict[str, list[str]] = field(default_factory=dict)
    """Of each sheet, as the office wrote them."""
    letters: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of each sheet, where its known columns stand."""
    rows: int = 0

    def read(self, sheets: Iterable[Sheet]) -> Iterator[RowRead]:
        """The rows of every sheet that has a header.

        Raises:
            SheetRefused: The file cannot be read, or not to its end; what was read before counts for nothing.
        """
        found = False
        for given in sheets:
            sheet = replace(given, name=storable(given.name))
            if sheet.hidden:
                self.hidden.append(sheet.name)
                continue
            rows = iter(sheet.rows)
            first = [row for _, row in zip(range(LOOKED_AT), rows, strict=False)]
            header = find_header(first)
            if header is None:
                self.passed.append(sheet.name)
                continue
            found = True
            self.headings[sheet.name] = [*header.headings]
            self.letters[sheet.name] = header.letters()
            self.unknown += [name for name in header.unknown if name not in self.unknown]
            for row in _below(header, first, rows):
                self.rows += 1
                if self.rows > MOST_ROWS:
                    raise SheetTooLarge(facts={"row": row.number, "rows": MOST_ROWS})
                yield _read_or_fail(row, header=header, sheet=sheet)
        if not found:
            raise SheetHeaderless(facts={"missing": [column.name for column in (ITEM, ORGAN, *NEEDED)]})


def _below(header: Header, first: Sequence[SheetRow], rest: Iterator[SheetRow]) -> Iterator[SheetRow]:
    """Rows that say something: not blank, no header again, no remark over the whole width."""
    again = {label_of(text) for text in header.headings if text}
    for row in (*(one for one in first if one.number > header.row), *rest):
        said = [cell for cell in row.cells if cell.kind is not CellKind.TEXT or cell.text.strip()]
        remark = len(said) > 1 and len({cell.text for cell in said}) == 1
        if said and not remark and not {label_of(cell.text) for cell in said} <= again:
            yield row


def _read_or_fail(row: SheetRow, *, header: Header, sheet: Sheet) -> RowRead:
    """A row; one that nobody knows how to read says on what its reading broke, and those below it are read all the same."""
    try:
        return read_row(row, header=header, sheet=sheet)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        cells = [storable(cell.text) for cell in row.cells]
        return RowRead(sheet=sheet.name, number=row.number, cells=cells, failed=error)


def read_row(row: SheetRow, *, header: Header, sheet: Sheet) -> RowRead:
    """What a row says of one item, with every flaw of its cells."""
    cells = list(row.cells)
    read = RowRead(sheet=sheet.name, number=row.number, cells=[storable(cell.text) for cell in cells])
    if sum(len(cell.text) for cell in cells) > MOST_IN_ROW:
        read.cells = []
        read.flaws.append(
            Flaw(rule="bulk.row-too-large", zh=f"整行超过 {MOST_IN_ROW} 个字", en=f"More than {MOST_IN_ROW} characters in a row")
        )
        return read
    values: dict[str, Json] = {}
    for column in COLUMNS:
        index = header.places.get(column.code, len(cells))
        cell = cells[index] if index < len(cells) else EMPTY
        day = cell.text.partition(".")[0]
        if cell.kind is CellKind.NUMBER and column is PLANNED and sheet.origin and day.isdecimal():
            cell = Cell(str(int(day[:9]) + sheet.origin), CellKind.NUMBER)
        if cell.kind is CellKind.TEXT and not cell.text.strip():
            continue
        try:
            value = read_cell(column.shape, cell)
            require_within_bounds(column.code, value)
            values[column.code] = value
            if column.code in LINES:
                read.lines[column.code] = said_by(column, cell, value=value)
        except CellWrong as wrong:
            read.flaws.append(flaw_of(wrong, column=column))
    _name_item(values, read)
    others = values.get(OTHERS.code)
    if isinstance(others, dict):
        read.body = copy.deepcopy(others)
    for at, columns in groupby((column for column in COLUMNS if column.at), key=lambda one: one.at[:2] if len(one.at) > 2 else one.at):  # noqa: PLR2004 - a limit has three
        _place(list(columns), values, read, at=at, header=header)
    if CHARGED.code in read.emptied and get(read.body, CHARGES.at):
        # Nobody says 不收费 above charges.
        put(read.body, CHARGED.at, "")
    former, planned = values.get(FORMER.code), values.get(PLANNED.code)
    read.former = [*dict.fromkeys(str(one) for one in former)] if isinstance(former, list) else []
    read.planned = planned if isinstance(planned, str) else None
    return read


def flaw_of(wrong: CellWrong, *, column: Column) -> Flaw:
    """A wrong cell as it is told."""
    return Flaw(
        rule=wrong.rule,
        zh=wrong.zh,
        en=wrong.en,
        field=column.name,
        code=column.code,
        pointer=f"/{'/'.join(column.at)}{wrong.below}" if column.at else "",
    )


def _name_item(values: dict[str, Json], read: RowRead) -> None:
    """The organ and the base code from the one code that holds both; where all stand there they must agree."""
    task = values.get(TASK.code)
    if not isinstance(task, str):
        return
    for column, part in ((ORGAN, task[:18]), (ITEM, task[19:])):
        if values.setdefault(column.code, part) != part:
            read.flaws.append(
                flaw_of(
                    CellWrong("bulk.codes-differ", f"实施编码与{column.name}不一致", "The codes of the row do not fit each other"),
                    column=TASK,
                )
            )


def _place(columns: Sequence[Column], values: Mapping[str, Json], read: RowRead, *, at: Sequence[str], header: Header) -> None:
    """Write a field (of a limit all three) into the body; what is missing is told, and so is what `OTHERS` says otherwise."""
    told = {flaw.code for flaw in read.flaws}
    if all(column.default is None for column in columns) and not any(column.code in values for column in columns):
        put(read.body, at, None)
        read.emptied.append(columns[0].code)
        return
    for column in columns:
        if column.code in values:
            elsewhere = get(read.body, column.at)
            if elsewhere is not None and _without_nothing(elsewhere) != _without_nothing(values[column.code]):
                read.flaws.append(flaw_of(_said_twice(column), column=column))
            put(read.body, column.at, values[column.code])
        elif isinstance(column.default, Missing):
            if column.code not in told:
                read.flaws.append(flaw_of(CellWrong("bulk.missing", "必填项缺失", "It must be filled in"), column=column))
        elif column.default is not None or len(columns) == 1:
            _leave_empty(column, column.default, read, header=header)
        elif column.code not in told:
            # Of an optional limit its unit is taken for granted, and so is that nobody wrote down where it comes from.
            usual = {"unit": "workdays", "basis": ""}.get(column.at[-1])
            if usual is None:
                read.flaws.append(flaw_of(CellWrong("bulk.missing", "必填项缺失", "It must be filled in"), column=column))
            else:
                put(read.body, column.at, usual)
                read.emptied.append(column.code)


def _leave_empty(column: Column, default: Json, read: RowRead, *, header: Header) -> None:
    """Write what an empty cell says, unless `OTHERS` says it; what it leaves as it is, the item's newest version says."""
    if get(read.body, column.at) is not None:
        return
    put(read.body, column.at, copy.deepcopy(default))
    # A newer export from which an office took one of them has the others.
    exported_before = column.came_later and OTHERS.code in header.places and not _LATER & header.places.keys()
    if column.keeps and not exported_before:
        read.kept.append([*column.at])
    else:
        read.emptied.append(column.code)


def _said_twice(column: Column) -> CellWrong:
    return CellWrong(
        "bulk.said-twice",
        f"“{column.name}”与“{OTHERS.name}”所写的 {'.'.join(column.at)} 不一致，请只保留一处",
        f"{column.name} and {OTHERS.name} ({'.'.join(column.at)}) say different things; leave one of them",
    )


def put(body: JsonObject, at: Sequence[str], value: Json) -> None:
    """Write a value into a body; what is on the way becomes an object."""
    here = body
    for name in at[:-1]:
        inner = here.get(name)
        if not isinstance(inner, dict):
            inner = here[name] = {}
        here = inner
    here[at[-1]] = value


def get(body: JsonObject, at: Sequence[str]) -> Json:
    """The value at a place of a body, None where there is none."""
    here: Json = body
    for name in at:
        here = here.get(name) if isinstance(here, dict) else None
    return here


def column_at(pointer: str) -> Column | None:
    """The column that holds what a pointer into a body names; None for what stands in no column of its own."""
    place = pointer.strip("/").split("/")
    fitting = [
        column
        for column in COLUMNS
        if column.at and (place[: len(column.at)] == [*column.at] or (len(place) > 1 and [*column.at][: len(place)] == place))
    ]
    return next(iter(fitting), OTHERS if place[0] in {"version", "texts", "checklist"} else None)


def show_row(body: JsonObject, *, task: str, former: Sequence[str], planned: str | None) -> list[str]:
    """A body as a row, in the order of `COLUMNS`."""
    beside: dict[str, Json] = {TASK.code: task, FORMER.code: [*former] or None, PLANNED.code: planned}
    left = copy.deepcopy(body)
    shown: list[str] = []
    for column in COLUMNS:
        value = _take(left, column.at) if column.at else beside.get(column.code)
        if column.came_later and value is None and not isinstance(column.default, Missing):
            # An empty cell would leave what a newer version says: here there is none.
            value = column.default
        if column is OTHERS:
            value = _without_nothing(left) or None
        plain = value is None or (not column.keeps and value == column.default and value in ([], ""))
        plain = plain or (column is CHARGED and value == "" and bool(get(body, CHARGES.at)))
        shown.append("" if plain else show_cell(column.shape, value))
    return shown


def _take(body: JsonObject, at: Sequence[str]) -> Json:
    value = get(body, at)
    holder = get(body, at[:-1]) if len(at) > 1 else body
    if isinstance(holder, dict):
        holder.pop(at[-1], None)
    return value


def _without_nothing(value: Json) -> Json:
    """A value without fields that say nothing: what is left of a body once every column has taken its field."""
    if isinstance(value, list):
        return [_without_nothing(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _without_nothing(inner) for name, inner in value.items()}
    return {name: inner for name, inner in kept.items() if inner not in (None, {}, "")}
