"""The index of versions: a version put back from its brief is the version that was published."""

import zlib
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bench.nation import Nation, Scale
from contracts.codec import encode_object
from contracts.documents import PARTS, VERSIONS, address
from contracts.values import Digest, ItemId, ItemVersionId, JsonObject
from rules.catalogue import Catalogue
from rules.packed import PackedParts
from tests.contracts.builders import CHANGSHA, CHANGSHA_MARKET, a_version, put

SMALL = Nation(scale=Scale(places=6, items=5, agreements=1, alliance=2, delegations=0))
DOCUMENTS = list(SMALL.documents())
VERSION_DOCUMENTS: list[tuple[str, JsonObject]] = [
    (key, encode_object(one)) for one in DOCUMENTS for topic, key, _ in [address(one)] if topic == VERSIONS
]
PART_DOCUMENTS: dict[Digest, JsonObject] = {
    Digest(key): encode_object(one) for one in DOCUMENTS for topic, key, _ in [address(one)] if topic == PARTS
}


def whole() -> Catalogue:
    catalogue = Catalogue()
    for key, data in VERSION_DOCUMENTS:
        catalogue.apply(VERSIONS, key, data)
    return catalogue


def test_every_version_comes_back_from_its_brief() -> None:
    first, second = whole(), Catalogue()

    missing = 0
    for key, data in VERSION_DOCUMENTS:
        brief = first.brief(VERSIONS, key)
        assert brief is not None
        if not second.recall(VERSIONS, key, brief):
            second.apply(VERSIONS, key, data)
            missing += 1
            assert second.recall(VERSIONS, key, brief)

    assert {key: second.version(key) for key, _ in VERSION_DOCUMENTS} == {key: first.version(key) for key, _ in VERSION_DOCUMENTS}  # type: ignore[arg-type]  # a key is an id
    places = [(item, region.code) for item in SMALL.items for region in SMALL.places]
    assert all(first.versions_of(*place) == second.versions_of(*place) for place in places)
    assert 0 < missing < len(VERSION_DOCUMENTS)


def test_a_brief_takes_the_place_of_what_stood_there() -> None:
    catalogue, (key, data) = whole(), VERSION_DOCUMENTS[0]
    brief = catalogue.brief(VERSIONS, key)
    catalogue.apply(VERSIONS, key, {**data, "effective_to": "2030-01-01T00:00:00Z"})
    assert brief is not None

    assert catalogue.recall(VERSIONS, key, brief)

    version = catalogue.version(key)  # type: ignore[arg-type]  # a key is an id
    assert version is not None
    assert encode_object(version) == data
    assert len(catalogue.versions_of(version.item_code, version.region)) == 1


def test_an_unknown_shape_another_edition_and_a_version_that_is_not_there_need_the_whole() -> None:
    catalogue, (key, _) = whole(), VERSION_DOCUMENTS[0]
    brief = catalogue.brief(VERSIONS, key)
    assert brief is not None

    assert not Catalogue().recall(VERSIONS, key, brief)
    assert not catalogue.recall(VERSIONS, key, "2" + brief[1:])
    assert not catalogue.recall(VERSIONS, key, "")
    assert catalogue.brief(VERSIONS, "nobody") is None
    assert catalogue.brief(PARTS, key) is None


def test_a_brief_that_is_half_right_changes_nothing() -> None:
    catalogue, (key, data) = whole(), VERSION_DOCUMENTS[0]
    brief = catalogue.brief(VERSIONS, key)
    assert brief is not None

    with pytest.raises(ValueError, match="noon"):
        catalogue.recall(VERSIONS, key, brief.replace(datetime(2025, 1, 1, tzinfo=UTC).isoformat(), "noon"))

    version = catalogue.version(key)  # type: ignore[arg-type]  # a key is an id
    assert version is not None
    assert encode_object(version) == data


def test_text_that_would_break_a_brief_is_kept_whole() -> None:
    catalogue, (key, data) = Catalogue(), VERSION_DOCUMENTS[0]

    catalogue.apply(VERSIONS, key, {**data, "task_code": "a\tb"})

    assert catalogue.brief(VERSIONS, key) is None


