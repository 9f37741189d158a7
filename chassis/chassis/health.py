"""Whether a service lives and whether it may be sent requests.

Ready means: its own database, its log, and what it follows. Another service being down is never a reason: that would take down one after
the other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Protocol

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from chassis.figures import Board
from chassis.metrics import CONTENT_TYPE

Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else what is not, in a word for operators."""


class Part(Protocol):
    """What runs beside the routes."""

    @property
    def trouble(self) -> str | None:
        """What keeps it from going on, the name of an error; None when nothing does."""


KEPT_FOR = 1.0
"""Seconds an answer of the checks is used again."""

PATIENCE = 1.5
"""Seconds for one check."""


class Health:
    """The checks of one service, asked at most once a second."""

    def __init__(self, checks: Mapping[str, Check], parts: Mapping[str, Part] | None = None) -> None:
        """Take what is asked.

        Args:
            checks: Without any of these the process may not be sent requests.
            parts: What runs beside the routes; what keeps one from going on is shown and takes nobody's requests away.
        """
        self._checks = checks
        self.parts = parts or {}
        self._asked_at = float("-inf")
        self._found: dict[str, str] = {}

    async def ask(self) -> dict[str, str]:
        """Every check by name: ``ok`` or what is wrong."""
        if monotonic() - self._asked_at >= KEPT_FOR:
            found = await asyncio.gather(*(self._one(check) for check in self._checks.values()))
            self._found = dict(zip(self._checks, found, strict=True))
            self._asked_at = monotonic()
        return self._found

    def troubles(self) -> dict[str, str]:
        """What keeps a part from going on just now, by part; empty when all go on."""
        return {name: part.trouble for name, part in self.parts.items() if part.trouble is not None}

    async def _one(self, check: Check) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                return await check() or "ok"
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its finding
            return type(error).__name__


router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def live() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
@router.get("/healthz")
async def ready(request: Request) -> Response:
    """Every check of this service, 503 while one is not well; what keeps a part from going on; how many seconds its clock stands ahead."""
    health: Health = request.app.state.health
    found = await health.ask()
    well = all(each == "ok" for each in found.values())
    offset: float = request.app.state.context.now.offset.total_seconds()
    body = {"status": "ok" if well else "not ready", "checks": found, "troubles": health.troubles(), "clockOffset": offset}
    return JSONResponse(body, status_code=200 if well else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The figures of this service, in Prometheus' text format."""
    board: Board = request.app.state.board
    await board.look()
    return Response(request.app.state.context.metrics.exposition(), media_type=CONTENT_TYPE)
