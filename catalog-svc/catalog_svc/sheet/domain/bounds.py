"""How much of a spreadsheet is taken; beyond it the whole file is refused, since nothing is imported by halves."""

MOST_BYTES = 10 * 1024 * 1024
"""Of a file as it is uploaded."""
MOST_UNPACKED = 256 * 1024 * 1024
"""Bytes of a workbook's parts that are read, counted while they are unpacked."""
MOST_STRINGS = 64 * 1024 * 1024
"""Bytes of a workbook's shared texts, which stay in memory."""
MOST_TEXTS = 1_000_000
"""Shared texts of a workbook."""
MOST_OTHER = 8 * 1024 * 1024
"""Bytes of any other part, which is taken into memory whole: the list of sheets, the formats."""
MOST_PARTS = 1_000
"""Files inside a workbook."""
MOST_SHEETS = 50
MOST_ROWS = 20_000
"""Rows that hold something, below the header."""
MOST_SCANNED = 1_048_576
"""Rows at all, empty ones too: as many as the programs know."""
MOST_COLUMNS = 200
MOST_CELL = 262_144
"""Characters of one cell."""
MOST_MERGED = 20_000
"""Merged areas of a sheet."""
