"""Signing keys: Ed25519 by ``cryptography``; the place where an HSM or SM2 (国密) keys would stand instead.

Law: 电子签名法 (reliable signatures).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from contracts.values import JsonObject

ALGORITHM = "Ed25519"
KID_BYTES = 8


class SigningKey:
    """A private key while it is in use; never shown, stored only sealed."""

    __slots__ = ("_private", "kid", "public")

    def __init__(self, secret: bytes) -> None:
        """Take the 32 secret bytes."""
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = self._private.public_key().public_bytes_raw()
        """32 bytes."""
        self.kid = kid_of(self.public)
        """16 hex digits."""

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"

    @classmethod
    def make(cls) -> tuple[SigningKey, bytes]:
        """A fresh key and its secret bytes, to be sealed and forgotten."""
        secret = Ed25519PrivateKey.generate().private_bytes_raw()
        return cls(secret), secret

    def sign(self, content: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private.sign(content)

    def sign_text(self, content: bytes) -> str:
        """The signature as base64url without padding."""
        return base64url(self.sign(content))

    def jws(self, claims: JsonObject, *, kind: str) -> str:
        """A compact JWS over claims; ``kind`` is its ``typ``."""
        header = {"alg": "EdDSA", "kid": self.kid, "typ": kind}
        content = f"{_part(header)}.{_part(claims)}"
        return f"{content}.{self.sign_text(content.encode())}"


def kid_of(public: bytes) -> str:
    """Name a public key by the first 8 bytes of its SHA-256, in hex."""
    return hashlib.sha256(public).digest()[:KID_BYTES].hex()


def is_signed(content: bytes, *, signature: bytes, public: bytes) -> bool:
    """True when the signature over the content is the key's."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def base64url(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _part(value: object) -> str:
    return base64url(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
