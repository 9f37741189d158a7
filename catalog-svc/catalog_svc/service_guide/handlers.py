"""The guide of a version in force, or of an older one: made from the index when it is asked for."""

from datetime import datetime
from urllib.parse import urlencode

from catalog_svc.guide import handlers as guide
from catalog_svc.guide.domain.answers import check_situation
from catalog_svc.guide.domain.organs import OrganShown
from catalog_svc.service_guide.domain.content import ServiceGuide, Surroundings, write_guide
from chassis.problems import Behind
from contracts.values import ItemCode, RegionCode
from rules.catalogue import Catalogue
from rules.competence import find_holder, place_in_force
from rules.parts import Parts
from rules.workdays import local_day


def find_parts_for(catalogue: Catalogue, item_code: ItemCode, *, region: RegionCode, at: datetime) -> Parts:
    """The version in force for a matter of a region, its own or that of the organ above which holds the power.

    Raises:
        NoRoute: Nobody holds it.
        Behind: Its parts are still on their way.
    """
    on = local_day(at)
    matter = place_in_force(catalogue, region, on=on, side="handling")
    version, _ = find_holder(catalogue, item_code, matter, at=at, on=on, situation=None, considered=[])
    parts = catalogue.parts(version.version_id)
    if parts is None:
        raise Behind(retry_after=1)
    return parts


def make_guide(
    catalogue: Catalogue, parts: Parts, *, situation: str | None, matter: RegionCode | None, at: datetime, address: str
) -> ServiceGuide:
    """The guide of a version.

    Args:
        catalogue: The index, for names and powers.
        parts: The version.
        situation: Of one situation alone.
        matter: Where the matter belongs; None for the item's own region.
        at: The instant whose powers are told.
        address: Where the catalogue is read, to which those of guide and powers are added.

    Raises:
        AnswerInvalid: The item has no such situation.
        RegionElsewhere: The matter belongs to a place that the item is not handled for.
        NoRoute: The place is unknown or abolished.
    """
    version, bundle = parts.version, parts.situations.bundle
    if situation is not None:
        check_situation(parts, named=situation, remaining=[situation])
    shown = [one.situation_id for one in parts.situations.situations if situation in {None, one.situation_id}]

    def deciding(in_situation: str | None) -> OrganShown:
        return guide.deciding_for(catalogue, parts, matter=matter, at=at, situation=in_situation)

    organ = deciding(shown[0] if len(shown) == 1 else None)
    organ_in = {one: deciding(one) for one in shown} if len(shown) > 1 else {}
    query = {"version": str(version.version)}
    query |= {} if matter in {None, version.region} else {"region": str(matter)}
    query |= {} if situation is None else {"situation": situation}
    around = Surroundings(
        url=f"{address}/service-guides/{version.item_id}?{urlencode(query)}",
        powers=f"{address}/service-items/{version.item_id}/powers",
        organ=organ,
        organ_in={one: other for one, other in organ_in.items() if other != organ},
        item_names=guide.names_of(catalogue, version.region, codes=[] if bundle is None else [one.item_code for one in bundle.members]),
    )
    return write_guide(parts, around=around, situation=situation)
