"""What makes an organ publishable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from catalog_svc.proposal.domain import NOTICE
from contracts.catalogue import Organ, Region
from contracts.delegations import Delegation
from contracts.refusals import Conflict, Defect, Invalid, NotFound
from rules.identifiers import IdType, check_identity
from rules.workdays import local_day

_TOLD_AT_MOST = 50
"""Pairs of contradicting papers in one answer."""


class OrganUnknown(NotFound):
    """No organ has this code."""

    RULE: ClassVar[str] = "organ.unknown"
    ZH: ClassVar[str] = "机构代码不存在"
    EN: ClassVar[str] = "There is no organ with this code"


class OrganUnsound(Invalid):
    """An organ whose code or place is wrong."""

    RULE: ClassVar[str] = "organ.unsound"
    ZH: ClassVar[str] = "机构数据不正确"
    EN: ClassVar[str] = "The organ's data is wrong"


class OrganMerged(Conflict):
    """It is no more; ``facts``: ``merged_into`` (the organ in its place)."""

    RULE: ClassVar[str] = "organ.merged"
    ZH: ClassVar[str] = "该机构已并入其他机构"
    EN: ClassVar[str] = "The organ was merged into another"


def check_merger(organ: Organ, *, former: Organ | None, into: Organ | None) -> None:
    """Refuse a merger that would lead nowhere, or one that is undone: open cases have followed it.

    Args:
        organ: As drafted.
        former: As it is published; ``None`` for a new one.
        into: The organ that is to take its place, as it is published.

    Raises:
        OrganMerged: It was merged already, and is to be another from now on.
        OrganUnsound: The other is unknown, the same, or was merged itself; or it names an instant that is not that of the merger.
    """
    if organ.merged_at not in {None, None if former is None else former.merged_at}:
        raise OrganUnsound(
            defects=(
                Defect(
                    rule_id="organ.merged-at",
                    pointer="/merged_at",
                    message="合并生效时间由公布确定,不得另行填写",
                    message_en="The publication of the merger says when it begins",
                ),
            )
        )
    if former is not None and former.merged_into is not None and former.merged_into != organ.merged_into:
        raise OrganMerged(facts={"merged_into": former.merged_into})
    if organ.merged_into is None or (former is not None and former.merged_into is not None):
        return
    if former is None or into is None or into.code == organ.code or into.merged_into is not None:
        raise OrganUnsound(
            defects=(
                Defect(
                    rule_id="organ.merger",
                    pointer="/merged_into",
                    message="并入的机构应当已公布、尚未并入其他机构且不是其自身",
                    message_en="A published organ is merged into another that is published, stands, and is not itself",
                ),
            )
        )


def check_papers(contradictions: Sequence[tuple[Delegation, Delegation]]) -> None:
    """Refuse a merger after which nobody could say to whom a power was handed on.

    Args:
        contradictions: Papers of the one organ and of the other that do not agree.

    Raises:
        OrganUnsound: There are some; each pair is named.
    """
    if contradictions:
        raise OrganUnsound(
            defects=tuple(
                Defect(
                    rule_id="organ.merger-contradicts",
                    pointer="/merged_into",
                    message=f"两机构的 {one.delegation_id} 与 {other.delegation_id} 就同一区域、同一事项另作安排,请先撤销其一",
                    message_en=f"{one.delegation_id} and {other.delegation_id} hand the same item on differently for one region: revoke one",
                )
                for one, other in contradictions[:_TOLD_AT_MOST]
            )
        )


def take_effect(organ: Organ, *, former: Organ | None, at: datetime) -> Organ:
    """The organ as it is published: a merger begins as soon as every service can have heard of it."""
    if organ.merged_into is None:
        return organ
    known = None if former is None else former.merged_at
    return replace(organ, merged_at=known or at + NOTICE)


def check_organ(organ: Organ, *, region: Region | None, at: datetime) -> None:
    """Refuse an organ that no case could be sent to.

    Raises:
        OrganUnsound: The code fails its check digit (GB 32100), or the region is unknown or abolished.
    """
    defects: list[Defect] = []
    if check_identity(IdType.USCC, number=organ.code, on=local_day(at)) is not None:
        defects.append(
            Defect(
                rule_id="organ.code",
                pointer="/code",
                message="统一社会信用代码不正确",
                message_en="This is no unified social credit code",
                basis="GB 32100",
            )
        )
    if region is None or (region.valid_to is not None and region.valid_to <= local_day(at)):
        defects.append(
            Defect(
                rule_id="organ.region",
                pointer="/region",
                message="行政区划不存在或者已撤销",
                message_en="The region is unknown or abolished",
            )
        )
    if defects:
        raise OrganUnsound(defects=tuple(defects))
