"""``python -m tests.chassis.leaving PORT``: an application served as every service is, with an answer that takes its time."""

import asyncio
import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from chassis.serving import serve

SLOW = 1.0
"""Seconds."""


async def _slow(_request: Request) -> PlainTextResponse:
    await asyncio.sleep(SLOW)
    return PlainTextResponse("done")


async def _ready(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ready")


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/slow", _slow), Route("/readyz", _ready)]), host="127.0.0.1", port=int(sys.argv[1]))
