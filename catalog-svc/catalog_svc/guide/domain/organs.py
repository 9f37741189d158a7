"""Who decides, in whose name and by which papers, and against whom a remedy is sought.

Law: 行政许可法 §24; 行政复议法 §19, 行政诉讼法 §26 (who gave its name answers for the act).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from contracts.delegations import DelegationKind
from contracts.refusals import Conflict
from contracts.values import OrganCode, RegionCode


class RegionElsewhere(Conflict):
    """The place that is asked for is not of the region that the item is published for; ``facts``: ``region`` of the item."""

    RULE: ClassVar[str] = "guide.region-elsewhere"
    ZH: ClassVar[str] = "该办理地不在此事项的实施区域内"
    EN: ClassVar[str] = "The item is not handled for this place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Something of the catalogue with its name; empty where nobody near publishes it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """An instrument 委托书 by which the power came to whoever decides."""

    kind: DelegationKind
    delegator: OrganCode
    delegator_name: str
    number: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganShown:
    """Who decides for the place that was asked for, as a route would name it, and where one complains of it."""

    code: OrganCode
    name: str
    region: RegionCode
    region_name: str
    telephone: str
    sealed_as: OrganCode
    """In whose name it decides; its own code where it does so in its own."""
    sealed_as_name: str
    reconsideration_organ: str
    """Where a decision of the organ that gives its name is taken to reconsideration."""
    court: str
    papers: tuple[Paper, ...]
    """How the power came from its holder to whoever decides, in order; empty where the holder decides itself."""
    assisting: tuple[Named, ...]
    """Organs that receive and assist and do not decide."""
    rule: str
    """As in a route."""
