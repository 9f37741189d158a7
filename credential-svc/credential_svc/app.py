"""Credential-svc as one application.

Its rooms, lowest first; a room calls the handlers of those below it, never their store: seal, status, qr, credential.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from chassis.context import Subscriptions
from chassis.learning import Lessons
from chassis.service import Follow, Job, create_service
from contracts.documents import RULES
from contracts.events import CASE_EVENTS, CREDENTIAL_EVENTS
from contracts.values import JsonObject
from credential_svc.context import Credential, Settings
from credential_svc.credential import api as credentials
from credential_svc.credential import handlers as issuing
from credential_svc.credential import jobs
from credential_svc.credential.outside import Intake
from credential_svc.qr import api as verification
from credential_svc.schema import METADATA
from credential_svc.seal import api as seals
from credential_svc.seal import handlers as sealing
from credential_svc.status import api as statuses

MIGRATIONS = Path(__file__).parent / "migrations"
"""Folder of this service's migrations."""

SUBSCRIPTIONS: Subscriptions = {**sealing.SUBSCRIPTIONS, **issuing.SUBSCRIPTIONS}
LESSONS: Lessons = {**sealing.LESSONS, **issuing.LESSONS}


def create_app(settings: Settings) -> FastAPI:
    """Make the service.

    Raises:
        ValueError: The settings name no wrapping key, or no key of the service's own to call intake with.
    """
    if settings.internal_key_file is None:
        raise ValueError("credential-svc calls intake-svc: internal_key_file is needed")
    intake = Intake(settings.intake_url, key_file=settings.internal_key_file)

    def context(**given: Any) -> Credential:
        return Credential(intake=intake, **given)

    application = create_service(
        context,
        settings,
        title="Tongban credential-svc",
        routers=(seals.router, statuses.router, verification.router, credentials.router),
        metadata=METADATA,
        migrations=MIGRATIONS,
        subscriptions=SUBSCRIPTIONS,
        lessons=LESSONS,
        sends=(CASE_EVENTS, CREDENTIAL_EVENTS),
        awaited=frozenset({CASE_EVENTS}),
        # Not catalog: of its topics only the rules are followed here, and the position of a version would be waited for in vain.
        hears=frozenset({"intake", "routing"}),
        follows=(Follow(topics=(RULES,), apply=_follow),),
        jobs=(Job(name="seal and issue", every=jobs.EVERY, run=jobs.seal_and_issue, wake=lambda found: found.sealing_asked),),
        looks=jobs.looks,
    )
    started = application.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[Any]:
        try:
            async with started(running) as state:
                yield state
        finally:
            await intake.close()

    application.router.lifespan_context = lifespan
    return application


def _follow(context: Credential, topic: str, key: str, data: JsonObject | None) -> None:
    context.catalogue.apply(topic, key, data)
