"""The codec: every event and document survives the way to JSON and back; wrong shapes are named by place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import ADDED, Malformed, decode, encode, encode_object
from contracts.documents import RULES, Account, ClockOffset, Document, PublicKey, address, part_digest, read
from contracts.envelope import Envelope, Record, from_record, to_record
from contracts.events import EVENTS, Event
from contracts.values import canonical_json, digest
from rules.routes import Considered
from tests.contracts.builders import CHECKLIST, FORM, PARTS, REGIONS, SITUATIONS, YEAR_2026, a_version, an_agreement, an_organ

TEXT = st.text(max_size=12)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
st.register_type_strategy(datetime, INSTANTS)
st.register_type_strategy(str, TEXT)
ANY_EVENT: st.SearchStrategy[Event] = st.one_of([st.builds(kind) for kind in EVENTS.values()])

DOCUMENTS: tuple[Document, ...] = (
    *REGIONS,
    YEAR_2026,
    *PARTS,
    a_version(),
    an_agreement(),
    an_organ(),
    PublicKey(kid="k1", owner="o", use="exchange", algorithm="Ed25519", public_key="pem"),
    Account(client_id="c", name="n", region="r", organ="o", roles=("partner",), active=True),
    ClockOffset(seconds=3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    number: int
    day: date
    rows: tuple[tuple[str, int], ...] = ()
    note: str | None = None


@given(event=ANY_EVENT)
def test_every_event_comes_back_equal(event: Event) -> None:
    data = json.loads(json.dumps(encode_object(event)))

    assert decode(type(event), data) == event


@given(event=ANY_EVENT)
def test_a_reader_ignores_fields_it_does_not_know(event: Event) -> None:
    assert decode(type(event), encode_object(event) | {"added_later": [1]}) == event


@given(event=ANY_EVENT, data=st.data())
def test_a_field_without_default_must_be_there(event: Event, data: st.DataObject) -> None:
    required = [field.name for field in fields(event) if repr(field.default).startswith("<dataclasses._MISSING")]
    name = data.draw(st.sampled_from(required))
    written = encode_object(event)
    del written[name]

    with pytest.raises(Malformed, match=f"/{name}"):
        decode(type(event), written)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: type(one).__name__)
def test_every_document_comes_back_from_its_topic(document: Document) -> None:
    topic, key, kind = address(document)

    assert read(topic=topic, key=key, data=json.loads(canonical_json(encode_object(document)))) == document
    assert kind.startswith("tongban.")


def test_an_unknown_kind_is_passed_over_and_a_known_one_out_of_shape_is_refused() -> None:
    assert read(topic=RULES, key="guild/1", data={}) is None
    with pytest.raises(Malformed):
        read(topic=RULES, key="region/430181", data={"code": "430181"})


def test_parts_are_named_by_their_content() -> None:
    assert part_digest(FORM) == digest(encode_object(FORM))
    assert len({part_digest(one) for one in PARTS}) == len(PARTS)
    assert part_digest(SITUATIONS) != part_digest(CHECKLIST)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"number": "1", "day": "2026-01-01"}, "/number"),
        ({"number": True, "day": "2026-01-01"}, "/number"),
        ({"number": 1, "day": "2026-13-01"}, "/day"),
        ({"number": 1, "day": "2026-01-01", "rows": [["a", 1], ["b"]]}, "/rows/1"),
        ({"number": 1, "day": "2026-01-01", "rows": [["a", "1"]]}, "/rows/0/1"),
        ({"number": 1, "day": "2026-01-01", "note": 5}, "/note"),
        ([], "/"),
    ],
)
def test_a_wrong_value_is_named_by_place_and_not_repeated(data: Any, place: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode(Sample, data)

    assert str(refused.value).startswith(f"{place}: expected")


@dataclass(frozen=True, kw_only=True)
class Grown:
    name: str
    words: tuple[str, ...] = field(default=(), metadata=ADDED)
    bound: int | None = field(default=None, metadata=ADDED)


def test_a_field_that_was_added_later_stands_there_only_when_it_says_something() -> None:
    old: Any = {"name": "a"}

    assert encode(decode(Grown, old)) == old
    assert digest(encode(decode(Grown, old))) == digest(old)
    assert encode(Grown(name="a", bound=0)) == {"name": "a", "bound": 0}
    assert decode(Grown, {"name": "a", "words": ["b"]}) == Grown(name="a", words=("b",))


def test_a_tuple_with_names_is_written_by_its_names() -> None:
    step = Considered("route.local", "holds", "当地", "Received here")

    assert encode((step,)) == [{"rule": "route.local", "outcome": "holds", "zh": "当地", "en": "Received here"}]


def test_a_naive_instant_has_no_json_form() -> None:
    with pytest.raises(TypeError):
        encode(datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose


@given(value=st.dictionaries(TEXT, st.integers() | TEXT | st.lists(st.booleans()), max_size=5))
def test_canonical_bytes_do_not_depend_on_order(value: dict[str, Any]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))


ENVELOPES = st.builds(
    Envelope,
    id=st.uuids().map(str),
    type=st.just("tongban.case.received.v1"),
    source=st.just("/intake/360926"),
    subject=TEXT,
    time=INSTANTS,
    key=TEXT.filter(bool),
    sequence=st.integers(1, 9),
    position=st.integers(1, 99),
    traceparent=st.none() | st.just("00-1-1-01"),
    data=st.dictionaries(TEXT, TEXT),
)


@given(envelope=ENVELOPES)
def test_an_envelope_comes_back_from_its_record(envelope: Envelope) -> None:
    record = to_record(envelope)

    assert from_record(key=record.key, value=record.value, headers=record.headers) == envelope
    assert envelope.service == "intake"


@given(envelope=ENVELOPES, data=st.data())
def test_a_record_without_what_it_needs_is_no_event(envelope: Envelope, data: st.DataObject) -> None:
    record = to_record(envelope)
    name = data.draw(st.sampled_from(("ce_id", "ce_type", "ce_source", "ce_subject", "ce_time")))
    headers = tuple(header for header in record.headers if header[0] != name)

    with pytest.raises(Malformed):
        from_record(key=record.key, value=record.value, headers=headers)


@pytest.mark.parametrize("record", [Record(key="k", value=b"{"), Record(key="k", value=b"[]"), Record(key="k", value=None)])
def test_bytes_that_are_no_object_are_no_event(record: Record) -> None:
    with pytest.raises(Malformed):
        from_record(key=record.key, value=record.value, headers=record.headers)
