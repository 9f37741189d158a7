"""An application 申请 as it is handed in, and what is refused about it before a case exists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from contracts.refusals import Conflict, Defect, Invalid, Unavailable
from contracts.values import Digest, ItemCode, Json, JsonObject, PersonRef, RegionCode, digest
from rules.check import Agent, Applicant


class ApplicationHasDefects(Invalid):
    """The check found defects; all of them are listed and nothing was stored.

    Law: 行政许可法 §32.
    """

    RULE = "case.defects"
    ZH = "申请存在需要更正的内容,已一次列出"
    EN = "The application has defects; all of them are listed"


class VersionChanged(Conflict):
    """The application was filled in for another version of the item than the one in force."""

    RULE = "case.version-changed"
    ZH = "事项实施清单已更新,请按现行版本重新核对"
    EN = "The service item has a newer version; check the application against it"


class NothingToApplyFor(Conflict):
    """The approval was abolished: nobody needs to apply.

    Law: 行政许可法 §32 (not needed: say so at once).
    """

    RULE = "case.nothing-to-apply-for"
    ZH = "该事项已取消审批,无需办理"
    EN = "The approval was abolished; there is nothing to apply for"


class ItemNotReady(Unavailable):
    """The item's form or checklist has not arrived here yet."""

    RULE = "case.item-not-ready"
    ZH = "事项实施清单尚未同步到本地,请稍后再试"
    EN = "The service item has not arrived here in full; try again shortly"


class MaybeReceived(Conflict):
    """The caller handed in the same before the database came back from a backup, which forgot under which key it was sent."""

    RULE = "case.maybe-received"
    ZH = "数据库恢复前已收到内容相同的申请,请先核对该办件;确为另一件的,请自带 case_id 重新提交"
    EN = "The same was received before the database came back from a backup: look at that case; if this is another, send it with a case_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A material as an application names it."""

    code: str
    material_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What is known of a material that may be handed in."""

    digest: Digest
    media_type: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is kept sealed of a case, as one value."""

    applicant: Applicant
    name_of_firm: str | None = None
    """What a sole trader's or firm's name is to be, where the applicant has said so."""
    agent: Agent | None = None
    facts: JsonObject
    form: JsonObject
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPerson:
    """The same before it is opened, with what says who may open it."""

    row: Mapping[str, object]
    """The case's columns that access rules ask for."""
    sealed: bytes


def likeness(
    *,
    by: PersonRef | None,
    item_code: ItemCode,
    situation: str,
    handling_region: RegionCode,
    form: Digest,
    materials: Iterable[tuple[str, Digest]],
) -> Digest:
    """What a repeat of an application has in common with it, as far as the event of its receipt tells; materials by code and digest."""
    return digest([by, item_code, situation, handling_region, form, [[*one] for one in sorted(materials)]])


def still_asked(asked: Sequence[str], *, dropped: Collection[str]) -> tuple[str, ...]:
    """What of a correction notice is asked for today.

    Args:
        asked: JSON Pointers of the notice.
        dropped: Codes of the materials whose certificate was cancelled since: they left open cases too (S-35).
    """
    gone = {("materials", code) for code in dropped}
    return tuple(pointer for pointer in asked if tuple(pointer.split("/")[1:3]) not in gone)


def tell_open(
    asked: Sequence[str], *, told: Sequence[Defect] = (), before: JsonObject, after: JsonObject, supplied: Collection[str]
) -> tuple[Defect, ...]:
    """One defect for each place that a correction notice named and that stands as it stood.

    Args:
        asked: JSON Pointers of the notice; only ``/form/…`` and ``/materials/<code>`` can be supplied, others are passed over.
        told: Found already; their places are not told again.
        before: The form as it stood.
        after: The form as it would stand.
        supplied: Codes of the materials given anew, not the same file again.
    """
    return tuple(
        Defect(
            rule_id="supplement.open",
            pointer=pointer,
            message="补正告知书列出的此项尚未补正",
            message_en="The correction notice names this, and it stands as it stood",
            basis="行政许可法 §32",
        )
        for pointer in asked
        if pointer not in {one.pointer for one in told} and _is_open(pointer.split("/")[1:], before=before, after=after, supplied=supplied)
    )


def _is_open(path: Sequence[str], *, before: JsonObject, after: JsonObject, supplied: Collection[str]) -> bool:
    match path:
        case ["materials", code, *_]:
            return code not in supplied
        case ["form", *steps]:
            return _found(before, steps) == _found(after, steps)
        case _:
            return False


def _found(value: Json, steps: Sequence[str]) -> Json:
    """What a JSON Pointer leads to; None where it leads nowhere.

    Source: RFC 6901.
    """
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~")
        match value:
            case dict():
                value = value.get(name)
            case list() if name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            case _:
                return None
    return value
