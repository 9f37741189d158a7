"""Files that hold sheets, opened and written by openpyxl; imported where a process of its own does so (``catalog_svc/bulk/outside/``)."""

from catalog_svc.sheet.outside.reading import read_sheets
from catalog_svc.sheet.outside.writing import write_workbook

__all__ = ["read_sheets", "write_workbook"]
