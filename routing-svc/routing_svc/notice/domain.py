"""Notices 文书: numbered in the register of the organ that writes them, sealed where the law asks for it, kept whole.

Law: 行政许可法 §32 (dated written notice under seal), §38 (reasons and remedies of a denial), §42, §45 (told in writing).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from contracts.codec import ADDED
from contracts.delegations import Authority, name_of
from contracts.events import CaseReceived, Seal
from contracts.values import CaseId, Digest, NoticeId, OrganCode, RegionCode


class NoticeKind(StrEnum):
    """What a notice tells."""

    CORRECTION = "correction"
    ACCEPTANCE = "acceptance"
    NON_ACCEPTANCE = "non_acceptance"
    DECISION = "decision"
    SUSPENSION = "suspension"
    EXTENSION = "extension"
    RETURN = "return"


TITLES: Mapping[NoticeKind, tuple[str, str, str]] = MappingProxyType(
    {
        NoticeKind.CORRECTION: ("C", "补正告知书", "Notice of what is to be supplied"),
        NoticeKind.ACCEPTANCE: ("A", "受理通知书", "Notice of acceptance"),
        NoticeKind.NON_ACCEPTANCE: ("N", "不予受理通知书", "Notice of non-acceptance"),
        NoticeKind.DECISION: ("D", "行政许可决定书", "Decision"),
        NoticeKind.SUSPENSION: ("S", "期限中止告知书", "Notice that time is stopped"),
        NoticeKind.EXTENSION: ("E", "延长期限告知书", "Notice of more time"),
        NoticeKind.RETURN: ("R", "退回告知书", "Notice of return"),
    }
)
"""Letter in the number, title in Chinese, title in English."""

NOT_COMPETENT = "not_competent"
"""The ground of a refusal that must name the competent organ."""

REFUSAL_GROUNDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not_needed": ("申请事项依法不需要取得行政许可", "no licence is needed for this"),
        NOT_COMPETENT: ("申请事项依法不属于本机关职权范围", "not within this organ's competence"),
        "conditions": ("不符合事项公布的受理条件", "the published conditions of acceptance are not met"),
    }
)
"""Why acceptance may be refused, in Chinese and English.

Law: 行政许可法 §32(1)(2).
"""

SEALED_KINDS = frozenset(NoticeKind) - {NoticeKind.RETURN}
"""Notices that carry the organ's seal."""


class NoticeState(StrEnum):
    """States of a notice."""

    AWAITING_SEAL = "awaiting_seal"
    WRITTEN = "written"
    """In force without a seal."""
    SEALED = "sealed"


MOVES: Mapping[NoticeState, frozenset[NoticeState]] = MappingProxyType(
    {
        NoticeState.AWAITING_SEAL: frozenset({NoticeState.SEALED}),
        NoticeState.WRITTEN: frozenset(),
        NoticeState.SEALED: frozenset(),
    }
)
"""Every move there is; what is not here is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a notice's text, in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeText:
    """The whole text of a notice; its digest is what is sealed."""

    notice_id: NoticeId
    case_no: str
    kind: NoticeKind
    title: Line
    organ: str
    """In whose name it speaks, whose seal it carries and in whose register it stands."""
    organ_name: str
    item: str
    written_at: datetime
    lines: tuple[Line, ...]
    written_by: str = field(default="", metadata=ADDED)
    """The organ that acts in that name; empty where it is the same."""
    authority: Authority | None = field(default=None, metadata=ADDED)
    """The papers by which it acts so."""


@dataclass(slots=True, kw_only=True)
class Notice:
    """A notice and where it stands; its text is kept sealed apart."""

    notice_id: NoticeId
    case: CaseReceived
    kind: NoticeKind
    region: RegionCode
    organ: OrganCode
    """The handling organ."""
    digest: Digest
    written_at: datetime
    state: NoticeState
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name it wrote."""
    seal: Seal | None = None
    seal_clock: str | None = None
    """The clock that its wait for the seal has."""
    version: int = 0

    @property
    def case_id(self) -> CaseId:
        """The case."""
        return self.case.case_id

    @property
    def sealed_as(self) -> OrganCode:
        """The organ whose seal it carries."""
        return name_of(self.organ, self.authority)

    def sealed(self, seal: Seal) -> bool:
        """Put the organ's seal on it; False when it has one, or when the seal is another organ's or over another text."""
        if NoticeState.SEALED not in MOVES[self.state] or (seal.organ, seal.digest) != (self.sealed_as, self.digest):
            return False
        self.state, self.seal = NoticeState.SEALED, seal
        return True


def number_notice(*, organ: OrganCode, kind: NoticeKind, year: int, sequence: int) -> NoticeId:
    """The number in the organ's register; numbers rise within a year and may leave gaps."""
    return NoticeId(f"{organ}-{year}-{TITLES[kind][0]}{sequence:07d}")


def authority_line(*, organ: str, numbers: Sequence[str], in_its_own_name: bool) -> Line:
    """By which papers an organ acts that does not hold the power itself.

    Law: 行政许可法 §24.
    """
    zh, en = "、".join(f"《{number}》" for number in numbers), ", ".join(numbers)
    if in_its_own_name:
        return Line(zh=f"本机关依{zh}行使该项职权。", en=f"This organ holds the power by {en}.")
    return Line(zh=f"本机关依{zh}委托{organ}办理,以本机关名义作出。", en=f"{organ} acts in this organ's name by {en}.")


