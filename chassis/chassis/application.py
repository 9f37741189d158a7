"""The HTTP side of a service: its routes, its refusals, its entrance."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from chassis import health, problems, traces
from chassis.context import Context
from chassis.doors import route_of
from chassis.entrance import Entrance
from chassis.express import Express
from chassis.figures import Board, Look
from chassis.flow import parts_look
from chassis.health import Health
from chassis.identity import Verifier
from chassis.openapi import describe
from contracts.caller import ANONYMOUS, Caller
from contracts.refusals import Forbidden, Refusal

_PROBLEM = {
    "description": "problem+json (RFC 9457)",
    "content": {
        problems.MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "rule", "traceId"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "title_en": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "detail_en": {"type": "string"},
                    "rule": {"type": "string"},
                    "traceId": {"type": "string"},
                    "errors": {"type": "array", "items": {"type": "object"}},
                    "facts": {"type": "object"},
                    "considered": {"type": "array", "items": {"type": "object"}},
                },
            },
        },
    },
}


class _Application(FastAPI):
    """Says in its document what its doors ask for too."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(self)
        return self.openapi_schema


class Lifespan(Protocol):
    """Starts a service and stops it."""

    def __call__(self, app: FastAPI, /) -> AbstractAsyncContextManager[None]:
        """Enter to start, leave to stop."""
        ...


def create_application(
    context: Context,
    *,
    title: str,
    version: str,
    routers: Sequence[APIRouter],
    checks: Health,
    looks: Sequence[Look] = (),
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Make the application of one running service.

    Args:
        context: What every door hands on.
        title: As the OpenAPI document names it.
        version: The software's own.
        routers: The rooms' routes.
        checks: What ``/readyz`` asks.
        looks: What ``/metrics`` reads, beside what this process says of itself.
        lifespan: Starts and stops what runs beside the routes.
    """
    application = _Application(
        title=title,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
    )
    application.state.context = context
    application.state.verifier = Verifier(context.settings.internal_jwks_file, audience=context.name)
    application.state.health = checks
    application.state.board = Board(context.metrics, (parts_look(checks, database=context.database), *looks))
    for kind in (Refusal, HTTPException, RequestValidationError):
        application.add_exception_handler(kind, _refuse)
    application.add_exception_handler(Forbidden, _forbid)
    for router in (health.router, *routers):
        application.include_router(router)
    application.add_middleware(Express, application=application, refuse=_refuse_or_forbid)
    application.add_middleware(
        Entrance,
        service=context.name,
        metrics=context.metrics,
        max_body=context.settings.max_body,
        is_reading=lambda: context.follower is not None and context.follower.begins_from_nothing,
    )
    return application


async def _refuse_or_forbid(request: Request, error: Exception) -> Response:
    return await (_forbid if isinstance(error, Forbidden) else _refuse)(request, error)


async def _refuse(request: Request, error: Exception) -> Response:
    return problems.answer(request, error)


async def _forbid(request: Request, error: Exception) -> Response:
    caller: Caller = getattr(request.state, "caller", ANONYMOUS)
    context: Any = request.app.state.context
    if not isinstance(error, Forbidden):
        return problems.answer(request, error)
    try:
        await traces.write_traces(context, caller, refused=[error], route=f"{request.method} {route_of(request)}")
    except Refusal as untraced:
        return problems.answer(request, untraced)
    return problems.answer(request, error)
