"""The log on Apache Kafka: every real deployment.

The producer is idempotent and waits for all copies in sync; a batch that the broker does not acknowledge is sent again with the same
sequence number for as long as it takes. Nothing else of aiokafka is used anywhere but in the modules beside this one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError

from chassis.bus import LARGEST_RECORD, BusUnavailable, Offsets, RecordTooLarge, UnknownTopic, partition_of, unnoticed, weigh
from chassis.bus_kafka_brokers import Brokers, reaching, stop, unhurried
from chassis.bus_kafka_following import KafkaFollowing
from chassis.bus_kafka_member import KafkaMember
from chassis.kafka_address import KafkaAddress
from chassis.logs import get_logger
from chassis.topics import Topic
from contracts.envelope import Record

SESSION = 10.0
"""Seconds after which a silent member's partitions go to others."""

_LARGEST_BATCH = LARGEST_RECORD + 50_000

_log = get_logger()

for _noisy in ("aiokafka", "aiokafka.conn", "aiokafka.consumer", "aiokafka.consumer.group_coordinator", "aiokafka.producer.sender"):
    # It tells of every metadata refresh after a topic was made, and retries by itself; what matters is raised to us.
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)


class KafkaBus:
    """Kafka as a `chassis.bus.Bus`."""

    def __init__(self, address: KafkaAddress, *, session: float = SESSION, remade: Callable[[], None] = unnoticed) -> None:
        """Prepare; nothing connects yet.

        Args:
            address: Where and as whom.
            session: Seconds after which a silent member's partitions go to others; the broker sets bounds.
            remade: Called whenever a reader finds another log under it and goes back to its beginning.
        """
        self._options = address.options()
        self._session = session
        self._remade = remade
        self._producer: AIOKafkaProducer | None = None
        self._given_up: asyncio.Future[None]
        self._producing = asyncio.Lock()
        self._started = False
        self._partitions: dict[str, int] = {}
        self._brokers = Brokers(self._options)
        # Apart from the above: whoever watches may wait long for brokers that are away, who reads may not wait behind.
        self._looking = Brokers(self._options)

    async def start(self) -> None:
        """Connect."""
        async with self._producing:
            self._producer = await self._make_producer()
            self._started = True

    async def stop(self) -> None:
        """Disconnect."""
        async with self._producing:
            self._started = False
            producer, self._producer = self._producer, None
            await stop(producer)
        await self._brokers.stop()
        await self._looking.stop()

    async def ping(self) -> None:
        """Ask a broker for an answer."""
        with reaching():
            async with asyncio.timeout(1):
                await (await self._ready()).client.fetch_all_metadata()

    async def create(self, topics: Sequence[Topic]) -> None:
        """Make the topics that are not there yet and wait until each partition has a leader that answers."""
        admin = AIOKafkaAdminClient(**self._options)
        wanted = [
            # The number of copies is the cluster's; aiokafka takes that only beside an empty assignment.
            NewTopic(topic.name, topic.partitions, -1, replica_assignments={}, topic_configs=dict(topic.config))
            for topic in topics
        ]
        with reaching():
            try:
                await admin.start()
                answer = await admin.create_topics(wanted)
                for name, code, *_ in answer.topic_errors:
                    if code not in {0, TopicAlreadyExistsError.errno}:
                        raise BusUnavailable(facts={"topic": name, "code": code})
            finally:
                await admin.close()
        for topic in topics:
            await self._wait_for_leaders(topic)

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        if topic not in self._partitions:
            producer = await self._ready()
            with reaching():
                # Asking the client for one unknown topic would wait for it to appear.
                metadata = await producer.client.fetch_all_metadata()
            found = metadata.partitions_for_topic(topic)
            if not found:
                raise UnknownTopic(topic)
            self._partitions[topic] = len(found)
        return self._partitions[topic]

    async def partition(self, topic: str, key: str) -> int:
        """The partition of a key."""
        return partition_of(key, await self.partitions(topic))

    async def ends(self, topics: Collection[str]) -> Offsets:
        """Where topics end."""
        return await self._brokers.ends([(topic, n) for topic in topics for n in range(await self.partitions(topic))])

    async def committed(self, group: str) -> Offsets:
        """How far a group is."""
        return await self._brokers.committed(group)

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        """Write records, one unacknowledged batch after the other."""
        if partition >= await self.partitions(topic):
            raise UnknownTopic(f"{topic}/{partition}")
        waiting = list(records)
        for record in waiting:
            weigh(record)
        while waiting:
            producer = await self._ready()
            given_up = self._given_up
            batch = producer.create_batch()
            taken = 0
            for record in waiting:
                key, value, headers = record.key.encode(), record.value, list(record.headers)
                if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    break
                taken += 1
            batch.close()
            sending = asyncio.create_task(_deliver(producer, batch, topic=topic, partition=partition), name="send a batch")
            try:
                # A producer that is let go, because a batch for another place failed, may never answer for this one.
                await asyncio.wait({sending, given_up}, return_when=asyncio.FIRST_COMPLETED)
                if not sending.done():
                    raise BusUnavailable(retry_after=1)
                sending.result()
            except MessageSizeTooLargeError as error:
                raise RecordTooLarge(f"{taken} records for {topic}/{partition}") from error
            except (KafkaError, OSError) as error:
                await self._renew(producer)
                raise BusUnavailable(retry_after=1) from error
            finally:
                sending.cancel()
            del waiting[:taken]

    async def subscribe(self, group: str, topics: Sequence[str]) -> KafkaMember:
        """Join a group."""
        for topic in topics:
            await self.partitions(topic)
        member = KafkaMember(self._options, brokers=self._looking, group=group, topics=topics, session=self._session, remade=self._remade)
        await member.join()
        return member

    async def follow(self, topic: str, offsets: Offsets | None = None, *, log: str = "") -> KafkaFollowing:
        """Read a whole topic."""
        count = await self.partitions(topic)
        following = KafkaFollowing(self._options, brokers=self._looking, topic=topic, partitions=count, remade=self._remade)
        await following.begin(offsets or {}, log=log)
        return following

    async def _ready(self) -> AIOKafkaProducer:
        if not self._started:
            raise BusUnavailable(retry_after=1)
        async with self._producing:
            if self._producer is None:
                self._producer = await self._make_producer()
            return self._producer

    async def _renew(self, failed: AIOKafkaProducer) -> None:
        """Give up a producer whose batch failed: its next sequence number would leave a gap that the broker refuses."""
        async with self._producing:
            if self._producer is failed:
                self._producer = None
                await stop(failed)
                self._given_up.set_result(None)

    async def _make_producer(self) -> AIOKafkaProducer:
        producer = unhurried(
            AIOKafkaProducer(
                **self._options,
                enable_idempotence=True,
                acks="all",
                max_batch_size=_LARGEST_BATCH,
                max_request_size=_LARGEST_BATCH,
                request_timeout_ms=10_000,
            )
        )
        with reaching():
            try:
                await producer.start()
            except BaseException:
                await stop(producer)
                raise
        self._given_up = asyncio.get_running_loop().create_future()
        return producer

    async def _wait_for_leaders(self, topic: Topic) -> None:
        places = [TopicPartition(topic.name, n) for n in range(topic.partitions)]
        consumer = AIOKafkaConsumer(**self._options, group_id=None, enable_auto_commit=False)
        with reaching():
            try:
                await consumer.start()
                consumer.assign(places)
                while True:
                    with contextlib.suppress(KafkaError):
                        # A leader that tells its end takes records too; a record to find out would stay for ever.
                        if len(await consumer.end_offsets(places)) == len(places):
                            return
                    await asyncio.sleep(0.05)
            finally:
                await consumer.stop()


async def _deliver(producer: AIOKafkaProducer, batch: Any, *, topic: str, partition: int) -> None:
    acknowledged = await producer.send_batch(batch, topic, partition=partition)
    await acknowledged
