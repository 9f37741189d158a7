"""Which organ stands in the place of which, and who is one with whom."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.caller import Caller, CallerKind, Role
from contracts.catalogue import Organ
from contracts.delegations import Delegation, DelegationKind
from contracts.values import DelegationId, ItemCode, OrganCode
from rules.access import allows, tree
from rules.catalogue import Catalogue
from rules.competence import SeveralInstruments, decide
from rules.powers import Acting, acting_now, authority_of
from tests.contracts.builders import (
    DAYAO,
    DAYAO_OFFICE,
    LIUYANG,
    LIUYANG_MARKET,
    TONGGU,
    TRADER,
    a_catalogue,
    a_delegation,
    a_version,
    an_agreement,
    an_organ,
    put,
)

NEW = OrganCode("11430181MB0000001N")
THEN = datetime(2026, 11, 23, tzinfo=UTC)
BEFORE = THEN - timedelta(microseconds=1)
OFFICER = Caller(kind=CallerKind.STAFF, issuer="idp", account="a", roles=frozenset({Role.REVIEWER}), region=LIUYANG, organ=NEW)


def merged(code: OrganCode = LIUYANG_MARKET, into: OrganCode = NEW) -> Organ:
    return replace(an_organ(code=code), merged_into=into, merged_at=THEN)


def a_world(*documents: object) -> Catalogue:
    return a_catalogue(an_organ(code=NEW), an_organ(code=DAYAO_OFFICE, region=DAYAO), a_version(), an_agreement(), merged(), *documents)  # type: ignore[arg-type]


def asked(catalogue: Catalogue, *, at: datetime, region: str = LIUYANG) -> tuple[OrganCode, OrganCode]:
    route = decide(catalogue, item_code=TRADER, receiving_region=TONGGU, handling_region=region, mode=None, at=at, situation="new")  # type: ignore[arg-type]
    return route.handling_organ, route.sealed_as


def test_the_items_of_a_merged_organ_are_decided_by_what_it_became_from_that_instant_on() -> None:
    catalogue = a_world()

    assert asked(catalogue, at=BEFORE) == (LIUYANG_MARKET, LIUYANG_MARKET)
    assert asked(catalogue, at=THEN) == (NEW, NEW)


def test_what_a_merged_organ_handed_on_stays_handed_on_in_the_new_name() -> None:
    catalogue = a_world(a_delegation(kind=DelegationKind.DELEGATION))

    assert asked(catalogue, at=BEFORE, region=DAYAO) == (DAYAO_OFFICE, LIUYANG_MARKET)
    assert asked(catalogue, at=THEN, region=DAYAO) == (DAYAO_OFFICE, NEW)


def test_a_merger_with_its_own_delegate_ends_the_delegation() -> None:
    catalogue = put(a_world(a_delegation()), replace(an_organ(code=DAYAO_OFFICE, region=DAYAO), merged_into=NEW, merged_at=THEN))

    assert asked(catalogue, at=THEN, region=DAYAO) == (NEW, NEW)


HEIR = replace(an_organ(code=OrganCode("11430181MB0000003N"), region=DAYAO), name="别的机构")


@pytest.mark.parametrize(
    "other",
    [
        a_delegation(delegation_id="d2", delegator=NEW, delegate=HEIR.code, valid_from=date(2026, 6, 1)),
        a_delegation(delegation_id="d2", delegator=NEW, delegate=HEIR.code, valid_from=date(2025, 6, 1)),
        a_delegation(delegation_id="d2", delegator=NEW, kind=DelegationKind.DELEGATION),
    ],
    ids=["later paper", "earlier paper", "in another name"],
)
def test_of_two_papers_that_contradict_since_a_merger_none_is_guessed(other: Delegation) -> None:
    catalogue = a_world(HEIR, a_delegation(), other)

    assert asked(catalogue, at=BEFORE, region=DAYAO)[0] == DAYAO_OFFICE
    with pytest.raises(SeveralInstruments) as refused:
        asked(catalogue, at=THEN, region=DAYAO)
    assert refused.value.facts == {"organ": NEW, "region": DAYAO, "delegations": ["d1", "d2"]}
    assert asked(put(catalogue, replace(other, revoked_from=THEN)), at=THEN, region=DAYAO)[0] == DAYAO_OFFICE


def test_papers_of_merged_organs_that_come_to_the_same_are_followed() -> None:
    same = a_delegation(delegation_id="d2", delegator=NEW, valid_from=date(2026, 6, 1))
    to_an_heir = replace(same, delegate=HEIR.code, sealed_as=HEIR.code)
    became = replace(HEIR, merged_into=DAYAO_OFFICE, merged_at=THEN)

    assert asked(a_world(HEIR, a_delegation(), same), at=THEN, region=DAYAO)[0] == DAYAO_OFFICE
    assert asked(a_world(became, a_delegation(), to_an_heir), at=THEN, region=DAYAO)[0] == DAYAO_OFFICE


OUTSIDE = replace(a_delegation(), delegation_id=DelegationId("d2"), delegator=NEW, delegate=HEIR.code, sealed_as=HEIR.code)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (OUTSIDE, True),
        (replace(OUTSIDE, kind=DelegationKind.DELEGATION, delegate=DAYAO_OFFICE), True),
        (replace(OUTSIDE, delegate=DAYAO_OFFICE), False),
        (replace(OUTSIDE, kind=DelegationKind.ASSIST), False),
        (replace(OUTSIDE, region=LIUYANG), False),
        (replace(OUTSIDE, items=(ItemCode("000131009999"),)), False),
        (replace(OUTSIDE, valid_to=THEN.date()), False),
        (replace(OUTSIDE, valid_from=date(2027, 1, 1)), True),
        (replace(OUTSIDE, valid_from=date(2028, 1, 1), valid_to=date(2029, 1, 1)), False),
        (replace(OUTSIDE, revoked_from=THEN + timedelta(seconds=5)), False),
        (replace(OUTSIDE, delegate=LIUYANG_MARKET), False),
        (replace(OUTSIDE, delegator=OrganCode("O-THIRD")), False),
    ],
)
def test_papers_that_would_contradict_after_a_merger_are_found(other: Delegation, *, found: bool) -> None:
    catalogue = a_catalogue(an_organ(), an_organ(code=NEW), HEIR, a_delegation(), other)

    pairs = catalogue.contradictions_of(LIUYANG_MARKET, NEW, at=THEN)

    assert [(one.delegation_id, another.delegation_id) for one, another in pairs] == ([("d1", "d2")] if found else [])


def test_papers_for_situations_apart_do_not_contradict() -> None:
    mine, theirs = replace(a_delegation(), situations=("new",)), replace(OUTSIDE, situations=("change",))
    catalogue = a_catalogue(an_organ(), an_organ(code=NEW), HEIR, mine, theirs)

    assert not catalogue.contradictions_of(LIUYANG_MARKET, NEW, at=THEN)
    assert put(catalogue, replace(theirs, situations=("new",))).contradictions_of(LIUYANG_MARKET, NEW, at=THEN)


def test_officers_of_the_new_organ_reach_what_is_the_former_ones_and_the_other_way_round() -> None:
    catalogue = a_world()
    row = {"handling_organ": LIUYANG_MARKET, "receiving_organ": "", "receiving_region": "", "handling_region": "", "case_id": ""}

    for caller, organ in ((OFFICER, LIUYANG_MARKET), (OFFICER, NEW), (replace(OFFICER, organ=LIUYANG_MARKET), NEW)):
        assert allows(tree(caller, "handling", "accept", regions=catalogue), row | {"handling_organ": organ})
    assert not allows(tree(OFFICER, "handling", "accept", regions=catalogue), row | {"handling_organ": DAYAO_OFFICE})


def test_who_acts_changes_name_and_place_with_the_merger_and_keeps_its_papers() -> None:
    catalogue = a_world(a_delegation(kind=DelegationKind.DELEGATION))
    route = decide(catalogue, item_code=TRADER, receiving_region=TONGGU, handling_region=DAYAO, mode=None, at=BEFORE)
    was = Acting(route.handling_organ, route.handling_region, authority_of(catalogue, route))

    now = acting_now(catalogue, was, at=THEN)

    assert acting_now(catalogue, was, at=BEFORE) is was
    assert was.authority is not None
    assert now.authority == replace(was.authority, sealed_as=NEW)
    assert acting_now(catalogue, now, at=THEN) is now


def test_a_chain_of_mergers_is_followed_and_a_circle_ends() -> None:
    last = OrganCode("11430181MB0000002N")
    chained = put(a_world(), replace(an_organ(code=NEW), merged_into=last, merged_at=THEN), an_organ(code=last))
    circle = put(a_world(), replace(an_organ(code=NEW), merged_into=LIUYANG_MARKET, merged_at=THEN))

    assert chained.organs.acting(LIUYANG_MARKET, at=THEN) == last
    assert chained.one_with(NEW) == {LIUYANG_MARKET, NEW, last}
    assert circle.organs.acting(LIUYANG_MARKET, at=THEN) in {LIUYANG_MARKET, NEW}


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=8), st.integers(0, 7))
def test_being_one_with_another_is_mutual(mergers: list[tuple[int, int]], asked: int) -> None:
    codes = [OrganCode(f"O{number}") for number in range(8)]
    catalogue = put(Catalogue(), *(an_organ(code=code) for code in codes))
    for former, taker in mergers:
        if former < taker:
            put(catalogue, merged(codes[former], codes[taker]))

    group = catalogue.one_with(codes[asked])

    assert codes[asked] in group
    assert all(catalogue.one_with(one) == group for one in group)
    assert catalogue.organs.acting(codes[asked], at=THEN) in group
