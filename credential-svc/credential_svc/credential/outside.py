"""Asking intake-svc for the holders of credentials: the one call this service makes, and never inside a transaction."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import stamina

from chassis import tracing
from chassis.identity import LIFETIME, SigningKey
from contracts.caller import Caller, CallerKind
from contracts.codec import Malformed, decode
from contracts.values import CaseId, Json, JsonObject

TIMEOUT = 5.0
"""Seconds for the whole call."""
FAILURES = 5
"""Calls in a row that intake did not answer, or with a fault of its own, after which it is left alone."""
REST = 5.0
"""Seconds for which it is left alone; then one call tries."""

_FAULT = 500
"""The first status that speaks of the server and not of the request."""


class IntakeAway(Exception):
    """Intake did not answer, or not with holders; says nothing of what it answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Who applied, as intake keeps it."""

    type: str
    """``natural`` or ``legal``."""
    name: str
    id_type: str
    id_number: str
    name_of_firm: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What intake gives for the purpose of a credential."""

    applicant: Applicant
    form: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What intake gives of one case: nothing where it refuses it."""

    case_id: CaseId
    person: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    items: tuple[_Given, ...]


class Intake:
    """Intake's API, as far as this service needs it."""

    def __init__(self, urls: str, *, key_file: Path) -> None:
        """Nothing connects and no file is read yet.

        Args:
            urls: Where intake's processes answer, separated by commas; one that does not answer well is asked last from then on.
            key_file: This service's own key for internal tokens.
        """
        self._urls = deque(url.strip().rstrip("/") for url in urls.split(","))
        self._session: aiohttp.ClientSession | None = None
        self._key_file = key_file
        self._key: SigningKey | None = None
        self._token, self._token_until = "", 0.0
        self._caller = Caller(kind=CallerKind.SERVICE, issuer="tongban", account="credential")
        self._failed = 0
        self._rest_until = 0.0

    async def persons(self, case_ids: Collection[CaseId]) -> dict[CaseId, Person]:
        """The applicants and the forms of cases, in one question; a case that intake refuses, or of which it says no such thing, is left out.

        Args:
            case_ids: From 1 to 50, each once.

        Raises:
            IntakeAway: No answer within 5 s, a refusal of the question, or intake is being left alone after five failures in a row.
        """
        if time.monotonic() < self._rest_until:
            raise IntakeAway
        try:
            answer = await self._ask(case_ids)
        except (aiohttp.ClientError, TimeoutError, Malformed, ValueError) as error:
            self._note(is_up=not _is_outage(error))
            raise IntakeAway from error
        self._note(is_up=True)
        persons: dict[CaseId, Person] = {}
        for given in answer.items:
            # One that cannot be read must not hold up the others.
            with suppress(Malformed):
                persons[given.case_id] = decode(Person, given.person)
        return persons

    def _note(self, *, is_up: bool) -> None:
        self._failed = 0 if is_up else self._failed + 1
        if self._failed >= FAILURES:
            self._rest_until = time.monotonic() + REST

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, case_ids: Collection[CaseId]) -> _Answer:
        """Where nobody is nothing was sent, so the next address is asked without another round."""
        tries = stamina.retry_context(
            on=aiohttp.ClientConnectorError, attempts=len(self._urls) + 1, timeout=TIMEOUT, wait_initial=0.1, wait_max=0.5
        )
        async for attempt in tries:
            with attempt:
                try:
                    return await self._post(case_ids)
                except (aiohttp.ClientError, TimeoutError):
                    # Whatever it was, even a version that does not know the question yet: another one may answer the next.
                    self._urls.rotate(-1)
                    raise
        raise IntakeAway

    async def _post(self, case_ids: Collection[CaseId]) -> _Answer:
        if self._session is None:
            # Of the running loop, so not made with the application.
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        async with self._session.post(
            f"{self._urls[0]}/v1/cases:persons",
            json={"cases": [*case_ids], "purpose": "credential"},
            headers={"authorization": f"Bearer {self._bearer()}", **tracing.outgoing_headers()},
        ) as answer:
            answer.raise_for_status()
            body: Json = await answer.json()
        return decode(_Answer, body)

    def _bearer(self) -> str:
        """A token that is good for the whole call; one serves many, for making one costs more than the rest of asking."""
        if time.monotonic() >= self._token_until:
            if self._key is None:
                self._key = SigningKey.load(self._key_file)
            self._token = self._key.mint(self._caller, audience="intake")
            self._token_until = time.monotonic() + LIFETIME / 2
        return self._token


def _is_outage(error: Exception) -> bool:
    """Whether an error speaks of intake and not of the question: an intake that refuses one answers the next."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= _FAULT
    return isinstance(error, aiohttp.ClientError | TimeoutError)
