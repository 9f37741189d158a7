"""Who asks: an outer token is checked once, an internal one is made per service, narrower where an applicant looks at one case."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import quote

from chassis.identity import SigningKey
from chassis.problems import Unauthenticated
from contracts.caller import Caller, CallerKind
from contracts.refusals import NotFound, Unavailable
from contracts.values import CaseId, JsonObject
from gateway.tokens import Issuer, read_token
from gateway.upstreams import Upstreams

KEPT = 300.0
"""Seconds after which a token is checked anew though it has not expired: keys are withdrawn."""

MINTED_KEPT = 30.0
"""Seconds an internal token is used again; it lives for sixty."""

NARROWED_KEPT = 5.0
"""Seconds for which intake's word that a person may see a case holds."""

REMEMBERED = 10_000
"""Tokens, and cases of applicants, that are kept."""

KNOWS_PEOPLE = "intake"
"""The one service that is told a person's identity and knows whose case it is."""

ANSWERS_BY_CASE = frozenset({"routing", "credential"})
"""Services that let an applicant in by the one case that intake has shown."""

K = TypeVar("K")
V = TypeVar("V")

_OK, _REDIRECT = 200, 300
_FAILED = 500


@dataclass(slots=True)
class Known:
    """Somebody signed in."""

    caller: Caller
    issuer: Issuer
    claims: JsonObject
    until: float
    """Unix time."""
    minted: dict[tuple[str, CaseId | None], tuple[str, float]] = field(default_factory=dict)


class Callers:
    """Turns what people and machines show at the door into what services believe."""

    def __init__(self, *, issuers: Mapping[str, Issuer], key: SigningKey, upstreams: Upstreams) -> None:
        """Nothing is asked yet.

        Args:
            issuers: By the name that their tokens carry.
            key: Signs the internal tokens.
            upstreams: Where intake is asked.
        """
        self._issuers = issuers
        self._key = key
        self._upstreams = upstreams
        self._known: dict[str, Known] = {}
        self._narrowed: dict[tuple[str, str], tuple[CaseId, float]] = {}

    async def know(self, authorization: str | None) -> Known | None:
        """Who shows this header; None for nobody.

        Raises:
            Unauthenticated: A token is shown and does not hold.
            Unavailable: It cannot be checked now.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        now = time.time()
        known = self._known.get(token)
        if known is not None and now < known.until:
            if known.caller.kind is CallerKind.MACHINE:
                # An account that was closed or changed a moment ago is not let in by an older token.
                caller = known.issuer.caller(known.claims)
                if caller != known.caller:
                    known.caller, known.minted = caller, {}
            return known
        issuer, claims = await read_token(token, issuers=self._issuers)
        known = Known(issuer.caller(claims), issuer, claims, min(float(str(claims["exp"])), now + KEPT))
        _make_room(self._known)
        self._known[token] = known
        return known

    def token(self, known: Known, *, service: str, case: CaseId | None = None) -> str:
        """An internal token for one service; a person's identity goes to intake alone."""
        now = time.time()
        kept = known.minted.get((service, case))
        if kept is not None and now < kept[1]:
            return kept[0]
        caller = known.caller if service == KNOWS_PEOPLE else replace(known.caller, identity=None)
        if case is not None:
            caller = replace(caller, case=case)
        made = self._key.mint(caller, audience=service)
        _make_room(known.minted)
        known.minted[service, case] = made, now + MINTED_KEPT
        return made

    async def token_for(self, known: Known, *, service: str, case: str | None) -> str:
        """An internal token for a request about a case, by its number or id; an applicant's is narrowed to it.

        Raises:
            NotFound: The applicant has no such case.
            Unavailable: Intake cannot say so now.
        """
        if known.caller.kind is not CallerKind.PERSON or service not in ANSWERS_BY_CASE or case is None:
            return self.token(known, service=service)
        return self.token(known, service=service, case=await self._narrow(known, case))

    async def _narrow(self, known: Known, case: str) -> CaseId:
        asked = known.caller.ref, case
        kept = self._narrowed.get(asked)
        now = time.monotonic()
        if kept is not None and now < kept[1]:
            return kept[0]
        said = await self._upstreams.ask(KNOWS_PEOPLE, f"/v1/cases/{quote(case, safe='')}", token=self.token(known, service=KNOWS_PEOPLE))
        if said.status >= _FAILED:
            raise Unavailable
        body = said.body
        if not (_OK <= said.status < _REDIRECT and isinstance(body, dict)):
            raise NotFound
        found = CaseId(str(body["case_id"]))
        _make_room(self._narrowed)
        self._narrowed[asked] = found, now + NARROWED_KEPT
        return found


def _make_room(kept: dict[K, V]) -> None:
    while len(kept) >= REMEMBERED:
        del kept[next(iter(kept))]
