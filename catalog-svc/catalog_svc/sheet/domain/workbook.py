"""Workbooks (XLSX, ECMA-376) read part by part as they are unpacked: values only, nothing computed, nothing fetched.

No document type is accepted, so no entity expands; every byte unpacked counts against a bound, whatever the archive says of itself.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from xml.parsers import expat

from catalog_svc.sheet.domain.bounds import (
    MOST_CELL,
    MOST_COLUMNS,
    MOST_MERGED,
    MOST_PARTS,
    MOST_SCANNED,
    MOST_SHEETS,
    MOST_STRINGS,
    MOST_UNPACKED,
)
from catalog_svc.sheet.domain.cells import EMPTY, Cell, CellKind, Sheet, SheetRow
from catalog_svc.sheet.domain.refusals import SheetTooLarge, SheetUnreadable, SheetUnsupported

_PIECE = 65_536
_PLACE = re.compile(r"\A\$?([A-Z]{1,3})\$?([0-9]{1,7})\Z")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?ref\s*=\s*[\"']([A-Z0-9$:]{3,40})[\"']")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DAYS_TO_1904 = 1462
"""Between the two days from which programs count."""
_LARGEST = 30
"""Digits of a number before the point; more is a mistake."""
_TYPED = 15
"""Digits that a program keeps of a number; the others are its own."""

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]
Data = Callable[[str], None]


@dataclass(slots=True)
class _Archive:
    """The unpacked bytes so far, over all parts."""

    file: zipfile.ZipFile
    left: int = MOST_UNPACKED
    names: dict[str, str] = field(default_factory=dict)

    def pieces(self, name: str, *, most: int = MOST_UNPACKED) -> Iterator[bytes]:
        real = self.names.get(name.lower())
        if real is None:
            raise SheetUnreadable(facts={"why": "part-missing"})
        taken = 0
        try:
            with self.file.open(real) as part:
                while piece := part.read(_PIECE):
                    taken += len(piece)
                    self.left -= len(piece)
                    if self.left < 0 or taken > most:
                        raise SheetTooLarge(facts={"bytes": MOST_UNPACKED if self.left < 0 else most})
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise SheetUnreadable(facts={"why": "damaged"}) from error
        except RuntimeError as error:  # a password, or a packing that no office program uses
            raise SheetUnreadable(facts={"why": "encrypted"}) from error


def read_workbook(content: bytes) -> Iterator[Sheet]:
    """The sheets of a workbook in their order, hidden ones too; a sheet's rows are read before the next sheet is asked for.

    Raises:
        SheetUnsupported: No workbook.
        SheetUnreadable: Damaged, cut, encrypted or hostile.
        SheetTooLarge: Beyond the bounds.
    """
    try:
        file = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise SheetUnreadable(facts={"why": "cut"}) from error
    with file:
        listed = file.infolist()
        if len(listed) > MOST_PARTS:
            raise SheetTooLarge(facts={"parts": MOST_PARTS})
        archive = _Archive(file, names={one.filename.lower().lstrip("/"): one.filename for one in listed})
        if "xl/workbook.xml" not in archive.names:
            raise SheetUnsupported
        yield from _sheets(archive)


def _sheets(archive: _Archive) -> Iterator[Sheet]:
    places = {
        one["Id"]: posixpath.normpath(posixpath.join("xl", one["Target"])).removeprefix("/").removeprefix("xl//")
        for name, one in _elements(archive, "xl/_rels/workbook.xml.rels")
        if name == "Relationship" and "Id" in one and "Target" in one and one.get("TargetMode") != "External"
    }
    found: list[tuple[str, bool, str]] = []
    origin = 0
    for name, one in _elements(archive, "xl/workbook.xml"):
        if name == "sheet":
            target = places.get(next((value for key, value in one.items() if key.rpartition(":")[2] == "id"), ""), "")
            found.append((one.get("name", "")[:100], one.get("state", "visible") != "visible", target))
        elif name == "workbookPr" and one.get("date1904", "0").lower() in {"1", "true"}:
            origin = _DAYS_TO_1904
    if len(found) > MOST_SHEETS:
        raise SheetTooLarge(facts={"sheets": MOST_SHEETS})
    texts = _texts(archive) if "xl/sharedstrings.xml" in archive.names else []
    for name, hidden, target in found:
        # Sheets of charts and macros have other parts.
        if target.lower() in archive.names and "/worksheets/" in f"/{target.lower()}":
            yield Sheet(name=name, hidden=hidden, rows=_rows(archive, target, texts=texts), origin=origin)


def _parse(pieces: Iterator[bytes], *, start: Start, end: End, data: Data) -> Iterator[None]:
    """Feed a part to its handlers; gives a chance to take what they made after every piece."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, given: start(name.rpartition(":")[2], given)
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        for piece in pieces:
            parser.Parse(piece, False)
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise SheetUnreadable(facts={"why": "damaged"}) from error
    yield


