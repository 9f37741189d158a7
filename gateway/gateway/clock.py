"""Moving the development clock: routing-svc keeps it, and the answer waits until all five have heard of it."""

import asyncio
from collections.abc import Mapping
from time import monotonic

from starlette.requests import Request
from starlette.responses import Response

from chassis.now import Now
from chassis.problems import TooLarge, Unauthenticated
from contracts.refusals import Refusal, Unavailable
from contracts.values import JsonObject
from gateway.answers import say_again
from gateway.callers import Callers, Known
from gateway.proxy import passed_on
from gateway.routes import SERVICES, Found
from gateway.upstreams import Upstreams

CLOCK = "clock/offset"
"""Key of the shared offset on ``access.rules.v1``."""

LARGEST = 1024
"""Bytes of what says how far."""

_OK = 200
_REST = 0.02


class ClockNotHeard(Unavailable):
    """The clock was moved, and not every service has heard of it yet."""

    RULE = "unavailable.clock"
    ZH = "时钟已拨动,但尚有服务未收到;以同一 Idempotency-Key 重试可继续等待"
    EN = "The clock was moved, but not every service has heard of it; repeat with the same Idempotency-Key to go on waiting"


class Clock:
    """The development clock as the gateway sees it."""

    def __init__(self, *, upstreams: Upstreams, callers: Callers, now: Now, patience: float) -> None:
        """Nothing is asked yet.

        Args:
            upstreams: The services.
            callers: Makes the token for routing-svc.
            now: The gateway's own clock, moved by what it follows.
            patience: Seconds until all must have heard.
        """
        self._upstreams = upstreams
        self._callers = callers
        self._now = now
        self._patience = patience

    def apply(self, _topic: str, key: str, data: JsonObject | None) -> None:
        """Take the shared offset in."""
        if key == CLOCK and data is not None:
            self._now.set_offset(float(str(data["seconds"])))

    async def move(self, request: Request, found: Found, known: Known | None) -> Response | None:
        """Move it and wait until every service shows it.

        Raises:
            ClockNotHeard: Not all have in time.
        """
        if known is None:
            raise Unauthenticated
        content = b""
        async for piece in request.stream():
            content += piece
            if len(content) > LARGEST:
                raise TooLarge
        token = self._callers.token(known, service=found.row.service)
        headers = [(name, value) for name, value in passed_on(request.scope["headers"]) if name != "content-length"]
        said = await self._upstreams.ask(found.row.service, found.target, token=token, headers=headers, method="POST", body=content)
        body = said.body
        if said.status == _OK and isinstance(body, dict):
            await self._until_heard(float(str(body["offset_seconds"])))
        return say_again(said)

    async def _until_heard(self, seconds: float) -> None:
        until = monotonic() + self._patience
        waiting = set(SERVICES)
        while True:
            shown = await asyncio.gather(*(self._offset(service) for service in sorted(waiting)))
            heard = {service for service, offset in zip(sorted(waiting), shown, strict=True) if offset >= seconds}
            waiting -= heard
            if not waiting and self._now.offset.total_seconds() >= seconds:
                return
            if monotonic() >= until:
                raise ClockNotHeard
            await asyncio.sleep(_REST)

    async def _offset(self, service: str) -> float:
        """What all processes of the service have heard; -1 when one of them does not say."""
        try:
            each = [said.body for said in await self._upstreams.ask_each(service, "/readyz")]
        except Refusal:
            return -1.0
        return min(float(str(body.get("clockOffset", -1))) if isinstance(body, Mapping) else -1.0 for body in each)
