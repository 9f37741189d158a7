"""The index: records in any order, tombstones, sharing."""

from __future__ import annotations

import random
from datetime import date

from contracts.codec import encode_object
from contracts.documents import PARTS, RULES, VERSIONS, Document, address, part_digest
from contracts.values import ItemVersionId, Mode, RegionCode
from rules.catalogue import Catalogue
from tests.contracts.builders import (
    CHANGSHA,
    CHECKLIST,
    DAYAO,
    FORM,
    HUNAN,
    LIUYANG,
    LIUYANG_MARKET,
    OLD_QIYANG,
    QIYANG,
    REGIONS,
    TODAY,
    TONGGU,
    TRADER,
    YEAR_2026,
    a_catalogue,
    a_version,
    an_agreement,
    an_organ,
    put,
)
from tests.contracts.builders import (
    PARTS as PART_DOCUMENTS,
)

V1 = ItemVersionId("v1")
ALL: tuple[Document, ...] = (
    *REGIONS,
    YEAR_2026,
    *PART_DOCUMENTS,
    a_version(),
    a_version(version_id="v2", version=2),
    an_agreement(),
    an_organ(),
)


def test_a_version_comes_back_as_it_was_published() -> None:
    versions = [a_version(), a_version(version_id="v2", version=2, region=CHANGSHA, effective_from=a_version().effective_from)]
    catalogue = a_catalogue(*versions)

    assert [catalogue.version(one.version_id) for one in versions] == versions


def test_order_of_arrival_does_not_matter() -> None:
    expected = put(Catalogue(), *ALL)
    for seed in range(20):
        shuffled = list(ALL)
        random.Random(seed).shuffle(shuffled)

        catalogue = put(Catalogue(), *shuffled, *shuffled[:5])

        assert catalogue.subtree(HUNAN) == expected.subtree(HUNAN)
        assert [catalogue.version(one.version_id) for one in catalogue.versions_of(TRADER, LIUYANG)] == [
            expected.version(one.version_id) for one in expected.versions_of(TRADER, LIUYANG)
        ]
        assert catalogue.parts(V1) == expected.parts(V1)
        assert catalogue.agreements_of(TONGGU, LIUYANG) == expected.agreements_of(TONGGU, LIUYANG)
        assert catalogue.organs_of(LIUYANG) == expected.organs_of(LIUYANG)


def test_parts_are_there_only_when_all_of_them_are() -> None:
    catalogue = put(Catalogue(), a_version(), *PART_DOCUMENTS[:3])
    assert catalogue.parts(V1) is None

    put(catalogue, PART_DOCUMENTS[3])

    parts = catalogue.parts(V1)
    assert parts is not None
    assert (parts.form, parts.checklist) == (FORM, CHECKLIST)


def test_tombstones_take_things_away() -> None:
    catalogue = a_catalogue(a_version(), an_agreement(), an_organ())

    for topic, key in (
        (VERSIONS, "v1"),
        (PARTS, part_digest(FORM)),
        (RULES, "agreement/a1"),
        (RULES, f"organ/{LIUYANG_MARKET}"),
        (RULES, f"region/{DAYAO}"),
        (RULES, "calendar/100000-2026"),
    ):
        catalogue.apply(topic, key, None)

    assert catalogue.version(V1) is None
    assert catalogue.versions_of(TRADER, LIUYANG) == ()
    assert catalogue.agreements_of(TONGGU, LIUYANG) == ()
    assert catalogue.organs_of(LIUYANG) == ()
    assert DAYAO not in catalogue.subtree(LIUYANG)
    assert catalogue.calendar(LIUYANG).known_until is None


def test_a_version_that_is_published_anew_replaces_itself() -> None:
    catalogue = a_catalogue(a_version())

    put(catalogue, a_version(region=CHANGSHA))

    assert catalogue.versions_of(TRADER, LIUYANG) == ()
    assert [one.version_id for one in catalogue.versions_of(TRADER, CHANGSHA)] == ["v1"]


def test_unknown_kinds_and_other_topics_change_nothing() -> None:
    catalogue = a_catalogue()

    catalogue.apply(RULES, "guild/1", {"a": 1})
    catalogue.apply(PARTS, "sha256:0", {"kind": "video"})
    catalogue.apply("case.events.v1", "c1", {"a": 1})

    assert catalogue.subtree(LIUYANG) == {LIUYANG, DAYAO}


def test_a_subtree_follows_the_table_when_a_region_moves() -> None:
    catalogue = a_catalogue()
    assert DAYAO in catalogue.subtree(CHANGSHA)
    moved = next(one for one in REGIONS if one.code == LIUYANG)

    topic, key, _ = address(moved)
    catalogue.apply(topic, key, encode_object(moved) | {"parent": HUNAN})

    assert DAYAO not in catalogue.subtree(CHANGSHA)
    assert DAYAO in catalogue.subtree(HUNAN)
    assert catalogue.subtree(RegionCode("999999")) == frozenset()


def test_a_region_is_valid_from_its_first_day_to_the_day_before_its_end() -> None:
    catalogue = a_catalogue()
    change = date(2021, 1, 20)

    assert catalogue.is_valid(QIYANG, change)
    assert not catalogue.is_valid(OLD_QIYANG, change)
    assert [one.code for one in catalogue.successors(OLD_QIYANG, change)] == [QIYANG]
    assert catalogue.successors(OLD_QIYANG, date(2020, 1, 1)) == ()


def test_regions_that_override_nothing_share_one_calendar() -> None:
    catalogue = a_catalogue()

    assert catalogue.calendar(LIUYANG) is catalogue.calendar(TONGGU)
    assert catalogue.calendar(LIUYANG).known_until == date(2026, 12, 31)


def test_only_agreements_in_force_for_item_and_mode_are_between() -> None:
    catalogue = a_catalogue(an_agreement(), an_agreement(agreement_id="a0", valid_to=TODAY))

    found = catalogue.agreements_between(TONGGU, LIUYANG, TRADER, Mode.COLLECT_HERE, TODAY)

    assert [one.agreement_id for one in found] == ["a1"]
    assert catalogue.agreements_between(TONGGU, LIUYANG, TRADER, Mode.JOINT, TODAY) == ()


def test_versions_that_differ_in_organ_and_dates_only_share_the_rest() -> None:
    catalogue = a_catalogue(a_version(), a_version(version_id="v2", region=TONGGU))

    (one,) = catalogue.versions_of(TRADER, LIUYANG)
    (other,) = catalogue.versions_of(TRADER, TONGGU)

    assert one.shape is other.shape
