"""The catalogue as a service: its rooms, in the order in which they may call each other.

proposal · region · organ · certificate · negative_list · base_item · standard · agreement · calendar · part · base_form · item · former_code · power · sheet · bulk · comparison · delegation · guide · service_guide · route · word · search
"""

from pathlib import Path

from fastapi import FastAPI

from catalog_svc.context import Catalog, Settings
from catalog_svc.looks import looks
from catalog_svc.schema import METADATA
from chassis.jobs import Job
from chassis.logs import get_logger
from chassis.service import Follow, create_service
from contracts.documents import PARTS, RULES, VERSIONS
from contracts.values import JsonObject

MIGRATIONS = Path(__file__).parent / "migrations"

_log = get_logger()

__all__ = ["MIGRATIONS", "Settings", "create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Make the service; it starts with the application's lifespan."""
    from catalog_svc.agreement import api as agreement
    from catalog_svc.base_form import api as base_form
    from catalog_svc.base_item import api as base_item
    from catalog_svc.bulk import api as bulk
    from catalog_svc.bulk import jobs as bulk_jobs
    from catalog_svc.calendar import api as calendar
    from catalog_svc.certificate import api as certificate
    from catalog_svc.comparison import api as comparison
    from catalog_svc.delegation import api as delegation
    from catalog_svc.former_code import api as former_code
    from catalog_svc.guide import api as guide
    from catalog_svc.item import api as item
    from catalog_svc.negative_list import api as negative_list
    from catalog_svc.organ import api as organ
    from catalog_svc.power import api as power
    from catalog_svc.region import api as region
    from catalog_svc.route import api as route
    from catalog_svc.search import api as search
    from catalog_svc.search import jobs
    from catalog_svc.service_guide import api as service_guide
    from catalog_svc.standard import api as standard
    from catalog_svc.word import api as word

    # Before the item's own routes, which take any word below theirs for an item.
    rooms = (
        region,
        organ,
        certificate,
        negative_list,
        base_form,
        base_item,
        standard,
        agreement,
        calendar,
        comparison,
        former_code,
        power,
        bulk,
        guide,
        service_guide,
        item,
        delegation,
        route,
        word,
        search,
    )
    return create_service(
        Catalog,
        settings,
        title="Tongban catalogue 事项目录",
        routers=[room.router for room in rooms],
        metadata=METADATA,
        migrations=MIGRATIONS,
        follows=(
            Follow(topics=(RULES,), apply=_apply),
            Follow(topics=(PARTS, VERSIONS), apply=_apply, briefly=lambda context: context.catalogue),
        ),
        jobs=(
            Job(name="bulk", every=bulk_jobs.LOOK_EVERY, run=bulk_jobs.go_on, wake=lambda context: context.bulk_waiting),
            Job(
                name="bulk files",
                every=bulk_jobs.LOOK_EVERY,
                run=bulk_jobs.go_on_with_files,
                wake=lambda context: context.bulk_files_waiting,
            ),
            Job(name="forget bulk", every=bulk_jobs.FORGET_EVERY, run=bulk_jobs.forget),
            Job(name="forget searches in vain", every=jobs.FORGET_EVERY, run=jobs.forget_misses),
        ),
        on_start=_begin,
        looks=looks,
    )


async def _begin(context: Catalog) -> None:
    from catalog_svc.route.handlers import open_signer
    from catalog_svc.seed import load

    await open_signer(context)
    if context.settings.seed:
        await load(context, lambda line: _log.info("seed", name=line))


def _apply(context: Catalog, topic: str, key: str, data: JsonObject | None) -> None:
    context.catalogue.apply(topic, key, data)
