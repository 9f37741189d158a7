"""Routes of comparisons, beside what they compare."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from catalog_svc.comparison import handlers
from catalog_svc.comparison.handlers import ItemDrift
from catalog_svc.context import Catalog
from catalog_svc.item import handlers as items
from catalog_svc.item.api import ItemIdPath, VersionPath
from catalog_svc.item.domain import ItemVersionState
from catalog_svc.proposal.api import PUBLIC_FOR_A_WHILE, After, ItemPath, KeyPath, RegionPath
from chassis.doors import PUBLIC_READER, READER, Reader
from chassis.paging import DEFAULT_LIMIT, Limit
from contracts.codec import encode_object
from contracts.values import ItemCode, ItemId, ItemVersionId, JsonObject, RegionCode
from rules.standards import Lock

router = APIRouter(prefix="/v1", tags=["comparisons"])

Against = Annotated[str | None, Query(pattern=r"^[0-9A-Z]{31}-v[0-9]{1,6}$", description="与哪个版本比较 / the version to compare with")]


CountedBy = Annotated[
    str | None,
    Field(
        description="The question by which intake counts the open cases of the page; null where there is nothing to count. "
        "The gateway asks it and answers in `standing`."
    ),
]


class DifferenceShown(BaseModel):
    """One field that is not the same; rows of lists by their id."""

    pointer: str
    change: Literal["added", "removed", "changed"]
    before: object
    after: object


class Diff(BaseModel):
    """Two versions, field by field."""

    before: str
    after: str
    differences: list[DifferenceShown]


class DriftShown(BaseModel):
    """One element that is not what the standard says."""

    field: str
    pointer: str
    lock: Lock
    region: str
    """Whose standard says otherwise; the nation's is the base item."""
    expected: object
    found: object
    allowed: bool


class ItemDriftShown(BaseModel):
    """One item with its drifts."""

    version_id: str
    item_id: str
    organ: str
    region: str
    drifts: list[DriftShown]


class DriftReport(BaseModel):
    """A page of items; those without a drift are counted and not listed."""

    compared: int
    items: list[ItemDriftShown]
    next: str | None
    """Value of ``after`` for the next page."""


class Overruled(BaseModel):
    """An element of a region's layer that would hold no longer."""

    region: str
    field: str


class Impact(BaseModel):
    """What a change would touch before it is published, for a page of the items in force; each count is the page's."""

    compared: int
    """Items that were looked at."""
    items: int
    """Of these, those that it touches."""
    breaking: int
    """Items whose next version cannot be published unless it follows."""
    regions: dict[str, int]
    """Items that it touches by region."""
    touched: list[ItemDriftShown]
    overruled: list[Overruled]
    """What regions below have fixed and would hold no longer; the same on every page."""
    open_cases: str
    """Where the open cases are listed, for whoever may see them: the catalogue knows none. They keep their version."""
    counted_by: CountedBy
    next: str | None
    """Value of ``after`` for the next page."""


class VersionImpact(BaseModel):
    """What a version that is not in force yet would change, and whom it would leave as they are."""

    version_id: str
    item_id: str
    organ: str
    region: str
    state: ItemVersionState
    supersedes: str | None
    """The version in force whose place it takes; None where it is the first."""
    differences: int
    """Fields in which it is not that version; `GET …/diff` names them."""
    succeeds: list[str]
    """Items whose place it takes for good."""
    bundles: list[str]
    """Versions of bundles in force or to come of which the item is a member: they ask what it asked until they are drafted anew."""
    open_cases: str
    """Where the open cases are listed, for whoever may see them. They keep their version."""
    counted_by: CountedBy


class CertificateImpact(BaseModel):
    """Whose checklists a cancellation changes at once: a page of the versions that ask for it."""

    items: int
    """Items of the page."""
    versions: list[str]
    """Those in force or to come."""
    over: list[str]
    """Those that are over, or were taken back: only open cases stand on them."""
    open_cases: list[str]
    """Where the open cases of each item are listed, for whoever may see them; the certificate leaves them too."""
    counted_by: CountedBy
    next: str | None
    """Value of ``after`` for the next page."""


def _open_cases(code: ItemCode) -> str:
    return f"/v1/cases?state=received&item={code}"


def _counted_by(items: Iterable[ItemId], *, versions: Iterable[ItemVersionId] = ()) -> str | None:
    asked = [*(("item", one) for one in sorted(set(items))), *(("version", one) for one in versions)]
    return f"/v1/reports/open-cases?{urlencode(asked)}" if asked else None


@router.get("/service-items/versions/{version_id}/diff", operation_id="diffItemVersions", response_model=Diff)
async def diff_item_versions(read: Annotated[Reader[Catalog], PUBLIC_READER], version_id: VersionPath, against: Against = None) -> Response:
    """What a version says otherwise than another, or than the one in force; drafts are shown to officers of their region."""
    other = None if against is None else ItemVersionId(against)
    return read.answer(encode_object(await handlers.compare_versions(read.tx, ItemVersionId(version_id), against=other, by=read.caller)))


