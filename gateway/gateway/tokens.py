"""Reading access tokens: who issued one, whether it holds here and now, and who the caller is.

Only ES256 and RS256 by a key of the very issuer that the token names; what a token says of its own algorithm chooses nothing.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from chassis.problems import Unauthenticated
from contracts.caller import Caller, CallerKind, Identity, Role
from contracts.values import Json, JsonObject, OrganCode, RegionCode, WindowId
from gateway.accounts import Accounts

ALGORITHMS = ["ES256", "RS256"]

LEEWAY = 30
"""Seconds by which an issuer's clock may be ahead of ours; an expired token is expired at once."""

LONGEST = 8192
"""Characters of a token."""

MACHINES = "tongban"
"""Issuer and audience of the tokens that routing-svc gives to machines."""

Key = ECKey | RSAKey

_OF_STAFF = frozenset(Role) - {Role.APPLICANT, Role.PARTNER}
"""Roles that an issuer of people may give to an officer."""


class Issuer(Protocol):
    """Somebody whose tokens are believed."""

    @property
    def audience(self) -> str:
        """What ``aud`` must name."""

    async def key(self, kid: str) -> Key | None:
        """The public key of this id.

        Raises:
            Unavailable: It cannot be asked for now.
        """

    def caller(self, claims: Mapping[str, Json]) -> Caller:
        """Whom a token speaks of, once it holds.

        Raises:
            Unauthenticated: Nobody who may come in.
        """


class Machines:
    """Tokens of partners' systems, given by routing-svc."""

    audience = MACHINES

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def key(self, kid: str) -> Key | None:
        """A key that routing-svc has published."""
        return self._accounts.key(kid)

    def caller(self, claims: Mapping[str, Json]) -> Caller:
        """The account as it stands now, whatever it was when the token was given.

        Raises:
            Unauthenticated: It is closed.
        """
        account = self._accounts.account(str(claims.get("sub", "")))
        if account is None:
            raise Unauthenticated
        return Caller(
            kind=CallerKind.MACHINE,
            issuer=MACHINES,
            account=account.client_id,
            roles=_roles(list(account.roles), among=frozenset({Role.PARTNER})),
            region=RegionCode(account.region),
            organ=OrganCode(account.organ) if account.organ else None,
        )


def person(claims: Mapping[str, Json], *, issuer: str) -> Caller:
    """A person whom an OpenID provider vouches for: an officer by the roles given, an applicant by the identity.

    Raises:
        Unauthenticated: There is no subject.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated
    of_staff = _roles(claims.get("roles"), among=_OF_STAFF)
    if of_staff:
        return Caller(
            kind=CallerKind.STAFF,
            issuer=issuer,
            account=subject,
            roles=of_staff,
            region=RegionCode(region) if (region := _text(claims, "region")) else None,
            organ=OrganCode(organ) if (organ := _text(claims, "organ")) else None,
            window=WindowId(window) if (window := _text(claims, "window")) else None,
        )
    id_type, id_number = _text(claims, "id_type"), _text(claims, "id_number")
    return Caller(
        kind=CallerKind.PERSON,
        issuer=issuer,
        account=subject,
        roles=_roles(claims.get("roles"), among=frozenset({Role.APPLICANT})),
        identity=Identity(id_type=id_type, id_number=id_number) if id_type and id_number else None,
    )


async def read_token(token: str, *, issuers: Mapping[str, Issuer]) -> tuple[Issuer, JsonObject]:
    """Check a token; its issuer, and its claims with ``exp`` as a number.

    Raises:
        Unauthenticated: Not of one of the issuers, not signed by its key, for somebody else, or not for now.
        Unavailable: The issuer's keys cannot be had now.
    """
    if len(token) > LONGEST or not token.isascii():
        raise Unauthenticated
    try:
        unread = jws.extract_compact(token.encode())
        kid, issuer = unread.headers()["kid"], issuers[orjson.loads(unread.payload)["iss"]]
        key = await issuer.key(kid) if isinstance(kid, str) else None
        if key is None:
            raise Unauthenticated
        claims = cast("JsonObject", jwt.decode(token, key, algorithms=ALGORITHMS).claims)
        _check(claims, audience=issuer.audience)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Unauthenticated from error
    return issuer, claims


def _check(claims: JsonObject, *, audience: str) -> None:
    now = time.time()
    named = claims["aud"]
    if audience not in (named if isinstance(named, list) else [named]):
        raise ValueError("for somebody else")
    if not now < _instant(claims["exp"]):
        raise ValueError("expired")
    for begins in ("nbf", "iat"):
        if begins in claims and _instant(claims[begins]) > now + LEEWAY:
            raise ValueError("not yet")


def _instant(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not an instant")
    return float(value)


def _roles(named: Json | Sequence[str], *, among: frozenset[Role]) -> frozenset[Role]:
    return frozenset(role for role in among if isinstance(named, list) and role.value in named)


def _text(claims: Mapping[str, Json], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
