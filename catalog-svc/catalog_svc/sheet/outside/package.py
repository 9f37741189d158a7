"""A workbook's archive before openpyxl sees it: unpacked once within bounds, and packed again with nothing but the parts that hold values.

openpyxl takes most parts into memory whole and believes what an archive says of itself; properties, themes, drawings and links it reads only to
stumble over them. What is left out here cannot hold up the reading of a table.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from catalog_svc.sheet.domain.bounds import (
    MOST_COLUMNS,
    MOST_MERGED,
    MOST_OTHER,
    MOST_PARTS,
    MOST_SCANNED,
    MOST_STRINGS,
    MOST_TEXTS,
    MOST_UNPACKED,
)
from catalog_svc.sheet.domain.merged import Area
from catalog_svc.sheet.domain.refusals import SheetTooLarge, SheetUnreadable, SheetUnsupported

WORKBOOK = "xl/workbook.xml"
_FORMATS = "xl/styles.xml"

_PIECE = 65_536
_TAG = 4_096
"""Bytes that a start tag of interest may have; a longer one is some cell's text."""
_STRICT = b"http://purl.oclc.org/ooxml/"
"""The names of the strict form of the format, which openpyxl passes over as if the sheets were empty."""
_OTHER_SHEETS = ("xl/chartsheets/", "xl/dialogsheets/", "xl/macrosheets/")
"""Sheets without rows."""
_LEFT_OUT = re.compile(
    r"(docprops|customxml|xl/(theme|externallinks|drawings|charts|media|embeddings|pivot\w+|comments\w*|threadedcomments|persons|printersettings"
    r"|ctrlprops|activex|querytables|tables|revisions|richdata|chartsheets|dialogsheets|macrosheets|webextensions))[/.\d]"
)
_ROW = re.compile(rb"<(?:\w+:)?row\s[^<>]*?\br\s*=\s*[\"']([^\"']{1,20})[\"']")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?\bref\s*=\s*[\"']\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})[\"']")
_SHARED = re.compile(rb"<(?:\w+:)?si[\s/>]")
_SHEET = re.compile(rb"<(?:\w+:)?sheet\s")


@dataclass(slots=True, kw_only=True)
class Package:
    """What is handed on."""

    content: io.BytesIO
    """The archive packed anew."""
    merged: dict[str, list[Area]] = field(default_factory=dict)
    """Merged areas by part; openpyxl's way of reading large sheets does not tell them."""
    sheets: int = 0
    """Sheets that the list names and that have rows."""


def open_package(content: bytes, *, formats: bool = True) -> Package:
    """Look through an archive.

    Args:
        content: The file.
        formats: Hand on the part that says which numbers are days.

    Raises:
        SheetUnsupported: No workbook, or one in the strict form.
        SheetUnreadable: Damaged, cut, encrypted, in a coding other than UTF-8, with rows out of order.
        SheetTooLarge: Beyond the bounds, counted while unpacking.
    """
    package = Package(content=io.BytesIO())
    try:
        with (
            zipfile.ZipFile(io.BytesIO(content)) as old,
            zipfile.ZipFile(package.content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
        ):
            _copy(old, new, package, formats=formats)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise SheetUnreadable(facts={"why": "damaged"}) from error
    except RuntimeError as error:  # a password, or a packing that no office program uses
        raise SheetUnreadable(facts={"why": "encrypted"}) from error
    return package


def _copy(old: zipfile.ZipFile, new: zipfile.ZipFile, package: Package, *, formats: bool) -> None:
    listed = old.infolist()
    if len(listed) > MOST_PARTS:
        raise SheetTooLarge(facts={"parts": MOST_PARTS})
    names = {one.filename.replace("\\", "/").lstrip("/"): one for one in listed}
    if WORKBOOK not in names:
        raise SheetUnsupported
    if len(names) < len(listed):
        raise SheetUnreadable(facts={"why": "damaged"})
    package.sheets = -sum(name.lower().startswith(_OTHER_SHEETS) and name.lower().endswith(".xml") for name in names)
    left = MOST_UNPACKED
    for name, entry in names.items():
        if not name.lower().endswith((".xml", ".rels")) or _LEFT_OUT.match(name.lower()) or (name == _FORMATS and not formats):
            continue
        scan = _Scan(name=name, package=package)
        with old.open(entry) as part, new.open(name, "w") as copy:
            taken = 0
            while piece := part.read(_PIECE):
                taken += len(piece)
                left -= len(piece)
                if left < 0 or taken > scan.most:
                    raise SheetTooLarge(facts={"bytes": MOST_UNPACKED if left < 0 else scan.most})
                scan.look(piece)
                copy.write(piece)
            scan.look(b"", ended=True)


@dataclass(slots=True)
class _Scan:
    """What must be known of a part, told from its start tags as the bytes go by."""

    name: str
    package: Package
    tail: bytes = b""
    row: int = 0
    texts: int = 0
    begun: bool = False

    @property
    def is_sheet(self) -> bool:
        return "/worksheets/" in self.name.lower() and self.name.lower().endswith(".xml")

    @property
    def is_shared(self) -> bool:
        return self.name.lower().endswith("sharedstrings.xml")

    @property
    def most(self) -> int:
        return MOST_UNPACKED if self.is_sheet else MOST_STRINGS if self.is_shared else MOST_OTHER

    def look(self, piece: bytes, *, ended: bool = False) -> None:
        # The other codings of XML would hide from what is looked for below; no office program writes them.
        if not self.begun and piece.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00", b"<\x00")):
            raise SheetUnreadable(facts={"why": "encoding"})
        self.begun = True
        text = self.tail + piece
        last = text.rfind(b"<")
        self.tail = text[last:] if not ended and last >= 0 and len(text) - last < _TAG else b""
        seen = text[: len(text) - len(self.tail)]
        if self.is_sheet:
            for found in _ROW.finditer(seen):
                self._row(found[1])
            self.package.merged.setdefault(self.name, []).extend(_areas(seen))
            if len(self.package.merged[self.name]) > MOST_MERGED:
                raise SheetTooLarge(facts={"merged": MOST_MERGED})
        elif self.is_shared:
            self.texts += sum(1 for _ in _SHARED.finditer(seen))
            if self.texts > MOST_TEXTS:
                raise SheetTooLarge(facts={"texts": MOST_TEXTS})
        elif self.name == WORKBOOK:
            self.package.sheets += sum(1 for _ in _SHEET.finditer(seen))
            if _STRICT in seen:
                raise SheetUnsupported(facts={"why": "strict"})

    def _row(self, written: bytes) -> None:
        # openpyxl drops a row whose number is not above the one before, and makes up every row of a gap.
        number = int(written) if written.isdigit() else 0
        if number > MOST_SCANNED:
            raise SheetTooLarge(facts={"row": number})
        if number <= self.row:
            raise SheetUnreadable(facts={"why": "rows", "row": self.row})
        self.row = number


def _areas(seen: bytes) -> Iterator[Area]:
    for left, top, right, bottom in (found.groups() for found in _MERGED.finditer(seen)):
        first, last = _column(left), min(_column(right), MOST_COLUMNS)
        if first <= last and int(top) <= int(bottom):
            yield Area(int(top), first, int(bottom), last)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
