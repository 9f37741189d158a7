"""``python -m tests.chassis.leaving PORT``: an application served as every service is, with an answer that takes its time.

It prints a line when somebody has asked for that.
"""

import asyncio
import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from chassis.serving import serve

SLOW = 1.0
"""Seconds."""

LEAVING = 60.0
"""Seconds until the door is shut under somebody: a machine may stand still for some."""


async def _slow(_request: Request) -> PlainTextResponse:
    print("begun", flush=True)  # noqa: T201 - whoever started it waits for this
    await asyncio.sleep(SLOW)
    return PlainTextResponse("done")


async def _ready(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ready")


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/slow", _slow), Route("/readyz", _ready)]), host="127.0.0.1", port=int(sys.argv[1]), leaving=LEAVING)