def _refuse_doctype(*_: object) -> None:
    raise SheetUnreadable(facts={"why": "doctype"})


def _elements(archive: _Archive, part: str) -> list[tuple[str, Mapping[str, str]]]:
    found: list[tuple[str, Mapping[str, str]]] = []
    pieces = archive.pieces(part, most=4 * 1024 * 1024)
    for _ in _parse(pieces, start=lambda name, given: found.append((name, given)), end=_nothing, data=_nothing):
        pass
    return found


def _nothing(_: str) -> None:
    pass


def _texts(archive: _Archive) -> list[str]:
    """The texts that cells refer to by number; how they are read aloud (``rPh``) is left out."""
    found: list[str] = []
    parts: list[str] = []
    inside = {"t": False, "rPh": False}

    def start(name: str, _: Mapping[str, str]) -> None:
        if name == "si":
            parts.clear()
        elif name in inside:
            inside[name] = True

    def end(name: str) -> None:
        if name == "si":
            found.append(_unescape("".join(parts)))
        elif name in inside:
            inside[name] = False

    def data(text: str) -> None:
        if inside["t"] and not inside["rPh"]:
            parts.append(text)

    for _ in _parse(archive.pieces("xl/sharedstrings.xml", most=MOST_STRINGS), start=start, end=end, data=data):
        pass
    return found


def _rows(archive: _Archive, part: str, *, texts: list[str]) -> Iterator[SheetRow]:
    merged = _merged(archive, part)
    reading = _SheetReading(texts=texts)
    for _ in _parse(archive.pieces(part), start=reading.start, end=reading.end, data=reading.data):
        for row in reading.taken():
            yield merged.fill(row)


@dataclass(slots=True)
class _SheetReading:
    """Makes rows of a sheet's elements."""

    texts: list[str]
    rows: list[SheetRow] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    number: int = 0
    column: int = 0
    kind: str = ""
    formula: bool = False
    inside: str = ""
    aloud: bool = False
    value: list[str] = field(default_factory=list)
    length: int = 0

    def start(self, name: str, given: Mapping[str, str]) -> None:
        if name == "row":
            written = given.get("r", "")
            self.number = int(written) if written.isdecimal() and len(written) <= 7 else self.number + 1  # noqa: PLR2004 - digits of the last row
            if self.number > MOST_SCANNED:
                raise SheetTooLarge(facts={"row": self.number})
            self.cells, self.column = [], 0
        elif name == "c":
            place = _PLACE.match(given.get("r", ""))
            self.column = _column(place[1]) if place else self.column + 1
            self.kind, self.formula, self.length = given.get("t", "n"), False, 0
            self.value.clear()
        elif name == "f":
            self.formula = True
        elif name in {"v", "t"}:
            self.inside = name
        elif name == "rPh":
            self.aloud = True

    def end(self, name: str) -> None:
        if name in {"v", "t"}:
            self.inside = ""
        elif name == "rPh":
            self.aloud = False
        elif name == "c":
            cell = self._cell()
            if cell is not EMPTY:
                if self.column > MOST_COLUMNS:
                    raise SheetTooLarge(facts={"row": self.number, "columns": MOST_COLUMNS})
                self.cells.extend([EMPTY] * (self.column - 1 - len(self.cells)))
                self.cells[self.column - 1 :] = [cell]
        elif name == "row":
            self.rows.append(SheetRow(self.number, self.cells))

    def data(self, text: str) -> None:
        if self.inside and not self.aloud:
            self.length += len(text)
            if self.length > MOST_CELL:
                raise SheetTooLarge(facts={"row": self.number, "characters": MOST_CELL})
            self.value.append(text)

    def taken(self) -> list[SheetRow]:
        rows, self.rows = self.rows, []
        return rows

    def _cell(self) -> Cell:
        text = "".join(self.value)
        if self.formula:
            return Cell("", CellKind.FORMULA)
        if not text:
            return EMPTY
        if self.kind == "s":
            number = int(text) if text.strip().isdecimal() else -1
            if not 0 <= number < len(self.texts):
                raise SheetUnreadable(facts={"why": "damaged", "row": self.number})
            return _text(self.texts[number])
        if self.kind in {"inlineStr", "str"}:
            return _text(_unescape(text))
        if self.kind == "b":
            return Cell("是" if text.strip() == "1" else "否")
        if self.kind == "e":
            return Cell(text[:20], CellKind.WRONG)
        return Cell(text[:25]) if self.kind == "d" else _number(text)


