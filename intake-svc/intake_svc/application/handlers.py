"""Applications checked by the handling organ's own rules: who is competent, then what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.database import Tx
from contracts.caller import Caller, CallerKind
from contracts.catalogue import ApprovalType
from contracts.refusals import Defect
from contracts.values import ItemVersionId, RegionCode
from intake_svc.application.domain import (
    File,
    ItemNotReady,
    Named,
    NothingToApplyFor,
    Person,
    Submission,
    VersionChanged,
    assemble,
    tell_absent,
)
from intake_svc.context import Intake
from intake_svc.material import handlers as material
from intake_svc.material.domain import Material
from rules.access import permit
from rules.catalogue import Parts
from rules.check import check
from rules.competence import Route, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    route: Route
    parts: Parts
    defects: tuple[Defect, ...]
    files: dict[str, File]
    """By material id; only those that may be handed in."""


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


async def check_submission(tx: Tx[Intake], submission: Submission, *, caller: Caller, keep: bool = False) -> Checked:
    """Find who is competent and every defect that a machine can find, as of now.

    Args:
        tx: Open transaction.
        submission: What is handed in.
        caller: Who hands it in; only what this caller uploaded counts as material.
        keep: Hold the materials until the commit, to be claimed.

    Raises:
        NoRoute: Nobody is competent or the places have no agreement; known before any material is looked at.
        VersionChanged: The form was filled in for another version.
        NothingToApplyFor: The approval was abolished.
        ItemNotReady: The item's parts are not all here.
    """
    route = decide(
        tx.context.catalogue,
        item_code=submission.item_code,
        receiving_region=receiving_region(submission, caller=caller),
        handling_region=submission.handling_region,
        mode=submission.mode,
        at=tx.at,
    )
    if submission.version_id not in {None, route.version_id}:
        raise VersionChanged(facts={"version_id": route.version_id})
    parts = get_parts(tx, route.version_id)
    if parts.version.approval_type is ApprovalType.NONE:
        raise NothingToApplyFor
    wanted = [one.material_id for one in submission.materials]
    files = _files(await material.list_claimable(tx, wanted, caller=caller, keep=keep))
    defects = find_defects(tx, parts, person=submission.person, situation=submission.situation, named=submission.materials, files=files)
    return Checked(route=route, parts=parts, defects=defects, files=files)


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
    application = assemble(person, situation=situation, named=named, files=files)
    return tell_absent(check(parts, application=application, at=tx.at), named=named, files=files)


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


def _files(materials: dict[str, Material]) -> dict[str, File]:
    return {material_id: File(digest=one.digest, media_type=one.media_type, size=one.size) for material_id, one in materials.items()}
