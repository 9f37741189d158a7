"""What makes a row of the certificate list publishable, and that its end is for good.

Law: 优化营商环境条例 §45.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from contracts.certificates import Certificate, CertificateState
from contracts.refusals import Conflict, Defect, Invalid, NotFound


class CertificateUnknown(NotFound):
    """No row of the list has this id."""

    RULE: ClassVar[str] = "certificate.unknown"
    ZH: ClassVar[str] = "证明事项清单中没有此证明"
    EN: ClassVar[str] = "The certificate list has no such row"


class CertificateCancelled(Conflict):
    """It was cancelled; what is to be asked for again stands under another id, and only new versions name it."""

    RULE: ClassVar[str] = "certificate.cancelled"
    ZH: ClassVar[str] = "该证明事项已经取消,不得恢复"
    EN: ClassVar[str] = "The certificate was cancelled and does not come back"


class CertificateUnsound(Invalid):
    """A row that says less than the law asks for."""

    RULE: ClassVar[str] = "certificate.unsound"
    ZH: ClassVar[str] = "证明事项清单数据不正确"
    EN: ClassVar[str] = "The row of the certificate list is wrong"


_SAID = {
    "basis": ("缺少设定依据", "Its legal basis is missing"),
    "asked_by": ("缺少索要单位", "Who asks for it is missing"),
    "issued_by": ("缺少开具单位", "Who writes it is missing"),
    "guide": ("缺少办理指南", "How to get it is missing"),
}


def check_certificate(row: Certificate, *, region_known: bool) -> None:
    """Refuse a row without what the list must name.

    Raises:
        CertificateUnsound: With a defect for each field.
    """
    defects = tuple(_defects(row, region_known))
    if defects:
        raise CertificateUnsound(defects=defects)


def check_state(row: Certificate, *, published: Certificate | None) -> None:
    """Refuse a row that says of itself that it is cancelled and was not.

    Raises:
        CertificateUnsound: It leaves the list by its own route, with the document that cancels it.
    """
    stands = (CertificateState.LISTED, "") if published is None else (published.state, published.cancelled_by)
    if (row.state, row.cancelled_by) != stands:
        raise CertificateUnsound(
            defects=(
                Defect(
                    rule_id="certificate.state",
                    pointer="/state",
                    message="取消证明事项请使用取消接口",
                    message_en="It is cancelled by its own route, with the document that does so",
                ),
            )
        )


def cancelled(row: Certificate, *, by: str) -> Certificate:
    """The row as it stands once a document has cancelled it."""
    return replace(row, state=CertificateState.CANCELLED, cancelled_by=by)


def _defects(row: Certificate, region_known: bool) -> Iterator[Defect]:  # noqa: FBT001 - named at its one call
    for name, (message, message_en) in _SAID.items():
        if not getattr(row, name).strip():
            yield Defect(
                rule_id="certificate.incomplete",
                pointer=f"/{name}",
                message=message,
                message_en=message_en,
                basis="优化营商环境条例 §45",
            )
    if not region_known:
        yield Defect(
            rule_id="certificate.region-unknown", pointer="/region", message="行政区划不存在", message_en="There is no such region"
        )
