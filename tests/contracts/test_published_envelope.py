"""The envelope is CloudEvents 1.0 in Kafka binary mode: the project's own SDK reads what we write and writes what we read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Envelope, from_record, to_record

NAMES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
DATA = st.dictionaries(
    TEXTS, st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS, st.lists, max_leaves=5), max_size=5
)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware

ENVELOPES = st.builds(
    Envelope,
    id=st.uuids().map(str),
    type=st.from_regex(r"tongban\.[a-z]{1,9}(-[a-z]{1,9})?\.[a-z]{1,9}\.v[1-9]", fullmatch=True),
    source=st.from_regex(r"/(intake|routing)/[1-9][0-9]{5}", fullmatch=True),
    subject=NAMES,
    time=INSTANTS,
    key=NAMES,
    sequence=st.integers(0, 2**63 - 1),
    position=st.integers(0, 2**63 - 1),
    traceparent=st.none() | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", fullmatch=True),
    data=DATA,
)


@given(envelope=ENVELOPES)
def test_the_sdk_reads_what_we_write(envelope: Envelope) -> None:
    record = to_record(envelope)

    read = from_binary(KafkaMessage(headers=dict(record.headers), key=record.key.encode(), value=record.value or b""), JSONFormat())

    assert (read.get_id(), read.get_type(), read.get_source()) == (envelope.id, envelope.type, envelope.source)
    assert (read.get_subject(), read.get_time(), read.get_data()) == (envelope.subject, envelope.time, envelope.data)
    assert read.get_specversion() == "1.0"
    assert read.get_extension("partitionkey") == envelope.key
    assert read.get_extension("sequence") == str(envelope.sequence)
    assert read.get_extension("position") == str(envelope.position)
    assert read.get_extension("traceparent") == envelope.traceparent


@given(envelope=ENVELOPES)
def test_we_read_what_the_sdk_writes(envelope: Envelope) -> None:
    attributes: dict[str, Any] = {
        "id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "time": envelope.time,
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "partitionkey": envelope.key,
        "sequence": str(envelope.sequence),
        "position": str(envelope.position),
    }
    if envelope.traceparent is not None:
        attributes["traceparent"] = envelope.traceparent

    message = to_binary(CloudEvent(attributes, envelope.data), JSONFormat())

    assert from_record(key=str(message.key), value=message.value, headers=list(message.headers.items())) == envelope
