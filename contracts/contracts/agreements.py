"""Agreements 通办协议 as the catalogue publishes them: who may receive for whom, what, in which mode, and within which time a hand-off goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from contracts.codec import ADDED
from contracts.elements import Limit
from contracts.values import AgreementId, ItemCode, Mode, RegionCode


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLimits:
    """How long each step of a transfer may take; data of the agreement, ours and not the law's."""

    delivered: Limit
    validated: Limit
    signed_for: Limit
    returned_after: Limit
    """The offer lapses when it was not signed for by then."""


class AgreementAction(StrEnum):
    """What one side of an agreement may do for the other (相互授权, S-11)."""

    RECEIVE = "receive"
    """Windows of one side take applications in for the other."""
    DECIDE = "decide"
    """Organs of the other side decide what was taken in so."""
    QUERY = "query"
    """The receiving side reads how a case stands and what came of it."""


class OpenCases(StrEnum):
    """What becomes of cases on their way when an agreement ends."""

    FINISH = "finish"
    """They are decided as they were received."""
    RETURN = "return"
    """What no officer has signed for by then goes back to the receiving place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An agreement 通办协议; on ``catalog.rules.v1`` as ``agreement/<id>``.

    Either two sides, or an alliance as one set; a route needs the actions receive and decide.
    """

    agreement_id: AgreementId
    name: str
    receiving: tuple[RegionCode, ...]
    """Regions whose windows may receive; empty for an alliance."""
    handling: tuple[RegionCode, ...]
    """Regions whose organs decide; empty for an alliance."""
    items: tuple[ItemCode, ...]
    """Base codes covered; empty means every item that both sides publish for the mode."""
    modes: tuple[Mode, ...]
    valid_from: date
    valid_to: date
    """First day on which it no longer holds for new cases; open cases finish."""
    limits: TransferLimits
    signatories: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    alliance: tuple[RegionCode, ...] = field(default=(), metadata=ADDED)
    """Members, each of which receives for every other and decides for every other; never written out in pairs."""
    actions: tuple[AgreementAction, ...] = field(default=tuple(AgreementAction), metadata=ADDED)
    query_fields: tuple[str, ...] = field(default=(), metadata=ADDED)
    """Fields of the form that the other side may read under ``query``; empty means all of them."""
    open_cases: OpenCases = field(default=OpenCases.FINISH, metadata=ADDED)
