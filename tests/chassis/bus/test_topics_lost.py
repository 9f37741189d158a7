"""Topics are deleted under those who hear them and made anew: they hear again, from the beginning, without anybody's help."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from chassis.bus_kafka import KafkaBus, KafkaMember
from chassis.kafka_address import KafkaAddress
from contracts.envelope import Record
from tests.chassis.bus.line import PATIENCE, topic_of
from tongban_local.kafka import KafkaServer

TOPIC = topic_of("lost.events.v1", partitions=2)
UNTIL_NOTICED = 6
"""Times that a member looks in vain, half a second each: by then it knows that the topic is gone."""


async def test_a_member_hears_again_once_its_topic_is_back(kafka: KafkaServer) -> None:
    bus = KafkaBus(KafkaAddress(bootstrap=kafka.bootstrap))
    await bus.start()
    await bus.create([TOPIC])
    member = await bus.subscribe("loser", [TOPIC.name])
    await bus.append(TOPIC.name, 0, [_record("before")] * 3)
    assert await _next(member) == "before"
    await member.commit()

    await _delete(kafka)
    for _ in range(UNTIL_NOTICED):
        assert await member.batch() == []
    after = KafkaBus(KafkaAddress(bootstrap=kafka.bootstrap))
    await after.start()
    await after.create([TOPIC])
    await after.append(TOPIC.name, 0, [_record("again")])
    heard = await _next(member)
    await member.close()
    await bus.stop()
    await after.stop()

    assert heard == "again"


def _record(text: str) -> Record:
    return Record(key="k", value=text.encode(), headers=())


async def _next(member: KafkaMember) -> str:
    async with asyncio.timeout(PATIENCE):
        while True:
            batch = await member.batch()
            if batch:
                return (batch[0].value or b"").decode()


async def _delete(kafka: KafkaServer) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_topics([TOPIC.name])
    await admin.close()
