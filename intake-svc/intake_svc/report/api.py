"""Reports: what can be received where, for anybody who asks; what nobody asks for, and how many cases are open, for those who watch."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, TypedDict

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, StringConstraints

from chassis.doors import PUBLIC_READER, READER, Reader
from chassis.paging import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Limit, Pages
from contracts.elements import FourDo
from contracts.values import ItemCode, ItemId, ItemVersionId, Mode, OrganCode, RegionCode, WindowId
from intake_svc.context import Intake
from intake_svc.four_do.domain import Kept, Untold
from intake_svc.report import handlers
from intake_svc.report.domain import A_MONTH, LONGEST, Offer, Period, period
from rules.catalogue import Published
from rules.workdays import local_day

router = APIRouter(tags=["windows"])

ItemGiven = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{31}$")]
VersionGiven = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{31}-v[0-9]{1,6}$")]
MOST_ITEMS = 50
"""Items of which one page reads the cases."""

RegionQuery = Annotated[str, Query(pattern=r"^[0-9]{6,12}$")]


class ReceivingShown(BaseModel):
    """A window at which the item can be handed in."""

    window: WindowId
    region: RegionCode
    organ: OrganCode
    name: str
    name_en: str
    address: str
    mode: Mode


class ReceivingList(BaseModel):
    """A page of windows; it may hold fewer than the next one, or none."""

    items: list[ReceivingShown]
    next: str | None
    """Value of ``after`` for the next page."""


class ReportedItem(BaseModel):
    """An organ's item in force."""

    item_code: ItemCode
    item_id: str
    name: str
    organ: OrganCode
    effective_from: datetime
    """From when on its present version holds."""


class _Reported(TypedDict):
    item_code: ItemCode
    item_id: str
    name: str
    organ: OrganCode
    effective_from: datetime


class UnservedItem(ReportedItem):
    """An item that no integrated window takes in."""

    special_window: bool
    """Whether a window set aside for certain items takes it in."""


class UnservedItems(BaseModel):
    """A page of items by base code; it may hold fewer than the next one, or none."""

    items: list[UnservedItem]
    next: str | None
    """Value of ``after`` for the next page."""


class UnusedItem(ReportedItem):
    """An item without a case."""

    region: RegionCode
    """Whose organ offers it."""
    in_force_since: datetime
    """From when on it was in force without a break, in one version after the other."""


class UnusedItems(BaseModel):
    """A page of items by base code and region; it may hold fewer than the next one, or none."""

    since: datetime
    until: datetime
    """Exclusive."""
    items: list[UnusedItem]
    """In force all that time."""
    recent: list[UnusedItem]
    """In force only since some time within it."""
    next: str | None
    """Value of ``after`` for the next page."""


class OpenOnVersion(BaseModel):
    """Open cases of one version at one region."""

    version_id: ItemVersionId
    """Under which they were received and are finished."""
    region: RegionCode
    """Whose organ handles them."""
    cases: int
    """At least one."""


class OpenCases(BaseModel):
    """A page of counts by version and region; versions without an open case are left out."""

    at: datetime
    """When they were counted."""
    items: list[OpenOnVersion]
    next: str | None
    """Value of ``after`` for the next page."""


class UntoldCases(BaseModel):
    """Decided cases that do not tell whether an attribute was kept."""

    reason: Untold
    """``partner``: handed in by a partner's system; ``no_window``: handed in online; ``unrecorded``: decided before the facts were kept."""
    cases: int
    """At least one."""


class FourDoKept(BaseModel):
    """How far one of 四办 was kept; what counts as kept is in ``docs/four-do.md``."""

    declared: bool
    """By the version."""
    cases: int
    """Decided cases that tell."""
    achieved: int
    """Of these."""
    ratio: float | None
    """Achieved of those that tell; null while none does, and ``untold`` says why."""
    untold: list[UntoldCases]


class FourDoMeasured(BaseModel):
    """What one version declares of 四办 and what its cases achieved where they are handled."""

    item_code: ItemCode
    item_id: ItemId
    version_id: ItemVersionId
    name: str
    organ: OrganCode
    """That published it."""
    region: RegionCode
    """Whose organ handles the cases."""
    received: int
    """Cases received in the time; at least one."""
    open: int
    """Of these, not closed yet."""
    decided: int
    """Of these, closed with a decision; the rest was withdrawn, returned or not accepted."""
    whole: bool
    """False where a version has more cases than are counted: then these are the latest; ask for fewer days."""
    at_once: FourDoKept
    """马上办: decided on the day of receipt."""
    online: FourDoKept
    """网上办: handed in online, and nobody came to a window."""
    nearby: FourDoKept
    """就近办: of those handed in at a window, at one nearer than the place that decides."""
    one_visit: FourDoKept
    """一次办: nobody came to a window on more than one day."""


