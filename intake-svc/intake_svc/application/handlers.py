"""Applications checked by the handling organ's own rules: who is competent, then what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.database import Tx
from contracts.caller import Caller, CallerKind
from contracts.catalogue import ApprovalType
from contracts.delegations import Authority
from contracts.refusals import Defect, Refusal
from contracts.values import (
    CaseId,
    CaseNo,
    Channel,
    Digest,
    ItemCode,
    ItemVersionId,
    Mode,
    OrganCode,
    PersonRef,
    RegionCode,
    WindowId,
    digest,
)
from intake_svc.application.domain import File, ItemNotReady, MaybeReceived, Named, NothingToApplyFor, Person, VersionChanged, likeness
from intake_svc.context import Intake
from intake_svc.hall import handlers as hall
from intake_svc.hall.domain import OfficerNotOnDuty, Window, WindowUnknown
from intake_svc.material import handlers as material
from intake_svc.material.domain import Material
from rules.access import permit
from rules.check import Application, MaterialGiven, check
from rules.competence import Route, decide
from rules.parts import Parts
from rules.powers import authority_of


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    route: Route
    parts: Parts
    defects: tuple[Defect, ...]
    files: dict[str, File]
    """By material id; only those that may be handed in."""
    authority: Authority | None
    """In whose name the organ of the route acts, where that needs an instrument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and by whom an application is received."""

    region: RegionCode
    organ: OrganCode
    window: WindowId | None = None
    by: PersonRef | None = None


async def precheck(tx: Tx[Intake], submission: Submission, *, caller: Caller) -> Checked:
    """Check for somebody who may ask; stores nothing.

    Raises:
        Forbidden: The caller neither receives nor applies.
        NoRoute: As for `check_submission`.
        VersionChanged: As for `check_submission`.
        NothingToApplyFor: As for `check_submission`.
        ItemNotReady: As for `check_submission`.
    """
    permit(caller, "case", "check", {}, regions=tx.context.catalogue, about=submission.item_code)
    return await check_submission(tx, submission, caller=caller)


async def check_submission(tx: Tx[Intake], submission: Submission, *, caller: Caller) -> Checked:
    """Find who is competent and every defect that a machine can find, as of now.

    Raises:
        NoRoute: Nobody is competent or the places have no agreement; known before any material is looked at.
        VersionChanged: The form was filled in for another version.
        NothingToApplyFor: The approval was abolished.
        ItemNotReady: The item's parts are not all here.
    """
    [checked] = await check_submissions(tx, [(submission, caller)])
    if isinstance(checked, Refusal):
        raise checked
    return checked


async def check_submissions(
    tx: Tx[Intake], handed_in: Sequence[tuple[Submission, Caller]], *, keep: bool = False
) -> list[Checked | Refusal]:
    """`check_submission` for several applications; each is checked or has the refusal that it would raise.

    Args:
        tx: Open transaction.
        handed_in: What is handed in and by whom; only what this caller uploaded counts as material.
        keep: Hold the materials until the commit, to be claimed.
    """
    routes = [_route(tx, submission, caller=caller) for submission, caller in handed_in]
    going_on = [
        (submission, caller) for (submission, caller), route in zip(handed_in, routes, strict=True) if not isinstance(route, Refusal)
    ]
    wanted = [([one.material_id for one in submission.materials], caller) for submission, caller in going_on]
    found = iter(await material.list_claimables(tx, wanted, keep=keep))
    checked: list[Checked | Refusal] = []
    for (submission, _), route in zip(handed_in, routes, strict=True):
        if isinstance(route, Refusal):
            checked.append(route)
            continue
        decided, parts = route
        files = _files(next(found))
        defects = find_defects(tx, parts, person=submission.person, situation=submission.situation, named=submission.materials, files=files)
        authority = authority_of(tx.context.catalogue, decided)
        checked.append(Checked(route=decided, parts=parts, defects=defects, files=files, authority=authority))
    return checked


def _route(tx: Tx[Intake], submission: Submission, *, caller: Caller) -> tuple[Route, Parts] | Refusal:
    try:
        route = decide(
            tx.context.catalogue,
            item_code=submission.item_code,
            receiving_region=receiving_region(submission, caller=caller),
            handling_region=submission.handling_region,
            mode=submission.mode,
            at=tx.at,
            situation=submission.situation or None,
        )
        if submission.version_id not in {None, route.version_id}:
            raise VersionChanged(facts={"version_id": route.version_id})
        parts = get_parts(tx, route.version_id)
        if parts.version.approval_type is ApprovalType.NONE:
            raise NothingToApplyFor
    except Refusal as refused:
        return refused
    return route, parts


async def find_places(tx: Tx[Intake], handed_in: Sequence[tuple[Submission, Caller]]) -> list[Place | Refusal]:
    """For each application the window where an officer sits, the place a machine stands for, or the hall that answers for the web.

    What refuses an application stands in its place: `WindowUnknown`, `OfficerNotOnDuty`, `WindowLacksSkill`, `NoWindowHere`.
    """
    windows = [_window(submission, caller=caller) for submission, caller in handed_in]
    admitted = iter(
        await hall.admit_officers(
            tx,
            [
                hall.Receiving(officer=caller.ref, window=window, item_code=submission.item_code)
                for (submission, caller), window in zip(handed_in, windows, strict=True)
                if window is not None
            ],
        )
    )
    places: list[Place | Refusal] = []
    for (submission, caller), window in zip(handed_in, windows, strict=True):
        try:
            places.append(
                await _place_elsewhere(tx, submission, caller=caller) if window is None else _stand(tx, next(admitted), caller=caller)
            )
        except Refusal as refused:
            places.append(refused)
    return places


def _window(submission: Submission, *, caller: Caller) -> WindowId | None:
    """The window at which an officer wants to receive; None for anybody else."""
    officer = caller.kind is not CallerKind.PERSON and not (caller.kind is CallerKind.MACHINE and caller.region and caller.organ)
    return (submission.window or caller.window) if officer else None


def _stand(tx: Tx[Intake], window: Window | Refusal, *, caller: Caller) -> Place:
    if isinstance(window, Refusal):
        raise window
    if window.region != caller.region or caller.organ not in tx.context.catalogue.one_with(window.organ):
        raise OfficerNotOnDuty(facts={"aggregate": "case", "action": "receive", "about": window.window})
    return Place(region=window.region, organ=_acting(tx, window.organ), window=window.window, by=caller.ref)


def _acting(tx: Tx[Intake], organ: OrganCode) -> OrganCode:
    """The organ that stands for one now: a window and a colleague stay where they are when theirs is merged."""
    return tx.context.catalogue.organs.acting(organ, at=tx.at)


async def _place_elsewhere(tx: Tx[Intake], submission: Submission, *, caller: Caller) -> Place:
    if caller.kind is CallerKind.PERSON:
        answering = await hall.find_window(tx, receiving_region(submission, caller=caller), item_code=submission.item_code)
        return Place(region=answering.region, organ=_acting(tx, answering.organ))
    if caller.kind is CallerKind.MACHINE and caller.region is not None and caller.organ is not None:
        return Place(region=caller.region, organ=_acting(tx, caller.organ), by=caller.ref)
    raise WindowUnknown


async def find_files(tx: Tx[Intake], named: Sequence[Named], *, caller: Caller, held: Sequence[Named]) -> dict[str, File]:
    """Files for checking a case again: those the case has, and of the others those that this caller may hand in."""
    own = {one.material_id for one in held}
    files = _files(await material.list_claimed(tx, sorted(own)))
    new = [one.material_id for one in named if one.material_id not in own]
    return files | _files(await material.list_claimable(tx, new, caller=caller, keep=True))


def find_defects(
    tx: Tx[Intake], parts: Parts, *, person: Person, situation: str, named: Sequence[Named], files: dict[str, File]
) -> tuple[Defect, ...]:
    """Every defect as of now, in the order of `rules.check`; materials without a file first."""
    application = _assemble(person, situation=situation, named=named, files=files)
    return _tell_absent(check(parts, application=application, at=tx.at), named=named, files=files)


def find_repeat(
    lost: dict[Digest, tuple[CaseNo, datetime]],
    submission: Submission,
    *,
    caller: Caller,
    files: Mapping[str, File],
    at: datetime,
) -> MaybeReceived | None:
    """The refusal of what looks like the repeat of an application that intake knows from the log alone, and has no id that says whether it is.

    Args:
        lost: Numbers of those, by `likeness`, each until when it may be repeated, first what ends first; what is over is taken out.
        submission: What is handed in.
        caller: Who hands it in; an applicant is told no number.
        files: Its materials by id, all of them.
        at: Now.
    """
    while lost and lost[over := next(iter(lost))][1] <= at:
        del lost[over]
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
    return MaybeReceived(facts={} if by is None else {"case_no": lost[like][0]})


def get_parts(tx: Tx[Intake], version_id: ItemVersionId) -> Parts:
    """A version with its parts.

    Raises:
        ItemNotReady: They are not all here.
    """
    parts = tx.context.catalogue.parts(version_id)
    if parts is None:
        raise ItemNotReady(retry_after=1)
    return parts


def receiving_region(submission: Submission, *, caller: Caller) -> RegionCode:
    """Officers and machines receive where they stand; an applicant names the place, else it is the competent one."""
    if caller.kind is CallerKind.PERSON or caller.region is None:
        return submission.receiving_region or submission.handling_region
    return caller.region


def _assemble(person: Person, *, situation: str, named: Sequence[Named], files: Mapping[str, File]) -> Application:
    """What the rules look at; materials without a file are left out, for `_tell_absent` tells them."""
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


def _tell_absent(found: Sequence[Defect], *, named: Sequence[Named], files: Mapping[str, File]) -> tuple[Defect, ...]:
    """The defects of the rules, with one for each material that has no file, all with the places of what was sent.

    Args:
        found: As `rules.check` gave them for `_assemble`.
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


def _as_sent(pointer: str, *, places: Sequence[int]) -> str:
    head, _, rest = pointer.removeprefix("/materials/").partition("/")
    if not pointer.startswith("/materials/") or not head.isdecimal() or int(head) >= len(places):
        return pointer
    return f"/materials/{places[int(head)]}" + (f"/{rest}" if rest else "")


def _files(materials: dict[str, Material]) -> dict[str, File]:
    return {material_id: File(digest=one.digest, media_type=one.media_type, size=one.size) for material_id, one in materials.items()}
