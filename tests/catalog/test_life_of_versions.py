"""Whatever officers do to the versions of an item: who holds when is what a plain list of their acts says, and nothing changes at once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_svc.item.domain import NOTICE, ItemVersionRecord, ItemVersionState
from catalog_svc.seed.reading import Seed
from contracts.refusals import IllegalMove
from contracts.values import ItemId, PersonRef
from rules.catalogue import Catalogue
from tests.catalog.builders import LIUYANG, SOLE_TRADER, SOLE_TRADER_ITEM
from tests.contracts.builders import put

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
DRAFT = next(one.draft for one in Seed().items if one.draft.content.item_code == SOLE_TRADER)
SECOND = timedelta(seconds=1)
HORIZON = [NOON + SECOND * number for number in range(90)]


@dataclass
class Plain:
    """One version as the plain list has it."""

    number: int
    start: datetime
    stopped: datetime | None = None
    never: bool = False


def plainly(published: list[Plain], at: datetime) -> int | None:
    """Number of the version that holds: the one that began last, unless it was stopped."""
    begun = [one for one in published if not one.never and one.start <= at]
    if not begun:
        return None
    latest = max(begun, key=lambda one: (one.start, one.number))
    return None if latest.stopped is not None and latest.stopped <= at else latest.number


def holding(records: list[ItemVersionRecord], at: datetime) -> int | None:
    found = [one.number for one in records if one.held_at(at)]
    assert len(found) <= 1
    return found[0] if found else None


def heard(records: list[ItemVersionRecord], at: datetime) -> int | None:
    """What a service says that has heard all of it."""
    catalogue = put(Catalogue(), *(one.document() for one in records))
    found = [one.version for one in catalogue.versions_of(DRAFT.content.item_code, LIUYANG) if one.in_force(at)]
    return found[-1] if found else None


acts = st.tuples(
    st.sampled_from(["publish", "publish", "suspend", "withdraw"]),
    st.integers(0, 8),  # seconds since the act before
    st.integers(0, 12),  # seconds after the earliest start; which version
)
Act = tuple[Literal["publish", "suspend", "withdraw"], int, int]


@settings(max_examples=300)
@given(st.lists(acts, min_size=2, max_size=8))
def test_who_holds_when_is_what_a_plain_list_of_the_acts_says(done: list[Act]) -> None:
    records: list[ItemVersionRecord] = []
    plain: list[Plain] = []
    now = NOON
    for act, later, number in done:
        now += SECOND * later
        before = [holding(records, at) for at in HORIZON]
        if act == "publish":
            record = ItemVersionRecord.draft(
                DRAFT, item_id=ItemId(SOLE_TRADER_ITEM), number=len(records) + 1, region=LIUYANG, by=PersonRef("idp|ana")
            )
            record.review(by=PersonRef("idp|ben"))
            start = now + NOTICE + SECOND * number
            record.publish(at=now, effective_from=start, others=records)
            records.append(record)
            plain.append(Plain(record.number, start))
        elif records:
            record, own = records[number % len(records)], plain[number % len(records)]
            others = [one for one in records if one is not record]
            try:
                (record.suspend if act == "suspend" else record.withdraw)(at=now, others=others)
            except IllegalMove:
                continue
            if own.start >= now + NOTICE:
                own.never = True
            else:
                own.stopped = min(own.stopped or now + NOTICE, now + NOTICE)

        assert [holding(records, at) for at in HORIZON] == [plainly(plain, at) for at in HORIZON]
        assert [heard(records, at) for at in HORIZON] == [plainly(plain, at) for at in HORIZON]
        soon = sum(at < now + NOTICE for at in HORIZON)
        assert [holding(records, at) for at in HORIZON][:soon] == before[:soon]


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
