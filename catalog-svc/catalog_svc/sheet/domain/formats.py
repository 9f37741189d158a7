"""Kinds of file: told by what the bytes are, never by a name."""

from __future__ import annotations

from typing import Literal

from catalog_svc.sheet.domain.bounds import MOST_BYTES
from catalog_svc.sheet.domain.refusals import SheetTooLarge, SheetUnreadable, SheetUnsupported

Format = Literal["xlsx", "csv"]

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The old ``.xls``, and a workbook under a password."""
_OTHERS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"PK\x05\x06")


def format_of(content: bytes) -> Format:
    """What a file is.

    Raises:
        SheetUnreadable: It is empty.
        SheetUnsupported: It is neither a workbook nor text.
        SheetTooLarge: More than `MOST_BYTES`.
    """
    if not content.strip():
        raise SheetUnreadable(facts={"why": "empty"})
    if len(content) > MOST_BYTES:
        raise SheetTooLarge(facts={"bytes": MOST_BYTES})
    if content.startswith(_ZIP):
        return "xlsx"
    if content.startswith((_COMPOUND, *_OTHERS)):
        raise SheetUnsupported
    return "csv"
