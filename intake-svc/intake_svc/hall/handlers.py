"""What is done in halls: windows opened, officers entered, duties given, an officer admitted to a receipt."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.database import Tx
from contracts.values import ItemCode, PersonRef, RegionCode, WindowId
from intake_svc.context import Intake
from intake_svc.hall import store
from intake_svc.hall.domain import Duty, NoWindowHere, Officer, Window, WindowUnknown


async def admit_officer(tx: Tx[Intake], officer: PersonRef, *, window: WindowId, item_code: ItemCode) -> Window:
    """Let an officer receive an item at a window now.

    Raises:
        WindowUnknown: There is no such window, or it is closed.
        OfficerNotOnDuty: The officer has no duty there now.
        WindowLacksSkill: The window does not take the item in.
    """
    found = await store.get_window(tx, window, officer=officer, at=tx.at)
    if found is None:
        raise WindowUnknown
    here, duties = found
    here.admit(officer, duties=duties, item_code=item_code, at=tx.at)
    return here


async def find_window(tx: Tx[Intake], region: RegionCode, *, item_code: ItemCode) -> Window:
    """The window of a region that answers for what comes in without one (web).

    Raises:
        NoWindowHere: No open window of the region takes the item in.
    """
    found = await store.first_window(tx, region, item_code=item_code)
    if found is None:
        raise NoWindowHere
    return found


async def furnish_halls(tx: Tx[Intake], *, windows: Sequence[Window], officers: Sequence[Officer], duties: Sequence[Duty]) -> None:
    """Open windows, enter officers and give them duties; what is there already is brought to this form."""
    await store.save_windows(tx, windows)
    await store.save_officers(tx, officers)
    await store.save_duties(tx, duties)
