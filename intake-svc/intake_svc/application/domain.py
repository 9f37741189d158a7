"""An application 申请 as it is handed in, and what is refused about it before a case exists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from contracts.caller import Caller, CallerKind
from contracts.refusals import Conflict, Defect, Invalid, Unavailable
from contracts.values import (
    CaseId,
    CaseNo,
    Channel,
    Digest,
    ItemCode,
    ItemVersionId,
    Json,
    JsonObject,
    Mode,
    PersonRef,
    RegionCode,
    WindowId,
    digest,
)
from rules.check import Agent, Applicant, Application, MaterialGiven


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Everything handed in with an application; personal data, so never logged and never in an event."""

    case_id: CaseId
    item_code: ItemCode
    handling_region: RegionCode
    """The region that the matter belongs to."""
    receiving_region: RegionCode | None = None
    """Where an applicant without a window hands in; officers and machines hand in where they stand."""
    version_id: ItemVersionId | None = None
    """The version that the form was filled in for."""
    mode: Mode | None = None
    window: WindowId | None = None
    channel: Channel | None = None
    situation: str
    person: Person
    materials: tuple[Named, ...]
    helpers: tuple[PersonRef, ...] = ()
    has_own_id: bool = False
    """Whether whoever hands it in made the id, so that a repeat is known by it."""


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


def find_repeat(
    lost: Mapping[Digest, CaseNo], submission: Submission, *, caller: Caller, files: Mapping[str, File]
) -> MaybeReceived | None:
    """The refusal of what looks like the repeat of an application that intake knows from the log alone, and has no id that says whether it is.

    Args:
        lost: Numbers of those, by `likeness`.
        submission: What is handed in.
        caller: Who hands it in; an applicant is told no number.
        files: Its materials by id, all of them.
    """
    if not lost or submission.has_own_id:
        return None
    by = None if caller.kind is CallerKind.PERSON else caller.ref
    like = likeness(
        by=by,
        item_code=submission.item_code,
        situation=submission.situation,
        handling_region=submission.handling_region,
        form=digest(submission.person.form),
        materials=((one.code, files[one.material_id].digest) for one in submission.materials),
    )
    if like not in lost:
        return None
    return MaybeReceived(facts={} if by is None else {"case_no": lost[like]})


def assemble(person: Person, *, situation: str, named: Sequence[Named], files: Mapping[str, File]) -> Application:
    """What the rules look at; materials without a file are left out, for `tell_absent` tells them."""
    return Application(
        applicant=person.applicant,
        agent=person.agent,
        situation=situation,
        facts=person.facts,
        form=person.form,
        materials=tuple(
            MaterialGiven(code=one.code, digest=file.digest, media_type=file.media_type, size=file.size)
            for one, file in ((one, files.get(one.material_id)) for one in named)
            if file is not None
        ),
    )


def tell_absent(found: Sequence[Defect], *, named: Sequence[Named], files: Mapping[str, File]) -> tuple[Defect, ...]:
    """The defects of the rules, with one for each material that has no file, all with the places of what was sent.

    Args:
        found: As `rules.check` gave them for `assemble`.
        named: The materials as sent.
        files: Those that may be handed in, by id.
    """
    places = [index for index, one in enumerate(named) if one.material_id in files]
    absent = {one.code for one in named if one.material_id not in files}
    told = tuple(
        Defect(
            rule_id="material.not-found",
            pointer=f"/materials/{index}/material_id",
            message="没有这份材料,或者已用于其他办件",
            message_en="There is no such material, or another case has it",
        )
        for index, one in enumerate(named)
        if one.material_id not in files
    )
    kept = (one for one in found if one.pointer.removeprefix("/materials/") not in absent)
    return (*told, *(replace(one, pointer=_as_sent(one.pointer, places=places)) for one in kept))


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


def _as_sent(pointer: str, *, places: Sequence[int]) -> str:
    head, _, rest = pointer.removeprefix("/materials/").partition("/")
    if not pointer.startswith("/materials/") or not head.isdecimal() or int(head) >= len(places):
        return pointer
    return f"/materials/{places[int(head)]}" + (f"/{rest}" if rest else "")
