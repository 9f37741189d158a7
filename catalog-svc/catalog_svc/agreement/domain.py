"""What makes an agreement publishable.

Law: 国办发〔2020〕35号 (收受分离; duties of both places fixed and traced).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import ClassVar

from contracts.catalogue import Agreement
from contracts.refusals import Defect, Invalid, NotFound
from contracts.values import ItemCode, Mode, RegionCode


class AgreementUnknown(NotFound):
    """No agreement has this id."""

    RULE: ClassVar[str] = "agreement.unknown"
    ZH: ClassVar[str] = "通办协议不存在"
    EN: ClassVar[str] = "There is no agreement with this id"


class AgreementUnsound(Invalid):
    """An agreement that no route could rest on."""

    RULE: ClassVar[str] = "agreement.unsound"
    ZH: ClassVar[str] = "通办协议数据不正确"
    EN: ClassVar[str] = "The agreement's data is wrong"


def check_agreement(agreement: Agreement, *, regions: Collection[RegionCode], items: Collection[ItemCode]) -> None:
    """Refuse an agreement between unknown regions, about unknown items, in no mode or for no time.

    Args:
        agreement: To be drafted.
        regions: Known regions among those it names.
        items: Known base items among those it names.

    Raises:
        AgreementUnsound: With a defect for each.
    """
    defects = tuple(_defects(agreement, regions, items))
    if defects:
        raise AgreementUnsound(defects=defects[:100])


def _defects(agreement: Agreement, regions: Collection[RegionCode], items: Collection[ItemCode]) -> Iterable[Defect]:
    for side, codes in (("receiving", agreement.receiving), ("handling", agreement.handling)):
        for index, code in enumerate(codes):
            if code not in regions:
                yield Defect(
                    rule_id="agreement.region",
                    pointer=f"/{side}/{index}",
                    message="行政区划不存在",
                    message_en="The region is unknown",
                )
    for index, item in enumerate(agreement.items):
        if item not in items:
            yield Defect(rule_id="agreement.item", pointer=f"/items/{index}", message="事项不存在", message_en="The item is unknown")
    if Mode.LOCAL in agreement.modes:
        yield Defect(
            rule_id="agreement.mode-local",
            pointer="/modes",
            message="本地办理无需协议",
            message_en="What is received and decided in one region needs no agreement",
        )
    if agreement.valid_to <= agreement.valid_from:
        yield Defect(
            rule_id="agreement.validity", pointer="/valid_to", message="终止日期应当晚于起始日期", message_en="It ends before it begins"
        )
