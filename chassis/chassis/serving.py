"""How an application is served: one set of bounds for every process of the installation."""

import gc

import uvicorn
from starlette.types import ASGIApp

KEEP_ALIVE = 75
"""Seconds an idle connection stays open: longer than any client of ours keeps one, so that none is closed under a request on its way."""

DRAIN = 10
"""Seconds an open request may still take once the server was told to stop."""


def server_config(application: ASGIApp, *, host: str, port: int) -> uvicorn.Config:
    """The bounds under which an application is served; logs are ours, addresses are never taken from headers."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=DRAIN,
    )


def serve(application: ASGIApp, *, host: str, port: int) -> None:
    """Serve in this process until it is told to stop."""
    # What was imported stays: a full collection that walks through it holds every request for tens of milliseconds.
    gc.collect()
    gc.freeze()
    uvicorn.Server(server_config(application, host=host, port=port)).run()