def remedies(*, reconsideration_organ: str, court: str) -> Line:
    """What may be done against a denial.

    Law: 行政许可法 §38; 行政复议法 (60 days); 行政诉讼法 (6 months).
    """
    return Line(
        zh=f"如不服本决定,可自收到之日起六十日内向{reconsideration_organ}申请行政复议,或者自收到之日起六个月内向{court}提起行政诉讼。",
        en=f"Reconsideration may be asked of {reconsideration_organ} within 60 days of receipt, or a suit brought before {court} within 6 months.",
    )


def refusal_lines(*, ground: str, reason: str, competent: str, remedies: Line) -> list[Line]:
    """What a notice of non-acceptance says: ground, reason, the organ to apply to where one is named, remedies.

    Law: 行政许可法 §32(2).
    """
    zh, en = REFUSAL_GROUNDS[ground]
    lines = [
        Line(zh=f"不予受理的情形:{zh}", en=f"Ground: {en}"),
        Line(zh=f"说明:{reason}", en=f"Explanation: {reason}"),
    ]
    if competent:
        lines.append(Line(zh=f"请向{competent}申请。", en=f"Please apply to {competent}."))
    return [*lines, remedies]


def return_lines(*, ground: tuple[str, str], reason: str, remedies: Line) -> list[Line]:
    """What a notice of return says."""
    return [
        Line(zh=f"退回的情形:{ground[0]}", en=f"Ground: {ground[1]}"),
        Line(zh=f"说明:{reason}", en=f"Explanation: {reason}"),
        remedies,
    ]


def correction_lines(defects: Sequence[tuple[str, str]]) -> list[Line]:
    """What a correction notice says: every defect with its place in the application."""
    lines = [Line(zh="请补正下列全部内容:", en="Everything to be supplied:")]
    lines += [
        Line(zh=f"{number}. {text}({pointer})", en=f"{number}. {text} ({pointer})")
        for number, (pointer, text) in enumerate(defects, start=1)
    ]
    return lines


def acceptance_lines(*, day: date, promised: str, statutory: str, deemed: bool, supplemented: bool) -> list[Line]:
    """What a notice of acceptance says; deemed, it counts from the receipt of the application, or of what was supplied."""
    what = ("补正材料", "what was supplied") if supplemented else ("申请", "the application")
    first = (
        Line(
            zh=f"因逾期未告知,自 {day} 收到{what[0]}之日起即为受理。",
            en=f"Not told in time: accepted as from {day}, the day on which {what[1]} was received.",
        )
        if deemed
        else Line(zh=f"自 {day} 起受理。", en=f"Accepted as from {day}.")
    )
    return [
        first,
        Line(
            zh=f"法定办结期限 {statutory},承诺办结期限 {promised}(北京时间)。",
            en=f"To be decided by {statutory} by law; promised by {promised} (Beijing time).",
        ),
    ]


def decision_lines(
    *,
    outcome: tuple[str, str],
    grounds: Sequence[tuple[str, str]],
    reason: str,
    conditions: str,
    valid_until: date | None,
    remedies: Line | None,
) -> list[Line]:
    """What a decision says: outcome, grounds with their law, reason, conditions, remedies."""
    lines = [Line(zh=f"决定:{outcome[0]}", en=f"Decision: {outcome[1]}")]
    lines += [Line(zh=f"依据:{text}({law})", en=f"Ground: {text} ({law})") for text, law in grounds]
    if reason:
        lines.append(Line(zh=f"理由:{reason}", en=f"Reason: {reason}"))
    if conditions:
        lines.append(Line(zh=f"附带条件:{conditions}", en=f"Conditions: {conditions}"))
    if valid_until is not None:
        lines.append(Line(zh=f"有效期至 {valid_until} 前一日", en=f"Holds until the day before {valid_until}"))
    return lines if remedies is None else [*lines, remedies]


def suspension_lines(*, ground: tuple[str, str], evidence: str, until: str) -> list[Line]:
    """What a notice of suspension says."""
    return [
        Line(
            zh=f"因{ground[0]}所需时间不计入办理期限,预计至 {until}。",
            en=f"The time for {ground[1]} does not count; expected until {until}.",
        ),
        Line(zh=f"说明:{evidence}", en=f"Evidence: {evidence}"),
    ]


def extension_lines(*, reason: str, statutory: str, promised: str | None) -> list[Line]:
    """What a notice of extension says; no promise is told where its longer time ran out, too."""
    lines = [
        Line(
            zh=f"经批准延长办理期限,法定办结期限延至 {statutory}(北京时间)。理由:{reason}",
            en=f"Extended with approval; to be decided by {statutory} by law (Beijing time). Reason: {reason}",
        )
    ]
    if promised is not None:
        lines.append(Line(zh=f"承诺办结期限延至 {promised}(北京时间)。", en=f"A decision is promised by {promised} (Beijing time)."))
    return lines
