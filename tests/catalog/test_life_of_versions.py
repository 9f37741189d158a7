"""Whatever officers do to the versions of an item: who holds when is what a plain list of their acts says, and nothing changes at once."""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_svc.item.domain import NOTICE, ItemEnded, ItemVersionRecord, ItemVersionState
from contracts.refusals import IllegalMove
from contracts.values import ItemId, PersonRef
from rules.catalogue import Catalogue
from tests.catalog.builders import LIUYANG, SEED, SOLE_TRADER, SOLE_TRADER_ITEM
from tests.contracts.builders import put

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
DRAFT = next(one.draft for one in SEED.items if one.draft.content.item_code == SOLE_TRADER)
SECOND = timedelta(seconds=1)
OTHER, THIRD = "11430181TB000002XC", "11430181TB000003XD"
ITEMS = [ItemId(SOLE_TRADER_ITEM), ItemId(f"{OTHER}4{SOLE_TRADER}"), ItemId(f"{THIRD}4{SOLE_TRADER}")]
"""Of each but the last a version may take the place of the next."""
BELOW = dict(itertools.pairwise(ITEMS))
HORIZON = [NOON + SECOND * number for number in range(90)]


Held = dict[tuple[ItemId, datetime], int | None]
"""Which version holds of an item at an instant."""


@dataclass
class Plain:
    """One version as the plain list has it."""

    item: ItemId
    number: int
    start: datetime
    succeeds: bool
    """It takes the place of the item below its own."""
    stopped: datetime | None = None
    never: bool = False
    withdrawn: bool = False


def begins(one: Plain, published: list[Plain]) -> bool:
    """No version of its item begins with it that came later, and nothing has taken its item's place by then that still stands."""
    after = [other for other in published if other.item == one.item and other.start == one.start and other.number > one.number]
    return not one.never and not any(begins(other, published) for other in after) and not ended(one.item, one.start, published)


def ended(item: ItemId, at: datetime, published: list[Plain]) -> bool:
    return any(not heir.withdrawn and heir.start <= at and begins(heir, published) for heir in heirs(item, published))


def heirs(item: ItemId, published: list[Plain]) -> list[Plain]:
    return [one for one in published if one.succeeds and BELOW.get(one.item) == item]


def plainly(published: list[Plain]) -> Held:
    """Numbers of the versions that hold: the one that began last, unless it was stopped, or another item's began since in its place."""
    begin = sorted((one for one in published if begins(one, published)), key=lambda one: (one.start, one.number))
    found = nobody()
    for item, at in itertools.product(ITEMS, HORIZON):
        begun = [one for one in begin if one.item == item and one.start <= at]
        replaced = [heir for heir in heirs(item, begin) if begun and begun[-1].start < heir.start <= at]
        if begun and not replaced and (begun[-1].stopped is None or at < begun[-1].stopped):
            found[item, at] = begun[-1].number
    return found


def holding(records: list[ItemVersionRecord]) -> Held:
    found = nobody()
    for one, at in itertools.product(records, HORIZON):
        if one.held_at(at):
            assert found[one.item_id, at] is None
            found[one.item_id, at] = one.number
    return found


def heard(records: list[ItemVersionRecord]) -> Held:
    """What a service says that has heard all of it."""
    catalogue = put(Catalogue(), *(one.document() for one in records))
    found = nobody()
    for one, at in itertools.product(catalogue.versions_of(DRAFT.content.item_code, LIUYANG), HORIZON):
        if one.in_force(at):
            found[one.item_id, at] = one.version
    return found


def nobody() -> Held:
    return dict.fromkeys(itertools.product(ITEMS, HORIZON))


acts = st.tuples(
    st.sampled_from(["publish", "publish", "succeed", "suspend", "withdraw"]),
    st.integers(0, 2),  # which item; of those that take a place one of the two upper ones
    st.integers(0, 8),  # seconds since the act before
    st.integers(0, 12),  # seconds after the earliest start; which version
)
Act = tuple[Literal["publish", "succeed", "suspend", "withdraw"], int, int, int]


