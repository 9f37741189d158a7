"""Delegations, transfers of power and city-wide ways in a route, and what may be drafted: one example each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.catalogue import Agreement, AgreementAction, Region
from contracts.codec import decode, encode_object
from contracts.delegations import Delegation, DelegationKind
from contracts.documents import RULES, Document
from contracts.values import Direction, ItemCode, Mode, OrganCode, RegionCode, Way
from rules.competence import NoAgreement, NoRoute, Route, WayNotDeclared, decide
from rules.delegations import Known, find_change_defects, find_delegation_defects
from tests.contracts.builders import (
    CHANGSHA,
    CHANGSHA_MARKET,
    DAYAO,
    DAYAO_OFFICE,
    HUNAN,
    LIUYANG,
    LIUYANG_MARKET,
    NOON,
    TODAY,
    TONGGU,
    TRADER,
    YICHUN,
    a_catalogue,
    a_delegation,
    a_version,
    an_agreement,
    an_organ,
    put,
)

TOWN_OFFICE = an_organ(code=DAYAO_OFFICE, region=DAYAO)
PARK = Region(code=RegionCode("430181900"), name="浏阳经开区", level="town", parent=LIUYANG, kind="园区")
PARK_BUREAU = OrganCode("11430181006120001B")
WANGCHENG = Region(code=RegionCode("430112"), name="望城区", level="county", parent=CHANGSHA)
VILLAGE_OFFICE = OrganCode("11430181006120002C")
OTHER_ITEM = ItemCode("000131002000")


def a_route(
    *documents: Document,
    receiving: RegionCode = TONGGU,
    handling: RegionCode = DAYAO,
    mode: Mode | None = None,
    at: datetime = NOON,
    situation: str | None = None,
) -> Route:
    return decide(
        a_catalogue(TOWN_OFFICE, an_agreement(), *documents),
        item_code=TRADER,
        receiving_region=receiving,
        handling_region=handling,
        mode=mode,
        at=at,
        situation=situation,
    )


def told(route: Route) -> list[tuple[str, str]]:
    return [(one.rule, one.outcome) for one in route.considered]


def test_after_a_transfer_of_power_its_receiver_decides_in_its_own_name() -> None:
    route = a_route(a_version(), a_delegation())

    assert (route.handling_organ, route.handling_region, route.sealed_as) == (DAYAO_OFFICE, DAYAO, DAYAO_OFFICE)
    assert (route.delegations, route.rule) == (("d1",), "route.transfer")
    assert told(route)[-2:] == [("route.transfer", "holds"), ("route.agreement", "holds")]


def test_a_delegate_decides_in_the_name_of_its_delegator() -> None:
    route = a_route(a_version(), a_delegation(kind=DelegationKind.DELEGATION))

    assert (route.handling_organ, route.sealed_as, route.rule) == (DAYAO_OFFICE, LIUYANG_MARKET, "route.delegation")


def test_a_power_transferred_is_delegated_once_and_the_name_is_that_of_its_new_holder() -> None:
    city = a_version(region=CHANGSHA, organ=CHANGSHA_MARKET)
    to_county = a_delegation(delegation_id="d0", delegator=CHANGSHA_MARKET, delegate=LIUYANG_MARKET, region=LIUYANG)
    to_town = a_delegation(kind=DelegationKind.DELEGATION)
    further = a_delegation(delegation_id="d2", delegator=DAYAO_OFFICE, delegate=VILLAGE_OFFICE)

    route = a_route(city, to_county, to_town, further)

    assert (route.delegations, route.handling_organ, route.sealed_as) == (("d0", "d1"), DAYAO_OFFICE, LIUYANG_MARKET)


def test_who_only_assists_receives_but_does_not_decide() -> None:
    route = a_route(a_version(ways=()), a_delegation(kind=DelegationKind.ASSIST), receiving=DAYAO)

    assert (route.handling_organ, route.sealed_as, route.assisting) == (LIUYANG_MARKET, LIUYANG_MARKET, (DAYAO_OFFICE,))
    assert (route.delegations, route.mode, told(route)[-1]) == ((), Mode.LOCAL, ("route.assist-receives", "holds"))


def test_who_decides_is_not_named_as_who_only_assists() -> None:
    route = a_route(a_version(), a_delegation(kind=DelegationKind.ASSIST, delegation_id="d0"), a_delegation())

    assert (route.handling_organ, route.assisting) == (DAYAO_OFFICE, ())


def test_a_park_that_is_empowered_decides_and_one_that_is_not_assists() -> None:
    bureau = an_organ(code=PARK_BUREAU, region=PARK.code)
    empowered = a_delegation(delegate=PARK_BUREAU, region=PARK.code)

    decides = a_route(PARK, bureau, a_version(ways=()), empowered, receiving=PARK.code, handling=PARK.code)
    assists = a_route(PARK, bureau, a_version(ways=()), receiving=PARK.code, handling=PARK.code)

    assert (decides.handling_organ, decides.sealed_as, decides.assisting) == (PARK_BUREAU, PARK_BUREAU, ())
    assert (assists.handling_organ, assists.assisting) == (LIUYANG_MARKET, (PARK_BUREAU,))
    assert ("route.park-assists", "holds") in told(assists)


@pytest.mark.parametrize(
    ("told_of", "reason"),
    [
        (a_delegation(valid_from=date(2026, 11, 24)), "is not in force yet"),
        (a_delegation(valid_to=TODAY), "has ended"),
        (a_delegation(revoked_from=NOON), "was revoked"),
        (a_delegation(situations=("change",)), "does not cover the situation"),
    ],
)
def test_an_instrument_that_does_not_hold_leaves_the_power_where_it_was_and_is_named(told_of: Delegation, reason: str) -> None:
    route = a_route(a_version(), told_of, situation="new")

    assert (route.handling_organ, route.sealed_as, route.delegations) == (LIUYANG_MARKET, LIUYANG_MARKET, ())
    assert [one.en for one in route.considered if one.outcome == "passed_over"][-1].endswith(reason)


def test_what_was_received_before_a_revocation_keeps_its_route() -> None:
    revoked = a_delegation(revoked_from=NOON)

    assert a_route(a_version(), revoked, at=NOON - timedelta(microseconds=1)).handling_organ == DAYAO_OFFICE


def test_a_matter_elsewhere_stays_with_the_delegator() -> None:
    assert a_route(a_version(), a_delegation(), handling=LIUYANG).handling_organ == LIUYANG_MARKET


def test_of_two_instruments_that_for_the_smaller_region_prevails() -> None:
    whole = a_delegation(delegation_id="d0", delegate=VILLAGE_OFFICE, region=LIUYANG)

    route = a_route(a_version(), whole, a_delegation())

    assert route.delegations == ("d1",)
    assert told(route).count(("route.transfer", "passed_over")) == 1


def test_the_same_question_asked_again_with_the_matters_region_has_the_same_answer() -> None:
    city = a_version(region=CHANGSHA, organ=CHANGSHA_MARKET)
    documents = (city, a_delegation(delegator=CHANGSHA_MARKET, region=DAYAO))

    first = a_route(*documents)

    assert first.matter_region == DAYAO
    assert a_route(*documents, handling=first.matter_region, mode=first.mode) == first


@pytest.mark.parametrize(
    ("way", "organ", "home", "receiving", "direction"),
    [
        (Way.MOVED_DOWN, CHANGSHA_MARKET, CHANGSHA, DAYAO, Direction.UP),
        (Way.CITY_AND_TOWN, LIUYANG_MARKET, LIUYANG, CHANGSHA, Direction.DOWN),
        (Way.ACROSS_TOWNS, LIUYANG_MARKET, LIUYANG, WANGCHENG.code, Direction.SIDEWAYS),
    ],
)
def test_a_city_receives_by_the_ways_that_are_declared_and_by_no_other(
    way: Way, organ: OrganCode, home: RegionCode, receiving: RegionCode, direction: Direction
) -> None:
    declared = a_version(organ=organ, region=home, ways=(way,))
    others = a_version(organ=organ, region=home, ways=tuple(set(Way) - {way}))

    route = a_route(WANGCHENG, declared, receiving=receiving, handling=LIUYANG)
    with pytest.raises(WayNotDeclared) as refused:
        a_route(WANGCHENG, others, receiving=receiving, handling=LIUYANG)

    assert (route.mode, route.way, route.agreement_id, route.direction) == (Mode.LOCAL, way, None, direction)
    assert refused.value.facts["way"] == way.value


def test_an_undeclared_way_may_still_be_agreed_on() -> None:
    agreement = an_agreement(agreement_id="a2", receiving=(WANGCHENG.code,))

    route = a_route(WANGCHENG, a_version(), agreement, receiving=WANGCHENG.code, handling=LIUYANG)

    assert (route.agreement_id, route.way) == ("a2", None)
    assert ("route.way.across_towns", "passed_over") in told(route)


def test_a_town_item_is_not_carried_across_to_another_countys_hall() -> None:
    town = a_version(organ=DAYAO_OFFICE, region=DAYAO, ways=tuple(Way))

    with pytest.raises(NoRoute):
        a_route(WANGCHENG, town, receiving=WANGCHENG.code)


def test_every_member_of_an_alliance_receives_for_every_other_and_for_nobody_else() -> None:
    alliance = an_agreement(agreement_id="a9", receiving=(), handling=(), alliance=(TONGGU, LIUYANG, WANGCHENG.code))
    catalogue = a_catalogue(WANGCHENG, alliance, a_version(ways=()))

    def asked(receiving: RegionCode) -> Route:
        return decide(catalogue, item_code=TRADER, receiving_region=receiving, handling_region=LIUYANG, mode=None, at=NOON)

    assert asked(TONGGU).agreement_id == asked(WANGCHENG.code).agreement_id == "a9"
    for outside in (YICHUN, RegionCode("431181")):
        with pytest.raises(NoAgreement):
            asked(outside)
    with pytest.raises(NoRoute):
        asked(DAYAO)  # of the same member: no alliance with itself


def test_an_alliance_that_is_published_anew_forgets_who_left() -> None:
    alliance = an_agreement(receiving=(), handling=(), alliance=(TONGGU, LIUYANG, YICHUN))
    catalogue = a_catalogue(alliance)
    assert catalogue.agreements_of(TONGGU, LIUYANG) == (alliance,)

    put(catalogue, an_agreement(receiving=(), handling=(), alliance=(LIUYANG, YICHUN)))

    assert [one.agreement_id for one in catalogue.agreements_of(YICHUN, LIUYANG)] == ["a1"]
    assert catalogue.agreements_of(RegionCode("360999"), LIUYANG) == ()


def test_an_agreement_to_query_lets_nobody_receive() -> None:
    query = an_agreement(actions=(AgreementAction.QUERY,))

    with pytest.raises(NoAgreement):
        decide(a_catalogue(query, a_version()), item_code=TRADER, receiving_region=TONGGU, handling_region=LIUYANG, mode=None, at=NOON)


def test_the_route_names_the_agreements_that_do_not_help() -> None:
    expired = an_agreement(agreement_id="a0", valid_to=TODAY)
    other = an_agreement(agreement_id="a2", items=(OTHER_ITEM,))

    route = a_route(a_version(), expired, other, handling=LIUYANG)

    assert [one.en.split("通办协议 ")[-1] for one in route.considered if one.rule == "route.agreement"] == [
        "has expired",
        "does not cover the item",
        "is in force and covers item and mode",
    ]


def test_agreements_about_to_end_are_told_soonest_first() -> None:
    soon, later = an_agreement(valid_to=date(2026, 12, 23)), an_agreement(agreement_id="a2", valid_to=date(2026, 12, 1))
    catalogue = a_catalogue(
        soon,
        later,
        an_agreement(agreement_id="a3"),
        an_agreement(agreement_id="a4", valid_to=TODAY),
        an_agreement(agreement_id="a5", valid_from=date(2026, 11, 30), valid_to=date(2026, 12, 2)),
    )

    assert [one.agreement_id for one in catalogue.agreements_ending(on=TODAY, within=30)] == ["a2", "a1"]
    assert catalogue.agreements_ending(on=TODAY, within=7) == ()


def test_delegations_about_to_end_are_told_soonest_first_and_revoked_ones_never() -> None:
    catalogue = a_catalogue(
        a_delegation(delegation_id="d1", valid_to=date(2026, 12, 23)),
        a_delegation(delegation_id="d2", valid_to=date(2026, 12, 1)),
        a_delegation(delegation_id="d3", valid_to=date(2026, 12, 2), revoked_from=NOON),
        a_delegation(delegation_id="d4", valid_to=TODAY),
    )

    assert [one.delegation_id for one in catalogue.delegations_ending(on=TODAY, within=31)] == ["d2", "d1"]
    assert catalogue.delegations_ending(on=TODAY, within=7) == ()


def test_documents_from_before_the_fields_still_decode_and_mean_what_they_meant() -> None:
    agreement, version = encode_object(an_agreement()), encode_object(a_version())

    assert not {"alliance", "actions", "query_fields", "open_cases"} & agreement.keys()
    assert "ways" not in version
    assert decode(Agreement, agreement) == an_agreement()
    catalogue = a_catalogue()
    catalogue.apply("catalog.versions.v1", "v1", version)
    assert decide(catalogue, item_code=TRADER, receiving_region=DAYAO, handling_region=LIUYANG, mode=None, at=NOON).mode is Mode.LOCAL


def test_a_delegation_is_forgotten_by_its_tombstone() -> None:
    catalogue = a_catalogue(a_delegation())
    assert catalogue.delegation(a_delegation().delegation_id) == a_delegation()

    catalogue.apply(RULES, "delegation/d1", None)

    assert catalogue.delegations_by(LIUYANG_MARKET, TRADER) == ()


CHAINS = {
    DAYAO: [DAYAO, LIUYANG, CHANGSHA, HUNAN],
    LIUYANG: [LIUYANG, CHANGSHA, HUNAN],
    CHANGSHA: [CHANGSHA, HUNAN],
    TONGGU: [TONGGU, YICHUN],
    PARK.code: [PARK.code, LIUYANG, CHANGSHA, HUNAN],
}
TONGGU_OFFICE, CITY_OFFICE = OrganCode("11360926006120003D"), OrganCode("11430100006120004E")
SEATS = {
    LIUYANG_MARKET: LIUYANG,
    CHANGSHA_MARKET: CHANGSHA,
    DAYAO_OFFICE: DAYAO,
    VILLAGE_OFFICE: DAYAO,
    PARK_BUREAU: PARK.code,
    TONGGU_OFFICE: TONGGU,
    CITY_OFFICE: CHANGSHA,
}


def defects(
    one: Delegation,
    *others: Delegation,
    own: RegionCode | None = LIUYANG,
    situations: frozenset[str] | None = None,
    merged: dict[OrganCode, OrganCode] | None = None,
) -> list[tuple[str, str]]:
    known = Known(
        organs=SEATS,
        items={TRADER, OTHER_ITEM},
        regions=CHAINS,
        published={} if own is None else {TRADER: [own], OTHER_ITEM: [own]},
        delegations=others,
        merged=merged or {},
        situations=situations,
    )
    return [(found.rule_id, found.pointer) for found in find_delegation_defects(one, known=known)]


def test_a_sound_delegation_has_no_defect() -> None:
    assert defects(a_delegation()) == []


def test_a_situation_that_the_item_does_not_have_is_refused() -> None:
    misspelt = a_delegation(situations=("new", "chnage"))

    assert defects(misspelt, situations=frozenset({"new", "change"})) == [("delegation.situation", "/situations/1")]
    assert defects(misspelt) == []


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (a_delegation(delegate=OrganCode("X")), ("delegation.organ", "/delegate")),
        (a_delegation(delegator=OrganCode("X")), ("delegation.organ", "/delegator")),
        (a_delegation(items=(TRADER, ItemCode("X"))), ("delegation.item", "/items/1")),
        (a_delegation(items=()), ("delegation.item", "/items")),
        (a_delegation(region=RegionCode("999999")), ("delegation.region", "/region")),
        (a_delegation(valid_to=date(2026, 1, 1)), ("delegation.validity", "/valid_to")),
        (a_delegation(delegate=LIUYANG_MARKET), ("delegation.circle", "/delegate")),
        (a_delegation(sealed_as=LIUYANG_MARKET), ("delegation.name", "/sealed_as")),
        (a_delegation(kind=DelegationKind.DELEGATION, sealed_as=DAYAO_OFFICE), ("delegation.name", "/sealed_as")),
        (a_delegation(items=(TRADER, OTHER_ITEM), situations=("new",)), ("delegation.situations", "/situations")),
        (a_delegation(region=TONGGU), ("delegation.beyond-power", "/region")),
        (a_delegation(region=CHANGSHA), ("delegation.beyond-power", "/region")),
    ],
)
def test_what_may_not_be_drafted_is_refused_by_rule_and_field(one: Delegation, expected: tuple[str, str]) -> None:
    assert defects(one) == [expected]


@pytest.mark.parametrize("kind", DelegationKind)
@pytest.mark.parametrize("delegate", [TONGGU_OFFICE, CITY_OFFICE])
def test_power_does_not_move_to_another_place_nor_upwards(kind: DelegationKind, delegate: OrganCode) -> None:
    assert defects(a_delegation(kind=kind, delegate=delegate)) == [("delegation.elsewhere", "/delegate")]


@pytest.mark.parametrize("kind", DelegationKind)
@pytest.mark.parametrize("delegate", [VILLAGE_OFFICE, PARK_BUREAU])
def test_it_is_handed_to_whoever_is_below_a_park_too(kind: DelegationKind, delegate: OrganCode) -> None:
    assert defects(a_delegation(kind=kind, delegate=delegate, region=SEATS[delegate])) == []


def test_a_power_that_is_not_held_is_not_handed_on() -> None:
    assert defects(a_delegation(), own=None) == [("delegation.beyond-power", "/items/0")]


RECEIVED = a_delegation(delegation_id="d0", delegator=CHANGSHA_MARKET, delegate=LIUYANG_MARKET, region=LIUYANG)


def test_a_power_received_by_transfer_is_handed_on_and_one_received_by_delegation_is_not() -> None:
    delegated = a_delegation(
        delegation_id="d0", kind=DelegationKind.DELEGATION, delegator=CHANGSHA_MARKET, delegate=LIUYANG_MARKET, region=LIUYANG
    )

    assert defects(a_delegation(), RECEIVED, own=None) == []
    assert defects(a_delegation(), delegated, own=None) == [("delegation.further", "/items/0")]
    assert defects(a_delegation(), delegated) == []  # of its own power beside it


@pytest.mark.parametrize(
    "short",
    [
        a_delegation(delegation_id="d0", delegator=CHANGSHA_MARKET, delegate=LIUYANG_MARKET, region=LIUYANG, valid_to=date(2027, 1, 1)),
        a_delegation(delegation_id="d0", delegator=CHANGSHA_MARKET, delegate=LIUYANG_MARKET, region=LIUYANG, revoked_from=NOON),
        a_delegation(delegation_id="d0", delegator=CHANGSHA_MARKET, delegate=LIUYANG_MARKET, region=LIUYANG, situations=("new",)),
        a_delegation(delegation_id="d0", delegator=CHANGSHA_MARKET, delegate=LIUYANG_MARKET, region=TONGGU),
    ],
)
def test_no_more_is_handed_on_than_was_received(short: Delegation) -> None:
    assert defects(a_delegation(), short, own=None) == [("delegation.beyond-power", "/items/0")]


def test_a_power_does_not_come_back_in_a_circle() -> None:
    back = a_delegation(delegation_id="d2", delegator=DAYAO_OFFICE, delegate=VILLAGE_OFFICE)
    closing = a_delegation(delegation_id="d3", delegator=VILLAGE_OFFICE, delegate=LIUYANG_MARKET)

    assert defects(a_delegation(), back, closing) == [("delegation.circle", "/delegate")]
    assert defects(a_delegation(items=(OTHER_ITEM,)), back, closing) == []


def test_the_same_power_is_not_handed_to_two_at_once() -> None:
    other = a_delegation(delegation_id="d2", delegate=VILLAGE_OFFICE)
    as_delegate = a_delegation(delegation_id="d2", kind=DelegationKind.DELEGATION)

    assert defects(a_delegation(), other) == [("delegation.contradicts", "/items/0")]
    assert defects(a_delegation(), as_delegate) == [("delegation.contradicts", "/items/0")]
    assert defects(a_delegation(region=LIUYANG, delegation_id="d3", delegate=VILLAGE_OFFICE), a_delegation()) == []
    assert (
        defects(a_delegation(situations=("new",)), a_delegation(delegation_id="d2", delegate=VILLAGE_OFFICE, situations=("change",))) == []
    )
    assert defects(a_delegation(valid_from=TODAY), a_delegation(delegation_id="d2", delegate=VILLAGE_OFFICE, valid_to=TODAY)) == []


def test_what_a_merged_organ_received_and_handed_on_is_that_of_the_organ_in_its_place() -> None:
    former = OrganCode("FORMER")
    received = replace(RECEIVED, delegate=former)
    handed_on = a_delegation(delegation_id="d2", delegator=former, delegate=VILLAGE_OFFICE)
    back = a_delegation(delegation_id="d2", delegator=DAYAO_OFFICE, delegate=former)
    merged = {former: LIUYANG_MARKET}

    assert defects(a_delegation(), received, own=None, merged=merged) == []
    assert defects(a_delegation(), handed_on, merged=merged) == [("delegation.contradicts", "/items/0")]
    assert defects(a_delegation(), back, merged=merged) == [("delegation.circle", "/delegate")]
    for kind in DelegationKind:
        within = a_delegation(delegation_id="d2", delegator=former, delegate=LIUYANG_MARKET, kind=kind)
        assert defects(a_delegation(), within, merged=merged) == []
    assert defects(a_delegation(), received, handed_on, back) == []


def changes(one: Delegation, former: Delegation | None) -> list[tuple[str, str]]:
    return [(found.rule_id, found.pointer) for found in find_change_defects(one, former=former, today=TODAY)]


def test_what_has_begun_only_ends_and_what_is_new_begins_tomorrow() -> None:
    begun = a_delegation()

    assert changes(a_delegation(valid_to=date(2026, 11, 24)), begun) == []
    assert changes(a_delegation(valid_to=TODAY), begun) == [("delegation.ended-before", "/valid_to")]
    assert changes(a_delegation(delegate=VILLAGE_OFFICE), begun) == [("delegation.begun", "/delegate"), ("delegation.begun", "/sealed_as")]
    assert changes(replace(begun, instrument=replace(begun.instrument, number="2"), conditions=("另行限定",)), begun) == [
        ("delegation.begun", "/instrument"),
        ("delegation.begun", "/conditions"),
    ]
    assert changes(a_delegation(), None) == [("delegation.too-soon", "/valid_from")]
    assert changes(a_delegation(valid_from=date(2026, 11, 24)), None) == []
    assert changes(a_delegation(valid_from=date(2026, 12, 1)), a_delegation(valid_from=date(2026, 11, 24))) == []


def test_what_has_ended_is_not_revived_for_the_days_since() -> None:
    ended = a_delegation(valid_to=TODAY)

    assert changes(a_delegation(), ended) == [("delegation.ended", "/valid_to")]
    assert changes(a_delegation(valid_to=date(2026, 11, 1)), ended) == [("delegation.ended", "/valid_to")]
    assert changes(ended, ended) == []


_DAYS = st.sampled_from([TODAY + timedelta(days=number) for number in range(-3, 4)])
_CHANGES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    _DAYS.map(lambda day: {"valid_to": day}),
    _DAYS.map(lambda day: {"valid_from": day}),
    st.tuples(_DAYS, _DAYS).map(lambda days: {"valid_from": days[0], "valid_to": days[1]}),
    st.sampled_from([{"items": (OTHER_ITEM,)}, {"delegate": VILLAGE_OFFICE}, {}]),
)


@settings(max_examples=300)
@given(st.builds(a_delegation, valid_from=_DAYS, valid_to=_DAYS), _CHANGES, st.sampled_from([True, True, False]))
def test_a_change_that_may_be_published_changes_no_day_until_today(former: Delegation, said: Any, known: bool) -> None:  # noqa: FBT001 - hypothesis
    one = replace(former, **said)
    before = former if known else None
    if changes(one, before):
        return

    for day in (TODAY - timedelta(days=number) for number in range(4)):
        held = [
            None if given is None or not given.valid_from <= day < given.valid_to else (given.delegate, given.items)
            for given in (before, one)
        ]
        assert held[0] == held[1]


def test_a_revocation_is_an_instant_in_utc() -> None:
    revoked = a_delegation(revoked_from=datetime(2026, 11, 23, tzinfo=UTC))

    assert decode(Delegation, encode_object(revoked)) == revoked
