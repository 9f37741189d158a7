"""What lies on the topics after a case is what the AsyncAPI document says, read by a consumer that shares no code with ours."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from tests.support.line import act, closed, delivered, receive, sealed, sign
from tests.support.whole import SignIn
from tongban_local.sole_trader import ID_NUMBER, NAME, PHONE
from tongban_local.system import System

LINE = {
    "tongban.case.received.v1",
    "tongban.case.validated.v1",
    "tongban.case.signed-for.v1",
    "tongban.case.accepted.v1",
    "tongban.notice.sealed.v1",
    "tongban.case.decided.v1",
    "tongban.decision.sealed.v1",
    "tongban.credential.issued.v1",
    "tongban.case.result-delivered.v1",
    "tongban.handling.ended.v1",
    "tongban.case.closed.v1",
}
"""What every granted case leaves on the log."""


@cache
def asyncapi() -> Any:
    return yaml.safe_load((Path(__file__).parents[2] / "contracts/asyncapi.yaml").read_text(encoding="utf-8"))


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """The payload's schema as the document has it, its references led to the document."""
    schemas = asyncapi()["components"]["schemas"]
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}, validate_formats=True
    )


async def everything_on(bootstrap: str, topics: list[str]) -> list[ConsumerRecord]:
    """Every record that stands on these topics now."""
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        places = sorted(consumer.assignment())
        ends = await consumer.end_offsets(places)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()


def read(record: ConsumerRecord) -> BaseCloudEvent:
    return from_binary(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value), JSONFormat())


async def one_case(sign_in: SignIn) -> str:
    clerk, reviewer, approver = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer"), await sign_in("liuyang-approver")
    no = await receive(clerk, seed=211)
    await clerk.get(f"/cases/{no}/person", params={"purpose": "window"})
    await approver.call("POST", f"/cases/{no}/withdrawal", json={"reason": "x"})
    await sign(reviewer, no)
    await act(reviewer, no, "acceptance")
    await sealed(reviewer, no)
    await act(approver, no, "decision", {"outcome": "granted"})
    await sealed(approver, no)
    await delivered(clerk, no)
    return str((await closed(clerk, no))["case_id"])


async def test_the_topics_hold_what_the_asyncapi_document_says(system: System, sign_in: SignIn) -> None:
    case_id = await one_case(sign_in)
    channels = asyncapi()["channels"]

    records = await everything_on(system.layout.kafka_bootstrap, sorted(channels))

    undeclared: Counter[str] = Counter()
    invalid: list[str] = []
    of_the_case: set[str] = set()
    headers = jsonschema_rs.Draft202012Validator(asyncapi()["components"]["schemas"]["cloudevent-headers"], validate_formats=True)
    for record in records:
        sent = {name: value.decode() for name, value in record.headers}
        kind = sent.get("ce_type", "none")
        if kind not in channels[record.topic]["messages"]:
            undeclared[f"{record.topic} {kind}"] += 1
            continue
        invalid += [f"{kind} headers: {error.message}" for error in headers.iter_errors(sent)]
        if record.value is None:
            continue
        event = read(record)
        invalid += [f"{kind} {error.instance_path}: {error.kind}" for error in validator(kind).iter_errors(event.get_data())]
        data = event.get_data()
        if isinstance(data, dict) and data.get("case_id") == case_id:
            of_the_case.add(kind)

    assert undeclared == Counter()
    assert invalid == []
    assert of_the_case >= LINE


async def test_no_record_holds_anything_of_the_applicant(system: System, sign_in: SignIn) -> None:
    await one_case(sign_in)

    records = await everything_on(system.layout.kafka_bootstrap, sorted(asyncapi()["channels"]))

    assert len(records) > 100
    wanted = [text.encode() for text in (NAME, NAME.encode("unicode_escape").decode(), ID_NUMBER, ID_NUMBER[:14], PHONE)]
    holders = [
        f"{record.topic} {record.offset}"
        for record in records
        for content in (record.key or b"", record.value or b"", *(value for _, value in record.headers))
        if any(text in content for text in wanted)
    ]
    assert holders == []
