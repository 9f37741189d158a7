"""``tongban events rewind``: a group hears again from an instant on, never less than it has not heard, and never while it listens."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from chassis.bus_kafka import KafkaBus
from chassis.kafka_address import KafkaAddress
from tests.chassis.bus.line import append, record, topic_of
from tongban_local.kafka import KafkaServer
from tongban_local.ports import free_port
from tongban_operations.events import rewind
from tongban_operations.terminal import Unable

FIRST, LATER = 5, 3


@pytest.fixture
async def bus(kafka: KafkaServer) -> AsyncIterator[KafkaBus]:
    bus = KafkaBus(KafkaAddress(bootstrap=kafka.bootstrap))
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def topic(bus: KafkaBus) -> str:
    name = f"rewound-{uuid.uuid4().hex[:8]}.v1"
    await bus.create([topic_of(name, partitions=1)])
    return name


async def write(bus: KafkaBus, topic: str, *, first: int, count: int) -> datetime:
    """Append so many records; an instant that lies between those before and these."""
    await asyncio.sleep(0.05)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await append(bus, topic, *(record("k", first + number) for number in range(count)))
    return between


async def hear(bus: KafkaBus, topic: str, *, count: int) -> str:
    """A group that heard so many records, one at a time, and left."""
    group = f"group-{uuid.uuid4().hex[:8]}"
    member = await bus.subscribe(group, [topic])
    heard = 0
    while heard < count:
        heard += len(await member.batch(limit=1))
    await member.commit()
    await member.close()
    return group


async def test_a_group_hears_again_what_came_after_the_instant(bus: KafkaBus, topic: str, kafka: KafkaServer) -> None:
    await write(bus, topic, first=1, count=FIRST)
    between = await write(bus, topic, first=FIRST + 1, count=LATER)
    group = await hear(bus, topic, count=FIRST + LATER)

    back = await rewind(KafkaAddress(bootstrap=kafka.bootstrap), group=group, topics=[topic], to=between)

    assert back == LATER
    assert await bus.committed(group) == {(topic, 0): FIRST}


async def test_a_group_never_skips_what_it_has_not_heard(bus: KafkaBus, topic: str, kafka: KafkaServer) -> None:
    await write(bus, topic, first=1, count=FIRST)
    between = await write(bus, topic, first=FIRST + 1, count=LATER)
    group = await hear(bus, topic, count=2)
    address = KafkaAddress(bootstrap=kafka.bootstrap)

    at_a_later_place = await rewind(address, group=group, topics=[topic], to=between)
    where_nothing_came_since = await rewind(address, group=group, topics=[topic], to=datetime.now(UTC) + timedelta(hours=1))

    assert (at_a_later_place, where_nothing_came_since) == (0, 0)
    assert await bus.committed(group) == {(topic, 0): 2}


async def test_a_group_that_listens_is_left_alone(bus: KafkaBus, topic: str, kafka: KafkaServer) -> None:
    began = await write(bus, topic, first=1, count=FIRST)
    group = await hear(bus, topic, count=FIRST)
    member = await bus.subscribe(group, [topic])
    await member.batch()

    with pytest.raises(Unable, match="stop the service first"):
        await rewind(KafkaAddress(bootstrap=kafka.bootstrap), group=group, topics=[topic], to=began)

    await member.close()
    assert await bus.committed(group) == {(topic, 0): FIRST}


async def test_a_topic_or_a_kafka_that_is_not_there_is_said_in_a_line(kafka: KafkaServer) -> None:
    now = datetime.now(UTC)

    with pytest.raises(Unable, match="nothing was changed"):
        await rewind(KafkaAddress(bootstrap=kafka.bootstrap), group="nobody", topics=["nothing.v1"], to=now)
    with pytest.raises(Unable, match="nothing was changed"):
        await rewind(KafkaAddress(bootstrap=f"127.0.0.1:{free_port()}"), group="nobody", topics=[], to=now)
