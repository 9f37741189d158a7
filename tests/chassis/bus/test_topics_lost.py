"""Topics are deleted under those who read them and made anew: they are read again, from the beginning, without anybody's help."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from threading import Thread
from time import monotonic, sleep

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from chassis.bus import LARGEST_RECORD, BusUnavailable, Following, LogRemade, Received, Subscription, to_the_end
from chassis.bus_kafka import KafkaBus
from chassis.bus_kafka_looks import EVERY
from chassis.bus_postgres import PostgresBus
from chassis.flow import remade_counter
from chassis.kafka_address import KafkaAddress
from chassis.metrics import Metrics
from chassis.topics import Topic
from contracts.envelope import Record
from tests.chassis.bus.line import PATIENCE, append, empty_tables, make_line, topic_of
from tests.chassis.bus.test_follow import Memory, document, following, until_stored
from tongban_local.kafka import KafkaServer
from tongban_local.postgres import PostgresServer
from tongban_operations.events import rewind

UNTIL_NOTICED = 6
"""Times that a member looks in vain, half a second each: by then it knows that the topic is gone."""

ASKED = 60
"""Questions for who leads in that time, of three clients. Resting ever longer they ask some twenty times; without rest it was 23,000."""

BEFORE, AFTER = 3, 8
"""Records of the lost log and of the new one, which is longer: where somebody stood in the one lies amid the other."""


@pytest.fixture
async def bus(kafka: KafkaServer) -> AsyncIterator[KafkaBus]:
    bus = KafkaBus(KafkaAddress(bootstrap=kafka.bootstrap))
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def topic(bus: KafkaBus) -> Topic:
    topic = topic_of(f"lost-{uuid.uuid4().hex[:8]}.events.v1", partitions=2)
    await bus.create([topic])
    return topic


async def test_a_member_hears_again_once_its_topic_is_back(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    member = await bus.subscribe(topic.name, [topic.name])
    await bus.append(topic.name, 0, _records("before", BEFORE))
    await _read(member, BEFORE)
    await member.commit()

    await _delete(kafka, topic)
    for _ in range(UNTIL_NOTICED):
        assert await member.batch() == []
    await _make_again(kafka, topic, _records("again", 1))
    heard = await _read(member, 1)
    await member.close()

    assert heard == ["again 0"]


async def test_who_reads_or_writes_a_topic_that_is_gone_does_not_ask_for_it_without_rest(
    kafka: KafkaServer, bus: KafkaBus, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    member = await bus.subscribe(topic.name, [topic.name])
    reading = await bus.follow(topic.name)
    await bus.append(topic.name, 0, _records("before", BEFORE))
    await _read(member, BEFORE)
    await _delete(kafka, topic)
    writing = asyncio.create_task(bus.append(topic.name, 0, _records("away", 1)))

    # Another program in this process may have switched the library's lines off.
    logging.getLogger("aiokafka").disabled = False
    with caplog.at_level(logging.DEBUG, logger="aiokafka"):
        for _ in range(UNTIL_NOTICED):
            assert await member.batch() == []
    asked = sum(record.getMessage().startswith("Sending metadata request") for record in caplog.records)
    writing.cancel()
    await asyncio.wait({writing})
    await member.close()
    await reading.close()

    assert 0 < asked <= ASKED, asked


async def test_a_member_reads_a_log_from_its_beginning_that_outgrew_the_lost_one(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    member = await bus.subscribe(topic.name, [topic.name])
    await bus.append(topic.name, 0, _records("before", BEFORE))
    await _read(member, BEFORE)
    await member.commit()

    _lose_unseen(kafka, topic, _records("again", AFTER))
    heard = await _read(member, AFTER)
    await member.commit()
    await member.close()

    assert heard == [f"again {n}" for n in range(AFTER)]
    assert await bus.committed(topic.name) == {(topic.name, 0): AFTER}


async def test_a_member_that_stands_just_where_the_new_log_ends_reads_it(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    member = await bus.subscribe(topic.name, [topic.name])
    await bus.append(topic.name, 0, _records("before", BEFORE))
    await _read(member, BEFORE)

    _lose_unseen(kafka, topic, _records("again", BEFORE))
    heard = await _read(member, BEFORE)
    await member.close()

    assert heard == [f"again {n}" for n in range(BEFORE)]


async def test_what_a_group_committed_of_a_lost_log_is_no_place_in_another(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    """A commit on its way when the log is lost arrives when it is back."""
    await _hear(bus, topic, "before", BEFORE)
    committed = await _committed(kafka, topic)

    await _lose(kafka, topic, _records("again", AFTER))
    await _commit(kafka, topic, *committed)
    member = await bus.subscribe(topic.name, [topic.name])
    heard = await _read(member, AFTER)
    await member.close()

    assert heard == [f"again {n}" for n in range(AFTER)]


async def test_an_offset_that_says_nothing_of_its_log_is_taken_as_it_is(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    """As an older version commits, and a person with Kafka's own tools."""
    await bus.append(topic.name, 0, _records("before", BEFORE))
    await _commit(kafka, topic, 2, "")

    member = await bus.subscribe(topic.name, [topic.name])
    heard = await _read(member, BEFORE - 2)
    await member.commit()
    await member.close()
    offset, log = await _committed(kafka, topic)

    assert heard == ["before 2"]
    assert (offset, log != "") == (BEFORE, True)


