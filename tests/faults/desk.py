"""People at their desks: signed-in calls through the gateway, asked again with the same key until they are answered for good."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import httpx
import orjson

from tongban_local.visitor import Unexpected, Visitor

AT_ONCE = 12
"""Calls under way at the same time: as many people work."""

PATIENCE = 15.0
"""Seconds until a caller gives a call up and asks again."""

IN_FLIGHT = "idempotency.in-flight"
"""Rule of the refusal while the first call with the same key is still at work: no answer yet."""

SIGNED_OUT = 401
BUSY = 429
FAILED = 500
AWAY = frozenset({502, 503, 504})
"""What is answered while something is away: asked again. Any other 5xx is a defect, whatever was struck."""

FORWARD = "/dev/now"
"""Where days are let pass."""

Body = dict[str, Any]
"""A JSON object of the API; `Any` because its schema is the API's."""


class Away(Exception):
    """Nobody answered; whether the call took effect is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    body: Any
    tag: str

    @property
    def good(self) -> bool:
        """True when it says yes."""
        return 200 <= self.status < 300

    @property
    def rule(self) -> str:
        """Rule id of a refusal, empty otherwise."""
        return str(self.body.get("rule", "")) if isinstance(self.body, dict) else ""


@dataclass(slots=True)
class Desk:
    """All who work at one gateway, over one pool of connections."""

    url: str
    repeats: int = 0
    """How often a call had to be asked again because nobody answered or what answers was away."""
    failures: list[str] = field(default_factory=list)
    """Answers that a caller must never get: what was asked, and the status."""
    days_let_pass: int = 0
    """How often days were let pass on the system, or may have been."""
    waiting: int = 0
    """Calls for which nobody had a hand free yet."""
    _http: aiohttp.ClientSession | None = None
    _tokens: dict[str, str] = field(default_factory=dict)
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def __aenter__(self) -> Self:
        """Open."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        self._http = aiohttp.ClientSession(self.url, timeout=timeout, connector=aiohttp.TCPConnector(limit=2 * AT_ONCE))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        if self._http is not None:
            await self._http.close()

    async def call(
        self, who: str, method: str, path: str, *, body: Body | None = None, scan: bytes | None = None, key: str = "", tag: str = ""
    ) -> Answer:
        """One call, once.

        Raises:
            Away: Nobody answered.
        """
        assert self._http is not None
        headers = {"Authorization": f"Bearer {await self._token(who)}", "Content-Type": "image/png" if scan else "application/json"}
        headers |= ({"Idempotency-Key": key} if key else {}) | ({"If-Match": tag} if tag else {})
        sent = scan if scan is not None else None if body is None else orjson.dumps(body)
        self.waiting += 1
        await self._free.acquire()
        self.waiting -= 1
        try:
            async with self._http.request(method, f"/v1{path}", data=sent, headers=headers) as answer:
                content = await answer.read()
                found = orjson.loads(content) if "json" in answer.headers.get("content-type", "") else None
                if answer.status >= FAILED and answer.status not in AWAY:
                    self.failures.append(f"{method} {path.partition('?')[0]}: {answer.status} {str(found)[:200]}")
                return Answer(answer.status, found, answer.headers.get("etag", ""))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Away(type(error).__name__) from error
        finally:
            self._free.release()

    async def ask(
        self, who: str, method: str, path: str, *, body: Body | None = None, scan: bytes | None = None, key: str = "", tag: str = ""
    ) -> Answer:
        """The same call, with the same key, until the answer is a yes or a refusal for a reason."""
        rest = 0.3
        self.days_let_pass += path == FORWARD
        while True:
            try:
                answer = await self.call(who, method, path, body=body, scan=scan, key=key, tag=tag)
            except Away:
                pass
            else:
                if answer.status == SIGNED_OUT:
                    self._tokens.pop(who, None)
                elif answer.status < FAILED and answer.status != BUSY and answer.rule != IN_FLIGHT:
                    return answer
            self.repeats += 1
            await asyncio.sleep(rest)
            rest = min(rest * 1.5, 3.0)

    async def _token(self, who: str) -> str:
        async with self._signing_in:
            while who not in self._tokens:
                try:
                    visitor = await Visitor.sign_in(who, url=self.url)
                    self._tokens[who] = visitor.token or ""
                    await visitor.close()
                except (Unexpected, OSError, ValueError, httpx.HTTPError) as error:
                    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else 0
                    if status == FAILED or str(error).endswith(f": {FAILED}"):
                        self.failures.append(f"sign-in of {who}: {FAILED}")
                    raise Away(type(error).__name__) from error
            return self._tokens[who]
