"""Accounts of machines and what they may carry: short access tokens, given for a signed assertion.

Source: RFC 6749 §4.4 (client_credentials), RFC 7523 (private_key_jwt).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.documents import Account
from contracts.refusals import Invalid, NotFound, Refusal
from contracts.values import JsonObject

TOKEN_LIFETIME = timedelta(minutes=10)
"""Real time, never the shared clock."""

ASSERTION_LIFETIME = timedelta(minutes=5)
"""The longest that an assertion may live."""

LEEWAY = timedelta(seconds=30)
"""By how much the clocks of two machines may differ."""

TOKEN_ISSUER = "tongban"  # noqa: S105 - a name, no secret
"""Issuer and audience of access tokens; assertions are addressed to it, or to the token endpoint's own address."""

FARTHEST = timedelta(days=3660)
"""How far ahead of real time the shared clock may be moved in development."""


class ClientRefused(Refusal):
    """The assertion does not prove an active account; which of the two is not told."""

    RULE = "token.invalid-client"
    ZH = "客户端认证失败"
    EN = "The client could not be authenticated"


class AssertionUsed(ClientRefused):
    """The assertion was used before."""

    RULE = "token.assertion-used"
    ZH = "该客户端断言已被使用"
    EN = "The assertion was used before"


class GrantUnsupported(Invalid):
    """Only client_credentials with a signed assertion is given a token."""

    RULE = "token.unsupported-grant"
    ZH = "仅支持 client_credentials 与 private_key_jwt"
    EN = "Only client_credentials with private_key_jwt is supported"


class NoSuchPath(NotFound):
    """The path exists in development only."""

    RULE = "route.unknown"
    ZH = "没有这个接口地址"
    EN = "There is no such path"


class ClockTooFar(Invalid):
    """The shared clock is not moved that far."""

    RULE = "clock.too-far"
    ZH = "开发时钟不能拨到那么远"
    EN = "The development clock is not moved that far"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An account with the key that proves it."""

    account: Account
    public_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a client says of itself, once its signature is checked."""

    client_id: str
    audience: frozenset[str]
    token_id: str
    issued_at: datetime
    expires_at: datetime

    def holds(self, *, at: datetime, audiences: frozenset[str]) -> bool:
        """Whether it is meant for us, now, and lives no longer than it may."""
        return (
            not self.audience.isdisjoint(audiences)
            and self.issued_at - LEEWAY <= at < self.expires_at
            and self.expires_at - self.issued_at <= ASSERTION_LIFETIME
        )


def token_claims(account: Account, *, token_id: str, at: datetime) -> JsonObject:
    """What an access token says; the gateway makes the caller of it."""
    return {
        "iss": TOKEN_ISSUER,
        "aud": TOKEN_ISSUER,
        "sub": account.client_id,
        "client_id": account.client_id,
        "jti": token_id,
        "iat": int(at.timestamp()),
        "exp": int((at + TOKEN_LIFETIME).timestamp()),
        "kind": "machine",
        "roles": list(account.roles),
        "region": account.region,
        "organ": account.organ,
    }
