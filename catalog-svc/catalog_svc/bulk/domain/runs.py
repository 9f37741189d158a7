"""A run 批次: one file on its way in, or one on its way out, with every row's fate.

A run moves by short transactions, each a slice of its rows; whatever kills the process, the next slice goes on where the last one was committed.
Import makes drafts. Review and publication are acts of other officers on the drafts of the run, each checked as if it were done by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal

from contracts.caller import Caller, CallerKind, Role
from contracts.refusals import Conflict, Forbidden, IllegalMove, NotFound
from contracts.values import Digest, JsonObject, OrganCode, PersonRef, RegionCode

KEPT = timedelta(days=30)
"""How long files and rows of a run stay; the run itself stays for good."""
MOST_OPEN = 5
"""Runs of one officer that wait or work at a time."""

Kind = Literal["import", "export"]


class RunState(StrEnum):
    """States of a run."""

    RECEIVED = "received"
    """The file is kept; it is being read and checked (dry run)."""
    REFUSED = "refused"
    """The file as a whole cannot be taken; it is not kept."""
    CHECKED = "checked"
    """The report is there; nothing is changed."""
    IMPORTING = "importing"
    IMPORTED = "imported"
    """Good rows are drafts, the others are given back."""
    REVIEWING = "reviewing"
    REVIEWED = "reviewed"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    CANCELLED = "cancelled"
    REQUESTED = "requested"
    """An export that is being written."""
    READY = "ready"
    """The file may be fetched."""


MOVES: Mapping[RunState, frozenset[RunState]] = {
    RunState.RECEIVED: frozenset({RunState.CHECKED, RunState.REFUSED, RunState.CANCELLED}),
    RunState.REFUSED: frozenset(),
    RunState.CHECKED: frozenset({RunState.IMPORTING, RunState.CANCELLED}),
    RunState.IMPORTING: frozenset({RunState.IMPORTED}),
    RunState.IMPORTED: frozenset({RunState.REVIEWING}),
    RunState.REVIEWING: frozenset({RunState.REVIEWED}),
    RunState.REVIEWED: frozenset({RunState.PUBLISHING}),
    RunState.PUBLISHING: frozenset({RunState.PUBLISHED}),
    RunState.PUBLISHED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.REQUESTED: frozenset({RunState.READY, RunState.REFUSED, RunState.CANCELLED}),
    RunState.READY: frozenset(),
}

WORKING = frozenset({RunState.RECEIVED, RunState.IMPORTING, RunState.REVIEWING, RunState.PUBLISHING, RunState.REQUESTED})
"""States in which the next slice is due."""


class RowState(StrEnum):
    """What became of a row."""

    BAD = "bad"
    """It has flaws and is given back."""
    GOOD = "good"
    UNCHANGED = "unchanged"
    """The item's newest version says the same."""
    DRAFTED = "drafted"
    REVIEWED = "reviewed"
    PUBLISHED = "published"
    REFUSED = "refused"
    """Good when it was checked and refused when it was done: something changed in between. It is given back too."""


FROM: Mapping[RunState, RowState] = {
    RunState.IMPORTING: RowState.GOOD,
    RunState.REVIEWING: RowState.DRAFTED,
    RunState.PUBLISHING: RowState.REVIEWED,
}
"""Rows that are still to do in each state that works through them."""


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


