"""Who may look for a person, and who may have the persons of many cases at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chassis.database import Tx
from contracts.caller import Caller
from contracts.refusals import Forbidden, NotFound, Refusal
from contracts.values import CaseId
from intake_svc.application.domain import SealedPerson
from intake_svc.case import handlers as cases
from intake_svc.case.domain import CaseNotFound
from intake_svc.context import Intake
from rules.access import Never, Tree, permit


def permit_search(tx: Tx[Intake], *, caller: Caller) -> Tree:
    """The cases among which a caller may look for a person.

    Raises:
        Forbidden: The caller may look for nobody.
    """
    found = cases.rights(tx, caller=caller, action="find")
    if isinstance(found, Never):
        raise Forbidden(facts={"aggregate": "case", "action": "find", "about": "person"})
    return found


def permit_many(tx: Tx[Intake], *, caller: Caller) -> None:
    """Let through whoever may have the persons of many cases in one answer.

    Raises:
        Forbidden: The caller is no service: it asks for one case at a time.
    """
    permit(caller, "case", "view_persons", {}, regions=tx.context.catalogue, about="person")


async def find_persons(tx: Tx[Intake], case_ids: Sequence[CaseId], *, caller: Caller) -> dict[CaseId, SealedPerson | Refusal]:
    """For each of these cases what is sealed of its person, not open yet, or why this caller does not get it.

    The refusals are `CaseNotFound` (there is none, or it is hidden from this caller: both look alike) and `Forbidden`.
    """
    kept = await cases.get_sealed(tx, case_ids)
    return {case_id: _permit(tx, case_id, kept, caller=caller) for case_id in case_ids}


def _permit(tx: Tx[Intake], case_id: CaseId, kept: Mapping[CaseId, SealedPerson], *, caller: Caller) -> SealedPerson | Refusal:
    if (found := kept.get(case_id)) is None:
        return CaseNotFound()
    keys = tx.context.applicant_keys(caller)
    try:
        permit(caller, "case", "view_person", found.row, regions=tx.context.catalogue, about=case_id, applicant_keys=keys)
    except NotFound:
        return CaseNotFound()
    except Forbidden as refused:
        return refused
    return found
