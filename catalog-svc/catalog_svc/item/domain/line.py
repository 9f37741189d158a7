"""How the versions of items follow one another: each ends where the next begins, or where another item takes the item's place.

What is lined up anew follows from what was published and taken back alone, so that an act that is taken back leaves no trace.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from catalog_svc.item.domain.states import HOLDING, ItemVersionState
from catalog_svc.proposal.domain import NOTICE
from contracts.values import ItemId

if TYPE_CHECKING:
    from catalog_svc.item.domain import ItemVersionRecord


def line_up(
    versions: Sequence[ItemVersionRecord],
    *,
    at: datetime,
    successors: Sequence[ItemVersionRecord],
    newest: ItemVersionRecord | None = None,
) -> list[ItemVersionRecord]:
    """Let the versions of items end where they must; what begins before every service could hear of a change stays as it is.

    A version that would begin when its item has ended does not begin, unless what ended the item is taken back in time.

    Args:
        versions: Of one item and of those whose place its versions take, an item before those whose place it takes.
        at: Now.
        successors: Versions that take the place of one of these items; where one is among ``versions`` that one counts.
        newest: The one that is just published: it comes after another with the same start, and stays published.

    Returns:
        Those whose end is another now, ``newest`` left out.
    """
    known = {one.version_id: one for one in (*successors, *versions)}
    changed: list[ItemVersionRecord] = []
    for item_id in dict.fromkeys(one.item_id for one in versions):
        own = [one for one in versions if one.item_id == item_id and one.effective_from is not None]
        heirs = _heirs(item_id, known.values())
        line = [one for one in own if _takes_part(one, at=at, heirs=heirs)]
        line.sort(key=lambda one: (one.start, one is newest, one.number))
        taken = [heir.start for heir in heirs]
        for one in own:
            if one.state not in HOLDING or (one.effective_to is not None and one.effective_to <= at):
                continue
            end: datetime | None = one.start
            if one in line:
                following = [next_one.start for next_one in line[line.index(one) + 1 :][:1]]
                end = min((*following, *(start for start in taken if start > one.start)), default=None)
            if one is newest:
                one.effective_to = end
            elif end != one.effective_to and (end is None or end >= at + NOTICE):
                changed.append(one)
                if end is not None and (one.effective_to is None or end < one.effective_to):
                    one.supersede(at=end)
                else:
                    one.hold_on(until=end)
    return changed


def holding_at(versions: Iterable[ItemVersionRecord], at: datetime) -> ItemVersionRecord | None:
    """The version of an item that is in force at an instant."""
    return next((one for one in versions if one.holds_at(at)), None)


def last_published(versions: Iterable[ItemVersionRecord]) -> int:
    """How many of an item's versions, all of which are given, were ever published."""
    return sum(one.effective_from is not None for one in versions)


def published_since(versions: Iterable[ItemVersionRecord], *, after: int) -> ItemVersionRecord | None:
    """The version of an item, all of which are given, that was published last since so many had been; None of none.

    What was withdrawn since, or never begins, took its changes with it.
    """
    since = reversed(_as_published(versions)[after:])
    return next((one for one in since if one.state is not ItemVersionState.WITHDRAWN and not one.never_begins), None)


def place_of(version: ItemVersionRecord, *, among: Iterable[ItemVersionRecord]) -> int:
    """Which of the item's versions to be published this published one was, from 1."""
    return 1 + [one.version_id for one in _as_published(among)].index(version.version_id)


def successor_at(item_id: ItemId, at: datetime, *, successors: Collection[ItemVersionRecord]) -> ItemVersionRecord | None:
    """Of those that have taken the place of an item by an instant, and were not taken back, the first."""
    return min(
        (one for one in _heirs(item_id, successors) if one.state is not ItemVersionState.WITHDRAWN and one.start <= at),
        key=lambda one: one.start,
        default=None,
    )


def _as_published(versions: Iterable[ItemVersionRecord]) -> list[ItemVersionRecord]:
    """Those that were ever published, in the order in which they were.

    Where a release that kept no order published some, they have the places that no other has, the first drafted first.
    """
    published = sorted((one for one in versions if one.effective_from is not None), key=lambda one: one.number)
    taken = {one.published_as for one in published}
    free = (place for place in itertools.count(1) if place not in taken)
    return [one for _, one in sorted(((one.published_as or next(free), one) for one in published), key=lambda placed: placed[0])]


def _heirs(item_id: ItemId, among: Collection[ItemVersionRecord]) -> list[ItemVersionRecord]:
    return [one for one in among if item_id in one.content.succeeds and one.effective_from is not None and not one.never_begins]


def _takes_part(one: ItemVersionRecord, *, at: datetime, heirs: Collection[ItemVersionRecord]) -> bool:
    if one.state not in HOLDING or one.start < at + NOTICE:
        return not one.never_begins
    return successor_at(one.item_id, one.start, successors=heirs) is None
