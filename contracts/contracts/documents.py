"""Documents of the compacted topics: which class stands under which topic, key and event type."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.catalogue import (
    Agreement,
    CalendarYear,
    ChecklistPart,
    FormPart,
    ItemVersion,
    Organ,
    Part,
    Region,
    SituationsPart,
    TextsPart,
)
from contracts.certificates import Certificate
from contracts.codec import Malformed, decode, encode_object
from contracts.delegations import Delegation
from contracts.values import Digest, JsonObject, digest

VERSIONS = "catalog.versions.v1"
PARTS = "catalog.parts.v1"
RULES = "catalog.rules.v1"
ACCESS_RULES = "access.rules.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that a party signs with; on ``access.rules.v1`` as ``key/<kid>``."""

    kid: str
    owner: str
    """An organ code, a service name or an account."""
    use: str
    """``exchange`` (receipts), ``token`` (access tokens), ``route`` (signed routes) or ``account`` (client assertions)."""
    algorithm: str
    """``Ed25519`` or ``ES256``."""
    public_key: str
    """SubjectPublicKeyInfo, PEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A partner's or machine's account; on ``access.rules.v1`` as ``account/<client_id>``."""

    client_id: str
    name: str
    region: str
    organ: str
    roles: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """How far the shared clock stands ahead of real time; development only; on ``access.rules.v1`` as ``clock/offset``."""

    seconds: int


Document = Region | Organ | Agreement | Delegation | CalendarYear | Certificate | ItemVersion | Part | PublicKey | Account | ClockOffset

_RULE_KINDS: dict[str, type[Region | Organ | Agreement | Delegation | CalendarYear | Certificate]] = {
    "region": Region,
    "organ": Organ,
    "agreement": Agreement,
    "delegation": Delegation,
    "calendar": CalendarYear,
    "certificate": Certificate,
}
_ACCESS_KINDS: dict[str, type[PublicKey | Account | ClockOffset]] = {
    "key": PublicKey,
    "account": Account,
    "clock": ClockOffset,
}
_PART_KINDS: dict[str, type[FormPart | SituationsPart | ChecklistPart | TextsPart]] = {
    "form": FormPart,
    "situations": SituationsPart,
    "checklist": ChecklistPart,
    "texts": TextsPart,
}


def part_digest(part: Part) -> Digest:
    """Name a part by its content."""
    return digest(encode_object(part))


def address(document: Document) -> tuple[str, str, str]:
    """Topic, key and event type under which a document is published."""
    match document:
        case Region():
            return RULES, f"region/{document.code}", "tongban.region.published.v1"
        case Organ():
            return RULES, f"organ/{document.code}", "tongban.organ.published.v1"
        case Agreement():
            return RULES, f"agreement/{document.agreement_id}", "tongban.agreement.published.v1"
        case Delegation():
            return RULES, f"delegation/{document.delegation_id}", "tongban.delegation.published.v1"
        case CalendarYear():
            return RULES, f"calendar/{document.region}-{document.year}", "tongban.calendar.published.v1"
        case Certificate():
            return RULES, f"certificate/{document.certificate_id}", "tongban.certificate.published.v1"
        case ItemVersion():
            return VERSIONS, document.version_id, "tongban.item-version.published.v1"
        case PublicKey():
            return ACCESS_RULES, f"key/{document.kid}", "tongban.key.published.v1"
        case Account():
            return ACCESS_RULES, f"account/{document.client_id}", "tongban.account.published.v1"
        case ClockOffset():
            return ACCESS_RULES, "clock/offset", "tongban.clock.moved.v1"
        case _:
            return PARTS, part_digest(document), "tongban.part.published.v1"


def read(*, topic: str, key: str, data: JsonObject) -> Document | None:
    """The document under a key, or ``None`` for a kind this reader does not know (a newer catalogue's).

    Raises:
        Malformed: A known kind without the shape of its class.
    """
    if topic == VERSIONS:
        return decode(ItemVersion, data)
    if topic == PARTS:
        part = _PART_KINDS.get(str(data.get("kind")))
        return None if part is None else decode(part, data)
    kind = key.split("/", 1)[0]
    rule = _RULE_KINDS.get(kind) if topic == RULES else None
    if rule is not None:
        return decode(rule, data)
    access = _ACCESS_KINDS.get(kind) if topic == ACCESS_RULES else None
    return None if access is None else decode(access, data)


__all__ = [
    "ACCESS_RULES",
    "PARTS",
    "RULES",
    "VERSIONS",
    "Account",
    "ClockOffset",
    "Document",
    "Malformed",
    "PublicKey",
    "address",
    "part_digest",
    "read",
]
