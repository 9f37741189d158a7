"""A date of a handling that takes the place of one that was told as provisional."""

from collections.abc import Sequence
from datetime import datetime

from contracts.events import CaseRedated
from routing_svc.clock.domain import Clock
from routing_svc.handling.domain.aggregate import Handling
from routing_svc.handling.domain.states import WINNERS


def show_other_end(handling: Handling, moved: Sequence[tuple[Clock, datetime]], *, at: datetime) -> bool:
    """Show another end of the clock that is to be met now, and tell of it; False when that clock did not move or the matter is over.

    Args:
        handling: Whose date is shown.
        moved: Its clocks that end later now, each with the date it had; where two had the same, the promise before the law's.
        at: Instant of the change.
    """
    found = next(((clock, was) for clock, was in moved if was == handling.due), None)
    if found is None or handling.state in WINNERS:
        return False
    clock, was = found
    handling.due = clock.due
    handling.events.append(
        CaseRedated(
            at=at,
            case_id=handling.case_id,
            root_case_id=handling.case.root_case_id,
            region=handling.case.region,
            handling_organ=handling.organ,
            was=was,
            due=clock.due,
            calendar_version=clock.calendar_version,
        )
    )
    return True
