"""One door to every kind of file that is taken."""

from __future__ import annotations

from collections.abc import Sequence

from catalog_svc.sheet.domain.cells import Sheet
from catalog_svc.sheet.domain.delimited import read_delimited
from catalog_svc.sheet.domain.formats import format_of
from catalog_svc.sheet.outside.workbook import read_workbook


def read_sheets(content: bytes) -> Sequence[Sheet]:
    """The sheets of a file, in their order.

    Raises:
        SheetRefused: The file is not read; also raised while the rows of a sheet are gone through.
    """
    return read_workbook(content) if format_of(content) == "xlsx" else [read_delimited(content)]