def a_version(item: ItemId, number: int, *, succeeds: bool) -> ItemVersionRecord:
    content = replace(DRAFT.content, succeeds=(BELOW[item],) if succeeds else ())
    record = ItemVersionRecord.draft(replace(DRAFT, content=content), item_id=item, number=number, region=LIUYANG, by=PersonRef("idp|ana"))
    record.review(by=PersonRef("idp|ben"))
    return record


def around(record: ItemVersionRecord, records: list[ItemVersionRecord]) -> list[ItemVersionRecord]:
    """All other versions, an item before the one below it: more than an act is shown, and nothing else."""
    return [one for item in ITEMS[ITEMS.index(record.item_id) :] for one in records if one.item_id == item and one is not record]


@settings(max_examples=400)
@given(st.lists(acts, min_size=2, max_size=9))
def test_who_holds_when_is_what_a_plain_list_of_the_acts_says(done: list[Act]) -> None:
    records: list[ItemVersionRecord] = []
    plain: list[Plain] = []
    now = NOON
    for act, which, later, number in done:
        now += SECOND * later
        before = holding(records)
        # What nobody can undo in time any more stays undone.
        for own in [one for one in plain if one.start < now + NOTICE and not begins(one, plain)]:
            own.never = True
        if act in {"publish", "succeed"}:
            item, start = ITEMS[which % 2 if act == "succeed" else which], now + NOTICE + SECOND * number
            record = a_version(item, len(records) + 1, succeeds=act == "succeed")
            try:
                record.publish(at=now, effective_from=start, others=around(record, records), successors=records)
            except ItemEnded:
                assert ended(item, start, plain)
                continue
            assert not ended(item, start, plain)
            records.append(record)
            plain.append(Plain(item, record.number, start, act == "succeed"))
        elif records:
            record, own = records[number % len(records)], plain[number % len(records)]
            try:
                (record.suspend if act == "suspend" else record.withdraw)(at=now, others=around(record, records), successors=records)
            except IllegalMove:
                continue
            own.withdrawn = act == "withdraw"
            if own.start >= now + NOTICE:
                own.never = True
            else:
                own.stopped = min(own.stopped or now + NOTICE, now + NOTICE)

        assert holding(records) == plainly(plain)
        assert heard(records) == plainly(plain)
        assert all(holding(records)[item, at] == before[item, at] for item, at in before if at < now + NOTICE)


def test_what_is_in_force_can_be_suspended_while_its_next_version_waits() -> None:
    first, second = (
        ItemVersionRecord.draft(DRAFT, item_id=ItemId(SOLE_TRADER_ITEM), number=number, region=LIUYANG, by=PersonRef("idp|ana"))
        for number in (1, 2)
    )
    for record in (first, second):
        record.review(by=PersonRef("idp|ben"))
    first.publish(at=NOON, effective_from=None, others=[])
    second.publish(at=NOON, effective_from=NOON + timedelta(days=9), others=[first])

    first.suspend(at=NOON + timedelta(days=1), others=[second])

    assert (first.state, first.effective_to) == (ItemVersionState.SUSPENDED, NOON + timedelta(days=1, seconds=5))
    assert second.holds_at(NOON + timedelta(days=9))


def test_what_ended_with_the_beginning_of_a_scheduled_version_can_be_suspended_no_more() -> None:
    scheduled, before = (
        ItemVersionRecord.draft(DRAFT, item_id=ItemId(SOLE_TRADER_ITEM), number=number, region=LIUYANG, by=PersonRef("idp|ana"))
        for number in (1, 2)
    )
    for record in (scheduled, before):
        record.review(by=PersonRef("idp|ben"))
    scheduled.publish(at=NOON, effective_from=NOON + timedelta(days=9), others=[])
    before.publish(at=NOON, effective_from=None, others=[scheduled])

    with pytest.raises(IllegalMove):
        before.suspend(at=NOON + timedelta(days=10), others=[scheduled])

    assert (before.state, before.effective_to) == (ItemVersionState.PUBLISHED, NOON + timedelta(days=9))