def test_a_part_is_the_same_object_as_long_as_it_is_asked_for() -> None:
    catalogue = Catalogue()
    for one in DOCUMENTS:
        topic, key, _ = address(one)
        catalogue.apply(topic, key, encode_object(one))
    first = VERSION_DOCUMENTS[0][0]

    asked = [catalogue.parts(first) for _ in range(2)]  # type: ignore[arg-type]  # a key is an id

    assert asked[0] is not None
    assert asked[1] is not None
    assert asked[0].form is asked[1].form
    assert asked[0].texts == next(part for part in DOCUMENTS if address(part)[1] == asked[0].version.parts.texts)


def test_of_more_parts_than_stay_unpacked_the_one_not_asked_for_longest_is_packed_again() -> None:
    parts = PackedParts(open_at_most=2)
    first, second, third = list(PART_DOCUMENTS)[:3]
    for key, data in PART_DOCUMENTS.items():
        parts.put(key, data)

    opened = {key: parts.get(key) for key in (first, second)}
    assert parts.get(first) is opened[first]
    assert parts.get(third) is not None

    assert parts.get(first) is opened[first]
    again = parts.get(second)
    assert again is not opened[second]
    assert again == opened[second]


def test_the_versions_of_one_item_are_found_wherever_they_are_until_they_are_taken_out() -> None:
    first = a_version(version_id="umbrella-v1")
    first = replace(first, item_id=ItemId("umbrella"), task_code="umbrella")
    moved = replace(first, version_id=ItemVersionId("umbrella-v2"), version=2, region=CHANGSHA, organ=CHANGSHA_MARKET)
    strange = replace(first, version_id=ItemVersionId("strange"), task_code="another")
    catalogue = put(Catalogue(), first, moved, strange, a_version())

    assert {one.version_id for one in catalogue.versions_of_one(first.item_id)} == {"umbrella-v1", "umbrella-v2", "strange"}
    catalogue.apply(VERSIONS, moved.version_id, None)
    catalogue.apply(VERSIONS, strange.version_id, None)
    assert [one.version_id for one in catalogue.versions_of_one(first.item_id)] == ["umbrella-v1"]


def test_every_part_comes_back_from_its_brief() -> None:
    first, second = PackedParts(), PackedParts()
    for key, data in PART_DOCUMENTS.items():
        first.put(key, data)

    briefs = {key: first.brief(key) for key in PART_DOCUMENTS}
    assert all(brief is not None and second.recall(key, brief) for key, brief in briefs.items())

    assert {key: second.get(key) for key in PART_DOCUMENTS} == {key: first.get(key) for key in PART_DOCUMENTS}
    assert {key: second.brief(key) for key in PART_DOCUMENTS} == briefs
    assert second.brief(Digest("nobody")) is None


def test_the_brief_of_a_part_takes_the_place_of_what_is_unpacked() -> None:
    parts, (key, other) = PackedParts(), list(PART_DOCUMENTS)[:2]
    for one in (key, other):
        parts.put(one, PART_DOCUMENTS[one])
    brief = parts.brief(other)
    assert brief is not None
    assert parts.get(key) != parts.get(other)

    assert parts.recall(key, brief)

    assert parts.get(key) == parts.get(other)


def test_the_brief_of_a_part_that_is_not_as_it_was_written_needs_the_whole() -> None:
    first, second, (key, data) = PackedParts(), PackedParts(), next(iter(PART_DOCUMENTS.items()))
    first.put(key, data)
    brief = first.brief(key)
    assert brief is not None

    for other in ("", "2" + brief[1:], brief[:-4], brief[:12] + brief[16:], brief.replace(brief[20], "!"), brief.split(":")[2]):
        assert not second.recall(key, other)
        assert second.get(key) is None


@pytest.mark.parametrize(
    "packed", [b"", b"{}", zlib.compress(b"[", 1), zlib.compress(b'{"kind":"form"}', 1), zlib.compress(b'{"kind":"poem"}', 1)]
)
def test_a_part_that_only_another_version_can_read_is_not_there(packed: bytes) -> None:
    parts = PackedParts()

    assert parts.recall(Digest("a"), f"1:{zlib.crc32(packed):08x}:{b64encode(packed).decode()}")

    assert parts.get(Digest("a")) is None
