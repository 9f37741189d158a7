"""Intake put together.

Rooms, each calling only those before it: ``hall``, ``material``, ``progress`` and ``four_do``, then ``application``, ``case``, ``enquiry``, ``reentry``, ``report``.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from chassis.service import Follow, Job, create_service
from contracts.documents import PARTS, RULES, VERSIONS
from contracts.events import CASE_EVENTS
from contracts.values import JsonObject
from intake_svc.context import Intake, Settings
from intake_svc.schema import METADATA

MIGRATIONS = Path(__file__).parent / "migrations"
"""Brings the database to this version's form."""

HEARS = frozenset({"catalog", "routing", "credential"})
"""Services whose facts intake shows or rests on."""


def create_app(settings: Settings) -> FastAPI:
    """Make intake; it opens nothing before it is started."""
    from intake_svc.case import api as cases
    from intake_svc.case import handlers
    from intake_svc.case import jobs as case_jobs
    from intake_svc.enquiry import api as enquiries
    from intake_svc.hall import api as halls
    from intake_svc.material import api as materials
    from intake_svc.material import jobs
    from intake_svc.reentry import api as reentries
    from intake_svc.report import api as reports

    return create_service(
        Intake,
        settings,
        title="Tongban intake",
        routers=(halls.router, materials.router, enquiries.router, cases.router, reentries.router, reports.router),
        metadata=METADATA,
        migrations=MIGRATIONS,
        subscriptions=handlers.SUBSCRIPTIONS,
        lessons=handlers.LESSONS,
        prepare=handlers.prepare,
        sends=(CASE_EVENTS,),
        hears=HEARS,
        follows=(
            Follow(topics=(RULES,), apply=_apply),
            Follow(topics=(PARTS, VERSIONS), apply=_apply, briefly=lambda context: context.catalogue),
        ),
        jobs=(Job(name="let unclaimed materials go", every=jobs.EXPIRE_EVERY, run=jobs.let_unclaimed_go),),
        looks=case_jobs.looks,
        on_start=_begin,
    )


async def _begin(context: Intake) -> None:
    from intake_svc import seed
    from intake_svc.case.jobs import remember_lost

    await remember_lost(context)
    if context.settings.seed:
        await seed.load(context)


def _apply(context: Intake, topic: str, key: str, data: JsonObject | None) -> None:
    context.catalogue.apply(topic, key, data)
