"""A run 批次: one file on its way in, or one on its way out, with every row's fate.

A run moves by short transactions, each a slice of its rows; whatever kills the process, the next slice goes on where the last one was committed.
Import makes drafts. Review and publication are acts of other officers on the drafts of the run, each checked as if it were done by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from catalog_svc.bulk.domain.refusals import InstantTooNear, RunReviewedByAuthor
from catalog_svc.proposal.domain import NOTICE
from contracts.caller import Caller, CallerKind, Role
from contracts.refusals import IllegalMove
from contracts.values import Digest, JsonObject, OrganCode, PersonRef, RegionCode

PER_ROW = timedelta(milliseconds=50)
"""How long the publication of a row may take; measured: 8 ms. An instant that the last row could not be published before is refused."""
MOST_FAILURES = 3
"""Failures that will not pass by themselves, after which a file is given up."""
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
    EXPIRED = "expired"
    """Its rows were forgotten before it came to its end; its drafts stay, and are taken up where they are imported again."""
    REQUESTED = "requested"
    """An export that is being written."""
    READY = "ready"
    """The file may be fetched."""


MOVES: Mapping[RunState, frozenset[RunState]] = {
    RunState.RECEIVED: frozenset({RunState.CHECKED, RunState.REFUSED, RunState.CANCELLED}),
    RunState.REFUSED: frozenset(),
    RunState.CHECKED: frozenset({RunState.IMPORTING, RunState.CANCELLED, RunState.EXPIRED}),
    RunState.IMPORTING: frozenset({RunState.IMPORTED}),
    RunState.IMPORTED: frozenset({RunState.REVIEWING, RunState.EXPIRED}),
    RunState.REVIEWING: frozenset({RunState.REVIEWED, RunState.IMPORTED}),
    RunState.REVIEWED: frozenset({RunState.PUBLISHING, RunState.REVIEWING, RunState.EXPIRED}),
    RunState.PUBLISHING: frozenset({RunState.PUBLISHED, RunState.REVIEWED}),
    RunState.PUBLISHED: frozenset({RunState.PUBLISHING}),
    RunState.CANCELLED: frozenset(),
    RunState.EXPIRED: frozenset(),
    RunState.REQUESTED: frozenset({RunState.READY, RunState.REFUSED, RunState.CANCELLED}),
    RunState.READY: frozenset(),
}

STEPS = frozenset({RunState.IMPORTING, RunState.REVIEWING, RunState.PUBLISHING})
"""States that go through the rows, slice by slice."""
READING = frozenset({RunState.RECEIVED, RunState.REQUESTED})
"""States in which a file is read or written, from its beginning to its end."""
WORKING = STEPS | READING
"""States in which something is due."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file that was written and is not yet in its place."""

    name: str
    pieces: int


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
    attempt: int = 0
    """Counts how often its file was begun; whoever is overtaken by the next attempt writes nothing more."""
    failures: int = 0
    """Of its file, such as would befall the next attempt too."""
    stopped: bool = False
    """Whether the step at hand is to end where it is."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows in each state when they were forgotten."""
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

    def stop(self) -> None:
        """End the step at hand where it is: what is done stays, rows that an import did not reach are given back.

        Raises:
            IllegalMove: No step is at hand.
        """
        if self.state not in STEPS:
            raise IllegalMove(facts={"from": self.state.value, "to": RunState.CANCELLED.value})
        self.stopped = True

    def expire(self, counts: Mapping[str, int]) -> None:
        """Its rows are forgotten; what had still to be done with them cannot be done any more."""
        self.counts = counts
        if RunState.EXPIRED in MOVES[self.state]:
            self._move(RunState.EXPIRED)

    def begin_import(self, by: Caller) -> None:
        """Make drafts of the good rows, in this officer's name.

        Raises:
            IllegalMove: It is not checked, or imported already.
        """
        self._move(RunState.IMPORTING)
        self.by, self.author = Officer.of(by), by.ref

    def begin_review(self, by: Caller, *, again: int = 0) -> None:
        """Let a second officer confirm every draft of the run.

        Args:
            by: Who.
            again: Rows that a review before this one refused and that are tried again.

        Raises:
            RunReviewedByAuthor: The second officer imported them.
            IllegalMove: It is not imported, or reviewed with nothing left.
        """
        if by.ref == self.author:
            raise RunReviewedByAuthor(facts={"aggregate": "bulk", "action": "review", "about": self.run_id})
        self._require_left(RunState.REVIEWED, to=RunState.REVIEWING, again=again)
        self._move(RunState.REVIEWING)
        self.by, self.reviewer = Officer.of(by), by.ref

    def begin_publication(
        self, by: Caller, *, effective_from: datetime | None, at: datetime | None = None, rows: int = 0, again: int = 0
    ) -> None:
        """Put every reviewed draft of the run in force.

        Args:
            by: Who.
            effective_from: From when; each as soon as it can be when None.
            at: Now.
            rows: How many there are.
            again: How many of them a publication before this one refused.

        Raises:
            RunReviewedByAuthor: By whoever imported them.
            IllegalMove: It was not reviewed, or is published with nothing left.
            InstantTooNear: Not all could be published before that instant.
        """
        if by.ref == self.author:
            raise RunReviewedByAuthor(facts={"aggregate": "bulk", "action": "publish", "about": self.run_id})
        self._require_left(RunState.PUBLISHED, to=RunState.PUBLISHING, again=again)
        if effective_from is not None and at is not None and effective_from < (earliest := at + NOTICE + rows * PER_ROW):
            raise InstantTooNear(facts={"earliest": earliest.isoformat()})
        self._move(RunState.PUBLISHING)
        self.by, self.effective_from = Officer.of(by), effective_from

    def end_step(self) -> None:
        """No row is left to do, or it was stopped."""
        done = {
            RunState.IMPORTING: RunState.IMPORTED,
            RunState.REVIEWING: RunState.IMPORTED if self.stopped else RunState.REVIEWED,
            RunState.PUBLISHING: RunState.REVIEWED if self.stopped else RunState.PUBLISHED,
            RunState.REQUESTED: RunState.READY,
        }
        self._move(done.get(self.state, self.state))
        self.stopped = False

    def _require_left(self, done: RunState, *, to: RunState, again: int) -> None:
        if self.state is done and not again:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})

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
    notes: list[JsonObject] = field(default_factory=list)
    """What the office should know of a row that is taken all the same; told as flaws are."""
    cells: tuple[str, ...] = ()
    """As they stood in the file, for as long as the row may still be given back."""
    seen: str | None = None
    """Newest version of the item when the row was checked, empty where there was none; None in rows that were checked before this was kept."""
    after: int | None = None
    """How many versions of the item had been published when the row was checked; None as above."""
    was: RowState | None = None
    """Of a refused row: its state before, from which it may be tried again."""

    def refuse(self, flaws: list[JsonObject]) -> None:
        """Set it aside: it was good when it was checked and is refused now."""
        self.was, self.state = self.state, RowState.REFUSED
        self.flaws += flaws


def flaw_report(row: RunRow, run: Run) -> list[JsonObject]:
    """The flaws of a row as they are reported, each with its place as the office sees it."""
    letters = run.letters.get(row.sheet, {})
    return [_placed(flaw, row, letters) for flaw in row.flaws]


def note_report(row: RunRow, run: Run) -> list[JsonObject]:
    """What the office should know of a row that is taken, reported in the same way."""
    return [_placed(note, row, run.letters.get(row.sheet, {})) for note in row.notes]


def _placed(told: JsonObject, row: RunRow, letters: Mapping[str, str]) -> JsonObject:
    return {"sheet": row.sheet, "row": row.row, "column": letters.get(str(told.get("code")), ""), **told}


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
