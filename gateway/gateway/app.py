"""The gateway put together.

A request meets, from outside in: ``entrance`` (trace, figures, the bound of a body), ``proxy`` (whose path, who asks, pass on), and only for
the few paths of its own FastAPI.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import health, logs, problems, tracing
from chassis.bus import Bus, BusTrouble
from chassis.bus_kafka import KafkaBus
from chassis.bus_postgres import PostgresBus
from chassis.entrance import Entrance
from chassis.figures import Board
from chassis.flow import followed_look, parts_look, remade_counter
from chassis.follow import Follower
from chassis.health import Check, Health
from chassis.identity import ISSUER_FOR_ALL, SigningKey
from chassis.metrics import Metrics
from chassis.now import Now
from contracts.documents import ACCESS_RULES
from contracts.refusals import Refusal
from contracts.values import JsonObject
from gateway import pages
from gateway.accounts import Accounts
from gateway.callers import Callers
from gateway.clock import Clock
from gateway.development.issuer import DEV_ISSUER, DEV_PATH, DevelopmentIssuer
from gateway.documents import Documents
from gateway.provider import Provider
from gateway.proxy import Proxy
from gateway.settings import Settings
from gateway.tokens import MACHINES, Issuer, Machines
from gateway.upstreams import Upstreams
from gateway.views import Views

_REST = 1.0
"""Seconds before the log is looked for again."""

_log = logs.get_logger()


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the gateway holds while it runs."""

    now: Now
    metrics: Metrics
    bus: Bus
    database: None = None


class Gateway(FastAPI):
    """The frame stands behind the proxy: what is the services' never enters its three layers."""

    door: ASGIApp
    """Where requests come in."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one connection, or the lifespan."""
        if scope["type"] == "http":
            await self.door(scope, receive, send)
        else:
            await self.own(scope, receive, send)

    async def own(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the gateway answers itself."""
        await super().__call__(scope, receive, send)


def create_app(settings: Settings) -> FastAPI:
    """Make the gateway; nothing is opened before its lifespan begins.

    Raises:
        ValueError: The key is not the gateway's.
        OSError: A file that the settings name cannot be read.
    """
    key = SigningKey.load(settings.internal_key_file)
    if key.issuer != ISSUER_FOR_ALL:
        raise ValueError(f"the id of internal_key_file's key must begin with {ISSUER_FOR_ALL}.")
    metrics = Metrics(settings.NAME)
    remade = remade_counter(metrics)
    bus: Bus = KafkaBus(settings.kafka, remade=remade) if settings.bus == "kafka" else PostgresBus(settings.log_url, remade=remade)
    context = Context(now=Now(development=settings.development), metrics=metrics, bus=bus)
    development = DevelopmentIssuer.load(settings) if settings.people_file is not None else None
    upstreams = Upstreams(settings.services, public_url=settings.address, connect=settings.connect_timeout, answer=settings.answer_timeout)
    accounts = Accounts()
    issuers: Mapping[str, Issuer] = {MACHINES: Machines(accounts), **_people(settings, development)}
    callers = Callers(issuers=issuers, key=key, upstreams=upstreams)
    views = Views(upstreams=upstreams, callers=callers, patience=settings.part_timeout)
    clock = Clock(upstreams=upstreams, callers=callers, now=context.now, patience=settings.clock_timeout)

    def apply(topic: str, key: str, data: JsonObject | None) -> None:
        accounts.apply(topic, key, data)
        if settings.development:
            clock.apply(topic, key, data)

    follower = Follower(context, [ACCESS_RULES], apply)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        logs.configure(settings.log_level)
        tracing.work_as(settings.NAME)
        upstreams.open()
        following = asyncio.create_task(_follow(bus, follower), name="follower")
        _log.info("service.started")
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await bus.stop()
            await upstreams.close()
            _log.info("service.stopped")

    application = Gateway(
        title="Tongban 通办",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    application.state.context = context
    application.state.health = Health(_checks(bus, follower), {"follower": follower})
    application.state.board = Board(context.metrics, (parts_look(application.state.health), followed_look(bus, follower)))
    application.state.documents = Documents(upstreams=upstreams)
    for kind in (Refusal, HTTPException, RequestValidationError):
        application.add_exception_handler(kind, _refuse)
    for router in (health.router, pages.router):
        application.include_router(router)
    if development is not None:
        application.mount(DEV_PATH, development.application())
    proxy = Proxy(
        application.own,
        upstreams=upstreams,
        callers=callers,
        views={"case": views.show_case, "handlings": views.list_handlings, "impact": views.show_impact, "clock": clock.move},
        own=frozenset({pages.OPENAPI}),
        patience=settings.answer_timeout,
    )
    application.door = Entrance(proxy, service=settings.NAME, metrics=context.metrics, max_body=settings.max_body)
    return application


def _people(settings: Settings, development: DevelopmentIssuer | None) -> dict[str, Issuer]:
    if development is not None:
        return {DEV_ISSUER: development}
    return {settings.oidc_issuer: Provider(settings.oidc_issuer, audience=settings.oidc_audience)}


def _checks(bus: Bus, follower: Follower) -> dict[str, Check]:
    async def log() -> str | None:
        await bus.ping()
        return None

    async def followed() -> str | None:
        return None if follower.caught_up else "not caught up"

    return {"log": log, "followed": followed}


async def _follow(bus: Bus, follower: Follower) -> None:
    """Reach the log as soon as it is there, then follow it; people are let in meanwhile, machines are not known yet."""
    while True:
        try:
            await bus.start()
        except (BusTrouble, OSError) as error:
            _log.warning("log.away", exc_info=error)
            await asyncio.sleep(_REST)
        else:
            break
    await follower.run()


async def _refuse(request: Request, error: Exception) -> Response:
    return problems.answer(request, error)


__all__ = ["Settings", "create_app"]
