"""Who holds an item, now and later, as its versions say: one that moves changes hands when the move begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog_svc.item.domain import ItemVersionRecord


def holder_at(versions: Sequence[ItemVersionRecord], at: datetime) -> ItemVersionRecord | None:
    """The version whose organ has the item at an instant: that which began last, suspended ones too.

    Before the first begins it is that one; of an item that nobody published the newest. None of no versions.
    """
    begin = in_turn(versions)
    begun = [one for one in begin if one.start <= at]
    found = begun or begin[:1] or sorted(versions, key=lambda one: one.number)
    return found[-1] if found else None


def holders_from(versions: Sequence[ItemVersionRecord], at: datetime) -> list[ItemVersionRecord]:
    """That of an instant, then those that begin after it, as they do."""
    first = holder_at(versions, at)
    return [] if first is None else [first, *(one for one in in_turn(versions) if one.start > at and one is not first)]


def in_turn(versions: Sequence[ItemVersionRecord]) -> list[ItemVersionRecord]:
    """Those that were published and not taken back before they began, in the order in which they begin."""
    return sorted(
        (one for one in versions if one.effective_from is not None and not one.never_begins), key=lambda one: (one.start, one.number)
    )