class FourDoDeclared(BaseModel):
    """How many of the items that a page looked at, with cases or without, declare each of 四办; the pages add up to the region's."""

    items: int
    """One for each region that publishes it."""
    at_once: int
    online: int
    nearby: int
    one_visit: int


class FourDoReport(BaseModel):
    """A page by item; it may hold fewer rows than the next one, or none."""

    since: datetime
    until: datetime
    """Exclusive."""
    declared: FourDoDeclared
    items: list[FourDoMeasured]
    next: str | None
    """Value of ``after`` for the next page."""


@router.get("/v1/windows/receiving", operation_id="listReceivingWindows", response_model=ReceivingList)
async def list_receiving(
    read: Annotated[Reader[Intake], PUBLIC_READER],
    item: Annotated[str, Query(pattern=r"^[0-9A-Z]{12}$")],
    region: RegionQuery,
    within: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$", description="只看该地及以下 / only there and below")] = None,
    after: Annotated[str, Query(max_length=40, pattern=r"^[^\x00]*$")] = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The windows at which an item can be handed in for a region, by their skills and by the route (S-05)."""
    page = await handlers.find_receiving(
        read.tx,
        item=ItemCode(item),
        matter=RegionCode(region),
        within=None if within is None else RegionCode(within),
        after=after,
        limit=limit,
    )
    items = [
        ReceivingShown(
            window=one.window.window,
            region=one.window.region,
            organ=one.window.organ,
            name=one.window.name,
            name_en=one.window.name_en,
            address=one.window.address,
            mode=one.mode,
        )
        for one in page.found
    ]
    return read.answer(ReceivingList(items=items, next=page.after), headers={"cache-control": "public, max-age=60"})


@router.get("/v1/windows/unserved", operation_id="listUnservedItems", response_model=UnservedItems)
async def list_unserved(
    read: Annotated[Reader[Intake], READER],
    region: RegionQuery,
    integrated: Annotated[bool, Query(description="包括仅由专窗受理的 / those too that special windows alone take in")] = False,  # noqa: FBT002 - a query parameter
    after: Annotated[str, Query(max_length=40, pattern=r"^[^\x00]*$")] = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The items that organs of a region offer and no window there takes in, or no integrated one, for its supervisors and officers of the catalogue (S-43)."""
    page = await handlers.find_unserved(read.tx, RegionCode(region), integrated=integrated, after=after, limit=limit, by=read.caller)
    items = [UnservedItem(**_reported(one.offer), special_window=one.special) for one in page.found]
    return read.answer(UnservedItems(items=items, next=page.after))


@router.get("/v1/reports/unused-items", operation_id="listUnusedItems", response_model=UnusedItems)
async def list_unused(
    read: Annotated[Reader[Intake], READER],
    region: RegionQuery,
    first: Annotated[date | None, Query(alias="from", description="起始日 / first day, Asia/Shanghai")] = None,
    last: Annotated[date | None, Query(alias="to", description="截止日 / last day, inclusive")] = None,
    days: Annotated[int, Query(ge=1, le=LONGEST, description="未填起止日的,回溯天数 / days looked back, without the two")] = 365,
    after: Annotated[str, Query(max_length=40, pattern=r"^([0-9A-Z]{12}/[0-9]{6,12})?$")] = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """The items in force in a region and below that nobody applied for in a time, for its supervisors and officers of the catalogue (S-40)."""
    item, _, place = after.partition("/")
    during = _during(read, first, last, days=days, longest=LONGEST)
    page = await handlers.find_unused(read.tx, RegionCode(region), during=during, after=(item, place), limit=limit, by=read.caller)
    following = None if page.after is None else "/".join(page.after)
    return read.answer(
        UnusedItems(
            since=during.since,
            until=during.until,
            items=[_unused(one) for one in page.found],
            recent=[_unused(one) for one in page.recent],
            next=following,
        )
    )


@router.get("/v1/reports/open-cases", operation_id="countOpenCases", response_model=OpenCases)
async def count_open(
    read: Annotated[Reader[Intake], READER],
    item: Annotated[list[ItemGiven], Query(min_length=1, max_length=MAX_LIMIT, description="实施清单 / service items")],
    version: Annotated[list[VersionGiven], Query(max_length=MAX_LIMIT, description="只数这些版本 / only these versions")] = [],  # noqa: B006 - FastAPI copies it
    after: Cursor = "",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """How many open cases stand on each version of these items, by region, for officers of the catalogue and supervisors; no case is named.

    Only cases handled in the caller's region or below are counted.
    """
    pages = Pages(vault=read.context.vault, scope=("open-cases", *item, "", *version))
    position = pages.position(after)
    counts = await handlers.count_open(
        read.tx,
        [ItemId(one) for one in item],
        versions=[ItemVersionId(one) for one in version],
        by=read.caller,
        position=None if position is None else (str(position[0]), str(position[1])),
        limit=limit,
    )
    items = [OpenOnVersion(version_id=one, region=region, cases=cases) for one, region, cases in counts.found]
    return read.answer(OpenCases(at=read.tx.at, items=items, next=None if counts.after is None else pages.cursor(counts.after)))


@router.get("/v1/reports/four-do", operation_id="measureFourDo", response_model=FourDoReport)
async def measure_four_do(
    read: Annotated[Reader[Intake], READER],
    region: RegionQuery,
    first: Annotated[date | None, Query(alias="from", description="收件起始日 / first day of receipt, Asia/Shanghai")] = None,
    last: Annotated[date | None, Query(alias="to", description="收件截止日 / last day, inclusive; 31 days at most")] = None,
    days: Annotated[int, Query(ge=1, le=A_MONTH, description="未填起止日的,回溯天数 / days looked back, without the two")] = 30,
    broken: Annotated[bool, Query(description="只看声明了而未做到的 / only what was declared and some case did without")] = False,  # noqa: FBT002 - a query parameter
    after: Annotated[str, Query(max_length=40, pattern=r"^([0-9A-Z]{12}/[0-9]{6,12})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="每页查看的事项数 / items looked at per page")] = MOST_ITEMS,
) -> Response:
    """What items declare of 马上办、网上办、就近办、一次办 and what their cases achieved, for supervisors and officers of the catalogue (S-28).

    Counted are the cases received in the time and handled in the region or below; no case is named.
    """
    item, _, place = after.partition("/")
    during = _during(read, first, last, days=days, longest=A_MONTH)
    page = await handlers.measure_four_do(
        read.tx, RegionCode(region), during=during, broken=broken, after=(item, place), limit=limit, by=read.caller
    )
    following = None if page.after is None else "/".join(page.after)
    declared = FourDoDeclared(items=page.looked, **{one.value: page.declared[one] for one in FourDo})
    found = [_measured(one) for one in page.found]
    return read.answer(FourDoReport(since=during.since, until=during.until, declared=declared, items=found, next=following))


def _during(read: Reader[Intake], first: date | None, last: date | None, *, days: int, longest: int) -> Period:
    if first is None and last is None:
        return Period(since=read.tx.at - timedelta(days=days), until=read.tx.at)
    return period(first=first, last=last, today=local_day(read.tx.at), longest=longest)


def _measured(line: handlers.FourDoLine) -> FourDoMeasured:
    version, measured = line.version, line.measured
    return FourDoMeasured(
        item_code=version.shape.item_code,
        item_id=version.item_id,
        version_id=version.version_id,
        name=version.shape.name,
        organ=version.organ,
        region=measured.handling_region,
        received=measured.received,
        open=measured.open,
        decided=measured.decided,
        whole=line.whole,
        **{one.value: _kept(measured.kept[one]) for one in FourDo},
    )


def _kept(kept: Kept) -> FourDoKept:
    untold = [UntoldCases(reason=why, cases=cases) for why, cases in kept.untold.items()]
    return FourDoKept(declared=kept.declared, cases=kept.cases, achieved=kept.achieved, ratio=kept.ratio, untold=untold)


def _unused(offer: Offer) -> UnusedItem:
    current = offer.current
    return UnusedItem(**_reported(current), region=current.region, in_force_since=offer.since)


def _reported(offer: Published) -> _Reported:
    return _Reported(
        item_code=offer.shape.item_code,
        item_id=offer.item_id,
        name=offer.shape.name,
        organ=offer.organ,
        effective_from=offer.effective_from,
    )