def _text(text: str) -> Cell:
    return Cell(text, CellKind.FORMULA if text.lstrip().startswith("=") else CellKind.TEXT) if text else EMPTY


def _number(text: str) -> Cell:
    """A number as somebody would type it: without an exponent, whole where it is whole."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return Cell("", CellKind.WRONG)
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST:
        return Cell("", CellKind.WRONG)
    whole = value.to_integral_value()
    shown = f"{whole:f}" if whole == value else f"{value.normalize():f}"
    if len(shown.lstrip("-").replace(".", "")) <= _TYPED:
        return Cell(shown, CellKind.NUMBER)
    # Beyond what the program keeps exactly: for a code the digits are lost, for a fraction the tail is noise.
    return Cell("", CellKind.WRONG) if whole == value else Cell(f"{round(value, 6).normalize():f}", CellKind.NUMBER)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


@dataclass(slots=True)
class _Area:
    """A merged area; what stands in its first cell counts for all of them."""

    top: int
    left: int
    right: int
    bottom: int
    cell: Cell = EMPTY


@dataclass(slots=True)
class _Merged:
    """The merged areas of a sheet, and those that reach into the row at hand."""

    to_come: list[_Area]
    """The next one last."""
    open: list[_Area] = field(default_factory=list)

    def fill(self, row: SheetRow) -> SheetRow:
        """Write the value of each area into the cells that it covers in this row."""
        cells = list(row.cells)
        while self.to_come and self.to_come[-1].top <= row.number:
            area = self.to_come.pop()
            if area.top == row.number and area.left <= len(cells):
                area.cell = cells[area.left - 1]
                self.open.append(area)
        if not self.open:
            return row
        self.open = [area for area in self.open if area.bottom >= row.number]
        for area in self.open:
            cells.extend([EMPTY] * (area.right - len(cells)))
            cells[area.left - 1 : area.right] = [area.cell] * (area.right - area.left + 1)
        return SheetRow(row.number, cells)


def _merged(archive: _Archive, part: str) -> _Merged:
    """The merged areas. They stand behind the rows, so the part is looked through before."""
    found: list[_Area] = []
    tail = b""
    for piece in archive.pieces(part):
        text, last = tail + piece, 0
        for area in _MERGED.finditer(text):
            last = area.end()
            first, _, second = area[1].decode().partition(":")
            a, b = _PLACE.match(first), _PLACE.match(second)
            if a and b and _column(a[1]) <= min(_column(b[1]), MOST_COLUMNS) and int(a[2]) <= int(b[2]):
                found.append(_Area(int(a[2]), _column(a[1]), min(_column(b[1]), MOST_COLUMNS), int(b[2])))
            if len(found) > MOST_MERGED:
                raise SheetTooLarge(facts={"merged": MOST_MERGED})
        tail = text[max(last, len(text) - 256) :]
    return _Merged(sorted(found, key=lambda area: area.top, reverse=True))
