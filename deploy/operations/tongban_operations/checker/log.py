"""The log as it stands, partition by partition: Kafka by a plain consumer, or the tables of the PostgreSQL log."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tongban_operations.checker.database import Snapshot, look_into

_FETCH = 8 * 1024 * 1024
"""Bytes taken of a partition at a time: small ones make a million records a million round trips."""

_PATIENCE = 30.0
"""Seconds without a record, before the end, after which the log counts as out of reach."""


_T = TypeVar("_T")


class LogOutOfReach(OSError):
    """The log gives no answer, or has lost what it said it has."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One record."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Mapping[str, bytes]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition as it stood when the reading began."""

    topic: str
    number: int
    first: int
    """Offset of the oldest record that is still kept; above 0 when older ones were removed for their age."""
    end: int
    """The next offset to be written."""


class Log(Protocol):
    """Reads topics whole."""

    async def partitions(self, topic: str) -> list[Partition]:
        """The partitions of a topic.

        Raises:
            LogOutOfReach: There is no such topic.
        """

    def read(self, partition: Partition) -> AsyncIterator[Logged]:
        """Every record of a partition from its first to its end."""


@asynccontextmanager
async def open_log(*, bootstrap: str | None, log: str | None, kafka: Mapping[str, Any]) -> AsyncIterator[Log]:
    """Open the one that is named; ``kafka`` are further keywords of the consumer.

    Raises:
        ValueError: Both are named, or neither.
        OSError: It cannot be reached.
    """
    if bool(bootstrap) == bool(log):
        raise ValueError("name either Kafka or the PostgreSQL log")
    if log:
        async with look_into(log) as snapshot:
            yield PostgresLog(snapshot)
        return
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **kafka)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        **kafka,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=_FETCH,
    )
    try:
        await admin.start()
        topics = await admin.describe_topics()
        await consumer.start()
        # Stopped before its tasks ran for the first time, a consumer raises their cancellation as if it were ours.
        await asyncio.sleep(0)
        yield KafkaLog(consumer, {each["topic"]: [one["partition"] for one in each["partitions"]] for each in topics})
    except KafkaError as error:
        raise LogOutOfReach(f"Kafka: {type(error).__name__}") from error
    finally:
        await consumer.stop()
        await admin.close()


class KafkaLog:
    """Kafka, read without a group: nobody's offsets move."""

    def __init__(self, consumer: AIOKafkaConsumer, topics: Mapping[str, Sequence[int]]) -> None:
        self._consumer = consumer
        self._topics = topics

    async def partitions(self, topic: str) -> list[Partition]:
        """The partitions of a topic."""
        places = [TopicPartition(topic, number) for number in sorted(_known(self._topics, topic))]
        firsts = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        return [Partition(topic, place.partition, firsts[place], ends[place]) for place in places]

    async def read(self, partition: Partition) -> AsyncIterator[Logged]:
        """Every record of a partition."""
        place = TopicPartition(partition.topic, partition.number)
        self._consumer.assign([place])
        self._consumer.seek(place, partition.first)
        position = partition.first
        while position < partition.end:
            found = await self._consumer.getmany(place, timeout_ms=int(_PATIENCE * 1000))
            if not found:
                raise LogOutOfReach(f"{partition.topic}/{partition.number}: nothing after offset {position} of {partition.end}")
            for message in found[place]:
                key = (message.key or b"").decode(errors="replace")
                yield Logged(message.topic, message.partition, message.offset, key, dict(message.headers), message.value)
            position = await self._consumer.position(place)


_ENDS = """select p.partition, p.next_offset, coalesce(min(l."offset"), p.next_offset) as first
    from partitions p left join log l using (topic, partition) where topic = '{topic}' group by p.partition, p.next_offset order by 1"""
_RECORDS = """select "offset", key, headers, value from log where topic = '{topic}' and partition = {number} order by "offset" """


class PostgresLog:
    """The log in PostgreSQL's tables, as of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def partitions(self, topic: str) -> list[Partition]:
        """The partitions of a topic."""
        try:
            rows = await self._snapshot.rows(_ENDS.format(topic=topic))
        except asyncpg.UndefinedTableError as error:
            raise LogOutOfReach("this database holds no log") from error
        return _known({topic: [Partition(topic, row["partition"], row["first"], row["next_offset"]) for row in rows]}, topic)

    async def read(self, partition: Partition) -> AsyncIterator[Logged]:
        """Every record of a partition."""
        async for row in self._snapshot.stream(_RECORDS.format(topic=partition.topic, number=partition.number)):
            headers = {name: text.encode("latin-1") for name, text in json.loads(row["headers"])}
            yield Logged(partition.topic, partition.number, row["offset"], row["key"], headers, row["value"])


def _known(topics: Mapping[str, Sequence[_T]], topic: str) -> list[_T]:
    """What there is of a topic; a topic that is not there would look like one that lost everything, or like one that never had anything."""
    found = list(topics.get(topic, ()))
    if not found:
        raise LogOutOfReach(f"there is no topic {topic}")
    return found
