"""JSON Web Tokens: the assertions that machines sign, the access tokens they get."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from contracts.values import JsonObject
from routing_svc.partner.domain import Assertion

ALGORITHMS = frozenset({"Ed25519", "EdDSA", "ES256"})
"""What an assertion may be signed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A fresh signing key."""

    private_pem: str = field(repr=False)
    public_pem: str
    """SubjectPublicKeyInfo."""


def make_token_key() -> TokenKey:
    """A new P-256 key."""
    private = ec.generate_private_key(ec.SECP256R1())
    secret = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return TokenKey(private_pem=secret.decode(), public_pem=public.decode())


def sign_token(claims: JsonObject, *, kid: str, private_pem: str) -> str:
    """An access token, ES256."""
    header = {"alg": "ES256", "kid": kid, "typ": "at+jwt"}
    return jwt.encode(header, dict(claims), ECKey.import_key(private_pem), algorithms=["ES256"])


def claimed_client(assertion: str) -> str | None:
    """Whose assertion it says it is, before anything is believed; ``None`` when it is no token at all."""
    try:
        payload = assertion.split(".")[1]
        subject = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
    except (ValueError, LookupError, TypeError):
        return None
    return subject if isinstance(subject, str) and len(subject) <= 200 else None  # noqa: PLR2004 - no account has a longer name


def check_assertion(assertion: str, *, public_pem: str) -> Assertion | None:
    """What the assertion says, when the key's holder signed it; ``None`` otherwise. Ed25519 or ES256."""
    try:
        header = assertion.split(".", maxsplit=1)[0]
        algorithm = orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["alg"]
        if algorithm not in ALGORITHMS:
            return None
        key = ECKey.import_key(public_pem) if algorithm == "ES256" else OKPKey.import_key(public_pem)
        claims = jwt.decode(assertion, key, algorithms=[algorithm]).claims
        audience = claims["aud"]
        if claims["iss"] != claims["sub"]:
            return None
        return Assertion(
            client_id=str(claims["sub"]),
            audience=frozenset([audience] if isinstance(audience, str) else map(str, audience)),
            token_id=str(claims["jti"])[:200],
            issued_at=datetime.fromtimestamp(float(claims["iat"]), UTC),
            expires_at=datetime.fromtimestamp(float(claims["exp"]), UTC),
        )
    except (JoseError, ValueError, LookupError, TypeError, OverflowError):
        return None
