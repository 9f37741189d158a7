"""What makes an organ publishable."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from contracts.catalogue import Organ, Region
from contracts.refusals import Defect, Invalid, NotFound
from rules.identifiers import IdType, check_identity
from rules.workdays import local_day


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
