"""The checker reads both logs whole, and says so when there is nothing to read."""

import asyncio
from itertools import count

import pytest

from chassis.bus import Bus
from chassis.bus_kafka import KafkaBus
from chassis.bus_postgres import PostgresBus
from chassis.kafka_address import KafkaAddress
from chassis.topics import Topic
from contracts.envelope import Record
from tests.support.engines import Databases
from tongban_operations.checker.log import LogOutOfReach, open_log

_NUMBERS = count(1)
WRITTEN = 500


@pytest.fixture(params=["postgres", "kafka"])
async def log(request: pytest.FixtureRequest, databases: Databases) -> tuple[Bus, dict[str, str | None]]:
    """A log that is written to, and how the checker is told of it."""
    if request.param == "postgres":
        url = await databases.make("tongban_log")
        return PostgresBus(url), {"bootstrap": None, "log": url}
    server = await asyncio.to_thread(request.getfixturevalue, "kafka")
    return KafkaBus(KafkaAddress(bootstrap=server.bootstrap)), {"bootstrap": server.bootstrap, "log": None}


async def test_every_record_of_every_partition_is_read_once_in_its_order(log: tuple[Bus, dict[str, str | None]]) -> None:
    bus, told = log
    topic = f"checked-{next(_NUMBERS)}.events.v1"
    await bus.start()
    await bus.create([Topic(name=topic, partitions=3, config={})])
    for partition in range(2):
        records = [Record(key=f"k{n % 7}", value=str(n).encode(), headers=(("ce_id", str(n).encode()),)) for n in range(WRITTEN)]
        await bus.append(topic, partition, records)
    await bus.stop()

    async with open_log(bootstrap=told["bootstrap"], log=told["log"], kafka={}) as reading:
        partitions = await reading.partitions(topic)
        found = {each.number: [record async for record in reading.read(each)] for each in partitions}

    assert [(each.number, each.first, each.end) for each in partitions] == [(0, 0, WRITTEN), (1, 0, WRITTEN), (2, 0, 0)]
    assert [len(records) for records in found.values()] == [WRITTEN, WRITTEN, 0]
    assert [(record.offset, record.key, record.value, record.headers["ce_id"]) for record in found[1]] == [
        (n, f"k{n % 7}", str(n).encode(), str(n).encode()) for n in range(WRITTEN)
    ]


async def test_a_topic_that_is_not_there_is_no_empty_one(log: tuple[Bus, dict[str, str | None]]) -> None:
    bus, told = log
    await bus.start()
    await bus.stop()

    async with open_log(bootstrap=told["bootstrap"], log=told["log"], kafka={}) as reading:
        with pytest.raises(LogOutOfReach):
            await reading.partitions("never-made.events.v1")
