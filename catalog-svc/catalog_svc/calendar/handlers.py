"""What is done to calendars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalog_svc.calendar import store
from catalog_svc.calendar.domain import CalendarUnknown, check_calendar, check_version
from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from catalog_svc.region.domain import RegionUnknown
from chassis.database import Tx
from contracts.caller import Caller
from contracts.catalogue import CalendarYear, Limit
from contracts.codec import encode_object
from contracts.values import RegionCode
from rules.calendars import Calendar
from rules.catalogue import Catalogue
from rules.workdays import Due, Line, due, explain, local_day

KIND = "calendar"


def key_of(*, region: str, year: int) -> str:
    """Under which key a year stands."""
    return f"{region}-{year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFound:
    """When a period ends in a region, and why."""

    due: Due
    lines: tuple[Line, ...]
    known_until: date | None


def find_due(catalogue: Catalogue, *, region: RegionCode, start: datetime, limit: Limit) -> DueFound:
    """When a period that nothing stops ends, by the calendar that cases received now go by.

    Raises:
        RegionUnknown: Nobody published this region.
    """
    if catalogue.region(region) is None:
        raise RegionUnknown
    calendar = catalogue.calendar(region)
    found = due(calendar, start=start, limit=limit)
    return DueFound(due=found, lines=explain(found, start=start, limit=limit, rule_id="calendar.asked"), known_until=calendar.known_until)


async def _places(_tx: Tx[Catalog], calendars: Sequence[CalendarYear]) -> list[RegionCode]:
    return [one.region for one in calendars]


async def _held(_tx: Tx[Catalog], keys: Sequence[str]) -> list[RegionCode]:
    """What is in force under a key is the same region's: the key names it."""
    return [RegionCode(key.rpartition("-")[0]) for key in keys]


DOCUMENTS = proposals.Documents(kind=KIND, aggregate=KIND, of=CalendarYear, permit=regions.permit_in, places=_places, held=_held)
"""Years of regions under four eyes."""


async def propose_calendars(tx: Tx[Catalog], calendars: Sequence[CalendarYear], *, by: Caller, over: int | None = None) -> Proposed:
    """Draft years.

    Raises:
        CalendarUnsound: A day is not what it is said to be, or the region is unknown.
        CalendarTaken: Another content was published under this version or a higher one.
        DraftWaits: Somebody else's draft waits.
        Forbidden: Not an author of the region.
    """
    drafts = [Draft(key=key_of(region=one.region, year=one.year), region=one.region, body=encode_object(one)) for one in calendars]
    keys = [draft.key for draft in drafts]
    await proposals.permit_authors(tx, DOCUMENTS, calendars, keys=keys, by=by)
    await _check(tx, calendars)
    return await proposals.propose(tx, drafts, kind=KIND, by=by, over=over)


async def publish_calendars(tx: Tx[Catalog], keys: Sequence[str], *, by: Caller, version: int | None = None) -> list[Proposal]:
    """Let a second officer put drafted years in force; ``version`` is that of the one draft that the officer has read.

    Raises:
        ProposalNotFound: One was never drafted.
        Stale: It is not what the officer has read.
        ReviewedByAuthor: By its author.
        CalendarUnsound: A day is over since it was drafted, or the calendar above has changed.
        CalendarTaken: Another content was published under this version or a higher one.
        Forbidden: Not a reviewer of the region.
    """
    reviewed = await proposals.review(tx, DOCUMENTS, keys, by=by, version=version)
    calendars = [calendar for _, calendar in reviewed]
    await _check(tx, calendars)
    await store.save_calendars(tx, calendars)
    return [proposal for proposal, _ in reviewed]


async def _check(tx: Tx[Catalog], calendars: Sequence[CalendarYear]) -> None:
    """Hold each to what is published above it and before it; from the tables, which are never behind."""
    lines = await regions.chains(tx, sorted({one.region for one in calendars}))
    rows = await store.get_layers(tx, regions={code for line in lines.values() for code in line}, years={one.year for one in calendars})
    of_region = {(row.region, row.year): row for row in rows}
    for one in calendars:
        line = lines.get(one.region)
        above = (
            None
            if line is None
            else Calendar([[of_region[code, one.year]] for code in reversed(line[1:]) if (code, one.year) in of_region])
        )
        former = of_region.get((one.region, one.year))
        check_version(one, newest=former)
        check_calendar(one, above=above, former=former, today=local_day(tx.at))


async def get_calendar(tx: Tx[Catalog], *, region: RegionCode, year: int) -> tuple[CalendarYear, int]:
    """A year with the version of its row.

    Raises:
        CalendarUnknown: None was published.
    """
    found = await store.get_calendar(tx, region=region, year=year)
    if found is None:
        raise CalendarUnknown
    return found
