"""What is done to calendars."""

from collections.abc import Sequence

from catalog_svc.calendar import store
from catalog_svc.calendar.domain import CalendarUnknown, check_calendar
from catalog_svc.context import Catalog
from catalog_svc.proposal import handlers as proposals
from catalog_svc.proposal.domain import Draft, Proposal, Proposed
from catalog_svc.region import handlers as regions
from chassis.database import Tx
from contracts.caller import Caller
from contracts.catalogue import CalendarYear
from contracts.codec import decode, encode_object
from contracts.values import RegionCode

KIND = "calendar"


def key_of(*, region: str, year: int) -> str:
    """Under which key a year stands."""
    return f"{region}-{year}"


async def propose_calendars(tx: Tx[Catalog], calendars: Sequence[CalendarYear], *, by: Caller) -> Proposed:
    """Draft years.

    Raises:
        CalendarUnsound: A day is not what it is said to be, or the region is unknown.
        Forbidden: Not an author of the region.
    """
    places = [one.region for one in calendars]
    drafts = [Draft(key=key_of(region=one.region, year=one.year), region=one.region, body=encode_object(one)) for one in calendars]
    await regions.permit_in(tx, by, aggregate=KIND, action="author", regions=places, about=drafts[0].key if drafts else "")
    known = await regions.known_regions(tx, sorted(set(places)))
    for one in calendars:
        check_calendar(one, region_known=one.region in known)
    return await proposals.propose(tx, drafts, kind=KIND, by=by)


async def publish_calendars(tx: Tx[Catalog], keys: Sequence[str], *, by: Caller) -> list[Proposal]:
    """Let a second officer put drafted years in force.

    Raises:
        ProposalNotFound: One was never drafted.
        ReviewedByAuthor: By its author.
        Forbidden: Not a reviewer of the region.
    """
    waiting = await proposals.waiting(tx, keys, kind=KIND)
    await regions.permit_in(tx, by, aggregate=KIND, action="review", regions=[one.region for one in waiting], about=keys[0] if keys else "")
    await proposals.publish(tx, waiting, by=by)
    await store.save_calendars(tx, [decode(CalendarYear, one.body) for one in waiting])
    return waiting


async def get_calendar(tx: Tx[Catalog], *, region: RegionCode, year: int) -> tuple[CalendarYear, int]:
    """A year with the version of its row.

    Raises:
        CalendarUnknown: None was published.
    """
    found = await store.get_calendar(tx, region=region, year=year)
    if found is None:
        raise CalendarUnknown
    return found
