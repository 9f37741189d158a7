"""A date of a handling that takes the place of one that was told as provisional."""

from datetime import datetime

from contracts.events import CaseRedated
from routing_svc.handling.domain.aggregate import Handling
from routing_svc.handling.domain.states import WINNERS


def show_other_end(handling: Handling, *, was: datetime, due: datetime, calendar_version: str, at: datetime) -> bool:
    """Show another end of the clock that is to be met now, and tell of it; False when that clock is another or the matter is over."""
    if handling.due != was or handling.state in WINNERS:
        return False
    handling.due = due
    handling.events.append(
        CaseRedated(
            at=at,
            case_id=handling.case_id,
            root_case_id=handling.case.root_case_id,
            region=handling.case.region,
            handling_organ=handling.organ,
            was=was,
            due=due,
            calendar_version=calendar_version,
        )
    )
    return True
