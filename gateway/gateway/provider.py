"""An OpenID provider: its keys, found by discovery, kept, and read again when a token names an unknown one."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

import aiohttp
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from chassis.logs import get_logger
from contracts.caller import Caller
from contracts.refusals import Unavailable
from contracts.values import Json
from gateway.tokens import Key, person

LOOK_AGAIN = 10.0
"""Seconds between two readings of the keys."""

KEPT = 300.0
"""Seconds after which the keys are read again whatever token comes: a key may have been withdrawn."""

PATIENCE = 5.0
"""Seconds for an answer of the provider."""

LARGEST = 1024 * 1024
"""Bytes of its answer."""

_KINDS: dict[str, type[ECKey | RSAKey]] = {"EC": ECKey, "RSA": RSAKey}

_log = get_logger()


class IssuerAway(Unavailable):
    """The provider does not give its keys."""

    RULE = "unavailable.sign-in"
    ZH = "统一身份认证暂时无法连接,请稍后再试"
    EN = "The sign-in provider cannot be reached now; try again shortly"


class Provider:
    """The provider of people's sign-in."""

    def __init__(self, issuer: str, *, audience: str) -> None:
        """Nothing is asked before the first token comes.

        Args:
            issuer: Its address; discovery stands below it.
            audience: What its access tokens for us name.
        """
        self.audience = audience
        self._issuer = issuer
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def key(self, kid: str) -> Key | None:
        """A key of the provider.

        Raises:
            IssuerAway: It is not known and the provider does not answer.
        """
        if self._wants(kid):
            async with self._reading:
                if self._wants(kid):
                    await self._read()
        if not self._keys:
            raise IssuerAway
        return self._keys.get(kid)

    def caller(self, claims: Mapping[str, Json]) -> Caller:
        """The person signed in."""
        return person(claims, issuer=self._issuer)

    def _wants(self, kid: str) -> bool:
        return monotonic() - self._read_at >= (KEPT if kid in self._keys else LOOK_AGAIN)

    async def _read(self) -> None:
        self._read_at = monotonic()
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                found = await _get(session, self._issuer.rstrip("/") + "/.well-known/openid-configuration")
                if found["issuer"] == self._issuer:
                    keys = (await _get(session, str(found["jwks_uri"])))["keys"]
                    self._keys = {str(key["kid"]): read for key in keys if (read := _import(key)) is not None}
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            # The keys known stay known: the provider being away for a moment signs nobody out.
            _log.warning("sign-in.keys_away", exc_info=error)


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False) as answer:
        answer.raise_for_status()
        content = b""
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > LARGEST:
                raise ValueError("too large")
        found: dict[str, Any] = orjson.loads(content)
        return found


def _import(key: Mapping[str, Any]) -> Key | None:
    """One key of the provider; ``None`` for a kind that signs nothing here, so that one such key keeps nobody out."""
    kind = _KINDS.get(str(key.get("kty")))
    if kind is None or not isinstance(key.get("kid"), str) or key.get("use", "sig") != "sig":
        return None
    try:
        return kind.import_key(dict(key))
    except (JoseError, ValueError, KeyError, TypeError):
        return None
