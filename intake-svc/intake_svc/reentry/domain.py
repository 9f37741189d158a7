"""What is the same as was handed in, and what is not: the digests that the event of receipt kept are what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.refusals import Conflict, Defect, Invalid
from contracts.values import JsonObject, digest
from intake_svc.application.domain import File, Named
from intake_svc.case.domain import NOBODY, Case


class NothingLost(Conflict):
    """All of the application is there: what was handed in is changed by a supplement alone."""

    RULE = "re-entry.nothing-lost"
    ZH = "该办件的申请信息完整,无需补录"
    EN = "Nothing of this application was lost"


class NotTheSame(Invalid):
    """What was entered is not what was handed in; every difference is listed and nothing was stored."""

    RULE = "re-entry.differs"
    ZH = "补录内容与原申请不一致,差异已一次列出"
    EN = "What was entered is not the application that was handed in; all differences are listed"


def is_person_lost(case: Case) -> bool:
    """True when nobody knows any more who applies."""
    return case.received.applicant_key == NOBODY


def is_whole(case: Case, *, form: JsonObject | None) -> bool:
    """True when nothing of a case was lost.

    Args:
        case: As it stands.
        form: As it is kept; None when it is lost.
    """
    return form is not None and digest(form) == case.form_digest and all(one.material_id != NOBODY for one in case.materials)


def tell_differences(case: Case, *, form: JsonObject, named: Sequence[Named], files: Mapping[str, File]) -> tuple[Defect, ...]:
    """One difference for the form and for each material that is not one of those lost, or that is still missing.

    Args:
        case: As it stands.
        form: As entered.
        named: Materials as entered; those without a file are passed over.
        files: By id.
    """
    lost = {(one.code, one.digest) for one in case.materials if one.material_id == NOBODY}
    given = {(one.code, files[one.material_id].digest): place for place, one in enumerate(named) if one.material_id in files}
    return (
        *([] if digest(form) == case.form_digest else [FORM_DIFFERS]),
        *(_material_differs(f"/materials/{given[one]}/material_id") for one in given if one not in lost),
        *(_material_missing(f"/materials/{code}") for code, _ in sorted(lost - given.keys())),
    )


FORM_DIFFERS = Defect(
    rule_id="re-entry.form-differs",
    pointer="/form",
    message="表单与收件时留存的摘要不一致",
    message_en="The form is not the one whose digest was kept at receipt",
)

APPLICANT_DIFFERS = Defect(
    rule_id="re-entry.applicant-differs",
    pointer="/applicant/id_number",
    message="申请人与该办件留存的申请人不是同一人",
    message_en="Somebody else applied for this case",
)


def _material_differs(pointer: str) -> Defect:
    return Defect(
        rule_id="re-entry.material-differs",
        pointer=pointer,
        message="该文件不是收件时提交的文件",
        message_en="This is not a file that was handed in and lost",
    )


def _material_missing(pointer: str) -> Defect:
    return Defect(
        rule_id="re-entry.material-missing",
        pointer=pointer,
        message="收件时提交的这份材料尚未补录",
        message_en="This material was handed in and is not entered again yet",
    )
