"""Sign-ins between the page and the client: codes, each used once, and what an authorization request must look like."""

import base64
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.development.people import Person

CLIENTS = frozenset({"tongban-demo"})
"""Public clients, each proving itself by PKCE."""

CODE_LIFETIME = 60.0
"""Seconds."""

MOST_CODES = 1000
"""Sign-ins begun and not finished."""

_CHALLENGE_LENGTH = 43
"""Characters of a SHA-256 in base64url."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A sign-in that waits for its client."""

    person: Person
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    until: float
    """Monotonic seconds."""


class Codes:
    """The codes given out, in memory: a restart ends the sign-ins of the minute before."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}

    def give(self, person: Person, *, asked: Mapping[str, str]) -> str:
        """A code for a request that is in order."""
        while len(self._codes) >= MOST_CODES:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(32)
        self._codes[code] = Code(
            person=person,
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            nonce=asked.get("nonce", ""),
            until=time.monotonic() + CODE_LIFETIME,
        )
        return code

    def take(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> Code | None:
        """The sign-in of a code, if everything fits; the code is used up either way."""
        found = self._codes.pop(code, None)
        if found is None or time.monotonic() >= found.until:
            return None
        if (found.client_id, found.redirect_uri) != (client_id, redirect_uri):
            return None
        return found if hmac.compare_digest(_challenge(verifier), found.challenge.encode()) else None


def is_pkce(asked: Mapping[str, str]) -> bool:
    """Whether a request carries a challenge of RFC 7636, by SHA-256."""
    return asked.get("code_challenge_method") == "S256" and len(asked.get("code_challenge", "")) == _CHALLENGE_LENGTH


def is_redirect(address: str) -> bool:
    """Whether an address is on loopback, at any port (RFC 8252 §7.3), without user or fragment."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    plain = address.isascii() and address.isprintable() and " " not in address
    return plain and parts.scheme == "http" and "@" not in parts.netloc and not parts.fragment and is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _challenge(verifier: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
