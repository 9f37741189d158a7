"""Who calls: internal tokens, minted by the gateway (or by a service for a call of its own) and verified here, locally.

A token is an ES256 JWT that lives 60 seconds for one audience. A key's id begins with who holds it (``gateway.…``), and only the gateway may
speak for anyone but itself. Real time counts, never the shared clock.
"""

import secrets
import time
from pathlib import Path
from typing import Annotated, Any, cast

import orjson
from fastapi import Depends, Request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.problems import Unauthenticated
from contracts.caller import ANONYMOUS, Caller, CallerKind
from contracts.codec import Malformed, decode, encode_object
from contracts.values import Json

LIFETIME = 60
"""Seconds."""

LEEWAY = 5
"""Seconds by which the clocks of two machines may differ."""

ALGORITHM = "ES256"
ISSUER_FOR_ALL = "gateway"
"""The one issuer that vouches for people and machines; any other vouches for itself alone."""

_REMEMBERED = 10_000
"""Verified tokens kept until they expire."""

_LOOK_AGAIN = 1.0
"""Seconds between two readings of the key file for unknown keys."""


class SigningKey:
    """A private key that mints internal tokens."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self.kid = str(key.kid)

    @classmethod
    def make(cls, issuer: str) -> "SigningKey":
        """A new key of this issuer."""
        return cls(ECKey.generate_key("P-256", {"kid": f"{issuer}.{secrets.token_hex(4)}", "use": "sig", "alg": ALGORITHM}))

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """The key in a file.

        Raises:
            OSError: The file cannot be read.
            JoseError: It holds no such key.
        """
        return cls(ECKey.import_key(orjson.loads(path.read_bytes())))

    @property
    def issuer(self) -> str:
        """Who holds it."""
        return self.kid.split(".", 1)[0]

    @property
    def public(self) -> dict[str, Any]:
        """The public half, as it stands in the JWKS file."""
        return dict(self._key.as_dict(private=False))

    @property
    def private(self) -> dict[str, Any]:
        """The whole key, for a file that only its holder reads."""
        return dict(self._key.as_dict(private=True))

    def mint(self, caller: Caller, *, audience: str) -> str:
        """A token that lets this caller be known at one service for the next 60 seconds."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": audience, "iat": now, "exp": now + LIFETIME, "caller": encode_object(caller)}
        return jwt.encode({"alg": ALGORITHM, "kid": self.kid}, claims, self._key, algorithms=[ALGORITHM])


class Verifier:
    """Checks the tokens sent to one service."""

    def __init__(self, jwks_file: Path, *, audience: str) -> None:
        """Nothing is read until the first token comes.

        Args:
            jwks_file: ``{"keys": […]}`` with the public keys; read again when a token names an unknown one.
            audience: The service's own name.
        """
        self._file = jwks_file
        self._audience = audience
        self._keys: dict[str, ECKey] = {}
        self._read_at = -_LOOK_AGAIN
        self._verified: dict[str, tuple[Caller, float]] = {}

    def verify(self, token: str) -> Caller:
        """The caller a token stands for.

        Raises:
            Unauthenticated: Not signed by a known key, for another audience, expired, or of another form.
        """
        known = self._verified.get(token)
        if known is not None and time.time() < known[1]:
            return known[0]
        try:
            caller, until = self._check(token)
        except (JoseError, Malformed, ValueError, KeyError, TypeError) as error:
            raise Unauthenticated from error
        if len(self._verified) >= _REMEMBERED:
            self._forget()
        self._verified[token] = caller, until
        return caller

    def _check(self, token: str) -> tuple[Caller, float]:
        kid = str(jws.extract_compact(token.encode()).headers()["kid"])
        decoded = jwt.decode(token, self._key(kid), algorithms=[ALGORITHM])
        claims = decoded.claims
        now, until = time.time(), float(claims["exp"])
        issuer = kid.split(".", 1)[0]
        if claims["iss"] != issuer or claims["aud"] != self._audience:
            raise ValueError("not for this service")
        if not (float(claims["iat"]) - LEEWAY <= now < until <= now + LIFETIME + LEEWAY):
            raise ValueError("not at this time")
        caller = decode(Caller, cast("Json", claims["caller"]))
        if issuer != ISSUER_FOR_ALL and (caller.kind is not CallerKind.SERVICE or caller.account != issuer):
            raise ValueError("speaks for somebody else")
        return caller, until

    def _key(self, kid: str) -> ECKey:
        if kid not in self._keys and time.monotonic() - self._read_at >= _LOOK_AGAIN:
            self._read_at = time.monotonic()
            listed = orjson.loads(self._file.read_bytes())["keys"]
            self._keys = {str(key["kid"]): ECKey.import_key(key) for key in listed}
        return self._keys[kid]

    def _forget(self) -> None:
        now = time.time()
        self._verified = {token: entry for token, entry in self._verified.items() if now < entry[1]}
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()


async def anyone(request: Request) -> Caller:
    """The caller of a public route: `ANONYMOUS` without a token; a token that is sent must be valid.

    Raises:
        Unauthenticated: A token was sent and is not valid.
    """
    header = request.headers.get("authorization")
    if header is None:
        caller_found = ANONYMOUS
    else:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        caller_found = cast("Verifier", request.app.state.verifier).verify(token.strip())
    request.state.caller = caller_found
    return caller_found


async def caller(found: Annotated[Caller, Depends(anyone)]) -> Caller:
    """The caller of any other route.

    Raises:
        Unauthenticated: Nobody is signed in.
    """
    if found.kind is CallerKind.ANONYMOUS:
        raise Unauthenticated
    return found
