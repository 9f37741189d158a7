"""Reading a whole Kafka topic, by nobody's leave and without a group."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.bus import Offsets, Place, Received
from chassis.bus_kafka_brokers import reaching, received, stop

_FOLLOWED_RARELY = 5_000
"""Milliseconds a broker keeps the question of who follows a topic on which nothing happens."""


class KafkaFollowing:
    """A reading of a whole Kafka topic."""

    def __init__(self, options: Mapping[str, Any], *, places: Sequence[Place]) -> None:
        self._partitions = [TopicPartition(*place) for place in places]
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # The broker answers at once when something comes; until then it holds the question, and idle readers cost nothing.
            fetch_max_wait_ms=_FOLLOWED_RARELY,
        )
        self._ends: dict[Place, int] = {}
        self._offsets: dict[Place, int] = {}

    async def begin(self, offsets: Offsets) -> None:
        """Find the ends and stand at the offsets."""
        with reaching():
            try:
                await self._consumer.start()
                self._consumer.assign(self._partitions)
                ends = await self._consumer.end_offsets(self._partitions)
                starts = await self._consumer.beginning_offsets(self._partitions)
            except BaseException:
                await self._consumer.stop()
                raise
        for partition in self._partitions:
            place = (partition.topic, partition.partition)
            # The broker may have removed what stood there, and a log that was made anew may end before it.
            start = min(max(offsets.get(place, 0), starts[partition]), ends[partition])
            self._consumer.seek(partition, start)
            self._ends[place], self._offsets[place] = ends[partition], start

    @property
    def ends(self) -> Offsets:
        """Where the topic ended when the reading began."""
        return self._ends

    @property
    def offsets(self) -> Offsets:
        """The next offsets."""
        return self._offsets

    async def batch(self, *, limit: int = 500, wait: float = 0.5) -> list[Received]:
        """The next records."""
        with reaching():
            found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=limit)
            for partition in self._partitions:
                self._offsets[partition.topic, partition.partition] = await self._consumer.position(partition)
        return [received(message) for messages in found.values() for message in messages]

    async def close(self) -> None:
        """Stop reading."""
        await stop(self._consumer)
