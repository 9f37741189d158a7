"""Enter again what was lost."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.database import Tx
from contracts.caller import Caller
from contracts.refusals import Defect
from intake_svc.application.domain import Named, Person
from intake_svc.application.handlers import find_defects, find_files, get_parts
from intake_svc.case import handlers as cases
from intake_svc.case.domain import Case
from intake_svc.context import Intake
from intake_svc.reentry.domain import APPLICANT_DIFFERS, NothingLost, NotTheSame, is_person_lost, is_whole, tell_differences

_LOOKED_AT = ("/applicant/", "/agent/")
"""What no digest stands for is checked by the item's rules again; the rest was, at receipt."""


async def enter_again(
    tx: Tx[Intake], no: str, *, caller: Caller, person: Person, materials: Sequence[Named], version: int | None = None
) -> Case:
    """Take in once more what was handed in, where intake's database came back from a backup without it.

    Args:
        tx: Open transaction.
        no: Number or id.
        caller: The receiving organ's clerk, or the partner that received.
        person: Who applies, and the form as it stood last.
        materials: Files uploaded anew for those that were lost.
        version: What the caller read, when it says so.

    Raises:
        CaseNotFound: None that the caller may see.
        Forbidden: The caller may see it but not do this.
        Stale: It was changed since the caller read it.
        NothingLost: All of it is there.
        NotTheSame: With everything in which it differs from what was handed in.
        ItemNotReady: The version that it was received under is not here yet.
        MaterialClaimed: A material was handed in for another case meanwhile.
    """
    case = await cases.take_case(tx, no, caller=caller, action="reenter", version=version)
    kept = None if is_person_lost(case) else await cases.open_person(tx, case)
    if is_whole(case, form=None if kept is None else kept.form):
        raise NothingLost
    files = await find_files(tx, materials, caller=caller, held=())
    parts, situation = get_parts(tx, case.received.version_id), case.received.situation
    found: list[Defect] = [
        defect
        for defect in find_defects(tx, parts, person=person, situation=situation, named=materials, files=files)
        if defect.pointer.startswith(_LOOKED_AT) or defect.rule_id == "material.not-found"
    ]
    applicant = person.applicant
    key = tx.context.applicant_key(id_type=applicant.id_type, id_number=applicant.id_number)
    if kept is not None and key != case.received.applicant_key:
        found.append(APPLICANT_DIFFERS)
    found += tell_differences(case, form=person.form, named=materials, files=files)
    if found:
        raise NotTheSame(defects=tuple(found))
    await cases.enter_again(tx, case, person=person, materials=materials, files=files)
    return case
