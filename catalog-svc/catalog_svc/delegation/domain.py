"""What makes a delegation publishable, and how it is revoked.

Law: 行政许可法 §24 (within its own power, published, in the delegator's name, no further delegation).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import ClassVar

from catalog_svc.proposal.domain import NOTICE
from contracts.delegations import Delegation
from contracts.refusals import Conflict, Defect, Invalid, NotFound
from rules.delegations import Known, find_change_defects, find_delegation_defects
from rules.workdays import day_start

MOST_DEFECTS = 100
"""Told at once."""


class DelegationUnknown(NotFound):
    """No delegation has this id."""

    RULE: ClassVar[str] = "delegation.unknown"
    ZH: ClassVar[str] = "委托不存在"
    EN: ClassVar[str] = "There is no delegation with this id"


class DelegationUnsound(Invalid):
    """A delegation that the law or the catalogue does not bear."""

    RULE: ClassVar[str] = "delegation.unsound"
    ZH: ClassVar[str] = "委托内容不符合要求"
    EN: ClassVar[str] = "The delegation does not meet the rules"


class DelegationOver(Conflict):
    """It has ended or was revoked already; ``facts``: ``ended`` (the first instant without it)."""

    RULE: ClassVar[str] = "delegation.over"
    ZH: ClassVar[str] = "委托已经终止"
    EN: ClassVar[str] = "The delegation is over already"


def check_delegation(delegation: Delegation, *, known: Known) -> None:
    """Refuse what its delegator may not hand on, or not so.

    Raises:
        DelegationUnsound: With a defect for each rule and field.
    """
    defects = find_delegation_defects(delegation, known=known)
    if defects:
        raise DelegationUnsound(defects=defects[:MOST_DEFECTS])


def check_change(delegation: Delegation, *, former: Delegation | None, today: date) -> None:
    """Refuse what would make untrue what was decided through it until today.

    Raises:
        DelegationUnsound: With a defect for each.
    """
    defects = find_change_defects(delegation, former=former, today=today)
    if defects:
        raise DelegationUnsound(defects=defects)


def check_revocation(delegation: Delegation, *, former: Delegation | None) -> None:
    """Refuse a draft that says of a revocation what is not so; one that says nothing of it, or what stands, is as good as the other.

    Raises:
        DelegationUnsound: It is revoked by its own route.
    """
    if delegation.revoked_from not in {None, None if former is None else former.revoked_from}:
        raise DelegationUnsound(
            defects=(
                Defect(
                    rule_id="delegation.revocation",
                    pointer="/revoked_from",
                    message="撤销委托请使用撤销接口",
                    message_en="It is revoked by its own route",
                ),
            )
        )


def revoke(delegation: Delegation, *, at: datetime) -> Delegation:
    """End it for new cases, as soon as every service can have heard of it; open cases finish where they are.

    Args:
        delegation: As it is published.
        at: Now.

    Raises:
        DelegationOver: There is nothing left to revoke.
    """
    ended = day_start(delegation.valid_to) if delegation.revoked_from is None else delegation.revoked_from
    start = at + NOTICE
    if ended <= start:
        raise DelegationOver(facts={"ended": ended.isoformat()})
    return replace(delegation, revoked_from=start)
