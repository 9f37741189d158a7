"""The guide of a version in force, or of an older one: made from the index when it is asked for."""

from datetime import datetime

from catalog_svc.guide import handlers as guide
from catalog_svc.guide.domain import check_situation
from catalog_svc.service_guide.domain.content import ServiceGuide, Surroundings, write_guide
from chassis.problems import Behind
from contracts.values import ItemCode, RegionCode
from rules.catalogue import Catalogue
from rules.competence import find_holder, region_in_force
from rules.parts import Parts
from rules.workdays import local_day


def find_parts_for(catalogue: Catalogue, item_code: ItemCode, *, region: RegionCode, at: datetime) -> Parts:
    """The version in force for a matter of a region, its own or that of the organ above which holds the power.

    Raises:
        NoRoute: Nobody holds it.
        Behind: Its parts are still on their way.
    """
    matter = region_in_force(catalogue, region, on=local_day(at), side="handling")
    version, _ = find_holder(catalogue, item_code, matter, at=at, situation=None, considered=[])
    parts = catalogue.parts(version.version_id)
    if parts is None:
        raise Behind(retry_after=1)
    return parts


def make_guide(catalogue: Catalogue, parts: Parts, *, situation: str | None, address: str) -> ServiceGuide:
    """The guide of a version.

    Args:
        catalogue: The index, for names.
        parts: The version.
        situation: Of one situation alone.
        address: Where guides are read, to which the item's own is added.

    Raises:
        AnswerInvalid: The item has no such situation.
    """
    version, bundle = parts.version, parts.situations.bundle
    if situation is not None:
        check_situation(parts, named=situation, remaining=[situation])
    region = catalogue.region(version.region)
    url = f"{address}/{version.item_id}?version={version.version}"
    around = Surroundings(
        url=url if situation is None else f"{url}&situation={situation}",
        region_name="" if region is None else region.name,
        organ=catalogue.organ(version.organ),
        item_names=guide.names_of(catalogue, version.region, codes=[] if bundle is None else [one.item_code for one in bundle.members]),
    )
    return write_guide(parts, around=around, situation=situation)
