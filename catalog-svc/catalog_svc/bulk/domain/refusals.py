"""Why a run, a step of it or one of its rows is refused.

::

    NotFound     RunUnknown, FileGone
    Forbidden    RunReviewedByAuthor
    Conflict
    ├── RunsWaiting, InstantTooNear               asked for too much, too soon
    ├── RowsLost, FileCut                         another process does the same work: it is begun anew
    └── RowOvertaken, RowStopped, RowFailed, RowTooHeavy   told as a flaw of the row, which is given back
"""

from typing import ClassVar

from contracts.refusals import Conflict, Forbidden, NotFound, Refusal
from contracts.values import JsonObject


class RunUnknown(NotFound):
    """No such run, or not for this caller."""

    RULE: ClassVar[str] = "bulk.run-unknown"
    ZH: ClassVar[str] = "没有此导入导出批次"
    EN: ClassVar[str] = "There is no such import or export"


class RunReviewedByAuthor(Forbidden):
    """Who drafted may not review, of thousands as little as of one."""

    RULE: ClassVar[str] = "bulk.same-person"
    ZH: ClassVar[str] = "起草人不能批量复核自己导入的实施清单"
    EN: ClassVar[str] = "Who imported the drafts may not review them"


class RunsWaiting(Conflict):
    """The officer's other runs are still at work; ``facts`` say how many may be."""

    RULE: ClassVar[str] = "bulk.runs-waiting"
    ZH: ClassVar[str] = "尚有多个批次在处理，请等待完成后再提交"
    EN: ClassVar[str] = "Several runs of yours are still at work; wait for them"


class InstantTooNear(Conflict):
    """The last rows would be published after the instant that is asked for; ``facts``: ``earliest``."""

    RULE: ClassVar[str] = "bulk.instant-too-near"
    ZH: ClassVar[str] = "生效时间过近，来不及在此之前发布全部实施清单"
    EN: ClassVar[str] = "The instant is too near: not all items could be published before it"


class RowsLost(Conflict):
    """A file was read and not every row of it is kept: it is read again."""

    RULE: ClassVar[str] = "bulk.rows-lost"
    ZH: ClassVar[str] = "部分行未能保存，将重新读取"
    EN: ClassVar[str] = "Not every row was kept; the file is read again"


class FileCut(Conflict):
    """Pieces of a file that was written are gone: somebody else began to write it too."""

    RULE: ClassVar[str] = "bulk.file-cut"
    ZH: ClassVar[str] = "文件未能完整保存，将重新生成"
    EN: ClassVar[str] = "The file was not kept whole; it is written again"


class RowOvertaken(Conflict):
    """Since the dry run, or since its draft, the item got another version or went to another organ: the row was compared with something else."""

    RULE: ClassVar[str] = "bulk.overtaken"
    ZH: ClassVar[str] = "试运行之后该事项已有其他版本或者已划转，请核对后重新上传"
    EN: ClassVar[str] = "The item has another version since the dry run, or moved; compare and upload the row again"


class RowStopped(Conflict):
    """The import was stopped before its turn came."""

    RULE: ClassVar[str] = "bulk.stopped"
    ZH: ClassVar[str] = "导入在处理该行之前已停止"
    EN: ClassVar[str] = "The import was stopped before this row"


class RowFailed(Conflict):
    """A defect of the system, which its log tells of; every other row goes on."""

    RULE: ClassVar[str] = "bulk.failed"
    ZH: ClassVar[str] = "系统处理该行时出错，已记入日志，请联系平台管理人员"
    EN: ClassVar[str] = "The system failed over this row; operators find it in the log"


class RowTooHeavy(Conflict):
    """The row alone takes longer than a transaction may live, time and again; every other row goes on."""

    RULE: ClassVar[str] = "bulk.row-too-heavy"
    ZH: ClassVar[str] = "处理该行所需时间超出上限，请精简该事项的材料、规则或者情形后重新上传"
    EN: ClassVar[str] = "This row alone takes longer than may be; give the item fewer materials, rules or situations"


class FileGone(NotFound):
    """There is no such file of the run, or no longer."""

    RULE: ClassVar[str] = "bulk.file-gone"
    ZH: ClassVar[str] = "批次没有此文件，或者文件已过保存期"
    EN: ClassVar[str] = "The run has no such file, or no longer"


def flaw_of_refusal(refused: Refusal) -> JsonObject:
    """A refusal as a flaw of its row."""
    return {"rule": refused.RULE, "detail": refused.ZH, "detail_en": refused.EN}