@router.get("/service-items/{item_id}/drift", operation_id="getItemDrift", response_model=ItemDriftShown)
async def get_item_drift(read: Annotated[Reader[Catalog], PUBLIC_READER], item_id: ItemIdPath) -> Response:
    """Where an item in force is not what its standard says."""
    return read.answer(encode_object(await handlers.drift_of_item(read.tx, ItemId(item_id))), headers=PUBLIC_FOR_A_WHILE)


@router.get("/regions/{code}/drift", operation_id="getRegionDrift", response_model=DriftReport)
async def get_region_drift(
    read: Annotated[Reader[Catalog], PUBLIC_READER], code: RegionPath, after: After = "", limit: Limit = DEFAULT_LIMIT
) -> Response:
    """A county's items in force against the base items and the standards above it."""
    return await _report(read, item=None, region=RegionCode(code), after=after, limit=limit)


@router.get("/base-items/{code}/drift", operation_id="getBaseItemDrift", response_model=DriftReport)
async def get_base_item_drift(
    read: Annotated[Reader[Catalog], PUBLIC_READER], code: ItemPath, after: After = "", limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Every organ's item of a base item against it."""
    return await _report(read, item=ItemCode(code), region=None, after=after, limit=limit)


@router.get("/base-items/{code}/impact", operation_id="getBaseItemImpact", response_model=Impact)
async def get_base_item_impact(
    read: Annotated[Reader[Catalog], READER], code: ItemPath, after: After = "", limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Which items in force a drafted change of a base item would touch; every page looks at ``limit`` of them."""
    found = await handlers.impact_of_base_item(read.tx, ItemCode(code), by=read.caller, after=after, limit=limit)
    touched = found.drifts
    body: JsonObject = {
        "compared": len(found.records),
        "items": len(touched),
        "breaking": sum(one.breaks for one in touched),
        "regions": dict(sorted(Counter(one.region for one in touched).items())),
        "touched": [encode_object(one) for one in touched],
        "overruled": [{"region": one.region, "field": one.element.field} for one in found.overruled],
        "open_cases": _open_cases(ItemCode(code)),
        "counted_by": _counted_by(one.item_id for one in touched),
        "next": found.records[-1].version_id if len(found.records) == limit else None,
    }
    return read.answer(body)


@router.get("/service-items/versions/{version_id}/impact", operation_id="getItemVersionImpact", response_model=VersionImpact)
async def get_item_version_impact(read: Annotated[Reader[Catalog], READER], version_id: VersionPath) -> Response:
    """What a version that is not in force yet would change, a bundle's too; for officers of its region."""
    found = await handlers.impact_of_version(read.tx, ItemVersionId(version_id), by=read.caller)
    record = found.record
    body: JsonObject = {
        "version_id": record.version_id,
        "item_id": record.item_id,
        "organ": record.content.organ,
        "region": record.region,
        "state": record.state.value,
        "supersedes": found.supersedes,
        "differences": found.differences,
        "succeeds": list(record.content.succeeds),
        "bundles": list(found.bundles),
        "open_cases": _open_cases(record.content.item_code),
        "counted_by": _counted_by([record.item_id, *record.content.succeeds]),
    }
    return read.answer(body)


@router.get("/certificates/{certificate_id}/impact", operation_id="getCertificateImpact", response_model=CertificateImpact)
async def get_certificate_impact(
    read: Annotated[Reader[Catalog], READER], certificate_id: KeyPath, after: After = "", limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Which versions ask for a certificate: those in force or to come, and those that are over, on which open cases may stand."""
    found = await handlers.impact_of_certificate(read.tx, certificate_id, by=read.caller, after=after, limit=limit)
    codes = sorted({one.content.item_code for one in found})
    body: JsonObject = {
        "items": len({one.item_id for one in found}),
        "versions": [one.version_id for one in found if not one.is_over(read.tx.at)],
        "over": [one.version_id for one in found if one.is_over(read.tx.at)],
        "open_cases": [_open_cases(code) for code in codes],
        "counted_by": _counted_by((one.item_id for one in found), versions=(one.version_id for one in found)),
        "next": found[-1].version_id if len(found) == limit else None,
    }
    return read.answer(body)


async def _report(read: Reader[Catalog], *, item: ItemCode | None, region: RegionCode | None, after: str, limit: int) -> Response:
    records = await items.page_in_force(read.tx, item=item, region=region, after=after, limit=limit)
    found: list[ItemDrift] = [one for one in await handlers.drift_of(read.tx, records) if one.drifts]
    following = records[-1].version_id if len(records) == limit else None
    body: JsonObject = {"compared": len(records), "items": [encode_object(one) for one in found], "next": following}
    return read.answer(body, headers=PUBLIC_FOR_A_WHILE)
