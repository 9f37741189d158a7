"""What makes an agreement publishable.

Law: 国办发〔2020〕35号 (收受分离; duties of both places fixed and traced).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import ClassVar

from contracts.catalogue import Agreement, Region, Unit
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


def check_agreement(agreement: Agreement, *, regions: Mapping[RegionCode, Region], items: Collection[ItemCode]) -> None:
    """Refuse an agreement between unknown or abolished regions or of one with itself, about unknown items, for no time or signed by nobody.

    Args:
        agreement: To be drafted.
        regions: Known regions among those it names, by code.
        items: Known base items among those it names.

    Raises:
        AgreementUnsound: With a defect for each.
    """
    defects = tuple(_defects(agreement, regions, items))
    if defects:
        raise AgreementUnsound(defects=defects[:100])


def check_change(agreement: Agreement, *, former: Agreement | None, today: date) -> None:
    """Refuse what would make untrue what was decided on an agreement until today.

    Cases rest on an agreement as of their receipt, also while they are on their way and at a later hop. So one that has begun keeps its
    first day and covers no less; it ends on a later day, and what is to cover less, or to go on after its end, begins under an id of its
    own. A new one begins on a later day, else it would take the place of another one as of days gone by.

    Args:
        agreement: To be published.
        former: What is published under its id.
        today: In Asia/Shanghai.

    Raises:
        AgreementUnsound: With a defect for each.
    """
    defects = tuple(_changes(agreement, former, today))
    if defects:
        raise AgreementUnsound(defects=defects)


def _changes(agreement: Agreement, former: Agreement | None, today: date) -> Iterable[Defect]:
    begun = former is not None and former.valid_from <= today
    if former is not None and begun:
        if agreement.valid_from != former.valid_from:
            yield Defect(
                rule_id="agreement.begun",
                pointer="/valid_from",
                message="协议已生效,起始日期不得变更",
                message_en="It is in force; its first day stays",
            )
        for name in ("receiving", "handling", "alliance", "items", "modes", "actions", "query_fields"):
            if not _covers(getattr(agreement, name), getattr(former, name), all_when_empty=name in {"items", "query_fields"}):
                yield Defect(
                    rule_id="agreement.narrowed",
                    pointer=f"/{name}",
                    message="已生效的协议不得缩小范围;请终止后另行发布新协议",
                    message_en="It is in force and may not cover less; end it and publish another",
                )
        if agreement.open_cases != former.open_cases:
            yield Defect(
                rule_id="agreement.begun",
                pointer="/open_cases",
                message="协议已生效,终止时在办件的处理规则不得变更",
                message_en="It is in force; what becomes of open cases when it ends stays",
            )
    elif agreement.valid_from <= today:
        yield Defect(
            rule_id="agreement.too-soon",
            pointer="/valid_from",
            message="起始日期最早为次日",
            message_en="It begins tomorrow at the earliest",
        )
    ends = agreement.valid_to
    if former is not None and former.valid_to <= today and ends != former.valid_to:
        yield Defect(
            rule_id="agreement.ended",
            pointer="/valid_to",
            message="协议已终止,不得恢复;请另行发布新协议",
            message_en="It has ended and stays so for the days since; publish another",
        )
    elif ends <= today and (former is None or ends != former.valid_to):
        yield Defect(
            rule_id="agreement.ended-before",
            pointer="/valid_to",
            message="终止日期最早为次日,当日及以前收件的仍按原协议办理",
            message_en="It ends tomorrow at the earliest: what was received until today rests on it",
        )


def _covers(now: Collection[str], before: Collection[str], *, all_when_empty: bool) -> bool:
    if all_when_empty and (not now or not before):
        return not now
    return set(before) <= set(now)


def _defects(agreement: Agreement, regions: Mapping[RegionCode, Region], items: Collection[ItemCode]) -> Iterable[Defect]:
    yield from _sides(agreement)
    yield from _blanks(agreement)
    for side, codes in (("receiving", agreement.receiving), ("handling", agreement.handling), ("alliance", agreement.alliance)):
        for index, code in enumerate(codes):
            if code not in regions:
                yield Defect(
                    rule_id="agreement.region",
                    pointer=f"/{side}/{index}",
                    message="行政区划不存在",
                    message_en="The region is unknown",
                )
            elif not regions[code].is_valid(agreement.valid_from):
                yield Defect(
                    rule_id="agreement.region-abolished",
                    pointer=f"/{side}/{index}",
                    message="该行政区划在协议起始日期不在有效期内",
                    message_en="The region is not in force on the agreement's first day",
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


def _sides(agreement: Agreement) -> Iterable[Defect]:
    members, receiving = agreement.alliance, set(agreement.receiving)
    if (agreement.receiving or agreement.handling) if members else not (agreement.receiving and agreement.handling):
        yield Defect(
            rule_id="agreement.sides",
            pointer="/alliance" if members else "/handling" if agreement.receiving else "/receiving",
            message="协议应当列明收件和办理双方,或者仅列明联盟成员",
            message_en="It names a receiving and a handling side, or the members of an alliance and nothing else",
        )
    if len(members) == 1 or len(set(members)) != len(members):
        yield Defect(
            rule_id="agreement.members",
            pointer="/alliance",
            message="联盟至少有两个成员,且不得重复",
            message_en="An alliance has two members or more, each once",
        )
    for side, codes in (("receiving", agreement.receiving), ("handling", agreement.handling)):
        seen: set[RegionCode] = set()
        for index, code in enumerate(codes):
            if code in seen:
                yield Defect(
                    rule_id="agreement.party-twice", pointer=f"/{side}/{index}", message="同一方重复列明", message_en="The same party twice"
                )
            elif side == "handling" and code in receiving:
                yield Defect(
                    rule_id="agreement.with-itself",
                    pointer=f"/{side}/{index}",
                    message="同一地区不得既为收件方又为办理方;相互收办应当列为联盟成员",
                    message_en="No place agrees with itself; those that receive for each other are members of an alliance",
                )
            seen.add(code)
    if not agreement.actions:
        yield Defect(rule_id="agreement.actions", pointer="/actions", message="至少列明一项授权", message_en="It allows nothing")


def _blanks(agreement: Agreement) -> Iterable[Defect]:
    for name, lines, message, message_en in (
        ("signatories", agreement.signatories, "应当列明签署方", "It says who signed it"),
        ("contacts", agreement.contacts, "应当列明联系方式", "It says whom to ask"),
    ):
        if not any(line.strip() for line in lines):
            yield Defect(rule_id=f"agreement.{name}", pointer=f"/{name}", message=message, message_en=message_en)
    limits = agreement.limits
    for name, limit in (
        ("delivered", limits.delivered),
        ("validated", limits.validated),
        ("signed_for", limits.signed_for),
        ("returned_after", limits.returned_after),
    ):
        # 0 working days are the rest of the same day; 0 of the others are over as they begin.
        if limit.unit is not Unit.WORKDAYS and not limit.amount:
            yield Defect(
                rule_id="agreement.limit",
                pointer=f"/limits/{name}/amount",
                message="时限应当大于零",
                message_en="It is over as it begins",
            )
