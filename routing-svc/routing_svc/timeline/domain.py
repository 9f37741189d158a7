"""What happened to a case, in words for everybody who may see it.

Both counties and the applicant read the same entries; an entry says who it is not for, and officers are named to staff
only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from contracts.caller import Caller, CallerKind
from contracts.values import CaseId, OrganCode, PersonRef, RegionCode


class Audience(StrEnum):
    """Who reads a timeline."""

    STAFF = "staff"
    APPLICANT = "applicant"


EVERYONE = frozenset(Audience)
STAFF_ONLY = frozenset({Audience.STAFF})


class EntryKind(StrEnum):
    """What an entry tells."""

    RECEIVED = "received"
    WAITING = "waiting"
    VALIDATED = "validated"
    SIGNED_FOR = "signed_for"
    REHOMED = "rehomed"
    RETURNED = "returned"
    NOT_SIGNED = "not_signed"
    OFFERED_AGAIN = "offered_again"
    CORRECTION = "correction"
    SUPPLEMENTED = "supplemented"
    SUPPLEMENT_LATE = "supplement_late"
    ACCEPTED = "accepted"
    DEEMED_ACCEPTED = "deemed_accepted"
    NOT_ACCEPTED = "not_accepted"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    EXTENDED = "extended"
    REDATED = "redated"
    DECIDED = "decided"
    SEALED = "sealed"
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CARD = "card"


TEXTS: Mapping[EntryKind, tuple[str, str]] = MappingProxyType(
    {
        EntryKind.RECEIVED: ("收件窗口已收件,编号 {case_no}", "Received at the window under number {case_no}"),
        EntryKind.WAITING: ("等待事项版本同步后转办", "Waiting for the item's version before it is handed over"),
        EntryKind.VALIDATED: (
            "已送达办理地并通过校验,应于 {due} 前签收",
            "Delivered to the handling county and validated; to be signed for by {due}",
        ),
        EntryKind.SIGNED_FOR: ("办理地已签收,受理决定期限 {due}", "Signed for by the handling county; acceptance to be decided by {due}"),
        EntryKind.REHOMED: (
            "{former}已并入{organ},本办件由{organ}继续办理",
            "{former} was merged into {organ}, which carries on with the case",
        ),
        EntryKind.RETURNED: ("已退回申请人,原因:{reason}", "Returned to the applicant: {reason}"),
        EntryKind.NOT_SIGNED: ("逾期未签收", "Not signed for in time"),
        EntryKind.OFFERED_AGAIN: ("第 {hop} 次转办", "Handed over again, hop {hop}"),
        EntryKind.CORRECTION: (
            "已一次性告知需补正 {defects} 项(第 {round} 次)",
            "Told once of {defects} defects to correct (notice {round})",
        ),
        EntryKind.SUPPLEMENTED: ("已补正,受理决定期限 {due}", "Supplemented; acceptance to be decided by {due}"),
        EntryKind.SUPPLEMENT_LATE: ("收到补正材料,但办件已不在补正状态", "A supplement came when none was waited for; nothing changed"),
        EntryKind.ACCEPTED: ("已受理,自 {day} 起计,承诺 {due} 前决定", "Accepted, counting from {day}; a decision is promised by {due}"),
        EntryKind.DEEMED_ACCEPTED: (
            "逾期未告知,自 {day} 起视为受理,承诺 {due} 前决定",
            "Not told in time: deemed accepted from {day}; a decision is promised by {due}",
        ),
        EntryKind.NOT_ACCEPTED: ("不予受理", "Not accepted"),
        EntryKind.SUSPENDED: ("期限中止:{ground}", "Time stopped: {ground}"),
        EntryKind.RESUMED: ("期限恢复计算,应于 {due} 前决定", "Time runs again; to be decided by {due}"),
        EntryKind.EXTENDED: ("经批准延长期限,应于 {due} 前决定", "Extended with approval; to be decided by {due}"),
        EntryKind.REDATED: (
            "放假通知已公布,按工作日历 {calendar} 重新计算:{clock}由 {was} 变为 {due}",
            "The holiday notice is out; reckoned anew with calendar {calendar}: {clock} ends {due} instead of {was}",
        ),
        EntryKind.DECIDED: ("已作出决定:{outcome}", "Decided: {outcome}"),
        EntryKind.SEALED: ("文书 {notice} 已加盖电子印章", "Notice {notice} carries the organ's seal"),
        EntryKind.IN_FORCE: ("决定({outcome})已加盖电子印章并生效", "The decision ({outcome}) carries the organ's seal and is in force"),
        EntryKind.WITHDRAWN: ("申请人已撤回申请", "The applicant took the application back"),
        EntryKind.DELIVERED: ("结果已送达({means})", "The result was handed over ({means})"),
        EntryKind.CLOSED: ("办件已办结", "The case is closed"),
        EntryKind.CARD: ("{card}:{clock}", "{card}: {clock}"),
    }
)
"""What people read; placeholders are filled with public facts, never with what a person wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a timeline."""

    case_id: CaseId
    at: datetime
    """Instant of what happened, UTC; not of when it was heard."""
    kind: EntryKind
    zh: str
    en: str
    organ: OrganCode
    region: RegionCode
    by: PersonRef | None
    """The officer; shown to staff only."""
    audience: frozenset[Audience]
    remark: str = ""
    """What the person who acted wrote, such as the reason of a return; kept sealed under the case's key."""


def write_entry(
    kind: EntryKind,
    *,
    case_id: CaseId,
    at: datetime,
    organ: OrganCode,
    region: RegionCode,
    by: PersonRef | None = None,
    audience: frozenset[Audience] = EVERYONE,
    facts: Mapping[str, str | tuple[str, str]] | None = None,
    remark: str = "",
) -> Entry:
    """Put an entry into words; a fact that reads otherwise in English is a pair.

    Raises:
        KeyError: A placeholder of the text is not among the facts.
    """
    zh, en = TEXTS[kind]
    given = {name: fact if isinstance(fact, tuple) else (fact, fact) for name, fact in (facts or {}).items()}
    return Entry(
        case_id=case_id,
        at=at,
        kind=kind,
        zh=zh.format_map({name: fact[0] for name, fact in given.items()}),
        en=en.format_map({name: fact[1] for name, fact in given.items()}),
        organ=organ,
        region=region,
        by=by,
        audience=audience,
        remark=remark,
    )


def audience_of(caller: Caller) -> Audience:
    """As whom a caller reads."""
    return Audience.APPLICANT if caller.kind is CallerKind.PERSON else Audience.STAFF


def key_owner(case_id: CaseId) -> str:
    """Under whose key routing seals what people write about a case; destroying it destroys all of that."""
    return f"case/{case_id}"
