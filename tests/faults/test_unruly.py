"""The unruly log keeps what is promised and breaks what is not: everything comes, each key in its order, twice or in pieces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from chassis import logs
from chassis.bus import Bus, Received
from chassis.bus_postgres import PostgresBus
from chassis.bus_unruly import UnrulyBus, UnrulyMember, Way
from tests.chassis.bus.line import append, record, topic_of
from tests.support.engines import Databases

KEYS, EACH = 8, 5


@pytest.fixture
async def log(databases: Databases) -> AsyncIterator[Bus]:
    bus = PostgresBus(await databases.make("tongban_log"))
    await bus.start()
    yield bus
    await bus.stop()


async def _filled(log: Bus, topic: str, *, way: Way) -> UnrulyMember:
    await log.create([topic_of(topic, partitions=2)])
    await append(log, topic, *(record(f"k{key}", number) for number in range(1, EACH + 1) for key in range(KEYS)))
    return await UnrulyBus(log, way=way, seed=1).subscribe("group", [topic])


async def _read(member: UnrulyMember, *, count: int) -> list[list[Received]]:
    batches: list[list[Received]] = []
    while sum(map(len, batches)) < count:
        batches.append(await member.batch())
    return [batch for batch in batches if batch]


def _ids(records: list[Received]) -> list[str]:
    return [dict(each.headers)["ce_id"].decode() for each in records]


async def test_shuffled_keeps_the_order_of_a_key_and_no_other(log: Bus) -> None:
    member = await _filled(log, "shuffled.v1", way="shuffled")

    batches = await _read(member, count=KEYS * EACH)
    await member.close()

    came = _ids([each for batch in batches for each in batch])
    assert sorted(came) == sorted(f"k{key}-{number}" for key in range(KEYS) for number in range(1, EACH + 1))
    assert all([name for name in came if name.startswith(f"k{key}-")] == [f"k{key}-{n}" for n in range(1, EACH + 1)] for key in range(KEYS))
    assert came != sorted(came, key=lambda name: int(name.partition("-")[2])), "the keys stand as they were sent"
    assert max(map(len, batches)) <= 3


async def test_twice_gives_everything_twice(log: Bus) -> None:
    member = await _filled(log, "twice.v1", way="twice")

    came = _ids([each for batch in await _read(member, count=3 * KEYS * EACH) for each in batch])
    await member.close()

    assert {name: came.count(name) for name in came} == {f"k{key}-{n}": 3 for key in range(KEYS) for n in range(1, EACH + 1)}


@pytest.mark.parametrize(("way", "kind", "at_least"), [("twice", "repeated", 2 * KEYS * EACH), ("shuffled", "overtaken", 1)])
async def test_what_was_spoiled_is_told(log: Bus, way: Way, kind: str, at_least: int, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    member = await _filled(log, f"told-{way}.v1", way=way)

    await _read(member, count=(3 if way == "twice" else 1) * KEYS * EACH)
    await member.close()

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"log.unruly"' in line]
    assert {line["kind"] for line in told} == {kind}
    assert sum(line["count"] for line in told) >= at_least


async def test_half_a_batch_is_never_committed(log: Bus) -> None:
    member = await _filled(log, "half.v1", way="shuffled")
    [given] = await _read(member, count=1)

    await member.commit()
    await member.close()

    again = await log.subscribe("group", ["half.v1"])
    assert len(await again.batch(limit=1000)) + len(await again.batch(limit=1000, wait=0.1)) == KEYS * EACH
    await again.close()
    assert given