async def test_a_group_that_was_rewound_goes_on_there_and_still_knows_its_log(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    await bus.append(topic.name, 0, _records("long ago", 2))
    await asyncio.sleep(0.05)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await _hear(bus, topic, "before", BEFORE, behind=2)
    _, log = await _committed(kafka, topic)

    await rewind(KafkaAddress(bootstrap=kafka.bootstrap), group=topic.name, topics=[topic.name], to=between)
    assert await _committed(kafka, topic) == (2, log)
    member = await bus.subscribe(topic.name, [topic.name])
    heard = await _read(member, BEFORE)
    await member.close()

    assert heard == [f"before {n}" for n in range(BEFORE)]


async def test_each_reader_that_finds_another_log_is_counted(kafka: KafkaServer, topic: Topic) -> None:
    metrics = Metrics("toy")
    bus = KafkaBus(KafkaAddress(bootstrap=kafka.bootstrap), remade=remade_counter(metrics))
    await bus.start()
    await bus.append(topic.name, 0, _records("before", BEFORE))
    member, following = await bus.subscribe(topic.name, [topic.name]), await bus.follow(topic.name)
    await _read(member, BEFORE)
    known, calm = following.log, metrics.exposition().decode()

    _lose_unseen(kafka, topic, _records("again", AFTER))
    await _read(member, AFTER)
    heard_of = metrics.exposition().decode()
    await (await bus.follow(topic.name, {(topic.name, 0): BEFORE}, log=known)).close()
    await member.close()
    await following.close()
    await bus.stop()

    assert "bus_logs_remade_total 0.0" in calm
    assert "bus_logs_remade_total 1.0" in heard_of
    assert "bus_logs_remade_total 2.0" in metrics.exposition().decode()


async def test_who_takes_over_reads_the_new_log_from_its_beginning(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    """The first member left without having looked; what it had done of the old log was committed beside the old log's name."""
    first = await bus.subscribe(topic.name, [topic.name])
    await bus.append(topic.name, 0, _records("before", BEFORE))
    await _read(first, BEFORE)
    await _lose(kafka, topic, _records("again", AFTER))
    await first.commit()
    await first.close()

    second = await bus.subscribe(topic.name, [topic.name])
    heard = await _read(second, AFTER)
    await second.close()

    assert heard == [f"again {n}" for n in range(AFTER)]


async def test_who_follows_takes_the_documents_of_the_new_log(kafka: KafkaServer, bus: KafkaBus, line_database: str) -> None:
    """In memory and in the tables, while it runs and from the tables afterwards."""
    await empty_tables(line_database)
    topic = topic_of(f"lost-{uuid.uuid4().hex[:8]}.documents.v1", partitions=1, cleanup_policy="compact")
    await bus.create([topic])
    line = make_line(database_url=line_database, bus=bus, topic=topic.name)
    await append(bus, topic.name, *(document(key, 1) for key in "abc"))
    memory = Memory(bus=bus, database=line.database)

    async with following(memory, topic.name):
        await until_stored(line, dict.fromkeys("abc", 1))
        _lose_unseen(kafka, topic, [document(key, 2) for key in "abcd"])
        await until_stored(line, dict.fromkeys("abcd", 2))
        assert memory.documents == dict.fromkeys("abcd", 2)
    await _lose(kafka, topic, [document(key, 3) for key in "abcde"])
    later = Memory(bus=bus, database=line.database)
    async with following(later, topic.name):
        await until_stored(line, dict.fromkeys("abcde", 3))
        assert later.documents == dict.fromkeys("abcde", 3)
    await line.database.close()


async def test_who_reads_to_the_end_is_told_when_that_was_of_a_lost_log(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    """The new one does not come so far."""
    await bus.append(topic.name, 0, _records("before", AFTER))
    reading = await bus.follow(topic.name)

    _lose_unseen(kafka, topic, _records("again", BEFORE))
    with pytest.raises(LogRemade):
        await _read_to_the_end(reading, patience=PATIENCE)


async def test_the_end_of_a_topic_that_is_gone_is_not_waited_for(kafka: KafkaServer, bus: KafkaBus, topic: Topic) -> None:
    for _ in range(BEFORE):
        # Large: the client reads ahead, and would have all of them.
        await bus.append(topic.name, 0, [Record(key="k", value=bytes(LARGEST_RECORD - 100), headers=())])
    reading = await bus.follow(topic.name)

    await _delete(kafka, topic)
    with pytest.raises(BusUnavailable):
        await _read_to_the_end(reading, patience=1)


async def test_a_postgresql_log_that_was_made_anew_is_another(postgres: PostgresServer) -> None:
    seen: list[str] = []
    metrics = Metrics("toy")
    for remake in (False, False, True):
        if remake:
            await asyncio.to_thread(postgres.drop_database, "lost_log")
        if remake or not seen:
            await asyncio.to_thread(postgres.create_database, "lost_log")
        bus = PostgresBus(postgres.url("lost_log"), remade=remade_counter(metrics))
        await bus.start()
        await bus.create([topic_of("lost.documents.v1", partitions=1)])
        reading = await bus.follow("lost.documents.v1", log=seen[-1] if seen else "")
        seen.append(reading.log)
        await reading.close()
        await bus.stop()
    await asyncio.to_thread(postgres.drop_database, "lost_log")

    first, again, anew = seen
    assert first == again != anew
    assert "bus_logs_remade_total 1.0" in metrics.exposition().decode()


def _records(text: str, count: int) -> list[Record]:
    return [Record(key="k", value=f"{text} {n}".encode(), headers=()) for n in range(count)]


async def _read(member: Subscription, count: int) -> list[str]:
    """So many records; those that come late would be more than there are."""
    found: list[Received] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await member.batch()
    return [(each.value or b"").decode() for each in found]


async def _read_to_the_end(reading: Following, *, patience: float) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            async for _ in to_the_end(reading, patience=patience):
                pass
    finally:
        await reading.close()


async def _hear(bus: KafkaBus, topic: Topic, text: str, count: int, *, behind: int = 0) -> None:
    """A group, named like the topic, that heard what was there and this, and left."""
    await bus.append(topic.name, 0, _records(text, count))
    member = await bus.subscribe(topic.name, [topic.name])
    await _read(member, behind + count)
    await member.commit()
    await member.close()


async def _make_again(kafka: KafkaServer, topic: Topic, records: Sequence[Record]) -> None:
    """Make the topic and fill it, as processes do that begin now."""
    bus = KafkaBus(KafkaAddress(bootstrap=kafka.bootstrap))
    await bus.start()
    await bus.create([topic])
    await bus.append(topic.name, 0, records)
    await bus.stop()


async def _lose(kafka: KafkaServer, topic: Topic, records: Sequence[Record]) -> None:
    await _delete(kafka, topic)
    await _make_again(kafka, topic, records)


def _lose_unseen(kafka: KafkaServer, topic: Topic, records: Sequence[Record]) -> None:
    """Delete the topic, make it again and fill it while this process stands still: nobody here sees it gone, or empty.

    Takes as long as a look holds at least; no system is filled again as fast as a test could.
    """
    began = monotonic()
    elsewhere = Thread(target=lambda: asyncio.run(_lose(kafka, topic, records)))
    elsewhere.start()
    elsewhere.join()
    sleep(max(EVERY - (monotonic() - began), 0))


async def _delete(kafka: KafkaServer, topic: Topic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_topics([topic.name])
    await admin.close()


async def _committed(kafka: KafkaServer, topic: Topic) -> tuple[int, str]:
    """Offset of partition 0 and what stands beside it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    stand = (await admin.list_consumer_group_offsets(topic.name))[TopicPartition(topic.name, 0)]
    await admin.close()
    return stand.offset, stand.metadata


async def _commit(kafka: KafkaServer, topic: Topic, offset: int, log: str) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=topic.name, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(topic.name, 0)])
    await consumer.commit({TopicPartition(topic.name, 0): (offset, log)})
    await consumer.stop()