class FileGone(NotFound):
    """There is no such file of the run, or no longer."""

    RULE: ClassVar[str] = "bulk.file-gone"
    ZH: ClassVar[str] = "批次没有此文件，或者文件已过保存期"
    EN: ClassVar[str] = "The run has no such file, or no longer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """Whoever asked for a step, as the rules of access need to know them while it is done."""

    issuer: str
    account: str
    roles: tuple[Role, ...]
    region: RegionCode | None
    organ: OrganCode | None = None

    @classmethod
    def of(cls, caller: Caller) -> Officer:
        """The officer behind a request."""
        return cls(
            issuer=caller.issuer, account=caller.account, roles=tuple(sorted(caller.roles)), region=caller.region, organ=caller.organ
        )

    def caller(self) -> Caller:
        """As the caller of what is done for them."""
        return Caller(
            kind=CallerKind.STAFF,
            issuer=self.issuer,
            account=self.account,
            roles=frozenset(self.roles),
            region=self.region,
            organ=self.organ,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """The file of a run, by what is known without opening it."""

    digest: Digest
    size: int
    """Bytes."""
    format: Literal["xlsx", "csv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTold:
    """What is told of a file as a whole."""

    hidden: tuple[str, ...]
    passed: tuple[str, ...]
    unknown: tuple[str, ...]
    headings: Mapping[str, tuple[str, ...]]
    letters: Mapping[str, Mapping[str, str]]
    peak: int


@dataclass(slots=True, kw_only=True)
class Run:
    """One run."""

    run_id: str
    """UUIDv7."""
    kind: Kind
    region: RegionCode
    """Whose officers see it and may go on with it."""
    state: RunState
    by: Officer
    """Who asked for the step at hand, or for the last one."""
    author: PersonRef
    """Who uploaded the file, from the import on who imported it: the author of its drafts."""
    at: datetime
    file: SentFile | None = None
    """What was uploaded; of an export None."""
    format: Literal["xlsx", "csv"] = "xlsx"
    """Of an export: what is asked for."""
    organ: OrganCode | None = None
    """Of an export: of this organ alone."""
    reviewer: PersonRef | None = None
    effective_from: datetime | None = None
    """From when what is published takes effect, as the reviewer asked."""
    refusal: JsonObject | None = None
    """Rule, texts and facts of the refusal of the whole file."""
    hidden: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Sheets and headings that were not read."""
    headings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each sheet, as the office wrote them."""
    letters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of each sheet, where its columns stand."""
    rows: int = 0
    """Rows read or written so far."""
    peak: int = 0
    """Most memory that the worker took, bytes."""
    touched: datetime | None = None
    """When its last slice was done; who waited longest is next."""
    version: int = 0

    def check(self) -> None:
        """The whole file was read."""
        self._move(RunState.CHECKED)

    def refuse(self, refusal: JsonObject) -> None:
        """The file as a whole cannot be taken."""
        self._move(RunState.REFUSED)
        self.refusal = refusal

    def cancel(self) -> None:
        """Let it go before anything was drafted.

        Raises:
            IllegalMove: It was imported already.
        """
        self._move(RunState.CANCELLED)

    def begin_import(self, by: Caller) -> None:
        """Make drafts of the good rows, in this officer's name.

        Raises:
            IllegalMove: It is not checked, or imported already.
        """
        self._move(RunState.IMPORTING)
        self.by, self.author = Officer.of(by), by.ref

    def begin_review(self, by: Caller) -> None:
        """Let a second officer confirm every draft of the run.

        Raises:
            RunReviewedByAuthor: The second officer imported them.
            IllegalMove: It is not imported.
        """
        if by.ref == self.author:
            raise RunReviewedByAuthor(facts={"aggregate": "bulk", "action": "review", "about": self.run_id})
        self._move(RunState.REVIEWING)
        self.by, self.reviewer = Officer.of(by), by.ref

    def begin_publication(self, by: Caller, *, effective_from: datetime | None) -> None:
        """Put every reviewed draft of the run in force.

        Raises:
            RunReviewedByAuthor: By whoever imported them.
            IllegalMove: It was not reviewed.
        """
        if by.ref == self.author:
            raise RunReviewedByAuthor(facts={"aggregate": "bulk", "action": "publish", "about": self.run_id})
        self._move(RunState.PUBLISHING)
        self.by, self.effective_from = Officer.of(by), effective_from

    def end_step(self) -> None:
        """No row is left to do."""
        self._move(
            {
                RunState.IMPORTING: RunState.IMPORTED,
                RunState.REVIEWING: RunState.REVIEWED,
                RunState.PUBLISHING: RunState.PUBLISHED,
                RunState.REQUESTED: RunState.READY,
            }.get(self.state, self.state)
        )

    def _move(self, to: RunState) -> None:
        if to not in MOVES[self.state]:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})
        self.state = to


@dataclass(slots=True, kw_only=True)
class RunRow:
    """One row of a run."""

    number: int
    """Counts the rows of the run from 1, over all sheets."""
    sheet: str
    row: int
    """Number in its sheet, as the office sees it."""
    state: RowState
    item_id: str | None = None
    version_id: str | None = None
    draft: JsonObject | None = None
    """The item as it is drafted; gone once it is."""
    former: tuple[str, ...] = ()
    planned: str | None = None
    flaws: list[JsonObject] = field(default_factory=list)
    cells: tuple[str, ...] = ()
    """As they stood in the file; of rows that are given back, and until the import of good ones too."""


def flaw_report(row: RunRow, run: Run) -> list[JsonObject]:
    """The flaws of a row as they are reported, each with its place as the office sees it."""
    letters = run.letters.get(row.sheet, {})
    return [{"sheet": row.sheet, "row": row.row, "column": letters.get(str(flaw.get("code")), ""), **flaw} for flaw in row.flaws]


def reason_of(row: RunRow, run: Run) -> str:
    """Why a row is given back, in one cell."""
    told = []
    for flaw in flaw_report(row, run):
        place = "".join(part for part in (f"{flaw['column']}列" if flaw["column"] else "", str(flaw.get("field", ""))) if part)
        told.append(f"{place}{'：' if place else ''}{flaw['detail']}（{flaw['rule']}）")
    return "\n".join(told)


def counts_of(states: Mapping[str, int]) -> dict[str, int]:
    """Number of rows in every state, zero too."""
    return {state.value: states.get(state.value, 0) for state in RowState}
