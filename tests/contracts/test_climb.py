"""Of each item, in each region, the last version that has begun speaks: what was taken back since stops no climb and takes nothing over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.catalogue import ItemVersion, VersionState
from contracts.values import ItemCode, ItemId, ItemVersionId
from rules.competence import NoOrganThere, NoRoute, NoVersionInForce, decide
from tests.contracts.builders import CHANGSHA, CHANGSHA_MARKET, LIUYANG, NOON, TRADER, a_catalogue, a_version

TAKEN = datetime(2026, 6, 1, tzinfo=UTC)
RENEWED = datetime(2026, 7, 1, tzinfo=UTC)
OTHER, THIRD = ItemCode("000131009999"), ItemCode("000131009998")
ENDED = a_version(effective_to=TAKEN)
SUSPENDED = a_version(state=VersionState.SUSPENDED, effective_to=TAKEN)
CITY = a_version(version_id="citys-own", region=CHANGSHA, organ=CHANGSHA_MARKET)


def version_for(*versions: ItemVersion, at: datetime = NOON) -> ItemVersionId | type[NoRoute]:
    """The version in force for 浏阳, or how that was refused."""
    try:
        route = decide(
            a_catalogue(*versions), item_code=TRADER, receiving_region=LIUYANG, handling_region=LIUYANG, mode=None, at=at, situation=None
        )
    except (NoOrganThere, NoVersionInForce) as refused:
        return type(refused)
    return route.version_id


def an_heir(*, code: ItemCode = OTHER, of: ItemVersion = ENDED, name: str = "heir", since: datetime = TAKEN) -> ItemVersion:
    one = a_version(version_id=f"{name}-v1", item_code=code, effective_from=since)
    return replace(one, item_id=ItemId(name), succeeds=(of.item_id,))


def renewed(one: ItemVersion, *, state: VersionState = VersionState.PUBLISHED) -> tuple[ItemVersion, ItemVersion]:
    """A version that ended where the next began, and that one; which was taken back a week later unless it is published."""
    until = None if state is VersionState.PUBLISHED else RENEWED + timedelta(days=7)
    following = replace(
        one,
        version_id=ItemVersionId(f"{one.item_id}-next"),
        version=one.version + 1,
        effective_from=RENEWED,
        effective_to=until,
        state=state,
    )
    return replace(one, effective_to=RENEWED), following


def test_an_heir_of_another_code_stops_the_climb_as_long_as_it_is_not_withdrawn() -> None:
    for state in (VersionState.PUBLISHED, VersionState.SUSPENDED):
        assert version_for(CITY, ENDED, *renewed(an_heir(), state=state)) is NoVersionInForce


def test_an_heir_that_was_renewed_and_withdrawn_is_as_if_never_published() -> None:
    assert version_for(CITY, ENDED, *renewed(an_heir(), state=VersionState.WITHDRAWN)) == "citys-own"
    assert version_for(ENDED, *renewed(an_heir(), state=VersionState.WITHDRAWN)) is NoOrganThere


def test_an_heir_that_was_suspended_resumed_and_withdrawn_is_as_if_never_published_too() -> None:
    first, withdrawn = renewed(an_heir(), state=VersionState.WITHDRAWN)

    assert version_for(CITY, ENDED, replace(first, state=VersionState.SUSPENDED), withdrawn) == "citys-own"


@pytest.mark.parametrize(("state", "found"), [(VersionState.PUBLISHED, NoVersionInForce), (VersionState.WITHDRAWN, "citys-own")])
def test_what_took_the_heirs_place_speaks_for_it(state: VersionState, found: ItemVersionId | type[NoRoute]) -> None:
    heir = replace(an_heir(), effective_to=RENEWED)
    heirs_heir = replace(an_heir(code=THIRD, of=heir, name="third", since=RENEWED), state=state, effective_to=None)

    assert version_for(CITY, ENDED, heir, heirs_heir) == found


def test_items_that_took_each_others_place_and_were_withdrawn_stop_no_climb() -> None:
    heir = replace(an_heir(), effective_to=RENEWED)
    back = replace(ENDED, version_id=ItemVersionId("back"), version=2, effective_from=RENEWED, effective_to=NOON, succeeds=(heir.item_id,))

    assert version_for(CITY, ENDED, heir, replace(back, state=VersionState.WITHDRAWN)) == "citys-own"


def in_the_city(one: ItemVersion) -> ItemVersion:
    return replace(one, region=CHANGSHA, organ=CHANGSHA_MARKET)


TAKEN_UP = in_the_city(an_heir(code=TRADER, of=SUSPENDED))
MOVED = in_the_city(replace(SUSPENDED, version_id=ItemVersionId("moved"), version=2, state=VersionState.PUBLISHED, effective_from=TAKEN))


@pytest.mark.parametrize("gone", [TAKEN_UP, MOVED], ids=["taken up", "moved"])
def test_a_suspended_item_that_the_city_renewed_and_withdrew_is_the_countys_again(gone: ItemVersion) -> None:
    first, withdrawn = renewed(replace(gone, effective_to=None), state=VersionState.WITHDRAWN)

    assert version_for(SUSPENDED, first, withdrawn, at=RENEWED) == withdrawn.version_id
    assert version_for(SUSPENDED, first, withdrawn) is NoVersionInForce
    assert version_for(CITY, SUSPENDED, first, withdrawn) is NoVersionInForce


def test_what_the_county_withdrew_last_does_not_come_back_suspended() -> None:
    resumed = replace(
        SUSPENDED, version_id=ItemVersionId("v2"), version=2, state=VersionState.WITHDRAWN, effective_from=RENEWED, effective_to=NOON
    )

    assert version_for(CITY, SUSPENDED, resumed, at=NOON - timedelta(seconds=1)) == "v2"
    assert version_for(CITY, SUSPENDED, resumed) == "citys-own"


NEVER = replace(SUSPENDED, version_id=ItemVersionId("v2"), version=2, effective_from=TAKEN, effective_to=TAKEN)
"""Suspended before its first moment."""


def test_a_version_suspended_before_it_began_does_not_keep_what_was_withdrawn() -> None:
    withdrawn = a_version(state=VersionState.WITHDRAWN, effective_to=RENEWED)

    assert version_for(CITY, withdrawn, NEVER, at=RENEWED - timedelta(seconds=1)) == withdrawn.version_id
    assert version_for(CITY, withdrawn, NEVER) == "citys-own"


@pytest.mark.parametrize("at", [TAKEN - timedelta(seconds=1), TAKEN, NOON])
def test_a_first_version_suspended_before_it_began_takes_nothing_from_the_city(at: datetime) -> None:
    assert version_for(CITY, NEVER, at=at) == "citys-own"
    with pytest.raises(NoVersionInForce) as refused:
        decide(a_catalogue(NEVER), item_code=TRADER, receiving_region=LIUYANG, handling_region=LIUYANG, mode=None, at=at)
    assert refused.value.facts == {"states": ["suspended"], "next_from": None}
