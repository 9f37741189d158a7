"""What is done in halls: windows opened, officers entered, duties given, an officer admitted to a receipt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chassis.database import Tx
from contracts.refusals import Refusal
from contracts.values import ItemCode, PersonRef, RegionCode, WindowId
from intake_svc.context import Intake
from intake_svc.hall import store
from intake_svc.hall.domain import Duty, NoWindowHere, Officer, Window, WindowUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """An officer who wants to receive an item at a window."""

    officer: PersonRef
    window: WindowId
    item_code: ItemCode


async def admit_officers(tx: Tx[Intake], asked: Sequence[Receiving]) -> list[Window | Refusal]:
    """Let officers receive at windows now, in one query; each gets the window or what refuses it.

    The refusals are `WindowUnknown` (there is none, or it is closed), `OfficerNotOnDuty` (no duty there now) and `WindowLacksSkill` (the
    window does not take the item in).
    """
    found = await store.get_windows(tx, [one.window for one in asked], officers=[one.officer for one in asked], at=tx.at)
    admitted: list[Window | Refusal] = []
    for one in asked:
        try:
            if one.window not in found:
                raise WindowUnknown
            here, duties = found[one.window]
            here.admit(one.officer, duties=duties, item_code=one.item_code, at=tx.at)
            admitted.append(here)
        except Refusal as refused:
            admitted.append(refused)
    return admitted


async def find_window(tx: Tx[Intake], region: RegionCode, *, item_code: ItemCode) -> Window:
    """The window of a region that answers for what comes in without one (web).

    Raises:
        NoWindowHere: No open window of the region takes the item in.
    """
    found = await store.first_window(tx, region, item_code=item_code)
    if found is None:
        raise NoWindowHere
    return found


async def open_windows(
    tx: Tx[Intake], *, regions: Collection[RegionCode] | None, item: ItemCode | None, after: str, limit: int | None
) -> list[Window]:
    """Open windows of these regions, or of all, that take an item in, or any, by id and after one of them."""
    return await store.open_windows(tx, regions=regions, item=item, after=after, limit=limit)


async def furnish_halls(tx: Tx[Intake], *, windows: Sequence[Window], officers: Sequence[Officer], duties: Sequence[Duty]) -> None:
    """Open windows, enter officers and give them duties; what is there already is brought to this form."""
    await store.save_windows(tx, windows)
    await store.save_officers(tx, officers)
    await store.save_duties(tx, duties)
