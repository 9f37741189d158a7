"""Why a whole file is sent back; what is wrong with single cells is told by whoever reads them.

::

    SheetRefused
    ├── SheetUnreadable    damaged, cut off, protected or hostile
    ├── SheetUnsupported   a kind of file that is not taken
    ├── SheetTooLarge      more bytes, rows or columns than the bounds allow
    └── SheetHeaderless    no row names the columns
"""

from typing import ClassVar

from contracts.refusals import Invalid


class SheetRefused(Invalid):
    """A file that is not read at all; ``facts`` say what and where."""

    RULE: ClassVar[str] = "sheet.refused"
    ZH: ClassVar[str] = "电子表格无法导入"
    EN: ClassVar[str] = "The spreadsheet cannot be taken in"


class SheetUnreadable(SheetRefused):
    """Damaged, cut in the middle, protected by a password, or made to do harm."""

    RULE: ClassVar[str] = "sheet.unreadable"
    ZH: ClassVar[str] = "文件损坏、不完整或已加密，无法读取，请重新导出后再上传"
    EN: ClassVar[str] = "The file is damaged, incomplete or encrypted; save it anew and upload it again"


class SheetUnsupported(SheetRefused):
    """A kind of file that is not taken, such as the old binary ``.xls``."""

    RULE: ClassVar[str] = "sheet.unsupported"
    ZH: ClassVar[str] = "仅支持 XLSX 或者 CSV 文件，请另存后上传"
    EN: ClassVar[str] = "Only XLSX and CSV files are taken; save it as one of them"


class SheetTooLarge(SheetRefused):
    """More than the bounds allow; ``facts`` name the bound and the row at which it was passed."""

    RULE: ClassVar[str] = "sheet.too-large"
    ZH: ClassVar[str] = "文件超过大小、行数或列数上限，请拆分后上传"
    EN: ClassVar[str] = "The file has more bytes, rows or columns than are taken at once; split it"


class SheetHeaderless(SheetRefused):
    """No row names the columns that every file must have; ``facts.missing`` are those."""

    RULE: ClassVar[str] = "sheet.headerless"
    ZH: ClassVar[str] = "未找到表头，或者表头缺少必需的列"
    EN: ClassVar[str] = "There is no header row, or it lacks columns that are needed"
