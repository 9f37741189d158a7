"""Events that nobody can take, among good ones; and the operator who clears them away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

import orjson

from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from contracts.envelope import Record
from tests.faults.desk import Answer, Desk

OPERATOR = "operator"
HEARING = ("intake", "routing", "credential")
CASES = "case.events.v1"
SECONDS = 60.0


async def poison(bootstrap: str, *, key: str, unreadable: bool) -> None:
    """Put one event under a case's key that cannot be read, or one of a version that does not exist yet."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid4()),
        "ce_type": "tongban.case.received.v99",
        "ce_source": "/nobody/360926",
        "ce_subject": key,
        "ce_time": "2026-01-01T00:00:00Z",
        "ce_partitionkey": key,
        "ce_sequence": "1",
        "ce_position": "0",
        "content-type": "application/json",
    }
    value = b"\x00\xff no JSON" if unreadable else orjson.dumps({"case_id": key, "news": True})
    bus = KafkaBus(KafkaAddress(bootstrap=bootstrap))
    await bus.start()
    record = Record(key=key, value=value, headers=tuple((name, text.encode()) for name, text in headers.items()))
    await bus.append(CASES, await bus.partition(CASES, key), [record])
    await bus.stop()


async def parked(desk: Desk, service: str, *, key: str = "") -> list[tuple[int, str]]:
    """Ids and reasons of what a service put aside and nobody settled, oldest first; of one key, or all."""
    answer = await _steadfast(desk, "GET", f"/{service}/parked?limit=200")
    return [
        (int(each["id"]), str(each["reason"])) for each in answer.body["items"] if each["state"] == "parked" and key in {"", each["key"]}
    ]


async def clear(desk: Desk, *, key: str, reasons: Sequence[str]) -> int:
    """Discard what can never be read and let the later events of the key take effect, in every service; how many were discarded."""
    discarded = 0
    for service in HEARING:
        for parked_id, reason in await parked(desk, service, key=key):
            if reason in reasons:
                await _steadfast(desk, "POST", f"/{service}/parked/{parked_id}:discard", key=f"{service}-{parked_id}-discard")
                discarded += 1
        behind = await parked(desk, service, key=key)
        if behind:
            await _steadfast(desk, "POST", f"/{service}/parked/{behind[0][0]}:replay", key=f"{service}-{behind[0][0]}-replay")
    return discarded


async def until_parked(desk: Desk, *, key: str, services: Sequence[str]) -> None:
    """Wait until each of these services put something of a key aside.

    Raises:
        TimeoutError: One did not.
    """
    async with asyncio.timeout(SECONDS):
        for service in services:
            while not await parked(desk, service, key=key):  # noqa: ASYNC110 - it asks over HTTP
                await asyncio.sleep(0.3)


async def _steadfast(desk: Desk, method: str, path: str, *, key: str = "") -> Answer:
    answer = await desk.ask(OPERATOR, method, path, key=key)
    assert answer.good, (path, answer.status, answer.body)
    return answer
