"""Routing-svc: its settings, its rooms in their order, its application.

Rooms from low to high; a room calls the handlers of those before it, in its own transaction::

    partner · timeline · clock · supervision · exchange · notice · handling · delivery · transfer
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

from fastapi import APIRouter, FastAPI
from pydantic_settings import SettingsConfigDict

from chassis.context import Subscriptions
from chassis.service import Follow, create_service
from chassis.settings import ServiceSettings
from contracts.codec import decode
from contracts.documents import ACCESS_RULES, PARTS, RULES, VERSIONS, Account
from contracts.events import CASE_EVENTS
from contracts.values import JsonObject
from routing_svc import seed
from routing_svc.clock import api as clock_api
from routing_svc.context import Routing
from routing_svc.delivery import api as delivery_api
from routing_svc.delivery import handlers as delivery
from routing_svc.handling import api as handling_api
from routing_svc.handling import handlers as handling
from routing_svc.handling import jobs as handling_jobs
from routing_svc.notice import api as notice_api
from routing_svc.partner import api as partner_api
from routing_svc.partner import handlers as partner
from routing_svc.schema import METADATA, prepare
from routing_svc.supervision import api as supervision_api
from routing_svc.supervision import handlers as supervision
from routing_svc.timeline import api as timeline_api
from routing_svc.timeline import handlers as timeline
from routing_svc.transfer import api as transfer_api
from routing_svc.transfer import handlers as transfer
from routing_svc.transfer import jobs as transfer_jobs

MIGRATIONS = Path(__file__).parent / "migrations"

SUBSCRIPTIONS: Subscriptions = {
    **timeline.SUBSCRIPTIONS,
    **supervision.SUBSCRIPTIONS,
    **handling.SUBSCRIPTIONS,
    **delivery.SUBSCRIPTIONS,
    **transfer.SUBSCRIPTIONS,
}
"""What is heard, and by which room."""

TIMERS = (*supervision.TIMERS, *handling.TIMERS, *transfer.TIMERS)
"""What happens when a clock is due, one room for each kind of clock."""

_APIS = (partner_api, timeline_api, clock_api, supervision_api, notice_api, handling_api, delivery_api, transfer_api)


class Settings(ServiceSettings):
    """Settings of routing-svc, read from ``TONGBAN_ROUTING_…``."""

    model_config = SettingsConfigDict(env_prefix="TONGBAN_ROUTING_")
    NAME: ClassVar[str] = "routing"

    machines_file: Path | None = None
    """Accounts of machines to open at the start, JSON: a list of ``{"account": …, "public_key": PEM}``."""


def create_app(settings: Settings) -> FastAPI:
    """Wire the rooms."""
    v1 = APIRouter(prefix="/v1")
    for api in _APIS:
        v1.include_router(api.router)
    return create_service(
        Routing,
        settings,
        title="通办 routing-svc",
        routers=(v1,),
        metadata=METADATA,
        migrations=MIGRATIONS,
        subscriptions=SUBSCRIPTIONS,
        holds=True,
        sends=(CASE_EVENTS,),
        hears=frozenset({"catalog", "intake", "credential"}),
        follows=(
            Follow(topics=(RULES,), apply=_follow_catalogue),
            Follow(topics=(PARTS, VERSIONS), apply=_follow_catalogue, briefly=lambda context: context.catalogue),
            Follow(topics=(ACCESS_RULES,), apply=_keep),
        ),
        timers=TIMERS,
        jobs=(*transfer_jobs.JOBS, *handling_jobs.JOBS),
        looks=transfer_jobs.looks,
        prepare=prepare,
        on_start=_begin(settings.machines_file),
    )


def _begin(machines_file: Path | None) -> Callable[[Routing], Awaitable[None]]:
    listed = [] if machines_file is None else json.loads(machines_file.read_bytes())
    machines = [(decode(Account, each["account"]), str(each["public_key"])) for each in listed]

    async def begin(context: Routing) -> None:
        await partner.prepare(context)
        await seed.load(context, machines)

    return begin


def _follow_catalogue(context: Routing, topic: str, key: str, data: JsonObject | None) -> None:
    context.catalogue.apply(topic, key, data)


def _keep(_context: Routing, _topic: str, _key: str, _data: JsonObject | None) -> None:
    """Accounts and keys are routing's own; followed they stand in a table, from which a log that lost them is filled again."""
