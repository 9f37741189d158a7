"""`decide` and its slow, plain twin agree on every catalogue that hypothesis makes up."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from contracts.catalogue import Agreement, AgreementAction, ItemVersion, Organ, Region, VersionState
from contracts.delegations import Delegation, DelegationKind, Instrument
from contracts.documents import Document
from contracts.values import NATION, AgreementId, DelegationId, ItemCode, ItemId, ItemVersionId, Mode, OrganCode, RegionCode, Way
from rules.catalogue import Catalogue
from rules.competence import NoRoute, decide
from rules.receivers import Receivers, find_receivers
from tests.contracts.builders import LIMITS, a_version, put
from tests.contracts.plain_competence import Answer, Lists, Question, answer_of, answer_plainly, refusal_of

MARCH = date(2026, 3, 1)
"""On the days around it regions change, versions begin, agreements and instruments begin and end."""
DAYS = [date(2026, 2, 27), date(2026, 2, 28), MARCH, date(2026, 3, 2), date(2026, 3, 3)]
INSTANTS = [datetime(2026, 2, 28, 15, 59, tzinfo=UTC), datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC)]
ITEMS = [ItemCode("000131001000"), ItemCode("000131002000")]
SITUATIONS = ["new", "change"]


Level = Literal["nation", "province", "city", "county", "town", "village"]


def _region(code: str, level: Level, parent: str, kind: str = "", valid_to: date | None = None) -> Region:
    return Region(code=RegionCode(code), name=code, level=level, parent=RegionCode(parent), kind=kind, valid_to=valid_to)


REGIONS = [
    Region(code=NATION, name="中国", level="nation", parent=None),
    _region("430000", "province", NATION),
    _region("430100", "city", "430000"),
    _region("430181", "county", "430100"),
    _region("430181101", "town", "430181"),
    _region("430181102", "town", "430181"),
    _region("430181900", "town", "430181", kind="园区"),
    _region("430181101001", "village", "430181101"),
    _region("430182", "county", "430100"),
    _region("430182101", "town", "430182"),
    _region("430183", "county", "430100", valid_to=MARCH),
    _region("429004", "county", "430000"),
    _region("429004101", "town", "429004"),
    _region("110000", "province", NATION, kind="直辖市"),
    _region("110101", "county", "110000"),
    _region("110102", "county", "110000"),
]
CODES = [one.code for one in REGIONS]
BELOW = CODES[2:8]
"""One city, a county of it, and the towns, the park and the village of that one."""
ORGANS = [
    Organ(code=OrganCode(f"O-{code}-{number}"), name="局", region=code, hosted=True, reconsideration_organ="", court="")
    for code in CODES[1:]
    for number in range(1 if len(code) > 6 else 2)
]
PUBLISHERS = [
    one
    for one in ORGANS
    if one.code in {f"O-{code}" for code in ("430000-0", "430100-0", "430181-0", "430181-1", "430181101-0", "110101-0")}
]
RIVAL = ORGANS.index(PUBLISHERS[2])
"""The first of the two publishers of one county."""
ORGAN_CODES = [one.code for one in ORGANS]

codes = st.sampled_from(CODES)
instants = st.sampled_from(INSTANTS)
modes = st.lists(st.sampled_from(list(Mode)), max_size=4, unique=True).map(tuple)
items = st.sampled_from([tuple(ITEMS), tuple(ITEMS), (ITEMS[0],), (ITEMS[1],)])


@st.composite
def versions(draw: st.DrawFn) -> list[ItemVersion]:
    """Now and then of an item that was another organ's, or of one that takes another's place; what is suspended has an end, as it is published."""
    found: list[ItemVersion] = []
    for number in range(draw(st.integers(3, 7))):
        organ = draw(st.sampled_from(PUBLISHERS))
        shape = a_version(
            version_id=f"v{number}",
            version=number,
            item_code=draw(st.sampled_from([ITEMS[0], ITEMS[0], *ITEMS])),
            region=organ.region,
            organ=organ.code,
            state=(state := draw(st.sampled_from([VersionState.PUBLISHED] * 6 + [VersionState.SUSPENDED] * 2 + [VersionState.WITHDRAWN]))),
            modes=draw(modes),
            effective_from=draw(st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC)] * 6 + INSTANTS)),
            effective_to=draw(st.sampled_from(INSTANTS if state is VersionState.SUSPENDED else [None] * 6 + INSTANTS)),
            ways=draw(st.lists(st.sampled_from(list(Way)), unique=True).map(tuple)),
        )
        same = [one.item_id for one in found if one.item_code == shape.item_code]
        succeeds = draw(st.sampled_from([(), (), (), *((one.item_id,) for one in found)]))
        found.append(replace(shape, item_id=draw(st.sampled_from([shape.item_id] * 2 + same)), succeeds=succeeds))
    return found


@st.composite
def histories(draw: st.DrawFn) -> list[ItemVersion]:
    """A few items of a county and those above it, renewed, moved, taken up and taken back one after the other, as the catalogue publishes them."""
    found: list[ItemVersion] = []
    begins = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 5)]
    for number in range(draw(st.integers(2, 4))):
        code = draw(st.sampled_from([*ITEMS, ITEMS[0]]))
        succeeds = draw(st.sampled_from([(), *((one.item_id,) for one in found)]))
        starts = draw(st.lists(st.sampled_from([*begins, *INSTANTS]), min_size=1, max_size=3, unique=True).map(sorted))
        for version, (start, until) in enumerate(zip(starts, [*starts[1:], None], strict=True), start=1):
            organ = draw(st.sampled_from(PUBLISHERS[:4]))
            state = draw(st.sampled_from([VersionState.PUBLISHED, VersionState.SUSPENDED] if until else list(VersionState)))
            shape = a_version(version_id=f"i{number}-v{version}", version=version, item_code=code, region=organ.region, organ=organ.code)
            open_end = state is VersionState.PUBLISHED and until is None
            found.append(
                replace(
                    shape,
                    item_id=ItemId(f"i{number}"),
                    state=state,
                    effective_from=start,
                    effective_to=draw(st.sampled_from([None, None, *INSTANTS]))
                    if open_end
                    else until or draw(st.sampled_from([start, *INSTANTS])),
                    succeeds=succeeds,
                )
            )
    return found


@st.composite
def agreements(draw: st.DrawFn) -> list[Agreement]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        some = st.lists(codes, min_size=1, max_size=4, unique=True).map(tuple)
        alliance = draw(st.booleans())
        found.append(
            Agreement(
                agreement_id=AgreementId(f"a{number}"),
                name=f"协议{number}",
                receiving=() if alliance else draw(some),
                handling=() if alliance else draw(some),
                alliance=draw(some) if alliance else (),
                items=draw(st.just(()) | items),
                modes=draw(st.lists(st.sampled_from(list(Mode)), min_size=1, unique=True).map(tuple)),
                valid_from=draw(st.sampled_from([date(2026, 1, 1)] * 4 + DAYS)),
                valid_to=draw(st.sampled_from([date(2027, 1, 1)] * 4 + DAYS)),
                limits=LIMITS,
                actions=draw(
                    st.sampled_from([(AgreementAction.RECEIVE, AgreementAction.DECIDE), tuple(AgreementAction), (AgreementAction.QUERY,)])
                ),
            )
        )
    return found


@st.composite
def delegations(draw: st.DrawFn, published: list[ItemVersion]) -> list[Delegation]:
    """Mostly from organs that hold something, so that chains come about; also what no drafting would let through."""
    found: list[Delegation] = []
    holders = [one.organ for one in published]
    for number in range(draw(st.integers(2, 8))):
        delegator = draw(st.sampled_from([*holders, *(one.delegate for one in found)]))
        delegate = draw(st.sampled_from(ORGAN_CODES[2:12]))
        kind = draw(st.sampled_from([*DelegationKind, DelegationKind.TRANSFER]))
        found.append(
            Delegation(
                delegation_id=DelegationId(f"d{number}"),
                kind=kind,
                delegator=delegator,
                delegate=delegate,
                items=draw(items),
                region=draw(st.sampled_from([*BELOW, *BELOW[:2] * 4, *CODES[:2]])),
                valid_from=draw(st.sampled_from([date(2026, 1, 1)] * 5 + DAYS)),
                valid_to=draw(st.sampled_from([date(2027, 1, 1)] * 5 + DAYS)),
                instrument=Instrument(number="1", title="委托书", legal_basis="行政许可法 §24"),
                sealed_as=delegate if kind is DelegationKind.TRANSFER else delegator,
                situations=draw(st.sampled_from([(), (), (), ("new",), ("change",), ("change", "new")])),
                revoked_from=draw(st.sampled_from([None] * 5 + INSTANTS)),
            )
        )
    return found


@st.composite
def organs(draw: st.DrawFn) -> list[Organ]:
    """Some are merged into one that stands behind them in the list; now and then several after each other."""
    found = list(ORGANS)
    for place in draw(st.lists(st.sampled_from(range(len(ORGANS) - 1)), max_size=4, unique=True)):
        taker = draw(st.sampled_from(ORGANS[place + 1 :]))
        found[place] = replace(found[place], merged_into=taker.code, merged_at=draw(st.sampled_from(INSTANTS)))
    if draw(st.booleans()):
        found[RIVAL] = replace(found[RIVAL], merged_into=ORGANS[RIVAL + 1].code, merged_at=draw(st.sampled_from(INSTANTS)))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> Lists:
    published = draw(versions())
    return Lists(REGIONS, draw(organs()), published, draw(agreements()), draw(delegations(published)))


questions = st.builds(
    Question,
    item_code=st.sampled_from([ITEMS[0], ITEMS[0], *ITEMS]),
    receiving_region=st.sampled_from([*CODES, *BELOW, RegionCode("999999")]),
    handling_region=st.sampled_from([*CODES, *BELOW * 5]),
    mode=st.none() | st.sampled_from(list(Mode)),
    at=instants,
    situation=st.none() | st.sampled_from(SITUATIONS),
)


def decided(catalogue: Catalogue, asked: Question, *, handling_region: RegionCode | None = None) -> Answer:
    try:
        return answer_of(
            decide(
                catalogue,
                item_code=asked.item_code,
                receiving_region=asked.receiving_region,
                handling_region=handling_region or asked.handling_region,
                mode=asked.mode,
                at=asked.at,
                situation=asked.situation,
            )
        )
    except NoRoute as refused:
        return refusal_of(refused)


@settings(max_examples=400, deadline=None)
@given(worlds(), st.lists(questions, min_size=20, max_size=30), st.randoms(use_true_random=False))
def test_the_quick_answer_is_the_plain_one(lists: Lists, asked: list[Question], order: random.Random) -> None:
    documents: list[Document] = [*lists.regions, *lists.organs, *lists.versions, *lists.agreements, *lists.delegations]
    order.shuffle(documents)
    catalogue = put(Catalogue(), *documents)

    for one in asked:
        plain = answer_plainly(lists, one)
        event(str(plain.get("refused", plain.get("rule"))))
        assert decided(catalogue, one) == plain


@settings(max_examples=400, deadline=None)
@given(histories(), st.lists(questions, min_size=10, max_size=10), st.randoms(use_true_random=False))
def test_the_climb_past_what_was_taken_back_is_the_plain_one(
    published: list[ItemVersion], asked: list[Question], order: random.Random
) -> None:
    lists = Lists(REGIONS, ORGANS, published, [], [])
    documents: list[Document] = [*REGIONS, *ORGANS, *published]
    order.shuffle(documents)
    catalogue = put(Catalogue(), *documents)

    for one in asked:
        at_home = replace(one, receiving_region=one.handling_region)
        plain = answer_plainly(lists, at_home)
        event(str(plain.get("refused", plain.get("rule"))))
        assert decided(catalogue, at_home) == plain


@settings(max_examples=200, deadline=None)
@given(worlds(), versions(), st.lists(questions, min_size=5, max_size=10))
def test_what_is_published_for_later_changes_no_answer_until_then(lists: Lists, drafted: list[ItemVersion], asked: list[Question]) -> None:
    catalogue = put(Catalogue(), *lists.regions, *lists.organs, *lists.versions, *lists.agreements, *lists.delegations)
    before = [decided(catalogue, one) for one in asked]
    start = max(INSTANTS) + timedelta(microseconds=1)
    coming = [replace(one, version_id=ItemVersionId(f"later-{one.version_id}"), effective_from=start) for one in drafted]

    put(catalogue, *coming)

    nothing_yet = ["route.no-organ", "route.no-version-in-force"]
    for one, answer in zip(asked, before, strict=True):
        event(str(answer.get("refused", answer.get("rule"))))
        after = decided(catalogue, one)
        assert after == answer or [answer.get("refused"), after.get("refused")] == nothing_yet


def listed(catalogue: Catalogue, asked: Question) -> Receivers | Answer:
    try:
        return find_receivers(
            catalogue, item_code=asked.item_code, handling_region=asked.handling_region, at=asked.at, situation=asked.situation
        )
    except NoRoute as refused:
        return refusal_of(refused)


@settings(max_examples=100, deadline=None)
@given(worlds(), st.lists(questions, min_size=3, max_size=6))
def test_who_may_receive_is_listed_and_nobody_else(lists: Lists, asked: list[Question]) -> None:
    catalogue = put(Catalogue(), *lists.regions, *lists.organs, *lists.versions, *lists.agreements, *lists.delegations)

    for one in asked:
        anywhere = replace(one, mode=None)
        found = listed(catalogue, one)
        if not isinstance(found, Receivers):
            assert decided(catalogue, replace(anywhere, receiving_region=NATION)) == found
            continue
        for code in CODES:
            answer = decided(catalogue, replace(anywhere, receiving_region=code))
            assert answer.get("refused") == "route.region-abolished" or found.lets(catalogue, code) == ("refused" not in answer)
