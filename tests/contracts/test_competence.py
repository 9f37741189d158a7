"""Who must decide: examples, one per answer, and that the answer is explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.catalogue import ItemVersion, Region, VersionState
from contracts.documents import Document
from contracts.values import ItemCode, ItemId, ItemVersionId, Mode, OrganCode, RegionCode
from rules.competence import (
    AgreementExpired,
    AgreementNotInForce,
    ModeNotDeclared,
    NoAgreement,
    NoOrganThere,
    NoRoute,
    NoVersionInForce,
    RegionAbolished,
    RegionUnknown,
    Route,
    SeveralOrgans,
    decide,
)
from tests.contracts.builders import (
    CHANGSHA,
    CHANGSHA_MARKET,
    DAYAO,
    HUNAN,
    LIMITS,
    LIUYANG,
    LIUYANG_MARKET,
    NOON,
    OLD_QIYANG,
    TODAY,
    TONGGU,
    TRADER,
    YICHUN,
    a_catalogue,
    a_version,
    an_agreement,
    an_organ,
)

LATER = datetime(2027, 1, 1, tzinfo=UTC)
RENEWED = datetime(2026, 6, 1, tzinfo=UTC)
CITY = a_version(version_id="city", region=CHANGSHA, organ=CHANGSHA_MARKET)
VILLAGE = Region(code=RegionCode("430181101201"), name="某村", level="village", parent=DAYAO)


def a_route(
    *documents: Document,
    receiving: RegionCode = TONGGU,
    handling: RegionCode = LIUYANG,
    mode: Mode | None = Mode.COLLECT_HERE,
    at: datetime = NOON,
) -> Route:
    return decide(
        a_catalogue(*documents),
        item_code=TRADER,
        receiving_region=receiving,
        handling_region=handling,
        mode=mode,
        at=at,
    )


def refusal(*documents: Document, **asked: RegionCode | Mode | None) -> NoRoute:
    with pytest.raises(NoRoute) as refused:
        a_route(*documents, **asked)  # type: ignore[arg-type]
    return refused.value


def test_the_organ_of_the_region_decides_what_another_received_under_an_agreement() -> None:
    route = a_route(a_version(), an_agreement())

    assert (route.handling_organ, route.handling_region, route.mode) == (LIUYANG_MARKET, LIUYANG, Mode.COLLECT_HERE)
    assert (route.agreement_id, route.limits, route.rule) == ("a1", LIMITS, "route.own-region")
    assert [(one.rule, one.outcome) for one in route.considered] == [
        ("route.own-region", "holds"),
        ("route.agreement", "holds"),
    ]
    assert all(one.zh and one.en for one in route.considered)


def test_what_is_received_at_home_needs_no_agreement() -> None:
    route = a_route(a_version(), receiving=LIUYANG, mode=None)

    assert (route.mode, route.agreement_id, route.limits) == (Mode.LOCAL, None, None)


def test_a_town_of_the_region_is_at_home_too() -> None:
    assert a_route(a_version(), receiving=DAYAO, mode=None).mode is Mode.LOCAL


def test_an_agreement_of_the_county_covers_its_towns() -> None:
    version = a_version()

    route = a_route(version, an_agreement(receiving=(YICHUN,), handling=(CHANGSHA,)), handling=DAYAO)

    assert (route.handling_region, route.rule) == (LIUYANG, "route.county")


def test_where_the_county_does_not_publish_its_city_decides_and_that_is_told() -> None:
    version = a_version(region=CHANGSHA, organ=CHANGSHA_MARKET)

    route = a_route(version, an_agreement())

    assert (route.handling_organ, route.rule) == (CHANGSHA_MARKET, "route.city")
    assert [(one.rule, one.outcome) for one in route.considered][:2] == [
        ("route.own-region", "passed_over"),
        ("route.city", "holds"),
    ]


def test_the_county_comes_before_its_city() -> None:
    city = a_version(version_id="v2", region=CHANGSHA, organ=CHANGSHA_MARKET)

    assert a_route(city, a_version(), an_agreement()).handling_organ == LIUYANG_MARKET


def test_from_a_village_the_climb_passes_its_town() -> None:
    town = a_version(version_id="town", region=DAYAO, organ=OrganCode("O-DAYAO"))

    assert a_route(VILLAGE, a_version(), an_agreement(), handling=VILLAGE.code).handling_organ == LIUYANG_MARKET
    assert a_route(VILLAGE, a_version(), town, an_agreement(), handling=VILLAGE.code).rule == "route.town"


def test_a_withdrawn_version_is_as_if_never_published() -> None:
    assert a_route(CITY, a_version(state=VersionState.WITHDRAWN), an_agreement()).handling_organ == CHANGSHA_MARKET


def test_what_was_renewed_before_it_was_withdrawn_is_no_more_published_than_that() -> None:
    first = a_version(effective_to=RENEWED)
    renewed = a_version(version_id="v2", version=2, effective_from=RENEWED, effective_to=NOON, state=VersionState.WITHDRAWN)

    assert a_route(CITY, first, renewed, an_agreement(), at=NOON - timedelta(seconds=1)).version_id == "v2"
    assert a_route(CITY, first, renewed, an_agreement()).version_id == "city"
    assert isinstance(refusal(first, renewed, an_agreement()), NoOrganThere)


def test_an_item_that_moved_to_the_city_is_the_citys() -> None:
    moved = replace(CITY, item_id=a_version().item_id, version=2, effective_from=RENEWED)
    taken_up = replace(CITY, effective_from=RENEWED, succeeds=(a_version().item_id,))

    for now in (moved, taken_up):
        assert a_route(a_version(effective_to=RENEWED), now, an_agreement()).version_id == "city"


MOVED = replace(CITY, item_id=a_version().item_id, version=2, effective_from=RENEWED)
TAKEN_UP = replace(CITY, effective_from=RENEWED, succeeds=(a_version().item_id,))


@pytest.mark.parametrize("now", [MOVED, TAKEN_UP], ids=["moved", "taken up"])
@pytest.mark.parametrize("earlier", [timedelta(0), timedelta(days=30)], ids=["until it went", "before it went"])
def test_a_suspended_item_that_went_to_the_city_is_the_citys_from_then_on(now: ItemVersion, earlier: timedelta) -> None:
    suspended = a_version(state=VersionState.SUSPENDED, effective_to=RENEWED - earlier)

    route = a_route(suspended, now, an_agreement(), at=RENEWED)

    assert (route.version_id, route.handling_organ) == ("city", CHANGSHA_MARKET)


@pytest.mark.parametrize("coming", [MOVED, TAKEN_UP], ids=["moves", "is taken up"])
def test_until_a_suspended_item_goes_to_the_city_it_is_refused(coming: ItemVersion) -> None:
    suspended = a_version(state=VersionState.SUSPENDED, effective_to=RENEWED - timedelta(days=30))

    with pytest.raises(NoVersionInForce):
        a_route(suspended, coming, an_agreement(), at=RENEWED - timedelta(microseconds=1))


@pytest.mark.parametrize(
    "other",
    [
        replace(MOVED, state=VersionState.WITHDRAWN, effective_to=NOON),
        replace(TAKEN_UP, state=VersionState.WITHDRAWN, effective_to=NOON),
        replace(MOVED, state=VersionState.SUSPENDED, effective_to=RENEWED),
        replace(MOVED, effective_from=datetime(2025, 6, 1, tzinfo=UTC), effective_to=datetime(2026, 1, 1, tzinfo=UTC), version=0),
        replace(TAKEN_UP, succeeds=(ItemId("another"),)),
    ],
    ids=["move withdrawn", "heir withdrawn", "move that never began", "moved back before", "heir of another"],
)
def test_a_suspended_item_that_has_not_gone_stops_the_climb(other: ItemVersion) -> None:
    inherited = replace(CITY, version_id=ItemVersionId("citys-own"), item_id=ItemId("citys-own"))
    suspended = a_version(state=VersionState.SUSPENDED, effective_to=RENEWED)

    assert isinstance(refusal(inherited, suspended, other, an_agreement()), NoVersionInForce)


def test_an_item_whose_place_one_of_another_code_took_does_not_go_to_the_city() -> None:
    heir = replace(
        a_version(version_id="heir", item_code=ItemCode("000131009999"), effective_from=RENEWED), succeeds=(a_version().item_id,)
    )
    ended = a_version(effective_to=RENEWED)

    assert isinstance(refusal(CITY, ended, heir, an_agreement()), NoVersionInForce)
    assert a_route(CITY, ended, replace(heir, state=VersionState.WITHDRAWN), an_agreement()).version_id == "city"
    assert a_route(CITY, ended, replace(heir, succeeds=(ItemId("another"),)), an_agreement()).version_id == "city"


def test_the_version_in_force_at_the_instant_is_taken() -> None:
    new = a_version(version_id="v2", version=2, effective_from=LATER)
    old = a_version(effective_to=LATER)

    assert a_route(new, old, an_agreement()).version_id == "v1"
    assert a_route(new, old, an_agreement(), at=LATER).version_id == "v2"


def test_two_open_versions_mean_the_later_one_whatever_the_order_they_came_in() -> None:
    old, new = a_version(), a_version(version_id="v2", version=2, effective_from=datetime(2026, 6, 1, tzinfo=UTC))

    assert a_route(old, new, an_agreement()).version_id == "v2"
    assert a_route(new, old, an_agreement()).version_id == "v2"


def test_of_two_items_that_began_alike_the_same_is_taken_whatever_the_order_they_came_in() -> None:
    one, other = (replace(CITY, version_id=ItemVersionId(f"{name}-v2"), item_id=ItemId(name), version=2) for name in ("a", "b"))

    assert a_route(one, other, an_agreement()).version_id == a_route(other, one, an_agreement()).version_id == "b-v2"


def test_without_a_mode_the_first_declared_one_that_is_agreed_is_taken() -> None:
    version = a_version(modes=(Mode.LOCAL, Mode.FULLY_ONLINE, Mode.COLLECT_HERE))

    assert a_route(version, an_agreement(), mode=None).mode is Mode.COLLECT_HERE


def test_without_a_mode_the_refusal_names_what_any_declared_one_had() -> None:
    version = a_version(modes=(Mode.FULLY_ONLINE, Mode.COLLECT_HERE))

    assert isinstance(refusal(version, an_agreement(valid_to=TODAY), mode=None), AgreementExpired)


def test_an_unknown_region_is_refused_by_side() -> None:
    found = refusal(a_version(), handling=RegionCode("999999"))

    assert isinstance(found, RegionUnknown)
    assert found.facts == {"side": "handling"}


def test_an_abolished_region_is_refused_with_its_successors() -> None:
    found = refusal(a_version(), handling=OLD_QIYANG)

    assert isinstance(found, RegionAbolished)
    assert found.facts["successors"] == [{"code": "431181", "name": "祁阳市"}]


def test_a_region_where_no_organ_publishes_is_refused() -> None:
    assert isinstance(refusal(a_version(), an_agreement(), handling=YICHUN), NoOrganThere)


def test_a_suspended_or_future_version_is_refused_with_when() -> None:
    suspended = refusal(a_version(state=VersionState.SUSPENDED), an_agreement())
    coming = refusal(a_version(effective_from=LATER), an_agreement())

    assert isinstance(suspended, NoVersionInForce)
    assert suspended.facts == {"states": ["suspended"], "next_from": None}
    assert coming.facts == {"states": ["published"], "next_from": LATER.isoformat()}


def test_a_suspended_version_stops_the_climb_and_says_what_comes_below_it_too() -> None:
    city = a_version(version_id="v2", region=CHANGSHA, organ=CHANGSHA_MARKET, state=VersionState.SUSPENDED, effective_to=NOON)

    found = refusal(city, a_version(effective_from=LATER), an_agreement())

    assert found.facts == {"states": ["suspended"], "next_from": LATER.isoformat()}


@pytest.mark.parametrize("start", [NOON + timedelta(microseconds=1), LATER])
def test_until_a_countys_first_version_begins_its_city_decides(start: datetime) -> None:
    city = a_version(version_id="city", region=CHANGSHA, organ=CHANGSHA_MARKET)
    coming = a_version(effective_from=start)

    before, after = a_route(city, coming, an_agreement()), a_route(city, coming, an_agreement(), at=start)

    assert (before.version_id, after.version_id) == ("city", "v1")
    assert before.considered[0].zh == "浏阳市的机关发布的版本尚未生效"


@pytest.mark.parametrize("state", [VersionState.SUSPENDED, VersionState.WITHDRAWN])
def test_what_was_received_before_a_suspension_or_withdrawal_keeps_its_route(state: VersionState) -> None:
    ended = a_version(state=state, effective_to=LATER)

    assert a_route(ended, an_agreement()).handling_organ == ended.organ


def test_two_organs_at_once_are_refused() -> None:
    other = a_version(version_id="v2", organ=CHANGSHA_MARKET)

    assert isinstance(refusal(a_version(), other, an_agreement()), SeveralOrgans)


def test_two_organs_that_became_one_are_one() -> None:
    other = a_version(version_id="v2", organ=CHANGSHA_MARKET, effective_from=RENEWED)
    merged = replace(an_organ(code=CHANGSHA_MARKET), merged_into=LIUYANG_MARKET, merged_at=NOON)

    route = a_route(a_version(), other, an_organ(), merged, an_agreement())

    assert (route.version_id, route.handling_organ) == ("v2", LIUYANG_MARKET)
    with pytest.raises(SeveralOrgans):
        a_route(a_version(), other, an_organ(), merged, an_agreement(), at=NOON - timedelta(seconds=1))


@pytest.mark.parametrize("mode", [Mode.JOINT, Mode.FULLY_ONLINE, Mode.LOCAL])
def test_a_mode_that_is_not_declared_is_refused_with_the_declared_ones(mode: Mode) -> None:
    found = refusal(a_version(), an_agreement(modes=tuple(Mode)), mode=mode)

    assert isinstance(found, ModeNotDeclared)
    assert found.facts == {"declared": ["collect_here"]}


def test_without_an_agreement_for_pair_item_and_mode_it_is_refused() -> None:
    for agreement in (
        an_agreement(receiving=(LIUYANG,), handling=(TONGGU,)),
        an_agreement(items=(ItemCode("000131009999"),)),
        an_agreement(modes=(Mode.JOINT,)),
        an_agreement(receiving=(HUNAN,)),
    ):
        assert isinstance(refusal(a_version(), agreement), NoAgreement)


def test_an_expired_agreement_is_refused_with_its_name_and_day() -> None:
    found = refusal(a_version(), an_agreement(valid_to=date(2026, 11, 23)))

    assert isinstance(found, AgreementExpired)
    assert found.facts == {"agreement": "a1", "name": "浏阳市—铜鼓县通办协议", "valid_to": "2026-11-23"}


def test_of_several_agreements_in_force_the_latest_counts_and_the_others_are_told() -> None:
    later = an_agreement(agreement_id="a2", valid_from=date(2026, 6, 1))

    route = a_route(a_version(), later, an_agreement())

    assert route.agreement_id == "a2"
    assert [(one.rule, one.outcome) for one in route.considered][1:] == [("route.agreement", "passed_over"), ("route.agreement", "holds")]
    assert route.considered[1].en.endswith("gives way to a later one")


def test_an_agreement_holds_through_the_day_before_its_end_in_shanghai() -> None:
    agreement = an_agreement(valid_to=date(2026, 11, 24))

    assert a_route(a_version(), agreement, at=datetime(2026, 11, 23, 15, 59, tzinfo=UTC)).agreement_id == "a1"
    with pytest.raises(AgreementExpired):
        a_route(a_version(), agreement, at=datetime(2026, 11, 23, 16, tzinfo=UTC))


def test_an_agreement_to_come_is_refused_with_its_day_even_beside_an_expired_one() -> None:
    found = refusal(
        a_version(),
        an_agreement(valid_to=date(2026, 2, 1)),
        an_agreement(agreement_id="a2", valid_from=date(2027, 1, 1)),
    )

    assert isinstance(found, AgreementNotInForce)
    assert found.facts["valid_from"] == "2027-01-01"


def test_every_refusal_has_its_own_rule_and_texts() -> None:
    kinds = NoRoute.__subclasses__()

    assert len({kind.RULE for kind in kinds}) == len(kinds) == 11
    assert all(kind.ZH != NoRoute.ZH and kind.EN != NoRoute.EN for kind in kinds)
