"""Ed25519 for exchange keys."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A fresh key pair."""

    private: bytes = field(repr=False)
    """Raw, 32 bytes."""
    public_pem: str
    """SubjectPublicKeyInfo."""


def make_key() -> KeyPair:
    """A new key pair."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(private=private.private_bytes_raw(), public_pem=public.decode())


def signer(private: bytes) -> Callable[[bytes], str]:
    """What signs bytes by a raw private key, base64url without padding; kept, for making the key costs as much as a signature."""
    key = Ed25519PrivateKey.from_private_bytes(private)
    return lambda content: base64.urlsafe_b64encode(key.sign(content)).rstrip(b"=").decode()


def is_signed(content: bytes, *, signature: str, public_pem: str) -> bool:
    """Whether the signature over the content is by the holder of the key."""
    key = serialization.load_pem_public_key(public_pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        return False
    try:
        key.verify(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)), content)
    except (InvalidSignature, ValueError):
        return False
    return True
