"""The key that answers of ``GET /routes`` are signed with; at rest it is sealed under the service's wrapping key."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import OKPKey

from contracts.documents import PublicKey
from contracts.values import JsonObject, canonical_json

ALGORITHM = "Ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRouteKey:
    """A key that was just made."""

    private: bytes
    """32 bytes; never leaves the process unsealed."""


def make_key() -> NewRouteKey:
    """A new key."""
    return NewRouteKey(private=Ed25519PrivateKey.generate().private_bytes_raw())


class RouteSigner:
    """Signs routes; opened once per process."""

    def __init__(self, kid: str, *, private: bytes) -> None:
        """Take a key.

        Args:
            kid: Named in every signature and in the published key.
            private: The 32 bytes of an Ed25519 key.
        """
        self.kid = kid
        self._private = Ed25519PrivateKey.from_private_bytes(private)
        self._key = OKPKey.import_key(self._private, {"kid": kid})

    def sign(self, route: JsonObject) -> str:
        """A compact JWS over the canonical bytes of a route."""
        header = {"alg": ALGORITHM, "kid": self.kid, "typ": "tongban-route+jws"}
        return jws.serialize_compact(header, canonical_json(route), self._key, algorithms=[ALGORITHM])

    def public_key(self) -> PublicKey:
        """What others check the signatures with."""
        pem = self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return PublicKey(kid=self.kid, owner="catalog", use="route", algorithm=ALGORITHM, public_key=pem.decode())
