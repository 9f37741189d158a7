"""The list of certificates 证明事项清单 that an organ may ask for: a document of its own, followed by every service.

It is not part of an item's version, so that taking a row from it is felt by open cases too (S-35).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.values import RegionCode


class CertificateState(StrEnum):
    """Whether organs may ask for it."""

    LISTED = "listed"
    CANCELLED = "cancelled"
    """For good: a row that was cancelled is never listed again under its id, so no open case is asked for more than at its receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate 证明 that somebody other than the applicant writes; on ``catalog.rules.v1`` as ``certificate/<id>``.

    Law: 优化营商环境条例 §45 (the list names basis, who asks, who writes, how to get it; nothing beside it may be asked for).
    """

    certificate_id: str
    name: str
    name_en: str
    region: RegionCode
    """Whose list it stands on; organs of that region and below may ask for it."""
    basis: str
    """设定依据"""
    asked_by: str
    """索要单位"""
    issued_by: str
    """开具单位"""
    guide: str
    """办理指南: how the applicant gets it."""
    state: CertificateState = CertificateState.LISTED
    cancelled_by: str = ""
    """The document that cancelled it 取消依据; only of a cancelled one."""
