"""What supervisors are shown: a card for what ran late or went wrong, a trace of each refused access (S-71, S-44)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from contracts.events import CaseReceived
from contracts.values import OrganCode, PersonRef, RegionCode


class Colour(StrEnum):
    """How grave it is."""

    REMINDER = "reminder"
    """The last day begins."""
    YELLOW = "yellow"
    RED = "red"
    ESCALATION = "escalation"
    """For the supervisors of both sides."""
    TRANSPORT = "transport"
    """Charged to the machines, not to the organ."""


COLOURS: Mapping[Colour, tuple[str, str]] = MappingProxyType(
    {
        Colour.REMINDER: ("临期提醒", "Last day"),
        Colour.YELLOW: ("黄牌", "Yellow card"),
        Colour.RED: ("红牌", "Red card"),
        Colour.ESCALATION: ("升级督办", "Escalated"),
        Colour.TRANSPORT: ("传输告警", "Transport alarm"),
    }
)
"""Colours in Chinese and English."""

OVERRUN: Mapping[str, Colour] = MappingProxyType(
    {
        "transfer_waiting": Colour.TRANSPORT,
        "transfer_delivered": Colour.TRANSPORT,
        "transfer_validated": Colour.TRANSPORT,
        "transfer_sign": Colour.YELLOW,
        "transfer_lapse": Colour.RED,
        "acceptance": Colour.RED,
        "supplement": Colour.YELLOW,
        "decision_promised": Colour.YELLOW,
        "decision_statutory": Colour.RED,
        "suspension": Colour.YELLOW,
        "seal": Colour.TRANSPORT,
        "delivery": Colour.RED,
    }
)
"""The card that a clock of a kind leaves when it runs out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card of a case."""

    card_id: str
    """Made of what it is about, so that it is given once."""
    case: CaseReceived
    colour: Colour
    rule_id: str
    organ: OrganCode
    """Who is charged."""
    region: RegionCode
    at: datetime
    """Instant that it is about, such as the end of a clock."""
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A refused access, or an opening of personal data."""

    trace_id: str
    at: datetime
    caller: PersonRef
    aggregate: str
    action: str
    about: str
    region: RegionCode
    rule_id: str
    purpose: str
